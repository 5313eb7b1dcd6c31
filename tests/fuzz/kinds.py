"""The kinds of bad input: how each is made, and what must hold when a command meets it."""

import json
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import strategies as st

from runner.io.providers.openai.bodies import said
from runner.io.providers.openai.retry import classify, delay
from runner.io.providers.openai.stream import Stream
from runner.io.providers.openai.waits import go_duration, named_wait, reset_wait
from tests.fuzz import answers, configs, hostile
from tests.fuzz.answers import Server, misbehaving
from tests.fuzz.expressions import texts
from tests.fuzz.odd import as_json, damaged, foreign_values, json_values, mutated, tree_of
from tests.fuzz.sample import project, terraform
from tests.fuzz.trying import BrokenError, Folder, fault_of, in_time
from tests.harness.endless import EXPRESSIONS, TEXTS, VALUES

ENV = {"OPENAI_API_KEY": "sk-not-a-key", "RUNNER_LOG_LEVEL": "error", "HOME": "/nonexistent"}


@dataclass(frozen=True, slots=True)
class Bench:
    """Where inputs are tried. `applied` is the sound project after its apply, `plan` a saved plan
    of it before.
    """

    folder: Folder
    server: Server
    applied: dict[str, bytes]
    plan: bytes


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of input; `attempt` raises BrokenError. `quick` are tried in every test run."""

    name: str
    quick: int
    inputs: st.SearchStrategy[Any]
    attempt: Callable[[Bench, Any], None]


@contextmanager
def bench() -> Iterator[Bench]:
    """A folder and a server, with the sound project planned and applied once."""
    with misbehaving() as server, tempfile.TemporaryDirectory(prefix="fuzz-") as directory:
        folder = Folder(Path(directory) / "project")
        folder.fill(project(server.url))
        saved = Path(directory) / "saved.plan"
        assert folder.reads("plan", f"--out={saved}", env=ENV).status == 0
        applied = folder.run("apply", "--auto-approve", env=ENV)
        assert applied.status == 0, applied
        yield Bench(folder, server, folder.listing(), saved.read_bytes())


def _configuration(bench: Bench, files: configs.Files) -> None:
    """Nothing is written or sent for a configuration that is refused."""
    here = bench.server.url.encode()
    main = files["configs/main.toml"].replace(configs.URL.encode(), here)
    bench.folder.fill({**files, "configs/main.toml": main})
    checked = bench.folder.reads("validate", env=ENV)
    told = bench.folder.reads("plan", "--full", env=ENV)
    if checked.status == 1 and told.status == 0:
        raise BrokenError("plan takes what validate refuses", checked.err)
    if len(main) % 4 == 0:
        for verb in (("validate", "--json"), ("plan", "--json"), ("graph",)):
            out = bench.folder.reads(*verb, env=ENV).out
            if "--json" in verb:
                _lines_are_json(out, whole=verb[0] == "validate")
    if checked.status == 1:
        refused = bench.folder.reads("apply", "--auto-approve", env=ENV)
        if refused.status != 1:
            raise BrokenError("apply takes what validate refuses", checked.err)
    elif here in main:  # and nobody else is asked
        bench.server.script = []
        bench.folder.run("apply", "--auto-approve", env=ENV)
        bench.folder.reads("plan", env=ENV)
        bench.folder.reads("output", "--json", env=ENV)


def _lines_are_json(out: str, *, whole: bool) -> None:
    for text in [out] if whole else out.removesuffix("\n").split("\n"):
        try:
            json.loads(text)
        except ValueError as exc:
            raise BrokenError("--json prints what is not JSON", text[:2000]) from exc


def _formatting(bench: Bench, files: configs.Files) -> None:
    bench.folder.fill(files)
    bench.folder.run("fmt", env=ENV)


def _variables(bench: Bench, given: tuple[configs.Files, list[str], dict[str, str]]) -> None:
    files, flags, env = given
    bench.folder.fill(files)
    bench.folder.reads("plan", *flags, env={**ENV, **env})
    bench.folder.reads("output", "hidden", *flags, env={**ENV, **env})


def _reading(bench: Bench, files: configs.Files) -> None:
    bench.folder.fill(files)
    bench.folder.reads("plan", env=ENV)


def _state(bench: Bench, data: bytes) -> None:
    """A state that cannot be read is left as it is; one that can leads to a whole one."""
    bench.folder.fill({**bench.applied, "state/state.json": data})
    for verb in (
        ("state", "pull"),
        ("plan", "--destroy"),
        ("output",),
        ("output", "--json"),
        ("workspace", "list"),
        ("cache", "info"),
        ("force-unlock",),
        ("plan",),
        ("plan", "--full", "--var=topic=elsewhere"),
        ("show",),
        ("show", "--json"),
        ("show", "completion.a"),
        ("state", "list"),
        ("state", "show", "completion.b"),
        ("output", "hidden"),
        ("graph",),
        ("validate",),
    ):
        bench.folder.reads(*verb, env=ENV)
    kept = bench.folder.listing()["state/state.json"]
    told = bench.folder.run("apply", "--auto-approve", env=ENV)
    now = bench.folder.listing()
    if told.status == 1 and "Changes" not in told.out and now["state/state.json"] != kept:
        raise BrokenError("apply replaced a state that it could not read", told.err)
    if bench.folder.reads("show", "--json", env=ENV).status and told.status == 0:
        raise BrokenError("apply left a state that cannot be read", told.out[-500:])


def _pushed(bench: Bench, data: bytes) -> None:
    """What is pushed becomes the state, whole, or nothing changes."""
    bench.folder.fill({**bench.applied, "theirs.json": data})
    path = str(bench.folder.path / "theirs.json")
    before = bench.folder.listing()
    for flags in ((), ("--force",)):
        told = bench.folder.run("state", "push", path, *flags, env=ENV)
        if told.status and bench.folder.listing() != before:
            raise BrokenError("a refused push wrote something", told.err)
    if bench.folder.reads("state", "pull", env=ENV).status:
        raise BrokenError("push left a state that cannot be read", told.out[-500:])


def _converted(bench: Bench, data: bytes) -> None:
    """Terraform's files are read and never written; what comes of them is TOML."""
    bench.folder.fill({"main.tf": data})
    told = bench.folder.reads("convert", str(bench.folder.path / "main.tf"), env=ENV)
    try:
        tomllib.loads(told.out)
    except ValueError as exc:
        raise BrokenError("convert prints what is not TOML", f"{exc}\n{told.out}") from exc


