"""What stands in outputs.json, read as far as it is asked for."""

from pathlib import Path

import pytest

from runner.operations.outputs.outputs_json import held
from tests.harness.states import local_store


def test_each_output_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    store = local_store(tmp_path)
    assert dict(held(store)) == {}
    (tmp_path / "outputs.json").write_text('{"a": {"k": [1, "é"]}, "b": "\\ud83d\\ude00"}')
    found = held(store)
    assert sorted(found) == ["a", "b"]
    assert "c" not in found
    assert found["a"] == {"k": [1, "é"]}
    assert found["b"] == "\U0001f600"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1', '{"a": "\\', '{"a": 1}}'])
def test_what_is_damaged_holds_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "outputs.json").write_text(text)
    assert dict(held(local_store(tmp_path))) == {}
