"""Which addresses a run is about."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from runner.core.address import around, selects
from runner.core.plan.walk import Vertex, VertexKey, Walk, address_of

Chosen = Callable[[VertexKey], bool]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which addresses this run is about."""

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    destroy: bool = False


def chooser(walk: Walk, choice: Choice) -> Chosen:
    """Targets with all they need; excludes with all that need them."""
    if not choice.targets and not choice.excludes:
        return lambda _: True
    needed = _closure(walk, choice.targets, lambda vertex: vertex.needs)
    blocks = walk.groups & needed
    users: dict[VertexKey, list[VertexKey]] = {}
    for vertex in walk.vertices.values():
        for need in vertex.needs:
            users.setdefault(need, []).append(vertex.key)
    left_out = _closure(walk, choice.excludes, lambda vertex: users.get(vertex.key, ()))
    is_named = only_named(choice)

    def chosen(key: VertexKey) -> bool:
        if key in left_out:
            return False
        if key in needed or is_named(key):
            return True
        return any(block in blocks for block in around(address_of(key)))

    return chosen


def only_named(choice: Choice) -> Chosen:
    """What the targets and excludes name, and nothing else for its sake."""

    def chosen(key: VertexKey) -> bool:
        address = address_of(key)
        if any(selects(pattern, address) for pattern in choice.excludes):
            return False
        wanted = choice.targets
        return not wanted or any(selects(pattern, address) for pattern in wanted)

    return chosen


def _closure(
    walk: Walk, patterns: tuple[str, ...], following: Callable[[Vertex], Iterable[VertexKey]]
) -> set[VertexKey]:
    todo = [
        key
        for key, vertex in walk.vertices.items()
        if any(selects(pattern, vertex.address) for pattern in patterns)
    ]
    found = set(todo)
    while todo:
        vertex = walk.vertices.get(todo.pop())
        for key in following(vertex) if vertex is not None else ():
            if key not in found:
                found.add(key)
                todo.append(key)
    return found
