"""The graph of a configuration's blocks as DOT, Mermaid or SVG."""

from collections.abc import Iterator, Mapping
from html import escape
from json import dumps

from runner.core.modules.dependencies import BlockGraph, GraphNode
from runner.core.viewing.graph_drawing import LINE_HEIGHT, GraphDrawing, drawing

_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
    'markerHeight="8" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#555"/></marker></defs>'
)


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
    drawn = drawing({name: _texts(node) for name, node in made.nodes.items()}, made.edges)
    body = [*_svg_edges(drawn), *_svg_nodes(made, drawn)]
    size = f'width="{drawn.width:.0f}" height="{drawn.height:.0f}"'
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


def _texts(node: GraphNode) -> tuple[str, str]:
    """A box's two lines: the block's name, and its module and whether it has instances."""
    return node.label, "  ".join(part for part in (node.module, node.note) if part)


def _svg_nodes(made: BlockGraph, drawn: GraphDrawing) -> Iterator[str]:
    for box in drawn.boxes:
        middle = box.left + box.width / 2
        first = box.first_line
        yield f"<g><title>{escape(box.name)}</title>"
        yield (
            f'<rect x="{box.left:.1f}" y="{box.top:.1f}" width="{box.width:.1f}" '
            f'height="{box.height}" rx="4" fill="{_fill(made.nodes[box.name])}" stroke="#555"/>'
        )
        title, about = box.texts
        yield f'<text x="{middle:.1f}" y="{first:.1f}" text-anchor="middle">{escape(title)}</text>'
        if about:
            yield (
                f'<text x="{middle:.1f}" y="{first + LINE_HEIGHT:.1f}" text-anchor="middle" '
                f'font-size="11" fill="#555">{escape(about)}</text>'
            )
        yield "</g>"


def _fill(node: GraphNode) -> str:
    return "#eef3fb" if node.label.startswith("completion.") else "#f3f3f3"


def _svg_edges(drawn: GraphDrawing) -> Iterator[str]:
    for line in drawn.lines:
        yield f'<path d="{line.path}" fill="none" stroke="#555" marker-end="url(#arrow)"/>'
