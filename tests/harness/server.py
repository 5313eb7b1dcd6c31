"""An OpenAI-compatible server that misbehaves on purpose, on 127.0.0.1.

In a test: `async with FakeAPI("429", "ok") as api: ... api.url ... api.requests`.
As a process: `python -m tests.harness.server --fault 429=0.2 --seed 1 --latency 0.05 --log F`,
which prints its URL as the first line and serves until it is ended.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import orjson
from aiohttp import web

from tests.harness.faults import FAULTS, RATE, Fault, chunks, completion, error, events, respond
from tests.harness.store_api import StoreAPI


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came; `at` in seconds of the machine's monotonic clock."""

    number: int  # from 1, over all paths
    at: float
    method: str
    path: str
    target: str  # path and query as they came
    headers: dict[str, str]
    body: Any
    raw: bytes
    fault: str


_LOGGED = ("number", "at", "method", "path", "headers", "body")

# Whatever says how a request fares: the name of a fault, a fault, or a body for a 200.
Step = str | Fault | dict[str, Any]
Script = Callable[[Request], Step]
Holds = Callable[[Request], bool]


class FakeAPI:
    """The server. Its steps are taken in turn by completions, then each is answered well.

    Options: a `script` decides by the request instead; `rates` makes faults at random (name ->
    share, by `seed`); `latency` in seconds; `held`, which requests are held until `release` (a
    function, or True for all); `retry_after` of the fault 429;
    `log`, a file that gets one JSON line per request as it comes; `port`; `keep=False` for no list
    of requests; `asked`, after which number they are counted on.
    """

    def __init__(self, *steps: Step, **options: Any) -> None:
        self._steps = list(steps)
        self._script: Script | None = options.pop("script", None)
        self._rates: dict[str, float] = options.pop("rates", {})
        self.latency = options.pop("latency", 0.0)
        held: Holds | bool = options.pop("held", False)
        self._holds: Holds = held if callable(held) else lambda _: bool(held)
        self._now = self._reading = 0
        self.most = 0  # at once
        self._retry_after = options.pop("retry_after", "1")
        self._log = options.pop("log", None)
        self.port = options.pop("port", 0)
        self._keep = options.pop("keep", True)
        self._random = random.Random(options.pop("seed", 0))
        self._asked = options.pop("asked", 0)
        assert not options, f"unknown: {options}"
        self.requests: list[Request] = []
        self.store = StoreAPI()
        self._file: TextIO | None = None

    async def __aenter__(self) -> "FakeAPI":
        self._loop = asyncio.get_running_loop()
        self._free = asyncio.Event()
        self._file = None if self._log is None else self._log.open("a", encoding="utf-8")
        app = web.Application(client_max_size=1 << 28)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=1024)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    def hold(self) -> None:
        """From now on requests are noted as they come, and not answered before `release`."""
        self._holds = lambda _: True
        self._loop.call_soon_threadsafe(self._free.clear)

    def release(self) -> None:
        """Answer what is held, and what comes."""
        self._loop.call_soon_threadsafe(self._free.set)

    def settle(self) -> None:
        """From another thread: waits until what was sent by processes that ended is noted, and
        what was held is released.
        """

        async def quiet() -> None:
            for _ in range(5):  # connections that were made are taken
                await asyncio.sleep(0)
            assert self._runner.server is not None
            while self._runner.server.connections or self._reading:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

        self.release()
        asyncio.run_coroutine_threadsafe(quiet(), self._loop).result(120)

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        if self._file is not None:
            self._file.close()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def completions(self) -> list[Request]:
        """The requests for completions, in order."""
        return [r for r in self.requests if r.method == "POST" and _asks(r.path)]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            return await self._served(request)
        finally:
            self._now -= 1

    async def _served(self, request: web.Request) -> web.StreamResponse:
        at = time.monotonic()
        self._reading += 1
        try:
            raw = await request.read()
        finally:
            self._reading -= 1
        body = orjson.loads(raw) if raw else None
        number = self._asked = self._asked + 1
        got = Request(
            number,
            at,
            request.method,
            request.path,
            request.raw_path,
            {str(k): v for k, v in request.headers.items()},
            body,
            raw,
            "",
        )
        asks = request.method == "POST" and _asks(request.path)
        step = self._step(got) if asks else "ok"
        fault = step if isinstance(step, str) else "script"
        self._note(got, fault)
        if self._holds(got):
            await self._free.wait()
        if self.latency:
            await asyncio.sleep(self.latency)
        if callable(step):
            return await step(request, body)
        if isinstance(step, dict):
            return await respond(200, step)(request, body)
        if step == "429":
            headers = {"Retry-After": self._retry_after}
            return await error(429, **RATE, headers=headers)(request, body)
        if step in FAULTS:
            return await FAULTS[step](request, body)
        return (
            await self._answer(request, body, number) if asks else self.store.serve(request, body)
        )

    def _step(self, got: Request) -> Step:
        if self._script is not None:
            return self._script(got)
        if self._steps:
            return self._steps.pop(0)
        draw = self._random.random() if self._rates else 1.0
        for name, share in self._rates.items():
            if draw < share:
                return name
            draw -= share
        return "ok"

    def _note(self, got: Request, fault: str) -> None:
        if self._keep:
            self.requests.append(replace(got, fault=fault))
        if self._file is not None:
            line = {name: getattr(got, name) for name in _LOGGED} | {"fault": fault}
            self._file.write(orjson.dumps(line).decode() + "\n")
            self._file.flush()

    async def _answer(self, request: web.Request, body: Any, number: int) -> web.StreamResponse:
        whole = completion(body, number)
        if body.get("store"):
            self.store.keep(whole, body)
        if body.get("stream"):
            wanted = (body.get("stream_options") or {}).get("include_usage", False)
            return await events(*chunks(whole, usage=wanted))(request, body)
        headers = {"x-request-id": f"req_{number}"}
        return await respond(200, whole, headers)(request, body)


def _asks(path: str) -> bool:
    return path.endswith("/chat/completions")


async def _main() -> None:
    parser = argparse.ArgumentParser(description="A server that misbehaves on purpose.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=SHARE")
    parser.add_argument("--retry-after", default="1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path)
    said = parser.parse_args()
    rates = {name: float(share) for name, share in (f.split("=") for f in said.fault)}
    options = {"port": said.port, "latency": said.latency, "retry_after": said.retry_after}
    async with FakeAPI(rates=rates, seed=said.seed, log=said.log, keep=False, **options) as api:
        print(api.url, flush=True)  # noqa: T201
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(_main())
    except KeyboardInterrupt:
        sys.exit(130)
