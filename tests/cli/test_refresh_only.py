"""`--refresh-only`: what changed at the servers is shown, and recorded, alone."""

import json
from importlib.resources import files

import jsonschema_rs
import pytest

from tests.harness.project import Project, completion, prompts
from tests.harness.server import FakeAPI

STORED = ("store = true", 'metadata = { kind = "x" }')
LISTED = """
[data.chat_completions.all]
[data.chat_completions.others]
metadata = { kind = "y" }
[output.ids]
value = "{{ data.chat_completions.all.ids }}"
[completion.told]
model = "gpt-4o"
messages = [{ role = "user", content = "There are {{ data.chat_completions.all.ids | length }}" }]
"""


def listed(api: FakeAPI, number: int, **metadata: str) -> str:
    """A completion that somebody else stored."""
    name = f"chatcmpl-there-{number}"
    message = {"role": "assistant", "content": f"there {number}"}
    whole = {"id": name, "object": "chat.completion", "created": 1, "model": "gpt-4o"}
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    api.store.keep({**whole, "choices": choices}, {"messages": [], "metadata": metadata})
    return name


def refresh(project: Project) -> str:
    ran = project.call("apply", "--refresh-only", "--auto-approve")
    assert ran.status == 0, ran.err
    return ran.out


def test_what_a_data_source_says_now_is_recorded_alone(project: Project, api: FakeAPI) -> None:
    listed(api, 1)
    project.write(LISTED)
    assert project.apply().status == 0
    told = project.records["completion.told"]
    listed(api, 2)
    sent = len(prompts(api))
    ran = project.call("plan", "--refresh-only", "--detailed-exitcode")
    assert ran.status == 2
    assert "data.chat_completions.all says something new" in ran.out
    assert "chatcmpl-there-2" in ran.out
    assert "Changes to Outputs:" in ran.out
    assert "completion.told" not in ran.out
    assert "data.chat_completions.others" not in ran.out
    assert "Refresh: 1 record to refresh, 1 output to change. Nothing is issued." in ran.out
    assert "Refresh complete! 1 record refreshed." in refresh(project)
    assert project.outputs["ids"] == [
        "chatcmpl-there-1", "chatcmpl-there-2",
    ]  # fmt: skip
    assert project.records["completion.told"] == told
    assert len(prompts(api)) == sent
    again = project.call("plan", "--refresh-only", "--detailed-exitcode")
    assert (again.status, "No changes." in again.out) == (0, True)
    assert "-/+ completion.told" in project.call("plan", "--offline").out


def test_a_plan_writes_nothing(project: Project, api: FakeAPI) -> None:
    listed(api, 1)
    project.write(LISTED)
    assert project.apply().status == 0
    listed(api, 2)
    written = project.state_file.read_bytes()
    assert project.call("plan", "--refresh-only").status == 0
    assert project.call("apply", "--refresh-only", "--no-input").status == 1
    assert project.state_file.read_bytes() == written


def test_a_protected_answer_is_in_nobodys_way(project: Project, api: FakeAPI) -> None:
    listed(api, 1)
    project.write(f"{LISTED}[completion.told.lifecycle]\nprevent_destroy = true\n")
    assert project.apply().status == 0
    listed(api, 2)
    assert project.call("plan").status == 1
    assert "1 record refreshed" in refresh(project)


def test_a_stored_completion_that_is_gone_is_asked_for_anew(project: Project, api: FakeAPI) -> None:
    project.write(completion("a", "hi", *STORED) + completion("b", "bye", *STORED))
    assert project.apply().status == 0
    before = project.records
    del api.store.completions[before["completion.a"]["response"]["id"]]
    ran = project.call("plan", "--refresh-only")
    assert "completion.a is gone from the server; its recorded answer is kept" in ran.out
    assert "completion.b" not in ran.out
    refresh(project)
    after = project.records
    assert after["completion.a"]["response"] == before["completion.a"]["response"]
    assert after["completion.b"] == before["completion.b"]
    assert "No changes." in project.call("plan", "--refresh-only").out
    assert "Plan: 1 to re-issue." in project.call("plan").out
    assert project.apply().status == 0
    assert len(api.store.completions) == 2


