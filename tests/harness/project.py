"""A project in a temporary folder, and the command line run in it: in this process or another."""

import asyncio
import contextlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.cli.main import main
from tests import ROOT
from tests.harness.server import FakeAPI

KEY = "sk-test-0123456789-abcdefghij"
HANG = 120.0  # seconds after which something is said to hang; less than pytest's own timeout


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of --json."""
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of one type."""
        return [event for event in self.events if event["type"] == kind]


class Process(subprocess.Popen[str]):
    """A command in a process of its own."""

    heard = ""  # what it has said on stderr, as far as anybody waited for it

    def says(self, text: str) -> None:
        """Waits until it has said this on stderr."""
        assert self.stderr is not None
        pipe = self.stderr.fileno()
        end = time.monotonic() + HANG
        while text not in self.heard:
            ready, _, _ = select.select([pipe], [], [], max(0.0, end - time.monotonic()))
            piece = os.read(pipe, 65536).decode(errors="replace") if ready else ""
            self.heard += piece
            if not piece:
                self.kill()
                raise AssertionError(f"never said {text!r}:\n{ended(self)}")


class Project:
    """A folder with `configs/`. `call` is quick; `run` and `start` are real processes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state_file = directory / "state" / "state.json"
        (directory / "configs").mkdir(parents=True, exist_ok=True)

    def write(self, text: str, name: str = "main.toml") -> Path:
        """A file of the root module."""
        path = self.directory / "configs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """The state's records by address; fails if the state is not whole."""
        if not self.state_file.exists():
            return {}
        held = json.loads(self.state_file.read_bytes())
        return {record["address"]: record for record in held["records"]}

    @property
    def outputs(self) -> dict[str, Any]:
        """What outputs.json holds."""
        held: dict[str, Any] = json.loads((self.directory / "state/outputs.json").read_bytes())
        return held

    def call(self, *arguments: str) -> Ran:
        """A command in this process."""
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = main(["-C", str(self.directory), *arguments])
            except SystemExit as exc:  # argparse
                status = exc.code if isinstance(exc.code, int) else 1
        texts = []
        for stream in (out, err):
            stream.flush()
            buffer = stream.buffer
            assert isinstance(buffer, io.BytesIO)
            texts.append(buffer.getvalue().decode())
        return Ran(status, *texts)

    def apply(self, *arguments: str) -> Ran:
        """`runner apply --auto-approve` in this process."""
        return self.call("apply", "--auto-approve", *arguments)

    def start(self, *arguments: str, env: dict[str, str] | None = None, **options: Any) -> Process:
        """A command in a process of its own; `before` is what starts it."""
        prefix: list[str] = options.pop("before", [])
        runner = [sys.executable, "-m", "runner", "-C", str(self.directory)]
        command = [*prefix, *runner, *arguments]
        surroundings = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
        pipes: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        return Process(
            command, env=surroundings, text=True, encoding="utf-8", **{**pipes, **options}
        )

    def run(self, *arguments: str, **options: Any) -> Ran:
        """A command in a process of its own, until its end."""
        return ended(self.start(*arguments, **options))


def missing(directory: Path, *modules: str) -> dict[str, str]:
    """What an environment adds so that a process cannot import these modules."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in modules:
        (directory / f"{name}.py").write_text(f'raise ModuleNotFoundError("No module {name}")\n')
    return {"PYTHONPATH": os.pathsep.join([str(directory), str(ROOT)])}


def ended(process: Process, timeout: float = HANG) -> Ran:
    """What a process said and how it ended; one that hangs is killed."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"still running after {timeout} s:\n{out}\n{err}") from None
    return Ran(process.returncode, out, process.heard + (err or ""))


def provider(api: FakeAPI, **settings: Any) -> str:
    """The [provider.openai] block of the fake API."""
    held = {"base_url": api.url, "max_retries": 0, **settings}
    lines = (f"{name} = {json.dumps(value)}" for name, value in held.items())
    return "\n".join(["[provider.openai]", *lines]) + "\n"


def completion(name: str, prompt: str, *more: str) -> str:
    """A [completion.NAME] block with one message."""
    lines = (f"[completion.{name}]", 'model = "gpt-4o"', *more)
    message = f'messages = [{{ role = "user", content = {_quoted(prompt)} }}]'
    return "\n".join([*lines, message]) + "\n\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@contextmanager
def serving(*steps: Any, **options: Any) -> Iterator[FakeAPI]:
    """The fake API on a thread of its own, so that commands can run in this one; it is trusted, in
    this process's environment, as long as it is there.
    """
    api = FakeAPI(*steps, **options)
    ready = threading.Event()
    ends: list[Callable[[], object]] = []

    async def serve() -> None:
        end = asyncio.Event()
        loop = asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(end.set))
        async with api:
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(HANG)
    try:
        with trusting(api.url):
            yield api
    finally:
        ends[0]()
        thread.join(HANG)


@contextmanager
def trusting(*urls: str) -> Iterator[None]:
    """Their hosts are trusted besides those that are already; with none, nobody is."""
    before = os.environ.get("RUNNER_TRUST", "")
    os.environ["RUNNER_TRUST"] = ",".join((before, *urls)) if urls else ""
    try:
        yield
    finally:
        os.environ["RUNNER_TRUST"] = before


def prompt_of(body: Any) -> str:
    """The text of the last message of a request."""
    text: str = body["messages"][-1]["content"]
    return text


def prompts(api: FakeAPI) -> list[str]:
    """What was asked, in the order in which it came."""
    return [prompt_of(request.body) for request in api.completions]


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Waits for something that has to come."""
    end = time.monotonic() + HANG
    while not holds():
        assert time.monotonic() < end, f"waited {HANG:.0f} s for {what}"
        time.sleep(0.005)


def interrupt(process: Process) -> None:
    """Ctrl-C."""
    process.send_signal(signal.SIGINT)
