import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cli.views.graph.formats import dot, mermaid, svg
from runner.core.modules.dependencies import BlockGraph, GraphNode
from runner.core.viewing.graph_layers import layers
from tests.harness.project import Project, completion

SVG = "{http://www.w3.org/2000/svg}"
MAIN = """
[runner]
provider = "openai"
[variable.topic]
default = "x"
[locals]
both = "{{ completion.a.content }} {{ completion.b.content }}"
[module.essay]
source = "./modules/essay"
for_each = ["p", "q"]
topic = "{{ completion.b.content }}"
depends_on = ["completion.a"]
"""
ESSAY = """
[variable.topic]
[module.deep]
source = "./modules/deep"
text = "{{ completion.draft.content }}"
[output.text]
value = "{{ module.deep.out }}"
"""
DEEP = '[variable.text]\n[output.out]\nvalue = "{{ completion.polish.content }}"\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "p")
    made.write(
        MAIN
        + completion("a", "a {{ var.topic }}")
        + completion("b", "b {{ completion.a.content }}")
        + completion("c", "{{ local.both }} {{ each.key }}", 'for_each = ["x"]')
        + completion("d", "{{ module.essay['p'].text }}")
        + completion("e", "e", "count = 2", 'depends_on = ["module.essay"]')
    )
    made.write(ESSAY + completion("draft", "{{ var.topic }}"), "modules/essay/main.toml")
    deep = DEEP + completion("polish", "{{ var.text }}")
    made.write(deep, "modules/essay/modules/deep/main.toml")
    return made


DRAFT = "module.essay.completion.draft"
POLISH = "module.essay.module.deep.completion.polish"
EDGES = {
    ("completion.b", "completion.a"),
    ("completion.c", "completion.a"),  # through a local value
    ("completion.c", "completion.b"),
    ("completion.d", POLISH),  # through two modules' outputs
    ("completion.e", DRAFT),
    ("completion.e", POLISH),
    (DRAFT, "completion.a"),  # the call's depends_on
    (DRAFT, "completion.b"),  # the call's argument
    (POLISH, "completion.a"),
    (POLISH, DRAFT),
}


def drawn(project: Project, form: str) -> str:
    ran = project.call("graph", "--format", form)
    assert (ran.status, ran.err) == (0, "")
    return ran.out


def test_dot_has_each_block_once_and_what_it_waits_for(project: Project) -> None:
    text = project.call("graph").out
    assert text == drawn(project, "dot")
    edges = re.findall(r'^  "([^"]+)" -> "([^"]+)";$', text, re.MULTILINE)
    assert set(edges) == EDGES
    assert len(edges) == len(EDGES)
    nodes = re.findall(r'^ *"([^"]+)" \[label = "([^"]+)"\];$', text, re.MULTILINE)
    assert [name for name, _ in nodes] == [
        *(f"completion.{name}" for name in "abcde"),
        DRAFT,
        POLISH,
    ]
    assert dict(nodes)["completion.c"] == "completion.c\\n(for_each)"


def test_dot_nests_modules_as_clusters(project: Project) -> None:
    lines = drawn(project, "dot").splitlines()
    outer = lines.index('  subgraph "cluster_module.essay" {')
    inner = lines.index('    subgraph "cluster_module.essay.module.deep" {')
    assert outer < inner < lines.index("    }") < lines.index("  }")
    depth = 0
    for line in lines:  # braces are balanced, outside of strings
        bare = re.sub(r'"(\\.|[^"\\])*"', "", line)
        depth += bare.count("{") - bare.count("}")
        assert depth >= 0
    assert depth == 0


def test_mermaid_says_the_same(project: Project) -> None:
    text = drawn(project, "mermaid")
    assert text.startswith("flowchart RL\n")
    labels = dict(re.findall(r'^ *(n\d+)\["([^"]+)"\]$', text, re.MULTILINE))
    edges = re.findall(r"^  (n\d+) --> (n\d+)$", text, re.MULTILINE)
    assert len(edges) == len(EDGES)
    short = {(a[a.index("completion.") :], b[b.index("completion.") :]) for a, b in EDGES}
    found = {(labels[a].split(" ")[0], labels[b].split(" ")[0]) for a, b in edges}
    assert found == short
    assert text.count("subgraph") == text.count("\n  end") + text.count("\n    end") == 2


