"""The schemas in the package say what is really written, and no more."""

import json
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest
from msgspec import to_builtins

from runner.core.api.exchange import Failure
from runner.core.api.usage import usage_of
from runner.core.expansion.outputs import OutputValue
from runner.core.language.editor_schema import json_schema
from runner.core.plan.events import Done, Failed, How, Skipped, Started
from runner.core.plan.words import Word
from runner.core.state.records import Status
from runner.operations.applying.ended import Spent
from runner.operations.applying.events import apply_end
from runner.operations.applying.step_events import apply_event
from runner.operations.spending import Paid
from tests.harness.faults import error
from tests.harness.project import Project, completion, provider, serving
from tests.harness.recorded import record

NAMES = ("config", "diff", "drift", "events", "history", "plan", "report", "state")
REGENERATE = """
python -c 'import json, pathlib; from runner.core.language.editor_schema import json_schema
pathlib.Path("runner/schemas/config.schema.json").write_text(
    json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\\n")'
"""


def schema(name: str) -> Any:
    return json.loads((files("runner") / "schemas" / f"{name}.schema.json").read_text("utf-8"))


def faults(name: str, value: Any) -> list[str]:
    made = jsonschema_rs.validator_for(schema(name))
    return [f"{list(e.instance_path)}: {e.message}" for e in made.iter_errors(value)]


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_a_schema(name: str) -> None:
    jsonschema_rs.meta.validate(schema(name))


@pytest.mark.parametrize("name", ["drift", "events", "plan", "report", "state"])
def test_every_object_is_closed_or_a_table_of_names(name: str) -> None:
    """A misspelt key never passes."""

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if "properties" in part:
                assert part.get("additionalProperties") is False, part
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(schema(name))


def test_the_schema_of_the_language_is_in_step_with_what_is_checked() -> None:
    assert schema("config") == json_schema(), f"regenerate it: {REGENERATE}"


@pytest.mark.parametrize(
    ("line", "valid"),
    [
        ('for_each = ["a", "{{ var.x }}"]', True),
        ("for_each = [1]", False),
        ("for_each = [{ a = 1 }]", False),
        ('for_each = "{{ csv(var.x) }}"', True),
        ('lifecycle.ignore_changes = ["temperature", "extra_body", "triggers"]', True),
        ('lifecycle.ignore_changes = ["temprature"]', False),
        ('lifecycle.ignore_changes = ["for_each"]', False),
    ],
)
def test_an_entry_that_is_refused_is_none_for_an_editor_either(
    tmp_path: Path, line: str, valid: bool
) -> None:
    text = completion("a", "hi", line)
    assert (faults("config", tomllib.loads(text)) == []) is valid
    project = Project(tmp_path / "p")
    (project.directory / "configs/data.csv").write_text("id\nx\n")
    project.write(text.replace("csv(var.x)", "csv('data.csv', key='id')") + "[variable.x]\n")
    assert (project.call("validate", "--var", "x=b").status == 0) is valid


def test_validate_prints_it_without_a_project(tmp_path: Path) -> None:
    project = Project(tmp_path / "p")
    (project.directory / "configs").rmdir()
    ran = project.call("validate", "--schema")
    assert (ran.status, ran.err) == (0, "")
    assert json.loads(ran.out) == schema("config")


def test_a_new_project_is_valid_and_a_typing_error_is_not(tmp_path: Path) -> None:
    Project(tmp_path).call("init", "p")
    held = tomllib.loads((tmp_path / "p" / "configs" / "main.toml").read_text())
    assert faults("config", held) == []
    held["completion"]["chat"]["temprature"] = 0
    assert faults("config", held)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """One of everything: chains, instances known later, failures, outputs of both kinds."""
    with serving(script=_script) as api:
        made = Project(tmp_path / "p")
        made.write(
            provider(api)
            + completion("a", "one", "triggers = { v = 1 }")
            + completion("list", "names as json")
            + completion("many", "greet {{ each.key }}", 'for_each = "{{ completion.list.json }}"')
            + completion("bad", "fail")
            + completion("after", "{{ completion.bad.content }}")
            + '[variable.token]\ndefault = "s3cr3t-t0ken"\nsensitive = true\n'
            + '[output.shown]\nvalue = "{{ completion.a.content }}"\n'
            + '[output.hidden]\nvalue = "{{ var.token }}"\nsensitive = true\n'
        )
        yield made


