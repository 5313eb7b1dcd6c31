"""Terraform's expressions as the runner's."""

import math
import re

from runner.hcl.file_functions import file_call
from runner.hcl.functions import (
    ADD,
    AND,
    COMPARE,
    CONCAT,
    CONDITIONAL,
    FILTER,
    MULTIPLY,
    NOT,
    OR,
    PRIMARY,
    UNARY,
    Code,
    call,
    quoted,
    together,
)
from runner.hcl.loops import for_group, for_list, for_map
from runner.hcl.pattern_functions import pattern_call
from runner.hcl.references import reference
from runner.hcl.scope import HclScope, Untranslatable, without_parens, written_key
from runner.hcl.tree import HclNode
from runner.hcl.unroll import unrolled

_DIFFERENCES = {
    "jsonencode": "tojson keeps the order of the keys and writes a space after , and : where "
    "jsonencode() sorts the keys and writes none.",
    "nonsensitive": "nonsensitive() is dropped: what is made of a sensitive value stays so.",
}
_BINARY = {
    "||": ("or", OR),
    "&&": ("and", AND),
    "+": ("+", ADD),
    "-": ("-", ADD),
    "*": ("*", MULTIPLY),
    "/": ("/", MULTIPLY),
    "%": ("%", MULTIPLY),
    **{sign: (sign, COMPARE) for sign in ("==", "!=", "<", ">", "<=", ">=")},
}


def code(node: HclNode, scope: HclScope) -> Code:  # noqa: C901, PLR0912  # one case per kind of expression
    """An expression of the runner's; Untranslatable where it has none."""
    node = unrolled(node, scope)
    match node.kind:
        case "parens":
            return code(node.children[0], scope)
        case "number":
            return _number_code(number_of(node))
        case "word":
            return Code({"null": "none"}.get(node.text, node.text))
        case "string" | "heredoc":
            return _concatenated(node, scope)
        case "list":
            return Code(f"[{', '.join(code(child, scope).text for child in node.children)}]")
        case "object":
            return _object(node, scope)
        case "call":
            return _call(node, scope)
        case "conditional":
            test, then, other = (code(child, scope) for child in node.children)
            return Code(f"{then:o} if {test:o} else {other}", CONDITIONAL)
        case "binary":
            return _binary(node, scope)
        case "not":
            return Code(f"not {code(node.children[0], scope).at(NOT)}", NOT)
        case "negative":
            return Code(f"-{code(node.children[0], scope):p}", UNARY)
        case "for_list":
            return for_list(node, scope)
        case "for_map":
            return for_map(node, scope)
        case "for_group":
            return for_group(node, scope)
        case _:
            return reference(node, scope)


def _binary(node: HclNode, scope: HclScope) -> Code:
    left, right = (code(child, scope) for child in node.children)
    sign, level = _BINARY[node.text]
    if sign == "/":
        scope.warn(node, "Division gives a fraction here: 4 / 2 is 2.0. Use // for whole numbers.")
    if level == COMPARE:  # a chain a == b == c would mean something else
        return Code(f"{left:a} {sign} {right:a}", level)
    stricter = {OR: AND, AND: NOT, ADD: CONCAT, MULTIPLY: UNARY}[int(level)]
    return Code(f"{left.at(level)} {sign} {right.at(stricter)}", level)


def number_of(node: HclNode) -> int | float:
    """The number that is written, 1.0 as 1 (to Terraform they are the same, in texts too);
    Untranslatable where TOML cannot hold it.
    """
    try:
        number = float(node.text) if re.search("[.eE]", node.text) else int(node.text)
    except ValueError as exc:
        raise Untranslatable(node, f"{node.text[:40]} is not a number") from exc
    if not -(2**63) <= number < 2**63 and (isinstance(number, int) or math.isinf(number)):
        raise Untranslatable(node, "the number is too large for TOML")
    return int(number) if number == int(number) and abs(number) < 2**53 else number


def _number_code(number: float) -> Code:
    return Code(repr(number), PRIMARY if number >= 0 else UNARY)


def _object(node: HclNode, scope: HclScope) -> Code:
    pairs = []
    for pair in node.children:
        key, held = pair.children
        name = written_key(key)
        shown = quoted(name) if name is not None else code(without_parens(key), scope).text
        pairs.append(f"{shown}: {code(held, scope)}")
    return Code("{" + ", ".join(pairs) + "}")


def _concatenated(node: HclNode, scope: HclScope) -> Code:
    parts = [_joinable(part, scope) for part in node.children]
    if len(parts) < 2:
        return parts[0] if parts else Code("''")
    return together(parts)


def _joinable(part: HclNode, scope: HclScope) -> Code:
    if part.kind == "chars":
        return Code(quoted(part.text))
    if part.kind == "interpolation":
        return code(part.children[0], scope)
    raise Untranslatable(part, "%{ } directives can stand in a text, not in an expression")


def _call(node: HclNode, scope: HclScope) -> Code:
    if any(child.kind == "spread" for child in node.children):
        return _spread(node, scope)
    read = file_call(node, scope)
    if read is not None:
        return read
    by_pattern = pattern_call(node, scope)
    if by_pattern is not None:
        return by_pattern
    if node.text in _DIFFERENCES:
        scope.warn(node, _DIFFERENCES[node.text])
    written = call(node.text, [code(child, scope) for child in node.children])
    if isinstance(written, str):
        raise Untranslatable(node, f"{node.text}() is not converted: {written}")
    return written


def _spread(node: HclNode, scope: HclScope) -> Code:
    """f(xs...): of the functions that take any number, those that take a list here."""
    *before, last = node.children
    inner = code(last.children[0], scope)
    if node.text == "merge":
        given = [*(code(child, scope).text for child in before), f"*{inner:p}"]
        return Code(f"merge({', '.join(given)})")
    if len(node.children) == 1 and node.text in ("max", "min"):
        return Code(f"{inner:f} | {node.text}", FILTER)
    if len(node.children) == 1 and node.text == "concat":
        return Code(f"{inner:f} | sum(start=[])", FILTER)
    raise Untranslatable(node, f"{node.text}(...) with a list spread into it has no counterpart")
