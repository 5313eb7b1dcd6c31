"""A store that a team reaches, as a table of this process: what is asked of it is counted."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkstemp
from threading import Lock
from typing import NoReturn

from msgspec import Struct

from runner.core.canonical import canonical, fingerprint
from runner.core.request.provider import identity_json
from runner.core.state.cache_entry import cache_key, to_entry
from runner.core.state.records import Record
from runner.errors import error
from tests.harness.lab import completion_body


class Listed(Struct, frozen=True):
    """An object in a listing."""

    key: str
    size: int


@dataclass
class Shelf:
    """Objects by their names. `gets`, `creates` and `lists` are the names and folders that were
    asked for; `page` objects are listed at once, if it may be listed at all; `most` is how many
    were asked for at once; `meanwhile` is called while one is, so that it can wait.
    """

    name: str = "s3://team/cache"
    held: dict[str, bytes] = field(default_factory=dict)
    gets: list[str] = field(default_factory=list)
    creates: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    page: int | None = 1_000
    most: int = 0
    meanwhile: Callable[[], object] = lambda: None
    _now: int = 0
    _lock: Lock = field(default_factory=Lock)

    def get(self, key: str, most: int | None = None) -> bytes | None:
        self._ask(self.gets, key)
        return _within(self.held.get(key), most)

    def create(self, key: str, data: bytes) -> bool:
        self._ask(self.creates, key)
        with self._lock:
            return self.held.setdefault(key, data) == data

    def listed(self, prefix: str) -> Sequence[Listed]:
        return [Listed(key, len(data)) for key, data in self.held.items() if key.startswith(prefix)]

    def few(self, prefix: str) -> Sequence[Listed] | None:
        with self._lock:
            self.lists.append(prefix)
        if self.page is None:
            raise error("Object store cannot be used", "It was refused.")
        found = self.listed(prefix)
        return found if len(found) < self.page else None

    def _ask(self, asked: list[str], key: str) -> None:
        with self._lock:
            asked.append(key)
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            self.meanwhile()
        finally:
            with self._lock:
                self._now -= 1


class NoShelf:
    """A store that cannot be reached; `tries` counts who tried."""

    name = "s3://gone/cache"

    def __init__(self) -> None:
        self.tries = 0

    def get(self, _: str, __: int | None = None) -> NoReturn:
        self._fail()

    def create(self, _: str, __: bytes) -> NoReturn:
        self._fail()

    def listed(self, _: str) -> NoReturn:
        self._fail()

    def few(self, _: str) -> NoReturn:
        self._fail()

    def _fail(self) -> NoReturn:
        self.tries += 1
        raise error("Object store cannot be used", "It could not be reached.")


class FolderShelf:
    """As a store, in a folder that several processes reach."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder

    def get(self, key: str, most: int | None = None) -> bytes | None:
        path = self._folder / key
        return _within(path.read_bytes() if path.exists() else None, most)

    def create(self, key: str, data: bytes) -> bool:
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        fd, made = mkstemp(dir=path.parent)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        with suppress(FileExistsError):
            path.hardlink_to(made)
        Path(made).unlink()
        return path.read_bytes() == data

    def listed(self, prefix: str) -> Sequence[Listed]:
        paths = (self._folder / prefix).rglob("*.json")
        return [Listed(str(p.relative_to(self._folder)), p.stat().st_size) for p in paths]

    few = listed


def _within(data: bytes | None, most: int | None) -> bytes | None:
    return b"" if data is not None and most is not None and len(data) > most else data


def entries(number: int) -> dict[str, bytes]:
    """So many answers of a cache, each to a request of its own, by their keys."""
    return dict(_entry(i) for i in range(number))


def _entry(number: int) -> tuple[str, bytes]:
    provider = "openai https://api.example/v1"
    messages = [{"content": f"number {number}", "role": "user"}]
    request = canonical({"messages": messages, "model": "m"})
    asked = fingerprint(request, identity_json(provider))
    body = completion_body(number, f"answer {number}", {"model": "m"})
    record = Record("", "openai", provider, asked, 0, request, body, "2026-01-01T00:00:00Z")
    return cache_key(asked, 0), to_entry(record)
