"""The line that tells where a run stands."""

from io import StringIO

from runner.cli.views.running.progress import Bar, Progress
from runner.core.api.exchange import Failure
from runner.core.api.usage import usage_of
from runner.core.plan.events import Done, Failed, Skipped, Started
from runner.core.state.records import Record
from runner.operations.spending import Paid
from tests.harness.recorded import record


def priced(answer: Record) -> Paid:
    return Paid(usage_of(answer.response), 0.25)


def unpriced(answer: Record) -> Paid:
    return Paid(usage_of(answer.response), None)


def test_the_line_counts_what_was_paid_for() -> None:
    """An answer that was not accepted is paid for as well; one from the cache is not."""
    shown = Progress(6, priced)
    held = record("completion.a")
    shown.tell(Started("completion.a"))
    shown.tell(Done("completion.a", "issued", held))
    shown.tell(Done("completion.b", "reused", held))
    shown.tell(Failed("completion.c", Failure("a postcondition does not hold"), held))
    shown.tell(Failed("completion.d", Failure("no such host")))
    shown.tell(Skipped("completion.e", "completion.d"))
    assert "2/6 done" in shown.line()
    assert "2 failed, 60 tokens, $0.50, " in shown.line()


class Pushed:
    """Connections of which nothing is asked any more."""

    waiting = "3 answers on the way to s3://team/cache"


class NothingInFlight:
    in_flight = 0


def test_the_line_of_a_run_that_is_over_says_what_goes_on() -> None:
    shown = Progress(1, unpriced)
    with shown.during(NothingInFlight(), Pushed()):
        assert "0/1 done, 0 in flight, " in shown.line()
        shown.tell(Done("completion.a", "issued", record("completion.a")))
        assert shown.line() == f"1/1 done, {Pushed.waiting}"


def test_a_price_that_is_not_known_is_not_shown_as_nothing() -> None:
    shown = Progress(1, unpriced)
    shown.tell(Done("completion.a", "issued", record("completion.a")))
    assert "$" not in shown.line()


def seen(terminal: StringIO) -> list[str]:
    """What a terminal shows of it."""
    lines = []
    for line in terminal.getvalue().split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


def test_a_bar_stands_below_what_is_said_and_leaves_nothing_behind() -> None:
    terminal = StringIO()
    bar = Bar(4, unpriced, terminal)
    assert seen(terminal) == ["[........................] 0/4 done, 0 in flight, 0.0/s"]
    bar.tell(Done("completion.a", "reused", record("completion.a")))
    bar.tell(Failed("completion.b", Failure("no such \x1b[2Jhost")))
    said = "completion.b: Failed: no such \\u001b[2Jhost"
    shown = seen(terminal)
    assert shown[0] == said
    assert shown[1].startswith("[############............] 1/4 done, 0 in flight, 1 failed, ")
    assert all(len(line) < 80 for line in shown)
    bar.say("waiting\nfor two")
    assert seen(terminal)[:3] == [said, "waiting", "for two"]
    bar.close()
    assert seen(terminal) == [said, "waiting", "for two", ""]


def test_ctrl_c_and_a_long_sentence_leave_no_part_of_a_bar_or_a_word() -> None:
    terminal = StringIO()
    bar = Bar(10**30, unpriced, terminal)  # a line that is too long, and cut
    terminal.write("^C")
    assert len(seen(terminal)[0]) < 80
    bar.say(
        "Interrupted: nothing new is started; waiting up to 30 s for 4 in flight. Once more leaves."
    )
    bar.close()
    assert seen(terminal) == [
        "Interrupted: nothing new is started; waiting up to 30 s for 4 in flight. Once",
        "more leaves.",
        "",
    ]
