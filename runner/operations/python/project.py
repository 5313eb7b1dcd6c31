"""A project in Python: plan, apply, and read what is recorded; the same that the commands do.

Nothing here asks a person, writes to a standard stream, takes a signal or ends the process. What is
wrong is a RunnerError with `problems`; what would go to a host that nobody trusts is Untrusted.
"""

import asyncio
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from runner.core.plan.targets import Choice
from runner.core.state.records import State, empty
from runner.errors import error
from runner.io.state.local import OUTPUTS
from runner.operations.options import (
    ApplyOptions,
    GivenVariable,
    Options,
    Overrides,
    ProjectPlace,
    VariableFile,
    VariableValue,
)
from runner.operations.outputs import outputs_json
from runner.operations.planning.whole import whole_plan
from runner.operations.project.places import folders_of, store_of
from runner.operations.python.applying import Applying, OnEvent, Result, unheard
from runner.operations.python.names import told_in_python
from runner.operations.python.plan import Plan
from runner.operations.reading.load import load

if TYPE_CHECKING:
    from runner.operations.python.checked import CheckResult


class Project(Struct, frozen=True):
    """A folder with a configuration and a state. Every method reads both anew.

    `trust` names hosts that whatever is sent may go to, besides those that the user trusts.
    """

    place: ProjectPlace
    trust: tuple[str, ...] = ()

    def plan(  # noqa: PLR0913  # by keyword
        self,
        *,
        variables: Mapping[str, Any] | None = None,
        variable_files: Sequence[str | PathLike[str]] = (),
        targets: Sequence[str] = (),
        excludes: Sequence[str] = (),
        replaces: Sequence[str] = (),
        destroy: bool = False,
        checks: bool = True,
        offline: bool | None = None,
        batch: bool = False,
    ) -> Plan:
        """What an apply would do. Nothing is written, and nothing sent unless data sources or
        [[import]] blocks have to be read. Without `checks`, no judge is asked for a verdict. With
        `batch`, requests go in batches where they can, at the batch price.

        RunnerError with every mistake in the configuration.
        """
        _refuse_one_text(variable_files, targets, excludes, replaces)
        given = _given(variables, variable_files)
        choice = Choice(tuple(targets), tuple(excludes), tuple(replaces), destroy, checks)
        options = Options(self.place, choice, given, Overrides(offline=offline), self.trust, batch)
        with told_in_python() as secrets:
            project = load(options, secrets)
            return Plan(project, whole_plan(project))

    async def aplan(  # noqa: PLR0913  # by keyword
        self,
        *,
        variables: Mapping[str, Any] | None = None,
        variable_files: Sequence[str | PathLike[str]] = (),
        targets: Sequence[str] = (),
        excludes: Sequence[str] = (),
        replaces: Sequence[str] = (),
        destroy: bool = False,
        checks: bool = True,
        offline: bool | None = None,
        batch: bool = False,
    ) -> Plan:
        """As `plan`, while the loop goes on."""
        return await asyncio.to_thread(
            self.plan,
            variables=variables,
            variable_files=variable_files,
            targets=targets,
            excludes=excludes,
            replaces=replaces,
            destroy=destroy,
            checks=checks,
            offline=offline,
            batch=batch,
        )

    def apply(  # noqa: PLR0913  # by keyword
        self,
        plan: Plan,
        *,
        on_event: OnEvent | None = None,
        concurrency: int | None = None,
        max_cost: float | None = None,
        max_requests: int | None = None,
        lock_timeout: float | None = None,
        fail_fast: bool = False,
        stream: bool | str = False,
        wait: bool = True,
        ignore_batches: bool = False,
        executor: Literal["local", "ray"] | None = None,
    ) -> Result:
        """Carry a plan out, if it still holds: RunnerError if configuration, variables or state are
        not those that it was made from, and for what is wrong before the first request.

        Completions that fail raise nothing: see `Result`. `on_event` is called in this thread, as
        things happen. Ctrl-C starts nothing new, waits up to 30 s for what is in flight, and is
        raised once all of it is recorded; so is what `on_event` raises. `max_cost` is in USD;
        `lock_timeout` in seconds, for another writer of the state. With `stream`, answers are told
        while they are written, as `Written` and `CutOff`; with an address, that one's alone.
        Without `wait`, batches are sent and left to a later apply; with `ignore_batches`, what is
        under way in one is sent, and paid for, all the same. `executor` says who sends requests:
        this process, or workers of a Ray cluster.
        """
        _refuse_another(self, plan)
        limits = Overrides(concurrency, lock_timeout, max_cost, max_requests, executor=executor)
        applying = Applying(plan, limits, ApplyOptions(fail_fast, stream, wait, ignore_batches))
        return applying.wait(on_event or unheard)

    async def aapply(  # noqa: PLR0913  # by keyword
        self,
        plan: Plan,
        *,
        on_event: OnEvent | None = None,
        concurrency: int | None = None,
        max_cost: float | None = None,
        max_requests: int | None = None,
        lock_timeout: float | None = None,
        fail_fast: bool = False,
        stream: bool | str = False,
        wait: bool = True,
        ignore_batches: bool = False,
        executor: Literal["local", "ray"] | None = None,
    ) -> Result:
        """As `apply`, while the loop goes on; `on_event` is called in its thread. Cancelling this
        ends it as Ctrl-C does: what is in flight is recorded first.
        """
        _refuse_another(self, plan)
        limits = Overrides(concurrency, lock_timeout, max_cost, max_requests, executor=executor)
        return await Applying(
            plan, limits, ApplyOptions(fail_fast, stream, wait, ignore_batches)
        ).awaited(on_event or unheard)

    def check(
        self,
        names: Sequence[str] = (),
        *,
        tags: Sequence[str] = (),
        variables: Mapping[str, Any] | None = None,
        variable_files: Sequence[str | PathLike[str]] = (),
    ) -> "CheckResult":
        """What the checks say of the recorded answers: all, or those that are named as `check.NAME`
        or have a tag, on all answers or those at addresses. Nothing is sent and nothing written; a
        check that is not met raises nothing.
        """
        from runner.operations.checks.checking import ChosenChecks  # noqa: PLC0415  # only here
        from runner.operations.python.checked import checked_in_python  # noqa: PLC0415

        _refuse_one_text(names, tags, variable_files)
        given = _given(variables, variable_files)
        with told_in_python() as secrets:
            project = load(Options(self.place, Choice(), given, trust=self.trust), secrets)
            return checked_in_python(project, ChosenChecks((*names,), (*tags,), outdated=True))

    def outputs(self) -> dict[str, Any]:
        """The recorded outputs by name, sensitive ones left out; none before the first apply."""
        with told_in_python():
            held = outputs_json.read(store_of(self.place).directory / OUTPUTS)
        return self._evaluated() if held is None else held

    def _evaluated(self) -> dict[str, Any]:
        """The outputs of a state that is too large to have them beside it."""
        from runner.core.expansion.outputs import shown_outputs  # noqa: PLC0415  # the slow path
        from runner.operations.outputs.evaluate import all_outputs  # noqa: PLC0415

        with told_in_python() as secrets:
            project = load(Options(self.place, Choice(), trust=self.trust), secrets)
            return shown_outputs(all_outputs(project))

    def state(self) -> State:
        """What is recorded: `records` by address, each with its request and response as JSON."""
        with told_in_python():
            return store_of(self.place).load() or empty("", folders_of(self.place).root)


