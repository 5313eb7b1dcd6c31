"""A rollback as a plan: what goes back to its earlier answer, and what cannot yet."""

import shlex
from collections.abc import Iterator
from typing import Any, get_args

from runner.cli.streams import harmless, on_one_line
from runner.cli.views.difference import change_in_words
from runner.cli.views.page import Page
from runner.cli.views.style import Style
from runner.core.state.records import Record
from runner.core.viewing.changes import Priced
from runner.errors import counted
from runner.operations.applying.events import version
from runner.operations.states.rollback import RollbackPlan, RollbackStep, RollbackWord

_SAID = "  # "


def rollback_text(plan: RollbackPlan, price: Priced, style: Style, *, full: bool = False) -> str:
    """Each step with what changes by it, then all of it in one line."""
    page = Page(style, full, in_words=True)
    lines = [line for step in plan.steps for line in (*_step(page, step, price), "")]
    lines += page.end()
    lines += [*_needed(plan, style), style(style.wrapped(summary_of(plan)), "bold")]
    return harmless("\n".join(lines) + "\n")


def rollback_events(plan: RollbackPlan) -> Iterator[dict[str, Any]]:
    """An event for each step, and one for the whole."""
    yield version()
    for step in plan.steps:
        yield {
            "type": "rollback_step",
            "address": step.address,
            "action": step.word,
            "reason": step.because,
            "before": None if step.now is None else _answer_json(step.now),
            "after": _answer_json(step.earlier),
        }
    yield {
        "type": "rollback_summary",
        "source": plan.source.name,
        "changes": {word: len(plan.of(word)) for word in get_args(RollbackWord)},
        "unchanged": plan.unchanged,
        "files": [*plan.differing],
        "message": summary_of(plan),
    }


def _answer_json(record: Record) -> dict[str, Any]:
    names = ("fingerprint", "sample", "status", "issued_at")
    return {name: getattr(record, name) for name in names}


def summary_of(plan: RollbackPlan) -> str:
    """In one line."""
    parts = [
        f"{len(plan.of('restore'))} to roll back",
        f"{len(plan.of('cache'))} to put into the cache",
        *([f"{len(plan.of('leave'))} left as they are"] if plan.of("leave") else []),
        f"{plan.unchanged} unchanged",
    ]
    if plan.empty:
        word = "answer is" if plan.unchanged == 1 else "answers are"
        return f"Nothing to roll back: {plan.unchanged} {word} as in {plan.source.name}."
    return f"Rollback to {plan.source.name}: {', '.join(parts)}. 0 requests: it costs nothing."


def _step(page: Page, step: RollbackStep, price: Priced) -> Iterator[str]:
    yield page.style(page.style.wrapped(_header(step), _SAID), "bold")
    if step.because:
        yield page.grey(page.style.wrapped(f"({on_one_line(step.because)})", _SAID))
    if step.change is not None:
        yield from change_in_words(page, step.change, price)


def _header(step: RollbackStep) -> str:
    when = f"answer of {step.earlier.issued_at} (sample {step.earlier.sample})"
    match step.word:
        case "restore":
            return f"{step.address} will go back to its {when}"
        case "cache":
            return f"{step.address} stays as it is; its {when} will be in the cache"
        case "leave":
            return f"{step.address} stays as it is"


def _needed(plan: RollbackPlan, style: Style) -> Iterator[str]:
    """What a person has to do for what the configuration does not ask for."""
    waiting = len(plan.of("cache"))
    if not waiting:
        return
    alone = waiting == 1
    said = (
        f"{counted(waiting, 'answer')} {'is' if alone else 'are'} to another request than the "
        "configuration makes now, which is yours to edit."
    )
    them = "it" if alone else "them"
    if not plan.differing or plan.source.commit is None:
        yield style.wrapped(f"{said} Once it does, the plan takes {them} from the cache.")
        yield ""
        return
    paths = " ".join(map(shlex.quote, plan.differing))
    yield style.wrapped(f"{said} These files were others then:")
    yield f"\n    git checkout {plan.source.commit[:7]} -- {paths}\n"
    yield style.wrapped(f"With that the plan takes {them} from the cache, for free.")
    yield ""
