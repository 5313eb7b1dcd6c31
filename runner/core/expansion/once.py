"""Named values that are evaluated when they are needed, each once."""

from collections.abc import Callable
from typing import Any, Literal

from runner.core.modules.module import NamedValue
from runner.core.values import written
from runner.errors import Problem, RunnerError

ValueKind = Literal["var", "local", "output"]
ValueName = tuple[ValueKind, str]  # and its name


class Once:
    """Values by their names, or why there is none. Those that need each other to be known are
    told as a cycle.
    """

    def __init__(
        self, declared: Callable[[ValueName], NamedValue], evaluate: Callable[[ValueName], Any]
    ) -> None:
        self._declared, self._evaluate = declared, evaluate
        self._held: dict[ValueName, Any] = {}
        self._failed: dict[ValueName, tuple[Problem, ...]] = {}

    def value(self, named: ValueName) -> Any:
        """The value; RunnerError where it needs itself."""
        if named in self._failed:
            raise RunnerError(*self._failed[named])
        if named not in self._held:
            self._held[named] = _Unset  # a value that needs itself finds this
            try:
                self._held[named] = self._evaluate(named)
            except RunnerError as exc:
                self._failed[named] = exc.problems
                raise
            finally:
                if self._held[named] is _Unset:
                    del self._held[named]
        if self._held[named] is _Unset:
            raise RunnerError(self._cycle(named))
        return self._held[named]

    def _cycle(self, named: ValueName) -> Problem:
        """Those that are being evaluated, from the one that is needed again round to it."""
        under_way = [one for one, value in self._held.items() if value is _Unset]
        ring = under_way[under_way.index(named) :]
        first = ring.index(min(ring))  # wherever it was met, it is one and the same cycle
        ring = [*ring[first:], *ring[:first]]
        names = [written(one) for one in ring]
        blocks = [self._declared(one).block for one in ring]
        lines = [
            f"\n  {name} refers to {other} ({block.where()})"
            for name, other, block in zip(names, [*names[1:], names[0]], blocks, strict=True)
        ]
        said = f"These wait for each other: {' -> '.join([*names, names[0]])}"
        said = said if len(names) > 1 else f"{names[0]} refers to itself:"
        return blocks[0].problem("Cycle", "".join([said, *lines]))


class _Unset:
    """In place of a value that is being evaluated."""
