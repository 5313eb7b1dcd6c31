"""What `runner apply` asks, says and prints."""

import os
import pty
import re
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.harness.faults import RATE, error
from tests.harness.project import (
    HANG,
    KEY,
    Project,
    Ran,
    completion,
    ended,
    prompt_of,
    provider,
    serving,
)
from tests.harness.server import Request, Step

CONFIG = completion("chat", "Tell me.", "temperature = 0.7")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def _answered(project: Project, text: str) -> Ran:
    """`runner apply` on a terminal, and what somebody types there."""
    ours, theirs = pty.openpty()
    process = project.start("apply", stdin=theirs)
    os.close(theirs)
    os.write(ours, text.encode())
    ran = ended(process)
    os.close(ours)
    return ran


def test_without_a_terminal_it_refuses_to_guess(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + CONFIG)
        ran = project.run("apply")
        assert ran.status == 1
        assert "Error: Nobody to ask" in ran.err
        assert "--auto-approve" in ran.err
        assert "Plan: " in ran.out
        assert not api.requests
    assert not project.state_file.exists()


def test_with_nothing_to_do_nobody_is_asked(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + CONFIG)
        assert project.apply().status == 0
        ran = project.run("apply")
        assert (ran.status, ran.err) == (0, "")
        assert "No changes." in ran.out
        assert project.run("destroy").status == 1
        assert project.call("destroy", "--auto-approve").status == 0
        assert project.run("destroy").status == 0


def test_a_destroy_says_that_it_was_one(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + CONFIG)
        project.apply()
        assert "\nDestroy complete! 1 removed.\n" in project.call("destroy", "--auto-approve").out
        assert "Nothing is recorded" in project.call("destroy", "--auto-approve").out


def test_outputs_alone_need_no_request_and_the_plan_says_so(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + CONFIG)
        project.apply()
        project.write(provider(api) + CONFIG + "[output.new]\nvalue = 1\n")
        said = "  + new = 1\n\nNo request is needed: an apply writes these outputs.\n"
        assert project.call("plan").out.endswith(said)


def test_a_block_without_any_answer_is_no_output(project: Project) -> None:
    """Of one with some, those that are missing leave their places empty."""

    def script(got: Request) -> Step:
        return "ok" if prompt_of(got.body) in fine else "500"

    fine: set[str] = set()
    with serving(script=script) as api:
        project.write(provider(api) + completion("many", "{{ count.index }}", "count = 3"))
        assert "Outputs:" not in project.apply().out
        fine.add("1")
        shown = project.apply().out
    assert "many = [\n  null,\n  " in shown


def test_without_the_embedded_model_no_plan_is_shown(project: Project, tmp_path: Path) -> None:
    project.write(
        '[provider.embedded]\n[completion.a]\nmessages = [{ role = "user", content = "a" }]\n'
    )
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_THE_MODEL)
    where = os.pathsep.join([str(tmp_path), str(ROOT)])
    ran = project.run("apply", "--auto-approve", env={"PYTHONPATH": where})
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("Error: The embedded model is not installed")


WITHOUT_THE_MODEL = """
import importlib.util
known = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "xllamacpp" else known(name, *rest)
"""


