"""What answers cost, those that are one answer used twice once."""

from dataclasses import replace

from runner.core.viewing.answer_columns import answer_columns
from runner.core.viewing.cost_page import cost_page
from tests.harness.recorded import record


def test_an_answer_that_stands_twice_was_paid_once() -> None:
    first = record("completion.a", "yes")
    again = replace(first, address="completion.b")
    later = replace(first, address="completion.c", issued_at="2027-01-01T00:00:00Z")
    page = cost_page(answer_columns([("now", [first, again, later])], lambda _: 0.25))
    assert (page.total.paid, page.total.saved, page.total.reused) == (0.5, 0.25, 1)
    assert [(line.name, line.paid) for line in page.blocks] == [
        ("completion.a", 0.25),
        ("completion.c", 0.25),
        ("completion.b", 0.0),
    ]
    assert [line.name for line in page.days][-1] == "2027-01-01"


def test_what_another_state_holds_costs_nothing_here_and_data_never_does() -> None:
    held = record("completion.a", "yes")
    data = replace(held, address="data.a")
    page = cost_page(answer_columns([("now", [held, data]), ("then", [held])], lambda _: None))
    assert (page.total.answers, page.total.unpriced) == (1, 1)
