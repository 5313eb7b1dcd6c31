"""Lines typed at a terminal: with a history, and names completed."""

import re
from collections.abc import Iterator, Sequence

from platformdirs import user_state_path
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import Completer, WordCompleter
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from runner.core.names import ATTRIBUTES
from runner.errors import RunnerError
from runner.shell import files

PROMPT = "> "
_WORD = r"[\w.\[\]\"']+"


def lines(names: Sequence[str]) -> Iterator[str]:
    """Each line until Ctrl-D; Ctrl-C takes the line back that is being typed."""
    session: PromptSession[str] = PromptSession(
        PROMPT, history=_history(), completer=completer(names), complete_while_typing=False
    )
    while True:
        try:
            yield session.prompt()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def completer(names: Sequence[str]) -> Completer:
    """Completes names, and the attributes of answers after theirs."""
    answers = [name for name in names if name.startswith(("completion.", "data."))]
    attributes = [f"{name}.{attribute}" for name in answers for attribute in ATTRIBUTES]
    return WordCompleter([*names, *attributes], pattern=re.compile(_WORD))


def _history() -> History:
    """In the user's state directory; where that cannot be written, for this time only."""
    directory = user_state_path("runner")
    try:
        files.probe_writable(directory)
    except RunnerError:
        return InMemoryHistory()
    return FileHistory(str(directory / "console_history"))
