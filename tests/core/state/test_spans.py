"""Where records stand: found in pieces, however those are cut."""

import pytest

from runner.core.state.file import decode, encode
from runner.core.state.records import Record, State
from runner.core.state.spans import NotLaidOutError, header_of, record_lines


def state(number: int) -> bytes:
    made = [
        Record(f"completion.c[{n}]", "p", "o u", "f", 0, b'{"m":"a,\\n]}"}', b"{}", "t")
        for n in range(number)
    ]
    return encode(State(1, "l", 1, "0", "configs", {each.address: each for each in made}))


@pytest.mark.parametrize("number", [0, 1, 5])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_every_record_is_found(number: int, size: int) -> None:
    data = state(number)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    found = list(record_lines(pieces))
    assert len(found) == number
    for start, line in found:
        assert data[start : start + len(line)] == line
        assert line.startswith(b'{"address"')
        assert line.endswith(b"}")


def test_a_header_is_a_state_without_records() -> None:
    header = header_of(state(3).partition(b"\n")[0] + b"\n")
    assert decode(header, "state.json").lineage == "l"
    assert not decode(header, "state.json").records


@pytest.mark.parametrize("data", [b"", b"{}\n", b'{\n "records": []\n}\n', state(2)[:-5]])
def test_what_is_laid_out_otherwise_is_refused(data: bytes) -> None:
    with pytest.raises(NotLaidOutError):
        list(record_lines([data]))
