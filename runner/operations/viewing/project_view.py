"""A project as it is looked at: its state and its configuration, read again when they change."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from runner.core.secrets.secrets import Secrets
from runner.errors import Problem, RunnerError
from runner.io import files
from runner.io.prices import Prices
from runner.io.state.opened import opened
from runner.io.state.store import Store
from runner.operations.load import load
from runner.operations.loaded import Loaded
from runner.operations.options import Options
from runner.operations.places import folders_of, store_of
from runner.operations.records import prices_at
from runner.operations.spending import costs
from runner.operations.viewing.checked_answers import CheckedView, checked_view
from runner.operations.viewing.held_answers import HeldAnswers


class ProjectView:
    """What is known of a project at one moment. Nothing of it is written, and nobody is asked for
    trust: what takes that says so. Whatever cannot be read is a RunnerError where it is needed,
    so that answers are there while the configuration is wrong.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.secrets = Secrets()

    @property
    def name(self) -> str:
        """What people call the project: its folder."""
        return Path(self.options.place.project).resolve().name

    @cached_property
    def store(self) -> Store:
        """Where its state lives."""
        return store_of(self.options.place)

    @cached_property
    def answers(self) -> HeldAnswers | None:
        """What is recorded; None if nothing is."""
        held = opened(self.store.backend)
        return None if held is None else HeldAnswers(held, self.store.name, costs(self.prices))

    @cached_property
    def prices(self) -> Prices:
        """What its providers cost; those of the list alone where the configuration is wrong."""
        try:
            return prices_at(self.options.place)
        except RunnerError:
            return Prices()

    @cached_property
    def _loaded(self) -> Loaded | RunnerError:
        try:
            return load(self.options, self.secrets)
        except RunnerError as wrong:
            return wrong

    @property
    def project(self) -> Loaded:
        """The project as commands read it; RunnerError with every mistake in it."""
        match self._loaded:
            case Loaded():
                return self._loaded
            case RunnerError():
                raise self._loaded

    @cached_property
    def checked(self) -> CheckedView:
        """What its checks say; RunnerError where the configuration is wrong."""
        return checked_view(self.project)

    def checked_or_none(self) -> CheckedView | None:
        """The same, where that is known."""
        try:
            return self.checked
        except RunnerError:
            return None

    @property
    def compared(self) -> frozenset[str]:
        """The axes that it compares answers by."""
        match self._loaded:
            case Loaded():
                blocks = self._loaded.root.comparisons.values()
                return frozenset(str(block.table.get("by")) for block in blocks)
            case RunnerError():
                return frozenset()

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the configuration, with nothing in it that is secret."""
        match self._loaded:
            case Loaded():
                found = tuple(self._loaded.warnings)
            case RunnerError():
                found = self._loaded.problems
        return tuple(map(self.secrets.problem, found))

    def versions(self) -> dict[str, object]:
        """By another value, that the state or the configuration was written since."""
        return {
            "state": _told(self._state),
            "config": _told(self._configuration),
        }

    def _state(self) -> object:
        return self.store.backend.version()

    def _configuration(self) -> object:
        """Every file of it that is known by now."""
        project = self.__dict__.get("_loaded")
        if isinstance(project, Loaded):
            folders = project.folders
            read = [folders.project / name for name in folders.held]
            held = [*folders.configured, *read]
        else:
            folders = folders_of(self.options.place)
            held = [folders.config]
        named = {
            path for each in held for path in (each.glob("*.toml") if each.is_dir() else [each])
        }
        env = folders.project / ".env"
        return frozenset((path, files.identity(path)) for path in (*named, env))


class Renewed:
    """The view of a project as it is now: another one after each change."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._view = ProjectView(options)
        self._seen: Mapping[str, object] | None = None

    def versions(self) -> Mapping[str, object]:
        """As ProjectView has them."""
        return self._view.versions()

    def view(self) -> tuple[ProjectView, Mapping[str, object]]:
        """The view, and what it was made of."""
        now = self._view.versions()
        if now != self._seen:
            if self._seen is not None:
                self._view = ProjectView(self._options)
            self._seen = now
        return self._view, now


def _told(version: Callable[[], object]) -> object:
    """What cannot be looked at now may be later."""
    try:
        return version()
    except (RunnerError, OSError) as wrong:
        return str(wrong)
