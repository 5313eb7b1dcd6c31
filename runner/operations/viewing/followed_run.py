"""The run that applies the plan of a project now, or did a moment ago, as it tells what it does."""

from collections.abc import Iterator
from threading import Lock

from runner.core.viewing.run_page import RunFold, RunPage
from runner.errors import RunnerError
from runner.operations.applying.following import RunTold, follow_runs
from runner.operations.options import ProjectPlace


class FollowedRun:
    """Looks whenever it is asked, from any thread."""

    def __init__(self, place: ProjectPlace) -> None:
        self._place = place
        self._runs: Iterator[RunTold] | None = None
        self._fold = RunFold()
        self._lock = Lock()
        self._news = 0

    def version(self) -> int:
        """Another number whenever something happened."""
        with self._lock:
            self._look()
            return self._news

    @property
    def is_running(self) -> bool:
        """Whether an apply runs now."""
        self.version()
        return self._fold.is_running

    def page(self) -> RunPage:
        """Where the run stands; the last one, if none runs."""
        with self._lock:
            self._look()
            return self._fold.page()

    def _look(self) -> None:
        try:
            self._runs = self._runs or follow_runs(self._place)
            told = next(self._runs)
        except (RunnerError, OSError):  # a workspace that is gone: the pages say so
            self._runs = None
            return
        if told.events or told.is_running != self._fold.is_running:
            self._fold.add(told.events, is_running=told.is_running)
            self._news += 1
