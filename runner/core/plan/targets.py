"""Which addresses a run is about."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from runner.core.address import around, selects
from runner.core.plan.walk import Vertex, Walk

Chosen = Callable[[str], bool]


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
    users: dict[str, list[str]] = {}
    for vertex in walk.vertices.values():
        for need in vertex.needs:
            users.setdefault(need, []).append(vertex.address)
    left_out = _closure(walk, choice.excludes, lambda vertex: users.get(vertex.address, ()))
    is_named = named(choice)

    def chosen(address: str) -> bool:
        if address in left_out:
            return False
        if address in needed or is_named(address.rstrip("#")):
            return True
        return any(block in blocks for block in around(address))

    return chosen


def named(choice: Choice) -> Chosen:
    """What the targets and excludes name, and nothing else for its sake."""

    def chosen(address: str) -> bool:
        if any(selects(pattern, address) for pattern in choice.excludes):
            return False
        wanted = choice.targets
        return not wanted or any(selects(pattern, address) for pattern in wanted)

    return chosen


def _closure(
    walk: Walk, patterns: tuple[str, ...], following: Callable[[Vertex], Iterable[str]]
) -> set[str]:
    todo = [
        address
        for address in walk.vertices
        if any(selects(pattern, address.rstrip("#")) for pattern in patterns)
    ]
    found = set(todo)
    while todo:
        vertex = walk.vertices.get(todo.pop())
        for address in following(vertex) if vertex is not None else ():
            if address not in found:
                found.add(address)
                todo.append(address)
    return found
