"""Configuration files and the files beside them: nearly right, oddly typed, or torn."""

from collections.abc import Mapping
from typing import Any

import tomli_w
from hypothesis import strategies as st

from runner.core.api.parameters import PARAMETERS
from runner.core.language.names import BLOCKS, META
from tests.fuzz.expressions import texts
from tests.fuzz.odd import as_json, damaged, json_values, mutated, toml_values, words
from tests.fuzz.sample import FILES, shipped, tree

Files = dict[str, bytes]
URL = "http://127.0.0.1:1/v1"  # nobody listens: a plan asks nobody

_values = toml_values | texts | texts


def _toml(table: Mapping[str, Any]) -> bytes:
    try:
        return tomli_w.dumps(table).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError):  # a value that the writer cannot write
        return b""


@st.composite
def edited(draw: st.DrawFn) -> Files:
    """The sound project, a few of its values replaced, removed, added or renamed."""
    return {"configs/main.toml": _toml(draw(mutated(tree(URL), _values, 4))), **FILES}


_LITERALS = (
    *("1", "-0", "0x7fffffffffffffff", "9223372036854775808", "1" * 400, "1e400", "nan", "-inf"),
    *(
        "1979-05-27T07:32:00Z",
        "1979-05-27",
        "07:32:00.9999999",
        "9999-12-31T23:59:59-23:59",
        "true",
    ),
    *(
        '""',
        "''",
        '"\\u0000"',
        '"\\uD800"',
        '"""\n\\\n  x"""',
        "'''\r\n'''",
        '"é\\U0010FFFF"',
        "[]",
    ),
    *("[[]]", "[[], [[]], {}]", "{}", "{ a = {} }", '[1, "a", { b = 1 }]', "[1,]", "{ a = 1, }"),
    *(
        "[" * 63 + "]" * 63,
        "[" * 70 + "]" * 70,
        "[" * 3000 + "]" * 3000,
        "{a=" * 400 + "1" + "}" * 400,
    ),
    *('"' + "x" * 70000 + '"', "[" + "1," * 5000 + "]", "yes", "01", "+1", ".5", "1_0", "", "= 1"),
)
_NAMES = (
    "a",
    "b",
    "A1",
    "_",
    "a-b",
    '"a b"',
    '""',
    "'x.y'",
    "é",
    "a.b",
    "1",
    '"\\u0000"',
    "x" * 300,
)
_KEYS = (
    *PARAMETERS,
    *META,
    *("default", "type", "validation", "sensitive", "nullable", "value", "file", "source", "from"),
    *("to", "base_url", "api_key_env", "headers", "defaults", "model_path", "timeout", "workspace"),
    *("required_version", "completion_id", "tempreature", "lock_timeout", "max_retries", "word"),
)
_KINDS = (*BLOCKS, "data.chat_completion", "data.nope", "outputs", "completoin", "", "vars")


@st.composite
def _literal(draw: st.DrawFn) -> str:
    match draw(st.sampled_from(("literal", "value", "text", "messages"))):
        case "literal":
            return draw(st.sampled_from(_LITERALS))
        case "value":
            made = _toml({"k": draw(toml_values)}).decode("utf-8", "replace")
            return made.partition("=")[2].strip()
        case "text":
            made = _toml({"k": draw(texts)}).decode("utf-8", "replace")
            return made.partition("=")[2].strip()
        case _:
            return '[{ role = "user", content = "{{ local.a }}" }]'


