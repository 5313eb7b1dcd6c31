"""A server for one person's browser: nothing can be written to it."""

import asyncio
import gzip
from collections.abc import Callable, Mapping
from contextlib import suppress

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from msgspec import Struct

from runner.core.canonical import digest
from runner.errors import RunnerError, error
from runner.io.web.guard import HEADERS, BrowserGuard, guard_of, is_any
from runner.io.web.site import Resource, Site, SiteContent

_LARGE = 1_000  # bytes from which on an answer is compressed
_LOOK = 0.25  # seconds between two looks for what changed
_BEAT = 40  # looks after which a silent stream says that it is there
_KEPT = 32  # answers of resources that are remembered


class _Held(Struct, frozen=True):
    """An answer of a resource, ready to be sent."""

    plain: bytes
    packed: bytes | None
    kind: str
    tag: str


async def serve(site: Site, host: str, port: int, ready: Callable[[str], object]) -> None:
    """Shows a site until it is cancelled; `ready` is told the address once it is there, with the
    token in its fragment. RunnerError where the port cannot be had.
    """
    from socket import create_server  # noqa: PLC0415

    family = _family(host)
    try:
        listening = create_server((host, port), family=family)
    except OSError as cause:
        raise _taken(host, port, cause) from cause
    bound = listening.getsockname()[1]
    guard = guard_of(host, bound)
    turn = asyncio.Lock()
    runner = web.AppRunner(_app(site, guard, turn), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        named = "127.0.0.1" if is_any(host) else host
        shown = f"[{named}]" if ":" in named else named
        ready(f"http://{shown}:{bound}/#{guard.token}")
        async with turn:  # while the browser starts
            await asyncio.to_thread(site.resources[site.first], {})
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _family(host: str) -> int:
    import socket  # noqa: PLC0415

    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _taken(host: str, port: int, cause: OSError) -> RunnerError:
    return error(
        "Page cannot be shown",
        f"Nothing can listen at {host}:{port}: {cause.strerror or cause}. Another --port may be "
        "free; without one, a free one is taken.",
    )


def _app(site: Site, guard: BrowserGuard, turn: asyncio.Lock) -> web.Application:
    app = web.Application(middlewares=[_guarding(guard)])
    for path, shown in site.pages.items():
        app.router.add_get(path, _page(shown))
    for name, resource in site.resources.items():
        app.router.add_get(f"/api/{name}", _resource(resource, turn))
    app.router.add_get("/api/events", _events(site))
    return app


def _guarding(guard: BrowserGuard) -> Middleware:
    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = guard.refusal(request.method, request.path, request.headers)
        if refused is not None:
            status, why = refused
            return web.Response(status=status, text=f"{why}\n", headers=HEADERS)
        try:
            return await handler(request)
        except web.HTTPException as exc:  # no such page
            return web.Response(status=exc.status, text=f"{exc.reason}\n", headers=HEADERS)

    return guarded


def _page(shown: SiteContent) -> Handler:
    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(body=shown.body, headers={**HEADERS, "Content-Type": shown.kind})

    return page


def _resource(resource: Resource, turn: asyncio.Lock) -> Handler:
    """Asked aside, one at a time: whoever waits for events is served meanwhile."""
    kept: dict[str, _Held] = {}

    async def answered(request: web.Request) -> web.StreamResponse:
        async with turn:
            shown = await asyncio.to_thread(resource, request.query)
        key = request.query_string
        held = kept.get(key)
        if held is None or held.plain is not shown.body:
            held = await asyncio.to_thread(_held, shown)
            kept[key] = held
            if len(kept) > _KEPT:
                del kept[next(iter(kept))]
        return _sent(held, request.headers)

    return answered


def _held(shown: SiteContent) -> _Held:
    packed = gzip.compress(shown.body, 1, mtime=0) if len(shown.body) > _LARGE else None
    return _Held(shown.body, packed, shown.kind, f'"{digest(shown.body)[:32]}"')


def _sent(held: _Held, asked: Mapping[str, str]) -> web.Response:
    headers = {**HEADERS, "Content-Type": held.kind, "ETag": held.tag, "Vary": "Accept-Encoding"}
    if asked.get("If-None-Match") == held.tag:
        return web.Response(status=304, headers=headers)
    if held.packed is not None and "gzip" in asked.get("Accept-Encoding", ""):
        return web.Response(body=held.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=held.plain, headers=headers)


def _events(site: Site) -> Handler:
    """The names under which something is new, as server-sent events, until the reader goes."""

    async def events(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        await stream.prepare(request)
        with suppress(ConnectionResetError):
            await _told(site, stream)
        return stream

    return events


async def _told(site: Site, stream: web.StreamResponse) -> None:
    known = await asyncio.to_thread(site.versions)
    await stream.write(b": here\n\n")
    looks = 0
    while True:
        await asyncio.sleep(_LOOK)
        now = await asyncio.to_thread(site.versions)
        new = [name for name, version in now.items() if known.get(name) != version]
        known, looks = now, looks + 1
        if new:
            await stream.write(b"event: new\ndata: %b\n\n" % orjson.dumps(new))
        elif looks % _BEAT == 0:
            await stream.write(b": still here\n\n")