def open_project(
    path: str | PathLike[str] = ".",
    *,
    config: str | PathLike[str] = "configs",
    state: str | PathLike[str] = "state",
    workspace: str | None = None,
    trust: Sequence[str] = (),
) -> Project:
    """The project in a folder; RunnerError if there is no such folder.

    `config` and `state` are folders in it; `workspace` None is what the settings say; `trust` names
    hosts that whatever is sent may go to, as --trust does.
    """
    _refuse_one_text(trust)
    place = ProjectPlace(str(Path(path).absolute()), fspath(config), fspath(state), workspace)
    with told_in_python():
        folders_of(place)
    return Project(place, tuple(trust))


def _given(
    variables: Mapping[str, Any] | None, files: Sequence[str | PathLike[str]]
) -> tuple[GivenVariable, ...]:
    values = (VariableValue(name, value) for name, value in (variables or {}).items())
    return (*(VariableFile(fspath(path)) for path in files), *values)


def _refuse_one_text(*lists: object) -> None:
    """A text is a sequence of texts as well, of its letters."""
    for given in lists:
        if isinstance(given, str | bytes):
            raise TypeError(f"a list of texts is wanted, as [{given!r}], not one text")


def _refuse_another(project: Project, plan: Plan) -> None:
    if not isinstance(plan, Plan):
        raise TypeError(f"a Plan is wanted, as project.plan() gives it, not {plan!r}")
    if (plan.options.place, plan.options.trust) != (project.place, project.trust):
        raise error(
            "Plan of another project",
            f"This plan was made in {plan.options.place.project}, or with hosts that are trusted "
            f"there, and this is {project.place.project}. Apply it with the project that made it.",
        )
