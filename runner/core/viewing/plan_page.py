"""A plan as a page shows it: steps that are alike once, with what changes in their requests."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct

from runner.core.plan.actions import Step
from runner.core.plan.alike import Alike, Various, alike
from runner.core.plan.conversation import Turn, same_messages, turn_of, turns_of
from runner.core.plan.diff import ABSENT, Change, changes_of
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.words import Asked, Word, asked, kind, shown
from runner.core.secrets.secrets import Secrets
from runner.core.viewing.words import DiffLine, DiffSpan, text_diff

_SHORT = 80  # characters of a value that stands beside its name
_LONGEST = 20_000  # characters of a text
_AROUND = 2  # lines to each side of what changed
_LISTED = 500  # addresses of a group
_PAGE = 100  # groups at a time
_FEW = 5  # values that are named of what differs in many


class PlannedValue(Struct, frozen=True):
    """A parameter on one line: None is the side where it is not, or not told."""

    name: str
    old: str | None
    new: str | None


class TextHunk(Struct, frozen=True):
    """Lines of a text that stand together, after so many that are not shown."""

    skipped: int
    lines: tuple[DiffLine, ...]


class PlannedText(Struct, frozen=True):
    """A message, or a parameter of several lines: `is_change` where another stood there."""

    label: str
    is_change: bool
    hunks: tuple[TextHunk, ...]


class PlannedGroup(Struct, frozen=True):
    """A step, and `others` that are like it. There are `number` in all; `is_various` where they
    differ, and `values` says in what.
    """

    address: str
    symbol: str
    word: Word
    header: str
    because: str
    number: int
    values: tuple[PlannedValue, ...] = ()
    texts: tuple[PlannedText, ...] = ()
    others: tuple[str, ...] = ()
    is_various: bool = False


class PlannedGroups(Struct, frozen=True):
    """Groups from `start` on; `total` is how many there are, of so many `steps`."""

    start: int
    total: int
    steps: int
    groups: tuple[PlannedGroup, ...]


class StepChoice(Struct, frozen=True):
    """Which steps are looked at: of one `word`, with a `text` in their address, or of one address
    alone, which is then shown whole.
    """

    word: str = ""
    text: str = ""
    address: str = ""
    start: int = 0

    def has(self, step: Step) -> bool:
        """Whether it is one of those."""
        if self.address:
            return step.address == self.address
        if self.word and kind(step.action) != self.word:
            return False
        return self.text.lower() in step.address.lower()


def planned_groups(plan: PlannedSteps, secrets: Secrets, choice: StepChoice) -> PlannedGroups:
    """The steps that are chosen, those that are alike together, some groups at a time."""
    chosen = [step for step in plan.steps if choice.has(step)]
    found = list(alike(plan, secrets, apart=bool(choice.address), steps=chosen))
    some = found[choice.start : choice.start + _PAGE]
    groups = tuple(_group(plan, each, secrets) for each in some)
    return PlannedGroups(choice.start, len(found), len(chosen), groups)


def _group(plan: PlannedSteps, group: Alike | Various, secrets: Secrets) -> PlannedGroup:
    step = group.first
    seen = shown(step, secrets)
    made = None if isinstance(group, Various) else asked(plan, step, secrets)
    common = step.address, seen.symbol.strip(), kind(step.action), seen.header, seen.because
    match group:
        case Various(number=number, values=values):
            held = tuple(PlannedValue(name, None, _several(each)) for name, each in values.items())
            return PlannedGroup(*common, number, held, is_various=True)
        case Alike(others=others, more=more):
            listed = tuple(other.address for other in others[:_LISTED])
            values_of, texts = ((), ()) if made is None else _request(made)
            number = 1 + len(others) + more
            return PlannedGroup(*common, number, values_of, texts, listed)


def _several(values: frozenset[bytes]) -> str:
    texts = sorted(value.decode() for value in values)
    if len(texts) <= _FEW and all(len(text) <= _SHORT for text in texts):
        return " or ".join(texts)
    return f"{len(texts):,} values"


def _request(made: Asked) -> tuple[tuple[PlannedValue, ...], tuple[PlannedText, ...]]:
    """What is short of a request, or of what changed in it, and what has lines of its own."""
    old = made.old
    changes = [*_changes(made)] if old is not None else [*_new(made.new)]
    values = [planned_value(*_sides(each)) for each in changes if _is_short(each)]
    if made.headers:
        values.append(PlannedValue("headers", None, ", ".join(made.headers)))
    texts = [_text(each) for each in changes if not _is_short(each)]
    texts += _new_messages(made.new) if old is None else _changed_messages(old, made.new)
    if old is None:
        values.insert(0, PlannedValue("provider", None, made.provider))
    return tuple(values), tuple(texts)


def _new(body: Mapping[str, Any]) -> Iterator[Change]:
    for name, value in body.items():
        if name != "messages":
            yield Change((name,), ABSENT, value)


def _changes(made: Asked) -> Iterator[Change]:
    """What changed, but for messages where both sides have some."""
    old, new = made.old or {}, made.new
    first = [change for change in made.besides if change.path == ("provider",)]
    last = [change for change in made.besides if change.path != ("provider",)]
    both = isinstance(old.get("messages"), list) and isinstance(new.get("messages"), list)
    left_out = ("messages",) if both else ()
    before, after = (
        {key: value for key, value in body.items() if key not in left_out} for body in (old, new)
    )
    return iter([*first, *changes_of(before, after), *last])


def _is_short(change: Change) -> bool:
    texts = [_in_words(each) for each in (change.old, change.new)]
    return all(text is None or (len(text) <= _SHORT and "\n" not in text) for text in texts)


def _in_words(value: Any) -> str | None:
    if value is ABSENT:
        return None
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _sides(change: Change) -> tuple[str, Any, Any]:
    return change.name, change.old, change.new


def planned_value(name: str, old: Any, new: Any) -> PlannedValue:
    """A value as it is and as it will be; ABSENT on the side where it is not."""
    return PlannedValue(name, _in_words(old), _in_words(new))


def _text(change: Change) -> PlannedText:
    old, new = _pretty(change.old), _pretty(change.new)
    if change.old is ABSENT:
        return _whole(change.name, new, "same")
    return _changed(change.name, old, new)


def _pretty(value: Any) -> str:
    if value is ABSENT:
        return ""
    if isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _whole(label: str, text: str, how: Any) -> PlannedText:
    """A text that nothing stood in the place of (`same`), or that came or went beside others."""
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
    lines = tuple(DiffLine(how, (DiffSpan(how, line),)) for line in cut.split("\n"))
    return PlannedText(label, how != "same", (TextHunk(0, lines),))


def _changed(label: str, old: str, new: str) -> PlannedText:
    lines = text_diff(old[: 5 * _LONGEST], new[: 5 * _LONGEST])
    return PlannedText(label, is_change=True, hunks=tuple(_hunks(lines)))


def _hunks(lines: Sequence[DiffLine]) -> Iterator[TextHunk]:
    """The lines that changed with some around them."""
    near = {
        at + away
        for at, line in enumerate(lines)
        if line.kind != "same"
        for away in range(-_AROUND, _AROUND + 1)
    }
    held: list[DiffLine] = []
    skipped = 0
    for at, line in enumerate(lines):
        if at in near:
            held.append(line)
            continue
        if held:
            yield TextHunk(skipped, tuple(held))
            held, skipped = [], 0
        skipped += 1
    if held or skipped:
        yield TextHunk(skipped, tuple(held))


def _new_messages(body: Mapping[str, Any]) -> Iterator[PlannedText]:
    if "messages" in body:
        for turn in turns_of(body["messages"]):
            yield from _parts(turn.role, turn.parts, "same")


def _parts(role: str, parts: Iterable[Any], how: Any) -> Iterator[PlannedText]:
    for part in parts:
        label = f"{role} · {part.label}" if part.label else role
        yield _whole(label, part.text, how)


def _changed_messages(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[PlannedText]:
    before, after = old.get("messages"), new.get("messages")
    if not (isinstance(before, list) and isinstance(after, list)):
        return
    for at, to in same_messages(before, after):
        if at is not None and to is not None:
            yield from _changed_message(before[at], after[to])
        elif to is not None:
            turn = turn_of(after[to])
            yield from _parts(turn.role, turn.parts, "came")
        elif at is not None:
            turn = turn_of(before[at])
            yield from _parts(turn.role, turn.parts, "gone")


def _changed_message(old: Any, new: Any) -> Iterator[PlannedText]:
    before, after = turn_of(old), turn_of(new)
    if _labels(before) != _labels(after) or before == after:
        for change in changes_of(old, new):
            name = f"{after.role} · {change.name}"
            yield _changed(name, _pretty(change.old), _pretty(change.new))
        return
    for one, other in zip(before.parts, after.parts, strict=True):
        if one != other:
            label = f"{after.role} · {one.label}" if one.label else after.role
            yield _changed(label, one.text, other.text)


def _labels(turn: Turn) -> tuple[str, ...]:
    return (turn.role, *(part.label for part in turn.parts))
