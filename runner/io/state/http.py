"""A state at a server that speaks Terraform's HTTP protocol: GitLab, Gitea and others.

The server need not compare versions, so its lock is what keeps two writers apart; who wrote all the
same is noticed afterwards.
"""

import hashlib
import logging
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
from msgspec import Struct

from runner.core.canonical import digest
from runner.core.secrets.trust import is_loopback
from runner.core.state.file import Document
from runner.core.state.header import serial_in
from runner.core.state.shards import StateLayout
from runner.errors import RunnerError, Where, error
from runner.io.state.backend import (
    DEFAULT,
    KeptState,
    Snapshot,
    Version,
    Which,
    WrittenState,
    locked,
    overwriting,
)
from runner.io.state.lock import held_by, never
from runner.io.state.lock_info import LockInfo, lock_info, read_lock_info

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_MOST = 4 << 30  # bytes of a state
_DONE, _NONE, _TAKEN = range(200, 300), (204, 404), (409, 412, 423)
_KEPT_BY_ANOTHER = (409, 412, 422, 423)


class _Reply(Struct, frozen=True):
    status: int
    body: bytes


RunReply = Callable[[Coroutine[Any, Any, _Reply]], _Reply]


class HttpPlace(Struct, frozen=True, repr_omit_defaults=True):
    """Where a state is asked for and locked, and as whom. Without `lock_address` nobody locks."""

    address: str
    lock_address: str | None = None
    unlock_address: str | None = None
    lock_method: str = "LOCK"
    unlock_method: str = "UNLOCK"
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"HttpPlace({self.address})"


class HttpState:
    """One state. `run` gives what a coroutine does, whether a loop runs already or not; `again` is
    how a command about this very state begins.
    """

    file = None
    is_counted = False
    layout: StateLayout = "one"

    def __init__(self, place: HttpPlace, run: RunReply, again: str = "runner") -> None:
        self._place, self._run, self._again = place, run, again
        self._held: LockInfo | None = None
        self._written: Version = None

    @property
    def name(self) -> str:
        """Its address, which has no query and no password."""
        return self._place.address

    @property
    def way_back(self) -> str:
        """What the server keeps."""
        return "Nothing was changed. Look for an earlier version at the server, and push that one."

    def exists(self) -> bool:
        """Whether there is a state."""
        return self.read() is not None

    def version(self) -> Version:
        """The digest of what is there."""
        found = self.read()
        return None if found is None else found.version

    def read(self, which: Which = "last") -> Snapshot | None:
        """What is there; the server says nothing of earlier ones."""
        reply = self._get()
        if which == "before" or reply.status in _NONE or not reply.body:
            return None
        if reply.status != 200:
            raise self._failed("read", reply.status)
        if isinstance(which, int) and serial_in(_first_line(reply.body)) != which:
            return None
        return Snapshot(reply.body, digest(reply.body))

    def header(self, which: Which = "last") -> bytes:
        """The first line; nothing if it cannot be read."""
        try:
            found = self.read(which)
        except RunnerError:
            return b""
        return b"" if found is None else _first_line(found.data)

    def absence(self) -> tuple[()]:
        """Nothing: no state is a beginning."""
        return ()

    def write(self, document: Document, after: Version) -> WrittenState:
        """The whole of it, with the ID of the lock. An answer that was lost is asked after."""
        data = b"".join(document.pieces())
        written = digest(data)
        reply = self._posted(data)
        if reply is None and self.version() == after:  # it never came
            reply = self._posted(data)
        if (reply is None or reply.status not in _DONE) and self.version() != written:
            if reply is None or reply.status in _KEPT_BY_ANOTHER:
                raise overwriting(self.name)
            raise self._failed("write", reply.status)
        self._written = written
        return WrittenState(written)

    @contextmanager
    def lock(
        self, command: str, timeout: float = 0.0, given_up: Callable[[], bool] = never
    ) -> Iterator[None]:
        """The server's lock; without a `lock_address` there is none, which is said."""
        if self._place.lock_address is None:
            _log().warning("%s is not locked: its backend has no lock_address", self.name)
            yield
            return
        info = lock_info(command, self.name)
        self._acquire(info, timeout, given_up)
        self._held, self._written = info, None
        try:
            yield
        finally:
            self._held = None
            self._release(info)

    def unlock(self, identifier: str | None) -> LockInfo | None:
        """The lock of this ID goes; without one, it is tried whether anybody holds it."""
        if identifier is None:
            with self.lock("runner force-unlock"):
                return None
        info = LockInfo(identifier=identifier, path=self.name)
        reply = self._unlocked(info)
        if reply.status not in _DONE:
            said = f"The server did not take the lock {identifier} away: status {reply.status}."
            raise error("Lock is another's", said, Where(self.name))
        return info

    def kept(self) -> list[KeptState]:
        """The one that is there."""
        found = self.read()
        serial = None if found is None else serial_in(_first_line(found.data))
        return [] if found is None or serial is None else [KeptState(serial, len(found.data), "")]

    def lost(self) -> str | None:
        """Nobody knows before the next write, which the server refuses then."""
        return None

    def probe(self) -> None:
        """Asks for the state: to write anything else there would change it."""
        self.read()

    def delete(self) -> None:
        """No state there."""
        reply = self._ask("DELETE", self._place.address)
        if reply.status not in (*_DONE, *_NONE):
            raise self._failed("delete", reply.status)

    def _get(self) -> _Reply:
        try:
            return self._ask("GET", self._place.address)
        except _UnreachedError:
            return self._ask("GET", self._place.address)

    def _posted(self, data: bytes) -> _Reply | None:
        """None where no answer came."""
        held = {} if self._held is None else {"ID": self._held.identifier}
        try:
            return self._ask("POST", self._place.address, data, held)
        except _UnreachedError:
            return None

    def _acquire(self, info: LockInfo, timeout: float, given_up: Callable[[], bool]) -> None:
        holder = held_by(lambda: self._taken(info), timeout, given_up)
        if holder is not None:
            way_out = f"Where it is no more: {self._again} force-unlock {holder.identifier or 'ID'}"
            raise locked(self.name, holder if holder.identifier else None, way_out)

    def _taken(self, info: LockInfo) -> LockInfo | None:
        """Who holds it; None if that is this process. A lock whose answer was lost is taken once
        more: if that one is ours, so is the first.
        """
        address, method = self._place.lock_address or "", self._place.lock_method
        body = msgspec.json.encode(info)
        try:
            reply = self._ask(method, address, body)
        except _UnreachedError:
            reply = self._ask(method, address, body)
        if reply.status in _DONE:
            return None
        if reply.status not in _TAKEN:
            raise self._failed("lock", reply.status)
        holder = read_lock_info(reply.body) or LockInfo()
        return None if holder.identifier == info.identifier else holder

    def _release(self, info: LockInfo) -> None:
        """A lock that stays is told; so is a state that somebody wrote without one."""
        try:
            reply = self._unlocked(info)
            if reply.status not in _DONE:
                _log().warning("the lock of %s stays: status %s", self.name, reply.status)
            if self._written is not None and self.version() != self._written:
                _log().warning("%s was written by somebody else, lock or not", self.name)
        except RunnerError as failed:
            _log().warning("the lock of %s stays: %s", self.name, failed.problems[0].detail)

    def _unlocked(self, info: LockInfo) -> _Reply:
        place = self._place
        address = place.unlock_address or place.lock_address or place.address
        named = {"ID": info.identifier} if place.unlock_method == "DELETE" else {}  # GitLab's
        return self._ask(place.unlock_method, address, msgspec.json.encode(info), named)

    def _ask(
        self, method: str, url: str, body: bytes | None = None, query: dict[str, str] | None = None
    ) -> _Reply:
        """_UnreachedError for no answer."""
        try:
            return self._run(_reply(self._place, method, url, body, query))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            raise _UnreachedError(*self._told("it could not be reached").problems) from None

    def _failed(self, verb: str, status: int) -> RunnerError:
        if status in (401, 403):
            why = f"it was refused (status {status}). Look at username_env and password_env"
        elif 300 <= status < 400:
            why = f"it answers with a redirect (status {status}). Write the address it leads to"
        else:
            why = f"it answers with status {status}"
        return self._told(f"could not {verb} it: {why}")

    def _told(self, why: str) -> RunnerError:
        return error("State server cannot be used", f"{self.name}: {why}.", Where(self.name))


