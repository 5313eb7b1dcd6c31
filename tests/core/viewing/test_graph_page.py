"""The graph of blocks, with modules that are opened one by one."""

from collections.abc import Iterable

from runner.core.modules.dependencies import BlockGraph, GraphNode
from runner.core.viewing.graph_page import graph_page

ESSAY, DEEP = "module.essay", "module.essay.module.deep"


def graph(nodes: Iterable[tuple[str, str]], edges: Iterable[tuple[str, str]]) -> BlockGraph:
    """Blocks by their names and modules."""
    made = BlockGraph(edges=dict.fromkeys(edges), notes={ESSAY: "for_each", DEEP: ""})
    for label, module in nodes:
        address = f"{module}.{label}" if module else label
        made.nodes[address] = GraphNode(address, label, "", module)
    return made


A, DRAFT, POLISH = "completion.a", f"{ESSAY}.completion.draft", f"{DEEP}.completion.polish"
NESTED = graph(
    [
        ("completion.a", ""),
        ("completion.b", ""),
        ("completion.draft", ESSAY),
        ("completion.polish", DEEP),
    ],
    [(DRAFT, A), (POLISH, DRAFT)],
)


def test_a_module_is_one_box_with_all_that_is_in_it() -> None:
    page = graph_page(NESTED, {DRAFT: {"done": 2}, POLISH: {"done": 1, "waiting": 1}}, "")
    assert [*page.boxes] == [A, "completion.b", ESSAY]
    assert page.boxes[ESSAY].counts == {"done": 3, "waiting": 1}
    assert page.boxes[ESSAY].needs == (A,)
    assert [(line.source, line.target) for line in page.drawing.lines] == [(ESSAY, A)]


def test_an_opened_module_shows_its_blocks_and_what_they_touch() -> None:
    page = graph_page(NESTED, {}, ESSAY)
    assert [(name, box.is_outside) for name, box in page.boxes.items()] == [
        (DRAFT, False),
        (DEEP, False),
        (A, True),
    ]
    assert graph_page(NESTED, {}, DEEP).around == (ESSAY,)


def test_a_module_that_there_is_none_of_shows_all() -> None:
    assert graph_page(NESTED, {}, "module.no").opened == ""


def test_of_many_those_with_the_same_neighbours_are_one() -> None:
    names = [f"completion.n{at}" for at in range(10_000)]
    blocks = [(name, "") for name in ("completion.first", *names)]
    made = graph(blocks, [(name, "completion.first") for name in names])
    page = graph_page(made, {name: {"done": 1} for name in names}, "")
    assert [*page.boxes] == ["completion.first", "completion.n0"]
    assert page.boxes["completion.n0"].more == 9_999
    assert page.boxes["completion.n0"].counts == {"done": 10_000}
