"""`runner output --csv` and `--jsonl`: answers as a table for notebooks."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.harness.project import Project
from tests.harness.recorded import record, write_state


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "p")
    text = 'He said "hi",\nand left; ünïcode'
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    called = json.loads(record("x").response)
    called["choices"][0]["message"] = {"role": "assistant", "content": None, "tool_calls": calls}
    write_state(
        made,
        record('completion.answer["case=q1,model=gpt-4o"]', text),
        record('completion.answer["case=q10,model=gpt-4o"]', "ten"),
        record('completion.answer["case=q2,model=gpt-4o-mini"]', "=1+1"),
        replace(record('completion.answer["case=q3,model=gpt-4o"]', "no"), status="invalid"),
        replace(record('completion.each["a b"]'), response=json.dumps(called).encode()),
        record("completion.many[0]"),
        record("data.chat_completions.old"),
        record("completion.one", identity="openai http://127.0.0.1:9/v1"),
    )
    return made


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_each_answer_is_a_row_with_the_values_of_its_instance(project: Project) -> None:
    ran = project.call("output", "answer", "--csv")
    assert ran.status == 0
    assert ran.out.splitlines()[0] == (
        "address,case,model,answer,status,finish_reason,served_model,prompt_tokens,"
        "completion_tokens,cost,seconds"
    )
    first, second, third = rows(ran.out)
    assert [row["case"] for row in (first, second, third)] == ["q1", "q10", "q2"]
    assert first["answer"] == 'He said "hi",\nand left; ünïcode'
    assert (first["model"], first["served_model"]) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert (first["prompt_tokens"], first["seconds"]) == ("10", "1.234")
    assert float(first["cost"]) > 0


def test_what_was_not_accepted_is_left_out_and_said(project: Project) -> None:
    ran = project.call("output", "answer", "--jsonl")
    assert ran.err == 'Left out, as not accepted: completion.answer["case=q3,model=gpt-4o"].\n'
    assert len(ran.out.splitlines()) == 3
    assert project.call("-q", "output", "answer", "--jsonl").err == ""


def test_both_forms_say_the_same(project: Project) -> None:
    lines = [json.loads(line) for line in project.call("output", "--jsonl").out.splitlines()]
    table = rows(project.call("output", "--csv").out)
    assert len(lines) == len(table) == 6  # no data source
    for line, row in zip(lines, table, strict=True):
        assert list(line) == list(row)
        assert all((value is None) == (row[name] == "") for name, value in line.items())
    called = next(line for line in lines if line["key"] == "a b")
    assert called["answer"][0]["function"]["name"] == "f"
    assert next(line for line in lines if line["key"] == 0)["address"] == "completion.many[0]"
    unpriced = next(line for line in lines if line["address"] == "completion.one")
    assert (unpriced["cost"], unpriced["case"]) == (None, None)


@pytest.mark.parametrize(
    ("named", "number"),
    [("completion.answer", 3), ("answer[model=gpt-4o-mini]", 1), ("completion.*", 6), ("one", 1)],
)
def test_what_is_named_is_a_block_a_selector_or_a_glob(
    project: Project, named: str, number: int
) -> None:
    assert len(rows(project.call("output", named, "--csv").out)) == number


def test_what_is_not_there_is_an_error_with_the_closest_name(project: Project) -> None:
    ran = project.call("output", "anser", "--csv")
    assert (ran.status, ran.out) == (1, "")
    assert "Did you mean" in ran.err
    assert project.call("output", "--csv", "--json").status != 0
