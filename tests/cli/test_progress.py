"""The line that tells where a run stands."""

from runner.cli.views.progress import Progress
from runner.core.events import Done, Failed, Skipped, Started
from runner.core.exchange import Failure
from tests.cli.recorded import record


def test_the_line_counts_what_was_paid_for() -> None:
    """An answer that was not accepted is paid for as well; one from the cache is not."""
    shown = Progress(6, lambda _: 0.25)
    held = record("completion.a")
    shown.tell(Started("completion.a"))
    shown.tell(Done("completion.a", "issued", held))
    shown.tell(Done("completion.b", "reused", held))
    shown.tell(Failed("completion.c", Failure("a postcondition does not hold"), held))
    shown.tell(Failed("completion.d", Failure("no such host")))
    shown.tell(Skipped("completion.e", "completion.d"))
    assert "2/6 done" in shown.line()
    assert "2 failed, 60 tokens, $0.50, " in shown.line()


def test_a_price_that_is_not_known_is_not_shown_as_nothing() -> None:
    shown = Progress(1, lambda _: None)
    shown.tell(Done("completion.a", "issued", record("completion.a")))
    assert "$" not in shown.line()
