"""Saves answers: one thread, one connection, one commit for all that wait."""

import asyncio
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal, Self

from msgspec import Struct

from runner.errors import Where, error
from runner.io import files
from runner.io.cache.closed import Rows, open_store
from runner.io.cache.database import BUSY_SECONDS
from runner.io.cache.faults import translated
from runner.io.cache.names import DATABASE

_BATCH = 1024  # so many answers are enough for one commit


class _Job(Struct, frozen=True):
    kind: Literal["saved", "unpushed", "taken", "pushed"]
    key: str
    value: bytes
    done: asyncio.Future[None]


class Cache:
    """Saves answers: one thread, one connection, one commit for all that wait.

    An async context manager; leaving it waits until what was given is saved. After a first
    failure every save fails. It waits `busy_seconds` for another program that writes.
    """

    def __init__(self, directory: Path, busy_seconds: float = BUSY_SECONDS) -> None:
        self._path = directory / DATABASE
        self._busy_seconds = busy_seconds
        self._given: list[_Job] = []
        self._queue: SimpleQueue[list[_Job] | None] = SimpleQueue()
        self._refusal: Exception | None = None

    async def __aenter__(self) -> Self:
        """Opens the cache, created if need be; RunnerError if it cannot be written."""
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        threading.Thread(target=self._work, args=(opened,), name="cache", daemon=True).start()
        await opened
        return self

    async def __aexit__(self, *_: object) -> None:
        self._refusal = self._refusal or RuntimeError("the cache is closed")
        self._hand_over()
        self._queue.put(None)
        await asyncio.shield(self._closed)

    def save(self, key: str, value: bytes) -> asyncio.Future[None]:
        """Done when the answer is on the disk; RunnerError if it cannot be written there."""
        return self._do("saved", key, value)

    def save_unpushed(self, key: str, value: bytes) -> asyncio.Future[None]:
        """As `save`, and that others have yet to get it is on the disk with it."""
        return self._do("unpushed", key, value)

    def take(self, key: str, value: bytes) -> asyncio.Future[None]:
        """As `save`, unless there is an answer already."""
        return self._do("taken", key, value)

    def pushed(self, key: str) -> asyncio.Future[None]:
        """Others have it: that is on the disk."""
        return self._do("pushed", key, b"")

    def _do(
        self, kind: Literal["saved", "unpushed", "taken", "pushed"], key: str, value: bytes
    ) -> asyncio.Future[None]:
        done: asyncio.Future[None] = self._loop.create_future()
        if self._refusal is not None:
            done.set_exception(self._refusal)
            return done
        if not self._given:
            self._loop.call_soon(self._hand_over)
        self._given.append(_Job(kind, key, value, done))
        return done

    def _hand_over(self) -> None:
        """Wakes the writer once for all that came in one turn of the event loop."""
        given, self._given = self._given, []
        self._queue.put(given)

    def _work(self, opened: asyncio.Future[None]) -> None:
        try:
            store = open_store(self._path, self._busy_seconds)
        except Exception as cause:  # noqa: BLE001 - somebody awaits it, whatever it is
            self._settle([opened], translated(self._path, cause))
            return
        self._settle([opened], None)
        born = files.identity(self._path)
        failed: Exception | None = None
        last = False
        while not last:
            jobs, last = self._next()
            failed = failed or _committed(store, jobs, self._path, born)
            if failed is not None:
                self._refusal = failed
            self._settle([job.done for job in jobs], failed)
        with suppress(sqlite3.Error):
            store.close()
        self._settle([self._closed], None)

    def _next(self) -> tuple[list[_Job], bool]:
        """All that waits; and whether it is the last."""
        given = self._queue.get()
        jobs: list[_Job] = []
        while given is not None:
            jobs += given
            if len(jobs) >= _BATCH:
                return jobs, False
            try:
                given = self._queue.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _settle(self, waiting: list[asyncio.Future[None]], failed: Exception | None) -> None:
        """Wakes the event loop once for all of them."""
        with suppress(RuntimeError):  # the loop is gone, and with it everybody who waited
            self._loop.call_soon_threadsafe(_settle, waiting, failed)


def _committed(
    store: Any, jobs: list[_Job], path: Path, born: files.Identity | None
) -> Exception | None:
    """Saves all in one commit; what went wrong, if anything did."""
    if not jobs:
        return None
    failed: Exception | None = None
    try:
        store.commit(_rows(jobs))
    except Exception as cause:  # noqa: BLE001 - somebody awaits it, whatever it is
        failed = translated(path, cause)
    now = files.identity(path)
    if born is None or now is None or not now.same_file(born):
        return error(
            "Cache was deleted",
            f"{path} was removed or replaced while this command wrote answers to it. Nothing "
            "further is asked for. Leave the directory alone while a command runs, and start "
            "again.",
            Where(str(path)),
        )
    return failed


def _rows(jobs: list[_Job]) -> Rows:
    rows: dict[str, list[tuple[str, bytes]]] = {}
    for job in jobs:
        rows.setdefault(job.kind, []).append((job.key, job.value))
    pushed = [key for key, _ in rows.pop("pushed", ())]
    return Rows(**rows, pushed=pushed)


def _settle(waiting: list[asyncio.Future[None]], failed: Exception | None) -> None:
    for future in waiting:
        if future.done():  # its task was cancelled
            continue
        if failed is None:
            future.set_result(None)
        else:
            future.set_exception(failed)
