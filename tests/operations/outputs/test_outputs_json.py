"""What stands in outputs.json, read as far as it is asked for."""

from pathlib import Path

import pytest

from runner.core.expansion.outputs import OutputValue
from runner.core.state.shards import OutputsKept
from runner.operations.outputs.outputs_json import held, merged, outputs_file, read, write
from tests.harness.states import local_store


def test_each_output_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    store = local_store(tmp_path)
    assert held(store) == {}
    (tmp_path / "outputs.json").write_text('{"a": {"k": [1, "é"]}, "b": "\\ud83d\\ude00"}')
    found = held(store)
    assert found is not None
    assert sorted(found) == ["a", "b"]
    assert "c" not in found
    assert found["a"] == {"k": [1, "é"]}
    assert found["b"] == "\U0001f600"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1', '{"a": "\\', '{"a": 1}}'])
def test_what_is_damaged_holds_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "outputs.json").write_text(text)
    assert held(local_store(tmp_path)) == {}


VALUES = {"many": {"a": "x" * 50, "b": "é" * 50}, "n": 1}
OUTPUTS = {name: OutputValue(name, value) for name, value in VALUES.items()}
SIZE = len(outputs_file(OUTPUTS, "file") or b"")


@pytest.mark.parametrize(
    ("kept", "limit", "is_file"),
    [
        (None, SIZE, True),
        (None, SIZE - 1, False),
        (None, 60, False),
        ("file", 60, True),
        ("lazy", SIZE, False),
    ],
)
def test_a_file_above_the_limit_is_none(
    tmp_path: Path, kept: OutputsKept | None, limit: int, *, is_file: bool
) -> None:
    store = local_store(tmp_path)
    data = outputs_file(OUTPUTS, kept, limit)
    assert (data is not None) == is_file
    assert write(store, data) != is_file
    assert not write(store, data)  # it is said once
    path = tmp_path / "outputs.json"
    assert read(path) == (VALUES if is_file else None)
    assert (held(store) is not None) == is_file


def test_where_there_is_no_output_nothing_is_left_out() -> None:
    assert outputs_file({}, "lazy") == b"{}\n"


def test_of_a_side_of_a_merge_that_has_none_none_is_taken(tmp_path: Path) -> None:
    path, file = tmp_path / "outputs.json", outputs_file(OUTPUTS, "file") or b""
    write(local_store(tmp_path), None)
    lazy = path.read_bytes()
    for ours, theirs in ((lazy, file.replace(b"1", b"2")), (file.replace(b"1", b"2"), lazy)):
        path.write_bytes(merged(file, ours, theirs))
        assert read(path) is None
