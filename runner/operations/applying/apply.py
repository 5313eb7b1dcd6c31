"""An apply: the plan is made while nobody else writes the state, checked, and carried out."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, structs

from runner.core.address import first_few, in_order, selects
from runner.core.expansion.session import Instance
from runner.core.plan.actions import Issue
from runner.core.plan.events import Event
from runner.core.plan.known import Known
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.walk import Walk
from runner.core.request.lanes import lane_of
from runner.core.request.provider import Provider
from runner.core.state.cache_entry import cache_key
from runner.core.state.line import encode_record
from runner.core.state.records import Lane, Record
from runner.errors import error
from runner.io.apply.loop import Apply
from runner.io.apply.ports import Doors, Limits, Outcome
from runner.io.cache.writer import Cache
from runner.io.providers.batching import BatchRun
from runner.io.providers.endpoint import Say
from runner.operations.applying.finish import Finished, finish
from runner.operations.applying.following import RunEvents
from runner.operations.batches.collecting import collect
from runner.operations.batches.under_way import (
    are_kept,
    journal_of,
    owner_of_batches,
    refuse_twice,
    under_way,
    warn_of_left,
)
from runner.operations.blocking import run_to_end
from runner.operations.caches.answers import answers_of
from runner.operations.caches.sharing import Shares, sharing
from runner.operations.observing import admit_telemetry
from runner.operations.options import ApplyOptions
from runner.operations.planning.plan import Planned
from runner.operations.planning.unknown_addresses import refuse_unknown
from runner.operations.planning.whole import whole_plan
from runner.operations.project.places import same_place
from runner.operations.reading.load import reload_state
from runner.operations.reading.loaded import Loaded
from runner.operations.reading.trust import asked_by, asks
from runner.operations.spending import Ledger, Purse

if TYPE_CHECKING:
    from runner.io.cache.answers import CachedAnswers
    from runner.operations.connecting.connections import Connections

_USUAL = ApplyOptions()
DRAIN_SECONDS = 30.0  # so long is what is in flight waited for, once somebody wants to leave


class Listener(Protocol):
    """Whoever is told how an apply goes on; called in the thread that it runs in."""

    def tell(self, event: Event) -> None:
        """Something happened."""

    def say(self, text: str) -> None:
        """A sentence for whoever waits."""

    def tick(self) -> None:
        """A second went by."""

    def during(self, run: Apply, connections: "Connections") -> AbstractContextManager[None]:
        """Entered while requests are sent: `run` may be interrupted or abandoned in that time, by
        the thread of its loop.
        """


@contextmanager
def held_plan(
    project: Loaded,
    command: str,
    given_up: Callable[[], bool] = lambda: False,
    say: Say = lambda _: None,
) -> Iterator[Planned]:
    """The plan for the state as it is now, which nobody else writes for as long as this lasts.
    Another writer is waited for until somebody has `given_up`. Answers that have come in batches
    are taken first.
    """
    # Where there is no folder to lock, a mistake that only planning finds makes none.
    store = project.store
    early = None if store.version is not None or store.backend.exists() else whole_plan(project)
    with store.lock(command, project.settings.lock_timeout, given_up):
        read_again = reload_state(project)
        if not project.settings.offline:
            found = collect(project, say)
            project.warnings.extend(found.problems)
            early = None if found.looked else early
        yield whole_plan(project) if early is None or read_again else early


def check_reach(project: Loaded, made: Planned) -> None:
    """RunnerError for what makes a plan pointless to read: a key that is not set, a host that is
    not trusted where nobody can be asked.
    """
    if any(asks(step.action) for step in made.plan.steps) and not project.settings.offline:
        from runner.operations.connecting.connections import foresee  # noqa: PLC0415  # aiohttp

        foresee(project, *asked_by(project, made.plan))


def check(project: Loaded, made: Planned, options: ApplyOptions = _USUAL) -> None:
    """RunnerError unless all holds that must before the first request: keys and trust, a place to
    write, no request offline, none that is under way already.
    """
    if not options.ignores_batches:
        again = same_place(project.options.place)
        refuse_twice(made.batches, again, batch=project.options.batch)
    spends = [step.address for step in made.plan.steps if asks(step.action)]
    if spends and project.settings.offline:
        raise error(
            "Requests needed while offline",
            f"--offline sends nothing, and these would need a request: {first_few(spends, 5)}. "
            "Apply without --offline first, and commit the state.",
        )
    from runner.operations.connecting.connections import prepare  # noqa: PLC0415  # aiohttp

    prepare(project, *asked_by(project, made.plan))
    admit_telemetry(project)
    if project.root.checks and not made.choice.destroy:
        from runner.operations.checks.looking import admit_programs  # noqa: PLC0415  # only with checks

        admit_programs(project, [*project.root.checks.values()])
    project.store.probe()


def streaming_one(made: Planned, options: ApplyOptions) -> ApplyOptions:
    """The options with the address that is meant by the one to be streamed; RunnerError if it is
    none, or several.
    """
    asked = options.stream
    if isinstance(asked, bool):
        return options
    records = made.plan.known.records
    refuse_unknown((("--stream", (asked,)),), made.plan, records)
    known = {*made.plan.decisions, *records}
    found = [asked] if asked in known else [one for one in known if selects(asked, one)]
    if len(found) > 1:
        raise error(
            "More than one answer to stream",
            f"--stream={asked} means {len(found)}: {first_few(in_order(found), 5)}. Name one of "
            "them; --stream alone shows all.",
        )
    return replace(options, stream=found[0]) if found else options  # an answer may name it later


def carry_out(
    project: Loaded,
    made: Planned,
    options: ApplyOptions,
    listener: Listener,
    ledger: Ledger | None = None,
) -> Finished:
    """Send what the plan says; every answer is kept, whatever else goes wrong. What each came to is
    reckoned in the ledger, where the listener has asked for it as well.
    """
    ledger = Ledger(project.prices) if ledger is None else ledger
    with RunEvents(project, made, ledger.paid) as followers:

        def tell(event: Event) -> None:
            followers.tell(event)
            listener.tell(event)

        outcome = run_to_end(_apply(project, made, options, listener, (tell, followers.wait)))
        warn_of_left(project, outcome.under_way.values())
        finished = finish(project, made, outcome, ledger)
        followers.conclude(finished)
        return finished


async def _apply(
    project: Loaded,
    made: Planned,
    options: ApplyOptions,
    listener: Listener,
    told: tuple[Callable[[Event], None], Callable[[str | None], None]],
) -> Outcome:
    with answers_of(project.store, project.owner, project.shared) as answers:
        walk, known = _begun(made)
        known = structs.replace(known, lookup=answers)
        batches = BatchRun(
            journal_of(project),
            owner_of_batches(project),
            partial(are_kept, project),
            options.waits,
            not options.ignores_batches,
        )
        sending = Sending(made.plan, walk, known, *told, answers=answers, batches=batches)
        return await send(project, sending, options, listener)


def _begun(made: Planned) -> tuple[Walk, Known]:
    """The walk of a run, which the plan's own serves for where it cannot be another one."""
    plan = made.plan
    same = plan.walk.again()
    if same is not None:
        return same, plan.known
    walk, known = made.inputs.start(plan.known.samples)
    reads = plan.known.reads
    return walk, known if reads is None else structs.replace(known, reads=reads)