def test_svg_is_xml_with_a_box_for_each_block_and_a_line_for_each_edge(project: Project) -> None:
    root = ET.fromstring(drawn(project, "svg"))
    assert root.tag == f"{SVG}svg"
    titles = [str(title.text) for title in root.iter(f"{SVG}title")]
    assert sorted(titles) == sorted({name for edge in EDGES for name in edge})
    lines = [path for path in root.iter(f"{SVG}path") if path.get("marker-end")]
    assert len(lines) == len(EDGES)


def test_svg_boxes_do_not_overlap_and_stay_inside(project: Project) -> None:
    root = ET.fromstring(drawn(project, "svg"))
    boxes = []
    for group in root.iter(f"{SVG}g"):
        box = group.find(f"{SVG}rect")
        assert box is not None
        x, y, w, h = (float(box.get(name, "")) for name in ("x", "y", "width", "height"))
        boxes.append((x, y, x + w, y + h))
    width, height = (float(root.get(name, "")) for name in ("width", "height"))
    for i, (x, y, right, bottom) in enumerate(boxes):
        assert x >= 0
        assert y >= 0
        assert right <= width
        assert bottom <= height
        for other in boxes[:i]:
            apart = right < other[0] or other[2] < x or bottom < other[1] or other[3] < y
            assert apart


def test_a_cycle_is_drawn_for_whoever_looks_for_it(tmp_path: Path) -> None:
    project = Project(tmp_path / "p")
    project.write(
        completion("a", "{{ completion.b.content }}")
        + completion("b", "{{ completion.a.content }}")
        + completion("c", "{{ completion.c.content }}")
    )
    text = drawn(project, "dot")
    assert '"completion.a" -> "completion.b";' in text
    assert '"completion.b" -> "completion.a";' in text
    assert '"completion.c" -> "completion.c";' in text
    ET.fromstring(drawn(project, "svg"))


def test_any_text_is_escaped_in_every_format() -> None:
    """Names are identifiers; what draws them does not rely on it."""
    name = 'x"><script>&\\"]'
    graph = BlockGraph({name: GraphNode(name, name, "", "")}, {(name, name): None}, {})
    root = ET.fromstring(svg(graph))
    assert [text.text for text in root.iter(f"{SVG}text")] == [name]
    quoted = re.findall(r'"((?:\\.|[^"\\])*)"', dot(graph).splitlines()[3])
    assert [text.replace('\\"', '"').replace("\\\\", "\\") for text in quoted] == [name, name]
    assert mermaid(graph).splitlines()[1].count('"') == 2


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    ran = Project(tmp_path / "p").call("graph", "--format", "png")
    assert ran.status == 1
    assert "svg" in ran.err


names = st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(names, names), max_size=20))
def test_every_layout_puts_each_node_in_a_place_of_its_own(edges: list[tuple[str, str]]) -> None:
    """Also of cyclic graphs: all nodes and edges are drawn, and lines cross no box."""
    found = layers("abcdefgh", edges)
    assert set(found.places) == set("abcdefgh")
    assert len(set(found.places.values())) == 8
    assert set(found.routes) == {(a, b) for a, b in edges if a != b}
    occupied = set(found.places.values())
    for (a, b), route in found.routes.items():
        assert (route[0], route[-1]) == (found.places[a], found.places[b])
        columns = [column for column, _ in route]
        assert columns in (
            list(range(columns[0], columns[-1] + 1)),
            list(range(columns[0], columns[-1] - 1, -1)),
        )
        assert not occupied & set(route[1:-1])


def test_without_cycles_every_edge_leads_left() -> None:
    edges = [("c", "b"), ("b", "a"), ("c", "a"), ("d", "a")]
    found = layers("abcd", edges)
    assert {name: column for name, (column, _) in found.places.items()} == {
        "a": 0,
        "b": 1,
        "c": 2,
        "d": 1,
    }
    assert [column for column, _ in found.routes["c", "a"]] == [2, 1, 0]
