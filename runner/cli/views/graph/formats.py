"""The graph of a configuration's blocks as DOT, Mermaid or SVG."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from json import dumps

from runner.cli.views.graph.layers import Cell, Layout, layers
from runner.core.modules.dependencies import BlockGraph, GraphNode

_CHARACTER, _LINE = 7.4, 17  # pixels that a character is wide, and a line high
_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
    'markerHeight="8" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#555"/></marker></defs>'
)
_GAP_X, _GAP_Y, _MARGIN, _PADDING = 70, 18, 20, 12


def dot(made: BlockGraph) -> str:
    """The graph for Graphviz: `a -> b` says that a waits for b."""
    lines = [
        "digraph runner {",
        '  rankdir = "RL";',
        '  node [shape = rect, fontname = "sans-serif"];',
        *_dot_module(made, "", "  "),
        *(f"  {_quoted(a)} -> {_quoted(b)};" for a, b in made.edges),
        "}",
    ]
    return "\n".join(lines) + "\n"


def mermaid(made: BlockGraph) -> str:
    """The graph for Mermaid, as Markdown files show it."""
    numbers = {address: f"n{index}" for index, address in enumerate(made.nodes)}
    lines = ["flowchart RL", *_mermaid_module(made, "", "  ", numbers)]
    lines += [f"  {numbers[a]} --> {numbers[b]}" for a, b in made.edges]
    return "\n".join(lines) + "\n"


def svg(made: BlockGraph) -> str:
    """The graph as an image: what is needed stands left of what waits for it."""
    found = layers(list(made.nodes), made.edges)
    sizes = _Sizes(made, found)
    body = [*_svg_edges(found, sizes), *_svg_nodes(made, found, sizes)]
    size = f'width="{sizes.width:.0f}" height="{sizes.height:.0f}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">'
    )
    return "\n".join([head, _ARROW, f'<rect {size} fill="#fff"/>', *body, "</svg>"]) + "\n"


# -- DOT and Mermaid


def _dot_module(made: BlockGraph, module: str, indent: str) -> Iterator[str]:
    for node in made.inside(module):
        label = f"{node.label}\n({node.note})" if node.note else node.label
        yield f"{indent}{_quoted(node.address)} [label = {_quoted(label)}];"
    for inner in made.modules(module):
        yield f"{indent}subgraph {_quoted(f'cluster_{inner}')} {{"
        yield f"{indent}  label = {_quoted(_titled(made, inner))};"
        yield f'{indent}  fontname = "sans-serif";'
        yield from _dot_module(made, inner, f"{indent}  ")
        yield f"{indent}}}"


def _mermaid_module(
    made: BlockGraph, module: str, indent: str, numbers: Mapping[str, str]
) -> Iterator[str]:
    for node in made.inside(module):
        label = f"{node.label} ({node.note})" if node.note else node.label
        yield f'{indent}{numbers[node.address]}["{_entities(label)}"]'
    for inner in made.modules(module):
        number = list(made.notes).index(inner)
        yield f'{indent}subgraph m{number}["{_entities(_titled(made, inner))}"]'
        yield from _mermaid_module(made, inner, f"{indent}  ", numbers)
        yield f"{indent}end"


def _titled(made: BlockGraph, module: str) -> str:
    note = made.notes[module]
    return f"{module} ({note})" if note else module


def _quoted(text: str) -> str:
    """A DOT string: only quotes, backslashes and line ends mean something in it."""
    return dumps(text, ensure_ascii=False)


def _entities(text: str) -> str:
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;")


# -- SVG


class _Sizes:
    """Columns and rows in pixels."""

    def __init__(self, made: BlockGraph, found: Layout) -> None:
        self.height_of_box = 2 * _LINE + _PADDING
        widths: dict[int, float] = {}
        for address, (column, _) in found.places.items():
            text = max(map(len, _texts(made.nodes[address])))
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
        self.height = (max(rows, default=-1) + 1) * (self.height_of_box + _GAP_Y) + 2 * _MARGIN

    def top(self, row: int) -> float:
        return _MARGIN + row * (self.height_of_box + _GAP_Y)

    def middle(self, row: int) -> float:
        return self.top(row) + self.height_of_box / 2


def _texts(node: GraphNode) -> tuple[str, str]:
    """A box's two lines: the block's name, and its module and whether it has instances."""
    return node.label, "  ".join(part for part in (node.module, node.note) if part)


def _svg_nodes(made: BlockGraph, found: Layout, sizes: _Sizes) -> Iterator[str]:
    for address, (column, row) in found.places.items():
        node = made.nodes[address]
        left, top, width = sizes.lefts[column], sizes.top(row), sizes.widths[column]
        name, about = _texts(node)
        middle = left + width / 2
        first = top + (_PADDING / 2 + _LINE * (0.8 if about else 1.3))
        yield f"<g><title>{escape(address)}</title>"
        yield (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{sizes.height_of_box}" rx="4" fill="{_fill(node)}" stroke="#555"/>'
        )
        yield f'<text x="{middle:.1f}" y="{first:.1f}" text-anchor="middle">{escape(name)}</text>'
        if about:
            yield (
                f'<text x="{middle:.1f}" y="{first + _LINE:.1f}" text-anchor="middle" '
                f'font-size="11" fill="#555">{escape(about)}</text>'
            )
        yield "</g>"


def _fill(node: GraphNode) -> str:
    return "#eef3fb" if node.label.startswith("completion.") else "#f3f3f3"


def _svg_edges(found: Layout, sizes: _Sizes) -> Iterator[str]:
    for route in found.routes.values():
        yield (
            f'<path d="{_path(route, sizes)}" fill="none" stroke="#555" marker-end="url(#arrow)"/>'
        )


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
