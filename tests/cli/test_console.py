import json
import os
import pty
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from runner.cli.terminal.prompting import completer
from runner.core.plan.targets import Choice
from runner.core.secrets.secrets import Secrets
from runner.operations.options import Options, ProjectPlace
from runner.operations.outputs.evaluate import evaluator
from runner.operations.reading.load import load
from tests import ROOT
from tests.harness.project import HANG, Project, Ran, completion, missing
from tests.harness.recorded import record, stdin, write_state

SECRET = "s3cr3t-t0ken-0123"
CONFIG = f"""
[runner]
provider = "openai"
[variable.topic]
default = "the sea"
[variable.token]
default = "{SECRET}"
sensitive = true
[locals]
mixed = "{{{{ var.token }}}} and {{{{ var.topic }}}}"
n = 3
"""
Say = Callable[..., Ran]  # what somebody types, line by line


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "p")
    made.write(
        CONFIG
        + completion("chat", "{{ var.topic }}")
        + completion("later", "{{ completion.chat.content }}")
        + completion("each", "{{ each.key }}", 'for_each = ["x", "y"]')
    )
    write_state(
        made,
        record("completion.chat", "Salt & water ✓"),
        record('completion.each["x"]', '{"n": 1}'),
    )
    return made


@pytest.fixture
def say(project: Project, monkeypatch: pytest.MonkeyPatch) -> Say:
    def say(*lines: str) -> Ran:
        monkeypatch.setattr(sys, "stdin", stdin("\n".join(lines).encode()))
        return project.call("console")

    return say


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("1 + 1", "2"),
        ("var.topic", "the sea"),
        ("local.n * 2", "6"),
        ("completion.chat.content", "Salt & water ✓"),
        ("completion.chat.content | upper", "SALT & WATER ✓"),
        ("completion.chat.usage.total_tokens", "30"),
        ("completion.each['x'].json.n", "1"),
        ("var.topic == 'the sea'", "true"),
        ("none", "null"),
        ("sha256('a')[:8]", "ca978112"),
        ("About {{ var.topic }}.", None),
        ("{{ var.topic }}!", "the sea!"),
        ("{% for i in range(local.n) %}{{ i }}{% endfor %}", "012"),
    ],
)
def test_an_expression_is_printed_as_output_prints_it(
    say: Say, source: str, printed: str | None
) -> None:
    ran = say(source)
    if printed is None:
        assert ran.status == 1
    else:
        assert (ran.out, ran.err, ran.status) == (f"{printed}\n", "", 0)


def test_tables_and_lists_are_json(say: Say) -> None:
    assert json.loads(say('{"a": {"b": [1, none]}}').out) == {"a": {"b": [1, None]}}
    answer = json.loads(say("completion.chat").out)
    assert answer["content"] == "Salt & water ✓"
    assert answer["finish_reason"] == "stop"


def test_answers_that_have_not_come_are_said(say: Say) -> None:
    ran = say("completion.later.content")
    assert ran.status == 1
    assert "completion.later has no answer yet" in ran.err
    held = json.loads(say("completion").out)
    assert held["later"] == "(not known before apply)"
    assert held["chat"]["content"] == "Salt & water ✓"


@pytest.mark.parametrize(
    "source",
    [
        "var.token",
        "var",
        "var['tok' ~ 'en']",
        "[var][0]['token']",
        "local",
        "local.mixed",
        "local.mixed | upper",
        "{% set v = var %}{{ v.token }}",
        "env('CONSOLE_TEST_KEY')",
        "env('CONSOLE_TEST_KEY') | length",
        "{'a': var.token}",
    ],
)
def test_what_is_sensitive_is_never_printed(
    say: Say, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSOLE_TEST_KEY", "env-0123456789")
    ran = say(source)
    assert ran.out == "(sensitive)\n"
    assert ran.status == 0


def test_a_secret_in_an_answer_is_masked(project: Project, say: Say) -> None:
    write_state(project, record("completion.chat", f"You said {SECRET}."))
    assert say("completion.chat.content").out == "You said (sensitive).\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("completion.chatt", 'Did you mean "chat"?'),
        ("var.topci", 'Did you mean "topic"?'),
        ("topic", "did you mean var.topic?"),
        ("shar256('a')", "did you mean sha256?"),
        ("toset(['a'])", "toset(..) is written {{ x | unique(true)"),
        ("1 +", "Invalid expression"),
        ("1 / 0", "ivision by zero"),
        ("completion.each", None),
        ("completion.each['z'].content", '"z"'),
        ("file('../../../etc/passwd')", "outside of the project"),
        ("sha256", "is not a value"),
        ("'x' * 10 ** 15", "more than 100,000,000 bytes"),
    ],
)
def test_a_mistake_is_told_and_the_next_line_is_read(
    say: Say, source: str, said: str | None
) -> None:
    ran = say(source, "", "2 + 2")
    assert ran.out.endswith("4\n")
    assert "Traceback" not in ran.err
    if said is not None:
        assert said in ran.err
        assert ran.out == "4\n"
        assert ran.status == 1


