import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest

from runner.cli.views.plan import acts_text
from runner.cli.views.style import Style
from runner.core.plan.words import Word
from tests.harness.project import Project, Ran, completion, prompts, provider, serving
from tests.harness.recorded import write_state
from tests.harness.server import FakeAPI

SECRET = "s3cr3t-t0ken-0123"
VARIABLES = """
[variable.topic]
default = "the sea"
[variable.token]
default = "none"
sensitive = true
[variable.extra]
type = "any"
default = "x"
"""
CHAIN = completion("a", "about {{ var.topic }} {{ file('note.txt') }}") + completion(
    "b", "then {{ completion.a.content }}"
)

Made = tuple[Project, FakeAPI, str]  # and where a plan may be saved


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    with serving() as api:
        project = Project(tmp_path / "p")
        project.write("a note", "note.txt")
        project.write(provider(api) + VARIABLES + CHAIN)
        yield project, api, str(tmp_path / "plan.json")


def saved(path: str) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(Path(path).read_bytes())
    return held


def stale(ran: Ran) -> str:
    assert ran.status == 1
    assert "Saved plan is stale" in ran.err
    return ran.err


def test_a_saved_plan_is_applied_without_a_question(made: Made) -> None:
    """What the plan said, with the variables of its command line; then nothing is left."""
    project, api, path = made
    plan = project.call("plan", "--var", "topic=ice", "--out", path)
    assert plan.status == 0
    assert f"runner apply {path}" in plan.out
    ran = project.call("apply", path)
    assert ran.status == 0
    assert prompts(api)[0] == "about ice a note"
    assert project.call("plan", "--var", "topic=ice", "--detailed-exitcode").status == 0


def test_it_says_what_will_happen(made: Made) -> None:
    project, _, path = made
    plan = project.call("plan", "--out", path)
    held = saved(path)
    assert [(act["address"], act["action"]) for act in held["actions"]] == [
        ("completion.a", "issue"),
        ("completion.b", "undecided"),
    ]
    assert held["text"] in plan.out
    assert held["summary"] in held["text"]
    assert project.call("show", path).out == held["text"]
    told = json.loads(project.call("show", path, "--json").out)
    shape = json.loads((files("runner") / "schemas" / "plan.schema.json").read_text("utf-8"))
    assert jsonschema_rs.validator_for(shape).is_valid(told)
    changes = told.pop("changes")
    assert told == held
    planned = project.call("plan", "--json").of("planned_change")
    assert changes == [event["change"] for event in planned]
    assert changes


def test_a_second_apply_of_the_same_plan_is_stale(made: Made) -> None:
    project, api, path = made
    project.call("plan", "--out", path)
    assert project.call("apply", path).status == 0
    assert "The state was written" in stale(project.call("apply", path))
    assert len(api.completions) == 2


def test_a_plan_with_nothing_to_do_says_so(made: Made) -> None:
    project, api, path = made
    project.apply()
    project.call("plan", "--out", path)
    ran = project.call("apply", path)
    assert ran.status == 0
    assert ran.out.startswith("No changes.")
    assert len(api.completions) == 2


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("new.toml", "[locals]\nx = 1\n", "configs/new.toml is new"),
        ("note.txt", "another note", "configs/note.txt is not what it was"),
        ("vars.toml", 'topic = "ice"\n', "var.topic is not what it was"),
    ],
)
def test_a_changed_configuration_makes_it_stale(
    made: Made, name: str, text: str, said: str
) -> None:
    project, api, path = made
    project.call("plan", "--out", path)
    project.write(text, name)
    assert said in stale(project.call("apply", path))
    assert not api.completions


def test_a_removed_file_makes_it_stale(made: Made) -> None:
    project, _, path = made
    extra = project.write("[locals]\nx = 1\n", "extra.toml")
    project.call("plan", "--out", path)
    extra.unlink()
    assert "configs/extra.toml is gone" in stale(project.call("apply", path))