def _dotenv(bench: Bench, data: bytes) -> None:
    bench.folder.fill({**bench.applied, ".env": data})
    for verb in (("plan",), ("validate", "--json"), ("output", "first"), ("cache", "info")):
        bench.folder.reads(*verb, env=ENV)


def _outputs(bench: Bench, data: bytes) -> None:
    bench.folder.fill({**bench.applied, "state/outputs.json": data})
    verbs = (
        ("output",),
        ("output", "--json"),
        ("output", "first"),
        ("output", "--raw", "first"),
        ("output", 'all["said"]'),
        ("output", "all[0][1]["),
        ("output", "--json", "all[-1]"),
        ("plan",),
    )
    for verb in verbs:
        bench.folder.reads(*verb, env=ENV)
    told = bench.folder.run("apply", "--auto-approve", env=ENV)
    if told.status == 0 and bench.folder.reads("output", "--json", env=ENV).status:
        raise BrokenError("apply left outputs that cannot be read", told.out[-500:])


def _plan_file(bench: Bench, data: bytes) -> None:
    bench.folder.fill({**project(bench.server.url), "saved.plan": data})
    path = str(bench.folder.path / "saved.plan")
    bench.folder.reads("show", path, env=ENV)
    bench.folder.reads("show", "--json", path, env=ENV)
    told = bench.folder.run("apply", path, env=ENV)
    if told.status and bench.folder.path.joinpath("state/state.json").exists():
        raise BrokenError("apply carried out a plan that it refused", told.err)


