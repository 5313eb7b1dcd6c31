"""A key, a sensitive variable and env(): in the request, and nowhere else."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.harness.faults import completion as answer
from tests.harness.faults import error
from tests.harness.project import (
    KEY,
    Project,
    completion,
    ended,
    prompt_of,
    provider,
    serving,
    wait_until,
)

VARIABLE = "hunter2-correct-horse"
SURROUNDING = "environment-battery-staple"
SECRETS = (KEY, VARIABLE, SURROUNDING)
ENV = {
    "OPENAI_API_KEY": KEY,
    "RUNNER_VAR_password": VARIABLE,
    "MY_TOKEN": SURROUNDING,
}
TEXT = """
[runner]
concurrency = 4
[variable.password]
sensitive = true
[locals]
token = "{{ env('MY_TOKEN') }}"
[provider.openai]
base_url = "@"
api_key_env = "OPENAI_API_KEY"
max_retries = 0
[completion.ask]
model = "gpt-4o"
user = "{{ var.password }}"
messages = [
  { role = "user", content = "The password is {{ var.password }}, the token {{ local.token }}." },
]
[completion.after]
model = "gpt-4o"
messages = [{ role = "user", content = "You said: {{ completion.ask.content }}" }]
[output.secret]
value = "{{ var.password }}"
sensitive = true
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def _clean(project: Project, *texts: str) -> None:
    """No secret in any file of the project (its configuration aside), nor in these texts."""
    for path in project.directory.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for secret in SECRETS:
                assert secret.encode() not in data, f"{secret} is in {path}"
    for text in texts:
        for secret in SECRETS:
            assert secret not in text


def _echo(got: Any) -> dict[str, Any]:
    return answer(got.body, got.number)


@pytest.mark.parametrize("flags", [(), ("--json",), ("--log-level", "debug")], ids=str)
def test_no_secret_is_left_behind(project: Project, flags: tuple[str, ...]) -> None:
    with serving(script=_echo) as api:
        project.write(TEXT.replace("@", api.url))
        planned = project.run("plan", "--out", str(project.directory / "my.plan"), env=ENV)
        assert planned.status == 0, planned.err
        _clean(project, planned.out, planned.err)
        ran = project.run("apply", "--auto-approve", *flags, env=ENV)
        assert ran.status == 0, ran.err
        said = [ran.out, ran.err]
        for line in ("plan", "output", "output --json", "show", "show --json"):
            more = project.run(*line.split(), env=ENV)
            said += [more.out, more.err]
        changed = TEXT.replace("@", api.url).replace("The password", "My password")
        project.write(changed)
        for line in ("plan", "plan --json", " ".join(("apply --auto-approve", *flags))):
            more = project.run(*line.split(), env=ENV)
            assert more.status == 0, more.err
            said += [more.out, more.err]
        first, second, *_ = sorted(api.completions, key=lambda got: got.number)
    _clean(project, *said)
    assert first.headers["Authorization"] == f"Bearer {KEY}"
    assert first.body["user"] == VARIABLE
    assert prompt_of(first.body) == f"The password is {VARIABLE}, the token {SURROUNDING}."
    assert "(sensitive)" in prompt_of(second.body)


def test_no_secret_is_shown_while_it_is_written(project: Project) -> None:
    with serving() as api:
        project.write(TEXT.replace("@", api.url))
        ran = project.run(
            "apply", "--auto-approve", "--stream", "--target", "completion.ask", env=ENV
        )
    assert ran.status == 0, ran.err
    assert "(sensitive)" in ran.err
    _clean(project, ran.out, ran.err)


def test_the_recorded_request_and_an_echoed_answer_are_masked(project: Project) -> None:
    with serving(script=_echo) as api:
        project.write(TEXT.replace("@", api.url))
        assert project.run("apply", "--auto-approve", env=ENV).status == 0
    record = project.records["completion.ask"]
    assert record["request"]["user"] == "(sensitive)"
    asked = record["request"]["messages"][0]["content"]
    assert VARIABLE not in asked
    assert "(sensitive)" in asked
    said = record["response"]["choices"][0]["message"]["content"]
    assert said == "echo: The password is (sensitive), the token (sensitive)."
    with closing(sqlite3.connect(project.directory / "state/cache/cache.db")) as held:
        rows = held.execute("SELECT value FROM Cache").fetchall()
    assert len(rows) == 2


