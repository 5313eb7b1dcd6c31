"""Ctrl-C, SIGTERM and a closed terminal, once and twice, in every phase of an apply."""

import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.harness.project import Project, completion, ended, provider, serving, wait_until
from tests.harness.server import FakeAPI

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
EACH = pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["int", "term", "hup"]
)
APPLY = ("apply", "--auto-approve", "--concurrency", "4")
HEARD = "Interrupted: nothing new is started; waiting up to 30 s for"
GIVEN_UP = "Waited 30 s"  # what it says where nobody pressed twice


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def _ten(api: FakeAPI, **settings: Any) -> str:
    text = "".join(completion(f"c{i}", f"q{i}") for i in range(10))
    return provider(api, **settings) + text


def _arrived(api: FakeAPI, number: int) -> None:
    wait_until(lambda: len(api.requests) >= number, f"{number} requests")


@EACH
def test_once_drains_records_and_starts_nothing_new(project: Project, number: int) -> None:
    with serving(held=True) as api:
        project.write(_ten(api))
        process = project.start(*APPLY)
        _arrived(api, 4)
        process.send_signal(number)
        process.says(f"{HEARD} 4 in flight")
        api.release()
        ran = ended(process)
        assert ran.status == 130, ran.err
        assert len(api.requests) == 4
        assert len(project.records) == 4
        assert len(project.outputs) == 4
        assert "Interrupted. 6 were not started; every answer that came is kept" in ran.err
        assert "done         4" in ran.out
        assert "Traceback" not in ran.err

        assert project.apply().status == 0
        assert len(api.requests) == 10
        assert len(project.outputs) == 10


def test_under_nohup_a_closed_terminal_ends_nothing(project: Project) -> None:
    with serving(held=True) as api:
        project.write(_ten(api))
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # which a new process takes over
        try:
            process = project.start(*APPLY)
        finally:
            signal.signal(signal.SIGHUP, before)
        _arrived(api, 4)
        process.send_signal(signal.SIGHUP)
        api.release()
        assert ended(process).status == 0
        assert len(project.records) == 10


@BOTH
def test_twice_leaves_at_once_with_what_came(project: Project, number: int) -> None:
    def script(got: Any) -> str:
        return "hang" if got.number > 3 else "ok"

    with serving(script=script) as api:
        project.write(_ten(api))
        process = project.start(*APPLY)
        _arrived(api, 7)
        process.send_signal(number)
        process.says(HEARD)
        assert process.poll() is None
        process.send_signal(number)
        ran = ended(process)
        assert ran.status == 130, ran.err
        assert GIVEN_UP not in ran.err
        assert len(api.requests) == 7
        assert len(project.records) == 3
        assert "Traceback" not in ran.err
        assert "The same for 4 completions" in ran.err
        assert "3 were not started" in ran.err
        assert "4 attempts ended without an answer and may have been billed" in ran.out


@BOTH
def test_while_a_data_source_is_read_for_the_plan(project: Project, number: int) -> None:
    data = '[data.chat_completion.kept]\ncompletion_id = "chatcmpl-1"\n'
    with serving(held=True) as api:
        project.write(provider(api) + data + completion("a", "{{ data.chat_completion.kept.id }}"))
        process = project.start(*APPLY)
        _arrived(api, 1)
        process.send_signal(number)
        ran = ended(process)
        assert ran.status == 130
        assert "Traceback" not in ran.err
        assert not project.state_file.exists()


@BOTH
def test_while_planning(project: Project, number: int) -> None:
    """Of so many completions that the plan would take half a minute."""
    with serving() as api:
        block = completion("many", "number {{ count.index }}", "count = 600000")
        project.write(provider(api) + block)
        lock = project.directory / "state" / ".lock.info"
        lock.parent.mkdir()  # else it plans before it locks
        process = project.start(*APPLY)
        wait_until(lock.exists, "the lock")
        process.send_signal(number)
        ran = ended(process)
        assert ran.status == 130
        assert ran.out == ""
        assert "Traceback" not in ran.err
        assert not api.requests


