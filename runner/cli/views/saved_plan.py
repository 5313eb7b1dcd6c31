"""A saved plan in words: made anew, since its file may have been given any words."""

from typing import Any

import msgspec

from runner.cli.views.plan import acts_text, plan_text
from runner.cli.views.style import Style
from runner.core.secrets.secrets import Secrets
from runner.errors import Problem
from runner.operations.applying.events import planned_changes
from runner.operations.planning.plan import Planned
from runner.operations.saved_plan.content import Content


def saved_plan_text(
    content: Content,
    again: Planned | Problem,
    secrets: Secrets,
    style: Style,
    *,
    full: bool = False,
) -> str:
    """The plan as it was planned again; or else each action that the file lists."""
    if isinstance(again, Planned):
        return plan_text(again, secrets, style, full=full)
    acts = ((act.address, act.action) for act in content.actions)
    return secrets.text(acts_text(acts, style))


def saved_plan_json(content: Content, again: Planned | Problem, secrets: Secrets) -> Any:
    """The content for a program: `summary` and `text` are made anew, and with `changes` it says
    which values differ, where the plan still is this one.
    """
    text = saved_plan_text(content, again, secrets, Style(colour=False), full=True)
    last = text.rstrip("\n").rpartition("\n")[2]
    summary = last if last.startswith("Plan: ") else "No changes."
    told = msgspec.to_builtins(msgspec.structs.replace(content, summary=summary, text=text))
    if isinstance(again, Planned):
        told["changes"] = [*planned_changes(again, secrets)]
    return told
