"""--json: one event a line, each as its schema says, on stdout and nothing else there."""

import json
from importlib.resources import files
from pathlib import Path

import jsonschema_rs
import pytest

from tests.harness.project import Project, Ran, completion, provider, serving

SCHEMA = json.loads((files("runner") / "schemas/events.schema.json").read_bytes())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def _kinds(ran: Ran) -> list[str]:
    """The types of the events, each checked against the schema."""
    check = jsonschema_rs.validator_for(SCHEMA)
    for event in ran.events:
        faults = [f"{fault.instance_path}: {fault.message}" for fault in check.iter_errors(event)]
        assert not faults, (event, faults)
    return [event["type"] for event in ran.events]


def test_plan(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "hi"))
        ran = project.call("plan", "--json")
        assert ran.status == 0
        assert ran.err == ""
        assert _kinds(ran) == ["version", "planned_change", "change_summary"]
        assert project.apply().status == 0
        assert _kinds(project.call("plan", "--json")) == ["version", "change_summary"]
        project.write(provider(api) + completion("a", "ho"))
        changed = project.call("plan", "--json")
    (change,) = changed.of("planned_change")
    assert change["change"]["changes"] == [
        {"path": "messages[0].content", "old": "hi", "new": "ho"}
    ]
    assert _kinds(changed)[-1] == "change_summary"


def test_a_value_that_was_recorded_before_it_was_declared_sensitive_is_not_shown(
    project: Project,
) -> None:
    declared = "[variable.token]\ndefault = 's3cr3t-t0ken'\n"
    with serving() as api:
        project.write(provider(api) + declared + completion("a", "with {{ var.token }}"))
        assert project.apply().status == 0
        declared += "sensitive = true\n"
        project.write(provider(api) + declared + completion("a", "and with {{ var.token }}"))
        changed = project.call("plan", "--json")
    assert "planned_change" in _kinds(changed)
    assert "s3cr3t-t0ken" not in changed.out


def test_apply_with_every_outcome(project: Project) -> None:
    with serving("ok", "500") as api:
        project.write(
            provider(api)
            + completion("a", "one")
            + completion("b", "two {{ completion.a.content }}")
            + completion("c", "three {{ completion.b.content }}")
        )
        ran = project.apply("--json")
        assert ran.status == 1
        kinds = _kinds(ran)
        for kind in (
            "apply_start",
            "apply_complete",
            "apply_errored",
            "apply_skipped",
            "diagnostic",
            "outputs",
        ):
            assert kind in kinds
        (failed,) = ran.of("apply_errored")
        assert failed["address"] == "completion.b"
        assert failed["error"]["status"] == 500
        done = ran.of("change_summary")[-1]
        assert (done["changes"], done["failed"], done["skipped"]) == ({"issued": 1}, 1, 1)
        assert done["message"].startswith("Apply incomplete: 1 issued, 1 failed.")
        (said,) = ran.of("outputs")
        assert said["outputs"] == {"a": {"sensitive": False, "value": "echo: one"}}
        again = project.apply("--json")
        assert again.status == 0
        _kinds(again)
        none = project.apply("--json")
        assert none.status == 0
        _kinds(none)
        gone = project.call("destroy", "--auto-approve", "--json")
        assert gone.status == 0
        _kinds(gone)


def test_a_mistake_is_a_diagnostic_event(project: Project) -> None:
    project.write(completion("a", "hi", "temperature = 3"))
    ran = project.call("plan", "--json")
    assert ran.status == 1
    assert ran.err == ""
    (event,) = ran.of("diagnostic")
    assert _kinds(ran) == ["diagnostic"]
    found = event["diagnostic"]
    assert found["severity"] == "error"
    assert found["range"]["filename"] == "configs/main.toml"
    assert found["range"]["start"] == {"line": 3, "column": 15}
    assert found["snippet"]["code"] == "temperature = 3"


def test_a_stopped_run_says_so(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("many", "{{ count.index }}", "count = 5"))
        ran = project.apply("--json", "--max-requests", "2")
        assert ran.status == 1
        _kinds(ran)
        assert "--max-requests 2" in ran.of("change_summary")[-1]["stopped"]
        assert ran.of("change_summary")[-1]["message"].startswith("Apply incomplete: 2 issued")


def test_validate_speaks_as_terraform_does(project: Project) -> None:
    project.write(completion("a", "hi", "temperature = 3"))
    ran = project.call("validate", "--json")
    assert ran.status == 1
    told = json.loads(ran.out)
    assert (told["valid"], told["error_count"]) == (False, 1)
    assert told["diagnostics"][0]["range"]["start"]["line"] == 3
    project.write(completion("a", "hi"))
    good = project.call("validate", "--json")
    assert good.status == 0
    assert json.loads(good.out)["valid"] is True
