"""What the checks of a project say of its answers, for whoever looks at them."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from runner.core.checks.changes import Checked
from runner.core.checks.outcomes import CheckOutcome
from runner.core.state.records import Record
from runner.errors import Problem, RunnerError
from runner.operations.checks.checking import ChosenChecks, check_answers
from runner.operations.reading.loaded import Loaded


class CheckedView(Struct, frozen=True):
    """All outcomes that there are, and why there are no others: a program that is not trusted
    is not started, and what is wrong with one check is no reason to show no other.
    """

    checked: Checked
    problems: tuple[Problem, ...] = ()


def checked_view(project: Loaded, records: Mapping[str, Record] | None = None) -> CheckedView:
    """Every check on all recorded answers, or on `records`."""
    try:
        return CheckedView(check_answers(project, ChosenChecks(outdated=True), records))
    except RunnerError as wrong:
        return _one_by_one(project, records, wrong)


def _one_by_one(
    project: Loaded, records: Mapping[str, Record] | None, wrong: RunnerError
) -> CheckedView:
    problems: list[Problem] = []
    found = tuple(_outcomes(project, records, problems))
    known = [each for each in wrong.problems if each not in problems]
    return CheckedView(Checked(found), (*problems, *(known if not problems else ())))


def _outcomes(
    project: Loaded, records: Mapping[str, Record] | None, problems: list[Problem]
) -> Iterator[CheckOutcome]:
    for name in project.root.checks:
        try:
            yield from check_answers(project, ChosenChecks((f"check.{name}",)), records).checks
        except RunnerError as wrong:
            problems.extend(wrong.problems)
