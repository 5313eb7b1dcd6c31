"""The Chat Completions Store: what was kept at the server, read, changed and deleted."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson

from runner.core.exchange import Answer, Failure
from runner.shell.providers.openai import Client

_PAGE = 100
_PATH = "/chat/completions"


async def read(client: Client, kind: str, arguments: bytes) -> Answer | Failure:
    """A data source: one completion, or every page of a list or of its messages."""
    asked = orjson.loads(arguments)
    if kind == "chat_completion":
        return await client.call("GET", _one(asked["completion_id"]))
    if kind == "chat_completion_messages":
        path = f"{_one(asked['completion_id'])}/messages"
        return await _pages(client, path, list(_query(asked)), asked.get("limit"))
    return await _pages(client, _PATH, list(_query(asked)), asked.get("limit"))


async def update(client: Client, identifier: str, body: bytes) -> Answer | Failure:
    """New metadata for a stored completion; no tokens."""
    return await client.call("POST", _one(identifier), body=body)


async def delete(client: Client, identifier: str) -> Answer | Failure:
    """Delete a stored completion."""
    return await client.call("DELETE", _one(identifier))


def _one(identifier: object) -> str:
    return f"{_PATH}/{quote(str(identifier), safe='')}"


def _query(asked: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("model", "order", "after"):
        if asked.get(name) is not None:
            yield name, str(asked[name])
    for key, value in (asked.get("metadata") or {}).items():
        yield f"metadata[{key}]", str(value)


async def _pages(
    client: Client, path: str, query: list[tuple[str, str]], limit: int | None
) -> Answer | Failure:
    """All entries, or the first `limit`, as one list."""
    entries: list[Any] = []
    attempts = spent = 0
    after: list[tuple[str, str]] = []
    while True:
        size = _PAGE if limit is None else min(_PAGE, limit - len(entries))
        got = await client.call("GET", path, query=[*query, *after, ("limit", str(size))])
        if isinstance(got, Failure):
            return got
        page = orjson.loads(got.response)
        found = page.get("data") or []
        entries += found
        attempts, spent = attempts + got.attempts, spent + got.duration_ms
        whole = limit is not None and len(entries) >= limit
        if whole or not found or not page.get("has_more"):
            return Answer(orjson.dumps({"object": "list", "data": entries}), spent, attempts)
        query = [pair for pair in query if pair[0] != "after"]
        after = [("after", str(found[-1].get("id")))]
