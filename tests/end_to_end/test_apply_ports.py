"""The fold alone, with what it needs of the world played by functions: what it does when they
fail, and that what is in flight is then still received and recorded.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson
import pytest
from msgspec import structs
from msgspec.structs import replace

from runner.core.api.exchange import Answered, Failure, LeftRequest, Outgoing
from runner.core.plan.events import Event
from runner.core.plan.targets import Choice
from runner.core.request.build import Request
from runner.core.secrets.secrets import Secrets
from runner.core.state.records import Lane, Record
from runner.errors import RunnerError, error
from runner.io.apply.loop import Apply
from runner.io.apply.ports import Doors, Limits, Outcome, Refusal
from runner.operations.options import Options, ProjectPlace
from runner.operations.planning.plan import planned
from runner.operations.reading.load import load
from tests.harness.faults import completion as answer
from tests.harness.project import Project, completion


@dataclass
class World:
    """Answers at once, from the `held`th request on when it is `free`; doors may be told to fail.

    `watch` is shown how many were asked.
    """

    held: int | None = None
    limit: int = 4
    free: asyncio.Event = field(default_factory=asyncio.Event)
    watch: Callable[[int], object] = lambda _: None
    looked: Callable[[], object] = lambda: None
    connected: Callable[[], object] = lambda: None
    may_start: Callable[[Request, Lane], Refusal | None] = lambda *_: None
    fails: dict[str, RunnerError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)
    checkpoints: list[int] = field(default_factory=list)
    rescued: list[Record] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    halted: bool = False
    begun: int = 0

    @property
    def elsewhere(self) -> Literal[False]:
        return False

    def halt(self) -> None:
        self.halted = True

    async def complete(self, out: Outgoing) -> Answered | Failure:
        self.asked.append(out.address)
        number = len(self.asked)
        self.watch(number)
        await asyncio.sleep(0)
        if self.held is not None and number >= self.held:
            await self.free.wait()
        return Answered(orjson.dumps(answer(orjson.loads(out.body), len(self.asked))), 1, 1)

    async def connect(self, *_: str) -> "World":
        self._maybe("connect")
        self.connected()
        return self

    async def save(self, key: str, _: bytes) -> None:
        self._maybe("save")
        self.saved.append(key)

    def rescue(self, records: list[Record]) -> str:
        self._maybe("rescue")
        self.rescued += records
        return "rescue.jsonl"

    async def checkpoint(self, records: Mapping[str, Record]) -> None:
        self.free.set()
        self._maybe("checkpoint")
        self.checkpoints.append(len(records))

    async def never(self, *_: Any) -> Answered | Failure:
        raise AssertionError("nothing is stored here")

    def begin(self) -> None:
        self._maybe("begin")
        self.begun += 1

    def lost(self) -> str | None:
        self.looked()
        return None

    def _maybe(self, door: str) -> None:
        if door in self.fails:
            raise self.fails[door]

    @property
    def doors(self) -> Doors:
        return Doors(
            connect=self.connect,
            save=self.save,
            rescue=self.rescue,
            read=self.never,
            update=self.never,
            delete=self.never,
            checkpoint=self.checkpoint,
            now=lambda: "2024-01-01T00:00:00.000Z",
            tell=self.events.append,
            may_start=self.may_start,
            begin=self.begin,
            lost=self.lost,
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write(completion("many", "{{ count.index }}", 'provider = "openai"', "count = 20"))
    return made


def run(
    project: Project, world: World, then: Callable[[Apply], object] = lambda _: None, **options: Any
) -> Outcome:
    """An apply of the project's plan in this world; `then` is called when eight were asked,
    `first` when a provider is connected.
    """
    first = options.pop("first", lambda _: None)
    doors = structs.replace(world.doors, connect=options.pop("connect", world.connect))
    made = planned(load(Options(ProjectPlace(str(project.directory)), Choice()), Secrets()))

    async def go() -> Outcome:
        walk, known = made.inputs.start(made.plan.known.samples)
        known = replace(known, lookup=lambda *_: None)
        apply = Apply(made.plan, walk, known, doors, Limits(4, **options))
        loop = asyncio.get_running_loop()
        world.connected = lambda: first(apply)
        world.watch = lambda asked: loop.call_soon(then, apply) if asked == 8 else None
        return await asyncio.wait_for(apply.run(), 120)

    return asyncio.run(go())


BROKEN = error("Broken", "It is broken.")


def test_every_answer_is_saved_before_it_counts(project: Project) -> None:
    world = World()
    outcome = run(project, world)
    assert len(outcome.issued) == len(world.saved) == len(outcome.records) == 20
    assert outcome.stopped is None


def test_a_cache_that_takes_nothing_stops_the_run_and_what_was_received_is_rescued(
    project: Project,
) -> None:
    world = World(fails={"save": BROKEN})
    outcome = run(project, world)
    assert len(world.asked) <= 4
    assert {record.address for record in world.rescued} == set(world.asked)
    assert set(outcome.records) == set(world.asked)
    assert outcome.rescued == "rescue.jsonl"
    assert outcome.stopped is not None
    assert world.halted


def test_where_nothing_can_be_rescued_the_records_are_still_handed_back(project: Project) -> None:
    world = World(fails={"save": BROKEN, "rescue": BROKEN})
    outcome = run(project, world)
    assert outcome.unsaved is BROKEN
    assert set(outcome.records) == set(world.asked)


def test_what_the_cache_did_not_take_is_in_the_state_before_the_run_ends(project: Project) -> None:
    world = World(held=3, fails={"save": BROKEN})
    outcome = run(project, world, checkpoint_every=0.001)
    assert world.asked == list(outcome.records)
    assert world.checkpoints == [2]
    assert len(world.rescued) == 4


def test_a_state_that_cannot_be_written_either_leaves_the_records_to_the_end(
    project: Project,
) -> None:
    world = World(held=3, fails={"save": BROKEN, "checkpoint": BROKEN})
    outcome = run(project, world, checkpoint_every=0.001)
    assert set(outcome.records) == set(world.asked)
    assert len(world.rescued) == 4


def test_nothing_is_written_in_between_while_the_cache_takes_all(project: Project) -> None:
    """Of 100,000 it would be 83 MB a minute."""
    world, looks = World(held=5), iter(range(1_000))
    world.looked = lambda: world.free.set() if next(looks, 0) > 100 else None
    outcome = run(project, world, checkpoint_every=0.001)
    assert len(outcome.records) == 20
    assert world.checkpoints == []


def test_a_provider_that_cannot_be_opened_fails_its_completions_and_ends_the_run(
    project: Project,
) -> None:
    world = World(fails={"connect": BROKEN})
    outcome = run(project, world)
    assert not world.asked
    assert len(outcome.failed) == 1
    assert len(outcome.skipped) == 19
    assert outcome.stopped is not None


def test_an_interrupt_waits_for_what_is_in_flight(project: Project) -> None:
    world = World(held=5)

    def then(apply: Apply) -> None:
        apply.interrupt()
        world.free.set()

    outcome = run(project, world, then)
    assert outcome.interrupted
    assert len(world.asked) == 8
    assert set(outcome.records) == set(world.asked)
    assert len(outcome.skipped) == 20 - len(world.asked)


def test_abandoning_gives_up_what_is_in_flight_and_keeps_the_rest(project: Project) -> None:
    world = World(held=5)
    outcome = run(project, world, lambda apply: apply.abandon())
    assert outcome.interrupted
    assert len(outcome.records) == 4
    assert len(world.asked) == 8
    assert len(outcome.failed) == outcome.maybe_billed == 4


def test_a_bug_is_not_hidden_and_loses_nothing_in_flight(project: Project) -> None:
    class Broken(World):
        async def complete(self, out: Outgoing) -> Answered | Failure:
            if out.address == "completion.many[1]":
                raise ZeroDivisionError
            return await super().complete(out)

    world = Broken()
    with pytest.raises(ZeroDivisionError):
        run(project, world)
    assert len(world.saved) == len(world.asked) == 3


def test_nothing_is_asked_to_be_stored_before_it_is_known_whose_it_is(project: Project) -> None:
    assert run(project, (world := World())).failed == {}
    assert (len(world.asked), world.begun) == (20, 0)
    more = ('provider = "openai"', "count = 20", "store = true")
    project.write(completion("many", "{{ count.index }}", *more))
    world = World(fails={"begin": error("No space left", "Free some.")})
    outcome = run(project, world)
    assert world.asked == []
    assert "No space left" in str(outcome.stopped)
    world = World()
    assert run(project, world).failed == {}
    assert (len(world.asked), world.begun) == (20, 20)
    assert all(key.count(":") == 2 for key in world.saved)


def test_an_interrupt_while_a_provider_is_connected_lets_it_send_nothing(project: Project) -> None:
    world = World()
    outcome = run(project, world, first=lambda apply: apply.interrupt())
    assert outcome.interrupted
    assert world.halted  # what it is asked now it does not send


def test_what_has_to_wait_for_an_answer_is_not_tried_again_before_it(project: Project) -> None:
    """One at a time may be sent; the others are not asked for over and over meanwhile."""
    world = World(held=1)
    tried, tasks = list[bool](), list[asyncio.Task[None]]()

    async def answer_later() -> None:
        for _ in range(500):
            await asyncio.sleep(0)
        world.free.set()

    def may_start(*_: object) -> Refusal | None:
        free = len(world.saved) == len(world.asked)
        tried.append(free)
        if not tasks:
            tasks.append(asyncio.get_running_loop().create_task(answer_later()))
        return None if free else Refusal("one at a time", passing=True)

    world.may_start = may_start
    outcome = run(project, world)
    assert len(outcome.issued) == 20
    assert len(tried) < 100


def test_an_answer_whose_save_is_given_up_is_in_the_state(project: Project) -> None:
    """Somebody left while the cache was at work: the answer is paid for, and was received."""

    class Busy(World):
        async def save(self, *_: object) -> None:
            await asyncio.Event().wait()  # which never comes

    world = Busy()

    def leave(apply: Apply) -> None:
        asyncio.get_running_loop().call_later(0, _in_turns, 50, apply.abandon)

    outcome = run(project, world, first=leave)
    assert outcome.interrupted
    assert set(outcome.records) == set(world.asked)
    assert len(outcome.records) == 4


def _in_turns(left: int, then: Callable[[], object]) -> None:
    """After so many turns of the loop, in which all that can go on has gone on."""
    loop = asyncio.get_running_loop()
    loop.call_soon(*((_in_turns, left - 1, then) if left else (then,)))


def test_what_a_halted_provider_did_not_send_is_skipped_and_has_not_failed(
    project: Project,
) -> None:
    class Halting(World):
        async def complete(self, out: Outgoing) -> Answered | Failure:
            answered = await super().complete(out)
            return Failure("the run stopped", halted=True) if self.halted else answered

    world = Halting(held=1)

    def leave(apply: Apply) -> None:
        apply.interrupt()
        world.free.set()

    outcome = run(project, world, first=leave)
    assert not outcome.failed
    assert len(outcome.skipped) == 20


@dataclass
class PartByPart:
    """Keeps requests elsewhere, and tells an answer at a time: the next when everybody has come to
    rest after it.
    """

    waiting: list[LeftRequest] = field(default_factory=list)
    rests: list[int] = field(default_factory=list)
    telling: bool = False
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    wake: Callable[[], None] = lambda: None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    limit = 100

    @property
    def elsewhere(self) -> Literal[True]:
        return True

    def halt(self) -> None:
        """Nothing is on the way."""

    def leave(self, out: LeftRequest) -> None:
        self.waiting.append(out)

    def has_told(self, wake: Callable[[], None]) -> bool:
        self.wake = wake
        self.asked.set()
        return not self.telling

    def rest(self) -> None:
        given, self.waiting = self.waiting, []
        self.rests.append(len(given))
        self.telling = True
        self.tasks.append(asyncio.get_running_loop().create_task(self._tell(given)))

    async def _tell(self, given: list[LeftRequest]) -> None:
        for number, out in enumerate(given):
            self.asked.clear()
            body = orjson.dumps(answer(orjson.loads(out.body), number))
            kept = out.take(Answered(body, 1, 1))
            assert kept is not None
            await kept
            await self.asked.wait()
        self.telling = False
        self.wake()


def test_who_keeps_requests_elsewhere_rests_when_it_has_told_all_answers(project: Project) -> None:
    follows = "{{ completion.many[count.index].content }}"
    project.write(completion("next", follows, 'provider = "openai"', "count = 20"), "next.toml")
    client = PartByPart()

    async def connect(*_: str) -> PartByPart:
        return client

    outcome = run(project, World(), connect=connect)
    assert client.rests == [20, 20]
    assert len(outcome.issued) == 40
