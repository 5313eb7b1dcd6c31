"""The README's pictures, drawn from what commands show on a terminal.

`python -m tests.harness.pictures` runs the commands and writes the pictures to .github/. Who
answers is a server of the tests, in the place of OpenAI's.
"""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from itertools import groupby, islice
from pathlib import Path
from xml.etree import ElementTree as ET

import pyte
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests import ROOT
from tests.harness.faults import completion
from tests.harness.project import HANG, KEY, Project, ended, serving
from tests.harness.server import FakeAPI

PICTURES = ROOT / ".github"
_COLUMNS, _ROWS = 110, 400
_DONE = 61  # of a hundred completions, when the picture of the progress is taken

_CONFIGURATION = """\
[provider.openai.defaults]
model = "gpt-4o-mini"

[completion.blurb]
for_each = "{{ csv('products.csv', key='id') }}"
temperature = 0.4
max_tokens = 120

[[completion.blurb.messages]]
role = "system"
content = \"\"\"
You write for a bicycle shop.
Two sentences, no superlatives.
Name the price.
\"\"\"

[[completion.blurb.messages]]
role = "user"
content = "Describe the {{ each.value.name }} at {{ each.value.price }} EUR."
"""
_EDIT = ("Two sentences", "Two short sentences")
_NEW = """
[completion.slogan]
temperature = 0.8
max_tokens = 20

[[completion.slogan.messages]]
role = "system"
content = "You write for a bicycle shop."

[[completion.slogan.messages]]
role = "user"
content = "A slogan of five words for the window."
"""
_MAKES = ["Alba", "Borea", "Corsa", "Dorado", "Ember", "Fjord", "Gale", "Husky", "Iris", "Juno"]
_KINDS = ["bell", "basket", "lock", "lamp", "pump", "saddle", "pannier", "fender", "mirror", "rack"]


def _products(count: int) -> str:
    rows = (
        f"{make.lower()}-{kind},{make} {kind},{19 + 7 * row + 3 * column}"
        for row, kind in enumerate(_KINDS)
        for column, make in enumerate(_MAKES)
    )
    return "\n".join(["id,name,price", *islice(rows, count), ""])


