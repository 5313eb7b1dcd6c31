"""Nothing of the user's goes to a host until the user has said so; without a terminal, an error."""

import json
import os
import pty
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.faults import respond
from tests.harness.project import (
    Project,
    Ran,
    completion,
    ended,
    provider,
    serving,
    trusting,
)
from tests.harness.server import FakeAPI

KEY = "sk-elsewhere-0123456789-abcdef"
OWN_KEY = "sk-owner-0123456789-abcdefghij"
STORED = ("store = true", 'metadata = { a = "b" }')
DATA = '[data.chat_completion.d]\ncompletion_id = "chatcmpl-1"\n'


@pytest.fixture(autouse=True)
def nobody_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: FakeAPI) -> Iterator[None]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    monkeypatch.setenv("THE_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", OWN_KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    with trusting():
        yield


@pytest.fixture
def project(tmp_path: Path, api: FakeAPI) -> Project:
    made = Project(tmp_path / "project")
    made.write(provider(api, api_key_env="THE_KEY"), "provider.toml")
    made.write(completion("a", "hello"))
    return made


def at_a_terminal(project: Project, *words: str, answer: str = "") -> Ran:
    """A command whose standard input and error are a terminal; each question gets `answer`."""
    ours, theirs = pty.openpty()
    process = project.start(*words, stdin=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        said += part
        if said.endswith(b"Enter a value: "):
            os.write(ours, f"{answer}\n".encode())
    ran = ended(process)
    os.close(ours)
    return Ran(ran.status, ran.out, said.decode())


def keys(api: FakeAPI) -> list[str | None]:
    lower = [{k.lower(): v for k, v in request.headers.items()} for request in api.requests]
    return [headers.get("authorization") for headers in lower]


def test_apply_without_a_terminal_is_an_error_that_names_the_ways(
    project: Project, api: FakeAPI
) -> None:
    ran = project.run("apply", "--auto-approve")
    host = api.url.removesuffix("/v1")
    assert ran.status == 1
    assert "Error: Not trusted" in ran.err
    assert "provider.toml line 2, in provider.openai" in ran.err
    assert f"send requests and the key in $THE_KEY to {host}" in ran.err
    assert f" trust. Without a terminal (in CI), for one run: --trust {host}" in ran.err
    assert f"RUNNER_TRUST={host}" in ran.err
    assert api.requests == []
    assert KEY not in ran.out + ran.err


def test_what_needs_no_yes_is_said_to(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write('[provider.here]\ntype = "openai"\nbase_url = "http://127.0.0.1:9"\n')
    project.write(completion("a", "hello"), "a.toml")
    ran = project.call("trust")
    assert "requests, without a key, to http://127.0.0.1:9 (needs no yes)\n" in ran.out
    assert "+ is new" not in ran.out


def test_a_host_that_nothing_is_sent_to_is_told(project: Project, api: FakeAPI) -> None:
    """It may be misspelt, or lack its port; one that is asked for is told about nowhere."""
    host = api.url.removesuffix("/v1")
    typo = host.replace("127.0.0.1", "127.0.0.2")
    ran = project.run("apply", "--auto-approve", "--trust", f"{typo},127.0.0.1")
    said = "names no host that this project asks for."
    assert f'--trust {typo} {said} Did you mean "{host}"?' in ran.err
    assert f"--trust 127.0.0.1 {said}" in ran.err
    assert api.requests == []
    other = project.run("apply", "--auto-approve", "--trust", "localhost", "--trust", host)
    assert (other.status, said in other.err) == (0, False)


def test_of_what_else_a_run_reaches_nothing_is_said_to_be_misspelt(
    project: Project, api: FakeAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.test")
    project.write("[telemetry]\ncontent = true\n", "telemetry.toml")
    named = "https://collector.test,ssh://git.test,s3://bucket"
    ran = project.run("apply", "--auto-approve", "--trust", named)
    assert "Not trusted" in ran.err
    assert "names no host" not in ran.err
    assert api.requests == []


def test_plan_says_what_apply_will_ask_and_does_not_fail(project: Project, api: FakeAPI) -> None:
    ran = project.call("plan", "--detailed-exitcode")
    assert ran.status == 2
    assert (
        "Not trusted yet. Before it sends anything, apply asks whether this project may" in ran.out
    )
    assert "  - send requests and the key in $THE_KEY to http://127.0.0.1:" in ran.out
    (told,) = project.call("plan", "--json").of("diagnostic")
    assert told["diagnostic"]["summary"] == "Not trusted yet"
    assert "Not trusted yet" not in project.call("plan", "--offline").out
    assert api.requests == []


def test_a_yes_at_the_terminal_is_asked_once_and_kept_outside_of_the_project(
    project: Project, api: FakeAPI, tmp_path: Path
) -> None:
    ran = at_a_terminal(project, "apply", "--auto-approve", answer="yes")
    assert ran.status == 0, ran.err
    assert ran.err.count("Enter a value:") == 1
    assert "send requests and the key in $THE_KEY to http://127.0.0.1:" in ran.err
    (record,) = (tmp_path / "own").rglob("*.toml")
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert stat.S_IMODE(record.parent.stat().st_mode) == 0o700
    assert KEY not in record.read_text()
    project.write(completion("a", "hello") + completion("b", "there"))
    assert project.run("apply", "--auto-approve").status == 0
    assert keys(api) == [f"Bearer {KEY}"] * 2


@pytest.mark.parametrize("answer", ["", "y", "no", "Yes"])
def test_anything_but_yes_sends_nothing(project: Project, api: FakeAPI, answer: str) -> None:
    ran = at_a_terminal(project, "apply", "--auto-approve", answer=answer)
    assert ran.status == 1
    assert "Not trusted" in ran.err
    assert 'You did not say "yes", so nothing was sent.' in ran.err
    assert " trust` asks again." in ran.err
    assert api.requests == []
    assert "Not trusted yet" in project.call("plan").out


def test_only_what_is_new_is_asked_again(project: Project, api: FakeAPI) -> None:
    assert at_a_terminal(project, "trust", answer="yes").status == 0
    assert project.call("trust").status == 0
    project.write(completion("a", "{{ env('TEAM') }}"))
    ran = project.run("trust", env={"TEAM": "x"})
    assert ran.status == 1
    known, new = ran.out.splitlines()[2:4]
    assert re.fullmatch(r"    send requests and the key in \$THE_KEY .* \(trusted\)", known)
    assert new.startswith("  + send the value of $TEAM to http")
    assert "+ is new, and not trusted yet." in ran.out
    assert "THE_KEY" not in ran.err
    assert "$TEAM" in project.run("apply", "--auto-approve", env={"TEAM": "x"}).err
    assert api.requests == []


def test_trust_is_listed_and_revoked(project: Project, api: FakeAPI) -> None:
    at_a_terminal(project, "trust", answer="yes")
    listed = project.call("trust", "--list").out
    assert str(project.directory.resolve()) in listed
    assert "send requests and the key in $THE_KEY to" in listed
    project.write("broken")
    assert project.call("trust", "--revoke").out == "This project is not trusted any more.\n"
    none = project.call("trust", "--list")
    assert (none.out, none.err) == ("", "No project is trusted with anything yet.\n")
    project.write(completion("a", "hello"))
    assert project.run("apply", "--auto-approve").status == 1
    assert api.requests == []


def test_the_yes_of_one_project_is_none_for_another(
    project: Project, api: FakeAPI, tmp_path: Path
) -> None:
    at_a_terminal(project, "trust", answer="yes")
    other = Project(tmp_path / "other")
    other.write(provider(api, api_key_env="THE_KEY") + completion("a", "hello"))
    assert other.run("apply", "--auto-approve").status == 1
    assert api.requests == []


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_a_run_trusts_the_hosts_that_it_names(project: Project, api: FakeAPI, how: str) -> None:
    host = api.url.removeprefix("http://").removesuffix("/v1")
    words = ("--trust", host) if how == "flag" else ()
    env = {} if how == "flag" else {"RUNNER_TRUST": f"other.example,{host}"}
    ran = project.run("apply", "--auto-approve", *words, env=env)
    assert ran.status == 0, ran.err
    assert keys(api) == [f"Bearer {KEY}"]
    project.write(completion("a", "again"))
    assert project.run("apply", "--auto-approve", "--trust", "other.example").status == 1


def test_a_host_that_is_none_is_an_error(project: Project) -> None:
    ran = project.call("plan", "--trust", "*.example")
    assert (ran.status, "Invalid host" in ran.err, "--trust" in ran.err) == (1, True, True)


def test_a_host_of_the_configuration_is_not_told_openai_s_key(
    project: Project, api: FakeAPI
) -> None:
    """On this machine it is asked without a key, and without a question."""
    project.write(provider(api), "provider.toml")
    assert project.apply().status == 0
    (request,) = api.requests
    sent = " ".join(f"{name}: {value}" for name, value in request.headers.items())
    assert OWN_KEY not in sent
    assert not re.search("org-1|proj-1|authorization", sent, re.IGNORECASE)


def test_a_base_url_of_the_user_s_own_environment_gets_openai_s_key(
    project: Project, api: FakeAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", api.url)
    project.write("", "provider.toml")
    assert project.apply().status == 0
    assert keys(api) == [f"Bearer {OWN_KEY}"]
    assert api.requests[0].headers["OpenAI-Organization"] == "org-1"


def test_another_path_of_the_user_s_gateway_gets_nothing_unasked(
    project: Project, api: FakeAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{api.url}/mine")
    project.write(provider(api, api_key_env="OPENAI_API_KEY"), "provider.toml")
    ran = project.run("apply", "--auto-approve")
    assert (ran.status, api.requests) == (1, [])
    assert f"the key in $OPENAI_API_KEY to {api.url.removesuffix('/v1')}\n" in ran.err
    project.write(provider(api), "provider.toml")
    assert project.apply().status == 0
    assert keys(api) == [None]
    assert "OpenAI-Organization" not in api.requests[0].headers


def test_an_environment_s_base_url_does_not_get_a_key_that_the_project_chose(
    project: Project, api: FakeAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", api.url)
    project.write('[provider.openai]\napi_key_env = "THE_KEY"\n', "provider.toml")
    assert project.run("apply", "--auto-approve").status == 1
    assert api.requests == []


def test_a_value_that_env_reads_is_asked_for_also_where_no_key_is_sent(
    project: Project, api: FakeAPI
) -> None:
    project.write(provider(api), "provider.toml")
    project.write("[locals]\nt = \"{{ env('THE_KEY') }}\"\n" + completion("a", "{{ local.t }}"))
    ran = project.run("apply", "--auto-approve")
    assert (ran.status, api.requests) == (1, [])
    assert "send the value of $THE_KEY to http://127.0.0.1" in ran.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DATA, ("plan",)),
        (DATA, ("apply", "--auto-approve")),
        (completion("a", "x") + '[[import]]\nto = "completion.a"\nid = "chatcmpl-1"\n', ("plan",)),
        (completion("a", "x"), ("import", "completion.a", "chatcmpl-1")),
        ("[data.chat_completion.d]\ncompletion_id = \"{{ env('THE_KEY') }}\"\n", ("plan",)),
    ],
)
def test_no_command_reads_from_a_host_that_is_not_trusted(
    project: Project, api: FakeAPI, text: str, words: tuple[str, ...]
) -> None:
    project.write(text)
    ran = project.run(*words)
    assert (ran.status, api.requests) == (1, [])
    assert "Error: Not trusted" in ran.err
    assert project.run("validate").status == 0


def test_a_plan_that_has_to_read_asks_at_a_terminal(project: Project, api: FakeAPI) -> None:
    project.write(
        '[data.chat_completions.d]\n[output.d]\nvalue = "{{ data.chat_completions.d.ids }}"\n'
    )
    ran = at_a_terminal(project, "plan", answer="yes")
    assert (ran.status, ran.err.count("Enter a value:")) == (0, 1), ran.out + ran.err
    assert keys(api) == [f"Bearer {KEY}"]


@pytest.mark.parametrize("words", [("plan", "--refresh"), ("destroy", "--auto-approve")])
def test_what_is_stored_is_neither_looked_at_nor_deleted_at_a_host_that_is_not_trusted(
    project: Project, api: FakeAPI, words: tuple[str, ...]
) -> None:
    project.write(completion("a", "hello", *STORED))
    host = api.url.removesuffix("/v1")
    assert project.run("apply", "--auto-approve", "--trust", host).status == 0
    before = len(api.requests)
    assert project.run("plan").status == 0  # nothing is sent: nothing is asked
    assert project.run("apply", "--auto-approve").status == 0
    ran = project.run(*words)
    assert (ran.status, len(api.requests)) == (1, before), ran.err
    assert "Error: Not trusted" in ran.err
    assert project.run(*words, "--trust", host).status == 0


def test_a_saved_plan_is_carried_out_where_the_configuration_is_trusted(
    project: Project, api: FakeAPI
) -> None:
    plan = str(project.directory / "p.plan")
    assert project.run("plan", "--out", plan).status == 0
    held = json.loads(Path(plan).read_bytes())
    assert "THE_KEY" not in json.dumps(held["actions"])
    assert project.run("apply", plan).status == 1
    assert api.requests == []
    project.write(provider(api, api_key_env="OPENAI_API_KEY"), "provider.toml")
    ran = project.run("apply", plan, "--trust", api.url)
    assert "Saved plan is stale" in ran.err
    assert api.requests == []


def test_only_the_part_of_a_plan_that_is_chosen_is_asked_for(
    project: Project, api: FakeAPI
) -> None:
    with serving() as local, trusting():
        text = provider(local).replace("provider.openai", "provider.local") + 'type = "openai"\n'
        project.write(
            text
            + completion("b", "x", 'provider = "local"')
            + completion("a", "y", 'provider = "openai"')
        )
        assert project.run("apply", "--auto-approve", "--target", "completion.b").status == 0
        assert len(local.requests) == 1
    assert project.run("apply", "--auto-approve").status == 1
    assert api.requests == []


def test_a_provider_that_an_answer_names_is_asked_for_before_it_is_known(
    project: Project, api: FakeAPI
) -> None:
    with serving() as local, trusting():
        project.write(
            provider(local).replace("provider.openai", "provider.local")
            + 'type = "openai"\n'
            + completion("first", "openai", 'provider = "local"')
            + completion(
                "a", "x", "provider = \"{{ completion.first.content | replace('echo: ', '') }}\""
            )
        )
        ran = project.run("apply", "--auto-approve")
        assert (ran.status, local.requests, api.requests) == (1, [], [])
        assert "$THE_KEY" in ran.err


def test_a_key_does_not_follow_a_redirect_to_another_host(project: Project, api: FakeAPI) -> None:
    with serving() as other, trusting():
        moved = respond(308, b"", {"location": f"{other.url}/chat/completions"})
        with serving(moved) as first, trusting(first.url):
            project.write(provider(first, api_key_env="THE_KEY"), "provider.toml")
            assert project.run("apply", "--auto-approve").status == 1
            assert (keys(first), other.requests) == ([f"Bearer {KEY}"], [])


def test_a_proxy_is_one_of_the_user_s_own_environment(project: Project) -> None:
    far = '[provider.openai]\nbase_url = "http://far.invalid/v1"\nmax_retries = 0\n'
    project.write(far, "provider.toml")
    with serving() as proxy, trusting("http://far.invalid"):
        own = {"http_proxy": proxy.url, "no_proxy": ""}
        assert project.run("apply", "--auto-approve", env=own).status == 0
        assert [request.headers["Host"] for request in proxy.requests] == ["far.invalid"]
        project.write(completion("a", "again"))
        (project.directory / ".env").write_text(f"http_proxy={proxy.url}\n")
        ran = project.run("apply", "--auto-approve", env={"http_proxy": "", "HTTP_PROXY": ""})
        assert (ran.status, ".env line 1" in ran.err, len(proxy.requests)) == (1, True, 1)


def test_a_401_of_a_host_without_a_key_says_what_is_missing(project: Project) -> None:
    with serving("401") as refusing:
        project.write(provider(refusing), "provider.toml")
        ran = project.apply()
        assert "no key was sent. Name the variable" in ran.err
        assert 'api_key_env = ".."' in ran.err


NAMES = (
    *("RUNNER_TRUST", "runner_trust", "RUNNER_CACHE", "OPENAI_BASE_URL", "HTTPS_PROXY", "no_proxy"),
    *("RUNNER_BACKEND_BUCKET", "OTEL_EXPORTER_OTLP_ENDPOINT", "SSL_CERT_FILE"),
)


@pytest.mark.parametrize("name", NAMES)
def test_dotenv_says_neither_whom_to_trust_nor_where_anything_is_sent(
    project: Project, api: FakeAPI, name: str
) -> None:
    (project.directory / ".env").write_text(f"THE_OTHER=1\n{name}=https://evil.example\n")
    ran = project.run("apply", "--auto-approve")
    assert (ran.status, api.requests) == (1, [])
    assert ".env line 2" in ran.err
    assert f"{name} says where things are sent" in ran.err
    assert "Set it in the environment" in ran.err


def test_dotenv_is_filled_with_nothing_of_the_user_s_environment(
    project: Project, api: FakeAPI
) -> None:
    """`RUNNER_VAR_x=${SECRET}` would send it without env()."""
    project.write(provider(api), "provider.toml")
    project.write("[variable.x]\n" + completion("a", "{{ var.x }}"))
    dotenv = project.directory / ".env"
    dotenv.write_text('A=inner\nRUNNER_VAR_x="so: ${THE_KEY:-none}"\n')
    ran = project.run("apply", "--auto-approve")
    assert (ran.status, api.requests) == (1, [])
    assert ".env line 2" in ran.err
    dotenv.write_text("A=inner\nRUNNER_VAR_x=${A} one\n")
    assert project.run("apply", "--auto-approve").status == 0
    assert api.completions[0].body["messages"][0]["content"] == "inner one"


@pytest.mark.parametrize(
    "hole",
    [
        "{{ env(var.x) }}",
        "{{ env('THE' ~ var.x) }}",
        "{% set e = env %}{{ e('THE_KEY') }}",
        "{{ ['THE_KEY'] | map(env) | list }}",
        "{% set env2 = [env] %}{{ env2[0](name='THE_KEY') }}",
    ],
)
def test_env_spells_the_name_that_it_reads(project: Project, api: FakeAPI, hole: str) -> None:
    project.write(provider(api), "provider.toml")
    project.write('[variable.x]\ndefault = "THE_KEY"\n' + completion("a", hole))
    ran = project.call("apply", "--auto-approve")
    assert (ran.status, api.requests) == (1, [])
    assert "main.toml line" in ran.err
    assert "env() takes the name of one variable as it is written there" in ran.err


def test_env_in_a_provider_spells_its_name_too(project: Project, api: FakeAPI) -> None:
    project.write(provider(api) + 'headers = { x = "{{ env(var.x) }}" }\n', "provider.toml")
    project.write('[variable.x]\ndefault = "THE_KEY"\n' + completion("a", "x"))
    ran = project.apply()
    assert (ran.status, api.requests) == (1, [])
    assert "env() takes the name of one variable as it is written there" in ran.err


def test_a_record_that_is_damaged_is_an_error_and_no_yes(
    project: Project, api: FakeAPI, tmp_path: Path
) -> None:
    at_a_terminal(project, "trust", answer="yes")
    (record,) = (tmp_path / "own").rglob("*.toml")
    record.write_text("[[door")
    ran = project.run("apply", "--auto-approve")
    assert (ran.status, api.requests) == (1, [])
    assert "Record of trust is damaged" in ran.err


def test_a_record_inside_of_the_project_counts_for_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(project.directory / "own"))
    ran = at_a_terminal(project, "apply", "--auto-approve", answer="yes")
    assert ran.status == 0  # for this run, it was said
    assert "Trust is not kept" in ran.err
    assert not (project.directory / "own").exists()
