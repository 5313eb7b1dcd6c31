"""A plan carried out from Python: in a thread of its own, told where it is waited for."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any

from msgspec import Struct

from runner.core.expansion.outputs import shown_outputs
from runner.core.plan.events import Event
from runner.errors import Problem, RunnerError, error
from runner.io.apply.loop import Apply
from runner.operations.applying.apply import (
    DRAIN_SECONDS,
    carry_out,
    check,
    held_plan,
    streaming_one,
)
from runner.operations.applying.ended import headline
from runner.operations.applying.finish import Finished, finish
from runner.operations.blocking import HEARD, Aside
from runner.operations.caches.sharing import give_rest
from runner.operations.observing import observed
from runner.operations.options import (
    ApplyOptions,
    Overrides,
)
from runner.operations.python.names import event_in_python, text_in_python, told, told_in_python
from runner.operations.python.plan import Plan
from runner.operations.reading.load import load
from runner.operations.reading.loaded import Loaded

OnEvent = Callable[[Event], object]


class Result(Struct, frozen=True):
    """How an apply ended. `str` of it is one line.

    `done` says of each address whether it was issued, reused, updated, read, removed, imported or
    moved; `failed` has the messages of those that have no answer, or one that was not accepted, and
    `skipped` because of what others were not tried. `outputs` are those that have a value and are
    not sensitive. These four are copies that nobody else holds. `problems` are all of it in words,
    warnings too. `cost` is in USD, None where a price is not known. `unsaved` is what no file could
    take, state or records: it is nowhere else. What is skipped because it is
    `under_way` in a batch has the id of that there.
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
    under_way: Mapping[str, str] = {}

    def raise_for_failures(self) -> None:
        """RunnerError with the problems, unless all was done that was planned."""
        if not self.ok:
            raise RunnerError(*self.problems)

    def __str__(self) -> str:
        return self.summary


class Applying:
    """An apply in a thread of its own; what happens is told in the one that waits for it."""

    def __init__(self, plan: Plan, limits: Overrides, options: ApplyOptions) -> None:
        self._plan, self._limits, self._options = plan, limits, options
        self._interrupted = 0
        self._react: Callable[[], object] | None = None
        self._pass: OnEvent = unheard

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
        with told_in_python() as secrets:
            project = load(
                replace(options, overrides=replace(self._limits, offline=offline)), secrets
            )
            with held_plan(project, "runner apply, from Python", self._left) as made:
                if self._left():
                    raise error("Apply interrupted", "Nothing was begun.")
                self._plan.refuse_stale(project, made)
                if made.empty:
                    give_rest(project)
                    return _result(project, finish(project, made, None))
                check(project, made, self._options)
                wanted = streaming_one(made, self._options)
                with observed(project, "runner apply"):
                    finished = carry_out(project, made, wanted, self)
                return _result(project, finished)

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
        problems=told((*project.warnings, *finished.problems), secrets),
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
        cost=None if spent.unpriced else spent.cost,
        interrupted=finished.interrupted,
        ok=not finished.failed and not finished.interrupted,
        summary="No changes."
        if outcome is None
        else headline(outcome, spent, finished.files, destroys=finished.destroys),
        unsaved=finished.unsaved,
        under_way={} if outcome is None else dict(outcome.under_way),
    )


def _next(events: "SimpleQueue[Event | None]") -> Event | None:
    """The next event, if there is one soon."""
    try:
        return events.get(timeout=HEARD)
    except Empty:
        return None


def unheard(_: Event) -> None:
    """Nobody wants to know."""
