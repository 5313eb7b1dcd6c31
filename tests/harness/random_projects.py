"""Random projects: graphs of completions as people write them, and the edits they make."""

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from hypothesis import strategies as st

from tests.harness.lab import Lab, echo

NAMES = ("ada", "bea", "cai", "dov", "eve", "fay", "gus", "hal", "ida", "jon")
KEYS = ("k1", "k2", "k3", "k4")
Kind = Literal[
    "single", "list", "count", "each", "matrix", "dynamic", "matrix_over", "module", "modules",
    "module_over",
]  # fmt: skip
KINDS: tuple[Kind, ...] = ("single", "single", *get_args(Kind))
# Over the items of an answer; else as
OVER: dict[Kind, Kind] = {
    "dynamic": "single",
    "matrix_over": "single",
    "module_over": "module",
}

ENABLED = ("true", "true", "true", "false", "asked")

MODULE = """
[variable.x]
type = "string"
[completion.first]
model = "m"
messages = [{ role = "user", content = "first {{ var.x }}" }]
[completion.second]
model = "m"
messages = [{ role = "user", content = "second {{ completion.first.content }}" }]
[output.said]
value = "{{ completion.second.content }}"
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One block. `refs` and `after` (depends_on) name earlier nodes by their `id`.

    `enabled` is "true", "false" or "asked" (it hangs on the answer of the first ref).
    """

    id: int
    name: str
    kind: Kind
    prompt: str
    refs: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    via_local: bool = False
    size: int = 2
    enabled: str = "true"
    temperature: int | None = None
    metadata: str | None = None
    rubric: str | None = None  # its answers are judged by this

    @property
    def address(self) -> str:
        """The block's address."""
        kind = "module" if self.kind.startswith("module") else "completion"
        return f"{kind}.{self.name}"


Project = tuple[Node, ...]


def reply(body: dict[str, Any]) -> str:
    """A list where one is asked for, else one of a few words; the temperature changes nothing."""
    text = str(body["messages"][0]["content"])
    said = echo(body)
    return f'["{said}", "always"]' if text.startswith("list") else said


def lab(project: Project) -> Lab:
    """A lab with the project's files."""
    return Lab(files(project), reply)


def files(project: Project) -> dict[str, str]:
    """The project as files, a block each, in the order of the project."""
    found = {
        f"configs/{i}.toml": _block(node, project) + _judge(node) for i, node in enumerate(project)
    }
    return {**found, "modules/m/main.toml": MODULE}


def _judge(node: Node) -> str:
    """A check of a node's answers, if they are judged."""
    if node.rubric is None:
        return ""
    keyed = "" if node.kind == "module" else '["A0"]' if node.kind in OVER else '["k1"]'
    inside = f"{node.address}{keyed}.completion.second"
    of = inside if node.kind.startswith("module") else node.address
    judge = f"model = 'j', rubric = '{node.rubric}', samples = {1 + node.size // 3}"
    return f"\n[check.{node.name}]\nof = '{of}'\njudge = {{ {judge} }}\n"


def _block(node: Node, project: Project) -> str:
    by_id = {other.id: other for other in project}
    said = " ".join(_said(by_id[ref]) for ref in node.refs)
    content = f"{'list ' if node.kind == 'list' else ''}{node.prompt} {said}"
    lines = []
    if node.via_local:
        lines += ["[locals]", f"of_{node.name} = '''{content}'''"]
        content = f"{{{{ local.of_{node.name} }}}}"
    lines.append(f"[{node.address}]")
    source = next((by_id[ref] for ref in node.refs if by_id[ref].kind == "list"), None)
    if node.kind in {"each", "modules"}:
        lines.append(f"for_each = {[*KEYS[: node.size]]}")
    elif node.kind == "count":
        lines.append(f"count = {node.size}")
    elif node.kind == "matrix":  # two repeats of each, unless they say which they are
        lines += ["matrix.run = [1, 2]", f"matrix.a = {[*KEYS[: node.size]]}"]
        content += " {{ matrix.a }}"
    elif node.kind == "matrix_over" and source is not None:
        lines += [f"matrix.of = '{{{{ completion.{source.name}.json }}}}'", "matrix.run = [1, 2]"]
        content += " {{ matrix.of }}"
    elif node.kind in OVER and source is not None:
        lines.append(f"for_each = '{{{{ completion.{source.name}.json }}}}'")
        content += " {{ each.key }}"
    if node.after:
        lines.append(f"depends_on = {[by_id[other].address for other in node.after]}")
    if node.kind.startswith("module"):
        return "\n".join([*lines, 'source = "../modules/m"', f"x = '''{content}'''"])
    lines += ['model = "m"', f"messages = [{{ role = 'user', content = '''{content}''' }}]"]
    if node.temperature is not None:
        lines.append(f"temperature = {node.temperature}")
    if node.metadata is not None:
        lines.append(f'metadata = {{ note = "{node.metadata}" }}')
    if node.enabled == "false":
        lines.append("enabled = false")
    elif node.enabled == "asked" and node.refs:
        lines.append(f"enabled = '''{{{{ ({_value(by_id[node.refs[0]])}) != 'A0' }}}}'''")
    return "\n".join(lines)


