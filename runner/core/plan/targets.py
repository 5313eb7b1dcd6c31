"""Which addresses a run is about."""

import re
from collections.abc import Callable, Iterator

from msgspec import Struct

from runner.core.address import around, is_verdict, selects
from runner.core.plan.walk import Expansion, VertexKey, Walk, address_of

Chosen = Callable[[VertexKey], bool]

_CUT = re.compile(r"[.\[]")


class Patterns:
    """Many patterns at once: what is not wild is looked up, however many there are."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._none = not patterns
        self._wild = tuple(pattern for pattern in patterns if not {*"*?="}.isdisjoint(pattern))
        self._plain = frozenset(patterns).difference(self._wild)
        self._cuts = {at for pattern in patterns for at in _cuts(pattern)}

    def select(self, address: str) -> bool:
        """Whether one of them `selects` an address."""
        if self._none:
            return False
        if address in self._plain or not self._plain.isdisjoint(at for at, _ in _cuts(address)):
            return True
        return any(selects(pattern, address) for pattern in self._wild)

    def has_inside(self, block: str, *ends: str) -> bool:
        """Whether one of them begins with this block and one of these."""
        return any((block, end) in self._cuts for end in ends)


def _cuts(address: str) -> Iterator[tuple[str, str]]:
    """What stands before each dot and bracket of an address, and which that is."""
    return ((address[: cut.start()], cut[0]) for cut in _CUT.finditer(address))


class Choice(Struct, frozen=True):
    """Which addresses this run is about; without `checks`, no verdict of a judge is."""

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    destroy: bool = False
    checks: bool = True


def chooser(walk: Walk, choice: Choice) -> Chosen:
    """Targets with all they need; excludes with all that need them."""
    if not choice.targets and not choice.excludes:
        return (lambda _: True) if choice.checks else _is_no_verdict
    needed = _needed(walk, choice.targets)
    blocks = walk.groups & needed
    left_out = _LeftOut(walk, choice.excludes)
    is_named = only_named(choice)

    def chosen(key: VertexKey) -> bool:
        if left_out(key) or not (choice.checks or _is_no_verdict(key)):
            return False
        if key in needed or is_named(key):
            return True
        return any(block in blocks for block in around(address_of(key)))

    return chosen


class _LeftOut:
    """Whether a vertex is excluded, or needs one that is.

    The walk grows while a plan is made: what is asked for then may be decided, so that all it needs
    was asked for before. What joins later is no part of this walk: it needs what its block does.
    """

    def __init__(self, walk: Walk, patterns: tuple[str, ...]) -> None:
        self._walk, self._none, self._patterns = walk, not patterns, Patterns(patterns)
        self._known: dict[VertexKey, bool] = {}

    def __call__(self, key: VertexKey) -> bool:
        if self._none:
            return False
        known = self._known.get(key)
        if known is None:
            known = self._looked_up(key)
            if not self._walk.waits(key):
                self._known[key] = known
        return known

    def _looked_up(self, key: VertexKey) -> bool:
        seen, todo = {key}, [key]
        while todo:
            at = todo.pop()
            known = self._known.get(at)
            if known or self._is_named(at):
                return True
            if known is None:
                more = [need for need in self._needs(at) if need not in seen]
                seen.update(more)
                todo += more
        return False

    def _needs(self, key: VertexKey) -> tuple[VertexKey, ...]:
        vertices = self._walk.vertices
        if key in vertices:
            return vertices[key].needs
        blocks = [vertices[block] for block in around(address_of(key)) if block in vertices]
        return tuple(need for block in blocks for need in block.needs)

    def _is_named(self, key: VertexKey) -> bool:
        """Of a block whose instances have yet to join, one that is named is enough."""
        address = address_of(key)
        if self._patterns.select(address):
            return True
        return key in self._walk.groups and self._patterns.has_inside(address, "[", ".")


def _is_no_verdict(key: VertexKey) -> bool:
    return not is_verdict(address_of(key))


def only_named(choice: Choice) -> Chosen:
    """What the targets and excludes name, and nothing else for its sake."""

    excluded, wanted = Patterns(choice.excludes), Patterns(choice.targets)

    def chosen(key: VertexKey) -> bool:
        address = address_of(key)
        if not (choice.checks or _is_no_verdict(key)):
            return False
        if excluded.select(address):
            return False
        return not choice.targets or wanted.select(address)

    return chosen


def _needed(walk: Walk, patterns: tuple[str, ...]) -> set[VertexKey]:
    """What the patterns name, and all that it needs. An instance that has yet to join needs that
    its block is unrolled, and no other instance of it.
    """
    wanted = Patterns(patterns)
    todo = [key for key, vertex in walk.vertices.items() if wanted.select(vertex.address)]
    todo += [Expansion(block) for block in walk.groups if wanted.has_inside(block, "[")]
    found = set(todo)
    while todo:
        vertex = walk.vertices.get(todo.pop())
        for key in vertex.needs if vertex is not None else ():
            if key not in found:
                found.add(key)
                todo.append(key)
    return found
