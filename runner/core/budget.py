"""What one rendering may use: steps, and bytes of the values that it makes.

Nothing can interrupt an expression, and no clock says how long it takes: so all that it does is
charged before it is done, by what it costs at most, and what cannot be paid for is not begun.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextvars import ContextVar, Token
from typing import Any

from msgspec import Struct

STEPS = 20_000_000
"""A step is what takes about 50 ns: a name looked up, an item passed by."""
BYTES = 100_000_000

_SCALARS = frozenset((bool, float, int, str, type(None)))


class OverBudgetError(Exception):
    """A rendering wants more than it has; the message says of what."""


class Budget(Struct):
    """The steps and bytes that are left."""

    steps: int = STEPS
    bytes: int = BYTES

    def spend(self, steps: int, size: int = 0) -> None:
        """Charge something before it is done; OverBudgetError where it is more than is left."""
        self.steps -= steps
        self.bytes -= size
        if self.bytes < 0:
            self.bytes = 0
            raise OverBudgetError(
                f"this makes more than {BYTES:,} bytes of text and lists, the most that one "
                "rendering may make; make less of it"
            )
        if self.steps < 0:
            self.steps = 0
            raise OverBudgetError(
                f"this takes more than {STEPS:,} steps, the most that one rendering may take; "
                "loop over less, or nest fewer loops"
            )

    @property
    def is_spent(self) -> bool:
        """Whether something wanted more than was left."""
        return not (self.steps and self.bytes)

    def text(self, length: int, copies: int = 1) -> None:
        """Charge a text of that many bytes, made so many times."""
        size = length * copies
        self.spend(size >> 6, size)

    def items(self, count: int, steps: int = 1) -> None:
        """Charge a list of that many items, each passed by at so many steps."""
        self.spend(count * steps, 64 + 8 * count)

    def weigh(self, value: Any) -> int:
        """Charge a whole value as the tree that it is when it is compared, copied or written: what
        stands in two places counts twice. Its bytes.
        """
        size = self._tree((value,))
        self.spend(size >> 6)
        return size

    def _tree(self, values: Collection[Any]) -> int:
        self.spend(24 + 2 * len(values))
        size = 8 * len(values)
        for held in values:
            kind = type(held)
            if kind is str:
                size += len(held) if held.isascii() else 4 * len(held)
            elif kind is int:
                size += held.bit_length() >> 3
            elif kind not in _SCALARS:
                size += size_of(held) if isinstance(held, str) else self._tree(_inside(held))
        return size

    def counted(self, items: Iterable[Any], steps: int = 2) -> Iterator[Any]:
        """The items, each charged when it is asked for."""
        for item in items:
            self.spend(steps, 64)
            yield item


def size_of(value: Any) -> int:
    """At most the bytes of a text, a number, true, false or null; 8 for what is none of them.

    A text that escapes what is added to it counts as what may come of it.
    """
    if isinstance(value, str):
        width = 1 if value.isascii() else 4
        return len(value) * (width if type(value) is str else 6 * width)
    if type(value) is int:
        return 8 + (value.bit_length() >> 3)
    return 8


def _inside(value: Any) -> Collection[Any]:
    """What a comparison or a text of a value goes into."""
    if isinstance(value, list | tuple):
        return value
    if type(value) is dict:  # each row of a table: no need to ask what it is like
        return [*value, *value.values()]
    if isinstance(value, Mapping):
        return [*value, *(value[key] for key in value)]
    if isinstance(value, str | bytes | range) or not isinstance(value, Collection):
        return ()
    return list(value)


_now: ContextVar[Budget | None] = ContextVar("budget", default=None)


def current() -> Budget:
    """The budget of the rendering that is under way; one of its own where there is none."""
    return _now.get() or Budget()


class Rendering:
    """Within it all that is rendered shares one budget: a new one, unless one is handed over."""

    __slots__ = ("_before", "budget")

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self._before: Token[Budget | None] | None = None

    def __enter__(self) -> Budget:
        self._before = _now.set(self.budget)
        return self.budget

    def __exit__(self, *_: object) -> None:
        assert self._before is not None  # noqa: S101  # it was entered
        _now.reset(self._before)


class _Part:
    """A part of the rendering that is under way."""

    __slots__ = ("budget",)

    def __init__(self, budget: Budget) -> None:
        self.budget = budget

    def __enter__(self) -> Budget:
        return self.budget

    def __exit__(self, *_: object) -> None:
        """The rendering goes on."""


def shared() -> Rendering | _Part:
    """A part of the rendering that is under way, or one that begins."""
    budget = _now.get()
    return Rendering() if budget is None else _Part(budget)
