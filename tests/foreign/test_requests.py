"""Requests, one a line, converted: what is sent is what the lines say."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from runner.core.language.check import check
from runner.foreign.requests import convert_requests
from runner.hcl import Converted
from tests import DATA
from tests.harness.project import Project, provider, serving

REQUESTS = DATA / "requests"


def converted(text: str) -> Converted:
    return convert_requests([("r.jsonl", text)])


def bodies(file: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in file.read_text().split("\n") if line]
    given = (line.get("body", line) for line in lines)
    return [{key: value for key, value in body.items() if value is not None} for body in given]


@pytest.mark.parametrize("name", ["bodies", "batch"])
def test_what_is_sent_is_what_the_lines_say(tmp_path: Path, name: str) -> None:
    file = REQUESTS / f"{name}.jsonl"
    project = Project(tmp_path)
    ran = project.call("convert", str(file))
    assert ran.status == 0
    with serving() as api:
        project.write(provider(api) + ran.out)
        assert project.call("validate").status == 0
        project.apply()  # what comes back is no matter here
        sent = [request.body for request in api.requests]
    asked = bodies(file)
    assert sorted(sent, key=first_message) == sorted(asked, key=first_message)


def first_message(body: Any) -> str:
    return json.dumps(body["messages"][0], sort_keys=True)


def test_a_line_of_a_batch_is_named_by_its_id_and_a_body_by_its_number() -> None:
    body = '{"model": "m", "messages": [{"role": "user", "content": "x"}]}'
    made = converted(f'{{"custom_id": "a b-1", "body": {body}}}\n\n{body}\n')
    assert list(tomllib.loads(made.text)["completion"]) == ["a_b_1", "request_3"]
    (warning,) = made.problems
    assert (warning.severity, warning.detail) == (
        "warning",
        "Names are letters, digits and _ here: a b-1 is called a_b_1.",
    )


def test_what_is_said_of_many_lines_is_said_once() -> None:
    body = '{"model": null, "messages": [{"role": "user", "content": "x"}]}'
    made = converted("\n".join(f'{{"custom_id": "a-{n}", "body": {body}}}' for n in range(9)))
    assert ["in 9 lines" in each.detail for each in made.problems] == [True, True]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nope", "not JSON"),
        ("[]", "a JSON object"),
        ('{"model": "m"}', "no messages"),
        ('{"custom_id": "a", "body": 1}', "no messages"),
        ('{"url": "/v1/embeddings", "body": {"input": "x"}}', "POST /v1/embeddings; the runner"),
        ('{"method": "GET", "body": {"messages": []}}', "asks for GET"),
        ('{"model": "m", "messages": [{"content": "x"}]}', "role"),
        ('{"model": "m", "temperature": 5, "messages": []}', "at most 2"),
        ('{"model": "m", "messages": [], "big": 9999999999999999999}', "too large for TOML"),
        ('{"custom_id": "first", "body": {"messages": []}}', "the name of r.jsonl:1 already"),
    ],
)
def test_a_line_that_cannot_be_converted_is_named_and_the_others_are(line: str, said: str) -> None:
    first = '{"custom_id": "first", "body": {"messages": [{"role": "user", "content": "x"}]}}'
    made = converted(f"{first}\n{line}\n")
    assert list(tomllib.loads(made.text)["completion"]) == ["first"]
    assert "# not converted: r.jsonl:2\n" in made.text
    assert all(str(each.where) == "r.jsonl:2" for each in made.problems)
    assert said in " ".join(each.detail for each in made.problems)


def test_a_key_in_a_line_is_copied_nowhere() -> None:
    key = f"sk-{'a1' * 12}"
    made = converted(
        f'{{"messages": [{{"role": "user", "content": "{key}"}}], "api_key": "{key}"}}'
    )
    assert made.problems
    assert key not in made.text + str(made.problems)


def test_what_is_converted_is_valid() -> None:
    made = tomllib.loads(converted((REQUESTS / "bodies.jsonl").read_text()).text)
    for table in made["completion"].values():
        found = check("completion", table)
        assert [each for each in found if each.severity == "error" and not each.foreign] == []
