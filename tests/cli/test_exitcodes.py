"""0 done, 1 error, 2 changes for plan --detailed-exitcode, 130 interrupted."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.harness.project import (
    HANG,
    Project,
    completion,
    ended,
    interrupt,
    provider,
    serving,
    wait_until,
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_plan(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "hi"))
        assert project.run("plan").status == 0
        assert project.run("plan", "--detailed-exitcode").status == 2
        assert project.apply().status == 0
        assert project.run("plan", "--detailed-exitcode").status == 0
        project.write("oops")
        assert project.run("plan", "--detailed-exitcode").status == 1


def test_an_output_alone_is_a_change(project: Project) -> None:
    with serving() as api:
        text = provider(api) + completion("a", "hi")
        project.write(text)
        assert project.apply().status == 0
        project.write(text + '[output.o]\nvalue = "{{ completion.a.id }}"\n')
        ran = project.call("plan", "--detailed-exitcode")
        assert ran.status == 2
        assert "Changes to Outputs:" in ran.out
        assert project.apply().status == 0
        assert project.call("plan", "--detailed-exitcode").status == 0
        assert len(api.requests) == 1


def test_apply(project: Project) -> None:
    with serving("500") as api:
        project.write(provider(api) + completion("a", "hi"))
        assert project.run("apply", "--auto-approve").status == 1
        assert project.run("apply", "--auto-approve").status == 0


def test_interrupted(project: Project) -> None:
    with serving(held=True) as api:
        project.write(provider(api) + completion("a", "hi"))
        process = project.start("apply", "--auto-approve")
        wait_until(lambda: bool(api.requests), "the request")
        interrupt(process)
        process.says("Interrupted")
        api.release()
        assert ended(process).status == 130


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pln",), "Did you mean plan?"),
        (("plan", "--targt", "x"), "Did you mean --target?"),
        (("apply", "--concurrency", "many"), "--concurrency"),
        (("apply", "--concurrency", "0"), "(--concurrency) is 0"),
        (("apply", "--max-cost", "-1"), "(--max-cost) is -1"),
        (("output", "--raw", "--json"), "not allowed with"),
        ((), "COMMAND"),
        (("--log-level", "loud", "plan"), "--log-level"),
    ],
    ids=str,
)
def test_a_wrong_command_line_is_1_and_names_the_flag(
    project: Project, arguments: tuple[str, ...], said: str
) -> None:
    project.write(completion("a", "hi"))
    ran = project.call(*arguments)
    assert ran.status == 1
    assert ran.out == ""
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_stream_that_is_closed_is_nobodys(project: Project) -> None:
    """As `runner apply >&- 2>&-` in a shell has it: no file takes its place."""
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]
    with serving() as api:
        project.write(provider(api) + completion("a", "hi"))
        assert project.run("apply", "--auto-approve", before=closed).status == 0
        assert len(project.records) == 1
        assert project.run("output", "a", before=closed).status == 0
        project.write("oops")
        assert project.run("plan", before=closed).status == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_is_said_is_utf8_whatever_the_surroundings_are_set_to(
    project: Project, encoding: str
) -> None:
    surroundings = {"PYTHONIOENCODING": encoding, "LC_ALL": "C", "PYTHONUTF8": "0"}
    project.write('[output.a]\nvalue = "\u00e9 \u2600 \U0001f600"\n')
    for command in (["plan"], ["apply", "--auto-approve"], ["output", "a"]):
        ran = project.run(*command, env=surroundings)
        assert (ran.status, ran.err) == (0, "")
        assert "\u00e9 \u2600 \U0001f600" in ran.out
    project.write("[completion.\u2600]\n")
    ran = project.run("plan", env=surroundings)
    assert ran.status == 1
    assert "\u2600" in ran.err


def left(before: str) -> subprocess.CompletedProcess[str]:
    """A process that runs a command after some code, and ends."""
    code = (
        f"{before}\nimport sys\nfrom runner.cli.main import entry\n"
        "sys.argv[1:] = ['version']\nentry()"
    )
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=HANG, check=False
    )


def test_ctrl_c_while_it_is_told_of_another_one_ends_the_process_without_a_traceback() -> None:
    ran = left(
        "import io, signal, sys\n"
        "class Pressed(io.StringIO):\n"
        "    def write(self, text):\n"
        "        if self is sys.__stdout__ or 'Interrupted' in text:\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "        return sys.__stderr__.write(text)\n"
        "sys.stderr = Pressed()\n"
        "sys.stdout = sys.__stdout__ = Pressed()\n"
    )
    assert ran.returncode
    assert ran.stderr == ""


def test_what_is_to_be_called_at_the_end_is_called_and_nothing_is_taken_apart() -> None:
    ran = left(
        "import atexit\n"
        "atexit.register(print, 'the end')\n"
        "class Held:\n"
        "    def __del__(self):\n"
        "        print('taken apart', flush=True)\n"
        "held = Held()\n"
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[-1] == "the end"
    assert "taken apart" not in ran.stdout


def test_a_thread_that_is_at_work_is_waited_for() -> None:
    ran = left(
        "from threading import Thread, main_thread\n"
        "def work():\n"
        "    main_thread().join()\n"
        "    print('worked')\n"
        "Thread(target=work).start()\n"
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[-1] == "worked"


def test_whoever_profiles_a_command_is_left_to_tell_of_it() -> None:
    command = [sys.executable, "-m", "cProfile", "-m", "runner", "version"]
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=HANG, check=False
    )
    assert "function calls" in ran.stdout, ran.stderr
