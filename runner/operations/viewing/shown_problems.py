"""What is wrong, as a page shows it."""

from collections.abc import Iterable

from msgspec import Struct

from runner.core.secrets.secrets import Secrets
from runner.errors import Problem


class ShownProblem(Struct, frozen=True):
    """A problem as a page shows it: `source` is the line that it stands in, from whose `column`,
    counted from 1, so many characters are meant.
    """

    severity: str
    summary: str
    detail: str
    where: str
    source: str = ""
    column: int = 0
    width: int = 0


def shown_problems(problems: Iterable[Problem], secrets: Secrets) -> tuple[ShownProblem, ...]:
    """Problems without what is secret."""
    return tuple(_shown(each) for each in map(secrets.problem, problems))


def _shown(problem: Problem) -> ShownProblem:
    where = problem.where
    said = problem.severity, problem.summary, problem.detail, str(where or "")
    if where is None or where.source is None:
        return ShownProblem(*said)
    return ShownProblem(*said, where.source, where.column or 0, where.width)
