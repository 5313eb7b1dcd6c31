"""Answers shown while they are written: on a terminal, in a pipe, as events, and one alone."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest

from runner.cli.views.running.streaming import CUT, Panel, PrefixedLines
from runner.cli.views.style import Style
from runner.core.api.exchange import Failure
from runner.core.plan.events import CutOff, Done, Failed, Started, Written
from tests.cli.test_progress import unpriced
from tests.cli.test_schemas import faults
from tests.harness.faults import completion as answer
from tests.harness.faults import error, events
from tests.harness.project import Project, completion, provider, serving
from tests.harness.recorded import record
from tests.harness.server import FakeAPI
from tests.harness.terminal import on_terminal

EACH = 'for_each = ["a", "b", "c"]'
BEGUN = {"choices": [{"index": 0, "delta": {"content": "The sun"}, "finish_reason": None}]}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with serving() as api:
        yield three(Project(tmp_path), api)


def three(made: Project, api: FakeAPI) -> Project:
    made.write(provider(api, max_retries=1) + completion("x", "first\n{{ each.key }}", EACH))
    return made


def one(made: Project, api: FakeAPI, *more: str) -> Project:
    made.write(provider(api, max_retries=1) + completion("x", "first\nlast", *more))
    return made


# -- one, raw


def test_one_answer_is_raw_on_stdout_and_all_else_on_stderr(project: Project) -> None:
    ran = project.run("apply", "--auto-approve", '--stream=completion.x["b"]')
    assert ran.status == 0, ran.err
    assert ran.out == project.run("output", 'x["b"]', "--raw").out
    assert "Apply complete! 3 issued." in ran.err
    assert [r.get("first_ms") is None for r in project.records.values()] == [True, False, True]
    again = project.run("apply", "--auto-approve", '--stream=completion.x["b"]')
    assert (again.out, "No changes." in again.err) == (ran.out, True)
    project.state_file.unlink()
    cached = project.run("apply", "--auto-approve", '--stream=completion.x["b"]')
    assert cached.out == ran.out


def test_one_answer_that_comes_as_a_whole_is_raw_too(tmp_path: Path) -> None:
    with serving(script=lambda got: answer(got.body, 1)) as api:
        made = one(Project(tmp_path), api)
        ran = made.apply("--stream=completion.x")
    assert ran.out == made.call("output", "x", "--raw").out != ""


def test_an_old_answer_is_not_shown_for_one_that_failed(tmp_path: Path) -> None:
    with serving("ok", error(400, message="no")) as api:
        made = one(Project(tmp_path), api)
        assert made.apply().status == 0
        ran = made.apply("--stream=completion.x", "--replace", "completion.x")
    assert (ran.status, ran.out) == (1, "")


def test_an_address_that_means_none_or_several_is_an_error(project: Project) -> None:
    ran = project.apply("--stream=completion.x")
    assert (ran.status, "--stream=completion.x means 3: " in ran.err) == (1, True)
    ran = project.apply("--stream=completion.y")
    assert (ran.status, 'Did you mean "completion.x' in ran.err) == (1, True)
    assert project.records == {}


# -- in a pipe


def test_lines_in_a_pipe_are_whole(project: Project) -> None:
    ran = project.apply("--stream")
    assert ran.status == 0, ran.err
    shown = [line for line in ran.err.splitlines() if " | " in line]
    wanted = [f'completion.x["{k}"] | {t}' for k in "abc" for t in ("echo: first", f"{k} ")]
    assert sorted(shown) == sorted(wanted)


def test_an_answer_that_is_cut_off_is_marked_and_asked_for_again(tmp_path: Path) -> None:
    with serving(events(BEGUN, cut=True)) as api:
        made = three(Project(tmp_path), api)
        ran = made.apply("--stream", "--concurrency", "1")
        assert ran.status == 0, ran.err
    begin = ran.err.index('completion.x["a"] | The sun\ncompletion.x["a"] | ' + CUT)
    assert 'completion.x["a"] | echo: first' in ran.err[begin:]
    held = made.records['completion.x["a"]']
    assert "The sun" not in str(held["response"])
    assert held["maybe_billed"] == 1


def test_one_alone_is_its_text_as_it_comes(tmp_path: Path) -> None:
    with serving(events(BEGUN, cut=True)) as api:
        ran = one(Project(tmp_path), api).apply("--stream")
    assert f"The sun\n{CUT}\necho: first\nlast" in ran.err
    assert "completion.x |" not in ran.err


def test_no_answer_steers_whoever_reads_lines(tmp_path: Path) -> None:
    with serving(script=lambda got: answer(got.body, 1, "a\x1b[31mb\rc\u202ed\n")) as api:
        ran = three(Project(tmp_path), api).apply("--stream", "-q")
    shown = "a\\u001b[31mb\\u000dc\\u202ed"
    assert sorted(ran.err.splitlines()) == [f'completion.x["{k}"] | {shown}' for k in "abc"]


# -- what is asked and recorded


def test_how_an_answer_travels_is_no_part_of_what_is_recorded(tmp_path: Path) -> None:
    records = []
    for name, flags in (("plain", ()), ("streamed", ("--stream",))):
        with serving(script=lambda got: answer(got.body, 1)) as api:
            made = one(Project(tmp_path / name), api)
            assert made.apply(*flags).status == 0
            (sent,) = api.completions
            records.append((made.records["completion.x"], sent.body.get("stream")))
    (plain, asked), (streamed, asked_so) = records
    assert (asked, asked_so) == (None, True)
    assert plain["request"] == streamed["request"]
    assert plain["response"] == streamed["response"]
    assert "first_ms" not in plain


def test_what_says_that_it_is_not_streamed_is_sent_as_it_is(tmp_path: Path) -> None:
    with serving() as api:
        made = one(Project(tmp_path), api, "stream = false")
        ran = made.apply("--stream")
        (sent,) = api.completions
    assert sent.body["stream"] is False
    assert "stream_options" not in sent.body
    assert "echo: first\nlast" in ran.err


def test_events_hold_the_pieces_and_when_the_first_token_came(project: Project) -> None:
    ran = project.apply("--stream", "--json")
    assert ran.status == 0, ran.err
    assert [event for event in ran.events if faults("events", event)] == []
    for address, held in project.records.items():
        pieces = [one["text"] for one in ran.of("apply_text") if one["address"] == address]
        assert pieces
        assert "".join(pieces) == held["response"]["choices"][0]["message"]["content"]
    ended = {event["address"]: event["first_ms"] for event in ran.of("apply_complete")}
    assert ended == {address: held["first_ms"] for address, held in project.records.items()}


# -- on a terminal


class Screen(io.StringIO):
    """A terminal of pyte's, as wide as it is said to be."""

    def __init__(self, columns: int = 60, rows: int = 12) -> None:
        super().__init__()
        self.size = os.terminal_size((columns, rows))
        self._cells = pyte.HistoryScreen(columns, rows, history=1000)
        self._stream = pyte.Stream(self._cells)

    def write(self, text: str) -> int:
        self._stream.feed(text.replace("\n", "\r\n"))
        return len(text)

    @property
    def shown(self) -> list[str]:
        """What stands there now, without what is empty below."""
        lines = [line.rstrip() for line in self._cells.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines


class Sized(Panel):
    """A panel on such a terminal, drawn whenever it is asked to be."""

    def __init__(self, total: int, screen: Screen) -> None:
        self._screen = screen
        super().__init__(total, unpriced, screen, Style(colour=False))

    def _size(self) -> os.terminal_size:
        return self._screen.size

    def drawn(self) -> list[str]:
        self.tick()
        return self._screen.shown


def test_a_line_for_each_in_flight_and_what_is_finished_goes_up_whole() -> None:
    panel = Sized(2, Screen(columns=90))
    for address in ("completion.a", "completion.long"):
        panel.tell(Started(address))
    panel.tell(Written("completion.a", "one\ntwo "))
    panel.tell(Written("completion.a", "three"))
    first, second, bar = panel.drawn()
    assert first.split() == ["completion.a", "20", "tokens/s", "one", "two", "three"]
    assert second.split() == ["completion.long", "0", "s"]
    assert bar.startswith("[....")
    made = record("completion.a", "one\ntwo three", first_ms=10)
    panel.tell(Done("completion.a", "issued", made))
    head, *text, second, bar = panel.drawn()
    assert head.startswith("completion.a  1.2s, first token 0.01s, 30 tokens")
    assert text == ["one", "two three", ""]
    panel.tell(CutOff("completion.long"))
    panel.tell(Written("completion.long", "half"))
    panel.tell(CutOff("completion.long"))
    panel.tell(Failed("completion.long", Failure("no")))
    panel.close()
    assert panel._screen.shown[-4:] == ["half", CUT, "", "completion.long: Failed: no"]


def test_no_answer_steers_the_terminal_or_breaks_a_line() -> None:
    panel = Sized(1, Screen())
    panel.tell(Started("completion.a"))
    panel.tell(Written("completion.a", "\x1b[2J\x07wide 漢字 " * 20))
    line, _ = panel.drawn()
    assert len(line.encode("gbk")) < 60  # two bytes where it takes two columns
    assert line.endswith("\\u0007wide 漢字")
    panel.tell(Done("completion.a", "issued", record("completion.a", "x")))
    panel.close()
    assert "\\u001b[2J" in "\n".join(panel._screen.shown)


def test_a_window_that_is_too_small_says_how_many_it_does_not_show() -> None:
    panel = Sized(9, Screen(columns=30, rows=6))
    for number in range(9):
        panel.tell(Started(f'completion.each["{number}"]'))
        panel.tell(Written(f'completion.each["{number}"]', "some words"))
    *lines, more, bar = panel.drawn()
    assert more == ".. and 7 more"
    assert lines == [f'..each["{number}"]  some words' for number in range(2)]
    assert all(len(line) < 30 for line in (*lines, bar))


def test_a_panel_in_a_window_that_became_narrower_leaves_nothing_behind() -> None:
    panel = Sized(1, Screen(columns=60))
    panel.tell(Started("completion.a"))
    panel.tell(Written("completion.a", "some words " * 10))
    panel.drawn()
    assert panel._panel.rows_above(60) == 1
    assert panel._panel.rows_above(30) == 3  # both of its lines are two rows there
    assert panel._panel.rows_above(1000) == 1


def test_on_a_terminal_the_whole_command_ends_with_all_texts(project: Project) -> None:
    shown = on_terminal(project, "apply", "--auto-approve", "--stream", columns=70)
    screen = Screen(columns=70, rows=60)
    screen.write(shown)
    said = "\n".join(screen.shown)
    for key in "abc":
        assert f"echo: first\n{key}\n" in said
    assert "in flight" not in said
    assert said.index("echo: first") < said.index("Apply complete! 3 issued.")


def test_a_terminal_that_is_dumb_gets_lines(project: Project) -> None:
    shown = on_terminal(project, "apply", "--auto-approve", "--stream", env={"TERM": "dumb"})
    assert 'completion.x["a"] | echo: first' in shown
    assert "\x1b[" not in shown


def test_a_line_that_has_no_end_is_shown_when_the_answer_has_one() -> None:
    lines = PrefixedLines(1, unpriced, quiet=True)
    lines.tell(Started("a"))
    lines.tell(Written("a", "no end"))
    lines.tell(Done("a", "issued", record("a", "no end")))
    assert lines._begun == {}
