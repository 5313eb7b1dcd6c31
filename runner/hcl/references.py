"""References to blocks, and the names and indices that follow them."""

from collections.abc import Sequence
from dataclasses import replace

from runner.hcl.functions import FILTER, Code, quoted
from runner.hcl.scope import HclScope, Untranslatable, data_type, identifier, without_parens
from runner.hcl.tree import HclNode

_LIST_OF_ONE = {"message", "function_call", "usage"}  # the provider's idiom for one object


def reference(node: HclNode, scope: HclScope) -> Code:
    """A name with the steps after it; Untranslatable where the runner has no such name."""
    root, steps = steps_of(node)
    if root.kind != "name":
        return _follow(scope.code(root), steps, scope, one=False)
    name = root.text
    if identifier(name) in scope.loops:
        return _follow(Code(identifier(name)), steps, scope, one=False)
    names = [step.text for step in steps[:2] if step.kind == "attr"]
    start, taken = _start(node, name, names, scope)
    is_answer = start.split(".")[0] in ("completion", "data", "self")
    return _follow(Code(start), steps[taken:], scope, one=is_answer)


def _start(
    node: HclNode, root: str, names: Sequence[str], scope: HclScope
) -> tuple[str, int]:  # one case per kind
    """What a root is called here, and how many of the names after it that takes."""
    match root, names:
        case (("var" | "local"), [held, *_]):
            return f"{root}.{identifier(held)}", 1
        case ("each", ["key" | "value", *_]) | ("count", ["index", *_]):
            return f"{root}.{names[0]}", 1
        case "terraform", ["workspace", *_]:
            return "workspace", 1
        case "path", ["module" | "root", *_]:
            return f"path.{names[0]}", 1
        case "self", [_, *_]:
            return "self", 0
        case "module", [held, *_]:
            return _module(node, held, scope), 1
        case "openai_chat_completion", [held, *_]:
            return f"completion.{identifier(held)}", 1
        case "data", [kind, held] if data_type(kind):
            return f"data.{data_type(kind)}.{identifier(held)}", 2
        case _:
            shown = ".".join([root, *names])
            raise Untranslatable(node, f"{shown} is nothing that the runner has")


def _module(node: HclNode, name: str, scope: HclScope) -> str:
    if name in scope.names.modules:
        return f"module.{identifier(name)}"
    if name not in scope.names.completions:
        said = f"module.{name} is declared in none of these files; it is taken for a completion."
        scope.warn(node, said)
    return f"completion.{identifier(name)}"


def steps_of(node: HclNode) -> tuple[HclNode, list[HclNode]]:
    """The root of a.b[c].d, and its steps; those of a splat are the children of one."""
    steps: list[HclNode] = []
    while node.kind in ("attr", "index", "splat") and node.children:
        steps.insert(0, replace(node, children=node.children[1:]))
        node = node.children[0]
    return (without_parens(node) if node.kind == "parens" else node), steps


def _follow(start: Code, steps: Sequence[HclNode], scope: HclScope, *, one: bool) -> Code:
    """The steps after a root; `one` drops [0] where the provider holds an object as a list."""
    written = start
    before = ""
    for step in steps:
        match step.kind:
            case "attr":
                tail = f".{step.text}" if step.text.isidentifier() else f"[{quoted(step.text)}]"
                written = Code(f"{written:p}{tail}")
            case "index":
                inner = without_parens(step.children[0])
                if not (one and before in _LIST_OF_ONE and inner.text == "0"):
                    written = Code(f"{written:p}[{scope.code(inner)}]")
            case _:
                written = _splat(written, step)
        before = step.text if step.kind == "attr" else ""
    return written


def _splat(base: Code, step: HclNode) -> Code:
    path = []
    for each in step.children:
        named = without_parens(each.children[0]) if each.kind == "index" else each
        if named.kind != ("number" if each.kind == "index" else "attr"):
            raise Untranslatable(step, "a splat [*] can be followed by names and numbers only")
        path.append(named.text)
    return Code(f"{base:f}{mapped('.'.join(path))} | list", FILTER)


def mapped(path: str) -> str:
    """The filter that takes what is at `path` in each item."""
    if not path:
        return ""
    return f" | map(attribute={path if path.isdigit() else quoted(path)})"
