"""A project as it is looked at: its state and its configuration, read again when they change."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from runner.core.checks.changes import Checked
from runner.core.modules.folder import Blocks
from runner.core.secrets.secrets import Secrets
from runner.core.state.file import encode
from runner.errors import Problem, RunnerError, error
from runner.io import files
from runner.io.prices import Prices
from runner.io.state.opened import BytesInMemory, opened
from runner.io.state.store import Store
from runner.operations.options import Options
from runner.operations.planning.plan import Planned
from runner.operations.planning.whole import whole_plan
from runner.operations.project.places import blocks_of_place, folders_of, store_of
from runner.operations.reading.load import load
from runner.operations.reading.loaded import Loaded
from runner.operations.recorded.records import prices_at
from runner.operations.recorded.revisions import source_of, state_at
from runner.operations.spending import costs
from runner.operations.viewing.checked_answers import CheckedView, checked_view
from runner.operations.viewing.followed_run import FollowedRun
from runner.operations.viewing.held_answers import HeldAnswers, OpenedState


class Looked(Struct, frozen=True):
    """Which state is looked at, and which is compared with it: as `runner diff` names them; None is
    the one that stands now, or none.
    """

    revision: str | None = None
    against: str | None = None


class ProjectView:
    """What is known of a project at one moment. Nothing of it is written, and nobody is asked for
    trust: what takes that says so. Whatever cannot be read is a RunnerError where it is needed,
    so that answers are there while the configuration is wrong.
    """

    def __init__(self, options: Options, looked: Looked, run: FollowedRun | None = None) -> None:
        self.options, self._looked = options, looked
        self.run = run or FollowedRun(options.place)
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
        looked_at = self._opened(self._looked.revision)
        if looked_at is None:
            return None
        name, against = self._looked.revision or "now", self._looked.against
        states = {name: looked_at}
        if against is not None and (earlier := self._opened(against)) is not None:
            states[against if against != name else f"{against} again"] = earlier
        return HeldAnswers(states, costs(self.prices))

    def _opened(self, revision: str | None) -> OpenedState | None:
        if revision is None:
            held = opened(self.store.backend)
            return None if held is None else OpenedState(held, self.store.name)
        place = self.options.place
        found = state_at(place, source_of(place, revision))
        if found.missing is not None:
            raise error("No state", found.missing)
        return OpenedState(BytesInMemory(encode(found.state)), found.name)

    def look(self) -> None:
        """RunnerError where what was named is not there; what is wrong in it is told later."""
        place = self.options.place
        self.store  # noqa: B018  # a workspace that is none
        for named in (self._looked.revision, self._looked.against):
            if named is not None:
                state_at(place, source_of(place, named))

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
            return load(self._offline, self.secrets)
        except RunnerError as wrong:
            return wrong

    @property
    def _offline(self) -> Options:
        overrides = replace(self.options.overrides, offline=True)
        return replace(self.options, overrides=overrides)

    @cached_property
    def planned(self) -> Planned:
        """What `runner plan` says, with data sources as they were read last: nobody is asked, and
        no way to anybody opened. RunnerError where the configuration is wrong.
        """
        self.project.shares = False  # whoever looks sends nothing to anywhere
        return whole_plan(self.project)

    @property
    def project(self) -> Loaded:
        """The project as commands that send nothing read it; RunnerError with all its mistakes."""
        match self._loaded:
            case Loaded():
                return self._loaded
            case RunnerError():
                raise self._loaded

    @cached_property
    def checked(self) -> CheckedView:
        """What its checks say; RunnerError where the configuration is wrong. A project without
        checks is not read for this, nor its whole state.
        """
        has_any = self._blocks.of("check") or self._blocks.of("compare")
        if not has_any or self.answers is None:
            return CheckedView(Checked())
        earlier = None if self._looked.revision is None else self.answers.records()
        return checked_view(self.project, earlier)

    def checked_or_none(self) -> CheckedView | None:
        """The same, where that is known."""
        try:
            return self.checked
        except RunnerError:
            return None

    @cached_property
    def _blocks(self) -> Blocks:
        """What its files say, as far as they can be read: without the state and the network."""
        return blocks_of_place(self.options.place)

    @property
    def compares(self) -> bool:
        """Whether somebody asked to see two states beside each other, or one of another time."""
        return self._looked != Looked()

    @property
    def compared(self) -> frozenset[str]:
        """The axes that it compares answers by."""
        blocks = self._blocks.of("compare").values()
        return frozenset(str(block.table.get("by")) for block in blocks)

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

    def __init__(self, options: Options, looked: Looked) -> None:
        self._options, self._looked = options, looked
        self._run = FollowedRun(options.place)
        self._view = ProjectView(options, looked, self._run)
        self._seen: Mapping[str, object] | None = None

    def versions(self) -> Mapping[str, object]:
        """As ProjectView has them, and that of the run that is followed."""
        return {**self._view.versions(), "run": self._run.version()}

    def view(self) -> tuple[ProjectView, Mapping[str, object]]:
        """The view, and what it was made of."""
        now = self._view.versions()
        if now != self._seen:
            if self._seen is not None:
                self._view = ProjectView(self._options, self._looked, self._run)
            self._seen = now
        return self._view, now


def _told(version: Callable[[], object]) -> object:
    """What cannot be looked at now may be later."""
    try:
        return version()
    except (RunnerError, OSError) as wrong:
        return str(wrong)
