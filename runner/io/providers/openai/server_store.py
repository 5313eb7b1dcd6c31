"""The Chat Completions Store: what was kept at the server, read, changed and deleted."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson

from runner.core.api.exchange import Answered, Failure
from runner.core.received import shallow, table_of, value_of
from runner.io.providers.endpoint import OpenEndpoint
from runner.io.providers.openai.job import LONGEST

_PAGE = 100
_MISSING = 404
_MOST_PAGES = 1_000  # without a limit; with one there is an entry a page at least
_AGAIN = (0.25, 0.5, 1.0, 2.0, 4.0)  # seconds before asking again for what was just stored
_PATH = "/chat/completions"


async def read(
    client: OpenEndpoint, kind: str, arguments: bytes, *, fresh: bool = False
) -> Answered | Failure:
    """A data source: one completion, or every page of a list or of its messages.

    `fresh` says that it was stored a moment ago: a 404 is then asked again some times, since
    servers do not promise that what was written can be read at once.
    """
    got = await _read(client, kind, arguments)
    for wait in _AGAIN if fresh else ():
        if not (isinstance(got, Failure) and got.status == _MISSING):
            break
        await asyncio.sleep(wait)
        got = await _read(client, kind, arguments)
    return got


async def fetch(client: OpenEndpoint, identifier: str) -> tuple[bytes, list[Any]] | Failure:
    """A stored completion's body and all of its messages, to import it."""
    one = await _whole(client, identifier)
    if isinstance(one, Failure):
        return one
    messages = await _pages(client, f"{_one(identifier)}/messages", [("order", "asc")], None)
    if isinstance(messages, Failure):
        return messages
    return one.response, table_of(messages.response)["data"]


async def look(client: OpenEndpoint, identifier: str) -> Answered | Failure:
    """Whether a stored completion is there; a Failure of status 404 if it is not."""
    return await _call(client, "GET", identifier)


async def _read(client: OpenEndpoint, kind: str, arguments: bytes) -> Answered | Failure:
    asked = orjson.loads(arguments)
    if kind == "chat_completion":
        return await _whole(client, asked["completion_id"])
    if kind == "chat_completion_messages":
        identifier = asked["completion_id"]
        if _is_none(identifier):
            return _no_id(identifier)
        path = f"{_one(identifier)}/messages"
        return await _pages(client, path, list(_query(asked)), asked.get("limit"))
    return await _pages(client, _PATH, list(_query(asked)), asked.get("limit"))


async def update(client: OpenEndpoint, identifier: str, body: bytes) -> Answered | Failure:
    """New metadata for a stored completion; no tokens."""
    return await _call(client, "POST", identifier, body)


async def delete(client: OpenEndpoint, identifier: str) -> Answered | Failure:
    """Delete a stored completion."""
    return await _call(client, "DELETE", identifier)


async def _whole(client: OpenEndpoint, identifier: object) -> Answered | Failure:
    got = await _call(client, "GET", identifier)
    if isinstance(got, Failure) or isinstance(_parsed(got), dict):
        return got
    return Failure("the response is no stored completion")


def _parsed(got: Answered) -> Any:
    return value_of(got.response)  # none, where a good status came alone


async def _call(
    client: OpenEndpoint, method: str, identifier: object, body: bytes | None = None
) -> Answered | Failure:
    if _is_none(identifier):
        return _no_id(identifier)
    return await client.call(method, _one(identifier), body=body)


def _is_none(identifier: object) -> bool:
    """Whether no completion has such an id: its address would be another one of the server's."""
    return identifier in ("", ".", "..") or "/" in str(identifier)


def _no_id(identifier: object) -> Failure:
    said = (
        f"{identifier!a} is no id of a stored completion, so nothing was asked of the server. "
        "`runner state rm ADDRESS` forgets a record that has no other."
    )
    return Failure(said, attempts=0)


def _one(identifier: object) -> str:
    return f"{_PATH}/{quote(str(identifier), safe='')}"


def _query(asked: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("model", "order", "after"):
        if asked.get(name) is not None:
            yield name, str(asked[name])
    for key, value in (asked.get("metadata") or {}).items():
        if value is not None:
            yield f"metadata[{key}]", str(value)


def _endless(entries: int) -> str:
    return (
        f"the list has more than the {entries:,} entries that were read, in {_MOST_PAGES:,} pages "
        f"or {LONGEST / 60:.0f} minutes: say how many are wanted, limit = 100"
    )


async def _pages(
    client: OpenEndpoint, path: str, query: list[tuple[str, str]], limit: int | None
) -> Answered | Failure:
    """All entries, or the first `limit`, as one list."""
    entries: list[Any] = []
    attempts = spent = received = 0
    after: list[tuple[str, str]] = []
    seen: set[str] = set()  # the ids that pages ended with
    while True:
        if (limit is None and len(seen) >= _MOST_PAGES) or spent > LONGEST * 1000:
            return Failure(_endless(len(entries)))
        size = _PAGE if limit is None else min(_PAGE, limit - len(entries))
        got = await client.call("GET", path, query=[*query, *after, ("limit", str(size))])
        if isinstance(got, Failure):
            return got
        page = _parsed(got)
        found = page.get("data") or [] if isinstance(page, dict) else None
        if not (isinstance(found, list) and all(isinstance(entry, dict) for entry in found)):
            return Failure("the response is no list of the Chat Completions Store")
        received += len(got.response)
        if received > client.max_response_bytes:
            return Failure(f"the list is larger than {client.max_response_bytes:,} bytes")
        entries += found
        attempts, spent = attempts + got.attempts, spent + got.duration_ms
        whole = limit is not None and len(entries) >= limit
        if whole or not found or not page.get("has_more"):
            listed = shallow(orjson.dumps({"object": "list", "data": entries}))
            return Answered(listed, spent, attempts)
        last = found[-1].get("id")
        if not isinstance(last, str) or last in seen:
            return Failure("the server gives the same page of its list again and again")
        seen.add(last)
        query = [pair for pair in query if pair[0] != "after"]
        after = [("after", last)]
