"""A server that speaks Terraform's HTTP protocol for states, as a test wants it to."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit


@dataclass
class StateServer:
    """`silent` are methods whose next answer is lost, after what was asked is done. `status` is
    what everything is answered with, where it is set. `asked` are methods and credentials.
    """

    url: str = ""
    state: bytes | None = None
    lock: bytes | None = None
    checks_serials: bool = False
    tells_holder: bool = True
    silent: list[str] = field(default_factory=list)
    status: int | None = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Of the state, and of its lock."""
        return f"{self.url}/state"

    def answer(self, method: str, query: dict[str, list[str]], body: bytes) -> tuple[int, bytes]:
        if self.status is not None:
            return self.status, b"https://elsewhere?secret"
        match method:
            case "GET":
                return (204, b"") if self.state is None else (200, self.state)
            case "LOCK" if self.lock is not None:
                return 423, self.lock if self.tells_holder else b"locked"
            case "LOCK":
                self.lock = body
                return 200, b""
            case "UNLOCK":
                return self._unlock(body)
            case "POST":
                return self._post(query, body)
            case _:
                return 405, b""

    def _unlock(self, body: bytes) -> tuple[int, bytes]:
        if self.lock is not None and body and _id(body) != _id(self.lock):
            return 409, self.lock
        self.lock = None
        return 200, b""

    def _post(self, query: dict[str, list[str]], body: bytes) -> tuple[int, bytes]:
        if self.lock is not None and query.get("ID", [""])[0] != _id(self.lock):
            return 409, self.lock
        if self.checks_serials and self.state is not None and _serial(body) <= _serial(self.state):
            return 422, b""
        self.state = body
        return 200, b""


def _id(info: bytes) -> str:
    return str(json.loads(info)["ID"])


def _serial(state: bytes) -> int:
    return int(json.loads(state)["serial"])


@contextmanager
def state_server() -> Iterator[StateServer]:
    held = StateServer()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            claimed = self.headers.get("Content-MD5")
            assert claimed is None or claimed == b64encode(md5(body).digest()).decode()
            credential = (self.headers.get("Authorization") or "").removeprefix("Basic ")
            held.asked.append((self.command, b64decode(credential).decode() or None))
            query = parse_qs(urlsplit(self.path).query)
            status, said = held.answer(self.command, query, body)
            if self.command in held.silent:
                held.silent.remove(self.command)
                self.close_connection = True
                return
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_LOCK = do_UNLOCK = do_DELETE = _any  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        held.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield held
        finally:
            server.shutdown()
            thread.join()
