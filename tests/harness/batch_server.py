"""A Batch API on 127.0.0.1 that misbehaves on purpose, beside completions that are answered live.

Each request that is answered is paid for: `paid` counts them by their prompt.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import orjson
from aiohttp import web

from tests.harness.faults import completion
from tests.harness.project import trusting

Outcome = Callable[[dict[str, Any]], dict[str, Any] | None]
"""What stands in a file for a line of the input; None: nothing does."""


@dataclass(slots=True)
class Sent:
    """A batch as the server has it. It ends after so many `looks`."""

    id: str
    file: str
    lines: list[dict[str, Any]]
    metadata: dict[str, str]
    looks: int
    status: str = "validating"
    output: str | None = None
    errors: str | None = None
    seen: int = 0
    unlisted: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class BatchServer:
    """Faults are fields: set them before the server is asked. `looks` is how often a batch is
    looked at before it ends; `ends` the statuses of the first batches, then all are completed;
    `outcome` what becomes of a line; `lose`, how many answers to what are lost after the work was
    done (`create`, `upload`), `lag` how many lists leave a new batch out. `hold` keeps every batch
    from ending. So many downloads are `cut` in the middle, and so many are whole responses with
    a `part` of a file; `twice` are lines that come before those of a file, for each request.
    """

    looks: int = 1
    ends: list[str] = field(default_factory=list)
    outcome: Outcome | None = None
    lose: Counter[str] = field(default_factory=Counter)
    refuse: dict[str, list[tuple[int, dict[str, Any]]]] = field(default_factory=dict)
    lag: int = 0
    capitals: bool = False
    empty_errors: bool = False
    body_as_text: bool = False
    faults: list[list[dict[str, Any]]] = field(default_factory=list)
    hold: bool = False
    no_batches: bool = False
    forgets: bool = False
    counts: tuple[int, int] | None = None
    cut: int = 0
    part: int = 0
    twice: list[dict[str, Any]] = field(default_factory=list)
    read: Callable[[str], None] = lambda _: None
    paid: Counter[str] = field(default_factory=Counter)
    batches: dict[str, Sent] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    live: list[Any] = field(default_factory=list)
    port: int = 0
    _number: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> web.AppRunner:
        app = web.Application(client_max_size=1 << 29)
        app.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, backlog=1024).start()
        self.port = runner.addresses[0][1]
        return runner

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/v1")
        what = f"{request.method} {'/'.join(path.split('/')[:2])}"
        raw = await request.read()
        self.asked.append(f"{request.method} {path}")
        self.read(f"{request.method} {path}")
        refused = self.refuse.get(what)
        if refused:
            status, body = refused.pop(0)
            return web.json_response(body, status=status)
        if path.endswith("/chat/completions"):
            self.live.append(orjson.loads(raw))
            return self._json(self._completed(orjson.loads(raw)))
        if path == "/models":
            model = {"id": "gpt-4o", "object": "model", "created": 1, "owned_by": "us"}
            return self._json({"object": "list", "data": [model]})
        if self.no_batches:
            return web.json_response({"error": {"message": "not found"}}, status=404)
        answer = self._answer(request, path, raw)
        if self.part and path.endswith("/content"):
            self.part -= 1
            assert isinstance(answer.body, bytes)
            return web.Response(body=answer.body[: len(answer.body) // 2])
        if self.cut and path.endswith("/content"):
            self.cut -= 1
            return await self._cut(request, answer)
        if self.lose[what] > 0:
            self.lose[what] -= 1
            assert request.transport is not None
            request.transport.abort()
        return answer

    async def _cut(self, request: web.Request, whole: web.Response) -> web.StreamResponse:
        body = whole.body
        assert isinstance(body, bytes)
        answer = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await answer.prepare(request)
        await answer.write(body[: len(body) // 2])
        assert request.transport is not None
        request.transport.close()
        return answer

    def _answer(self, request: web.Request, path: str, raw: bytes) -> web.Response:
        match request.method, path.strip("/").split("/"):
            case "POST", ["files"]:
                return self._json(self._upload(raw))
            case "GET", ["files"]:
                found = [{"id": k, "filename": n} for k, (n, _) in self.files.items()]
                return self._json({"data": found, "has_more": False})
            case "GET", ["files", name, "content"]:
                if name not in self.files:
                    return web.json_response({"error": {"message": "No such File"}}, status=404)
                return web.Response(body=self.files[name][1])
            case "DELETE", ["files", name]:
                self.files.pop(name, None)
                return self._json({"id": name, "deleted": True})
            case "POST", ["batches"]:
                return self._create(orjson.loads(raw))
            case "GET", ["batches"]:
                return self._json(self._list(request))
            case "GET", ["batches", name]:
                sent = self.batches.get(name)
                if sent is None or self.forgets:
                    said = {"error": {"message": f"No batch found with id '{name}'."}}
                    return web.json_response(said, status=404)
                self._go_on(sent)
                return self._json(self._told(sent))
            case "POST", ["batches", name, "cancel"]:
                self.batches[name].status = "cancelled"
                return self._json(self._told(self.batches[name]))
            case _:
                pass
        return web.json_response({"error": {"message": "no such path"}}, status=404)

    def _json(self, value: Any) -> web.Response:
        return web.Response(body=orjson.dumps(value), content_type="application/json")

    def _completed(self, body: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        self.paid[body["messages"][-1]["content"]] += 1
        return completion(body, self._number)

    def _upload(self, raw: bytes) -> dict[str, Any]:
        head, _, rest = raw.partition(b"\r\n\r\n")
        mark = head.split(b"\r\n")[0]
        name = raw.split(b'filename="')[1].split(b'"')[0].decode()
        content = raw.split(b"application/jsonl\r\n\r\n")[1].rsplit(b"\r\n" + mark, 1)[0]
        assert rest, head
        identifier = f"file-{len(self.asked)}"
        self.files[identifier] = name, content
        return {"id": identifier, "object": "file", "filename": name, "purpose": "batch"}

    def _create(self, body: dict[str, Any]) -> web.Response:
        assert body["endpoint"] == "/v1/chat/completions"
        assert body["completion_window"] == "24h"
        identifier = f"batch_{len(self.batches) + 1}"
        lines = [orjson.loads(line) for line in self.files[body["input_file_id"]][1].splitlines()]
        names = [line["custom_id"] for line in lines]
        assert len(set(names)) == len(names) <= 50_000
        assert max(map(len, names)) <= 64
        assert len({line["body"].get("model") for line in lines}) == 1
        assert not any("stream" in line["body"] for line in lines)
        sent = Sent(identifier, body["input_file_id"], lines, body["metadata"], self.looks)
        sent.unlisted = self.lag
        self.batches[identifier] = sent
        return self._json(self._told(sent))

    def _list(self, request: web.Request) -> dict[str, Any]:
        """Three a page."""
        found = []
        for sent in self.batches.values():
            sent.unlisted -= 1
            if sent.unlisted < 0:
                found.append(self._told(sent))
        after = request.query.get("after")
        names = [one["id"] for one in found]
        start = names.index(after) + 1 if after in names else 0
        return {"data": found[start : start + 3], "has_more": len(found) > start + 3}

    def _go_on(self, sent: Sent) -> None:
        sent.seen += 1
        if self.hold or sent.status in ("completed", "failed", "expired", "cancelled"):
            sent.status = "in_progress" if sent.status == "validating" else sent.status
            return
        if sent.seen <= sent.looks:
            sent.status = "in_progress"
            return
        sent.status = self.ends.pop(0) if self.ends else "completed"
        if sent.status == "failed":
            sent.faults = self.faults.pop(0) if self.faults else []
            return
        good, bad = [], []
        for index, line in enumerate(sent.lines):
            if sent.status == "expired" and index % 2:
                fault = {"code": "batch_expired", "message": "This request expired."}
                bad.append({"custom_id": line["custom_id"], "response": None, "error": fault})
                continue
            made = None if self.outcome is None else self.outcome(line)
            if self.outcome is None or (made is not None and made.get("answer")):
                body: Any = self._completed(line["body"])
                if self.body_as_text:
                    body = orjson.dumps(body).decode()
                response = {"status_code": 200, "request_id": "r", "body": body}
                good += [{"custom_id": line["custom_id"], **other} for other in self.twice]
                good.append({"custom_id": line["custom_id"], "response": response, "error": None})
            elif made is not None:
                bad.append({"custom_id": line["custom_id"], **made})
        sent.output = self._file(good) if good else None
        sent.errors = self._file(bad) if bad else ("" if self.empty_errors else None)

    def _file(self, lines: list[dict[str, Any]]) -> str:
        identifier = f"file-out-{len(self.files)}-{len(self.asked)}"
        self.files[identifier] = "out.jsonl", b"".join(orjson.dumps(line) + b"\n" for line in lines)
        return identifier

    def _told(self, sent: Sent) -> dict[str, Any]:
        done = len(sent.lines) if sent.output else 0
        total, failed = self.counts or (len(sent.lines), 0)
        return {
            "id": sent.id,
            "object": "batch",
            "status": sent.status.upper() if self.capitals else sent.status,
            "input_file_id": sent.file,
            "output_file_id": sent.output,
            "error_file_id": sent.errors,
            "created_at": 1_700_000_000,
            "completed_at": 1_700_000_060,
            "expires_at": int(time.time()) + 86_400,
            "request_counts": {"total": total, "completed": done, "failed": failed},
            "metadata": sent.metadata,
            "errors": {"object": "list", "data": sent.faults} if sent.faults else None,
        }


@contextmanager
def serving_batches(**options: Any) -> Iterator[BatchServer]:
    """The server in a thread of its own."""
    server, loop = BatchServer(**options), asyncio.new_event_loop()
    runner = loop.run_until_complete(server.start())
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        with trusting(server.url):
            yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(runner.cleanup())
        loop.close()
