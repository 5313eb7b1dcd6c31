"""Terraform's quoted texts and heredocs: escapes, holes, indentation."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from runner.hcl.tree import HclNode

Part = tuple[HclNode, tuple[bool, bool]]  # whether it strips the space before and after it

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_HOLE = re.compile(r"\$\$\{|%%\{|[$%]\{")


def requote(body: str) -> str:
    """A heredoc's body as a quoted text with the same holes, for the parser to split."""
    written: list[str] = []
    at = 0
    while (match := _HOLE.search(body, at)) is not None:
        written.append(_quoted(body[at : match.start()]))
        at = match.end()
        if len(match[0]) > 2:
            written.append("\\u0024{" if match[0][0] == "$" else "\\u0025{")
            continue
        end = _closing(body, at)
        written.append(body[match.start() : end].replace("\n", " "))
        at = end
    return "".join(written) + _quoted(body[at:])


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _closing(text: str, at: int) -> int:
    """The end of the hole that opened before `at`: after its brace, past texts and braces in it."""
    depth = 1
    quoted: list[int] = []  # the depth at which each open quote stands
    while at < len(text) and depth:
        char = text[at]
        if quoted and quoted[-1] == depth:
            if char == "\\":
                at += 1
            elif char == '"':
                quoted.pop()
            elif text.startswith(("${", "%{"), at):
                depth += 1
                at += 1
        elif char == '"':
            quoted.append(depth)
        else:
            depth += (char == "{") - (char == "}")
        at += 1
    return at


def heredoc_lines(parts: Sequence[Part]) -> list[Part]:
    """The parts of a heredoc, each literal cut at its line ends."""
    return [
        (replace(part, text=line), strips)
        for part, strips in parts
        for line in (_LINE.findall(part.text) if part.kind == "chars" else [part.text])
    ]


def trim(parts: Sequence[Part]) -> list[HclNode]:
    """The parts, with the space that ~ markers strip taken off the literals next to them."""
    trimmed = []
    for index, (part, _) in enumerate(parts):
        text = part.text
        if part.kind == "chars" and index and parts[index - 1][1][1]:
            text = text.lstrip()
        if part.kind == "chars" and index + 1 < len(parts) and parts[index + 1][1][0]:
            text = text.rstrip()
        trimmed.append(replace(part, text=text))
    return trimmed


def dedent(parts: Sequence[HclNode]) -> Iterator[HclNode]:
    """The parts of a <<- heredoc, trimmed before, without the indentation all its lines share.

    As Terraform does it: a blank line does not count, and a line that a ~ joined to the one
    before is no line of its own.
    """
    starts = [not index or parts[index - 1].text.endswith("\n") for index in range(len(parts))]
    counted = [part for part, starts_line in zip(parts, starts, strict=True) if starts_line]
    least = min((_indentation(part) for part in counted if not _is_blank(part)), default=0)
    for part, starts_line in zip(parts, starts, strict=True):
        if starts_line and part.kind == "chars" and not _is_blank(part):
            yield replace(part, text=part.text[least:])
        else:
            yield part


def _is_blank(part: HclNode) -> bool:
    return part.kind == "chars" and part.text.endswith("\n") and not part.text.strip()


def _indentation(part: HclNode) -> int:
    return len(part.text) - len(part.text.lstrip()) if part.kind == "chars" else 0


def joined_parts(parts: Iterable[HclNode]) -> Iterator[HclNode]:
    """The parts, neighbouring literals as one."""
    for is_text, run in groupby(parts, lambda part: part.kind == "chars"):
        if not is_text:
            yield from run
            continue
        texts = [part for part in run if part.text]
        if texts:
            yield replace(texts[0], text="".join(part.text for part in texts))
