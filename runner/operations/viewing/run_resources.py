"""Which page is opened first, and the run that is followed."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from runner.core.viewing.run_page import RunPage
from runner.core.viewing.side import side_choices
from runner.errors import RunnerError
from runner.operations.viewing.project_view import ProjectView

_LARGE = 20_000  # answers above which nobody waits for a plan that was not asked for


class FirstPage(Struct, frozen=True):
    """What whoever comes without having chosen a page wants to see."""

    page: str


def followed_run_page(view: ProjectView, _: Mapping[str, str]) -> RunPage:
    """Where the apply stands that runs now, or ran last since the view began."""
    return view.run.page()


def first_page(view: ProjectView, _: Mapping[str, str]) -> FirstPage:
    """The run while an apply runs; the plan if there is something to do or the configuration is
    wrong; else answers, side by side where there is something to compare.
    """
    return FirstPage(next(_pages(view)))


def _pages(view: ProjectView) -> Iterator[str]:
    if view.run.is_running:
        yield "run"
    held = view.answers
    is_matrix = held is not None and bool(side_choices(held.columns))
    if is_matrix and view.compares:
        yield "side"
    if (held is None or held.looked_at <= _LARGE) and not _is_empty(view):
        yield "plan"
    yield "side" if is_matrix else "answers"


def _is_empty(view: ProjectView) -> bool:
    try:
        return view.planned.empty
    except RunnerError:
        return False