class HttpStates:
    """The one state at an address."""

    def __init__(
        self, place: HttpPlace, run: RunReply, again: Callable[[str], str] = lambda _: "runner"
    ) -> None:
        self._place, self._run, self._again = place, run, again

    def workspaces(self) -> list[str]:
        """The default one."""
        return [DEFAULT]

    def backend(self, workspace: str) -> HttpState:
        """That at the address; RunnerError for any other workspace."""
        if workspace != DEFAULT:
            raise self._one_only()
        return HttpState(self._place, self._run, self._again(workspace))

    def make(self, workspace: str) -> None:  # noqa: ARG002
        """RunnerError."""
        raise self._one_only()

    def remove(self, workspace: str) -> None:  # noqa: ARG002
        """RunnerError."""
        raise self._one_only()

    def _one_only(self) -> RunnerError:
        return error(
            "Backend has one workspace",
            f"{self._place.address} is the address of one state. Give another address to another "
            "one: RUNNER_BACKEND_ADDRESS=.. in the environment, then: runner init --reconfigure",
        )


class _UnreachedError(RunnerError):
    """No answer came: what was asked may have been done."""


async def _reply(
    place: HttpPlace, method: str, url: str, body: bytes | None, query: dict[str, str] | None
) -> _Reply:
    """Redirects are not followed: the password would go with them."""
    headers = _credentials(place)
    if body is not None:
        md5 = hashlib.md5(body, usedforsecurity=False).digest()
        headers |= {"Content-Type": "application/json", "Content-MD5": b64encode(md5).decode()}
    asked: dict[str, Any] = {
        "data": body, "params": query, "headers": headers, "proxy": _proxy(url),
        "allow_redirects": False,
    }  # fmt: skip
    async with (
        aiohttp.ClientSession(timeout=_TIMEOUT) as session,
        session.request(method, url, **asked) as answer,
    ):
        return _Reply(answer.status, await _whole(answer))


def _proxy(url: str) -> str | None:
    """That of the environment. Nothing else of it is heeded: a .netrc holds what nobody named."""
    parts = urlsplit(url)
    if is_loopback(f"{parts.scheme}://{parts.hostname}") or proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    pieces, size = [], 0
    async for piece in answer.content.iter_chunked(1 << 20):
        size += len(piece)
        if size > _MOST:
            raise ValueError(size)
        pieces.append(piece)
    return b"".join(pieces)


def _credentials(place: HttpPlace) -> dict[str, str]:
    if place.username is None and place.password is None:
        return {}
    said = f"{place.username or ''}:{place.password or ''}"
    return {"Authorization": f"Basic {b64encode(said.encode()).decode()}"}


def _first_line(data: bytes) -> bytes:
    return data[: data.find(b"\n") + 1]


def _log() -> logging.Logger:
    return logging.getLogger(__name__)