def test_one_expression_is_given_on_the_command_line(project: Project) -> None:
    said = project.call("console", "var.topic | upper")
    assert (said.status, said.out, said.err) == (0, "THE SEA\n", "")
    failed = project.call("console", "var.topci")
    assert (failed.status, failed.out) == (1, "")
    assert 'Did you mean "topic"?' in failed.err
    assert project.call("console", "var.token").out == "(sensitive)\n"


def test_exit_ends_it(say: Say) -> None:
    assert say("1", "exit", "2").out == "1\n"


def test_bytes_that_are_no_text_are_a_mistake(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin(b"\xff\xfe\n1\n"))
    ran = project.call("console")
    assert ran.out == "1\n"
    assert ran.status == 1


def test_a_configuration_that_does_not_load_is_an_error(project: Project, say: Say) -> None:
    project.write("[completion\n")
    ran = say("1")
    assert (ran.status, ran.out) == (1, "")


def converse(project: Project, *typed: tuple[bytes, bytes], env: dict[str, str]) -> None:
    """Lines typed at a real terminal once the prompt is there, and what each has to print; then
    Ctrl-D, which ends it well.
    """
    ours, theirs = pty.openpty()
    surroundings = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **env}
    process = project.start("console", env=surroundings, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    watch = threading.Timer(60, process.kill)
    watch.start()
    try:
        seen = b""
        for line, printed in typed:
            seen = _until(ours, seen, b">")
            os.write(ours, line)
            seen = _until(ours, seen, printed)
        _until(ours, seen, b">")
        os.write(ours, b"\x04")
        _until(ours, b"", None)
        assert process.wait(HANG) == 0
    finally:
        watch.cancel()
        process.kill()
        process.wait()
        os.close(ours)


def test_on_a_terminal_lines_are_edited_kept_and_ctrl_d_leaves(project: Project) -> None:
    """A real terminal: two lines, one of them wrong, then Ctrl-D; status 0, and a history."""
    home = project.directory / "home"
    environment = {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(home)}
    typed = (b"20 + 22\r", b"42\r\n"), (b"var.topci\r", b"Did you mean")
    converse(project, *typed, env=environment)
    history = next(home.rglob("console_history")).read_text()
    assert "+20 + 22" in history


def test_without_the_extra_lines_are_read_and_completed_as_python_reads_them(
    project: Project, tmp_path: Path
) -> None:
    converse(
        project,
        (b"20 + 22\r", b"42\r\n"),
        (b"var.topci\r", b"Did you mean"),
        (b"var.topi\t | upper\r", b"THE SEA\r\n"),
        (b"\x1b[A\r", b"THE SEA\r\n"),
        env=missing(tmp_path / "missing", "prompt_toolkit"),
    )


def test_names_are_completed(project: Project) -> None:
    """Every name of the project, and the attributes of its answers."""
    options = Options(ProjectPlace(str(project.directory)), Choice())
    known = evaluator(load(options, Secrets())).names()

    def completed(text: str) -> list[str]:
        found = completer(known).get_completions(Document(text), CompleteEvent())
        return [each.text for each in found]

    assert completed("1 + var.to") == ["var.topic", "var.token"]
    assert completed("completion.chat.con") == ["completion.chat.content"]
    assert "local.mixed" in completed("local")
    assert "sha256" in completed("sha")


def _until(terminal: int, seen: bytes, wanted: bytes | None) -> bytes:
    """What comes after a text that has to come; None: until the terminal is closed."""
    while wanted is None or wanted not in seen:
        try:
            seen += os.read(terminal, 4096)
        except OSError:  # nobody has it open any more
            assert wanted is None, seen
            return seen
    return seen.split(wanted, 1)[1]
