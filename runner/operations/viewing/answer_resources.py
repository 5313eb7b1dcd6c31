"""The table of all answers, and one of them."""

from collections.abc import Mapping

from msgspec import Struct

from runner.core.viewing.answer_columns import AnswerColumns, answer_columns
from runner.core.viewing.answer_page import AnswerPage, answer_page
from runner.core.viewing.verdict_columns import (
    ShownVerdict,
    VerdictColumn,
    verdict_columns,
    verdicts_on,
)
from runner.errors import error
from runner.operations.spending import cost_of
from runner.operations.viewing.project_view import ProjectView


class ProjectFacts(Struct, frozen=True):
    """`opens` is the page that whoever comes without having chosen one wants to see, where that is
    known already; `notice` is what has to be said on each of them. `is_report`: no server is
    behind it.
    """

    name: str
    folder: str
    workspace: str
    state: str
    serial: int
    answers: int
    opens: str = ""
    notice: str = ""
    is_report: bool = False


class VerdictTable(Struct, frozen=True):
    """Every check as a column, and the rows that were asked otherwise than would be now; `notes`
    say why a check is not there.
    """

    checks: list[VerdictColumn]
    outdated: list[int]
    notes: list[str]


class ShownAnswer(Struct, frozen=True):
    """An answer, what checks say of it, and whether the configuration asks the same now; None
    where that is not known.
    """

    page: AnswerPage
    verdicts: list[ShownVerdict]
    outdated: bool | None


def project_facts(view: ProjectView, _: Mapping[str, str]) -> ProjectFacts:
    """Of the project as it stands."""
    place, held = view.options.place, view.answers
    return ProjectFacts(
        name=view.name,
        folder=place.project,
        workspace=place.workspace or "",
        state=view.store.name,
        serial=0 if held is None else held.header.serial,
        answers=0 if held is None else held.looked_at,
    )


def index(view: ProjectView, _: Mapping[str, str]) -> AnswerColumns:
    """All answers as columns."""
    held = view.answers
    return answer_columns([], lambda _: None) if held is None else held.columns


def verdicts(view: ProjectView, _: Mapping[str, str]) -> VerdictTable:
    """What checks say of all answers."""
    held = view.answers
    if held is None:
        return VerdictTable([], [], [])
    found = view.checked
    rows = {address: row for row, address in enumerate(held.columns.address[: held.looked_at])}
    secrets = view.secrets
    return VerdictTable(
        verdict_columns(found.checked.checks, rows, len(held)),
        [rows[address] for address in found.checked.outdated if address in rows],
        [f"{p.summary}: {p.detail}" for p in map(secrets.problem, found.problems)],
    )


def found_rows(view: ProjectView, query: Mapping[str, str]) -> list[int]:
    """The rows in whose messages or answers the text `q` stands, or the pattern `re` is found."""
    held, text, source = view.answers, query.get("q", ""), query.get("re", "")
    if held is None or not (text or source):
        return []
    if not source:
        return held.having(text)
    try:
        return held.matching(source)
    except ValueError as wrong:
        raise error("Invalid pattern", f"/{source}/: {wrong}") from wrong


def one_answer(view: ProjectView, query: Mapping[str, str]) -> ShownAnswer:
    """The answer at the address `a` in the state `source`; RunnerError if there is none."""
    held, address = view.answers, query.get("a", "")
    row = None if held is None else held.row_of(address, query.get("source", ""))
    if held is None or row is None:
        raise error("Unknown address", f"There is no record of {address}.")
    record = held.record(row)
    page = answer_page(record, cost_of(record, view.prices), held.dependents(address))
    checked = view.checked_or_none() if row < held.looked_at else None
    if checked is None:
        return ShownAnswer(page, [], None)
    said = list(verdicts_on(address, checked.checked.checks))
    return ShownAnswer(page, said, address in checked.checked.outdated if said else None)