@BOTH
def test_while_it_asks(project: Project, number: int) -> None:
    with serving() as api:
        project.write(_ten(api))
        ours, theirs = pty.openpty()
        process = project.start("apply", stdin=theirs)
        os.close(theirs)
        process.says("Enter a value")
        process.send_signal(number)
        ran = ended(process)
        os.close(ours)
        assert ran.status == 130
        assert "Traceback" not in ran.err
        assert not api.requests
        assert not project.state_file.exists()
        assert project.apply().status == 0


@pytest.fixture
def unreachable() -> Iterator[int]:
    """A port to which connections are neither made nor refused."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            waiting.append(one)
        yield port
        for one in waiting:
            one.close()


@BOTH
def test_while_connecting(project: Project, number: int, unreachable: int) -> None:
    url = f'[provider.openai]\nbase_url = "http://127.0.0.1:{unreachable}/v1"\n'
    project.write(url + completion("a", "hi"))
    process = project.start(*APPLY)
    process.says("completion.a: Issuing...\n")
    process.send_signal(number)
    process.says(HEARD)
    process.send_signal(number)
    ran = ended(process)
    assert ran.status == 130
    assert GIVEN_UP not in ran.err
    assert "Traceback" not in ran.err


@BOTH
def test_while_it_removes_at_the_server(project: Project, number: int) -> None:
    stored = [completion(f"c{i}", f"q{i}", "store = true") for i in range(5)]
    with serving() as api:
        project.write(provider(api) + "".join(stored))
        assert project.apply().status == 0
        api.hold()
        process = project.start("destroy", "--auto-approve")
        _arrived(api, 6)
        process.send_signal(number)
        process.says(HEARD)
        api.release()
        ran = ended(process)
        assert ran.status == 130, ran.err
        assert len(api.requests) == 6
        assert len(project.records) == 4


def test_waits_between_attempts_are_not_waited_out(project: Project) -> None:
    """Nothing new is started: also not the next attempt of a request that failed."""
    with serving(script=lambda _: "429", retry_after="60") as api:
        project.write(_ten(api))
        process = project.start("--log-level", "debug", *APPLY)
        process.says(": again in 60")
        process.send_signal(signal.SIGINT)
        ran = ended(process)
        assert ran.status == 130
        assert GIVEN_UP not in ran.err
        assert len(api.requests) <= 4


@BOTH
def test_while_it_waits_for_the_lock(project: Project, number: int) -> None:
    with serving(held=True) as api:
        project.write(_ten(api))
        first = project.start("apply", "--auto-approve")
        _arrived(api, 10)
        second = project.start("--log-level", "info", *APPLY, "--lock-timeout", "600")
        second.says("waiting up to 600 s for the lock")
        second.send_signal(number)
        ran = ended(second)
        assert ran.status == 130
        assert "Traceback" not in ran.err
        api.release()
        assert ended(first).status == 0
    assert len(project.records) == 10


@BOTH
def test_while_the_state_is_written_it_is_written_to_its_end(project: Project, number: int) -> None:
    """Of so many answers that this takes a while; the signal comes when all have arrived."""
    with serving() as api:
        block = completion("many", "number {{ count.index }}", "count = 600")
        project.write(provider(api) + block)
        process = project.start("apply", "--auto-approve")
        _arrived(api, 600)
        process.send_signal(number)
        ran = ended(process)
        assert ran.status in {0, 130, -number}  # the last: it was just about to exit
        assert "Traceback" not in ran.err
        assert len(project.records) == 600
        assert len(project.outputs["many"]) == 600


def test_after_the_command_it_ends_without_a_traceback() -> None:
    """Everything is written by then; what is left is Python's own end."""
    late = "import atexit, os, signal; atexit.register(os.kill, os.getpid(), signal.SIGINT); "
    code = late + "from runner.cli.main import entry; entry()"
    command = [sys.executable, "-c", code, "--version"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (-signal.SIGINT, "")
