"""What git holds of earlier answers: the versions of one, or what each commit did to all."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from msgspec import structs

from runner.core.address import blocks_of, is_address, is_verdict, selects
from runner.core.state.file import line_of, lines_in, lines_naming
from runner.core.state.records import Record, empty
from runner.core.viewing.changes import (
    AnswerAdded,
    AnswerMoved,
    AnswerRemoved,
    addresses_in,
)
from runner.errors import Problem
from runner.operations.options import ProjectPlace
from runner.operations.project.places import store_of
from runner.operations.recorded.past_states import (
    Asking,
    ChangedIn,
    StateReading,
    changed_states,
    lines_of_commits,
)
from runner.operations.recorded.records import unknown
from runner.operations.recorded.revisions import history_of

_JUDGED = b".judge"  # in the address of each verdict


@dataclass(slots=True)
class History:
    """What changed, newest first, found as it is asked for. `notes` are what has to be said of it;
    all of them are there once all that changed was looked at. `verdicts` are those of judges that
    came with what was found so far: of an answer, no later than the answer.
    """

    found: Iterator[ChangedIn]
    notes: list[Problem] = field(default_factory=list)
    verdicts: list[Record] = field(default_factory=list)

    def chosen(
        self, found: Iterable[ChangedIn], is_meant: Callable[[str], bool]
    ) -> Iterator[ChangedIn]:
        """What changed at the addresses that are meant, and wherever else verdicts came from."""
        for one in found:
            came = (each.after for each in one.changes if not isinstance(each, AnswerRemoved))
            self.verdicts += [record for record in came if is_verdict(record.address)]
            kept = tuple(each for each in one.changes if any(map(is_meant, addresses_in(each))))
            if kept:
                yield structs.replace(one, changes=kept)


def answer_history(place: ProjectPlace, address: str, asking: Asking) -> History:
    """The versions of one answer: each commit in which it was asked or answered otherwise than in
    every parent. Outside of git, or where no commit holds it, that is the one at hand, and a note
    says so. RunnerError for an address that was never there.
    """
    history = History(iter(()))
    reading = StateReading(history.notes, lambda data, name: _with_verdicts(data, address, name))
    found = history.chosen(changed_states(place, asking, reading), address.__eq__)
    whole = StateReading(history.notes, lines_in)
    history.found = _limited((_moved(place, one, address, whole) for one in found), asking.limit)
    first = next(history.found, None)
    if first is None and asking.since is None:
        raise unknown(store_of(place).load() or empty("", ""), address)
    history.found = _again(first, history.found)
    return history


def project_history(place: ProjectPlace, patterns: Sequence[str], asking: Asking) -> History:
    """What each commit did to all answers, or to those that patterns name. RunnerError for a name
    that nothing ever had.
    """
    history = History(iter(()))
    known: dict[bytes, bytes] = {}

    def lines(data: bytes, name: str) -> tuple[bytes, ...]:
        return tuple(known.setdefault(line, line) for line in lines_in(data, name))

    reading = StateReading(history.notes, lines)
    found = history.chosen(
        changed_states(place, asking, reading),
        lambda address: not patterns or any(selects(one, address) for one in patterns),
    )
    history.found = _limited(found, asking.limit)
    if patterns and asking.since is None:
        first = next(history.found, None)
        if first is None:
            _refuse_unknown(place, patterns)
        history.found = _again(first, history.found)
    return history


def _refuse_unknown(place: ProjectPlace, patterns: Sequence[str]) -> None:
    state = store_of(place).load() or empty("", "")
    for pattern in patterns:
        if not any(selects(pattern, address) for address in state.records):
            raise unknown(state, pattern)


def is_one_answer(place: ProjectPlace, name: str) -> bool:
    """Whether a name is that of one answer; else it stands for those of a block, or of more."""
    state = store_of(place).load()
    held = state.records if state is not None else {}
    if name in held or not is_address(name) or blocks_of(name)[-1][0] == "module":
        return name in held
    return not any(selects(name, address) for address in held)


def _moved(place: ProjectPlace, one: ChangedIn, address: str, reading: StateReading) -> ChangedIn:
    """The same, where an answer that came or went did so under another address."""
    commit, (change,) = one.commit, one.changes
    if commit is None or not commit.blobs or len(commit.before) > 1 or not commit.before[0]:
        return one
    if not isinstance(change, AnswerAdded | AnswerRemoved):
        return one
    held = history_of(place)
    asked = [(commit, (commit.before[0], commit.blobs))]
    lines = partial(reading.held, name=held.path)
    _, (before, now) = next(lines_of_commits(held.repository, asked, lines))
    for other in reading.changed(before, now).values():
        if isinstance(other, AnswerMoved) and address in addresses_in(other):
            return ChangedIn(commit, (other,))
    return one


def _with_verdicts(data: bytes, address: str, name: str) -> list[bytes]:
    """The line of one answer, if there is one, and those of the verdicts on it."""
    own = line_of(data, address, name)
    found = [] if own is None else [own]
    if _JUDGED in data:
        found += [line for line in lines_naming(data, address, name) if _JUDGED in line]
    return found


def _limited(found: Iterator[ChangedIn], limit: int | None) -> Iterator[ChangedIn]:
    return found if limit is None else islice(found, limit)


def _again(first: ChangedIn | None, rest: Iterator[ChangedIn]) -> Iterator[ChangedIn]:
    if first is not None:
        yield first
    yield from rest
