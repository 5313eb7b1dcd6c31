"""What reaches a terminal: nobody's words steer it, or hide on it; a pipe gets each byte."""

import json
import subprocess
from pathlib import Path

import pytest

from runner.cli.streams import harmless, on_one_line
from tests import ROOT
from tests.harness.faults import completion as answer
from tests.harness.project import Project, completion, ended, provider, serving
from tests.harness.terminal import on_terminal

STEERING = "\x1b[2J\x1b]0;title\x07\x1b[31mred\x9b1A\u202eabc\x08\x08\rdone\U000e0041\u200bend"
WRITTEN = (
    "\\u001b[2J\\u001b]0;title\\u0007\\u001b[31mred\\u009b1A\\u202eabc\\u0008\\u0008\\u000ddone"
    "\\U000e0041\\u200bend"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Read by every test here, and written by none."""
    made = Project(tmp_path_factory.mktemp("streams"))
    with serving(script=lambda got: answer(got.body, 1, STEERING)) as api:
        each = completion("each", "x", f"for_each = [{json.dumps(STEERING[:33])}]")
        made.write(provider(api) + completion("a", "hi") + each)
        ran = made.apply()
        assert ran.status == 0, ran.err
    return made


@pytest.mark.parametrize(
    "arguments",
    [
        ("output", "a"),
        ("output", "a", "--raw"),
        ("output", "a", "--json"),
        ("output",),
        ("output", "--json"),
        ("show",),
        ("show", "--json"),
        ("show", "completion.a"),
        ("state", "list"),
        ("state", "pull"),
        ("state", "show", "completion.a"),
        ("plan", "--replace", "completion.a"),
        ("plan", "--destroy"),
        ("plan", "--json"),
        ("fmt", "--check", f"no-{STEERING[:-40]}such.toml"),
        ("graph",),
        ("graph", "--format", "mermaid"),
        ("output", STEERING[:9]),
    ],
    ids=str,
)
def test_no_words_steer_a_terminal(project: Project, arguments: tuple[str, ...]) -> None:
    shown = on_terminal(project, *arguments)
    ours = {"\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m", "\x1b[90m"}
    assert "\x1b[31mred" not in shown
    for code in ours:
        shown = shown.replace(code, "")
    assert shown
    steering = {one for one in STEERING if not one.isprintable()}
    assert not steering & set(shown), shown


def test_an_output_is_written_out_on_a_terminal_and_goes_through_a_pipe_as_it_is(
    project: Project, tmp_path: Path
) -> None:
    for flags, end in ((), "\n"), (("--raw",), ""):
        assert on_terminal(project, "output", "a", *flags) == WRITTEN + end
        with (tmp_path / "out").open("wb") as out:
            assert ended(project.start("output", "a", *flags, stdout=out)).status == 0
        assert (tmp_path / "out").read_bytes().decode() == STEERING + end


def test_json_on_a_terminal_is_the_same_value(project: Project) -> None:
    shown = on_terminal(project, "output", "--json", env={"NO_COLOR": "1"})
    assert "\\u202e" in shown
    assert json.loads(shown.replace("\\U000e0041", "\U000e0041")) == project.outputs


def test_errors_are_written_out_also_where_no_terminal_is(project: Project) -> None:
    """Logs are read on terminals later."""
    done = project.run("state", "show", STEERING)
    assert (done.status, done.out) == (1, "")
    assert WRITTEN in done.err


def test_a_plan_shows_what_is_sent_but_not_seen(tmp_path: Path) -> None:
    """Zero width, tags, fillers and a lone carriage return: a line is what a line feed ends."""
    project = Project(tmp_path)
    for hidden in ("\u200b", "\U000e0041", "\u3164", "\u2066", "\r", "\x85", "\u2028", "\u00ad"):
        project.write(completion("a", f"one {hidden} two\nthree"), "main.toml")
        shown = project.call("plan", "--offline", "--target", "completion.a").out
        assert harmless(f"one {hidden} two\n            three") in shown.replace("        + ", "")


def test_no_key_or_name_forges_a_line_of_a_plan(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write(
        completion("b", "x", 'extra_body = { "k\\n\\nPlan: 0 to issue." = "v\\n2" }')
        + '[provider.openai]\nbase_url = "http://127.0.0.1:9"\n'
    )
    lines = project.call("plan", "--target", "completion.b").out.splitlines()
    assert [line for line in lines if line.startswith("Plan:")] == [lines[-1]]


@pytest.mark.parametrize(
    "text",
    ["a\tb\r\nc\n", "é 漢字 שלום سلام", "👩‍👩‍👧 ❤️‍🔥 1️⃣ 👍🏽", "می‌خواهم", "क्‍ष"],
)
def test_what_people_write_is_shown_as_it_is(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize("text", ["pa\u200cy", "x\ufe0f\ufe0f", "\u200d", "e\U000e0100", "\ud800"])
def test_what_nobody_sees_is_written_out(text: str) -> None:
    assert harmless(text) != text
    assert harmless(text).isprintable() or "\ufe0f" in harmless(text)


def test_what_is_written_out_once_stays() -> None:
    assert harmless(harmless(STEERING)) == harmless(STEERING)
    assert "\n" not in on_one_line("a\r\nb\nc")


def test_one_door_leads_to_standard_output() -> None:
    """Bytes that went around it would reach a terminal as they are."""
    sources = ROOT / "runner"
    found = {
        str(path.relative_to(sources))
        for path in sources.rglob("*.py")
        if "stdout.buffer" in path.read_text(encoding="utf-8")
    }
    assert found == {"cli/streams.py"}


def test_a_log_line_is_written_out_beside_the_bar(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with serving(script=lambda got: answer(got.body, 1, "x")) as api:
        each = completion("each", "x", f"for_each = [{json.dumps(STEERING[:33])}]")
        project.write(provider(api) + each)
        shown = on_terminal(project, "apply", "--auto-approve", "--log-level", "info")
    assert "\x07" not in shown
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown


def test_a_broken_pipe_is_not_worth_a_word(project: Project) -> None:
    process = project.start("output", stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.wait()
    process.stderr.close()
    assert said == ""
