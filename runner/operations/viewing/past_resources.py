"""What git holds of earlier answers: commits, versions of one, and checks from commit to commit."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from msgspec import Struct

from runner.core.api.usage import usage_of
from runner.core.checks.outcomes import CheckedAnswer
from runner.core.checks.verdicts import Standing
from runner.core.modules.module import DeclaredCheck
from runner.core.state.line import decode_record
from runner.core.state.records import Record
from runner.core.state.written import UNREADABLE
from runner.core.viewing.changes import (
    CHANGE_WORDS,
    answers_of_changes,
    kind_of_change,
    totals,
)
from runner.core.viewing.check_page import (
    CheckPage,
    CheckTrend,
    TrendPoint,
    check_page,
    trend_point,
)
from runner.core.viewing.cost_page import CostPage, cost_page
from runner.core.viewing.shown_changes import ShownChange, shown_change
from runner.errors import RunnerError, error
from runner.operations.checks.judgements import Judgement, judgements, standings
from runner.operations.recorded.history import answer_history, project_history
from runner.operations.recorded.past_states import Asking, ChangedIn, lines_over
from runner.operations.recorded.revisions import short_id
from runner.operations.spending import costs
from runner.operations.viewing.answer_resources import index
from runner.operations.viewing.project_view import ProjectView

_COMMITS = 30  # that are looked back on
_LINES = 60_000  # different records that checks look at, in all of these commits
_CHANGES = 100  # of one commit that are shown


class ShownCommit(Struct, frozen=True):
    """What a commit did to answers: `kinds` count its changes by their words, `came` are its
    answers, which took `tokens` and `cost` (of `unpriced` that is not known), `held` of `told` is
    what today's checks say of them. Where a backend keeps states, each is as a commit; without an
    id it is what is not committed yet.
    """

    id: str
    date: str
    author: str
    subject: str
    is_oldest: bool
    kinds: dict[str, int]
    came: int
    tokens: int
    cost: float
    unpriced: int
    held: int
    told: int
    model: str = ""
    change: ShownChange | None = None


class ShownHistory(Struct, frozen=True):
    """Newest first; `notes` are what has to be said of it, `is_cut` that there is more."""

    commits: tuple[ShownCommit, ...]
    notes: tuple[str, ...]
    is_cut: bool


def history(view: ProjectView, query: Mapping[str, str]) -> ShownHistory:
    """The commits that changed answers; with `a` the versions of one."""
    address, place = query.get("a", ""), view.options.place
    asking = Asking(limit=_COMMITS + 1)
    held = answer_history(place, address, asking) if address else project_history(place, (), asking)
    found = [*held.found]
    shown = found[:_COMMITS]
    return ShownHistory(
        tuple(_commits(view, shown, held.verdicts, alone=bool(address))),
        tuple(f"{each.summary}: {each.detail}" for each in map(view.secrets.problem, held.notes)),
        len(found) > _COMMITS,
    )


def changes_in(view: ProjectView, query: Mapping[str, str]) -> list[ShownChange]:
    """The first changes of the commit `c`, of what is not committed where it is empty."""
    wanted = query.get("c", "")
    held = project_history(view.options.place, (), Asking(limit=_COMMITS + 1))
    for each in held.found:
        if _id(each) == wanted:
            return [shown_change(change) for change in each.changes[:_CHANGES]]
    raise error("Unknown commit", f"{wanted} changed no answer.")


def checks(view: ProjectView, _: Mapping[str, str]) -> CheckPage:
    """What checks come to, and what comparisons show."""
    found = view.checked
    said = (f"{p.summary}: {p.detail}" for p in map(view.secrets.problem, found.problems))
    return check_page(found.checked, said)


def trends(view: ProjectView, _: Mapping[str, str]) -> list[CheckTrend]:
    """Each check on the answers of the last commits and of now. RunnerError without git."""
    declared = view.checked.checked.checks
    if not declared:
        return []
    judged = _Judged(view)
    points: dict[str, list[TrendPoint]] = {}
    for about, records in reversed([*judged.moments()]):
        for check, answers in judged.by_check(records):
            points.setdefault(check.address, []).append(trend_point(about, check, answers))
    return [
        CheckTrend(each.address, each.is_score, each.at_least, tuple(points[each.address]))
        for each in declared
        if len(points.get(each.address, ())) > 1
    ]


_About = tuple[str, str, str]


class _Judged:
    """Answers of several commits, each looked at once by all checks."""

    def __init__(self, view: ProjectView) -> None:
        self._view, self._judge = view, judgements(view.project)
        self._records: dict[bytes, Record] = {}
        self._all: list[Sequence[Record]] = []
        self._said: dict[int, list[Judgement]] = {}  # by the identity of these

    def moments(self) -> Iterator[tuple[_About, Sequence[Record]]]:
        """What stands now, then the commits, newest first, as far as that is not too much."""
        project = self._view.project
        yield ("", "", ""), self._kept(project.moved()[0].values())
        for commit, lines in lines_over(self._view.options.place, _COMMITS):
            records = {one.address: one for line in lines if (one := self._record(line))}
            moved = project.at_todays_addresses(records)
            about = (short_id(commit.id), commit.date, commit.subject)
            yield about, self._kept(moved.values())
            if len(self._said) > _LINES:
                return

    def _record(self, line: bytes) -> Record | None:
        if line not in self._records:
            try:
                self._records[line] = decode_record(line)
            except UNREADABLE:
                return None
        return self._records[line]

    def _kept(self, records: Iterable[Record]) -> Sequence[Record]:
        held = [*records]
        new = [record for record in held if id(record) not in self._said]
        for record, found in zip(new, self._judge(new, new), strict=True):
            self._said[id(record)] = found
        self._all.append(held)
        return held

    def by_check(
        self, records: Sequence[Record]
    ) -> Iterable[tuple[DeclaredCheck, list[CheckedAnswer]]]:
        """What each check says of some of them."""
        found: dict[str, tuple[DeclaredCheck, list[CheckedAnswer]]] = {}
        for record in records:
            for check, answer in self._said[id(record)]:
                found.setdefault(check.address, (check, []))[1].append(answer)
        return found.values()


def costs_shown(view: ProjectView, query: Mapping[str, str]) -> CostPage:
    """What the answers cost."""
    return cost_page(index(view, query))


def _commits(
    view: ProjectView, found: Sequence[ChangedIn], verdicts: Sequence[Record], *, alone: bool
) -> Iterator[ShownCommit]:
    came = [answers_of_changes(each.changes) for each in found]
    said = iter(_standings(view, [record for records in came for record in records], verdicts))
    price = costs(view.prices)
    for each, records in zip(found, came, strict=True):
        own = [*islice(said, len(records))]
        taken = totals(records, price)
        used = usage_of(records[0].response) if alone and records else None
        tally = Counter(map(kind_of_change, each.changes))
        yield ShownCommit(
            id=_id(each),
            date=_date(each),
            author="" if each.commit is None else each.commit.author,
            subject="" if each.commit is None else each.commit.subject,
            is_oldest=each.is_oldest,
            kinds={word: tally[word] for word in CHANGE_WORDS if tally[word]},
            came=taken.answers,
            tokens=taken.prompt + taken.completion,
            cost=taken.cost,
            unpriced=taken.unpriced,
            held=sum(one.held for one in own),
            told=sum(one.told for one in own),
            model=(used.model or "") if used else "",
            change=shown_change(each.changes[0]) if alone else None,
        )


def _id(changed: ChangedIn) -> str:
    if changed.kept is not None:
        return f"serial:{changed.kept.serial}"
    return "" if changed.commit is None else short_id(changed.commit.id)


def _date(changed: ChangedIn) -> str:
    if changed.kept is not None:
        return changed.kept.written
    return "" if changed.commit is None else changed.commit.date


def _standings(
    view: ProjectView, records: Sequence[Record], verdicts: Sequence[Record]
) -> list[Standing]:
    """What checks say, where there are any and the configuration can be read."""
    try:
        project = view.project
        if project.root.checks:
            return standings(project)(records, verdicts)
    except RunnerError:
        pass
    return [Standing()] * len(records)
