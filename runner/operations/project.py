"""A project in Python: plan, apply, and read what is recorded; the same that the commands do.

Nothing here asks a person, writes to a standard stream, takes a signal or ends the process. What is
wrong is a RunnerError with `problems`; what would go to a host that nobody trusts is Untrusted.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import orjson

from runner.core.expansion.outputs import shown_outputs
from runner.core.plan.diff import Change
from runner.core.plan.estimate import Estimate
from runner.core.plan.events import Event
from runner.core.plan.targets import Choice
from runner.core.plan.words import Word, announced, request_changes
from runner.core.secrets.secrets import Secrets
from runner.core.state.records import State, empty
from runner.errors import Problem, RunnerError, error
from runner.io.apply.loop import Apply
from runner.io.state.local import OUTPUTS
from runner.operations import outputs_file
from runner.operations.apply import DRAIN_SECONDS, carry_out, check, held_plan
from runner.operations.blocking import HEARD, Aside
from runner.operations.ended import headline, unfinished
from runner.operations.events import plan_events
from runner.operations.finish import Finished, finish
from runner.operations.load import load
from runner.operations.loaded import Loaded
from runner.operations.options import (
    ApplyOptions,
    GivenVariable,
    Options,
    Overrides,
    ProjectPlace,
    VariableFile,
    VariableValue,
)
from runner.operations.places import folders_of, store_of
from runner.operations.plan import Planned, unfinished_answers, whole_plan
from runner.operations.python_names import event_in_python, in_python, text_in_python
from runner.operations.saved_plan.content import differences, made_from

OnEvent = Callable[[Event], object]


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What will happen at one address, and why.

    `diffs` are the paths of the request whose value changes, sensitive values masked: `old` or
    `new` is ABSENT where there is none. There are none for what is new.
    """

    address: str
    action: Word
    reason: str
    diffs: tuple[Change, ...] = ()


