"""`data.runner_state`: what a project reads of the outputs of another one."""

import json
from pathlib import Path

import pytest

from tests.harness.backends import trusted_bucket, trusted_folder
from tests.harness.object_stores import moto
from tests.harness.project import Project, completion, provider
from tests.harness.server import FakeAPI
from tests.harness.state_server import state_server

OUTPUTS = """
[variable.word]
default = "hush"
sensitive = true

[output.summary]
value = "{{ var_of }}"

[output.table]
value = { of = [1, 2.5], last = "x" }

[output.hidden]
value = "{{ var.word }}"
sensitive = true
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return trusted_folder(tmp_path / "bucket", "research", monkeypatch)


def inline(backend: str) -> str:
    return "{ " + ", ".join(backend.strip().splitlines()) + " }"


def source(backend: str, more: str = "") -> str:
    return f"[data.runner_state.up]\nbackend = {inline(backend)}\n{more}"


def outputs(summary: str) -> str:
    return OUTPUTS.replace("{{ var_of }}", summary)


def upstream(tmp_path: Path, api: FakeAPI, backend: str, summary: str = "All is well.") -> Project:
    """A project whose state is there, with an answer and outputs."""
    made = Project(tmp_path / "up")
    made.write(provider(api), "provider.toml")
    made.write(f"[runner.backend]\n{backend}", "backend.toml")
    made.write(completion("a", "hello") + outputs(summary))
    done(made, "init")
    done(made, "apply", "-y")
    return made


def done(project: Project, *arguments: str) -> None:
    ran = project.call(*arguments)
    assert ran.status == 0, ran.err


def downstream(tmp_path: Path, api: FakeAPI, configuration: str) -> Project:
    made = Project(tmp_path / "down")
    made.write(provider(api), "provider.toml")
    made.write(configuration)
    return made


SUMMARY = "{{ data.runner_state.up.outputs.summary }}"


def said(api: FakeAPI) -> str:
    return str(api.requests[-1].body["messages"][0]["content"])


def test_a_prompt_holds_an_output_of_another_project_and_follows_it(
    tmp_path: Path, api: FakeAPI, backend: str
) -> None:
    up = upstream(tmp_path, api, backend)
    down = downstream(tmp_path, api, source(backend) + completion("b", SUMMARY))
    assert down.apply().status == 0
    assert said(api) == "All is well."
    assert down.call("plan", "--detailed-exitcode").status == 0
    up.write(completion("a", "hello") + outputs("All is lost."))
    done(up, "apply", "-y")
    offline = down.call("plan", "--offline", "--detailed-exitcode")
    assert offline.status == 0
    plan = down.call("plan")
    assert "All is lost." in plan.out
    assert down.apply().status == 0
    assert said(api) == "All is lost."
    assert len(api.requests) == 3


def test_what_depends_on_an_answer_is_read_once_that_is_there(
    tmp_path: Path, api: FakeAPI, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream(tmp_path, api, backend)
    late = source(backend, 'depends_on = ["completion.first"]\n')
    down = downstream(
        tmp_path, api, late + completion("first", "Begin.") + completion("b", SUMMARY)
    )
    assert "<= data.runner_state.up" in down.call("plan").out
    assert down.apply().status == 0
    assert said(api) == "All is well."
    down.write(late + completion("first", "Anew.") + completion("b", SUMMARY))
    sent = len(api.requests)
    monkeypatch.setenv("RUNNER_TRUST", "")
    ran = down.apply()
    assert ran.status == 1
    assert "Not trusted" in ran.err
    assert len(api.requests) == sent


def test_outputs_keep_their_types_the_serial_is_known_and_sensitive_ones_are_left_out(
    tmp_path: Path, api: FakeAPI, backend: str
) -> None:
    up = upstream(tmp_path, api, backend)
    held = '[output.all]\nvalue = "{{ data.runner_state.up.outputs }}"\n'
    serial = '[output.serial]\nvalue = "{{ data.runner_state.up.serial }}"\n'
    down = downstream(tmp_path, api, source(backend) + held + serial)
    assert down.apply().status == 0
    found = json.loads(down.call("output", "--json").out)
    assert found["all"]["table"] == {"of": [1, 2.5], "last": "x"}
    assert "hidden" not in found["all"]
    written = up.call("state", "pull").out
    assert found["serial"] == json.loads(written)["serial"]
    assert "hush" not in written
    assert "hush" not in (down.directory / "state/state.json").read_text()


def test_a_project_of_outputs_alone_can_be_read(tmp_path: Path, api: FakeAPI, backend: str) -> None:
    up = Project(tmp_path / "up")
    up.write(f'[runner.backend]\n{backend}\n[output.summary]\nvalue = "Alone."\n')
    done(up, "init")
    done(up, "apply", "-y")
    down = downstream(tmp_path, api, source(backend) + completion("b", SUMMARY))
    assert down.apply().status == 0
    assert said(api) == "Alone."


def test_each_instance_reads_a_workspace(tmp_path: Path, api: FakeAPI, backend: str) -> None:
    up = upstream(tmp_path, api, backend)
    done(up, "workspace", "new", "prod")
    up.write(completion("a", "hello") + outputs("In {{ workspace }}."))
    done(up, "--workspace", "prod", "apply", "-y")
    each = 'for_each = ["default", "prod"]\nworkspace = "{{ each.value }}"\n'
    held = "{{ data.runner_state.up.values() | map(attribute='outputs.summary') | list }}"
    down = downstream(tmp_path, api, source(backend, each) + f'[output.all]\nvalue = "{held}"\n')
    assert down.apply().status == 0
    found = json.loads(down.call("output", "--json").out)
    assert found["all"] == ["All is well.", "In prod."]
    down.write(source(backend, 'workspace = "prd"\n') + completion("b", SUMMARY))
    ran = down.call("plan")
    assert ran.status == 1
    assert 'no workspace "prd"' in ran.err
    assert 'Did you mean "prod"?' in ran.err


def test_a_state_at_a_server_is_read(
    tmp_path: Path, api: FakeAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    with state_server() as server:
        backend = f'type = "http"\naddress = "{server.address}"\n'
        upstream(tmp_path, api, backend)
        down = downstream(tmp_path, api, source(backend) + completion("b", SUMMARY))
        assert down.apply().status == 0
    assert said(api) == "All is well."
    ran = down.call("plan")
    assert ran.status == 1
    assert "Cannot read data source" in ran.err
    assert "main.toml line 1" in ran.err


def test_nothing_is_read_before_somebody_trusts_the_project_with_it(
    tmp_path: Path, api: FakeAPI, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream(tmp_path, api, backend)
    down = downstream(tmp_path, api, source(backend) + completion("b", SUMMARY))
    monkeypatch.setenv("RUNNER_TRUST", "")
    ran = down.call("plan")
    assert ran.status == 1
    assert "Not trusted" in ran.err
    assert "main.toml line 2" in ran.err
    assert f"--trust file://{(tmp_path / 'bucket').resolve()}" in ran.err


def test_where_no_state_is_nothing_is_made(tmp_path: Path, api: FakeAPI, backend: str) -> None:
    down = downstream(tmp_path, api, source(backend) + completion("b", SUMMARY))
    ran = down.call("plan")
    assert ran.status == 1
    assert "there is no folder" in ran.err
    assert "main.toml line 1" in ran.err
    assert not (tmp_path / "bucket").exists()
    (tmp_path / "bucket").mkdir()
    assert "there is no state in" in down.call("plan").err


def test_a_state_without_outputs_says_how_to_get_them(
    tmp_path: Path, api: FakeAPI, backend: str
) -> None:
    up = Project(tmp_path / "up")
    up.write(provider(api), "provider.toml")
    up.write(completion("a", "hello") + outputs("Later."))
    done(up, "apply", "-y")
    up.write(f"[runner.backend]\n{backend}", "backend.toml")
    done(up, "init", "--migrate-state")
    down = downstream(tmp_path, api, source(backend) + completion("b", SUMMARY))
    ran = down.call("plan")
    assert ran.status == 1
    assert "holds no outputs" in ran.err
    done(up, "apply", "-y")
    assert down.apply().status == 0
    assert said(api) == "Later."
    assert len(api.requests) == 2


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ("[data.runner_state.up]\n", "backend"),
        ('[data.runner_state.up]\nbackend = { type = "s4" }\n', "s3"),
        ('[data.runner_state.up]\nbackend = { type = "s3" }\n', "needs bucket"),
        ('[data.runner_state.up]\nprovider = "mock"\nbackend = { type = "s3" }\n', "provider"),
        ('[data.runner_state.up]\nbackend = { type = "{{ 1 }}" }\n', "backend"),
    ],
)
def test_what_is_no_backend_is_told_at_its_line(
    tmp_path: Path, api: FakeAPI, configuration: str, words: str
) -> None:
    ran = downstream(tmp_path, api, configuration).call("validate")
    assert ran.status == 1
    assert words in ran.err
    assert "main.toml line" in ran.err


def test_an_attribute_or_an_output_that_there_is_not_is_told_at_its_line(
    tmp_path: Path, api: FakeAPI, backend: str
) -> None:
    upstream(tmp_path, api, backend)
    for hole, words in (("output.summary", "outputs"), ("outputs.sumary", "sumary")):
        made = completion("b", f"{{{{ data.runner_state.up.{hole} }}}}")
        ran = downstream(tmp_path, api, source(backend) + made).call("plan")
        assert ran.status == 1
        assert words in ran.err
        assert "main.toml line" in ran.err


def test_a_bucket_of_s3_is_read(
    tmp_path: Path, api: FakeAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    with moto(tmp_path / "moto") as url:
        backend = trusted_bucket(url, monkeypatch)
        upstream(tmp_path, api, backend)
        down = downstream(tmp_path, api, source(backend) + completion("b", SUMMARY))
        assert down.apply().status == 0
        assert said(api) == "All is well."
        monkeypatch.delenv("SECRET")
        ran = down.call("plan")
    assert ran.status == 1
    assert "SECRET" in ran.err
    assert "main.toml line" in ran.err
    assert "made-up-secret" not in (down.directory / "state/state.json").read_text()


@pytest.mark.parametrize("is_beside", [True, False])
def test_lazy_outputs_are_not_there_and_it_is_said_how_they_get_there(
    tmp_path: Path,
    api: FakeAPI,
    backend: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_beside: bool,
) -> None:
    up = Project(tmp_path / "up")
    up.write(provider(api), "provider.toml")
    settings = "" if is_beside else f"[runner.backend]\n{backend}\n"
    up.write(f'{settings}[runner.state]\noutputs = "lazy"\n', "settings.toml")
    up.write(completion("a", "hello") + outputs("All is well."))
    done(up, "init")
    done(up, "apply", "-y")
    if is_beside:
        monkeypatch.setenv("RUNNER_TRUST", f"file://{(tmp_path / 'up/state').resolve()}")
        backend = 'type = "file"\npath = "../up/state"\n'
    down = downstream(tmp_path, api, source(backend) + completion("b", SUMMARY))
    ran = down.call("plan")
    assert ran.status == 1
    assert 'outputs = "file" in [runner.state]' in ran.err
    up.write(settings, "settings.toml")
    done(up, "apply", "-y")
    done(down, "apply", "-y")
    assert said(api) == "All is well."


def test_a_project_without_a_backend_is_read_where_its_state_lies(
    tmp_path: Path, api: FakeAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    up = Project(tmp_path / "up")
    up.write(provider(api), "provider.toml")
    up.write(completion("a", "hello") + outputs("All is well."))
    done(up, "apply", "-y")
    done(up, "workspace", "new", "prod")
    beside = 'type = "file"\npath = "../up/state"\n'
    down = downstream(tmp_path, api, source(beside) + completion("b", SUMMARY))
    refused = down.call("plan")
    assert refused.status == 1
    assert "Not trusted" in refused.err
    monkeypatch.setenv("RUNNER_TRUST", f"file://{(tmp_path / 'up/state').resolve()}")
    before = {path: path.stat().st_mtime_ns for path in up.directory.rglob("*")}
    assert down.apply().status == 0
    assert said(api) == "All is well."
    assert down.call("plan", "--detailed-exitcode").status == 0
    assert b"hush" not in (down.directory / "state/state.json").read_bytes()
    down.write(source(beside, 'workspace = "prod"\n') + completion("b", SUMMARY))
    missing = down.call("plan")
    assert missing.status == 1
    assert "there is no state in" in missing.err
    assert {path: path.stat().st_mtime_ns for path in up.directory.rglob("*")} == before
    (up.directory / "state/outputs.json").unlink()
    (up.directory / "state/outputs.json").symlink_to(tmp_path / "own")
    down.write(source(beside) + completion("b", SUMMARY))
    assert "is the other project's to mend" in down.call("plan").err
