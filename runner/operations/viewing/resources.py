"""What a page may ask for: a name, and a function from the view and a query to a value.

A page of its own is a module here with its functions, a line in RESOURCES below, and
runner/web/pages/NAME.js with a line in runner/web/pages.js.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from runner.errors import RunnerError
from runner.operations.viewing import (
    answer_resources,
    graph_resources,
    past_resources,
    plan_resources,
    run_resources,
    side_resources,
)
from runner.operations.viewing.project_view import ProjectView
from runner.operations.viewing.shown_problems import ShownProblem, shown_problems

Query = Mapping[str, str]
RESOURCES: Mapping[str, Callable[[ProjectView, Query], Any]] = {
    "project": answer_resources.project_facts,
    "index": answer_resources.index,
    "verdicts": answer_resources.verdicts,
    "find": answer_resources.found_rows,
    "answer": answer_resources.one_answer,
    "sides": side_resources.side_names,
    "side": side_resources.side,
    "cells": side_resources.cells,
    "words": side_resources.words,
    "plan": plan_resources.plan,
    "opens": run_resources.first_page,
    "graph": graph_resources.graph,
    "run": run_resources.followed_run_page,
    "checks": past_resources.checks,
    "trends": past_resources.trends,
    "cost": past_resources.costs_shown,
    "history": past_resources.history,
    "changes": past_resources.changes_in,
}
LIVE = frozenset(("graph", "opens", "run"))
"""Those that hang on the run that is followed, which nobody remembers."""


class Problems(Struct, frozen=True):
    """In the place of a value that there is none of."""

    problems: tuple[ShownProblem, ...]


def resource(view: ProjectView, name: str, query: Query) -> bytes:
    """A resource as JSON: its value, or the problems because of which there is none."""
    try:
        value = RESOURCES[name](view, query)
    except RunnerError as wrong:
        value = Problems(shown_problems(wrong.problems, view.secrets))
    return msgspec.json.encode(value)