def test_what_is_read_of_a_completion_that_is_gone_waits_for_the_next(
    project: Project, api: FakeAPI
) -> None:
    again = '[data.chat_completion.again]\ncompletion_id = "{{ completion.a.id }}"\n'
    project.write(completion("a", "hi", *STORED) + again)
    assert project.apply().status == 0
    before = project.records["data.chat_completion.again"]
    api.store.completions.clear()
    assert "Cannot read data source" in project.call("plan").err
    assert "1 record refreshed" in refresh(project)
    assert project.records["data.chat_completion.again"] == before
    assert project.apply().status == 0
    assert project.records["data.chat_completion.again"] != before


def test_other_metadata_at_the_server_is_recorded_and_told_again(
    project: Project, api: FakeAPI
) -> None:
    project.write(completion("a", "hi", *STORED))
    assert project.apply().status == 0
    (name,) = api.store.completions
    api.store.completions[name]["metadata"] = {"kind": "z"}
    ran = project.call("plan", "--refresh-only")
    assert "completion.a has other metadata at the server" in ran.out
    assert '~ metadata.kind = "x" -> "z"' in ran.out
    assert "No changes." in project.call("plan").out
    refresh(project)
    assert "~ completion.a" in project.call("plan").out
    assert project.apply().status == 0
    assert api.store.completions[name]["metadata"] == {"kind": "x"}
    assert prompts(api) == ["hi"]


def test_targets_choose_what_is_refreshed(project: Project, api: FakeAPI) -> None:
    listed(api, 1)
    project.write(LISTED + completion("a", "hi", *STORED))
    assert project.apply("--target", "data.chat_completions.all").status == 0
    listed(api, 2, kind="y")
    only = ("--target", "data.chat_completions.others")
    ran = project.call("plan", "--refresh-only", *only)
    assert "data.chat_completions.others is read for the first time" in ran.out
    assert "1 record to refresh" in ran.out
    wrong = project.call("plan", "--refresh-only", "--target", "completion.none")
    assert (wrong.status, "Unknown address" in wrong.err) == (1, True)


def test_events_say_what_changed(project: Project, api: FakeAPI) -> None:
    listed(api, 1)
    project.write(LISTED + completion("a", "hi", *STORED))
    assert project.apply().status == 0
    api.store.completions.clear()
    ran = project.call("apply", "--refresh-only", "--auto-approve", "--json")
    assert [event["type"] for event in ran.events] == [
        "version", "refresh_change", "refresh_change", "refresh_summary", "outputs",
    ]  # fmt: skip
    assert {event["address"]: event["action"] for event in ran.of("refresh_change")} == {
        "completion.a": "gone",
        "data.chat_completions.all": "read",
    }
    schema = (files("runner") / "schemas/events.schema.json").read_text("utf-8")
    made = jsonschema_rs.validator_for(json.loads(schema))
    assert [error.message for event in ran.events for error in made.iter_errors(event)] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("plan --replace completion.a", "--replace cannot stand beside it"),
        ("plan --destroy", "--destroy cannot stand beside it"),
        ("plan --out p", "--out cannot stand beside it"),
        ("plan --batch", "--batch cannot stand beside it"),
        ("plan --offline", "this run is offline"),
        ("plan --watch", "--refresh-only cannot stand beside it"),
        ("apply p", "a saved plan cannot stand beside it"),
        ("apply --stream", "--stream cannot stand beside it"),
    ],
)
def test_what_issues_stands_beside_no_refresh(project: Project, words: str, said: str) -> None:
    project.write(completion("a", "hi"))
    ran = project.call(*words.split(), "--refresh-only")
    assert ran.status == 1
    assert said in " ".join(ran.err.split())
