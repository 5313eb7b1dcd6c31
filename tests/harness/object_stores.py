"""Object stores on this machine: a folder, and servers that are stopped by who asked for them."""

import base64
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import pytest

from runner.io.objects import ObjectPlace

AZURE_ACCOUNT = "devstoreaccount1"
# The key that every emulator has, and no account does.
AZURE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
_STARTED = 60.0  # seconds that end a hang


def need(missing: str | None) -> None:
    """Skips a test where something is missing, but where CI is set, which has to have it."""
    if missing is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI tests against {missing}, and there is none")
    pytest.skip(f"no {missing}")


@contextmanager
def moto(home: Path, *, checks_keys: bool = False) -> Iterator[str]:
    """The address of an S3 server with an empty bucket called `team-state`; if it `checks_keys`,
    which are unknown to it from then on.
    """
    need(None if find_spec("moto") and find_spec("flask") else "moto (pip install '.[oracles]')")
    port = _free_port()
    program = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    checks = {"INITIAL_NO_AUTH_ACTION_COUNT": "1"} if checks_keys else {}
    with _running(program, home, port, checks):
        url = f"http://127.0.0.1:{port}"
        _put(f"{url}/team-state", {})
        yield url


@contextmanager
def azurite(home: Path) -> Iterator[str]:
    """The address of an Azure server with an empty container called `team-state`."""
    program = shutil.which("azurite-blob")
    need(None if program else "azurite (npm install -g azurite@3)")
    assert program is not None
    port = _free_port()
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
    with _running([program, *options, "--skipApiVersionCheck", "--silent"], home, port):
        url = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
        _make_container(url, "team-state")
        yield url


@contextmanager
def redirecting(to: str | None = None) -> Iterator[str]:
    """The address of a server that leads every request elsewhere, and need not say where."""

    class Elsewhere(_Quiet):
        def any(self) -> None:
            self.send_response(307 if to else 301)
            if to:
                self.send_header("Location", f"{to}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

    with _serving(Elsewhere) as url:
        yield url


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """The address of a server under another name than 127.0.0.1, and all that came there."""
    came: list[str] = []

    class Listening(_Quiet):
        def any(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            came.append(f"{self.requestline} {self.headers} {self.rfile.read(size)!r}")
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.send_header("ETag", '"1"')
            self.send_header("Last-Modified", "Thu, 26 Nov 2026 00:00:00 GMT")
            self.end_headers()
            self.wfile.write(b"{}")

    with _serving(Listening) as url:
        yield url.replace("127.0.0.1", "localhost"), came


class _Quiet(BaseHTTPRequestHandler):
    def any(self) -> None:
        """Whatever is asked."""

    def do_GET(self) -> None:
        self.any()

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def s3_at(url: str, prefix: str, **more: str) -> ObjectPlace:
    keys = {"access_key": "AKIATESTKEY", "secret_key": "made-up-secret", **more}
    return ObjectPlace("s3", "team-state", prefix, region="us-east-1", endpoint=url, **keys)


def azure_at(url: str, prefix: str) -> ObjectPlace:
    return ObjectPlace(
        "azure", "team-state", prefix, endpoint=url, account=AZURE_ACCOUNT, secret_key=AZURE_KEY
    )


@contextmanager
def _running(
    program: list[str], home: Path, port: int, more: Mapping[str, str] | None = None
) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True)
    with (home / "log").open("wb") as log:
        env = {**os.environ, "HOME": str(home), **(more or {})}
        process = subprocess.Popen(program, cwd=home, env=env, stdout=log, stderr=log)
        try:
            _await(port, process, home / "log")
            yield
        finally:
            process.terminate()
            process.wait(timeout=_STARTED)


def _await(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = datetime.now(UTC).timestamp() + _STARTED
    while datetime.now(UTC).timestamp() < until:
        if process.poll() is not None:
            raise AssertionError(f"the server ended: {log.read_text(errors='replace')[-500:]}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
    raise AssertionError("the server did not start")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _put(url: str, headers: dict[str, str]) -> None:
    asked = urllib.request.Request(url, b"", headers, method="PUT")
    with urllib.request.urlopen(asked, timeout=_STARTED):
        return


def _make_container(url: str, name: str) -> None:
    """One request, signed as Azure's Shared Key has it."""
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    said = f"x-ms-date:{date}\nx-ms-version:2021-08-06"
    path = f"/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{name}\nrestype:container"
    text = "PUT\n\n\n\n\napplication/octet-stream\n\n\n\n\n\n\n" + f"{said}\n{path}"
    made = hmac.new(base64.b64decode(AZURE_KEY), text.encode(), hashlib.sha256).digest()
    headers = {
        "x-ms-date": date,
        "x-ms-version": "2021-08-06",
        "Content-Type": "application/octet-stream",
        "Authorization": f"SharedKey {AZURE_ACCOUNT}:{base64.b64encode(made).decode()}",
    }
    with suppress(urllib.error.HTTPError):
        _put(f"{url}/{name}?restype=container", headers)
