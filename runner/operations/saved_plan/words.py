"""A saved plan in words: made anew, since its file may have been given any words."""

import argparse
from dataclasses import dataclass

import msgspec

from runner.cli.views.plan import acts_text, plan_text
from runner.cli.views.problems import without_secrets
from runner.cli.views.style import Style
from runner.errors import Problem, RunnerError, Where
from runner.operations.load import load
from runner.operations.plan import planned
from runner.operations.saved_plan.content import Content, differences
from runner.operations.saved_plan.file import Saved, chosen_by


@dataclass(frozen=True, slots=True)
class Words:
    """The plan for a person. `less` says why it is no more than what has to happen where."""

    text: str
    less: Problem | None = None


def words(arguments: argparse.Namespace, saved: Saved, style: Style) -> Words:
    """What the plan's configuration and state give now, without a request, if it still is this
    plan; else each action that the file lists.
    """
    why = _whole(arguments, saved, style)
    if isinstance(why, Words):
        return why
    acts = ((act.address, act.action) for act in saved.content.actions)
    said = f"{why}. What the file lists is shown, without its requests; only an apply checks it."
    return Words(
        without_secrets(acts_text(acts, style)),
        Problem("Plan cannot be shown in full", said, Where(saved.path), "warning"),
    )


def told_anew(arguments: argparse.Namespace, saved: Saved) -> Content:
    """The content for a program: `summary` and `text` are made anew as well."""
    text = words(arguments, saved, Style(colour=False)).text
    last = text.rstrip("\n").rpartition("\n")[2]
    summary = last if last.startswith("Plan: ") else "No changes."
    return msgspec.structs.replace(saved.content, summary=summary, text=text)


def _whole(arguments: argparse.Namespace, saved: Saved, style: Style) -> Words | str:
    chosen_by(saved, arguments)
    try:
        project = load(arguments)
        project.settings.offline = True  # nothing is asked of anybody
        made = planned(project, arguments)
        for stale in differences(saved.content, project, made):
            return stale
    except RunnerError as exc:
        return f"{exc.problems[0].summary}: {exc.problems[0].detail.rstrip('.')}"
    found = made.plan, made.estimate, made.outputs
    return Words(plan_text(*found, style, files=made.files, full=True))
