"""A run folded from what it tells."""

from typing import Any

from runner.core.viewing.run_page import RunFold

START = {"type": "run_start", "run": "r", "pid": 1, "began": "2026-11-01T09:00:00Z", "part": 1}
BEGUN = {**START, "changes": {"issue": 3, "move": 2}}


def folded(*events: dict[str, Any]) -> RunFold:
    made = RunFold()
    made.add([BEGUN, *events], is_running=True)
    return made


def started(address: str, at: float = 1.0) -> dict[str, Any]:
    return {"type": "apply_start", "address": address, "at": at}


def text(address: str, said: str) -> dict[str, Any]:
    return {"type": "apply_text", "address": address, "text": said, "at": 2.0}


def test_before_any_run_there_is_none() -> None:
    assert RunFold().page().state == "none"


def test_what_is_written_stands_with_what_is_in_flight_until_it_is_over() -> None:
    made = folded(started("a"), text("a", "one "), text("a", "two"), started("b"))
    page = made.page()
    assert [(each.address, each.text) for each in page.in_flight] == [("a", "one two"), ("b", "")]
    used = {"prompt_tokens": 10, "completion_tokens": 5}
    over = {"type": "apply_complete", "address": "a", "action": "issued", "at": 3.0}
    made.add([{**over, "usage": used, "cost": 0.5, "duration_ms": 1500}], is_running=True)
    page = made.page()
    assert (page.done, page.total, page.flying, page.tokens, page.cost) == (1, 3, 1, 15, 0.5)
    assert (page.ended[0].address, page.ended[0].seconds) == ("a", 1.5)


def test_an_answer_that_was_cut_off_begins_anew() -> None:
    made = folded(started("a"), text("a", "one"), {"type": "apply_cut", "address": "a", "at": 2.0})
    assert made.page().in_flight[0].text == ""


def test_a_failure_says_why() -> None:
    error = {"message": "Flagged", "hint": "Say it otherwise."}
    made = folded({"type": "apply_errored", "address": "a", "error": error, "at": 1.0})
    assert made.page().failures[0].said == "Flagged Say it otherwise."


def test_a_later_part_goes_on_and_another_run_begins_at_nothing() -> None:
    made = folded(started("a"), text("a", "one"))
    progress = {"type": "run_progress", "at": 9.0, "done": 2, "failed": 0, "skipped": 0}
    part = {**BEGUN, "part": 2}, {**progress, "in_flight": ["a"]}
    made.add(part, is_running=True)
    assert (made.page().done, made.page().in_flight[0].text) == (2, "one")
    made.add([{**BEGUN, "run": "other"}], is_running=True)
    assert (made.page().done, made.page().flying) == (0, 0)


def test_nothing_is_in_flight_or_waited_for_once_it_is_over() -> None:
    waits = {"type": "run_waiting", "at": 1.0, "message": "rate limited, 12 s"}
    made = folded(started("a"), waits)
    assert made.page().waiting == "rate limited, 12 s"
    made.add([], is_running=False)
    page = made.page()
    assert (page.state, page.waiting, page.flying) == ("over", "", 0)
