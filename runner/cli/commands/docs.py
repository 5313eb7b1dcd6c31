"""`runner docs`: the reference, a topic a page."""

import argparse
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable

from runner.cli.streams import bare
from runner.cli.terminal.paging import page
from runner.cli.views.markdown import rendered
from runner.cli.views.style import style
from runner.core.suggest import did_you_mean
from runner.errors import error

_INDEX = "README"  # what is shown for a folder where the same pages are browsed
_ENDING = ".md"


def run(arguments: argparse.Namespace) -> int:
    """Print one page, or what pages there are: laid out on a terminal, else as it is written."""
    text = _text(arguments.topic)
    if sys.stdout.isatty():
        page(rendered(text, style()), bare(sys.stdout))
    else:
        sys.stdout.write(text)
    return 0


def topics() -> list[str]:
    """The names of all pages."""
    names = [path.name.removesuffix(_ENDING) for path in _folder().iterdir()]
    return sorted(name for name in names if name != _INDEX)


def _text(topic: str | None) -> str:
    known = topics()
    if topic is not None and topic not in known:
        near = did_you_mean(topic, known)
        raise error("No such topic", f'There is no topic "{topic}".{near} `runner docs` lists all.')
    return (_folder() / f"{topic or _INDEX}{_ENDING}").read_text(encoding="utf-8")


def _folder() -> Traversable:
    return files("runner") / "docs"
