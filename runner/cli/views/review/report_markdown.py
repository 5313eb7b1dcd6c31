"""A report as the comment of a pull request: within its length, most important first."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from urllib.parse import quote

from runner.cli.views.checks.check_words import faults_of
from runner.cli.views.markdown_parts import (
    code_block,
    details,
    html_code,
    inline_code,
    shortened,
    units,
)
from runner.cli.views.review.report_table import report_table, report_title
from runner.cli.views.review.unified_lines import unified_lines
from runner.core.address import first_few
from runner.core.api.usage import usage_of
from runner.core.checks.changes import Checked
from runner.core.checks.outcomes import CheckedAnswer
from runner.core.state.records import Record
from runner.core.viewing.answers import answer_text_of, served_differently
from runner.core.viewing.changes import (
    CHANGE_WORDS,
    AnswerAdded,
    AnswerChange,
    AnsweredDifferently,
    AnswerMoved,
    AnswerRemoved,
    AskedDifferently,
    kind_of_change,
)
from runner.core.viewing.report import Report, Since
from runner.core.viewing.versions import changed_paths
from runner.errors import counted

COMMENT = 65_536
"""What GitHub takes as a comment, in units of UTF-16."""

_KEPT = 1_000  # of these, for what is said of the rest
_FAILED = 10  # answers of a check, before the rest is counted
_BLOCK = 8_000  # characters of a difference


_MARKER = "<!-- runner-report: "


def is_report_markdown(data: bytes) -> bool:
    """Whether a file is a report of this kind."""
    return data.startswith(_MARKER.encode())


def report_marker(report: Report) -> str:
    """The first line, by which a comment is found again."""
    name = quote(report.name, safe="/._").replace("--", "-%2D")
    return f"{_MARKER}{name} -->"


def report_markdown(report: Report, plan: str, most: int = COMMENT) -> str:
    """The report in at most so many units; `plan` is that of the next apply, as text. What others
    wrote is code in it, and neither Markdown nor HTML.
    """
    head = "\n".join(
        [report_marker(report), f"### {report_title(report)}", "", *report_table(report)]
    )
    pieces, last = [head], _plan(report, plan)
    room = most - _KEPT - units(head) - sum(units(piece) + 2 for piece in last)
    for piece in _no_longer(report.checked):
        if units(piece) + 2 <= room:
            pieces.append(piece)
            room -= units(piece) + 2
    if report.since is not None:
        shown, left = _fitting(report.since.changes, room)
        pieces += [*shown, *_rest(report.since, left)]
    return "\n\n".join([*pieces, *last]) + "\n"


def _no_longer(checked: Checked) -> Iterator[str]:
    """What an answer was expected to be, and is no longer."""
    for changed in checked.since.checks if checked.since is not None else ():
        if changed.newly_failing:
            title = f"{inline_code(changed.after.address)} held, and does not any more:"
            yield f"{title}\n\n{_failed(changed.newly_failing)}"
    for each in checked.checks:
        old = each.failed if checked.since is None else checked.since.of(each).still_failing
        if old and each.met == "not met":
            about = f"{html_code(each.address)}: {counted(len(old), 'answer')} not as expected"
            yield details(about + (", as before" if checked.since else ""), _failed(old))


def _failed(found: Sequence[CheckedAnswer]) -> str:
    lines = [
        f"- {inline_code(shortened(one.address))}: {inline_code(shortened(faults_of(one)))}"
        for one in found[:_FAILED]
    ]
    lines += [f"- {len(found) - _FAILED} more"] if len(found) > _FAILED else []
    return "\n".join(lines)


def _plan(report: Report, plan: str) -> list[str]:
    if not report.next.changes:
        return []
    return [
        details("What the next apply would do", code_block(_cut_lines(plan.splitlines()), "diff"))
    ]


def _fitting(
    changes: Sequence[AnswerChange], room: int
) -> tuple[list[str], Sequence[AnswerChange]]:
    """As many changes as there is room for, in their order, and those that are left."""
    shown: list[str] = []
    for number, change in enumerate(changes):
        piece = change_details(change)
        if units(piece) + 2 > room:
            return shown, changes[number:]
        shown.append(piece)
        room -= units(piece) + 2
    return shown, ()


def change_details(change: AnswerChange) -> str:
    """One change: what happened, and its words to unfold."""
    about = f"<b>{html_code(shortened(change.address))}</b>: {', '.join(_about(change))}"
    text = _cut_lines(unified_lines(change))
    return details(about, code_block(text, "diff") if text else "It says the same.")


def _about(change: AnswerChange) -> Iterator[str]:
    """What happened, in HTML."""
    match change:
        case AnswerAdded(after=record) | AnswerRemoved(before=record):
            yield kind_of_change(change)
            yield from _took(record)
        case AskedDifferently(_, before, after):
            paths = dict.fromkeys(changed_paths(before, after))
            names = [html_code(shortened(path)) for path in paths]
            yield f"{first_few(names, 3)} changed" if names else kind_of_change(change)
            yield from _facts(before, after)
        case AnsweredDifferently(_, before, after):
            alike = answer_text_of(before) == answer_text_of(after)
            yield "answered again" if alike else "answered differently to the same request"
            yield from _facts(before, after)
        case AnswerMoved(_, before, after):
            yield f"moved from {html_code(shortened(before.address))}"
            yield from _facts(before, after)


def _facts(before: Record, after: Record) -> Iterator[str]:
    for fact in served_differently(before, after):
        sides = (html_code(shortened(str(side))) for side in (fact.before, fact.after))
        yield f"{fact.name} {' → '.join(sides)}"
    old, new = usage_of(before.response), usage_of(after.response)
    if old is not None and new is not None and old.completion != new.completion:
        more = new.completion - old.completion
        yield f"{more:+,} token{'' if abs(more) == 1 else 's'}"


def _took(record: Record) -> Iterator[str]:
    used = usage_of(record.response)
    if used is not None:
        yield html_code(shortened(used.model)) if used.model else ""
        yield f"{used.completion:,} tokens"


def _rest(since: Since, left: Sequence[AnswerChange]) -> Iterator[str]:
    if left:
        tally = Counter(map(kind_of_change, left))
        kinds = ", ".join(f"{tally[word]:,} {word}" for word in CHANGE_WORDS if tally[word])
        revision = since.commit or since.name
        yield (
            f"{counted(len(left), 'more changed answer')} {'is' if len(left) == 1 else 'are'} left "
            f"out here ({kinds}). All of them: {inline_code(f'runner diff {revision}')} in a "
            "checkout of this branch, which needs no key."
        )


def _cut_lines(lines: Iterator[str] | Sequence[str]) -> str:
    """As many lines as a block has room for, and how many are left."""
    held, room = list(lines), _BLOCK
    for number, line in enumerate(held):
        room -= len(line) + 1
        if room < 0:
            left = counted(len(held) - number, "more line")
            return "\n".join([*islice(held, number), f"  .. ({left})"])
    return "\n".join(held)