@st.composite
def written(draw: st.DrawFn) -> Files:
    """A file of random headers with random keys, by the grammar of TOML."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 5))):
        kind, name = draw(st.sampled_from(_KINDS)), draw(st.sampled_from(_NAMES))
        header = draw(
            st.sampled_from((f"[{kind}.{name}]", f"[{kind}]", f"[[{kind}]]", f"[[{kind}.{name}]]"))
        )
        lines.append(header)
        for _ in range(draw(st.integers(0, 4))):
            key = draw(st.sampled_from(_KEYS) | st.sampled_from(_NAMES))
            lines.append(f"{key} = {draw(_literal())}")
    end = draw(st.sampled_from(("\n", "\r\n", "\r", "\n\x00\n", " # c\n")))
    text = draw(st.sampled_from(("", "\ufeff", "# c\n", "\x00", "\n" * 40))) + end.join(lines) + end
    return {"configs/main.toml": text.encode("utf-8", "replace"), **FILES}


@st.composite
def torn(draw: st.DrawFn) -> Files:
    """Files of this repository, cut, spliced or with bytes changed; sometimes two of one name."""
    made: Files = {"configs/main.toml": draw(damaged(*shipped()) | st.binary(max_size=200))}
    if draw(st.integers(0, 3)) == 0:
        made["configs/more.toml"] = draw(damaged(*shipped()))
    return {**made, **FILES}


_SPOTS: tuple[tuple[Any, ...], ...] = (
    ("locals", "one"),
    ("locals", "fuzz"),
    ("completion", "a", "messages", 1, "content"),
    ("completion", "a", "temperature"),
    ("completion", "a", "triggers", "when"),
    ("completion", "a", "extra_headers", "X-One"),
    ("completion", "a", "lifecycle", "precondition", 0, "condition"),
    ("completion", "a", "lifecycle", "postcondition", 0, "condition"),
    ("completion", "a", "lifecycle", "postcondition", 0, "error_message"),
    ("completion", "b", "messages", 0, "content"),
    ("completion", "b", "messages"),
    ("completion", "b", "extra_body"),
    ("completion", "b", "metadata", "k"),
    ("completion", "each", "for_each"),
    ("completion", "each", "messages", 0, "content", 1, "image_url", "file"),
    ("completion", "each", "messages", 0, "content"),
    ("completion", "many", "count"),
    ("completion", "many", "enabled"),
    ("completion", "later", "for_each"),
    ("module", "m", "word"),
    ("module", "each", "for_each"),
    ("output", "first", "value"),
    ("output", "first", "file"),
    ("output", "all", "value", "said"),
    ("variable", "topic", "validation", 0, "condition"),
    ("variable", "topic", "validation", 0, "error_message"),
    ("provider", "openai", "defaults", "model"),
    ("provider", "openai", "base_url"),
    ("provider", "openai", "headers", "X-Team"),
    ("provider", "openai", "headers"),
    ("provider", "openai", "query"),
    ("provider", "openai", "timeout"),
    ("provider", "openai", "max_retries"),
    ("provider", "openai", "concurrency"),
    ("provider", "openai", "tokens_per_minute"),
    ("provider", "openai", "organization"),
    ("provider", "openai", "defaults"),
    ("completion", "a", "provider"),
    ("completion", "a", "lifecycle", "precondition", 0, "error_message"),
)


@st.composite
def expressed(draw: st.DrawFn) -> Files:
    """The sound project with random expressions where expressions may stand."""
    held = tree(URL)
    for path in draw(st.lists(st.sampled_from(_SPOTS), min_size=1, max_size=4, unique=True)):
        put(held, path, draw(texts))
    return {"configs/main.toml": _toml(held), **FILES}


def put(held: Any, path: tuple[Any, ...], value: Any) -> None:
    """Set what is at a path of a tree, unless something else stands in its way by now."""
    for part in path[:-1]:
        if isinstance(held, str):
            return
        held = held[part]
    if isinstance(held, str):
        return
    held[path[-1]] = value


_TYPES = (
    *("string", "number", "bool", "any", "list", "list(string)", "set(number)", "map(any)", "int"),
    *(
        "map(list(number))",
        "tuple([string, number])",
        "object({ a = string, b = optional(number, 1) })",
    ),
    *("object({})", "list(list(list(list(string))))", "list(", "list()", "object({a=any", "", "("),
    *(
        "list(" * 90 + "any" + ")" * 90,
        "list(" * 3000,
        "optional(string)",
        'object({a=optional(any,"{")})',
    ),
)
_TEXTS = (
    *("", "1", "-1", "1e999", "nan", "true", "null", "[]", "{}", "[1, 2", '["a", "b"]', '{"a": 1}'),
    *(
        "{a=1}",
        '{ a = "x" }',
        "[" * 500,
        "[" * 90 + "]" * 90,
        '"' * 3,
        "\\",
        "9" * 5000,
        "a=b=c",
        "\x1b",
    ),
    *('{"a": {"a": {"a": null}}}', "1.5", "0x10", " 1 ", "\n", "[1,]", "'a'", "[nan]", "\udcff"),
)


@st.composite
def varied(draw: st.DrawFn) -> tuple[Files, list[str], dict[str, str]]:
    """Variables of odd types, given by files, by flags and by the environment."""
    held = tree(URL)
    names = ("topic", "people", "secret", "x", "NOPE", "x y", "")
    for name in ("people", "x"):
        block: dict[str, Any] = {
            "type": draw(
                st.sampled_from(("any", "string", "number")) | st.sampled_from(_TYPES) | words
            )
        }
        if draw(st.booleans()):
            block["default"] = draw(toml_values)
        for flag in ("nullable", "sensitive"):
            if draw(st.integers(0, 3)) == 0:
                block[flag] = draw(st.sampled_from((True, False, "true")))
        if draw(st.integers(0, 2)) == 0:
            block["validation"] = [{"condition": draw(texts), "error_message": draw(texts)}]
        held["variable"][name] = block
    held["output"]["first"]["value"] = "{{ var.x }}"
    files: Files = {"configs/main.toml": _toml(held), **FILES}
    given = st.dictionaries(st.sampled_from(names), toml_values, max_size=3).map(_toml)
    for name in draw(st.lists(st.sampled_from(("vars", "a.auto.vars", "z.auto.vars")), max_size=2)):
        data = draw(given)
        files[f"configs/{name}.toml"] = draw(damaged(data)) if draw(st.booleans()) else data
    text = st.sampled_from(_TEXTS) | json_values.map(lambda value: as_json(value).decode()) | words
    flags = [
        f"--var={draw(st.sampled_from(names))}{draw(st.sampled_from('===-'))}{draw(text)}"
        for _ in range(draw(st.integers(0, 2)))
    ]
    env = {}
    if draw(st.booleans()):
        value = draw(text).replace("\x00", "")
        env[f"RUNNER_VAR_{draw(st.sampled_from(('x', 'people', 'topic')))}"] = value
    return files, flags, env


_CELLS = st.sampled_from(
    ("", "a", '"', '""', ",", "\n", "\r", "\x00", "é", "  ", '"a,b"', "x" * 200000)
)
_USES = (
    *("{{ csv('data/people.csv', key='id') }}", "{{ csv('data/people.csv', key='name') }}"),
    *(
        "{{ csv('data/people.csv') }}",
        "{{ jsonl('data/rows.jsonl', key='id') }}",
        "{{ json('data/x.json') }}",
    ),
    *(
        "{{ jsonl('data/rows.jsonl') | tojson }}",
        "{{ json('data/x.json').list }}",
        "{{ toml('data/t.toml') }}",
    ),
    *(
        "{{ template('data/page.txt', name='x') }}",
        "{{ file('data/note.txt') }}",
        "{{ json('data/x.json') | tojson }}",
    ),
)


@st.composite
def tabled(draw: st.DrawFn) -> Files:
    """Data files that expressions read: rows, records, documents, templates."""
    held = tree(URL)
    for path in draw(st.lists(st.sampled_from(_SPOTS[:24]), min_size=1, max_size=3, unique=True)):
        put(held, path, draw(st.sampled_from(_USES)))
    files: Files = {"configs/main.toml": _toml(held), **FILES}
    rows = st.lists(st.lists(_CELLS, max_size=4).map(",".join), max_size=5).map("\n".join)
    lines = st.lists(json_values.map(as_json), max_size=4).map(b"\n".join)
    made: dict[str, st.SearchStrategy[bytes]] = {
        "people.csv": rows.map(str.encode) | damaged(FILES["configs/data/people.csv"]),
        "rows.jsonl": lines | damaged(FILES["configs/data/rows.jsonl"]),
        "x.json": json_values.map(as_json) | damaged(FILES["configs/data/x.json"]),
        "t.toml": damaged(*shipped()) | toml_values.map(lambda value: _toml({"k": value})),
        "page.txt": texts.map(str.encode) | damaged(FILES["configs/data/page.txt"]),
        "note.txt": st.binary(max_size=40),
        "dot.png": st.binary(max_size=40),
    }
    for name in draw(st.lists(st.sampled_from(sorted(made)), min_size=1, max_size=3, unique=True)):
        files[f"configs/data/{name}"] = draw(made[name])
    return files


_SETTINGS = (
    *("RUNNER_CONCURRENCY", "RUNNER_MAX_COST", "RUNNER_OFFLINE", "RUNNER_LOCK_TIMEOUT"),
    *("RUNNER_WORKSPACE", "RUNNER_PROVIDER", "RUNNER_VAR_topic", "RUNNER_VAR_x", "RUNNER_NOPE"),
    *("OPENAI_BASE_URL", "OPENAI_ORG_ID", "export A", "", "é", "A B"),
)


@st.composite
def surrounding(draw: st.DrawFn) -> bytes:
    """A .env with settings and variables of any text."""
    value = st.sampled_from(_TEXTS) | words | st.sampled_from(("'", '"', "${HOME}", "$X", "#", "`"))
    pairs = st.tuples(st.sampled_from(_SETTINGS), st.sampled_from(("=", " = ", "", '="')), value)
    lines = ["".join(draw(pairs)) for _ in range(draw(st.integers(1, 4)))]
    data = "\n".join(lines).encode("utf-8", "surrogateescape")
    return draw(damaged(data)) if draw(st.booleans()) else data
