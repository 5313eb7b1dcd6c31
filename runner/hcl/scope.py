"""What Terraform's files declare, and what one expression in them sees."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from runner.hcl.functions import LISTS, MAPS, Code
from runner.hcl.tree import HclNode

DEEPEST_HCL = 40


class Untranslatable(Exception):  # noqa: N818  # not an error: the caller names it and goes on
    """An expression that the runner's language does not have."""

    def __init__(self, node: HclNode, why: str) -> None:
        super().__init__(why)
        self.node, self.why = node, why


@dataclass(frozen=True, slots=True)
class HclNames:
    """What the files declare: which modules are completions, what is a map, what locals hold."""

    completions: frozenset[str] = frozenset()  # module blocks that are completions
    modules: frozenset[str] = frozenset()  # the other module blocks
    maps: frozenset[str] = frozenset()  # var.x, completion.x
    lists: frozenset[str] = frozenset()
    items: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What each object holds in the list that a variable is, where its type says so."""
    locals: Mapping[str, HclNode] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HclScope:
    """What an expression sees, and how one inside it is translated.

    `tables` where JSON text may be written as a table; `constant` where the runner reads no
    template, so that text is left as it is.
    """

    names: HclNames
    warn: Callable[[HclNode, str], None]
    translate: Callable[[HclNode, "HclScope"], Code]
    loops: frozenset[str] = frozenset()
    tables: bool = False
    constant: bool = False

    def code(self, node: HclNode) -> Code:
        """The expression as the runner's; Untranslatable where it has none."""
        return self.translate(node, self)

    def inside(self, *loops: str) -> "HclScope":
        """The scope in a loop over these names."""
        return replace(self, loops=self.loops | set(loops))


def identifier(name: str) -> str:
    """A name as the runner allows it: Terraform's may hold dashes."""
    return name.replace("-", "_")


def data_type(kind: str) -> str | None:
    """The runner's type for a data source of the OpenAI provider, or None."""
    known = {"chat_completion", "chat_completions", "chat_completion_messages"}
    return kind.removeprefix("openai_") if kind.removeprefix("openai_") in known else None


def without_parens(node: HclNode) -> HclNode:
    """The expression without brackets around it."""
    while node.kind == "parens":
        node = node.children[0]
    return node


def written_key(node: HclNode) -> str | None:
    """A key that is written out, or None where it is computed."""
    match node.kind:
        case "name" | "word" | "number":
            return node.text
        case "string" if all(part.kind == "chars" for part in node.children):
            return "".join(part.text for part in node.children)
        case _:
            return None


def written_keys(node: HclNode) -> tuple[str, ...] | None:
    """The keys of an object, or None where one is computed."""
    keys = [written_key(pair.children[0]) for pair in node.children]
    return None if None in keys else tuple(key for key in keys if key is not None)


def shape(node: HclNode, scope: HclScope, depth: int = 0) -> str:
    """`list`, `map`, or empty where the files do not tell."""
    node = without_parens(node)
    if node.kind in ("list", "for_list", "splat") or (node.kind == "call" and node.text in LISTS):
        return "list"
    if node.kind in ("object", "for_map", "for_group"):
        return "map"
    if node.kind == "call" and node.text in MAPS:
        return "map"
    if node.kind != "attr" or node.children[0].kind != "name" or depth > DEEPEST_HCL:
        return ""
    root, name = node.children[0].text, node.text
    if root == "local" and name in scope.names.locals:
        return shape(scope.names.locals[name], scope, depth + 1)
    where = {"module": "completion", "openai_chat_completion": "completion"}.get(root, root)
    address = f"{where}.{identifier(name)}"
    return "map" if address in scope.names.maps else "list" if address in scope.names.lists else ""
