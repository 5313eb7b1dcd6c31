"""The answers of states, each read when it is looked at."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate

from runner.core.patterns import pattern
from runner.core.state.damage import way_back_to
from runner.core.state.file import decode, encode
from runner.core.state.header import CLOSE, OPEN
from runner.core.state.line import decode_record
from runner.core.state.records import Record, State
from runner.core.state.spans import NotLaidOutError, header_of, record_lines
from runner.core.state.written import UNREADABLE
from runner.core.viewing.answer_columns import AnswerColumns, answer_columns
from runner.core.viewing.searching import has_match, has_text, spellings
from runner.errors import RunnerError, error
from runner.io.state.opened import BytesInMemory, StateBytes


class OpenedState:
    """One state, and where each record of it stands. `header` is the state without records."""

    def __init__(self, held: StateBytes, name: str) -> None:
        self._held, self._name = held, name
        try:
            self.header: State = decode(_header(held), name, way_back_to(name))
            self._find()
        except (NotLaidOutError, *UNREADABLE):
            # Another tool has laid it out, or it is damaged: then this says where.
            self._held = BytesInMemory(encode(decode(b"".join(held.pieces()), name)))
            self.header = decode(_header(self._held), name)
            self._find()

    def _find(self) -> None:
        self._starts, self._stops = array("q"), array("q")
        for start, line in record_lines(self._held.pieces()):
            self._starts.append(start)
            self._stops.append(start + len(line))

    def __len__(self) -> int:
        return len(self._starts)

    def records(self) -> Iterator[Record]:
        """All of them, one after the other."""
        return map(decode_record, (line for _, line in record_lines(self._held.pieces())))

    def told(self) -> RunnerError:
        """What is wrong with a record in it, and where; for whoever could not read one."""
        try:
            decode(b"".join(self._held.pieces()), self._name)
        except RunnerError as wrong:
            return wrong
        return error("State changed while it was read", f"{self._name} is another one by now.")

    def line(self, at: int) -> bytes:
        """The line of one record."""
        return self._held.part(self._starts[at], self._stops[at])

    def near(self, spelling: bytes) -> Iterator[int]:
        """Whose line has these bytes anywhere, large and small letters of ASCII alike."""
        if not self._starts:
            return
        offset, rest, last = 0, b"", -1
        for piece in self._held.pieces():
            data = rest + piece.lower()
            at = data.find(spelling)
            while at >= 0:
                found = bisect_right(self._starts, offset + at) - 1
                if found > last:
                    yield found
                    last = found
                after = self._stops[found] - offset if found >= 0 else at + 1
                at = data.find(spelling, max(after, at + 1))
            keep = min(len(data), len(spelling) - 1)
            offset += len(data) - keep
            rest = data[len(data) - keep :]


class HeldAnswers:
    """The answers of some states, by what each state is called: the one that is looked at, then
    those that it is compared with. A row is a number through all of them.
    """

    def __init__(
        self, states: Mapping[str, OpenedState], cost: Callable[[Record], float | None]
    ) -> None:
        self._states = list(states.values())
        self._firsts = [0, *accumulate(map(len, self._states))]
        self.header = self._states[0].header
        self._dependents: dict[str, list[str]] = {}
        sources = [(name, self._noted(state)) for name, state in states.items()]
        try:
            self.columns: AnswerColumns = answer_columns(sources, cost)
        except UNREADABLE as wrong:
            raise self._reading.told() from wrong
        self._rows: dict[str, int] = {}
        for row, address in enumerate(self.columns.address):
            self._rows.setdefault(address, row)

    def _noted(self, state: OpenedState) -> Iterator[Record]:
        self._reading = state
        for record in state.records():
            if state is self._states[0]:
                for address in record.depends_on:
                    self._dependents.setdefault(address, []).append(record.address)
            yield record

    def __len__(self) -> int:
        return self._firsts[-1]

    @property
    def looked_at(self) -> int:
        """How many there are in the state that is looked at."""
        return self._firsts[1]

    def row_of(self, address: str, source: str = "") -> int | None:
        """The row of an address in a state, or in the first that has an answer there; None if
        there is none.
        """
        if not source or source not in self.columns.source.values:
            return self._rows.get(address)
        at = self.columns.source.values.index(source)
        rows = range(self._firsts[at], self._firsts[at + 1])
        return next((row for row in rows if self.columns.address[row] == address), None)

    def record(self, row: int) -> Record:
        """One record, read now."""
        return decode_record(self.line(row))

    def records(self) -> Mapping[str, Record]:
        """Those of the state that is looked at, in memory."""
        return {record.address: record for record in self._states[0].records()}

    def dependents(self, address: str) -> list[str]:
        """Who used the answer at an address, by its own or that of its block."""
        named = (address, address.partition("[")[0]) if address.endswith("]") else (address,)
        return list(dict.fromkeys(one for name in named for one in self._dependents.get(name, ())))

    def having(self, text: str) -> list[int]:
        """The rows in whose messages or answers a text stands."""
        near = {
            first + at
            for first, state in zip(self._firsts, self._states, strict=False)
            for spelling in spellings(text)
            for at in state.near(spelling)
        }
        return [row for row in sorted(near) if has_text(self.line(row), text)]

    def matching(self, source: str) -> list[int]:
        """The rows in which a regular expression is found; ValueError if it is none."""
        searched = pattern(source).search
        return [row for row in range(len(self)) if has_match(self.line(row), searched)]

    def line(self, row: int) -> bytes:
        """The line of one record."""
        state = bisect_right(self._firsts, row) - 1
        return self._states[state].line(row - self._firsts[state])


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