def test_the_fingerprint_covers_the_real_value(project: Project) -> None:
    with serving(script=_echo) as api:
        project.write(TEXT.replace("@", api.url))
        assert project.run("apply", "--auto-approve", env=ENV).status == 0
        assert project.run("apply", "--auto-approve", env=ENV).status == 0
        assert len(api.completions) == 2
        other = {**ENV, "RUNNER_VAR_password": "another-secret-value"}
        ran = project.run("apply", "--auto-approve", env=other)
        assert ran.status == 0
        assert "another-secret-value" not in ran.out + ran.err
        assert prompt_of(api.completions[2].body).count("another-secret-value") == 1


def test_a_server_that_quotes_the_key_is_not_quoted(project: Project) -> None:
    said = f"Incorrect API key provided: {KEY}. Also {VARIABLE}."
    with serving(script=lambda _: error(401, "invalid_api_key", None, said)) as api:
        project.write(TEXT.replace("@", api.url))
        for flags in ((), ("--json",)):
            ran = project.run("apply", "--auto-approve", *flags, env=ENV)
            assert ran.status == 1
            assert "Incorrect API key provided: (sensitive)" in ran.out + ran.err
            _clean(project, ran.out, ran.err)


def test_no_secret_is_in_the_process_list(project: Project) -> None:
    with serving(held=True) as api:
        project.write(TEXT.replace("@", api.url))
        process = project.start("apply", "--auto-approve", env=ENV)
        wait_until(lambda: len(api.requests) >= 1, "a request")
        listed = subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", str(process.pid)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "apply" in listed
        for secret in SECRETS:
            assert secret not in listed
        process.kill()
        ended(process)
    _clean(project)


def test_a_key_in_a_configuration_file_is_an_error_that_does_not_show_it(project: Project) -> None:
    key = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"
    project.write(completion("a", "hi") + f'[provider.openai]\napi_key = "{key}"\n')
    ran = project.call("plan")
    assert ran.status == 1
    assert "configs/main.toml line" in ran.err
    assert key not in ran.err
    assert "api_key_env" in ran.err


def test_a_sensitive_value_in_an_output_must_be_meant(project: Project) -> None:
    with serving() as api:
        project.write(TEXT.replace("@", api.url))
        project.write('[output.leak]\nvalue = "{{ var.password }}"\n', "more.toml")
        ran = project.run("apply", "--auto-approve", env=ENV)
        assert ran.status == 1
        assert "Output refers to sensitive value" in ran.err
        assert "sensitive = true" in ran.err
        assert not api.requests
    _clean(project, ran.out, ran.err)


def test_a_sensitive_output_is_asked_for_by_name_and_is_in_no_file(project: Project) -> None:
    with serving() as api:
        project.write(TEXT.replace("@", api.url))
        ran = project.run("apply", "--auto-approve", env=ENV)
        assert "secret = <sensitive>" in ran.out
        assert "secret" not in project.outputs
        assert project.run("output", "secret", "--raw", env=ENV).out == VARIABLE
        assert VARIABLE not in project.run("output", env=ENV).out
    _clean(project)


def test_a_crash_leaves_no_secret(project: Project) -> None:
    with serving(script=_echo, latency=0.05) as api:
        project.write(
            TEXT.replace("@", api.url) + completion("more", "{{ var.password }}", "count = 60")
        )
        process = project.start("apply", "--auto-approve", env=ENV)
        wait_until(lambda: len(api.requests) >= 20, "20 requests")
        process.kill()
        ran = ended(process)
        _clean(project, ran.out, ran.err)


HARD = {
    "triggers": completion("a", "hi", 'triggers = { x = "{{ var.password }}" }'),
    "metadata": completion("a", "hi", "store = true", 'metadata = { x = "{{ var.password }}" }'),
    "extra_body": completion("a", "hi", 'extra_body = { k = "{{ var.password }}" }'),
    "extra_headers": completion("a", "hi", 'extra_headers = { k = "{{ var.password }}" }'),
    "model": completion("a", "hi").replace('"gpt-4o"', '"{{ var.password }}"'),
    "local": '[locals]\nx = "so: {{ var.password }}"\n' + completion("a", "{{ local.x }}"),
    "for_each": completion("a", "hi", 'for_each = ["{{ var.password }}"]'),
    "count": completion("a", "hi", 'count = "{{ var.password }}"'),
    "wrong type": completion("a", "hi", 'temperature = "{{ var.password }}"'),
    "provider": completion("a", "hi", 'provider = "{{ var.password }}"'),
    "file": completion("a", "{{ file(var.password) }}"),
    "precondition": completion(
        "a",
        "hi",
        "lifecycle = { precondition = "
        '[{ condition = false, error_message = "{{ var.password }}" }] }',
    ),
    "postcondition": completion(
        "a",
        "hi",
        "lifecycle = { postcondition = "
        '[{ condition = false, error_message = "{{ var.password }}" }] }',
    ),
    "late env": completion("a", "hi")
    + completion("b", "{{ completion.a.content }} {{ env('MY_TOKEN') }}"),
    "base_url": '[provider.more]\ntype = "openai"\n'
    'base_url = "http://127.0.0.1/{{ var.password }}"\n'
    + completion("a", "hi", 'provider = "more"'),
    "query": '[provider.openai.query]\nk = "{{ var.password }}"\n' + completion("a", "hi"),
    "defaults": '[provider.openai.defaults]\nuser = "{{ var.password }}"\n' + completion("a", "hi"),
    "output file": completion("a", "{{ var.password }}")
    + '[output.o]\nvalue = "{{ completion.a.content }}"\nfile = "out/o.txt"\n',
}