class Plan:
    """What an apply would do now. `str` of it is a line for each change, and one for all.

    `warnings` are what is worth knowing before.
    """

    def __init__(self, project: Loaded, made: Planned) -> None:
        self._project, self._made = project, made
        self.options = project.options
        self._content = made_from(project, made, "")
        said = [*project.warnings, *unfinished(unfinished_answers(made.plan))]
        self.warnings = _told(said, project.secrets)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do, and nothing to write."""
        return self._made.empty

    @property
    def estimate(self) -> Estimate:
        """What the requests that are certain may use and cost: `tokens_low` to `tokens_high`,
        `cost_low` to `cost_high` in USD; None where nothing bounds it. `unpriced` are the models
        whose price nobody knows.
        """
        return self._made.estimate

    @cached_property
    def changes(self) -> tuple[PlannedChange, ...]:
        """Each address where something happens, in order; then what moves, and what is imported."""
        return tuple(self._changes())

    @property
    def summary(self) -> str:
        """The plan in one line."""
        if self._made.plan.empty and not self._made.files:
            return "No changes." if self.empty else "No changes but of outputs."
        return self._made.summary

    def to_json(self) -> str:
        """What `runner plan --json` prints: an event a line, as schemas/events.schema.json says."""
        events = plan_events(self._made, self._project.secrets)
        return "".join(f"{orjson.dumps(event).decode()}\n" for event in events)

    def refuse_stale(self, project: Loaded, made: Planned) -> None:
        """RunnerError unless this is what is planned now, from the same configuration and state."""
        for stale in differences(self._content, project, made):
            raise error(
                "Plan is stale",
                f"{stale} since this plan was made, so it was not carried out. Make a new one.",
            )

    def __str__(self) -> str:
        lines = (f"{each.action:>9} {each.address} ({each.reason})" for each in self.changes)
        return "\n".join([*lines, self.summary])

    def _changes(self) -> Iterator[PlannedChange]:
        plan, secrets = self._made.plan, self._project.secrets
        for each in announced(plan, secrets):
            diffs = () if each.step is None else request_changes(plan, each.step, secrets)
            reason = text_in_python(each.reason)
            yield PlannedChange(each.address, each.word, reason, tuple(diffs))


@dataclass(frozen=True, slots=True)
class Result:
    """How an apply ended. `str` of it is one line.

    `done` says of each address whether it was issued, reused, updated, read, removed, imported or
    moved; `failed` has the messages of those that have no answer, or one that was not accepted, and
    `skipped` because of what others were not tried. `outputs` are those that have a value and are
    not sensitive. These four are copies that nobody else holds. `problems` are all of it in words,
    warnings too. `cost` is in USD, None where a price is not known. `unsaved` is what no file could
    take, state or records: it is nowhere else.
    """

    done: Mapping[str, str]
    failed: Mapping[str, str]
    skipped: Mapping[str, str]
    outputs: Mapping[str, Any]
    problems: tuple[Problem, ...]
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    interrupted: bool
    ok: bool
    summary: str
    unsaved: tuple[bytes, ...] = ()

    def raise_for_failures(self) -> None:
        """RunnerError with the problems, unless all was done that was planned."""
        if not self.ok:
            raise RunnerError(*self.problems)

    def __str__(self) -> str:
        return self.summary


@dataclass(frozen=True, slots=True)
class Project:
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
        offline: bool | None = None,
    ) -> Plan:
        """What an apply would do. Nothing is written, and nothing sent unless data sources or
        [[import]] blocks have to be read.

        RunnerError with every mistake in the configuration.
        """
        _refuse_one_text(variable_files, targets, excludes, replaces)
        given: tuple[GivenVariable, ...] = (
            *(VariableFile(fspath(path)) for path in variable_files),
            *(VariableValue(name, value) for name, value in (variables or {}).items()),
        )
        choice = Choice(tuple(targets), tuple(excludes), tuple(replaces), destroy)
        options = Options(self.place, choice, given, Overrides(offline=offline), self.trust)
        with _told_in_python() as secrets:
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
        offline: bool | None = None,
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
            offline=offline,
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
    ) -> Result:
        """Carry a plan out, if it still holds: RunnerError if configuration, variables or state are
        not those that it was made from, and for what is wrong before the first request.

        Completions that fail raise nothing: see `Result`. `on_event` is called in this thread, as
        things happen. Ctrl-C starts nothing new, waits up to 30 s for what is in flight, and is
        raised once all of it is recorded; so is what `on_event` raises. `max_cost` is in USD;
        `lock_timeout` in seconds, for another writer of the state.
        """
        _refuse_another(self, plan)
        limits = Overrides(concurrency, lock_timeout, max_cost, max_requests)
        applying = _Applying(plan, limits, ApplyOptions(fail_fast=fail_fast))
        return applying.wait(on_event or _unheard)

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
    ) -> Result:
        """As `apply`, while the loop goes on; `on_event` is called in its thread. Cancelling this
        ends it as Ctrl-C does: what is in flight is recorded first.
        """
        _refuse_another(self, plan)
        limits = Overrides(concurrency, lock_timeout, max_cost, max_requests)
        return await _Applying(plan, limits, ApplyOptions(fail_fast=fail_fast)).awaited(
            on_event or _unheard
        )

    def outputs(self) -> dict[str, Any]:
        """The recorded outputs by name, sensitive ones left out; none before the first apply."""
        with _told_in_python():
            return outputs_file.read(store_of(self.place).directory / OUTPUTS)

    def state(self) -> State:
        """What is recorded: `records` by address, each with its request and response as JSON."""
        with _told_in_python():
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
    with _told_in_python():
        folders_of(place)
    return Project(place, tuple(trust))


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


class _Applying:
    """An apply in a thread of its own; what happens is told in the one that waits for it."""

    def __init__(self, plan: Plan, limits: Overrides, options: ApplyOptions) -> None:
        self._plan, self._limits, self._options = plan, limits, options
        self._interrupted = 0
        self._react: Callable[[], object] | None = None
        self._pass: OnEvent = _unheard

    def wait(self, on_event: OnEvent) -> Result:
        """Its result, once it has ended."""
        events: SimpleQueue[Event | None] = SimpleQueue()
        self._pass = events.put
        aside = Aside(self._run, ended=lambda: events.put(None))
        fault: BaseException | None = None
        while not (aside.is_over and events.empty()):
            try:
                aside.begin()
                while not (aside.is_over and events.empty()):
                    event = _next(events)
                    if event is not None and fault is None:
                        on_event(event)
            except BaseException as exc:  # noqa: BLE001  # Ctrl-C too; it is raised at the end
                fault = fault or exc
                self._interrupt()
        if fault is not None:
            raise fault
        return aside.result()

    async def awaited(self, on_event: OnEvent) -> Result:
        """As `wait`, while the loop goes on."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        fault: BaseException | None = None

        def told(event: Event) -> None:
            nonlocal fault
            try:
                if fault is None:
                    on_event(event)
            except Exception as exc:  # noqa: BLE001  # it is raised at the end
                fault = exc
                self._interrupt()

        self._pass = lambda event: loop.call_soon_threadsafe(told, event)
        aside = Aside(self._run, ended=lambda: loop.call_soon_threadsafe(ended.set))
        aside.begin()
        while not ended.is_set():
            try:
                await ended.wait()
            except asyncio.CancelledError as exc:
                fault = exc
                self._interrupt()
        if fault is not None:
            raise fault
        return aside.result()

    def _run(self) -> Result:
        options = self._plan.options
        offline = options.overrides.offline
        with _told_in_python() as secrets:
            project = load(
                replace(options, overrides=replace(self._limits, offline=offline)), secrets
            )
            with held_plan(project, "runner apply, from Python", self._left) as made:
                if self._left():
                    raise error("Apply interrupted", "Nothing was begun.")
                self._plan.refuse_stale(project, made)
                if made.empty:
                    return _result(project, finish(project, made, None))
                check(project, made, self._options)
                return _result(project, carry_out(project, made, self._options, self))

    def _left(self) -> bool:
        return self._interrupted > 0

    def _interrupt(self) -> None:
        self._interrupted += 1
        if self._react is not None:
            self._react()

    # -- as a listener

    def tell(self, event: Event) -> None:
        """On to the thread that waits."""
        self._pass(event_in_python(event))

    def say(self, text: str) -> None:
        """Nobody waits at a terminal."""

    def text(self, piece: str) -> None:
        """Nothing is shown as it is written."""

    def tick(self) -> None:
        """Time goes by."""

    @contextmanager
    def during(self, run: Apply, connections: object) -> Iterator[None]:  # noqa: ARG002
        """The first interrupt drains, the next one or 30 s leave."""
        loop = asyncio.get_running_loop()

        def react() -> None:
            if self._interrupted > 1:
                run.abandon()
            else:
                run.interrupt()
                loop.call_later(DRAIN_SECONDS, run.abandon)

        self._react = lambda: loop.call_soon_threadsafe(react)
        if self._interrupted:
            react()
        try:
            yield
        finally:
            self._react = None


