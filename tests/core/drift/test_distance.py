"""How far apart answers are: what differs in each answer anyhow is no distance."""

import json
from typing import Any

import pytest

from runner.core.api.answer import Answer
from runner.core.drift.distance import distance, meant


def answer(**message: Any) -> Answer:
    return Answer(json.dumps({"choices": [{"message": message}]}).encode())


def call(identifier: str, arguments: str) -> dict[str, Any]:
    function = {"name": "weather", "arguments": arguments}
    return {"id": identifier, "type": "function", "function": function}


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("", "", 0),
        ("Lima", "Lima", 0),
        ("Lima", "Cusco", 1),
        ("Lima", "", 1),
        ("It is Lima", "It is  Lima\n", 0),
        ("It is Lima", "It is Lima.", 1 / 7),
        ("It is Lima", "it is Lima", 1 / 3),
        ("\u5229\u99ac\u5e02", "\u5229\u99ac\u5dde", 1 / 3),
    ],
)
def test_texts_are_apart_by_their_words(one: str, other: str, apart: float) -> None:
    first, second = meant(answer(content=one)), meant(answer(content=other))
    assert distance(first, second) == distance(second, first) == pytest.approx(apart)


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ('{"a": 1, "b": "x"}', '{ "b":"x",\n "a":1 }', 0),
        ('{"a": 1, "b": "x"}', '{"a": 2, "b": "x"}', 1 / 2),
        ('{"a": 1, "b": "x"}', '{"a": 1}', 1 / 2),
        ('{"a": 1, "b": "one two"}', '{"a": 1, "b": "one three"}', 1 / 4),
        ('{"a": 1}', '{"a": true}', 1),
        ("[1, 2, 3]", "[1, 2]", 1 / 3),
        ('{"a": 1}', "I cannot tell.", 1),
        ("{}", "{}", 0),
        ("{}", "[]", 1),
    ],
)
def test_json_is_apart_by_its_values(one: str, other: str, apart: float) -> None:
    first, second = meant(answer(content=one)), meant(answer(content=other))
    assert distance(first, second) == distance(second, first) == pytest.approx(apart)


def test_a_tool_is_called_by_name_and_arguments_not_by_its_id() -> None:
    one = meant(answer(content=None, tool_calls=[call("call_1", '{"city": "Lima", "days": 1}')]))
    same = meant(answer(content=None, tool_calls=[call("call_2", '{"days":1,"city":"Lima"}')]))
    other = meant(answer(content=None, tool_calls=[call("call_3", '{"city": "Cusco", "days": 1}')]))
    assert distance(one, same) == 0
    assert 0 < distance(one, other) < 1
    assert distance(one, meant(answer(content="Lima"))) == 1


def test_an_answer_without_anything_is_apart_from_one_with_something() -> None:
    nothing = meant(Answer(b"{}"))
    assert distance(nothing, nothing) == 0
    assert distance(nothing, meant(answer(content="Lima"))) == 1
    assert distance(nothing, meant(answer(content=None, refusal="No."))) == 1
