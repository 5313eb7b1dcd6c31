"""TOML text in, tables out; and, when something is wrong, the place of every key."""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

from runner.core.address import BEGINNING, InText, Path
from runner.errors import RunnerError, Where, error

if TYPE_CHECKING:
    from runner.core.toml.places import Places

DEEPEST_TOML = 64  # levels of nesting; toml-rs itself breaks at a few thousand, and takes the whole
# process with it
_CHUNK = 16_384
_MULTILINE = ('"""', "'''")
_QUOTES = ('"', "'")
_LONG_LINE = re.compile(r"^[^\n]{4301}", re.MULTILINE)

ReadToml = Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class Source:
    """One file's text under the name that messages call it by (relative to the project)."""

    file: str
    text: str = field(repr=False)
    _hidden: set[str] = field(default_factory=set, repr=False, compare=False)

    @cached_property
    def lines(self) -> list[str]:
        """The file's lines, without their ends."""
        return self._text.split("\n")

    @cached_property
    def has_dollars(self) -> bool:
        """Whether anything in it may be a hole as Terraform writes it."""
        return "${" in self.text

    @cached_property
    def _text(self) -> str:
        return self.text.replace("\r\n", "\n")

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(line) + 1 for line in self.lines)]

    @cached_property
    def _places(self) -> "Places":
        # Twenty times the cost of a plain parse: only ever called to report a problem.
        from runner.core.toml.places import places  # noqa: PLC0415

        return places(self._text)

    def where(
        self, path: Path, *, on: Literal["key", "value"] = "value", at: InText = BEGINNING
    ) -> Where:
        """The place of the key at `path`, as near as the file tells.

        `at` is what is meant of a text.
        """
        for length in range(len(path), 0, -1):
            is_all = length == len(path)
            place = self._place(path[:length], on if is_all else "key", at if is_all else BEGINNING)
            if place is not None:
                return self._where(*place, path)
        return self._where(1, None, 1, path)

    def hide(self, path: Path) -> None:
        """From now on, no place shows the text at `path`, or more than its first letters."""
        spot = self._places.get(path)
        if spot is None or spot.value is None:
            return
        raw = self._text[slice(*spot.value)]
        parts = (part.strip("\"' \t") for part in raw.split("\n"))
        self._hidden.update(part for part in parts if part)

    def at(self, offset: int, width: int = 1) -> Where:
        """A place by its offset into the text with LF at the ends of its lines."""
        line, column = self._line_and_column(offset)
        return self._where(line, column, width, ())

    def line(self, number: int, column: int | None = None) -> Where:
        """A place by its line, both counted from 1."""
        return self._where(number, column, 1, ())

    def _where(self, line: int, column: int | None, width: int, path: Path) -> Where:
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        for hidden in self._hidden:
            text = text.replace(hidden, masked(hidden))
        return Where(self.file, line, column, text, width, block_name(path))

    def _place(self, path: Path, on: str, at: InText) -> tuple[int, int, int] | None:
        spot = self._places.get(path)
        if spot is None:
            return None
        if spot.header:
            return self._whole(self._line_and_column(spot.start)[0])
        span = spot.value if spot.value and (on == "value" or spot.key is None) else spot.key
        start, end = span or (0, 0)
        raw = self._text[start:end]
        if at.span is not None and raw[:1] in _QUOTES and span is spot.value:
            from runner.core.toml.scan import raw_offset  # noqa: PLC0415  # as for its place

            start, end = (start + raw_offset(raw, offset) for offset in at.span)
            shown = self._text[start:end].partition("\n")[0]
            return *self._line_and_column(start), max(len(shown), 1)
        if raw.startswith(_MULTILINE) and span is spot.value:
            first, _ = self._line_and_column(start)
            return self._whole(first + (raw[3:4] == "\n") + at.line)
        if "\n" in raw and spot.key is not None:
            start, end = spot.key
        shown = self._text[start:end].partition("\n")[0]
        return *self._line_and_column(start), max(len(shown), 1)

    def _whole(self, number: int) -> tuple[int, int, int]:
        """All of a line but the blanks around it."""
        text = self.lines[number - 1] if number <= len(self.lines) else ""
        return number, len(text) - len(text.lstrip()) + 1, max(len(text.strip()), 1)

    def _line_and_column(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset, hi=len(self.lines))
        return line, offset - self._starts[line - 1] + 1


def read_fast(text: str) -> dict[str, Any]:
    """The text's tables by toml-rs, a tenth of the time of read_plainly.

    What it refuses is read again, plainly: so no value and no error hangs on which parser is
    there. What it accepts the other accepts with equal values, which a test holds.
    """
    # It would skip a byte order mark (source() has taken the file's own), and reads any number.
    if text.startswith("\ufeff") or _has_many_digits(text):
        return read_plainly(text)
    try:
        return choose_parser()(text)
    except ValueError:
        return read_plainly(text)


