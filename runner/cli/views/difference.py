"""What changed between two states: for people, as a table, and as JSON."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runner.cli.streams import harmless, on_one_line
from runner.cli.views.page import Page
from runner.cli.views.request_changes import any_change, changed_parameters, changed_request
from runner.cli.views.requests import head, new_request, parameters
from runner.cli.views.style import Style
from runner.cli.views.word_lines import word_lines
from runner.core.address import first_few
from runner.core.api.usage import usage_of
from runner.core.plan.diff import ABSENT, Change
from runner.core.plan.estimate import compact, dollars
from runner.core.state.records import Record
from runner.core.viewing.answers import (
    AnswerDiff,
    PathDiff,
    TextDiff,
    answer_diff,
    answer_of,
    answer_text_of,
    recorded_changes,
    recorded_request,
    served_differently,
)
from runner.core.viewing.changes import (
    CHANGE_WORDS,
    AnswerAdded,
    AnswerChange,
    AnsweredDifferently,
    AnswerMoved,
    AnswerRemoved,
    AnswerTotals,
    AskedDifferently,
    ChangeWord,
    Priced,
    kind_of_change,
)
from runner.core.viewing.shifts import CheckShift
from runner.errors import counted
from runner.operations.recorded.comparison import StateComparison
from runner.operations.recorded.revisions import StateAt

Shifts = Sequence[CheckShift]

_SYMBOLS: Mapping[ChangeWord, tuple[str, str]] = {
    "new": ("+", "green"),
    "removed": ("-", "red"),
    "asked differently": ("~", "yellow"),
    "answered differently": ("~", "yellow"),
    "moved": (">", "cyan"),
}
_SHIFTED = {False: "newly failing", True: "newly holding"}
_LISTED = 3  # answers of those that a check thinks otherwise of
_BELOW = 8  # columns before what an answer says


def diff_text(
    found: StateComparison,
    price: Priced,
    shifts: Shifts | None,
    style: Style,
    *,
    full: bool = False,
) -> str:
    """Each change with its words, then what it all amounts to."""
    page = Page(style, full, in_words=True)
    lines = [
        line for change in found.changes for line in (*change_in_words(page, change, price), "")
    ]
    lines += page.end()
    return harmless("\n".join([*lines, *_end(found, shifts, style)]) + "\n")


def diff_stat(found: StateComparison, price: Priced, shifts: Shifts | None, style: Style) -> str:
    """A line for each change, then what it all amounts to."""
    wide = max((len(on_one_line(change.address)) for change in found.changes), default=0)
    lines = []
    for change in found.changes:
        symbol, colour = _SYMBOLS[kind_of_change(change)]
        said = ", ".join(_said(change, price))
        lines.append(f"{style(symbol, colour)} {on_one_line(change.address):<{wide}}  {said}")
    lines += [""] if lines else []
    return harmless("\n".join([*lines, *_end(found, shifts, style)]) + "\n")


def diff_json(found: StateComparison, price: Priced, shifts: Shifts | None) -> dict[str, Any]:
    """All of it."""
    return {
        "before": _side_json(found.before, found.then),
        "after": _side_json(found.after, found.now),
        "changes": [change_json(change, price) for change in found.changes],
        "checks": None
        if shifts is None
        else {
            "newly_failing": [_shift_json(one) for one in shifts if not one.holds],
            "newly_holding": [_shift_json(one) for one in shifts if one.holds],
        },
    }


def _shift_json(one: CheckShift) -> dict[str, str]:
    return {"check": one.check, "address": one.address}


def change_json(change: AnswerChange, price: Priced) -> dict[str, Any]:
    """One change: its records in short, and the paths and words that differ."""
    told: dict[str, Any] = {
        "address": change.address,
        "kind": kind_of_change(change).replace(" ", "_"),
        "before": None,
        "after": None,
        "request": [],
        "answer": None,
    }
    match change:
        case AnswerAdded(_, after):
            return told | {"after": answer_json(after, price)}
        case AnswerRemoved(_, before):
            return told | {"before": answer_json(before, price)}
        case AskedDifferently() | AnsweredDifferently() | AnswerMoved():
            sides = {"before": change.before, "after": change.after}
            told |= {side: answer_json(record, price) for side, record in sides.items()}
            told["request"] = [*map(path_json, recorded_changes(change.before, change.after))]
            told["answer"] = _diff_json(answer_diff(change.before, change.after))
            return told


def answer_json(record: Record, price: Priced) -> dict[str, Any]:
    """A record in short: what it says, and what it took."""
    used = usage_of(record.response)
    return {
        "address": record.address,
        "fingerprint": record.fingerprint,
        "sample": record.sample,
        "status": record.status,
        "issued_at": record.issued_at,
        "model": used.model if used else None,
        "prompt_tokens": used.prompt if used else None,
        "completion_tokens": used.completion if used else None,
        "cost": price(record),
        "seconds": record.duration_ms / 1000,
        "answer": answer_of(record),
    }


def path_json(change: Change) -> dict[str, Any]:
    """A path with its values; a side on which there is none is left out."""
    sides = {"before": change.old, "after": change.new}
    held = {side: value for side, value in sides.items() if value is not ABSENT}
    return {"path": change.name, **held}


def _diff_json(found: AnswerDiff) -> dict[str, Any]:
    match found:
        case PathDiff(paths):
            return {"paths": [*map(path_json, paths)]}
        case TextDiff(lines):
            told = [[[span.kind, span.text] for span in line.spans] for line in lines]
            return {"lines": told}


def _side_json(side: StateAt, held: AnswerTotals) -> dict[str, Any]:
    return {"name": side.name, "commit": side.commit, **totals_json(held)}


def totals_json(held: AnswerTotals) -> dict[str, Any]:
    """What some answers amount to."""
    return {
        "answers": held.answers,
        "prompt_tokens": held.prompt,
        "completion_tokens": held.completion,
        "cost": held.cost,
        "unpriced": held.unpriced,
        "seconds": held.seconds,
    }


def change_in_words(page: Page, change: AnswerChange, price: Priced) -> Iterator[str]:
    """One change with its words."""
    symbol, colour = _SYMBOLS[kind_of_change(change)]
    shown, address = page.style(symbol, colour), on_one_line(change.address)
    said = _said(change, price)
    match change:
        case AnswerAdded(_, after):
            made = recorded_request(None, after)
            yield from head(page, symbol, shown, address, [*said[:1], *parameters(made), *said[1:]])
            yield from new_request(page, change.address, made.new)
            yield from _whole(page, after, "+", "green")
        case AnswerRemoved(_, before):
            yield from head(page, symbol, shown, address, said)
            yield from _whole(page, before, "-", "red")
        case AskedDifferently() | AnsweredDifferently() | AnswerMoved():
            made = recorded_request(change.before, change.after)
            said[1:1] = changed_parameters(page, made)
            yield from head(page, symbol, shown, address, said)
            yield from changed_request(page, made)
            yield from _answers(page, answer_diff(change.before, change.after))


def _whole(page: Page, record: Record, mark: str, colour: str) -> Iterator[str]:
    yield f"      {page.style('answer', 'cyan')}"
    for line in page.text(answer_text_of(record), _BELOW + 2):
        yield f"{' ' * _BELOW}{page.style(f'{mark} {line}'.rstrip(' '), colour)}"


def _answers(page: Page, found: AnswerDiff) -> Iterator[str]:
    match found:
        case TextDiff(()) | PathDiff(()):
            return
        case TextDiff(lines):
            yield f"      {page.style('answer', 'cyan')}"
            yield from word_lines(page, lines, _BELOW)
        case PathDiff(paths):
            yield f"      {page.style('answer', 'cyan')}"
            for change in paths:
                yield from any_change(page, change, _BELOW)


def _said(change: AnswerChange, price: Priced) -> list[str]:
    """What a line has room for, what happened first."""
    word = kind_of_change(change)
    match change:
        case AnswerAdded(_, one) | AnswerRemoved(_, one):
            return [word, *filter(None, (_tokens(one), _cost(one, price)))]
        case AskedDifferently(_, before, after) | AnsweredDifferently(_, before, after):
            pass
        case AnswerMoved(_, before, after):
            word = f"moved from {on_one_line(before.address)}"  # type: ignore[assignment]
    facts = [
        f"{fact.name} {on_one_line(str(fact.before))} -> {on_one_line(str(fact.after))}"
        for fact in served_differently(before, after)
    ]
    figures = [(_tokens(before), _tokens(after)), (_cost(before, price), _cost(after, price))]
    moved = [f"{one or 'unknown'} -> {two or 'unknown'}" for one, two in figures if one != two]
    return [word, *facts, *moved]


def _tokens(record: Record) -> str:
    used = usage_of(record.response)
    return "" if used is None else f"{used.prompt}+{used.completion} tokens"


def _cost(record: Record, price: Priced) -> str:
    found = price(record)
    return "" if found is None else dollars(found)


def _end(found: StateComparison, shifts: Shifts | None, style: Style) -> Iterator[str]:
    """The sentence, and both sides beside each other."""
    if not found.changes:
        yield style(title_of(found), "green")
        return
    yield style(style.wrapped(title_of(found)), "bold")
    rows = [("", "before", "after"), *rows_of(found)]
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    for label, one, two in rows:
        yield f"  {label:<{widths[0]}}  {one:>{widths[1]}}  {two:>{widths[2]}}".rstrip()
    for holds, colour in ((False, "red"), (True, "green")):
        shifted = [f"{one.check} of {one.address}" for one in shifts or () if one.holds == holds]
        if shifted:
            told = f"{len(shifted)} {_SHIFTED[holds]}: {first_few(shifted, _LISTED)}"
            yield style(style.wrapped(told, "  "), colour)


def title_of(found: StateComparison) -> str:
    """What changed between which states, in a sentence."""
    sides = f"{found.before.name} and {found.after.name}"
    if not found.changes:
        return f"No answer changed between {sides}."
    tally = Counter(map(kind_of_change, found.changes))
    kinds = ", ".join(f"{tally[word]} {word}" for word in CHANGE_WORDS if tally[word])
    return f"{counted(len(found.changes), 'change')} between {sides}: {kinds}."


def rows_of(found: StateComparison) -> Iterator[tuple[str, str, str]]:
    """What both sides amount to: a name, then and now."""
    yield from _rows(found.then, found.now)


def _rows(then: AnswerTotals, now: AnswerTotals) -> Iterator[tuple[str, str, str]]:
    yield "answers", f"{then.answers:,}", f"{now.answers:,}"
    yield "tokens", _total_tokens(then), _total_tokens(now)
    yield "cost", total_cost(then), total_cost(now)
    yield "seconds", f"{then.seconds:,.1f}", f"{now.seconds:,.1f}"


def _total_tokens(held: AnswerTotals) -> str:
    return f"{compact(held.prompt)}+{compact(held.completion)}"


def total_cost(held: AnswerTotals) -> str:
    """What answers cost, as far as that is known."""
    if held.unpriced and not held.cost:
        return "unknown" if held.answers else "$0"
    return f"{dollars(held.cost)}{' or more' if held.unpriced else ''}"
