"""Lines typed at a terminal: with a history, and names completed."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from runner.core.api.names import ASKABLE
from runner.errors import RunnerError
from runner.io import files

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.history import History

PROMPT = "> "
_WORD = re.compile(r"[\w.\[\]\"']+")
_BREAKS = " \t\n+-*/%~|,:(){}=<>!"  # what stands between the words that are completed


def lines(names: Sequence[str]) -> Iterator[str]:
    """Each line until Ctrl-D; Ctrl-C takes the line back that is being typed."""
    try:
        read = _edited(names)
    except ModuleNotFoundError:  # an extra, for comfort
        read = _plain(names)
    while True:
        try:
            yield read()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def completer(names: Sequence[str]) -> "Completer":
    """Completes names, and the attributes of answers after theirs."""
    from prompt_toolkit.completion import WordCompleter  # noqa: PLC0415

    return WordCompleter(_words(names), pattern=_WORD)


def _words(names: Sequence[str]) -> list[str]:
    answers = [name for name in names if name.startswith(("completion.", "data."))]
    return [*names, *(f"{name}.{attribute}" for name in answers for attribute in ASKABLE)]


def _edited(names: Sequence[str]) -> Callable[[], str]:
    from prompt_toolkit import PromptSession  # noqa: PLC0415

    session: PromptSession[str] = PromptSession(
        PROMPT, history=_history(), completer=completer(names), complete_while_typing=False
    )
    return session.prompt


def _history() -> "History":
    """In the user's state directory; where that cannot be written, for this time only."""
    from platformdirs import user_state_path  # noqa: PLC0415
    from prompt_toolkit.history import FileHistory, InMemoryHistory  # noqa: PLC0415

    directory = user_state_path("runner")
    try:
        files.probe_writable(directory)
    except RunnerError:
        return InMemoryHistory()
    return FileHistory(str(directory / "console_history"))


def _plain(names: Sequence[str]) -> Callable[[], str]:
    """As Python itself reads lines: edited and completed where it has readline."""
    words = _words(names)
    with suppress(ModuleNotFoundError):  # on Windows it has none
        import readline  # noqa: PLC0415

        def completion(typed: str, index: int) -> str | None:
            found = [word for word in words if word.startswith(typed)]
            return found[index] if index < len(found) else None

        readline.set_completer(completion)
        readline.set_completer_delims(_BREAKS)
        readline.parse_and_bind("tab: complete")
    return _input


def _input() -> str:
    try:
        return input(PROMPT)
    except (KeyboardInterrupt, EOFError):
        sys.stdout.write("\n")  # readline leaves the cursor on the line
        raise
