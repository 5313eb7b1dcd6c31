"""What changed between two states, and what two answers have to say against each other."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.plan.diff import ABSENT, Change
from runner.core.state.records import Record, State, empty
from runner.core.viewing.answers import (
    PathDiff,
    ServedFact,
    TextDiff,
    answer_diff,
    answer_text_of,
    served_differently,
)
from runner.core.viewing.changes import (
    AnswerAdded,
    AnsweredDifferently,
    AnswerMoved,
    AnswerRemoved,
    AnswerTotals,
    AskedDifferently,
    changes,
    totals,
)


def record(name: str, asked: str = "q", said: str = "a", **more: object) -> Record:
    choice = {"message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    body = {"model": "m-1", "choices": [choice], "usage": usage, **more}
    address = name if "." in name else f"completion.{name}"
    return Record(
        address, "openai", "openai https://x", asked, 0, b"{}", orjson.dumps(body), "", 1500
    )


def state(*records: Record) -> State:
    return replace(empty("l", "root"), records={one.address: one for one in records})


def test_each_address_is_told_by_what_happened_there() -> None:
    kept, asked, said = record("kept"), record("asked", "q1"), record("said", "q2", "a")
    gone, old = record("gone", "q3"), record('x["a b"]', "q4")
    asked2, said2 = record("asked", "q9"), record("said", "q2", "b")
    came, new = record("came", "q5"), record('module.m["ü"].completion.y', "q4")
    assert changes(state(kept, asked, said, gone, old), state(kept, asked2, said2, came, new)) == (
        AskedDifferently("completion.asked", asked, asked2),
        AnswerAdded("completion.came", came),
        AnswerRemoved("completion.gone", gone),
        AnsweredDifferently("completion.said", said, said2),
        AnswerMoved('module.m["ü"].completion.y', old, new),
    )


def test_a_record_that_only_says_more_is_no_change() -> None:
    one = record("x")
    assert changes(state(one), state(replace(one, attempts=3, depends_on=("a",)))) == ()


def test_an_answer_that_is_no_longer_accepted_changed() -> None:
    one = record("x")
    other = replace(one, status="failed_check")
    assert changes(state(one), state(other)) == (AnsweredDifferently(one.address, one, other),)


def test_of_several_that_ask_the_same_the_same_answer_moved() -> None:
    before = state(record("a", "q", "one"), record("b", "q", "two"), record("c", "q", "three"))
    after = state(record("x", "q", "three"), record("y", "q", "four"))
    found = {one.address: one for one in changes(before, after)}
    moved = {at: one.before.address for at, one in found.items() if isinstance(one, AnswerMoved)}
    assert moved == {"completion.x": "completion.c", "completion.y": "completion.a"}
    assert isinstance(found["completion.b"], AnswerRemoved)


STATES = st.dictionaries(
    st.sampled_from("abcdef"), st.tuples(st.sampled_from("pqr"), st.sampled_from("xy")), max_size=6
).map(lambda held: state(*(record(name, *asked) for name, asked in held.items())))


@given(STATES, STATES)
def test_the_state_before_and_the_changes_give_the_state_after(before: State, after: State) -> None:
    held = dict(before.records)
    found = changes(before, after)
    for change in found:
        match change:
            case AnswerAdded():
                assert change.address not in before.records
            case AnswerRemoved(address) | AskedDifferently(address) | AnsweredDifferently(address):
                del held[address]
            case AnswerMoved(_, old):
                del held[old.address]
    held |= {one.address: one.after for one in found if not isinstance(one, AnswerRemoved)}
    assert held == after.records
    assert changes(before, before) == ()


def test_answers_add_up() -> None:
    one, other = record("a"), record("b")
    prices = {one.address: 0.25, other.address: None}
    found = totals([one, other], lambda record: prices[record.address])
    assert found == AnswerTotals(2, 6, 4, 0.25, 1, 3.0)
    assert totals([], lambda _: None) == AnswerTotals()


def test_answers_of_json_are_compared_by_their_paths() -> None:
    old, new = record("a", said='{"city": "Lima", "n": [1, 2]}'), record("a", said='{"n":[1,3]}')
    found = answer_diff(old, new)
    assert isinstance(found, PathDiff)
    assert found.changes == (Change(("city",), "Lima", ABSENT), Change(("n", 1), 2, 3))


def test_answers_of_text_are_compared_by_their_words() -> None:
    found = answer_diff(record("a", said="It is Lima."), record("a", said="It is Quito."))
    assert isinstance(found, TextDiff)
    assert [line.kind for line in found.lines] == ["changed"]
    assert answer_diff(record("a"), record("a", id="another")) == TextDiff(())
    text, table = record("a", said="none"), record("a", said='{"a": 1}')
    assert isinstance(answer_diff(text, table), TextDiff)


def test_of_several_choices_each_is_compared() -> None:
    def said(*texts: str) -> Record:
        found = [{"message": {"content": text}, "finish_reason": "stop"} for text in texts]
        return record("a", choices=found)

    assert answer_diff(said("x", "y"), said("x", "z")) == PathDiff((Change((1,), "y", "z"),))
    assert answer_text_of(said("x", "y")) == '["x","y"]'


@pytest.mark.parametrize("said", [b"{}", b'{"choices":[]}', b'{"choices":[null,3]}'])
def test_an_answer_of_no_use_says_nothing(said: bytes) -> None:
    assert answer_text_of(replace(record("a"), response=said)) in ("", "[null,null]")


def test_who_served_an_answer_is_told_where_it_changed() -> None:
    other = replace(record("a", model="m-2"), status="incomplete")
    assert served_differently(record("a"), other) == (
        ServedFact("model served", "m-1", "m-2"),
        ServedFact("status", "complete", "incomplete"),
    )