def _cache(bench: Bench, damage: dict[str, bytes]) -> None:
    """The cache is a convenience: whatever became of it, the state and its answers stay."""
    files = {
        name: data for name, data in bench.applied.items() if not name.endswith(("-shm", "-wal"))
    }
    bench.folder.fill({**files, **damage})
    told = bench.folder.run("plan", env=ENV)
    applied = bench.folder.run("apply", "--auto-approve", "--replace", "completion.a", env=ENV)
    for ended in (told, applied):
        if ended.status and "runner cache clear" not in ended.err:
            raise BrokenError("a damaged cache, and no way on is told", ended.err)
    for verb in (
        ("cache", "info"),
        ("cache", "prune", "--auto-approve"),
        ("cache", "clear", "--auto-approve"),
        ("plan",),
    ):
        ended = bench.folder.run(*verb, env=ENV)
    if ended.status or bench.folder.listing()["state/state.json"] == b"":
        raise BrokenError("a cleared cache, and no plan", ended.err)


def _hostile(bench: Bench, made: hostile.Repository) -> None:
    """Nothing leads out of the folder, whatever a clone of it holds."""
    blocks = {"configs/outputs.toml": made.blocks.encode()} if made.files else {}
    bench.folder.fill({**bench.applied, **blocks})
    outside = hostile.plant(bench.folder, made)
    bench.server.script = []
    for verb in (
        ("plan",),
        ("apply", "--auto-approve"),
        ("output",),
        ("show",),
        ("fmt",),
        ("workspace", "list"),
        ("workspace", "new", "dev"),
        ("--workspace", "dev", "apply", "--auto-approve"),
        ("state", "rm", "completion.a"),
        ("cache", "prune", "--auto-approve"),
    ):
        told = bench.folder.run(*verb, env=ENV)
        hostile.check(bench.folder, outside, told.out + told.err)


_ENDLESS: tuple[dict[str, Any], ...] = (
    *({"last": f"{{{{ {text} }}}}"} for text in EXPRESSIONS),
    *({"last": text} for text in TEXTS),
    *VALUES,
)