class Sending(Struct, frozen=True):
    """A plan, and what it is carried out with; `tell` is told what happens, `wait` once a second
    what requests wait for. What the `answers` at hand share with a team is taken, and given, in the
    run as well. `ways` may lead elsewhere than into the state and the cache; with `any_answer`,
    none is refused. Without `batches`, nothing goes in one.
    """

    plan: PlannedSteps
    walk: Walk
    known: Known
    tell: Callable[[Event], None]
    wait: Callable[[str | None], None] = lambda _: None
    ways: Callable[[Doors], Doors] = lambda doors: doors
    any_answer: bool = False
    answers: "CachedAnswers | None" = None
    batches: BatchRun | None = None


async def send(
    project: Loaded, sending: Sending, options: ApplyOptions, listener: Listener
) -> Outcome:
    """Carry it out within the limits of the project: there is no other road for requests."""
    from runner.operations.connecting.connections import connections  # noqa: PLC0415  # aiohttp

    async with (
        Cache(project.store.cache) as cache,
        sharing(project, sending.answers, cache, listener.say) as shares,
        connections(
            project, listener.say, sending.tell if options.stream else None, sending.batches
        ) as held,
    ):
        limits = Limits(
            project.settings.concurrency,
            options.fail_fast,
            project.secrets.and_also,
            stream=options.stream,
            any_answer=sending.any_answer,
        )
        doors = sending.ways(_doors(project, shares, held, sending))
        run = Apply(sending.plan, sending.walk, sending.known, doors, limits)
        clock = asyncio.create_task(_tick(listener, lambda: sending.wait(held.waiting)))
        try:
            with listener.during(run, held):
                outcome = await run.run()
                held.besides = lambda: shares.waiting
                await shares.settled(lambda: outcome.interrupted)
        finally:
            clock.cancel()
        return outcome


def _doors(project: Loaded, shares: Shares, held: "Connections", sending: Sending) -> Doors:
    purse = Purse(project.settings.max_cost, project.settings.max_requests, project.prices)
    observer = project.telemetry
    return Doors(
        connect=held.of_lane,
        save=shares.save,
        fetch=shares.fetch,
        rescue=lambda records: _rescue(project, records),
        read=held.read,
        update=held.update,
        delete=held.delete,
        checkpoint=lambda records: _checkpoint(project, records),
        now=held.now,
        tell=sending.tell if observer is None else observer.beside(sending.tell),
        watch=None if observer is None else observer.watch,
        lane=_lanes(project, sending.batches),
        may_start=purse.may_start,
        settled=purse.settled,
        begin=lambda: _begin(project),
        lost=project.store.lost,
    )


def _lanes(
    project: Loaded, batches: BatchRun | None
) -> Callable[[Instance, Issue, Provider], Lane]:
    """What is under way in a batch is taken from there; all else goes as the project says."""
    if batches is None:
        return lambda *_: "live"
    known = under_way(project) if batches.joins else {}

    def lane(instance: Instance, made: Issue, provider: Provider) -> Lane:
        if known and cache_key(made.fingerprint, made.sample) in known:
            return "batch"
        return lane_of(instance, provider, batch=project.options.batch)

    return lane


async def _tick(listener: Listener, also: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(1)
        listener.tick()
        also()


def _begin(project: Loaded) -> None:
    """A new state gets its lineage on the disk, which what servers store belongs to from now on."""
    if not project.state.serial:
        project.state = project.store.write(project.state)


async def _checkpoint(project: Loaded, records: Mapping[str, Record]) -> None:
    """The state as it is now, written while the run goes on."""
    state = replace(project.state, records=dict(records))
    project.state = await asyncio.to_thread(project.store.write, state)


def _rescue(project: Loaded, records: list[Record]) -> str:
    return str(project.store.rescue(encode_record(record) for record in records))
