"""Records as JSON come in pieces, and are one text."""

import json
from dataclasses import replace

import orjson
import pytest

from runner.cli.views.records import record_json, records_json, state_json
from runner.core.state.records import Record, State
from tests.harness.recorded import record


def no_cost(_: Record) -> None:
    return None


HELD = [
    record("completion.a"),
    replace(record('completion.b["é\\n"]'), request=b'{"a":["x\\ny",{}]}', response=b"{}"),
]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_pieces_are_the_json_of_all(number: int) -> None:
    held = HELD[:number]
    told = [record_json(one, no_cost) for one in held]
    pieces = [*records_json(held, no_cost)]
    assert len(pieces) == number + 1
    assert "".join(pieces) == orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()
    state = State(1, "l", 2, "0.1", "configs", {one.address: one for one in held})
    text = "".join(state_json(state, held, no_cost))
    assert json.loads(text)["records"] == told
    assert text == orjson.dumps(json.loads(text), option=orjson.OPT_INDENT_2).decode()