def _endless(bench: Bench, values: dict[str, Any]) -> None:
    """A template that would never end is refused at its place, wherever its value goes."""
    last = f"{{{{ local.{list(values)[-1]} }}}}"
    tables = {
        "variable": {"x": {"type": "string", "default": "v"}},
        "locals": values,
        "output": {"all": {"value": last}},
        "completion": {
            "c": {"model": "m", "messages": [{"role": "user", "content": f"say {last}"}]}
        },
    }
    page = b"{% for i in range(1000000) %}{{ 'a' * 1000 }}{% endfor %}"
    files = {"configs/page.txt": page, "configs/note.txt": b"A note."}
    bench.folder.fill({"configs/main.toml": tomli_w.dumps(tables).encode(), **files})
    told = bench.folder.reads("plan", env=ENV)
    if told.status == 1 and "configs/main.toml" not in told.err:
        raise BrokenError("a hostile template, and no place is told", told.err)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a server sends, and what is done with it."""

    script: list[bytes]
    tables: dict[str, Any]


_ANSWERED: dict[str, Any] = {
    "provider": {"openai": {"max_retries": 0, "timeout": 3, "defaults": {"model": "gpt-4o"}}},
    "completion": {
        "a": {"messages": [{"role": "user", "content": "hi"}]},
        "b": {"messages": [{"role": "user", "content": "{{ completion.a.content }}"}]},
    },
    "output": {
        "said": {"value": "{{ completion.a.content }}", "file": "out/said.txt"},
        "more": {"value": "{{ completion.a.json }}"},
    },
}
_OF_ANSWERS = st.sampled_from(
    (
        *(
            "{{ completion.a }}",
            "{{ completion.a.json }}",
            "{{ completion.a.response }}",
            "{{ self }}",
        ),
        *(
            "{{ completion.a.choices }}",
            "{{ completion.a.usage }}",
            "{{ completion.a.tool_calls }}",
        ),
        *(
            "{{ completion.a.json.x }}",
            "{{ completion.a.content | length }}",
            "{{ completion.a.id }}",
        ),
        *("{{ completion.a.choices[0].message.content }}", "{{ completion.a.json | tojson }}"),
        *(
            "{{ completion.a.usage.total_tokens }}",
            "{% for k in completion.a %}{{ k }}{% endfor %}",
        ),
        *(
            "{{ completion.a.created + 1 }}",
            "{{ completion.a.response | tojson }}",
            "{{ local.x }}",
        ),
        *("{{ completion.a.logprobs or 'none' }}", "{{ completion.a.json is mapping }}"),
    )
)
_SCHEMA = {"type": "object", "required": ["x"], "properties": {"x": {"type": "array"}}}
_FORMAT = {"type": "json_schema", "json_schema": {"name": "n", "schema": _SCHEMA}}


@st.composite
def _asked(draw: st.DrawFn) -> _Asked:
    held = json.loads(json.dumps(_ANSWERED))
    first, second = held["completion"]["a"], held["completion"]["b"]
    if draw(st.integers(0, 2)) == 0:
        first["stream"] = True
    if draw(st.integers(0, 2)) == 0:
        first["response_format"] = _FORMAT
    if draw(st.integers(0, 2)) == 0:
        first["n"] = 2
    if draw(st.integers(0, 2)) == 0:
        held["provider"]["openai"]["tokens_per_minute"] = 10**9
    some = _OF_ANSWERS | texts
    if draw(st.booleans()):
        rule = {
            "condition": draw(_OF_ANSWERS).replace("completion.a", "self"),
            "error_message": "{{ self.id }}",
        }
        first["lifecycle"] = {"postcondition": [rule]}
    match draw(st.sampled_from(("content", "for_each", "count", "enabled", "tools", "messages"))):
        case "for_each":
            second["for_each"] = draw(_OF_ANSWERS)
        case "count":
            second["count"] = draw(_OF_ANSWERS)
        case "enabled":
            second["enabled"] = draw(some)
        case "tools":
            second["metadata"] = draw(_OF_ANSWERS)
        case "messages":
            second["messages"] = draw(_OF_ANSWERS)
        case _:
            second["messages"][0]["content"] = draw(some)
    held["output"]["more"]["value"] = draw(_OF_ANSWERS)
    return _Asked(draw(st.lists(answers.responses(), min_size=1, max_size=3)), held)


def _responses(bench: Bench, asked: _Asked) -> None:
    """Whatever came is kept, and every verb can live with it."""
    _serve(bench, asked)
    env = {**ENV, "OPENAI_BASE_URL": bench.server.url}
    bench.folder.run("apply", "--auto-approve", env=env)
    for verb in (("plan",), ("show", "--json"), ("show", "completion.a"), ("output",), ("show",)):
        bench.folder.reads(*verb, env=env)
    bench.server.script = []
    bench.folder.run("apply", "--auto-approve", "--json", env=env)
    bench.folder.reads("plan", "--json", env=env)


def _serve(bench: Bench, asked: _Asked) -> None:
    bench.folder.fill({"configs/main.toml": tomli_w.dumps(asked.tables).encode()})
    bench.server.script = list(asked.script)


_STORED: dict[str, Any] = {
    "provider": {"openai": {"max_retries": 0, "timeout": 3}},
    "data": {
        "chat_completion": {"one": {"completion_id": "chatcmpl-1"}},
        "chat_completions": {"all": {"limit": 2}},
        "chat_completion_messages": {"said": {"completion_id": "chatcmpl-1"}},
    },
    "output": {
        "one": {"value": "{{ data.chat_completion.one.content }}"},
        "all": {"value": "{{ data.chat_completions.all.ids }}"},
        "said": {"value": "{{ data.chat_completion_messages.said.messages }}"},
    },
}


@st.composite
def _looked_up(draw: st.DrawFn) -> _Asked:
    held = json.loads(json.dumps(_STORED))
    if draw(st.integers(0, 2)) == 0:
        held["import"] = [{"to": "completion.c", "id": "chatcmpl-1"}]
        held["completion"] = {
            "c": {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}
        }
    content = answers.lists | answers.bodies
    return _Asked(draw(st.lists(answers.responses(content), min_size=1, max_size=4)), held)


def _stored(bench: Bench, asked: _Asked) -> None:
    env = {**ENV, "OPENAI_BASE_URL": bench.server.url}
    _serve(bench, asked)
    bench.folder.reads("plan", env=env)
    bench.server.script = list(asked.script)
    bench.folder.run("apply", "--auto-approve", env=env)
    bench.server.script = []
    for verb in (("plan",), ("show", "--json"), ("show",), ("output",)):
        bench.folder.reads(*verb, env=env)


def _headers(_: Bench, given: tuple[dict[str, str], int, bytes]) -> None:
    """Every wait is a finite number above zero, or none."""
    headers, status, body = given
    held = {name.lower(): value for name, value in headers.items()}
    with _whole("headers"):
        verdict = classify(said(status, body), held, 1.7e9)
        durations = [go_duration(value) for value in held.values()]
        waits = (
            verdict.wait,
            named_wait(held, 1.7e9),
            reset_wait(held),
            delay(3, lambda: 0.5, verdict.wait),
        )
    for wait in (*waits, *durations):
        if wait is not None and not 0 <= wait < float("inf"):
            raise BrokenError("a wait that never ends", f"{wait} from {held}")


def _stream(_: Bench, given: tuple[bytes, int, int]) -> None:
    """A stream says the same however it is cut into pieces."""
    data, size, choices = given
    ends, told = [], list[str]()
    for step in (size, len(data) + 1):
        with _whole("stream"):
            stream = Stream(choices, on_text=lambda text, _: told.append(text))
            for start in range(0, len(data), step):
                stream.feed(data[start : start + step])
            end = stream.finish()
            ends.append(end.text if hasattr(end, "text") else repr(end))
    if ends[0] != ends[1]:
        raise BrokenError("a stream that hangs on how it is cut", f"{ends}")


@contextmanager
def _whole(what: str) -> Iterator[None]:
    with in_time(what):
        try:
            yield
        except Exception as exc:
            raise fault_of(what, exc) from exc


def kinds(held: Bench) -> tuple[Kind, ...]:
    """Every kind, the files of the sound project being what it damages."""
    state, made = held.applied["state/state.json"], held.applied["state/outputs.json"]
    lines = state.replace(b'"records":[', b'"records":[\n')
    pushed = damaged(state, lines) | mutated(tree_of(state), foreign_values).map(as_json)
    database = held.applied["state/cache/cache.db"]
    changed = st.dictionaries(
        st.sampled_from(("state/cache/cache.db", "state/cache/cache.db-wal", "state/cache/x.val")),
        damaged(database, database[:4096], b"") | _overwritten(database),
        min_size=1,
        max_size=2,
    )
    header_cases = st.tuples(answers.headers(), st.integers(100, 999), answers.bodies)
    stream_cases = st.tuples(answers.streams, st.integers(1, 9), st.integers(1, 3))
    return (
        Kind("configuration, values edited", 12, configs.edited(), _configuration),
        Kind("configuration, written at random", 20, configs.written(), _configuration),
        Kind("configuration, torn files", 20, configs.torn(), _configuration),
        Kind("configuration, expressions", 20, configs.expressed(), _configuration),
        Kind("configuration, formatted", 25, configs.torn() | configs.written(), _formatting),
        Kind("templates that never end", 6, st.sampled_from(_ENDLESS), _endless),
        Kind("variables", 30, configs.varied(), _variables),
        Kind("data files", 30, configs.tabled(), _reading),
        Kind("state, bytes", 8, damaged(state, lines, b"{}"), _state),
        Kind("state, values", 8, mutated(tree_of(state), json_values).map(as_json), _state),
        Kind("state, pushed", 8, pushed, _pushed),
        Kind("Terraform files", 15, damaged(*terraform()), _converted),
        Kind(".env", 15, configs.surrounding(), _dotenv),
        Kind(
            "outputs",
            10,
            damaged(made) | mutated(tree_of(made), foreign_values).map(as_json),
            _outputs,
        ),
        Kind(
            "saved plan",
            15,
            damaged(held.plan) | mutated(tree_of(held.plan), foreign_values).map(as_json),
            _plan_file,
        ),
        Kind("cache", 5, changed, _cache),
        Kind("responses", 12, _asked(), _responses),
        Kind("a stranger's repository", 12, hostile.repositories(), _hostile),
        Kind("responses, stored completions", 15, _looked_up(), _stored),
        Kind("responses, headers alone", 100, header_cases, _headers),
        Kind("responses, streams alone", 100, stream_cases, _stream),
    )


@st.composite
def _overwritten(draw: st.DrawFn, data: bytes) -> bytes:
    """A stretch of the file is something else."""
    at = draw(st.integers(0, len(data) - 1))
    bits = draw(st.binary(min_size=1, max_size=64)) * draw(st.sampled_from((1, 1, 64)))
    return data[:at] + bits + data[at + len(bits) :]
