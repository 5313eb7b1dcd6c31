"""A configuration of promptfoo's, converted by hand: the same verdicts on the same answers."""

import json
from dataclasses import replace
from pathlib import Path

from runner.core.state.records import Record
from tests import ROOT
from tests.harness.project import Project
from tests.harness.recorded import record, write_state

DATA = ROOT / "tests" / "data" / "promptfoo"
ANSWERS = json.loads((DATA / "answers.json").read_text())
VERDICTS: dict[str, str] = json.loads((DATA / "verdicts.json").read_text())["verdicts"]

# What is said otherwise, and stands in "Coming from promptfoo" of the guide with the reason.
NO_JSON_FOR_ALL = {"1E400", '"\\ud800"'}
SPACE_OF_UNICODE = {"a\x85b", "a\x1cb", "a\ufeffb"}
DIFFERS = {
    "icontains_street": {"Hauptstraße 5"},
    "regex_space": {"Lima\xa0Peru", "Lima\u2003Peru", "Lima\x0bPeru"},
    "is_json": NO_JSON_FOR_ALL,
    "not_is_json": NO_JSON_FOR_ALL,
    "assert_set": NO_JSON_FOR_ALL,
    "javascript": {"\U0001f600" * 11},
    "javascript_number": {"0x1F"},
    "word_count": SPACE_OF_UNICODE,
    "not_word_count": SPACE_OF_UNICODE,
    "rouge_n": {"The capital is Lima.", "The\tcapital is Lima."},
}


def recorded(index: int) -> Record:
    """An answer as an apply would have recorded it."""
    said = ANSWERS[index]
    made = record(f"completion.answer[{index}]", said["content"])
    body = json.loads(made.response)
    body["choices"][0]["finish_reason"] = said["finish_reason"]
    body["usage"] = {"prompt_tokens": 0, "completion_tokens": said["tokens"]}
    response = json.dumps(body).encode()
    return replace(made, response=response, duration_ms=said["milliseconds"])


def test_our_verdicts_are_those_of_promptfoo_but_where_the_guide_says(tmp_path: Path) -> None:
    project = Project(tmp_path / "p")
    for name in ("main.toml", "answers.json"):
        project.write((DATA / name).read_text(), name)
    write_state(project, *map(recorded, range(len(ANSWERS))))
    ran = project.call("check", "--json")
    assert ran.status == 3, ran.err
    differs: dict[str, set[str]] = {}
    checks = {check["address"]: check for check in json.loads(ran.out)["checks"]}
    for metric, verdicts in VERDICTS.items():
        answers = checks.pop(f"check.{metric}")["answers"]
        for said, promptfoo, ours in zip(ANSWERS, verdicts, answers, strict=True):
            if ours["outcome"] != ("holds" if promptfoo == "+" else "does not hold"):
                differs.setdefault(metric, set()).add(said["content"])
    assert checks == {}
    assert differs == DIFFERS


def test_each_assertion_is_one_that_holds_for_some_answers_and_not_for_others() -> None:
    assert len(VERDICTS) == 30
    for metric, verdicts in VERDICTS.items():
        assert set(verdicts) == {"+", "-"}, metric
        assert len(verdicts) == len(ANSWERS), metric
