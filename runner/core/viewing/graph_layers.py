"""A directed graph in columns: each node left of what points at it, few lines crossing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Edge = tuple[str, str]
Cell = tuple[int, int]  # column, row
_SWEEPS = 4


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each node stands, and through which places each edge goes, its ends included.

    A place of an edge that is no node's is kept free for it.
    """

    places: Mapping[str, Cell]
    routes: Mapping[Edge, tuple[Cell, ...]]


def layers(nodes: Sequence[str], edges: Iterable[Edge]) -> Layout:
    """A layout in which (a, b) leads from a to a node b further left.

    Edges that close a cycle, or lead from a node to itself, go the other way, or nowhere.
    """
    known = dict.fromkeys(nodes)
    wanted = [(a, b) for a, b in dict.fromkeys(edges) if a in known and b in known]
    forward = _without_cycles(list(known), wanted)
    columns = _columns(list(known), forward)
    lanes = {edge: _lane(edge, columns) for edge in forward}
    rows = _ordered(list(known), columns, lanes)
    places = {node: (columns[node], rows[node]) for node in known}
    routes = {}
    for a, b in wanted:
        if a != b:
            names = lanes[a, b] if (a, b) in lanes else tuple(reversed(lanes[b, a]))
            routes[a, b] = tuple((columns[name], rows[name]) for name in names)
    return Layout(places, routes)


def _without_cycles(nodes: list[str], edges: list[Edge]) -> list[Edge]:
    """The edges, those turned round that lead back to where a walk came from."""
    after: dict[str, list[str]] = {node: [] for node in nodes}
    for a, b in edges:
        after[a].append(b)
    state: dict[str, int] = {}
    found: dict[Edge, None] = {}
    for start in nodes:
        walk = [(start, iter(after[start]))] if start not in state else []
        state.setdefault(start, 1)
        while walk:
            node, rest = walk[-1]
            following = next(rest, None)
            if following is None:
                state[node] = 2
                walk.pop()
            elif state.get(following) == 1:
                if following != node:
                    found[following, node] = None
            else:
                found[node, following] = None
                if following not in state:
                    state[following] = 1
                    walk.append((following, iter(after[following])))
    return list(found)


def _columns(nodes: list[str], edges: list[Edge]) -> dict[str, int]:
    """The length of the longest way from each node."""
    after: dict[str, list[str]] = {node: [] for node in nodes}
    waits = dict.fromkeys(nodes, 0)
    for a, b in edges:
        after[b].append(a)
        waits[a] += 1
    columns = dict.fromkeys(nodes, 0)
    ready = [node for node in nodes if not waits[node]]
    for node in ready:
        for following in after[node]:
            columns[following] = max(columns[following], columns[node] + 1)
            waits[following] -= 1
            if not waits[following]:
                ready.append(following)
    return columns


def _lane(edge: Edge, columns: dict[str, int]) -> tuple[str, ...]:
    """The edge's nodes, with a made-up one in each column that it crosses."""
    a, b = edge
    names = [a]
    for column in range(columns[a] - 1, columns[b], -1):
        name = f"{a}\x00{b}\x00{column}"
        columns[name] = column
        names.append(name)
    return (*names, b)


def _ordered(
    nodes: list[str], columns: dict[str, int], lanes: Mapping[Edge, tuple[str, ...]]
) -> dict[str, int]:
    """Rows within the columns: each node near the middle of its neighbours."""
    left: dict[str, list[str]] = {name: [] for name in columns}
    right: dict[str, list[str]] = {name: [] for name in columns}
    for lane in lanes.values():
        for a, b in pairwise(lane):
            left[a].append(b)
            right[b].append(a)
    held: list[list[str]] = [[] for _ in range(max(columns.values(), default=-1) + 1)]
    for name in [*nodes, *(name for name in columns if "\x00" in name)]:
        held[columns[name]].append(name)
    rows = {name: row for column in held for row, name in enumerate(column)}
    for sweep in range(_SWEEPS):
        beside, order = (left, held) if sweep % 2 == 0 else (right, held[::-1])
        for column in order:
            column.sort(key=lambda name: (_middle(name, beside, rows), rows[name]))
            rows.update({name: row for row, name in enumerate(column)})
    return rows


def _middle(name: str, beside: Mapping[str, list[str]], rows: Mapping[str, int]) -> float:
    near = beside[name]
    return sum(rows[other] for other in near) / len(near) if near else rows[name]