def _result(project: Loaded, finished: Finished) -> Result:
    outcome, spent = finished.outcome, finished.spent
    secrets = project.secrets
    failed = {} if outcome is None else outcome.failed
    skipped = {} if outcome is None else outcome.skipped
    return Result(
        done={} if outcome is None else dict(outcome.done),
        failed={
            address: text_in_python(secrets.text(failure.message))
            for address, failure in failed.items()
        },
        skipped={address: text_in_python(because) for address, because in skipped.items()},
        outputs=shown_outputs(finished.outputs),
        problems=_told((*project.warnings, *finished.problems), secrets),
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
        cost=None if spent.unpriced else spent.cost,
        interrupted=finished.interrupted,
        ok=not finished.failed and not finished.interrupted,
        summary="No changes." if outcome is None else headline(outcome, spent, finished.files),
        unsaved=finished.unsaved,
    )


def _told(problems: Iterable[Problem], secrets: Secrets) -> tuple[Problem, ...]:
    return tuple(in_python(secrets.problem(problem)) for problem in problems)


@contextmanager
def _told_in_python() -> Iterator[Secrets]:
    """What is secret in a project; no error that leaves this tells it, or speaks of flags."""
    secrets = Secrets()
    try:
        yield secrets
    except RunnerError as exc:
        exc.problems = exc.args = _told(exc.problems, secrets)
        raise exc from None  # the cause may tell it


def _next(events: "SimpleQueue[Event | None]") -> Event | None:
    """The next event, if there is one soon."""
    try:
        return events.get(timeout=HEARD)
    except Empty:
        return None


def _unheard(_: Event) -> None:
    """Nobody wants to know."""