class Screen:
    """A terminal, on which commands are typed one after the other."""

    def __init__(self) -> None:
        self._cells = pyte.Screen(_COLUMNS, _ROWS)
        self._stream = pyte.Stream(self._cells)

    @contextmanager
    def typed(self, project: Project, *words: str, env: Mapping[str, str]) -> Iterator[None]:
        """A command at this terminal, which has ended when the block is left."""
        self._stream.feed(f"$ \x1b[1mrunner {' '.join(words)}\x1b[0m\r\n")
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        surroundings = {"TERM": "xterm-256color", "NO_COLOR": "", **env}
        process = project.start(*words, env=surroundings, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self._shown_by = ours
        yield
        self.wait(lambda: False)
        os.close(ours)
        assert ended(process).status == 0, self.lines()

    def wait(self, until: Callable[[], bool]) -> None:
        """Shows what the command writes until something is so, or it is over."""
        end = time.monotonic() + HANG
        while time.monotonic() < end and not until():
            if select.select([self._shown_by], [], [], 0.05)[0]:
                try:
                    self._stream.feed(os.read(self._shown_by, 65536).decode())
                except OSError:  # Linux's way to say that nobody writes any more
                    return

    def lines(self) -> list[Text]:
        """What is shown, without the empty lines at the end."""
        lines = [self._line(row) for row in range(_ROWS)]
        while lines and not lines[-1].plain:
            lines.pop()
        return lines

    def _line(self, row: int) -> Text:
        cells = [self._cells.buffer[row][column] for column in range(_COLUMNS)]
        text = Text()
        for (colour, bold), run in groupby(cells, lambda cell: (cell.fg, cell.bold)):
            text.append("".join(cell.data for cell in run), Style(color=_colour(colour), bold=bold))
        text.rstrip()
        return text


def _colour(name: str) -> str | None:
    """A colour of pyte's as rich calls it."""
    return {"default": None, "brown": "yellow", "brightblack": "bright_black"}.get(name, name)


@dataclass(frozen=True, slots=True)
class _Shop:
    """A project that has all its answers, and a line of whose prompt was edited since."""

    project: Project
    api: FakeAPI
    env: Mapping[str, str]


@contextmanager
def shop(products: int) -> Iterator[_Shop]:
    """The project of the pictures, and who answers it."""
    said = "It does what it should, on every ride. It costs what the tag says."
    answered = serving(script=lambda got: completion(got.body, got.number, said))
    with tempfile.TemporaryDirectory() as folder, answered as api:
        project = Project(Path(folder) / "shop")
        project.write(_products(products), "products.csv")
        project.write(_CONFIGURATION)
        made = _Shop(project, api, {"OPENAI_BASE_URL": api.url, "OPENAI_API_KEY": KEY})
        assert project.run("apply", "--auto-approve", env=made.env).status == 0
        project.write(_CONFIGURATION.replace(*_EDIT) + _NEW)
        yield made


def plan_picture() -> list[Text]:
    """A plan: an edited line, something new, and what it costs."""
    screen = Screen()
    with shop(12) as made, screen.typed(made.project, "plan", env=made.env):
        pass
    return screen.lines()


def progress_picture() -> list[Text]:
    """An apply of more of the same, on its way."""
    screen = Screen()
    with shop(100) as made:
        made.api.latency = 0.4  # seconds, as a quick server has it
        with screen.typed(made.project, "apply", "--auto-approve", env=made.env):
            screen.wait(lambda: _done(screen) >= _DONE)
            running = screen.lines()
    summary = next(at for at, line in enumerate(running) if line.plain.startswith("Plan: "))
    return [running[0], Text(".."), *running[summary:]]


def _done(shown: Screen) -> int:
    """How many completions are done, as the bar says."""
    found = re.search(r"(\d+)/\d+ done", "".join(line.plain for line in shown.lines()[-1:]))
    return int(found[1]) if found else 0


def svg(name: str, lines: list[Text]) -> str:
    """The lines as they stand on a terminal, for a light page and for a dark one."""
    console = Console(
        record=True, width=_COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor"
    )
    for line in (*lines, Text()):
        console.print(line, soft_wrap=True)
    return console.export_svg(title="", theme=_THEME, code_format=_FORMAT, unique_id=name)


_BACKGROUND, _TEXT, _GREY = (22, 27, 34), (230, 237, 243), (139, 148, 158)
_RED, _GREEN, _YELLOW = (255, 123, 114), (86, 211, 100), (227, 179, 65)
_BLUE, _PURPLE, _CYAN = (121, 192, 255), (210, 168, 255), (118, 227, 234)
_COLOURS = [_BACKGROUND, _RED, _GREEN, _YELLOW, _BLUE, _PURPLE, _CYAN, _TEXT]
_THEME = TerminalTheme(_BACKGROUND, _TEXT, _COLOURS, [_GREY, *_COLOURS[1:]])
# rich's own, without a font that is fetched.
_FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
font: {char_height}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def words_of(drawn: str) -> list[str]:
    """The lines that a picture shows, numbers left out: prices and sizes may change."""
    text = "{http://www.w3.org/2000/svg}text"
    lines: dict[str, str] = {}
    for piece in ET.fromstring(drawn).iter(text):
        lines[piece.attrib["y"]] = lines.get(piece.attrib["y"], "") + (piece.text or "")
    return [" ".join(re.sub(r"[\d.,]+", "", line).split()) for line in lines.values()]


def main() -> None:
    """Write every picture."""
    for name, lines in (("plan", plan_picture()), ("progress", progress_picture())):
        path = PICTURES / f"{name}.svg"
        path.write_text(svg(name, lines))
        sys.stdout.write(f"{path.relative_to(ROOT)}: {len(lines)} lines\n")


if __name__ == "__main__":
    main()