def _value(node: Node) -> str:
    """An expression of a node's answer or answers, as text."""
    of = node.address
    match node.kind:
        case "module":
            return f"{of}.said"
        case "modules":
            return f"{of}['k1'].said"
        case "count":
            return f"{of}[0].content if {of}[0] else 'none'"
        case "each":
            return f"{of}['k1'].content if {of}['k1'] else 'none'"
        case "matrix":
            one = f"{of}['a=k1,run=1']"
            return f"{one}.content if {one} else 'none'"
        case "dynamic" | "matrix_over" | "module_over":
            return f"{of} | length"
        case "single" | "list":
            return f"{of}.content if {of} else 'none'"


def _said(node: Node) -> str:
    """A text of a node's answers."""
    of = node.address
    match node.kind:
        case "modules" | "module_over":
            return f"{{% for k, m in {of}.items() %}}{{{{ k }}}}{{{{ m.said }}}}{{% endfor %}}"
        case "count":
            return f"{{% for a in {of} %}}{{{{ a.content if a else 'none' }}}}{{% endfor %}}"
        case "each" | "dynamic" | "matrix" | "matrix_over":
            return f"{{% for k, a in {of}.items() %}}{{{{ k }}}}{{{{ a.content }}}}{{% endfor %}}"
        case "single" | "list" | "module":
            return f"{{{{ {_value(node)} }}}}"


@st.composite
def projects(draw: st.DrawFn, most: int = 5, kinds: tuple[Kind, ...] = KINDS) -> Project:
    """A project of up to `most` blocks; each may refer to those before it."""
    size = draw(st.integers(1, most))
    names = draw(st.permutations(NAMES))[:size]
    nodes: list[Node] = []
    for number, name in enumerate(names):
        nodes.append(draw(_nodes(number, name, tuple(nodes), kinds)))
    return tuple(nodes)


@st.composite
def _nodes(
    draw: st.DrawFn, number: int, name: str, before: Project, kinds: tuple[Kind, ...]
) -> Node:
    earlier = [node.id for node in before]
    some = st.lists(st.sampled_from(earlier), unique=True, max_size=2) if earlier else st.just([])
    kind = draw(st.sampled_from(kinds))
    lists = [node.id for node in before if node.kind == "list"]
    refs = draw(some)
    if kind in OVER:
        if not lists:
            kind = "list"
        else:
            refs = [lists[0], *(ref for ref in refs if ref != lists[0])]
    return Node(
        number,
        name,
        kind,
        draw(st.sampled_from(("red", "blue"))),
        tuple(refs),
        tuple(draw(some)),
        draw(st.booleans()) and kind not in OVER,
        draw(st.integers(1, 3)),
        draw(st.sampled_from(ENABLED)) if kind != "list" else "true",
        draw(st.sampled_from((None, None, 0, 1))),
        draw(st.sampled_from((None, None, "x", "y"))),
        draw(st.sampled_from((None, None, None, "kind"))),
    )


@st.composite
def edits(draw: st.DrawFn, project: Project) -> Project:
    """The project after one edit: a prompt, a parameter, a name, a block more or less."""
    node = draw(st.sampled_from(project))
    change = draw(st.sampled_from(("prompt", "temperature", "metadata", "size", "enabled", "names",
                                   "rubric", "remove", "add", "reorder", "refs")))  # fmt: skip
    match change:
        case "prompt":
            return _changed(project, replace(node, prompt=f"{node.prompt} too"))
        case "temperature":
            return _changed(project, replace(node, temperature=2))
        case "metadata":
            return _changed(project, replace(node, metadata="new"))
        case "rubric":
            return _changed(project, replace(node, rubric="true"))
        case "size":
            return _changed(project, replace(node, size=draw(st.integers(1, 4))))
        case "enabled" if node.kind != "list" and not node.kind.startswith("module"):
            flipped = "false" if node.enabled != "false" else "true"
            return _changed(project, replace(node, enabled=flipped))
        case "names":
            return renamed(project, draw(st.permutations(NAMES)))
        case "remove" if len(project) > 1:
            return removed(project, node.id)
        case "add":
            free = next(name for name in NAMES if name not in {other.name for other in project})
            return (*project, draw(_nodes(1 + max(n.id for n in project), free, project, KINDS)))
        case "refs" if node.kind not in OVER:
            return _changed(project, replace(node, refs=node.refs[:1]))
        case _:
            return tuple(reversed(project))


def renamed(project: Project, names: list[str]) -> Project:
    """Every block under another name, all that refers to it with it."""
    return tuple(replace(node, name=names[NAMES.index(node.name)]) for node in project)


def removed(project: Project, number: int) -> Project:
    """The project without one block, and without what referred to it."""
    return tuple(
        replace(
            node,
            kind=OVER.get(node.kind, node.kind) if number in node.refs else node.kind,
            refs=tuple(ref for ref in node.refs if ref != number),
            after=tuple(ref for ref in node.after if ref != number),
        )
        for node in project
        if node.id != number
    )


def _changed(project: Project, node: Node) -> Project:
    return tuple(node if other.id == node.id else other for other in project)
