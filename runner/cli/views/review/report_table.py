"""The head of a report in Markdown: what changes, and what both sides amount to."""

from collections import Counter
from collections.abc import Iterator

from runner.cli.views.checks.check_words import met
from runner.cli.views.checks.comparisons import conclusion, gate_words, grounds
from runner.cli.views.difference import total_cost
from runner.cli.views.markdown_parts import inline_code, shortened, table_cell
from runner.core.checks.changes import CheckChange, Checked
from runner.core.checks.comparison import Comparison
from runner.core.checks.outcomes import CheckOutcome
from runner.core.viewing.changes import CHANGE_WORDS, kind_of_change
from runner.core.viewing.report import Report, Since
from runner.errors import counted

_ROWS = 40  # checks, before the rest is counted


def report_title(report: Report) -> str:
    """What changes, in a line of Markdown."""
    folder, _, workspace = report.name.rpartition("/")
    named = [] if folder == "." else [inline_code(shortened(folder))]
    named += [] if workspace == "default" else [inline_code(shortened(workspace))]
    who = " ".join(["runner", *named])
    return f"{who}: {_what_changes(report)}"


def _what_changes(report: Report) -> str:
    checked, since = report.checked, report.since
    unmet = [one for one in checked.outcomes if one.met == "not met"]
    if since is None:
        said = [counted(report.after.answers, "answer")]
        said += [f"{counted(len(unmet), 'check')} not met"] if unmet else []
        return ", ".join(said)
    many = len(since.changes)
    said = [
        "no answer changes" if not many else f"{counted(many, 'answer')} change{'s' * (many == 1)}"
    ]
    gone = len(checked.since.regressed) if checked.since is not None else 0
    if gone:
        said.append(f"{counted(gone, 'check')} no longer {'holds' if gone == 1 else 'hold'}")
    elif unmet:
        said.append(f"{counted(len(unmet), 'check')} not met")
    return ", ".join(said)


def report_table(report: Report) -> Iterator[str]:
    """What both sides amount to, and each check, what regressed first."""
    since, after = report.since, report.after
    before = "" if since is None else table_cell(shortened(since.name))
    yield f"| | {before} | now | |"
    yield "|---|---|---|---|"
    then = "" if since is None else f"{since.before.answers:,}"
    yield f"| answers | {then} | {after.answers:,} | {_kinds(since)} |"
    was = "" if since is None else total_cost(since.before)
    spent = "" if since is None else f"{total_cost(since.spent)} paid for what changed"
    yield f"| cost | {was} | {total_cost(after)} | {spent} |"
    coming = table_cell(shortened(report.next.summary)) if report.next.changes else "nothing to pay"
    yield f"| next apply | | | {coming} |"
    yield from _check_rows(report.checked)


def _kinds(since: Since | None) -> str:
    if since is None:
        return ""
    tally = Counter(map(kind_of_change, since.changes))
    said = []
    for word in CHANGE_WORDS:
        if word == "answered differently" and tally[word]:
            said.append(f"**{tally[word]:,} answered differently to the same request**")
        elif tally[word]:
            said.append(f"{tally[word]:,} {word}")
    said += [counted(since.verdicts, "verdict")] if since.verdicts else []
    return ", ".join(said) or "none changes"


def _check_rows(checked: Checked) -> Iterator[str]:
    found = sorted(checked.outcomes, key=lambda one: _order(checked, one))
    yield from (_row(checked, one) for one in found[:_ROWS])
    if len(found) > _ROWS:
        tally = Counter(one.met for one in found)
        said = ", ".join(f"{number} {word}" for word, number in tally.items())
        yield f"| {len(found) - _ROWS} more checks | | | of all: {said} |"


def _order(checked: Checked, one: CheckOutcome | Comparison) -> int:
    if checked.since is not None and one.address in checked.since.regressed:
        return 0
    return {"not met": 1, "unscored": 2, "met": 3}[one.met]


def _row(checked: Checked, one: CheckOutcome | Comparison) -> str:
    match one:
        case CheckOutcome():
            cells = _check_cells(checked, one)
        case Comparison():
            cells = _comparison_cells(checked, one)
    return f"| {_sign(one)} {inline_code(shortened(one.address))} | {' | '.join(cells)} |"


def _check_cells(checked: Checked, each: CheckOutcome) -> Iterator[str]:
    changed = None if checked.since is None else checked.since.of(each)
    yield "" if changed is None else _level(changed.before)
    yield _level(each)
    said = [] if changed is None or not changed.difference.pairs else [_shown(changed)]
    yield "; ".join([*said, table_cell(met(each))])


def _comparison_cells(checked: Checked, each: Comparison) -> Iterator[str]:
    changes = checked.since.comparisons if checked.since is not None else ()
    yield next((one.before.met for one in changes if one.after is each), "")
    yield each.met
    yield table_cell(gate_words(each)) if each.met == "not met" else ""


def _sign(one: CheckOutcome | Comparison) -> str:
    return {"met": "✅", "unscored": "❔"}.get(one.met, "❌" if one.fails else "⚠️")


def _level(each: CheckOutcome) -> str:
    if not each.scored:
        return "none"
    if each.is_score:
        return f"{each.interval.value:.2f}"
    return f"{len(each.scored) - len(each.failed)}/{len(each.scored)}"


def _shown(changed: CheckChange) -> str:
    found = changed.difference
    said = f"{conclusion(found)} ({grounds(found)})"
    return f"**{said}**" if found.shown == "worse" else said
