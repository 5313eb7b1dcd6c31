"""The Batch API and its files, call by call."""

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from urllib.parse import quote

import orjson

from runner.core.api.batches import (
    OUR_NAME,
    BatchLine,
    BatchSeen,
    batch_of,
    batch_seen,
    output_line,
)
from runner.core.api.exchange import Answered, Failure
from runner.core.received import table_of
from runner.io.providers.batching import Batching
from runner.io.providers.endpoint import ServerCall

_PAGE = "100"
_MOST_PAGES = 1_000

AskServer = Callable[[ServerCall], Awaitable[Answered | Failure]]


class BatchAPI:
    """One server's. Whatever it says wrong is a Failure."""

    def __init__(self, ask: AskServer, settings: Batching) -> None:
        self._ask, self._settings = ask, settings

    async def upload(self, key: str, lines: Iterable[bytes]) -> str | Failure:
        """The id of a file of these lines."""
        mark = f"runner-{os.urandom(16).hex()}"
        body = b"".join((*_form(mark, self._settings.purpose, _file_name(key)), *lines, _end(mark)))
        headers = (("Content-Type", f"multipart/form-data; boundary={mark}"),)
        got = await self._ask(ServerCall("POST", "/files", body=body, headers=headers))
        return got if isinstance(got, Failure) else _id(got)

    async def create(self, key: str, file: str) -> BatchSeen | Failure:
        """A batch of an uploaded file: asked for once, whatever comes of it."""
        body = {
            "input_file_id": file,
            "endpoint": self._settings.url,
            "completion_window": self._settings.window,
            "metadata": {OUR_NAME: key},
        }
        call = ServerCall("POST", "/batches", body=orjson.dumps(body), repeat=False)
        return _seen(await self._ask(call))

    async def look(self, batch: str) -> BatchSeen | Failure:
        """Where a batch is."""
        return _seen(await self._ask(ServerCall("GET", f"/batches/{_part(batch)}")))

    async def cancel(self, batch: str) -> BatchSeen | Failure:
        """Ends a batch; what is answered stays."""
        return _seen(await self._ask(ServerCall("POST", f"/batches/{_part(batch)}/cancel")))

    async def find(self, key: str, file: str) -> list[BatchSeen] | Failure:
        """The batches of our name or file that the server lists."""
        found = await self._pages("/batches", [])
        if isinstance(found, Failure):
            return found
        seen = (one for one in map(batch_seen, found) if one is not None)
        return [one for one in seen if one.name == key or (file and one.input == file)]

    async def read(
        self, file: str, take: Callable[[Sequence[BatchLine]], Awaitable[object]]
    ) -> Failure | None:
        """Hands out the lines of a file as they come, but those that nobody can read; more is read
        when they have been taken.
        """

        async def read(lines: Sequence[bytes]) -> None:
            await take([line for line in map(output_line, lines) if line is not None])

        call = ServerCall("GET", f"/files/{_part(file)}/content", take=read)
        got = await self._ask(call)
        return got if isinstance(got, Failure) else None

    async def delete(self, file: str) -> None:
        """Removes a file of ours; one that stays does no harm."""
        await self._ask(ServerCall("DELETE", f"/files/{_part(file)}", repeat=False))

    async def delete_named(self, key: str) -> None:
        """Removes the file of a batch that was never made."""
        found = await self._pages("/files", [("purpose", self._settings.purpose)])
        for file in () if isinstance(found, Failure) else found:
            if file.get("filename") == _file_name(key) and isinstance(file.get("id"), str):
                await self.delete(file["id"])

    async def _pages(
        self, path: str, query: list[tuple[str, str]]
    ) -> list[dict[str, Any]] | Failure:
        entries: list[dict[str, Any]] = []
        after: list[tuple[str, str]] = []
        for _ in range(_MOST_PAGES):
            asked = (*query, ("limit", _PAGE), *after)
            got = await self._ask(ServerCall("GET", path, asked))
            if isinstance(got, Failure):
                return got
            page = table_of(got.response)
            data = page.get("data")
            found = [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
            last = found[-1].get("id") if found else None
            entries += found
            if not page.get("has_more") or not isinstance(last, str) or [("after", last)] == after:
                return entries
            after = [("after", last)]
        return Failure(f"the list of {path} has no end")


def _form(mark: str, purpose: str, name: str) -> tuple[bytes, ...]:
    head = f'--{mark}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n'
    file = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    return head.encode(), file.encode(), b"Content-Type: application/jsonl\r\n\r\n"


def _end(mark: str) -> bytes:
    return f"\r\n--{mark}--\r\n".encode()


def _file_name(key: str) -> str:
    return f"runner-{key}.jsonl"


def _part(identifier: str) -> str:
    return quote(identifier, safe="")


def _id(got: Answered) -> str | Failure:
    found = table_of(got.response).get("id")
    said = "the server took the file, and gives it no id"
    return found if isinstance(found, str) and found else Failure(said)


def _seen(got: Answered | Failure) -> BatchSeen | Failure:
    if isinstance(got, Failure):
        return got
    return batch_of(got.response) or Failure("the response is no batch", maybe_billed=1)
