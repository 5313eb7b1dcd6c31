"""A saved plan in words: made anew, since its file may have been given any words."""

from dataclasses import dataclass

import msgspec

from runner.cli.views.plan import acts_text, plan_text
from runner.cli.views.style import Style
from runner.core.secrets.secrets import Secrets
from runner.errors import Problem, RunnerError, Where
from runner.operations.load import load
from runner.operations.options import Options
from runner.operations.plan import planned
from runner.operations.saved_plan.content import Content, differences
from runner.operations.saved_plan.file import Saved, options_in


@dataclass(frozen=True, slots=True)
class Words:
    """The plan for a person. `less` says why it is no more than what has to happen where."""

    text: str
    less: Problem | None = None


def words(options: Options, saved: Saved, style: Style) -> Words:
    """What the plan's configuration and state give now, without a request, if it still is this
    plan; else each action that the file lists.
    """
    secrets = Secrets()
    why = _whole(options, saved, secrets, style)
    if isinstance(why, Words):
        return why
    acts = ((act.address, act.action) for act in saved.content.actions)
    said = f"{why}. What the file lists is shown, without its requests; only an apply checks it."
    return Words(
        secrets.text(acts_text(acts, style)),
        Problem("Plan cannot be shown in full", secrets.text(said), Where(saved.path), "warning"),
    )


def told_anew(options: Options, saved: Saved) -> Content:
    """The content for a program: `summary` and `text` are made anew as well."""
    text = words(options, saved, Style(colour=False)).text
    last = text.rstrip("\n").rpartition("\n")[2]
    summary = last if last.startswith("Plan: ") else "No changes."
    return msgspec.structs.replace(saved.content, summary=summary, text=text)


def _whole(options: Options, saved: Saved, secrets: Secrets, style: Style) -> Words | str:
    chosen = options_in(saved, options, "show")
    try:
        project = load(chosen, secrets)
        project.settings.offline = True  # nothing is asked of anybody
        made = planned(project)
        for stale in differences(saved.content, project, made):
            return stale
    except RunnerError as exc:
        first = exc.problems[0]
        return f"{first.summary}: {first.detail.rstrip('.')}"
    return Words(plan_text(made, secrets, style, full=True))