def test_a_variable_of_the_environment_counts(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    project, _, path = made
    monkeypatch.setenv("RUNNER_VAR_topic", "ice")
    project.call("plan", "--out", path)
    monkeypatch.delenv("RUNNER_VAR_topic")
    assert "var.topic" in stale(project.call("apply", path))
    monkeypatch.setenv("RUNNER_VAR_topic", "ice")
    assert project.call("apply", path).status == 0


def test_a_sensitive_value_is_not_in_the_file_and_has_to_be_given_again(made: Made) -> None:
    project, _, path = made
    project.write(completion("c", "with {{ var.token }}"), "c.toml")
    project.call("plan", "--var", f"token={SECRET}", "--var", "topic=ice", "--out", path)
    text = Path(path).read_text()
    assert SECRET not in text
    assert saved(path)["variables"]["var"] == ["topic=ice"]
    assert "a sensitive one has another value" in stale(project.call("apply", path))
    ran = project.call("apply", path, "--var", f"token={SECRET}")
    assert ran.status == 0
    assert SECRET not in ran.out + ran.err


def test_the_same_secret_has_another_digest_in_each_plan(made: Made, tmp_path: Path) -> None:
    project, _, path = made
    project.call("plan", "--out", path)
    project.call("plan", "--out", str(tmp_path / "other.json"))
    assert (
        saved(path)["config"]["sensitive"]
        != saved(str(tmp_path / "other.json"))["config"]["sensitive"]
    )


def test_values_of_any_type_can_be_saved(made: Made) -> None:
    project, _, path = made
    project.write(f"extra = [{2**53}, 1.5, true, 1979-05-27, {{ a = [] }}]\n", "vars.toml")
    assert project.call("plan", "--out", path).status == 0
    assert project.call("apply", path).status == 0


def test_variable_files_are_read_again(made: Made, tmp_path: Path) -> None:
    project, api, path = made
    values = tmp_path / "values.toml"
    values.write_text('topic = "ice"\n')
    project.call("plan", "--var-file", str(values), "--out", path)
    values.write_text('topic = "fire"\n')
    assert "var.topic" in stale(project.call("apply", path, "--var-file", str(values)))
    values.write_text('topic = "ice"\n')
    assert project.call("apply", path, "--var-file", str(values)).status == 0
    assert prompts(api)[0] == "about ice a note"


def test_a_flag_before_a_file_is_not_saved_over_it(made: Made, tmp_path: Path) -> None:
    project, api, path = made
    values = tmp_path / "values.toml"
    values.write_text('topic = "ice"\n')
    project.call("plan", "--var", "topic=fire", "--var-file", str(values), "--out", path)
    assert project.call("apply", path, "--var-file", str(values)).status == 0
    assert prompts(api)[0] == "about ice a note"


def test_a_file_that_is_named_again_stands_where_it_stood(made: Made, tmp_path: Path) -> None:
    project, api, path = made
    values = tmp_path / "values.toml"
    values.write_text('topic = "ice"\n')
    project.call("plan", "--var-file", str(values), "--var", "topic=fire", "--out", path)
    assert project.call("apply", path, "--var-file", str(values)).status == 0
    assert prompts(api)[0] == "about fire a note"


def test_the_choice_is_the_plans(made: Made) -> None:
    project, api, path = made
    project.call("plan", "--target", "completion.a", "--out", path)
    assert project.call("apply", path).status == 0
    assert list(project.records) == ["completion.a"]
    project.call("plan", "--replace", "completion.a", "--exclude", "completion.b", "--out", path)
    assert project.call("apply", path).status == 0
    assert len(api.completions) == 2
    project.call("plan", "--destroy", "--out", path)
    assert project.call("apply", path).status == 0
    assert project.records == {}


@pytest.mark.parametrize("flag", [("--target", "completion.a"), ("--destroy",)])
def test_a_choice_beside_it_is_refused(made: Made, flag: tuple[str, ...]) -> None:
    project, api, path = made
    project.call("plan", "--out", path)
    ran = project.call("apply", path, *flag)
    assert ran.status == 1
    assert f"{flag[0]} cannot stand beside it" in ran.err
    assert not api.completions


def test_a_state_of_another_lineage_makes_it_stale(made: Made) -> None:
    project, _, path = made
    project.apply("--target", "completion.a")
    project.call("plan", "--out", path)
    project.state_file.unlink()
    write_state(project, lineage="another", serial=0)
    assert "another state" in stale(project.call("apply", path))


def test_a_state_that_was_edited_makes_it_stale(made: Made) -> None:
    """By hand or by a merge: the serial is as it was, and the old answer is another."""
    project, api, path = made
    project.apply()
    project.call("plan", "--var", "topic=ice", "--out", path)
    held = project.state_file.read_text()
    project.state_file.write_text(held.replace("about the sea a note", "about the lake a note"))
    assert "The state was edited" in stale(project.call("apply", path))
    assert len(api.completions) == 2
    project.state_file.write_text(held)
    assert project.call("apply", path).status == 0


def test_what_a_file_says_of_itself_is_shown_to_nobody(made: Made) -> None:
    """The text is made anew: from the project, or where that has no such plan, from the actions."""
    project, api, path = made
    honest = project.call("plan", "--out", path).out
    held = saved(path)
    lie = {"text": "No changes.\n", "summary": "No changes."}
    told = [{**act, "reason": "is unchanged"} for act in held["actions"]]
    Path(path).write_text(json.dumps({**held, **lie, "actions": told}))
    shown = project.call("show", path)
    assert (shown.status, shown.err) == (0, "")
    assert honest.startswith(shown.out)
    assert "a note" in shown.out
    assert json.loads(project.call("show", path, "--json").out)["text"] == shown.out
    assert json.loads(project.call("show", path, "--json").out)["summary"] in shown.out
    project.write((project.directory / "configs/main.toml").read_text() + "\n# a note\n")
    shown = project.call("show", path)
    assert shown.status == 0
    assert "No changes" not in shown.out
    assert "  # completion.a will be issued\n  + completion.a\n" in shown.out
    assert "Plan: 1 to issue (up to 1 more once those are known)." in shown.out
    assert "The configuration changed: configs/main.toml is not what it was" in shown.err
    assert json.loads(project.call("show", path, "--json").out)["summary"].startswith("Plan: 1 to")
    assert not api.requests


def test_actions_of_a_file_forge_no_line(made: Made) -> None:
    project, _, path = made
    project.call("plan", "--out", path)
    held = saved(path)
    held["actions"][0] |= {"address": "a\n\nNo changes.", "action": "b\nNo changes."}
    Path(path).write_text(json.dumps(held))
    shown = project.call("show", path).out
    assert "\nNo changes." not in shown
    assert "Plan: " in shown
    assert project.call("apply", path).status == 1


@pytest.mark.parametrize("depth", [200, 900, 5_000, 100_000])
def test_a_plan_that_nests_too_deeply_is_damaged(made: Made, depth: int) -> None:
    project, _, path = made
    project.call("plan", "--out", path)
    sound = Path(path).read_text()
    nest = "[" * depth + "]" * depth
    for place, instead in (
        ('"serial": 0', f'"serial": {nest}'),
        ('"actions": [', f'"more": {nest}, "actions": ['),
    ):
        assert place in sound
        Path(path).write_text(sound.replace(place, instead))
        for verb in (("show", path), ("show", "--json", path), ("apply", path)):
            ran = project.call(*verb)
            assert ran.status == 1
            assert "Saved plan is damaged" in ran.err + ran.out
    assert project.call("plan", "--out", path).status == 0


def test_a_number_of_a_plan_that_no_program_reads_is_damage(made: Made) -> None:
    project, _, path = made
    project.call("plan", "--out", path)
    Path(path).write_text(Path(path).read_text().replace('"serial": 0', f'"serial": {2**64}'))
    assert "Saved plan is damaged" in project.call("show", "--json", path).out


def test_a_plan_without_a_digest_of_the_state_is_carried_out(made: Made) -> None:
    """As plans were saved before they had one."""
    project, _, path = made
    project.call("plan", "--out", path)
    held = saved(path)
    del held["state"]["records"]
    Path(path).write_text(json.dumps(held))
    assert project.call("apply", path).status == 0


def test_a_state_that_appeared_makes_it_stale(made: Made) -> None:
    project, api, path = made
    project.call("plan", "--out", path)
    project.apply("--target", "completion.a")
    assert "The state was written (serial 1, not 0)" in stale(project.call("apply", path))
    assert len(api.completions) == 1


def test_an_answer_that_was_free_and_is_not_any_more_makes_it_stale(made: Made) -> None:
    """Nothing is paid that the plan did not say."""
    project, api, path = made
    project.apply()
    project.call("state", "rm", "completion.a")
    project.call("plan", "--out", path)
    assert saved(path)["actions"][0]["action"] == "replay"
    project.call("cache", "clear", "--auto-approve")
    said = stale(project.call("apply", path))
    assert "What has to happen at completion.a changed (replay, now issue)" in said
    assert len(api.completions) == 2


@pytest.mark.parametrize("before", [("--target", "completion.a"), ()])
def test_an_answer_that_became_free_is_no_difference(made: Made, before: tuple[str, ...]) -> None:
    """A crash in the middle of it: what was paid is in the cache, and the plan goes on."""
    project, api, path = made
    names = completion("names", "{{ completion.a.content }}")
    each = completion("c", "{{ each.key }}", 'for_each = ["{{ completion.names.content }}"]')
    project.write(names + each, "more.toml")
    project.call("plan", "--out", path)
    assert "instances" in {act["action"] for act in saved(path)["actions"]}
    project.call("workspace", "new", "other")
    assert project.apply("--workspace", "other", *before).status == 0
    assert project.call("apply", path).status == 0
    assert sorted(prompts(api)) == sorted(set(prompts(api)))
    assert len(project.records) == 4


def test_moves_are_part_of_it(made: Made) -> None:
    project, api, path = made
    project.apply()
    text = (project.directory / "configs/main.toml").read_text()
    moved = '[[moved]]\nfrom = "completion.b"\nto = "completion.c"\n'
    project.write(text.replace("completion.b]", "completion.c]") + moved)
    project.call("plan", "--out", path)
    assert {"address": "completion.c", "action": "move"}.items() <= saved(path)["actions"][
        0
    ].items()
    assert project.call("apply", path).status == 0
    assert sorted(project.records) == ["completion.a", "completion.c"]
    assert len(api.completions) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Not a saved plan"),
        (b"[1, 2]", "Not a saved plan"),
        (b'{"format": "terraform-plan"}', "Not a saved plan"),
        (b"\xff\xfe\x00", "Not a saved plan"),
        (b'{"format": "runner-plan"}', "Saved plan is damaged"),
        (b'{\n  "format": "runner-plan",\n  "version": 1,\n  "act', "Saved plan is damaged"),
        (b'{"format": "runner-plan", "version": 1, "actions": 7}', "Saved plan is damaged"),
        (b'{"format": "runner-plan", "version": 9, "x": 1}', "Saved plan is from a newer runner"),
    ],
)
@pytest.mark.parametrize("verb", ["apply", "show"])
def test_a_file_that_is_no_whole_plan_is_refused(
    tmp_path: Path, content: bytes, said: str, verb: str
) -> None:
    project = Project(tmp_path / "p")
    (tmp_path / "plan.json").write_bytes(content)
    ran = project.call(verb, str(tmp_path / "plan.json"))
    assert (ran.status, ran.out) == (1, "")
    assert said in ran.err


def test_a_plan_file_that_is_not_there_or_is_a_folder(tmp_path: Path) -> None:
    project = Project(tmp_path / "p")
    missing = project.call("apply", "completion.a")
    assert missing.status == 1
    assert "No such file" in missing.err
    assert "--target" in missing.err
    assert "is a directory" in project.call("apply", str(tmp_path)).err


def test_out_replaces_a_plan_and_nothing_else(made: Made, tmp_path: Path) -> None:
    project, _, path = made
    assert project.call("plan", "--out", path).status == 0
    assert project.call("plan", "--out", path).status == 0
    config = project.directory / "configs" / "main.toml"
    before = config.read_bytes()
    ran = project.call("plan", "--out", str(config))
    assert ran.status == 1
    assert "File exists" in ran.err
    assert config.read_bytes() == before
    ran = project.call("plan", "--out", str(tmp_path / "nowhere" / "plan.json"))
    assert ran.status == 1
    assert "No such directory" in ran.err


@pytest.mark.parametrize("word", [word for word in get_args(Word) if word != "unchanged"])
def test_every_action_of_a_saved_plan_has_words(word: str) -> None:
    assert "not known here" not in acts_text([("completion.a", word)], Style(colour=False))
