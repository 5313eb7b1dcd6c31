"""A report as JSON, as runner/schemas/report.schema.json has it."""

from collections import Counter
from typing import Any

from runner.cli.views.checks.check_changes import changes_json
from runner.cli.views.checks.checks import check_json
from runner.cli.views.checks.comparisons import comparison_json
from runner.cli.views.difference import change_json, totals_json
from runner.core.checks.changes import Checked
from runner.core.viewing.changes import CHANGE_WORDS, Priced, kind_of_change
from runner.core.viewing.report import Report, Since


def report_json(report: Report, price: Priced) -> dict[str, Any]:
    """All of it; the same bytes for the same states and configuration."""
    return {
        "format": "runner-report",
        "version": 1,
        "name": report.name,
        "answers": totals_json(report.after),
        "next": {"summary": report.next.summary, "changes": report.next.changes},
        "checks": _checks_json(report.checked),
        "since": None if report.since is None else _since_json(report.since, price),
    }


def _checks_json(checked: Checked) -> dict[str, Any]:
    tally = Counter(one.met for one in checked.outcomes)
    since = checked.since
    return {
        "declared": tally.total(),
        "met": tally["met"],
        "not_met": tally["not met"],
        "unscored": tally["unscored"],
        "regressed": 0 if since is None else len(since.regressed),
        "checks": [check_json(each) for each in checked.checks],
        "comparisons": [comparison_json(each) for each in checked.comparisons],
        "outdated": list(checked.outdated),
        "against": None if since is None else changes_json(since),
    }


def _since_json(since: Since, price: Priced) -> dict[str, Any]:
    tally = Counter(map(kind_of_change, since.changes))
    return {
        "name": since.name,
        "commit": since.commit,
        "answers": totals_json(since.before),
        "spent": totals_json(since.spent),
        "verdicts": since.verdicts,
        "kinds": {_key(word): tally[word] for word in CHANGE_WORDS},
        "changes": [change_json(change, price) for change in since.changes],
    }


def _key(word: str) -> str:
    return word.replace(" ", "_")
