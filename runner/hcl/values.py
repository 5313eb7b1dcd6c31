"""Terraform's values and texts as TOML values and templates."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from runner.hcl.expressions import code, number_of
from runner.hcl.loops import loop
from runner.hcl.scope import DEEPEST_HCL, HclScope, Untranslatable, without_parens, written_keys
from runner.hcl.tree import HclNode
from runner.hcl.unroll import unrolled

NULL = "{{ none }}"
_TABLES = {
    *("parameters", "schema", "json_schema", "response_format", "messages", "tools", "tool_choice"),
    *("functions", "function_call", "metadata", "logit_bias", "prediction", "audio"),
    *("web_search_options", "stream_options", "extra_body", "extra_headers"),
}


def value(node: HclNode, scope: HclScope, key: str = "", depth: int = 0) -> Any:
    """A TOML value: literals as themselves, all else as text with holes.

    `key` is what the value is called. Untranslatable where the runner has nothing like it.
    """
    node = unrolled(without_parens(node), scope)
    if depth > DEEPEST_HCL:
        raise Untranslatable(node, f"values are nested deeper than {DEEPEST_HCL} levels")
    match node.kind:
        case "number" | "negative" | "word":
            return _literal(node, scope)
        case "string" | "heredoc":
            return _text_value(node, scope, key, depth)
        case "list":
            return [value(child, scope, key, depth + 1) for child in node.children]
        case "object" if (keys := written_keys(node)) is not None:
            pairs = zip(keys, node.children, strict=True)
            return {name: value(pair.children[1], scope, name, depth + 1) for name, pair in pairs}
        case "call":
            return _call_value(node, scope, key, depth)
        case _:
            return _hole(node, scope)


def tables_value(node: HclNode, scope: HclScope, key: str) -> Any:
    """A list of tables; where it is an expression, none at all where it yields no table, as no
    block says nothing. The messages of a completion are always there.
    """
    node = unrolled(without_parens(node), scope)
    if node.kind == "list":
        return value(node, scope, key)
    written = code(node, scope)
    return f"{{{{ {written if key == 'messages' else f'{written:o} or none'} }}}}"


def _literal(node: HclNode, scope: HclScope) -> Any:
    if node.kind == "number":
        return number_of(node)
    if node.kind == "negative":
        inner = node.children[0]
        return -number_of(inner) if inner.kind == "number" else _hole(node, scope)
    return {"true": True, "false": False}.get(node.text, NULL)


def _call_value(node: HclNode, scope: HclScope, key: str, depth: int) -> Any:
    match node.text, node.children:
        case "jsonencode", (inner,) if scope.tables and key in _TABLES:
            return value(inner, scope, key, depth + 1)
        case "toset", (inner,) if without_parens(inner).kind == "list":
            items = dict.fromkeys(value(each, scope) for each in _scalars(without_parens(inner)))
            return sorted(items) if all(isinstance(item, str) for item in items) else list(items)
        case (("tomap" | "tolist"), (inner,)) if without_parens(inner).kind in ("object", "list"):
            return value(inner, scope, key, depth + 1)
        case _:
            return _hole(node, scope)


def _scalars(node: HclNode) -> Sequence[HclNode]:
    for child in node.children:
        if without_parens(child).kind in ("list", "object"):
            raise Untranslatable(child, "the items of a set have to be text or numbers here")
    return node.children


def _text_value(node: HclNode, scope: HclScope, key: str, depth: int) -> Any:
    if [part.kind for part in node.children] == ["interpolation"]:
        return value(node.children[0].children[0], scope, key, depth + 1)
    return text(node, scope)


def text(node: HclNode, scope: HclScope) -> str:
    """A text as a template of the runner."""
    if scope.constant:
        return _constant(node)
    written = ""
    scopes = [scope]
    for part, after in pairwise((*node.children, HclNode("end"))):
        match part.kind:
            case "chars":
                written += escaped(part.text, before_hole=after.kind != "end")
            case "interpolation":
                written += _hole_in_text(part.children[0], scopes[-1])
            case "if":
                written += f"{{% if {code(part.children[0], scopes[-1])} %}}"
                scopes.append(scopes[-1])
            case "for":
                loops, inner = loop(part.text.split(), part.children[0], scopes[-1])
                written += f"{{% {loops} %}}"
                scopes.append(inner)
            case _:
                written += f"{{% {part.kind} %}}"
                if part.kind != "else":
                    scopes.pop()
    return written


def _constant(node: HclNode) -> str:
    for part in node.children:
        if part.kind != "chars":
            raise Untranslatable(part, "this text has to be written out: no template is read here")
    return "".join(part.text for part in node.children)


def escaped(literal: str, *, before_hole: bool = False) -> str:
    """The text as a template that gives it: what would open a hole or a statement is in a hole of
    its own.
    """
    braces = r"\{\{|\{(?=%)|\{\Z" if before_hole else r"\{\{|\{(?=%)"
    return re.sub(braces, lambda match: f"{{{{ '{match[0]}' }}}}", literal)


def _hole(node: HclNode, scope: HclScope) -> str:
    if scope.constant:
        raise Untranslatable(node, "this value has to be written out: no expression is read here")
    return f"{{{{ {code(node, scope)} }}}}"


def _hole_in_text(node: HclNode, scope: HclScope) -> str:
    """A hole that stands in a longer text, where all is text in the end."""
    node = without_parens(node)
    if node.kind == "call" and node.text == "tostring" and len(node.children) == 1:
        return _hole_in_text(node.children[0], scope)
    return _hole(node, scope)
