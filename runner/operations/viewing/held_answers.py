"""The answers of one state, each read when it is looked at."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping

from runner.core.language.patterns import pattern
from runner.core.state.damage import way_back_to
from runner.core.state.file import CLOSE, OPEN, decode, encode
from runner.core.state.line import decode_record
from runner.core.state.records import Record, State
from runner.core.state.spans import NotLaidOutError, header_of, record_lines
from runner.core.state.written import UNREADABLE
from runner.core.viewing.answer_columns import AnswerColumns, answer_columns
from runner.core.viewing.searching import has_match, has_text, spellings
from runner.io.state.opened import BytesInMemory, StateBytes


class HeldAnswers:
    """A state as it was opened: its columns, and where each record stands. `header` is the state
    without its records.
    """

    def __init__(self, held: StateBytes, name: str, cost: Callable[[Record], float | None]) -> None:
        self._cost = cost
        try:
            self._read(held, name)
        except (NotLaidOutError, *UNREADABLE):
            # Another tool has laid it out, or it is damaged: then this says where.
            whole = decode(b"".join(held.pieces()), name)
            self._read(BytesInMemory(encode(whole)), name)

    def _read(self, held: StateBytes, name: str) -> None:
        self._held, self._starts, self._stops = held, array("q"), array("q")
        self._dependents: dict[str, list[int]] = {}
        self.header: State = decode(_header(held), name, way_back_to(name))
        self.columns: AnswerColumns = answer_columns(self._records(held), self._cost)
        self._rows = {address: row for row, address in enumerate(self.columns.address)}

    def _records(self, held: StateBytes) -> Iterator[Record]:
        for start, line in record_lines(held.pieces()):
            record = decode_record(line)
            for address in record.depends_on:
                self._dependents.setdefault(address, []).append(len(self._starts))
            self._starts.append(start)
            self._stops.append(start + len(line))
            yield record

    def __len__(self) -> int:
        return len(self._starts)

    def row_of(self, address: str) -> int | None:
        """The row of an address; None if it has no answer."""
        return self._rows.get(address)

    def record(self, row: int) -> Record:
        """One record, read now."""
        return decode_record(self._held.part(self._starts[row], self._stops[row]))

    def records(self) -> Mapping[str, Record]:
        """All of them, in memory."""
        return {
            record.address: record
            for record in map(
                decode_record, (line for _, line in record_lines(self._held.pieces()))
            )
        }

    def dependents(self, address: str) -> list[str]:
        """Who used the answer at an address, by its own or that of its block."""
        named = (address, address.partition("[")[0]) if address.endswith("]") else (address,)
        rows = sorted({row for name in named for row in self._dependents.get(name, ())})
        return [self.columns.address[row] for row in rows]

    def having(self, text: str) -> list[int]:
        """The rows in whose messages or answers a text stands."""
        found: dict[int, None] = {}
        for spelling in spellings(text):
            for row in self._near(spelling):
                if row not in found and has_text(self._line(row), text):
                    found[row] = None
        return sorted(found)

    def matching(self, source: str) -> list[int]:
        """The rows in which a regular expression is found; ValueError if it is none."""
        searched = pattern(source).search
        return [row for row in range(len(self)) if has_match(self._line(row), searched)]

    def _line(self, row: int) -> bytes:
        return self._held.part(self._starts[row], self._stops[row])

    def _near(self, spelling: bytes) -> Iterator[int]:
        """The rows whose line has these bytes anywhere. A piece goes on to where its last record
        ends.
        """
        if not self._starts:
            return
        offset, rest = 0, b""
        last = -1
        for piece in self._held.pieces():
            data = rest + piece.lower()
            at = data.find(spelling)
            while at >= 0:
                row = bisect_right(self._starts, offset + at) - 1
                if row > last:
                    yield row
                    last = row
                after = self._stops[row] - offset if row >= 0 else at + 1
                at = data.find(spelling, max(after, at + 1))
            keep = min(len(data), len(spelling) - 1)
            offset += len(data) - keep
            rest = data[len(data) - keep :]


def _header(held: StateBytes) -> bytes:
    """Raises NotLaidOutError where the first line is no header."""
    first = b""
    for piece in held.pieces():
        line, end, _ = piece.partition(b"\n")
        first += line
        if end:
            return header_of(first)
    if first.endswith(OPEN + CLOSE):
        return first
    raise NotLaidOutError
