"""A report as one file: the page of the view with all that it asks for inside."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.resources import files as packaged
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from runner.core.state.file import encode
from runner.core.state.records import Record, State
from runner.core.viewing.answer_columns import shown_text
from runner.core.viewing.answer_page import AnswerPage, answer_page
from runner.core.viewing.one_file import one_file
from runner.core.viewing.report import Report
from runner.core.viewing.shown_changes import shown_change
from runner.core.viewing.side import every_side
from runner.core.viewing.verdict_columns import ShownVerdict, verdicts_by_address
from runner.errors import error
from runner.io.state.opened import BytesInMemory
from runner.io.web.site import pages_in
from runner.operations.checks.checking import is_check
from runner.operations.checks.reporting import masked_record, records_meant
from runner.operations.reading.loaded import Loaded
from runner.operations.recorded.revisions import StateAt
from runner.operations.spending import costs
from runner.operations.viewing.answer_resources import ProjectFacts, project_facts
from runner.operations.viewing.checked_answers import CheckedView
from runner.operations.viewing.held_answers import HeldAnswers, OpenedState
from runner.operations.viewing.project_view import Looked, ProjectView
from runner.operations.viewing.resources import resource

_WHOLE = ("verdicts", "sides", "checks", "cost")  # what is asked for by its name alone
_PAST = ("history", "trends")
_MOST = 2_000  # answers whose past is looked at: reading 10,000 in ten commits takes seconds
_LEVEL = 5  # half the time of 6, for 3 % more
_NOW = "now"
_LEFT_OUT = "What was asked is left out: with it, this file would be larger than {most}."


class ReportedAnswer(Struct, frozen=True):
    """An answer as the page has it; `text` is what it is worth, where that is something else than
    what its first choice says.
    """

    page: AnswerPage
    verdicts: list[ShownVerdict]
    outdated: bool | None
    text: str | None


class ReportedView(ProjectView):
    """A project as a report is on it: nothing that was read for that is read again."""

    def __init__(self, project: Loaded, report: Report, states: Mapping[str, State]) -> None:
        super().__init__(project.options, Looked())
        self.secrets, self.prices, self._loaded = project.secrets, project.prices, project
        self.report, self._states = report, states

    @cached_property
    def answers(self) -> HeldAnswers:
        """Those that the report is on, and those that they are compared with."""
        opened = {
            name: OpenedState(BytesInMemory(encode(state)), name)
            for name, state in self._states.items()
        }
        return HeldAnswers(opened, costs(self.prices))

    @property
    def checked(self) -> CheckedView:
        """As the report has them."""
        return CheckedView(self.report.checked)


def reported_view(
    project: Loaded, report: Report, names: Sequence[str], earlier: StateAt | None
) -> ReportedView:
    """The view of what a report is on; it was made with these `names` and with `earlier`."""
    patterns = [name for name in names if not is_check(name)]
    states = {_NOW: replace(project.state, records=project.moved()[0])}
    if earlier is not None and earlier.missing is None:
        states[earlier.name] = earlier.state
    return ReportedView(
        project, report, {name: _meant(project, one, patterns) for name, one in states.items()}
    )


def _meant(project: Loaded, state: State, patterns: Sequence[str]) -> State:
    held = records_meant(state.records, patterns)
    return replace(
        state, records={name: masked_record(project, record) for name, record in held.items()}
    )


def is_report_page(data: bytes) -> bool:
    """Whether a file is one that `report_page` made."""
    return data.startswith(b"<!doctype html>") and b' id="values">' in data


def report_page(view: ReportedView, told: bytes, most: int | None = None) -> tuple[bytes, bool]:
    """The report as an HTML file that needs no other, of at most so many bytes, and whether it is
    whole: else what was asked is left out. `told` is the report as JSON. RunnerError where it is
    too large without, too. The same bytes for the same states and configuration.
    """
    page = _page(view, told, whole=True, notice="")
    if most is None or len(page) <= most:
        return page, True
    page = _page(view, told, whole=False, notice=_LEFT_OUT.format(most=_size(most)))
    if len(page) > most:
        raise error(
            "Report is too large",
            f"It has {_size(len(page))}, also without what was asked, and --max-size is "
            f"{_size(most)}. Name fewer answers, or allow more.",
        )
    return page, False


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"


def _page(view: ReportedView, told: bytes, *, whole: bool, notice: str) -> bytes:
    values = {
        "project": msgspec.json.encode(_facts(view, notice)),
        "report": told,
        **dict(_values(view)),
    }
    first = msgspec.json.encode({name: msgspec.Raw(held) for name, held in values.items()})
    lines = b"\n".join((first, *_answers(view, whole=whole)))
    files = pages_in(Path(str(packaged("runner") / "web")), "index.html")
    texts = {path[1:] or "index.html": held.body.decode() for path, held in files.items()}
    texts["data.js"] = texts["inside.js"]
    return one_file(texts, zlib.compress(lines, _LEVEL)).encode()


def _facts(view: ReportedView, notice: str) -> ProjectFacts:
    """Without what only this machine has."""
    folder = view.report.name.rpartition("/")[0]
    return structs.replace(
        project_facts(view, {}),
        name="Report" if folder == "." else folder.rpartition("/")[2],
        folder="",
        state="",
        opens="report",
        notice=notice,
        is_report=True,
    )


def _values(view: ReportedView) -> Iterator[tuple[str, bytes]]:
    since = view.report.since
    changed = () if since is None else map(shown_change, since.changes)
    yield "changed", msgspec.json.encode([*changed])
    yield "index", msgspec.json.encode(structs.replace(view.answers.columns, first_line=[]))
    for name in (*_WHOLE, *(_PAST if len(view.answers) <= _MOST else ())):
        yield name, resource(view, name, {})
    yield "side", msgspec.json.encode([*every_side(view.answers.columns)])


def _answers(view: ReportedView, *, whole: bool) -> Iterator[bytes]:
    """A line for each row: the answer, or the row of the same one. Its first line stands before it,
    where packing finds it once more, and not in the index.
    """
    held, price, checked = view.answers, costs(view.prices), view.checked.checked
    said, outdated = verdicts_by_address(checked.checks), frozenset(checked.outdated)
    encoder, known = msgspec.json.Encoder(), dict[bytes, int]()
    for row in range(len(held)):
        line = held.line(row)
        if line in known:
            yield b"%d" % known[line]
            continue
        known[line] = row
        record = held.record(row)
        used_by = held.dependents(record.address)
        page = answer_page(record, price(record), used_by, to_copy=False)
        if not whole:
            page = structs.replace(page, asked=(), parameters={}, tools=())
        verdicts = said.get(record.address, [])
        now = record.address in outdated if verdicts else None
        told = encoder.encode(ReportedAnswer(page, verdicts, now, _other_text(page, record)))
        yield encoder.encode(held.columns.first_line[row]) + b"\t" + told


def _other_text(page: AnswerPage, record: Record) -> str | None:
    text, _ = shown_text(record)
    spoken = "\n".join(part.text for part in page.choices[0].turn.parts)
    return None if text == spoken else text
