"""Where each key and each value of a TOML text stands."""

from collections.abc import Iterable
from contextlib import suppress

from msgspec import Struct

from runner.core.address import Path
from runner.core.toml.scan import Array, DottedKey, Inline, Line, Scalar, Span, Value, scan


class Spot(Struct, frozen=True):
    """Where a key and its value stand; the items of a list have no key, tables no value.

    `header`: a table, whose line is meant rather than its name.
    """

    key: Span | None
    value: Span | None = None
    header: bool = False

    @property
    def start(self) -> int:
        """Where it begins."""
        span = self.key or self.value
        return 0 if span is None else span[0]


class Places:
    """What the lines read so far have set, by its path; what was set first stays."""

    def __init__(self) -> None:
        self._set: dict[Path, Spot] = {}
        self._implied: dict[Path, Spot] = {}  # tables that only stand in longer names
        self._many: dict[Path, int] = {}  # of a list of tables, the number of the last one
        self._table: Path = ()

    def get(self, path: Path) -> Spot | None:
        """Where something was set, or first implied."""
        return self._set.get(path) or self._implied.get(path)

    def read(self, lines: Iterable[Line]) -> None:
        """Go on with these; a mistake in the text ends them."""
        with suppress(IndexError):
            for line in lines:
                if line.key is not None and line.value is not None:
                    self._pair(self._table, line.key, line.value)
                elif line.key is not None:
                    self._open(line.key, many=line.text.startswith("[["))

    def path(self, line: Line) -> Path:
        """What a header or a pair would set if it came next."""
        if line.key is None:
            return ()
        if line.value is not None:
            return (*self._table, *line.key.names)
        return (*self._holder(line.key), line.key.names[-1])

    def _open(self, key: DottedKey, *, many: bool) -> None:
        path = (*self._holder(key), key.names[-1])
        if many:
            self._set.setdefault(path, Spot(key.spans[-1]))
            self._many[path] = self._many.get(path, -1) + 1
            path = (*path, self._many[path])
        self._set.setdefault(path, Spot(key.spans[0], header=True))
        self._table = path

    def _holder(self, key: DottedKey) -> Path:
        """The table that a header's last name is in."""
        path: Path = ()
        for name in key.names[:-1]:
            path = (*path, name)
            self._implied.setdefault(path, Spot(key.spans[0], header=True))
            if path in self._many:
                path = (*path, self._many[path])
        return path

    def _pair(self, table: Path, key: DottedKey, value: Value) -> None:
        for length in range(1, len(key.names)):
            path = (*table, *key.names[:length])
            self._implied.setdefault(path, Spot(key.spans[length - 1]))
        path = (*table, *key.names)
        self._set.setdefault(path, Spot(key.spans[-1], value.span))
        self._inside(path, value)

    def _inside(self, path: Path, value: Value) -> None:
        match value:
            case Array(items):
                for index, item in enumerate(items):
                    self._set.setdefault((*path, index), Spot(None, item.value.span))
                    self._inside((*path, index), item.value)
            case Inline(pairs):
                for key, inner in pairs:
                    self._pair(path, key, inner)
            case Scalar():
                pass


def places(text: str) -> Places:
    """The places of a text with LF at the ends of its lines."""
    found = Places()
    found.read(scan(text))
    return found
