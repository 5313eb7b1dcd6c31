"""Markdown, laid out for a terminal."""

import re
from io import StringIO
from typing import TYPE_CHECKING

from runner.cli.views.style import Style

if TYPE_CHECKING:
    from rich.markdown import Markdown

_WIDEST = 100  # columns: longer lines are hard to read
_LOOK = {  # on light and on dark: no background of ours
    "markdown.h1": "bold underline",
    "markdown.h2": "bold",
    "markdown.h3": "italic",
    "markdown.code": "cyan",
    "markdown.table.header": "bold",
    "markdown.table.border": "none",
}
_LINK = re.compile(r"\[([^\]\n]+)\]\((?:([\w-]+)\.md)?(?:#[\w-]*)?\)")  # to a page, or within one


def rendered(text: str, shown: Style) -> str:
    """The text as the terminal shows it, links to other pages as the command that prints them;
    as it is where rich, an extra, is not installed. What steers the terminal is in it.
    """
    try:
        return _laid_out(_LINK.sub(_command, text), shown)
    except ModuleNotFoundError:
        return text


def _laid_out(text: str, shown: Style) -> str:
    from rich.console import Console  # noqa: PLC0415  # a fifth of a second, terminals only
    from rich.theme import Theme  # noqa: PLC0415

    drawn = StringIO()
    console = Console(
        file=drawn,
        force_terminal=True,
        color_system="standard" if shown.colour else None,
        width=min(shown.width or 80, _WIDEST),
        theme=Theme(_LOOK),
        legacy_windows=False,
    )
    console.print(_markdown(text))
    return "\n".join(line.rstrip() for line in drawn.getvalue().splitlines()) + "\n"


def _markdown(text: str) -> "Markdown":
    from rich.markdown import Heading, Markdown  # noqa: PLC0415

    class LeftHeading(Heading):
        """rich centres a title: at the left it stands over its text."""

        LEVEL_ALIGN = {**Heading.LEVEL_ALIGN, "h1": "left"}  # noqa: RUF012  # as rich has it

    class LeftMarkdown(Markdown):
        elements = {**Markdown.elements, "heading_open": LeftHeading}  # noqa: RUF012

    return LeftMarkdown(text, code_theme="ansi_dark", hyperlinks=False)


def _command(link: re.Match[str]) -> str:
    """A link as what may be typed: a page is another call of this command."""
    said, page = link[1], link[2]
    if page is None or page == "README":
        return said
    return f"`{page}`" if said.strip("`") == page else f"{said} (`runner docs {page}`)"
