"""Boxes and lines of a graph in pixels: what is needed stands left of what waits for it."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from runner.core.viewing.graph_layers import Cell, Edge, Layout, layers

LINE_HEIGHT = 17
_CHARACTER = 7.4  # pixels that a character is wide
_GAP_X, _GAP_Y, _MARGIN, _PADDING = 70, 18, 20, 12
_HEIGHT = 2 * LINE_HEIGHT + _PADDING


class GraphBox(Struct, frozen=True):
    """A node: its two lines of text, the second of which may be empty, and where it stands."""

    name: str
    texts: tuple[str, str]
    left: float
    top: float
    width: float
    height: int

    @property
    def first_line(self) -> float:
        """Where the first text stands on."""
        return self.top + (_PADDING / 2 + LINE_HEIGHT * (0.8 if self.texts[1] else 1.3))


class GraphLine(Struct, frozen=True):
    """From what waits to what it waits for; `path` is one of SVG."""

    source: str
    target: str
    path: str


class GraphDrawing(Struct, frozen=True):
    """All of it, and how large it is."""

    width: float
    height: float
    boxes: tuple[GraphBox, ...]
    lines: tuple[GraphLine, ...]


def drawing(nodes: Mapping[str, tuple[str, str]], edges: Iterable[Edge]) -> GraphDrawing:
    """Nodes by their name, each with its two texts; (a, b) says that a waits for b."""
    found = layers(list(nodes), edges)
    sizes = _Sizes(nodes, found)
    boxes = (
        GraphBox(
            name, nodes[name], sizes.lefts[column], sizes.top(row), sizes.widths[column], _HEIGHT
        )
        for name, (column, row) in found.places.items()
    )
    lines = (GraphLine(a, b, _path(route, sizes)) for (a, b), route in found.routes.items())
    return GraphDrawing(sizes.width, sizes.height, tuple(boxes), tuple(lines))


class _Sizes:
    """Columns and rows in pixels."""

    def __init__(self, nodes: Mapping[str, tuple[str, str]], found: Layout) -> None:
        widths: dict[int, float] = {}
        for name, (column, _) in found.places.items():
            text = max(map(len, nodes[name]))
            widths[column] = max(widths.get(column, 0), text * _CHARACTER + 2 * _PADDING)
        self.widths = widths
        self.lefts: dict[int, float] = {}
        left: float = _MARGIN
        for column in sorted(widths):
            self.lefts[column] = left
            left += widths[column] + _GAP_X
        self.width = max(left - _GAP_X + _MARGIN, 2 * _MARGIN)
        rows = [row for route in found.routes.values() for _, row in route]
        rows += [row for _, row in found.places.values()]
        self.height = (max(rows, default=-1) + 1) * (_HEIGHT + _GAP_Y) + 2 * _MARGIN

    def top(self, row: int) -> float:
        return _MARGIN + row * (_HEIGHT + _GAP_Y)

    def middle(self, row: int) -> float:
        return self.top(row) + _HEIGHT / 2


def _path(route: Iterable[Cell], sizes: _Sizes) -> str:
    """A curve from box to box, straight across the columns between."""
    places = list(route)
    backwards = places[0][0] < places[-1][0]
    steps = []
    for index, (column, row) in enumerate(places):
        left, right, y = (
            sizes.lefts[column],
            sizes.lefts[column] + sizes.widths[column],
            sizes.middle(row),
        )
        entry, leave = (left, right) if backwards else (right, left)
        if index == 0:
            steps.append(f"M{leave:.1f} {y:.1f}")
        else:
            steps.append(_curve(steps[-1], entry, y))
            if index < len(places) - 1:
                steps.append(f"L{leave:.1f} {y:.1f}")
    return " ".join(steps)


def _curve(before: str, x: float, y: float) -> str:
    """From where the step before ended, level at both ends."""
    from_x, from_y = (float(number) for number in before.lstrip("MLC").split(", ")[-1].split())
    middle = (from_x + x) / 2
    return f"C{middle:.1f} {from_y:.1f}, {middle:.1f} {y:.1f}, {x:.1f} {y:.1f}"