@pytest.mark.parametrize("place", HARD)
def test_wherever_a_secret_is_used_it_is_neither_shown_nor_kept(
    project: Project, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    head = '[variable.password]\nsensitive = true\n[runner]\nprovider = "openai"\n'
    with serving(script=_echo) as api:
        project.write(head + provider(api) + HARD[place])
        said = []
        for line in (
            ("validate",),
            ("plan", "--out", str(project.directory / "a.plan")),
            ("plan", "--json"),
            ("apply", "--auto-approve", "--junit", str(project.directory / "junit.xml")),
            ("apply", "--auto-approve", "--json"),
            ("plan",),
            ("show",),
            ("show", "--json"),
            ("output",),
            ("graph",),
            ("state", "list"),
        ):
            ran = project.call(*line)
            assert ran.status in {0, 1}
            said += [ran.out, ran.err]
    _clean(project, *said)


SLICE, SHOUTED = "{{ var.password[:9] }}", "{{ var.password | upper }}"
DERIVED = {
    "slice": completion("a", f"so: {SLICE}"),
    "replace": completion("a", "so: {{ env('MY_TOKEN') | replace('-', '_') }}"),
    "statement": completion("a", "{% if true %}{{ var.password | upper }}{% endif %}"),
    "json": completion("a", "{{ {'k': var.password} | tojson }} {{ var.password | urlencode }}"),
    "header": completion("a", "hi", f'extra_headers = {{ k = "{SLICE}" }}'),
    "provider header": f'[provider.openai.headers]\nk = "{SLICE}"\n' + completion("a", "hi"),
    "local": f'[locals]\nx = "{SLICE}"\n' + completion("a", "{{ local.x }}"),
    "wrong type": completion("a", "hi", f'temperature = "{SLICE}"'),
    "number": "[variable.n]\nsensitive = true\ndefault = 98765432\n"
    + completion("a", "hi", 'temperature = "{{ var.n }}"'),
    "no such file": completion("a", f"{{{{ file({SHOUTED[3:-3]}) }}}}"),
    "provider": completion("a", "hi", f'provider = "{SHOUTED}"'),
    "setting": '[provider.openai.query]\nk = "{{ [var.password[:9]] }}"\n' + completion("a", "hi"),
    "precondition": completion(
        "a",
        "hi",
        "[completion.a.lifecycle]",
        f'precondition = [{{ condition = false, error_message = "{SLICE}" }}]',
        "[completion.a.extra_body]",
    ),
    "postcondition": completion(
        "a",
        "hi",
        "[completion.a.lifecycle]",
        f'postcondition = [{{ condition = false, error_message = "{SLICE}" }}]',
        "[completion.a.extra_body]",
    ),
    "variable": '[variable.v]\nsensitive = true\ndefault = "hunter2-correct-horse"\n'
    'validation = [{ condition = false, error_message = "no: {{ var.v[:9] }}" }]\n'
    + completion("a", "hi"),
    "data": f'[data.chat_completion.d]\ncompletion_id = "{SHOUTED}"\n' + completion("a", "hi"),
    "module": '[module.m]\nsource = "../modules/m"\nx = "{{ file(\'token.txt\') }}"\n'
    + completion("a", "{{ module.m.said }}"),
    "module validation": '[module.m]\nsource = "../modules/refuses"\n'
    "x = \"{{ file('token.txt') }}\"\n",
    "module file": '[module.m]\nsource = "../modules/reads"\nx = "{{ file(\'token.txt\') }}"\n',
}
TOKEN = "zebra-77-from-a-file"
PARTS = (*SECRETS, VARIABLE[:9], VARIABLE.upper(), SURROUNDING.replace("-", "_"), TOKEN, "98765432")
MODULE = """
[variable.x]
sensitive = true
MORE
[completion.c]
model = "gpt-4o"
messages = [{ role = "user", content = "{{ SHOWN }}" }]
[output.said]
value = "{{ var.x }}"
sensitive = true
"""


def _modules(project: Project) -> None:
    refuses = 'validation = [{ condition = false, error_message = "no: {{ var.x }}" }]'
    project.write(TOKEN, "token.txt")
    for name, more, shown in (
        ("m", "", "var.x"),
        ("refuses", refuses, "var.x"),
        ("reads", "", "file(var.x)"),
    ):
        text = MODULE.replace("MORE", more).replace("SHOWN", shown)
        project.write(text, f"../modules/{name}/main.toml")


def _tells_all(got: Any) -> dict[str, Any]:
    """The prompt, and the headers and the query too."""
    said = answer(got.body, got.number)
    heard = f"{prompt_of(got.body)} {got.body} {got.headers} {got.target}"
    said["choices"][0]["message"]["content"] = heard
    return said


@pytest.mark.parametrize("place", DERIVED)
def test_what_an_expression_makes_of_a_secret_is_neither_shown_nor_kept(
    project: Project, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another case, cut, escaped, out of a module's variable: whatever a mask stands for."""
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    head = '[variable.password]\nsensitive = true\n[runner]\nprovider = "openai"\n'
    _modules(project)
    with serving(script=_tells_all) as api:
        project.write(head + provider(api) + DERIVED[place])
        said = []
        for line in (
            ("validate", "--json"),
            ("plan", "--out", str(project.directory / "a.plan")),
            ("apply", "--auto-approve", "--junit", str(project.directory / "junit.xml")),
            ("apply", "--auto-approve", "--json"),
            ("plan", "--full"),
            ("show", "--json"),
            ("state", "pull"),
            ("output",),
        ):
            ran = project.call(*line)
            assert ran.status in {0, 1}
            said += [ran.out, ran.err]
        ran = project.run("apply", "--auto-approve", "--refresh", "--log-level", "debug")
        said += [ran.out, ran.err]
    files = [p for p in project.directory.rglob("*") if p.is_file() and p.suffix != ".toml"]
    said += [p.read_bytes().decode(errors="replace") for p in files if p.name != "token.txt"]
    shown = [part for part in PARTS for text in said if part in text]
    assert not shown


def test_a_sensitive_output_has_no_file(project: Project) -> None:
    with serving() as api:
        project.write(TEXT.replace("@", api.url) + 'file = "out/secret.txt"\n')
        ran = project.run("apply", "--auto-approve", env=ENV)
        assert ran.status == 1
        assert "A sensitive output is written to no file" in ran.err
        assert not api.requests
    _clean(project, ran.out, ran.err)


def test_what_is_read_from_the_store_holds_no_secret(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has the real prompt and metadata, and gives them back."""
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    stored = 'store = true\nmetadata = { k = "{{ var.password }}" }'
    with serving() as api:
        project.write(
            '[variable.password]\nsensitive = true\n[runner]\nprovider = "openai"\n'
            + provider(api)
            + completion("a", "so: {{ var.password }}", stored)
            + '[data.chat_completion.one]\ncompletion_id = "{{ completion.a.id }}"\n'
            '[data.chat_completion_messages.all]\ncompletion_id = "{{ completion.a.id }}"\n'
            '[data.chat_completions.found]\nmetadata = { k = "{{ var.password }}" }\n'
            'depends_on = ["completion.a"]\n'
            '[output.said]\nvalue = "{{ data.chat_completion_messages.all.messages }}"\n'
        )
        said = []
        for line in (("apply", "--auto-approve"), ("plan", "--full"), ("show", "--json")):
            ran = project.call(*line)
            assert ran.status == 0, ran.err
            said += [ran.out, ran.err]
        assert "No changes" in project.call("plan").out
    _clean(project, *said)
    assert project.records["data.chat_completions.found"]["request"] == {
        "metadata": {"k": "(sensitive)"}
    }


def test_an_answer_that_is_shown_as_it_is_written_shows_no_secret(project: Project) -> None:
    """The server cuts the text where it likes: here, within the secret."""
    words = ENV | {"RUNNER_VAR_password": "correct horse battery"}
    with serving() as api:
        head = '[variable.password]\nsensitive = true\n[runner]\nprovider = "openai"\n'
        project.write(head + provider(api) + completion("a", "It is {{ var.password }}, is it?"))
        ran = project.run("apply", "--auto-approve", "--stream", env=words)
    assert ran.status == 0, ran.err
    assert "It is (sensitive), is it?" in ran.err
    assert "horse" not in ran.out + ran.err
