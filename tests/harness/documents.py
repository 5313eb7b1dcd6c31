"""The pages that people read, as what they claim: fenced blocks, links, commands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import ROOT

DOCS = ROOT / "runner" / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """A fenced block, and the configuration that stood last above it."""

    page: str
    line: int
    kind: str
    text: str
    configuration: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def examples(*kinds: str) -> list[Example]:
    """Those of some kinds on all pages."""
    return [found for page in PAGES for found in _examples(page) if found.kind in kinds]


def _examples(page: Path) -> Iterator[Example]:
    text = page.read_text()
    configuration = ""
    for block in _BLOCK.finditer(text):
        kind, inside = block.groups()
        if kind == "toml":
            configuration = inside
        line = text.count("\n", 0, block.start()) + 1
        yield Example(str(page.relative_to(ROOT)), line, kind, inside, configuration)


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _BLOCK.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """What a link may name behind `#`: the headings as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
