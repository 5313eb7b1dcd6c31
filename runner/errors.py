"""What went wrong, for a person: summary, detail, and where."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file the user wrote, or an address.

    `line` and `column` count from 1; `source` is the text of that line, underlined for
    `width` characters from `column`; `block` is the block it stands in (`completion.chat`).
    """

    file: str | None = None
    line: int | None = None
    column: int | None = None
    source: str | None = None
    width: int = 1
    block: str | None = None

    def __str__(self) -> str:
        if self.file is None:
            return self.block or ""
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: `summary` in fixed searchable words, `detail` in full sentences."""

    summary: str
    detail: str
    where: Where | None = None
    severity: Literal["error", "warning"] = "error"


class RunnerError(Exception):
    """A user's mistake or the world's fault, never a bug; carries every problem of its stage."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(f"{p.summary}: {p.detail}" for p in self.problems)


class Untrusted(RunnerError):  # noqa: N818  # the word that callers look for
    """Something would go where nobody has said that it may; nothing went there."""


@contextmanager
def gathering(problems: list[Problem]) -> Iterator[None]:
    """What is wrong within is told with the rest of its stage, together, and ends nothing yet."""
    try:
        yield
    except RunnerError as exc:
        problems.extend(exc.problems)


def sentence(said: str) -> str:
    """What was said, with a full stop where it does not end as a sentence yet."""
    return said if said.endswith((".", "?", "!")) else f"{said}."


def counted(number: int, noun: str) -> str:
    """So many of something: `1 record`, `1,200 records`, `2 batches`."""
    ending = "es" if noun.endswith("ch") else "s"
    return f"{number:,} {noun}{'' if number == 1 else ending}"


def error(summary: str, detail: str, where: Where | None = None) -> RunnerError:
    """A RunnerError of one problem."""
    return RunnerError(Problem(summary, detail, where))


DISTRIBUTION = "runner-llm"  # the name that pip knows this program by


def not_installed(summary: str, said: str, extra: str) -> RunnerError:
    """What is asked for needs a package that only an extra of this program brings."""
    return error(summary, f"{said} Install it with: {to_install(extra)}")


def to_install(extra: str) -> str:
    """The command that installs what only an extra of this program brings."""
    return f'pip install "{DISTRIBUTION}[{extra}]"'
