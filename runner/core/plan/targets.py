"""Which addresses a run is about."""

from collections.abc import Callable

from msgspec import Struct

from runner.core.address import around, inside, selects
from runner.core.plan.walk import Expansion, VertexKey, Walk, address_of

Chosen = Callable[[VertexKey], bool]


class Choice(Struct, frozen=True):
    """Which addresses this run is about."""

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    destroy: bool = False


def chooser(walk: Walk, choice: Choice) -> Chosen:
    """Targets with all they need; excludes with all that need them."""
    if not choice.targets and not choice.excludes:
        return lambda _: True
    needed = _needed(walk, choice.targets)
    blocks = walk.groups & needed
    left_out = _LeftOut(walk, choice.excludes)
    is_named = only_named(choice)

    def chosen(key: VertexKey) -> bool:
        if left_out(key):
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
        self._walk, self._patterns = walk, patterns
        self._known: dict[VertexKey, bool] = {}

    def __call__(self, key: VertexKey) -> bool:
        if not self._patterns:
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
        grows = key in self._walk.groups
        return any(
            selects(pattern, address) or (grows and inside(address, pattern))
            for pattern in self._patterns
        )


def only_named(choice: Choice) -> Chosen:
    """What the targets and excludes name, and nothing else for its sake."""

    def chosen(key: VertexKey) -> bool:
        address = address_of(key)
        if any(selects(pattern, address) for pattern in choice.excludes):
            return False
        wanted = choice.targets
        return not wanted or any(selects(pattern, address) for pattern in wanted)

    return chosen


def _needed(walk: Walk, patterns: tuple[str, ...]) -> set[VertexKey]:
    """What the patterns name, and all that it needs. An instance that has yet to join needs that
    its block is unrolled, and no other instance of it.
    """
    todo = [
        key
        for key, vertex in walk.vertices.items()
        if any(selects(pattern, vertex.address) for pattern in patterns)
    ]
    todo += [
        Expansion(block)
        for block in walk.groups
        if any(pattern.startswith(f"{block}[") for pattern in patterns)
    ]
    found = set(todo)
    while todo:
        vertex = walk.vertices.get(todo.pop())
        for key in vertex.needs if vertex is not None else ():
            if key not in found:
                found.add(key)
                todo.append(key)
    return found
