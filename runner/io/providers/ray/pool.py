"""The workers of a run: who is given which request, and what comes of it when one of them dies."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Protocol, Self

from runner import __version__
from runner.errors import DISTRIBUTION, RunnerError, counted, error
from runner.io.providers.endpoint import Say
from runner.io.providers.openai.wire import Broken, HeldBack, Reply
from runner.io.providers.ray.travelling import (
    Introduced,
    Remote,
    RemoteEnd,
    RemoteEvent,
    RemoteRequest,
    Unable,
)

LIVES = 3
"""How often a worker that died is replaced."""

SOON = 60.0
"""Seconds within which one of them has to be there."""


class Died(Exception):  # noqa: N818  # it is no fault of whoever hears of it
    """A worker is gone, and why, in words."""


class Actor(Protocol):
    """A worker, wherever it is. All of it raises Died when that is no more."""

    async def hello(self) -> Introduced:
        """It is there."""

    def exchange(
        self, remote: Remote, asked: tuple[RemoteRequest, ...]
    ) -> AsyncIterator[list[RemoteEvent]]:
        """What comes of a chunk of requests, as it comes."""

    def kill(self) -> None:
        """Its end, whatever it does."""


class Cluster(Protocol):
    """Where workers are."""

    def start(self) -> Actor:
        """Another one."""

    async def answers(self) -> bool:
        """Whether it is still there."""


Feed = Callable[[bytes], Awaitable[None]]
"""Takes a piece of a response; the next one waits for it."""


@dataclass(slots=True, eq=False)
class _Line:
    asked: RemoteRequest
    feed: Feed
    end: asyncio.Future[Reply | Broken | HeldBack]


@dataclass(slots=True, eq=False)
class _Place:
    """One worker after the other. `busy` is how many requests it has, by whom they are for."""

    actor: Actor | None = None
    is_up: bool = False
    node: str = ""
    replaced: int = 0
    is_awaited: bool = True
    is_over: bool = False
    busy: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Queue:
    remote: Remote
    lines: deque[_Line] = field(default_factory=deque)


class Pool:
    """So many workers of a cluster, for as long as this is open; one of them has to be there in
    `soon` seconds.
    """

    def __init__(self, cluster: Cluster, workers: int, say: Say, *, soon: float = SOON) -> None:
        self._cluster, self._say, self._seconds = cluster, say, soon
        self._places = [_Place() for _ in range(workers)]
        self._queues: dict[str, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pumps = False
        self._fault: Exception | None = None

    @property
    def workers(self) -> int:
        """How many there are to be."""
        return len(self._places)

    async def __aenter__(self) -> Self:
        for place in self._places:
            self._begin(self._fill(place))
        return self

    async def __aexit__(self, *_: object) -> None:
        """None of them is left, and nothing of what they do."""
        for place in self._places:
            if place.actor is not None:
                place.actor.kill()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def exchange(
        self, remote: Remote, asked: RemoteRequest, feed: Feed
    ) -> Reply | Broken | HeldBack:
        """One request, by whoever has the least to do. `feed` hears the pieces of its response, if
        it asks for them. RunnerError where no worker can ask there.
        """
        if self._fault is not None:
            raise self._fault
        line = _Line(asked, feed, asyncio.get_running_loop().create_future())
        self._queues.setdefault(remote.name, _Queue(remote)).lines.append(line)
        self._soon()
        return await line.end

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- who is there

    async def _fill(self, place: _Place) -> None:
        place.is_awaited = True
        self._begin(self._watch(place, place.replaced))
        try:
            if place.replaced and not await self._cluster.answers():
                self._give_up(_gone())
                return
            actor = place.actor = self._cluster.start()
            said = await actor.hello()
        except Died as exc:
            self._lost(place, exc)
            return
        except Exception as exc:  # noqa: BLE001  # a bug: whoever waits for an answer is told
            self._give_up(exc)
            return
        if said.version != __version__:
            self._give_up(_other_version(said))
            return
        place.is_up, place.node, place.busy = True, said.node, Counter()
        self._soon()

    def _lost(self, place: _Place, why: Died) -> None:
        where = f" on {place.node}" if place.node else ""
        place.actor, place.is_up = None, False
        if place.replaced < LIVES:
            place.replaced += 1
            self._say(f"A worker{where} died: {why}. Another one is started.")
            self._begin(self._fill(place))
            return
        place.is_awaited, place.is_over = False, True
        self._say(f"A worker{where} died: {why}. It was the last of {LIVES + 1} in its place.")
        if all(one.is_over for one in self._places):
            self._give_up(_none_left(why))

    def _give_up(self, fault: Exception) -> None:
        self._fault = self._fault or fault
        for queue in self._queues.values():
            for line in queue.lines:
                _fail(line, self._fault)
            queue.lines.clear()

    async def _watch(self, place: _Place, replaced: int) -> None:
        """Whoever is not there by then is waited for no longer: what it could do, the others do."""
        await asyncio.sleep(self._seconds)
        if place.is_up or place.is_over or place.replaced != replaced:
            return
        place.is_awaited = False
        self._soon()
        if any(one.is_awaited and not one.is_up for one in self._places):
            return
        up = sum(one.is_up for one in self._places)
        if up:
            self._say(f"{up} of {counted(len(self._places), 'worker')} found room in the cluster")
        else:
            self._give_up(_no_room(len(self._places), self._seconds))

    # -- who is given what

    def _soon(self) -> None:
        """Once for all that came in one turn of the loop: they travel together."""
        if not self._pumps:
            self._pumps = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._pumps = False
        up = [one for one in self._places if one.is_up]
        coming = sum(one.is_awaited and not one.is_up for one in self._places)
        for name, queue in self._queues.items():
            slots = queue.remote.slots(max(1, len(up) + coming))
            chunks: dict[_Place, list[_Line]] = {}
            while queue.lines:
                free = [one for one in up if one.busy[name] < slots]
                if not free:
                    break
                line = queue.lines.popleft()
                if not line.end.done():
                    place = min(free, key=lambda one: one.busy[name])
                    place.busy[name] += 1
                    chunks.setdefault(place, []).append(line)
            for place, lines in chunks.items():
                self._begin(self._carry(place, queue.remote, lines))

    async def _carry(self, place: _Place, remote: Remote, lines: list[_Line]) -> None:
        actor, busy = place.actor, place.busy
        assert actor is not None  # noqa: S101  # it is up
        left = dict(enumerate(lines))
        try:
            async for events in actor.exchange(remote, tuple(line.asked for line in lines)):
                for index, event in events:
                    if isinstance(event, bytes):
                        await _feed(lines[index], event)
                    else:
                        busy[remote.name] -= 1
                        _settle(left.pop(index), event)
                self._soon()
        except Died as exc:
            # Nobody knows how far these got; whether they are sent again is their client's to say.
            for line in left.values():
                _settle(line, Broken(f"the worker died: {exc}", unreached=remote.is_free))
            if place.actor is actor:
                self._lost(place, exc)
        except Exception as exc:  # noqa: BLE001  # a bug: whoever waits for an answer is told
            busy[remote.name] -= len(left)
            for line in left.values():
                _fail(line, exc)
            self._soon()


async def _feed(line: _Line, piece: bytes) -> None:
    """What goes wrong where a piece is taken is of that request alone."""
    if line.end.done():
        return
    try:
        await line.feed(piece)
    except Exception as exc:  # noqa: BLE001  # whoever waits for it is told
        _fail(line, exc)


def _fail(line: _Line, fault: Exception) -> None:
    if not line.end.done():
        line.end.set_exception(fault)


def _settle(line: _Line, event: RemoteEnd) -> None:
    if line.end.done():  # nobody waits for it any more
        return
    match event:
        case Unable(problems):
            _fail(line, RunnerError(*problems))
        case Reply() | Broken() | HeldBack():
            line.end.set_result(event)


def _other_version(said: Introduced) -> RunnerError:
    return error(
        "Another version on a node",
        f"The runner on the node {said.node} is {said.version}, and this one is {__version__}. "
        f"Install one and the same on every node: pip install "
        f'"{DISTRIBUTION}[ray,embedded]=={__version__}"',
    )


def _none_left(why: Died) -> RunnerError:
    return error(
        "No worker is left",
        f"Each of them died {LIVES + 1} times, the last one so: {why}. What was answered is kept.",
    )


def _gone() -> RunnerError:
    return error(
        "The Ray cluster is gone",
        "Its head does not answer any more. What was answered is kept; apply again when it is up.",
    )


def _no_room(workers: int, seconds: float) -> RunnerError:
    return error(
        "No node has room",
        f"None of {counted(workers, 'worker')} was started within {seconds:.0f} s: no node of the "
        "cluster has as many free cpus, gpus or other resources as [runner.executor] asks for each "
        "of them. `ray status` shows what there is; ask for less, or wait for nodes.",
    )
