"""Checks in Python: whether the recorded answers are as they are expected to be."""

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from runner.core.checks.changes import Checked
from runner.core.checks.outcomes import CheckedAnswer, Met
from runner.core.checks.verdicts import DoesNot, Holds, Unscored
from runner.errors import Problem, counted
from runner.operations.checks.checking import ChosenChecks, check_answers
from runner.operations.observing import observed
from runner.operations.python.names import told
from runner.operations.reading.loaded import Loaded


class CheckResult(Struct, frozen=True):
    """What checks came to. `str` of it is one line.

    `met` says of each check and each comparison whether it is "met", "not met" or "unscored".
    `failed` has what was expected of each answer that does not hold, and what it is, by the check
    and the address; `unscored`, as `failed`, why it could not be told, and `missing` the addresses
    without an answer by their check. `outdated` are answers to another request than would be issued
    now. `ok`: nothing is "not met" but what is a warning; `failing` are the blocks because of which
    it is not. `problems` are warnings.
    """

    met: Mapping[str, Met]
    failed: Mapping[str, Mapping[str, str]]
    unscored: Mapping[str, Mapping[str, str]]
    missing: Mapping[str, tuple[str, ...]]
    outdated: tuple[str, ...]
    failing: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether `runner check` would end well."""
        return not self.failing

    def __str__(self) -> str:
        if not self.met:
            return "No checks."
        numbers = (f"{number} {word}" for word, number in Counter(self.met.values()).items())
        return f"{counted(len(self.met), 'check')}: {', '.join(numbers)}."


def checked_in_python(project: Loaded, chosen: ChosenChecks) -> CheckResult:
    """What the checks that are meant come to; Untrusted where one starts a program that nobody has
    said yes to.
    """
    with observed(project, "runner check, from Python"):
        checked = check_answers(project, chosen)
    return _result_of(project, checked)


def _result_of(project: Loaded, checked: Checked) -> CheckResult:
    return CheckResult(
        met={one.address: one.met for one in checked.outcomes},
        failed={one.address: dict(map(_told, one.failed)) for one in checked.checks if one.failed},
        unscored={
            one.address: dict(map(_told, one.unscored)) for one in checked.checks if one.unscored
        },
        missing={one.address: one.missing for one in checked.checks if one.missing},
        outdated=checked.outdated,
        failing=checked.failing,
        problems=told(project.warnings, project.secrets),
    )


def _told(one: CheckedAnswer) -> tuple[str, str]:
    match one.verdict:
        case DoesNot() | Unscored() as verdict:
            return one.address, verdict.why
        case Holds():
            return one.address, ""
