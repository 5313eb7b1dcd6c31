"""Terraform's HCL as plain trees with places and comments: the one door to python-hcl2."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from runner.errors import RunnerError, error, not_installed
from runner.hcl.comments import (
    Comment,
    comment_lines,
    comments_around,
    comments_in,
    gap,
    without_comments,
)
from runner.hcl.texts import dedent, heredoc_lines, joined_parts, requote, trim
from runner.hcl.tree import Attribute, Body, HclNode, HclText, Nested

_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}

_HEREDOC = re.compile(r"<<(-?)([^\n]+)\n")

_OPENS = {"endif": "if", "else": "if", "endfor": "for"}


def require_parser() -> None:
    """RunnerError where the package that reads HCL is missing: an extra brings it."""
    try:
        import hcl2  # noqa: F401, PLC0415
    except ModuleNotFoundError as exc:
        raise not_installed(
            "The parser of HCL is not installed",
            "Terraform's files are read by a package that is missing (python-hcl2).",
            "convert",
        ) from exc


def parse_hcl(source: HclText) -> Body:
    """The body of a file; RunnerError with the place where it is not HCL."""
    return _Reader(source, 0).body(_tree(source, source.text, 0).children[0])


def _tree(source: HclText, text: str, offset: int) -> Any:
    import hcl2  # noqa: PLC0415  # slow to import, needed by one command
    from lark.exceptions import LarkError  # noqa: PLC0415

    try:
        return hcl2.parses_to_tree(text)
    except LarkError as exc:
        raise _broken(source, exc, offset) from exc


def _broken(source: HclText, exc: Any, offset: int) -> RunnerError:
    unclosed = None if offset else _unclosed(exc)
    line = (unclosed or getattr(exc, "line", 1) or 1) + offset
    line = min(max(line, 1), source.text.count("\n") + 1)
    column = getattr(exc, "column", None) if not offset and unclosed is None else None
    return error("Invalid HCL", _said(exc, unclosed), source.where(line, column))


def _said(exc: Any, unclosed: int | None) -> str:
    if unclosed is not None:
        return (
            "A text in quotes goes over the end of its line. "
            "Close the quote, or write the text as a heredoc (<<-EOT .. EOT)."
        )
    token = getattr(exc, "token", None)
    if token is not None and token.type == "$END":
        return "The file ends before the block, list or text that it is in. Close it."
    found = (str(token) if token is not None else str(getattr(exc, "char", ""))).split("\n")[0]
    if found.startswith("<<"):
        return "This heredoc is not closed. End it with its marker, alone on a line."
    what = f'"{found.strip()[:40]}"' if found.strip() else "the end of the line"
    return f"This is not valid HCL: {what} is not expected here. Correct it in the .tf file."


def _unclosed(exc: Any) -> int | None:
    """The line of a quoted text with a line break in it, among what was read before the error."""
    state = getattr(getattr(exc, "interactive_parser", None), "parser_state", None)
    stack = list(getattr(state, "value_stack", ()))[::-1]
    while stack:
        item = stack.pop()
        if hasattr(item, "children"):
            stack += item.children[::-1]
        elif getattr(item, "type", "") == "STRING_CHARS" and "\n" in item:
            return int(item.line)
    return None


class _Reader:
    """Lark's trees as ours; `offset` lines stand before the text that was parsed."""

    def __init__(self, source: HclText, offset: int) -> None:
        self.source, self.offset = source, offset

    def body(self, tree: Any) -> Body:
        """The elements of a body, with the comments before, in and beside each."""
        elements: list[Attribute | Nested] = []
        pending: list[Comment] = []
        last = 0
        for child in tree.children:
            if child.data == "new_line_or_comment":
                pending.extend(comments_in(_tokens(child)))
            else:
                elements, pending = _beside(elements, pending, last)
                within, after, last = comments_around(_tokens(child))
                above = (*comment_lines(pending), *gap(pending, child.meta.line))
                elements.append(self._element(child, above, comment_lines(within)))
                pending = after
        elements, pending = _beside(elements, pending, last)
        return Body(tuple(elements), comment_lines(pending))

    def _element(
        self, tree: Any, above: tuple[str, ...], within: tuple[str, ...]
    ) -> Attribute | Nested:
        line, column = tree.meta.line + self.offset, tree.meta.column
        if tree.data == "attribute":
            name, value = _trees(tree)
            written = self.source.text[tree.meta.start_pos : tree.meta.end_pos]
            return Attribute(
                str(name.children[0]),
                self.node(value),
                written,
                (*above, *within),
                "",
                line,
                column,
            )
        *labels, body = _trees(tree)
        kind, *names = [self._label(label) for label in labels]
        between = (each for each in tree.children if _is(each, "new_line_or_comment"))
        header = comments_in(token for each in between for token in _tokens(each))
        above = (*above, *comment_lines(header))
        return Nested(kind, tuple(names), self.body(body), above, line, column)

    def _label(self, tree: Any) -> str:
        if tree.data != "string":
            return str(tree.children[0])
        parts = self.node(tree).children
        if any(part.kind != "chars" for part in parts):
            raise self._wrong(tree, "A block's label is plain text; it cannot hold ${ }.")
        return "".join(part.text for part in parts)

    def node(self, tree: Any) -> HclNode:  # noqa: C901, PLR0912  # one case per rule of the grammar
        """An expression."""
        parts = _trees(tree)
        match str(tree.data):
            case "expr_term":
                inner = self.node(parts[0])
                wrapped = getattr(tree.children[0], "type", "") == "LPAR"
                return self._at(tree, "parens", "", inner) if wrapped else inner
            case "int_lit" | "float_lit":
                return self._at(tree, "number", str(tree.children[0]))
            case "literal_value":
                return self._at(tree, "word", str(tree.children[0]))
            case "identifier" | "keyword":
                return self._at(tree, "name", str(tree.children[0]))
            case "string":
                return self._string(tree)
            case "template_string":
                text = self._unescape(tree, str(tree.children[0])[2:-2])
                return self._at(tree, "string", "", self._at(tree, "chars", text))
            case "heredoc_template" | "heredoc_template_trim":
                return self._heredoc(tree)
            case "tuple":
                return self._at(tree, "list", "", *map(self.node, parts))
            case "object":
                return self._at(tree, "object", "", *map(self.node, parts))
            case "object_elem":
                return self._at(tree, "pair", "", *map(self.node, parts))
            case "object_elem_key":
                return self.node(parts[0])
            case "function_call":
                return self._call(tree)
            case "conditional":
                return self._at(tree, "conditional", "", *map(self.node, parts))
            case "binary_op":
                return self._binary(tree, parts)
            case "unary_op":
                kind = "not" if tree.children[0].type == "NOT" else "negative"
                return self._at(tree, kind, "", self.node(parts[0]))
            case "for_tuple_expr" | "for_object_expr":
                return self._for(tree, parts)
            case _:
                return self._step(tree, parts)

    def _at(self, tree: Any, kind: str, text: str, *children: HclNode) -> HclNode:
        line, column = getattr(tree.meta, "line", 1), getattr(tree.meta, "column", 1)
        return HclNode(kind, text, children, line + self.offset, column)

    def _wrong(self, tree: Any, said: str) -> RunnerError:
        line = getattr(tree.meta, "line", 1) + self.offset
        return error("Invalid HCL", said, self.source.where(line))

    def _call(self, tree: Any) -> HclNode:
        names = "::".join(str(part.children[0]) for part in _trees(tree) if _is(part, "identifier"))
        arguments: list[HclNode] = []
        for part in _trees(tree):
            if _is(part, "arguments"):
                arguments.extend(map(self.node, _trees(part)))
                if any(getattr(token, "type", "") == "ELLIPSIS" for token in part.children):
                    arguments[-1] = self._at(part, "spread", "", arguments[-1])
        return self._at(tree, "call", names, *arguments)

    def _binary(self, tree: Any, parts: Sequence[Any]) -> HclNode:
        operator, right = _trees(parts[1])
        # A line break or comment before the operator is part of its token.
        text = without_comments(str(operator.children[0])).strip()
        return self._at(tree, "binary", text, self.node(parts[0]), self.node(right))

    def _for(self, tree: Any, parts: Sequence[Any]) -> HclNode:
        intro, *rest = parts
        *names, iterable = _trees(intro)
        values = [self.node(part) for part in rest if not _is(part, "for_cond")]
        condition = [self.node(_trees(part)[0]) for part in rest if _is(part, "for_cond")]
        grouped = any(getattr(token, "type", "") == "ELLIPSIS" for token in tree.children)
        kind = "for_list" if tree.data == "for_tuple_expr" else "for_map"
        return self._at(
            tree,
            "for_group" if grouped else kind,
            " ".join(str(name.children[0]) for name in names),
            self.node(iterable),
            *values,
            *condition,
        )

    def _step(self, tree: Any, parts: Sequence[Any]) -> HclNode:
        """`a.b`, `a[b]`, `a[*].b`; a step of a splat has no base."""
        match str(tree.data):
            case "get_attr":
                return self._at(tree, "attr", str(parts[0].children[0]))
            case "short_index":
                return self._at(tree, "index", "", self._at(tree, "number", str(tree.children[1])))
            case "braces_index":
                return self._at(tree, "index", "", self.node(parts[0]))
            case "full_splat" | "attr_splat":
                return self._at(tree, "splat", "", *map(self.node, parts))
            case "get_attr_expr_term" | "index_expr_term":
                base, step = self.node(parts[0]), self.node(parts[1])
                return self._at(tree, step.kind, step.text, base, *step.children)
            case "full_splat_expr_term" | "attr_splat_expr_term":
                base, splat = self.node(parts[0]), self.node(parts[1])
                return self._at(tree, "splat", "", base, *splat.children)
            case other:
                raise self._wrong(tree, f"{other} is not an expression.")

    def _string(self, tree: Any) -> HclNode:
        parts = [self._part(part, heredoc=False) for part in _trees(tree)]
        self._check(tree, [part.kind for part, _ in parts])
        return self._at(tree, "string", "", *joined_parts(trim(parts)))

    def _check(self, tree: Any, kinds: Sequence[str]) -> None:
        opened: list[str] = []
        for kind in kinds:
            if kind in _OPENS and (not opened or opened[-1] != _OPENS[kind]):
                raise self._wrong(tree, f"This text has a %{{ {kind} }} without its beginning.")
            if kind in ("if", "for"):
                opened.append(kind)
            elif kind in ("endif", "endfor"):
                opened.pop()
        if opened:
            raise self._wrong(tree, f"This text has a %{{ {opened[-1]} }} without its end.")

    def _part(self, tree: Any, *, heredoc: bool) -> tuple[HclNode, tuple[bool, bool]]:
        """A part of a text, and whether it strips the space before and after it."""
        child = tree.children[0]
        if not hasattr(child, "data"):
            return self._at(tree, "chars", self._chars(tree, child, heredoc=heredoc)), (
                False,
                False,
            )
        parts = _trees(child)
        if _is(child, "interpolation"):
            return self._at(tree, "interpolation", "", self.node(parts[0])), (False, False)
        tokens = [str(token) for token in child.children if not hasattr(token, "data")]
        strips = (tokens[1] == "~", tokens[-2] == "~")
        kind = str(child.data).removeprefix("template_").removesuffix("_start")
        names = [str(part.children[0]) for part in parts[:-1]] if kind == "for" else []
        return self._at(tree, kind, " ".join(names), *map(self.node, parts[len(names) :])), strips

    def _chars(self, tree: Any, token: Any, *, heredoc: bool) -> str:
        text = str(token)
        if "\n" in text and not heredoc:
            raise self._wrong(tree, _said(None, 1))
        if token.type in ("ESCAPED_INTERPOLATION", "ESCAPED_DIRECTIVE"):
            text = text[1:]
        return self._unescape(tree, text)

    def _unescape(self, tree: Any, text: str) -> str:
        def one(match: re.Match[str]) -> str:
            mark = match[1]
            if mark in _ESCAPES:
                return _ESCAPES[mark]
            number = int(mark[1:], 16) if len(mark) > 1 else -1
            if not 0 <= number <= 0x10FFFF or 0xD800 <= number <= 0xDFFF:
                raise self._wrong(tree, f'"\\{mark}" is no escape of HCL. Write \\\\ for one \\.')
            return chr(number)

        return _ESCAPE.sub(one, text)

    def _heredoc(self, tree: Any) -> HclNode:
        text = str(tree.children[0]).removesuffix("\n")
        match = _HEREDOC.match(text)
        if match is None or not text.endswith(match[2]):
            raise self._wrong(tree, "This heredoc is not closed.")
        body = text[match.end() : -len(match[2])].rstrip(" \t")
        first = tree.meta.line + self.offset
        quoted = f'x = "{requote(body)}"'
        inner = _Reader(self.source, first)
        attribute = _trees(_tree(self.source, quoted, first).children[0])[0]
        string = _trees(_trees(attribute)[1])[0]
        parts = [inner._part(part, heredoc=True) for part in _trees(string)]
        self._check(tree, [part.kind for part, _ in parts])
        nodes = trim(heredoc_lines(parts))
        return self._at(tree, "heredoc", "", *joined_parts(dedent(nodes) if match[1] else nodes))


def _beside(
    elements: list[Attribute | Nested], pending: list[Comment], last: int
) -> tuple[list[Attribute | Nested], list[Comment]]:
    """A comment of one line, on the line where an attribute ends, stands beside it."""
    if not elements or not pending or pending[0].first != last:
        return elements, pending
    before = elements[-1]
    if not isinstance(before, Attribute) or len(pending[0].lines) != 1:
        return elements, pending
    return [*elements[:-1], replace(before, beside=pending[0].lines[0])], pending[1:]


def _tokens(tree: Any) -> Iterator[Any]:
    for child in tree.children:
        if hasattr(child, "data"):
            yield from _tokens(child)
        else:
            yield child


def _trees(tree: Any) -> list[Any]:
    return [
        child
        for child in tree.children
        if hasattr(child, "data") and child.data != "new_line_or_comment"
    ]


def _is(tree: Any, rule: str) -> bool:
    return hasattr(tree, "data") and tree.data == rule