def _script(request: Any) -> Any:
    prompt = request.body["messages"][-1]["content"]
    if prompt == "fail":
        return error(400, None, "invalid_request_error", "No.")
    if prompt == "names as json":
        return json.loads(record("completion.list", '["x", "y"]').response)
    return "ok"


def events(project: Project, *arguments: str) -> list[Any]:
    ran = project.call(*arguments, "--json")
    assert ran.events
    for event in ran.events:
        assert faults("events", event) == [], event
    return ran.events


def test_every_event_of_real_plans_and_applies_is_valid(project: Project) -> None:
    seen = events(project, "plan")
    seen += events(project, "apply", "--auto-approve")
    text = (project.directory / "configs" / "main.toml").read_text()
    project.write(text.replace('"one"', '"two\\nlines"').replace("v = 1", "v = 2"))
    project.write('[[moved]]\nfrom = "completion.list"\nto = "completion.names"\n', "moved.toml")
    moved = (project.directory / "configs" / "main.toml").read_text()
    project.write(moved.replace("completion.list", "completion.names"))
    seen += events(project, "plan")
    seen += events(project, "apply", "--auto-approve")
    seen += events(project, "destroy", "--auto-approve")
    project.write("[completion.x]\ntemprature = 1\n", "wrong.toml")
    seen += events(project, "plan")
    assert {event["type"] for event in seen} == {
        "version",
        "planned_change",
        "change_summary",
        "apply_start",
        "apply_complete",
        "apply_errored",
        "apply_skipped",
        "outputs",
        "diagnostic",
    }
    actions = {e["change"]["action"] for e in seen if e["type"] == "planned_change"}
    assert {"issue", "reissue", "undecided", "instances", "remove", "move"} <= actions


def test_the_rare_events_are_valid() -> None:
    held = record("completion.a")
    told = [
        to_builtins(apply_event(event, lambda record: Paid(usage_of(record.response), 0.5)))
        for event in (
            Started("completion.a"),
            Done("completion.a", "issued", held, "finish_reason is length", 2),
            Done("completion.a", "removed"),
            Failed("completion.a", Failure("no", 429, "requests", "rate", "req_1", 6, 1)),
            Failed("completion.a", Failure("no such host")),
            Failed("completion.a", Failure("not accepted"), held),
            Skipped("completion.b", "completion.a"),
        )
    ]
    outputs = {"x": OutputValue("x", {"a": [None]}), "y": OutputValue("y", "s", sensitive=True)}
    told += apply_end(None, outputs, Spent())
    for event in told:
        assert faults("events", event) == [], event


@pytest.mark.parametrize(
    "event",
    [
        {"type": "apply_begin", "address": "completion.a"},
        {"type": "apply_start"},
        {"type": "apply_start", "address": "completion.a", "more": 1},
        {"type": "outputs", "outputs": {"x": {"sensitive": True, "value": "leak"}}},
    ],
)
def test_an_event_that_is_none_is_refused(event: Any) -> None:
    assert faults("events", event)


def test_a_real_state_is_valid(project: Project) -> None:
    project.call("apply", "--auto-approve")
    held = json.loads(project.state_file.read_bytes())
    assert len(held["records"]) == 4
    assert faults("state", held) == []
    held["records"][0]["fingerprnt"] = "x"
    assert faults("state", held)


def test_real_saved_plans_are_valid(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    project.call("plan", "--var", "token=another-one", "--out", str(path))
    held = json.loads(path.read_bytes())
    assert faults("plan", held) == []
    project.call("apply", "--auto-approve")
    project.call("plan", "--destroy", "--target", "completion.a", "--out", str(path))
    assert faults("plan", json.loads(path.read_bytes())) == []
    held["actions"][0]["adress"] = "x"
    assert faults("plan", held)


WORDS = {
    "replay": set(get_args(Word)) - {"unchanged"},
    "issued": set(get_args(How)),
    "failed_check": set(get_args(Status)),
}


@pytest.mark.parametrize("name", ["events", "plan", "report", "state"])
def test_every_word_for_what_happens_is_in_the_schemas(name: str) -> None:
    def enums(part: Any) -> Iterator[set[str]]:
        if isinstance(part, dict):
            if isinstance(part.get("enum"), list):
                yield set(part["enum"])
            part = list(part.values())
        for inner in part if isinstance(part, list) else ():
            yield from enums(inner)

    for named in enums(schema(name)):
        for word, every in WORDS.items():
            assert word not in named or named == every