def _has_many_digits(text: str) -> bool:
    """Whether a number may have more digits than Python reads."""
    if _LONG_LINE.search(text) is None:
        return False
    from runner.core.toml.faults import has_many_digits  # noqa: PLC0415  # of such a line

    return has_many_digits(text)


def read_plainly(text: str) -> dict[str, Any]:
    """The text's tables by the standard library; ValueError says what is wrong with it."""
    import tomllib  # noqa: PLC0415  # 5 ms, for errors, and where there is no toml-rs

    text.encode()  # half of a pair of surrogates is no text
    return tomllib.loads(text)


def parse(source: Source, read: ReadToml = read_fast) -> dict[str, Any]:
    """The file's tables; RunnerError with line and column when it is not TOML 1.0."""
    if _may_be_deep(source.text):
        raise _too_deep(source)
    try:
        table = read(source.text)
    except RecursionError as exc:
        raise _too_deep(source) from exc
    except UnicodeEncodeError as exc:
        said = "This is not valid TOML. Half of a pair of surrogates is no character."
        raise error("Invalid TOML", said, source.at(exc.start)) from exc
    except ValueError as exc:
        raise _invalid(source, str(exc)) from exc
    if _is_deep(table):
        raise _too_deep(source)
    return table


_chosen: list[ReadToml] = []


def choose_parser(*, in_main_thread: bool = True) -> ReadToml:
    """The library that reads, as whoever asked first for it in this process chose: toml-rs 0.4 ends
    the process with a fault where the thread that imported it has ended, so only the main thread,
    which stays, brings it in.
    """
    if not _chosen:
        _chosen.append(_native() if in_main_thread else read_plainly)
    return _chosen[0]


def _native() -> ReadToml:
    try:
        import toml_rs  # noqa: PLC0415  # whoever cannot have or trust a binary takes it away
    except ImportError:
        return read_plainly
    return partial(toml_rs.loads, toml_version="1.0.0")


def source(file: str, data: bytes) -> Source:
    """The bytes of a file as a Source; RunnerError where they are not UTF-8."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        held = exc.object  # without a byte order mark
        line = held.count(b"\n", 0, exc.start) + 1
        column = len(held[held.rfind(b"\n", 0, exc.start) + 1 : exc.start].decode()) + 1
        raise error(
            "Not UTF-8",
            f"Byte {exc.start} (0x{held[exc.start]:02x}) is not UTF-8 text. "
            "Save the file as UTF-8.",
            Source(file, held.decode(errors="replace")).line(line, column),
        ) from exc
    return Source(file, text)


def masked(key: str) -> str:
    """A key as it may be shown; its length stays."""
    return key[:3] + "*" * (len(key) - 3)


def block_name(path: Sequence[str | int]) -> str | None:
    """The address-like name of the block that a path in a file stands in."""
    sizes = {
        "data": 3,
        **dict.fromkeys(("locals", "runner", "telemetry", "moved", "removed", "import"), 1),
    }
    if not path:
        return None
    names = [str(part) for part in path[: sizes.get(str(path[0]), 2)]]
    return ".".join(names)


def _invalid(source: Source, said: str) -> RunnerError:
    """What the standard library's parser said, in our words."""
    from runner.core.toml.faults import fault_of  # noqa: PLC0415  # only of what is none

    fault = fault_of(source.text.replace("\r\n", "\n"), said)
    first = "" if fault.known is None else f": {source.at(fault.known)}"
    return error(fault.summary, f"{fault.said}{first}.", source.at(fault.at, fault.width))


def _may_be_deep(text: str) -> bool:
    """Whether brackets pile up beyond what any request holds (strings may mislead it upwards)."""
    if text.count("[") + text.count("{") < 2000:
        return False
    depth = 0
    for start in range(0, len(text), _CHUNK):
        chunk = text[start : start + _CHUNK]
        opened = chunk.count("[") + chunk.count("{")
        if depth + opened > 4000:
            return True
        depth = max(depth + opened - chunk.count("]") - chunk.count("}"), 0)
    return False


def _is_deep(table: dict[str, Any]) -> bool:
    level: list[Any] = [table]
    for _ in range(DEEPEST_TOML):
        level = [
            inner
            for held in level
            for inner in (held.values() if type(held) is dict else held)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True


def _too_deep(source: Source) -> RunnerError:
    said = f"Values are nested deeper than {DEEPEST_TOML} levels; no request needs that."
    return error("Nesting too deep", said, Where(source.file))
