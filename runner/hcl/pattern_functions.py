"""Terraform's functions that take a regular expression: regex, regexall, replace by /../, can."""

import re

from runner.hcl.functions import COMPARE, FILTER, Code, quoted
from runner.hcl.scope import HclScope, Untranslatable, without_parens, written_key
from runner.hcl.tree import HclNode


def pattern_call(node: HclNode, scope: HclScope) -> Code | None:
    """A call that goes by a pattern, or None where it is another."""
    match node.text, [without_parens(child) for child in node.children]:
        case "regexall", [pattern, text]:
            return _found(pattern, text, scope)
        case "regex", [pattern, text]:
            return Code(f"{_found(pattern, text, scope)} | first", FILTER)
        case "can", [HclNode("call", "regex", (pattern, text))]:
            return Code(f"{_found(pattern, text, scope)} | length > 0", COMPARE)
        case "replace", [text, pattern, new] if (source := _between_slashes(pattern)) is not None:
            by = _replacement(new)
            return Code(f"regex_replace({scope.code(text)}, {quoted(source)}, {quoted(by)})")
        case _:
            return None


def _found(pattern: HclNode, text: HclNode, scope: HclScope) -> Code:
    return Code(f"regex_findall({scope.code(text)}, {scope.code(pattern)})")


def _between_slashes(node: HclNode) -> str | None:
    source = written_key(node) or ""
    return source[1:-1] if len(source) > 1 and source[0] == source[-1] == "/" else None


def _replacement(node: HclNode) -> str:
    """What comes in place of a match: `$1`, `${name}` and `$$` as the runner has them."""
    written = written_key(node)
    if written is None:
        raise Untranslatable(node, "what replaces a regular expression has to be written out")
    escaped = written.replace("\\", "\\\\")
    return re.sub(r"\$(?:\$|(\w+)|\{(\w+)\})", _group, escaped)


def _group(found: re.Match[str]) -> str:
    """A group as the runner has it; the longest name counts, and one that is none is empty."""
    name = found[1] or found[2]
    if name is None:
        return "$"
    return rf"\g<{name}>" if name.isdigit() or name.isidentifier() else ""
