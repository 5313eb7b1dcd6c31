"""`plan --watch`: the plan anew as files change, and exactly what is shown applied."""

import os
import pty
import select
import signal
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.project import HANG, Process, Project, completion, ended, provider, serving

CONFIG = """
[completion.a]
model = "gpt-4o"
for_each = "{{ fileset('prompts/*.md') }}"
messages = [{ role = "user", content = "{{ file(each.key) }}" }]
"""


class Watched:
    """A watching runner at a terminal of its own."""

    def __init__(self, process: Process, terminal: int) -> None:
        self.process, self.terminal, self.seen = process, terminal, ""

    def shows(self, text: str) -> str:
        """What was shown since the last time, up to this text and the line that ends a plan."""
        end = time.monotonic() + HANG
        at = -1
        while at < 0 or "ends." not in self.seen[at:]:
            assert time.monotonic() < end, f"{text!r} was not shown: {self.seen}"
            ready, _, _ = select.select([self.terminal], [], [], 1)
            if ready:
                self.seen += os.read(self.terminal, 65536).decode()
            at = self.seen.find(text)
        shown, self.seen = self.seen, ""
        return shown

    def press(self, key: str) -> None:
        os.write(self.terminal, key.encode())


@contextmanager
def watching(project: Project, *arguments: str) -> Iterator[Watched]:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 120))
    process = project.start("plan", "--watch", *arguments, stdin=theirs, stdout=theirs,
                            stderr=theirs, env={"TERM": "xterm"})  # fmt: skip
    os.close(theirs)
    try:
        yield Watched(process, ours)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(HANG)
        os.close(ours)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    (made.directory / "configs" / "prompts").mkdir()
    return made


def prompt(project: Project, name: str, text: str) -> None:
    (project.directory / "configs" / "prompts" / name).write_text(text)


def test_each_change_is_shown_and_enter_applies_what_is(project: Project) -> None:
    with serving() as api:
        main = provider(api) + CONFIG
        project.write(main)
        prompt(project, "a.md", "First words")
        with watching(project) as watched:
            assert "Enter applies" in watched.shows("First words")
            prompt(project, "a.md", "Other words")
            watched.shows("Other words")
            prompt(project, "b.md", "A new file")
            watched.shows("A new file")
            project.write(main + '[completion.c]\nmodell = "x"\n')
            assert "Enter" not in watched.shows("modell")
            project.write(main)
            watched.shows("2 to issue")
            watched.press("\r")
            assert "Apply complete! 2 issued." in watched.shows("2 answers are up to date")
            watched.press("q")
            assert watched.process.wait(HANG) == 0
        assert {request.body["messages"][0]["content"] for request in api.completions} == {
            "Other words",
            "A new file",
        }


def test_what_changed_since_it_was_shown_is_not_applied(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + CONFIG)
        prompt(project, "a.md", "First words")
        with watching(project) as watched:
            watched.shows("First words")
            watched.process.send_signal(signal.SIGSTOP)
            prompt(project, "a.md", "Other words")
            watched.press("\r")
            watched.process.send_signal(signal.SIGCONT)
            assert "Plan is stale" in watched.shows("Other words")
        assert not api.completions


def test_another_toml_file_is_a_change(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + CONFIG)
        with watching(project) as watched:
            watched.shows("No changes")
            project.write(completion("n", "New"), "new.toml")
            watched.shows("completion.n")


def test_ctrl_c_ends_it_and_leaves_the_terminal_as_it_was(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + CONFIG)
        with watching(project) as watched:
            watched.shows("No changes")
            before = termios.tcgetattr(watched.terminal)[3] & termios.ECHO
            watched.process.send_signal(signal.SIGINT)
            assert watched.process.wait(HANG) == 130
            assert not before
            assert termios.tcgetattr(watched.terminal)[3] & termios.ECHO


def test_nobody_is_there_to_watch(project: Project) -> None:
    ran = ended(project.start("plan", "--watch"))
    assert ran.status == 1
    assert "No terminal to watch at" in ran.err