def test_all_keys_that_are_missing_are_told_together(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GROQ_API_KEY", "MISTRAL_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    project.write(
        completion("a", "hi", 'provider = "groq"') + completion("b", "hi", 'provider = "mistral"')
    )
    ran = project.call("apply", "--auto-approve")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("Error: No API key") == 2


def test_yes_applies(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + CONFIG)
        ran = _answered(project, "yes\n")
        assert ran.status == 0, ran.err
        assert "Only 'yes' will be accepted to approve." in ran.err
        assert "Apply complete! 1 issued." in ran.out
        assert len(api.requests) == 1


@pytest.mark.parametrize("answer", ["no\n", "y\n", "YES\n", "\n", "\x04"])
def test_anything_else_cancels(project: Project, answer: str) -> None:
    with serving() as api:
        project.write(provider(api) + CONFIG)
        ran = _answered(project, answer)
        assert ran.status == 1
        assert "Cancelled." in ran.err
        assert not api.requests
    assert not project.state_file.exists()


def test_nothing_to_do_asks_nothing(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + CONFIG)
        assert project.apply().status == 0
        ran = _answered(project, "")
        assert ran.status == 0
        assert "No changes." in ran.out
        assert "Enter a value" not in ran.err
        assert len(api.requests) == 1


def test_the_transcript_of_a_first_apply(project: Project) -> None:
    with serving() as api:
        project.write(
            provider(api) + CONFIG + '[output.said]\nvalue = "{{ completion.chat.id }}"\n'
        )
        ran = project.apply()
    assert ran.status == 0
    assert (
        ran.out
        == """\
  # completion.chat will be issued
  + completion.chat              gpt-4o, temperature 0.7
      user  Tell me.

Plan: 1 to issue. Estimated: at least 8 tokens \
(prompts ~7 to 14, by script), price of gpt-4o unknown.

Apply complete! 1 issued. 5 tokens, 1 answer of unknown price.

Outputs:

chat = "echo: Tell me."
said = "chatcmpl-1"
"""
    )
    assert re.fullmatch(
        r"completion\.chat: Issuing\.\.\.\n"
        r"completion\.chat: Answered after \d+\.\ds, 5 tokens \[id=chatcmpl-1\]\n",
        ran.err,
    )


def test_the_transcript_of_a_change(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + CONFIG)
        assert project.apply().status == 0
        project.write(provider(api) + CONFIG.replace("0.7", "0.2").replace("me.", "us."))
        ran = project.apply()
    assert ran.status == 0
    plan, _, rest = ran.out.partition("\nApply ")
    assert (
        plan
        == """\
  # completion.chat will be issued again
-/+ completion.chat              temperature 0.7 -> 0.2
      user
        - Tell me.
        + Tell us.

Plan: 1 to re-issue. Estimated: at least 4 tokens \
(prompts ~1 to 5, by reports), price of gpt-4o unknown.
"""
    )
    assert rest.startswith("complete! 1 issued.")


def test_the_transcript_of_a_failure(project: Project) -> None:
    with serving("ok", "500") as api:
        project.write(
            provider(api) + CONFIG + completion("next", "On {{ completion.chat.content }}")
        )
        ran = project.apply()
    assert ran.status == 1
    assert ran.out.partition("\nApply ")[2] == (
        "incomplete: 1 issued, 1 failed. 5 tokens, 1 answer of unknown price.\n\n"
        "  done         1  completion.chat\n"
        "  failed       1  completion.next\n\n"
        'Outputs:\n\nchat = "echo: Tell me."\n'
    )
    assert ran.err.partition("completion.next: Failed\n")[2] == (
        "Error: Completion failed\n\n  on completion.next\n\n"
        "The server had an error\n(status 500, type server_error)\n"
    )


def test_a_big_apply_says_little(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("many", "{{ count.index }}", "count = 100"))
        ran = project.apply()
    assert len(ran.err.splitlines()) < 5
    assert "completion.many[0] and 99 like it will be issued" in ran.out
    assert "    and 50 more like these, whose texts are not shown\n" in ran.out


def test_what_an_answer_used_and_cost_is_said(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each answer and of all, for people and for programs; also of one not accepted."""
    text = completion("a", "hi") + completion("b", "ho") + "[completion.b.lifecycle]\n"
    check = 'postcondition = [{ condition = "{{ false }}", error_message = "no" }]\n'
    with serving() as api:
        monkeypatch.setenv("OPENAI_BASE_URL", api.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        project.write(text + check)
        ran = project.apply()
        assert ", 3 tokens, $0.000023 [id=" in ran.err
        assert "6 tokens, $0.000045." in ran.out
        project.write(text + check.replace("no", "still no"))
        again = project.apply("--json", "--replace", "completion.a")
    (done,) = again.of("apply_complete")
    (failed,) = again.of("apply_errored")
    for event in (done, failed):
        assert event["usage"] == {"prompt_tokens": 1, "completion_tokens": 2}
        assert event["cost"] == pytest.approx(2.25e-5)
    assert again.of("change_summary")[-1]["cost"] == pytest.approx(4.5e-5)


@pytest.mark.parametrize("number", [1, 30])
def test_a_wait_is_told_while_it_lasts(project: Project, number: int) -> None:
    steps = [error(429, **RATE, headers={"Retry-After": "60"})] * number
    with serving(*steps) as api:
        block = completion("many", "{{ count.index }}", f"count = {number}")
        project.write(provider(api) + block)
        process = project.start("apply", "--auto-approve")
        process.says("rate limited, ")
        process.kill()
        ended(process)


@pytest.mark.parametrize("flag", ["--no-color", None])
def test_colour_is_for_terminals_that_want_it(project: Project, flag: str | None) -> None:
    with serving() as api:
        project.write(provider(api) + CONFIG)
        for variable in ("", "1") if flag is None else ("",):
            ours, theirs = pty.openpty()
            flags = (flag,) if flag else ()
            env = {"NO_COLOR": variable, "TERM": "xterm"}
            process = project.start("plan", *flags, stdout=theirs, env=env)
            os.close(theirs)
            assert process.wait(HANG) == 0
            shown = os.read(ours, 65536)
            os.close(ours)
            process.communicate()
            assert (b"\x1b[" in shown) == (flag is None and not variable), shown


def test_a_bar_on_a_terminal_leaves_nothing_behind(project: Project) -> None:
    with serving(latency=0.2) as api:
        project.write(provider(api) + completion("many", "{{ count.index }}", "count = 30"))
        ours, theirs = pty.openpty()
        process = project.start("apply", "--auto-approve", stderr=theirs, env={"TERM": "xterm"})
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        os.close(ours)
        ran = ended(process)
        assert ran.status == 0
        assert b"/30 done" in shown
        assert "Apply complete! 30 issued." in ran.out


def test_a_saved_plan_is_applied_as_it_was_and_refused_when_stale(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + CONFIG)
        file = str(project.directory / "saved.plan")
        assert project.call("plan", "--out", file).status == 0
        assert not api.requests
        ran = project.call("apply", file)
        assert ran.status == 0, ran.err
        assert len(api.requests) == 1
        again = project.call("apply", file)
        assert again.status == 1
        assert len(api.requests) == 1


def test_a_reader_that_goes_away_is_no_failure_of_the_run(project: Project) -> None:
    """`runner apply --json | head -1`: what was paid is in the state."""
    with serving(latency=0.1) as api:
        project.write(provider(api) + completion("many", "{{ count.index }}", "count = 30"))
        process = project.start("apply", "--auto-approve", "--json", "--concurrency", "4")
        assert process.stdout is not None
        while "apply_complete" not in process.stdout.readline():
            pass
        process.stdout.close()
        assert process.stderr is not None
        with process.stderr:
            err = process.stderr.read()
        process.wait(HANG)
        assert "Traceback" not in err
        assert "Exception ignored" not in err
        assert len(api.requests) == len(project.records) > 0


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("flags", [(), ("--json",)], ids=str)
def test_a_full_disk_below_what_is_said_loses_no_answer(
    project: Project, stream: str, flags: tuple[str, ...]
) -> None:
    """A saved plan is not shown, so that it is the run itself whose words find no room."""
    with serving() as api, Path("/dev/full").open("w") as full:
        project.write(provider(api) + completion("many", "{{ count.index }}", "count = 5"))
        file = str(project.directory / "saved.plan")
        assert project.call("plan", "--out", file).status == 0
        options: dict[str, Any] = {stream: full}
        ran = ended(project.start("apply", file, *flags, **options))
        assert len(api.requests) == 5
    assert len(project.records) == 5
    if stream == "stdout":
        assert ran.status == 1
        assert ran.err.endswith("Error: Output cannot be written\n\nNo space left on device.\n")
