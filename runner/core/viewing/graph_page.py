"""The graph of blocks as a page shows it: a box a block, one for each module that is not opened."""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from runner.core.modules.dependencies import BlockGraph
from runner.core.viewing.graph_drawing import GraphDrawing, drawing
from runner.errors import counted

_MOST = 120  # boxes that people tell apart; then those with the same neighbours are one

BlockStanding = Literal["done", "waiting", "in flight", "failed"]


class GraphedBox(Struct, frozen=True):
    """What a box stands for: the block or module `address`, and `more` that have the same
    neighbours; `counts` are its instances.
    """

    address: str
    kind: Literal["completion", "data", "module"]
    is_outside: bool
    more: int
    counts: dict[BlockStanding, int]
    needs: tuple[str, ...]


class GraphPage(Struct, frozen=True):
    """The module that is looked into, empty for all, and those around it; boxes by their name."""

    opened: str
    around: tuple[str, ...]
    boxes: dict[str, GraphedBox]
    drawing: GraphDrawing


def graph_page(
    graph: BlockGraph, counts: Mapping[str, Mapping[BlockStanding, int]], opened: str
) -> GraphPage:
    """`counts` are instances of blocks, by the address of the block without keys; `opened` is a
    module, or none.
    """
    within = opened if opened in graph.notes else ""
    boxes = {address: _box(address, within, graph) for address in graph.nodes}
    edges = {(boxes[a], boxes[b]): None for a, b in graph.edges if boxes[a] != boxes[b]}
    inner = [box for box in dict.fromkeys(boxes.values()) if _is_in(box, within)]
    near = {name for edge in edges if any(_is_in(end, within) for end in edge) for name in edge}
    shown = [*inner, *sorted(near - {*inner})]
    kept = {(a, b): None for a, b in edges if a in {*shown} and b in {*shown}}
    names = _folded(shown, kept, graph)
    lines = dict.fromkeys((names[a], names[b]) for a, b in kept if names[a] != names[b])
    blocks: dict[str, list[str]] = {}
    for address, box in boxes.items():
        if box in names:
            blocks.setdefault(names[box], []).append(address)
    sizes: dict[str, int] = {}
    for name in names.values():
        sizes[name] = sizes.get(name, 0) + 1
    made = {
        name: GraphedBox(
            address=name,
            kind=_kind(name, graph),
            is_outside=not _is_in(name, within),
            more=sizes[name] - 1,
            counts=_sum(counts.get(each, {}) for each in blocks[name]),
            needs=tuple(b for a, b in lines if a == name),
        )
        for name in dict.fromkeys(names.values())
    }
    texts = {name: (_title(box, within), _about(box, graph)) for name, box in made.items()}
    return GraphPage(within, _around(within), made, drawing(texts, lines))


def _is_in(address: str, module: str) -> bool:
    return not module or address.startswith(f"{module}.")


def _box(address: str, within: str, graph: BlockGraph) -> str:
    """The block itself, or the outermost module around it that is not opened."""
    module = graph.nodes[address].module
    outer = [*_around(module), module] if module else []
    return next((each for each in outer if not _opens(each, within)), address)


def _opens(module: str, within: str) -> bool:
    return within == module or within.startswith(f"{module}.")


def _around(module: str) -> tuple[str, ...]:
    """The modules that a module stands in, the outermost first."""
    parts = module.split(".module.") if module else []
    return tuple(".module.".join(parts[:number]) for number in range(1, len(parts)))


def _folded(
    shown: list[str], edges: Mapping[tuple[str, str], None], graph: BlockGraph
) -> dict[str, str]:
    """Each box by the one that stands for it: itself, unless there are too many."""
    if len(shown) <= _MOST:
        return {name: name for name in shown}
    beside: dict[str, list[tuple[int, str]]] = {name: [] for name in shown}
    for a, b in edges:
        beside[a].append((0, b))
        beside[b].append((1, a))
    first: dict[object, str] = {}
    like = {name: (_kind(name, graph), *sorted(beside[name])) for name in shown}
    return {name: first.setdefault(like[name], name) for name in shown}


def _kind(name: str, graph: BlockGraph) -> Literal["completion", "data", "module"]:
    if name not in graph.nodes:
        return "module"
    return "data" if graph.nodes[name].label.startswith("data.") else "completion"


def _sum(counts: Iterable[Mapping[BlockStanding, int]]) -> dict[BlockStanding, int]:
    found: dict[BlockStanding, int] = {}
    for each in counts:
        for standing, number in each.items():
            found[standing] = found.get(standing, 0) + number
    return found


def _title(box: GraphedBox, within: str) -> str:
    inside = box.address.removeprefix(f"{within}.") if within else box.address
    return f"{inside} and {box.more:,} like it" if box.more else inside


def _about(box: GraphedBox, graph: BlockGraph) -> str:
    said = [f"{number:,} {standing}" for standing, number in box.counts.items() if number]
    if box.kind == "module":
        inner = sum(address.startswith(f"{box.address}.") for address in graph.nodes)
        said.insert(0, counted(inner, "block"))
    return ", ".join(said)
