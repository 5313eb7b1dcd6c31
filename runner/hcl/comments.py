"""The comments of a Terraform file, each with the lines it stands on."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_COMMENT = re.compile(r"#[^\n]*|//[^\n]*|/\*.*?\*/", re.DOTALL)

_OPERATORS = {
    *("DOUBLE_EQ", "NEQ", "LT", "GT", "LEQ", "GEQ", "ASTERISK", "SLASH", "PERCENT"),
    *("DOUBLE_AMP", "DOUBLE_PIPE", "PLUS", "QMARK"),
}


@dataclass(frozen=True, slots=True)
class Comment:
    """Its lines as TOML has them, and the first and last line of it, from 1."""

    lines: tuple[str, ...]
    first: int
    last: int


def comments_in(tokens: Iterator[Any]) -> list[Comment]:
    """The comments among tokens, those that stick to an operator too."""
    return [
        Comment(_comment_lines(match[0]), line, line + match[0].count("\n"))
        for token in tokens
        for match in [_COMMENT.search(token)]
        if match is not None
        for line in [token.line + token.count("\n", 0, match.start())]
    ]


def without_comments(text: str) -> str:
    """What a token says besides the comments that stick to it."""
    return _COMMENT.sub("", text)


def _comment_lines(text: str) -> tuple[str, ...]:
    if text.startswith("/*"):
        lines = [line.strip().removeprefix("*").strip() for line in text[2:-2].strip().split("\n")]
    else:
        lines = [text.lstrip("#") if text[0] == "#" else text[2:]]
    return tuple(_clean(f"# {line.strip()}".rstrip()) for line in lines)


def _clean(comment: str) -> str:
    """A comment without the control characters that TOML forbids."""
    return re.sub(r"[\x00-\x08\x0a-\x1f\x7f]", " ", comment)


def gap(pending: Sequence[Comment], line: int) -> tuple[str, ...]:
    """A blank line, where one stands between comments and what follows them."""
    return ("",) if pending and line > pending[-1].last + 1 else ()


def comment_lines(comments: Sequence[Comment]) -> tuple[str, ...]:
    """Their lines, with an empty one where one stands between two comments."""
    lines: list[str] = []
    for index, comment in enumerate(comments):
        if index and comment.first > comments[index - 1].last + 1:
            lines.append("")
        lines.extend(comment.lines)
    return tuple(lines)


def comments_around(tokens: Iterator[Any]) -> tuple[list[Comment], list[Comment], int]:
    """The comments inside an element, those after its last token, and that token's last line."""
    held = list(tokens)
    significant = [index for index, token in enumerate(held) if token.type != "NL_OR_COMMENT"]
    final = held[significant[-1]]
    last = final.line + final.rstrip("\n").count("\n")
    split = significant[-1] + 1
    merged = [token for token in held[:split] if token.type in {"NL_OR_COMMENT", *_OPERATORS}]
    return comments_in(iter(merged)), comments_in(iter(held[split:])), last
