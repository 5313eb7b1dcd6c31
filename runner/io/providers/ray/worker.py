"""What a worker does: the requests that it is given, each once. It waits for no limit, tries
nothing again and keeps nothing.
"""

import asyncio
import platform
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from runner import __version__
from runner.core.secrets.redact import redact
from runner.errors import Problem, RunnerError, error
from runner.io.providers.embedded.model_file import model_digest
from runner.io.providers.endpoint import MAX_RESPONSE_BYTES, Endpoint
from runner.io.providers.openai.lines import BodyLines
from runner.io.providers.openai.stream import Stream
from runner.io.providers.openai.wire import Broken, HeldBack, HTTPWire, Reply, open_wire
from runner.io.providers.ray.travelling import (
    COMPLETIONS,
    Introduced,
    Remote,
    RemoteEnd,
    RemoteEvent,
    RemoteModel,
    RemoteRequest,
    RemoteServer,
    Unable,
)

_TOGETHER = 0.02  # seconds: what ends within them travels together

_Tell = Callable[[bytes | RemoteEnd | Exception], None]


class Worker:
    """An actor. It opens each server or model when it is first asked for it, and ends with its
    process.
    """

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._opening: dict[str, asyncio.Task[_Opened]] = {}

    async def hello(self) -> Introduced:
        """It is there."""
        return Introduced(__version__, platform.node())

    async def exchange(
        self, remote: Remote, asked: tuple[RemoteRequest, ...]
    ) -> AsyncIterator[list[RemoteEvent]]:
        """What comes of a chunk of requests, as it comes."""
        told: asyncio.Queue[tuple[int, bytes | RemoteEnd | Exception]] = asyncio.Queue()

        def tell(index: int, event: bytes | RemoteEnd | Exception) -> None:
            told.put_nowait((index, event))

        tasks = [
            asyncio.create_task(self._carry(remote, one, partial(tell, index)))
            for index, one in enumerate(asked)
        ]
        left = len(tasks)
        try:
            while left:
                found = [await told.get()]
                if left > 1 or isinstance(found[0][1], bytes):
                    await asyncio.sleep(_TOGETHER)
                while not told.empty():
                    found.append(told.get_nowait())
                left -= sum(not isinstance(event, bytes) for _, event in found)
                yield [(index, _no_bug(event)) for index, event in found]
        finally:
            for task in tasks:
                task.cancel()

    async def _carry(self, remote: Remote, asked: RemoteRequest, tell: _Tell) -> None:
        try:
            if remote.name not in self._opening:
                self._opening[remote.name] = asyncio.create_task(self._opened(remote))
            opened = await self._opening[remote.name]
            tell(await opened.send(asked, tell))
        except RunnerError as exc:
            tell(Unable(tuple(map(_here, exc.problems))))
        except Exception as exc:  # noqa: BLE001  # a bug: whoever waits is told
            tell(exc)

    async def _opened(self, remote: Remote) -> "_Opened":
        match remote:
            case RemoteServer():
                endpoint = _with_key(remote)
                secrets = (endpoint.key,) if endpoint.key else ()
            case RemoteModel():
                endpoint, secrets = await self._model(remote), ()
        wire = await self._stack.enter_async_context(open_wire(endpoint, lambda: False))
        return _Opened(wire, secrets)

    async def _model(self, remote: RemoteModel) -> Endpoint:
        from runner.io.providers.embedded.server import open_embedded  # noqa: PLC0415  # ctypes

        path = None if remote.path is None else Path(remote.path)
        found = await asyncio.to_thread(model_digest, path)
        if found != remote.digest:
            raise error(
                "Another model",
                f"The file {path} has the sha256 {found}, and {remote.digest} on the machine of "
                "the run: their answers are not those of one model. Copy that file to every node.",
            )
        opened = open_embedded(
            remote.provider, path, offline=remote.offline, threads=remote.threads
        )
        return await self._stack.enter_async_context(opened)


class _Opened(Struct, frozen=True):
    """The way to a server, and what nothing that comes back may show."""

    wire: HTTPWire
    secrets: tuple[str, ...]

    async def send(self, asked: RemoteRequest, tell: Callable[[bytes], None]) -> RemoteEnd:
        wire, headers = self.wire, dict(asked.headers) or None
        is_usual = asked.path == COMPLETIONS and not asked.query
        url = wire.completions if is_usual else wire.url(asked.path, asked.query)
        reply = await wire.send(asked.method, url, asked.body, headers, _sink(asked, tell))
        return self._travelling(reply)

    def _travelling(self, reply: Reply | Broken | HeldBack) -> RemoteEnd:
        match reply:
            case Reply(headers=headers, body=body):
                return structs.replace(
                    reply, headers=_plain(headers), body=redact(body, self.secrets)
                )
            case Broken() | HeldBack():
                return reply


class _Passing(Stream, kw_only=True):
    """A stream whose pieces go on as they come; it is read for its end alone."""

    tell: Callable[[bytes], None]

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        self.tell(chunk)
        super().feed(chunk)


def _sink(asked: RemoteRequest, tell: Callable[[bytes], None]) -> Stream | BodyLines | None:
    match asked.sink:
        case None:
            return None
        case "events":
            return _Passing(asked.choices, tell=tell)
        case "lines":
            return _PassingLines(tell)


class _PassingLines(BodyLines):
    """Lines, which are cut where they are read."""

    def __init__(self, tell: Callable[[bytes], None]) -> None:
        super().__init__(_untaken, MAX_RESPONSE_BYTES)
        self._tell = tell

    async def feed(self, piece: bytes) -> bool:
        """The next piece of the body."""
        self._tell(piece)
        return True


async def _untaken(_: Sequence[bytes]) -> None:
    """Nothing is taken here."""


def _with_key(remote: RemoteServer) -> Endpoint:
    name = remote.endpoint.key_name
    key = None if name is None else remote.surroundings().get(name) or None
    if name is not None and key is None and remote.needs_key:
        raise error(
            "No API key",
            f"The provider {remote.endpoint.name} takes its key from the environment variable "
            f"{name}, which is not set where the worker runs. Set it there before Ray is started.",
        )
    return replace(remote.endpoint, key=key)


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    """Of several with one name, the first, as a look-up has it."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        found.setdefault(name.lower(), value)
    return found


def _here(problem: Problem) -> Problem:
    return replace(problem, detail=f"On the node {platform.node()}: {problem.detail}")


def _no_bug(event: bytes | RemoteEnd | Exception) -> Any:
    if isinstance(event, Exception):
        raise event
    return event
