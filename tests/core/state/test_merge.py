import json
from dataclasses import replace
from random import Random

import pytest

from runner.core.state.file import decode, encode
from runner.core.state.markers import both_sides, has_markers, merged_file, sides_of
from runner.core.state.merge import merge_outputs, merge_states
from runner.core.state.records import State
from runner.errors import RunnerError
from tests.harness.merges import People, assert_nothing_lost, record, state_of

A, B, C = "completion.a", "completion.b", 'completion.c["x"]'


def merged(base: State | None, ours: State, theirs: State) -> State:
    """The merge, which clashes nowhere and is the same from the other side."""
    found = merge_states(base, ours, theirs)
    assert not found.clashes
    assert merged_file(found) == merged_file(merge_states(base, theirs, ours))
    assert merged_file(found) == encode(found.state)
    return found.state


def test_what_each_side_added_is_there_in_order() -> None:
    old = record(B, "old")
    base = state_of(old)
    found = merged(
        base, state_of(old, record(C, "c"), serial=5), state_of(old, record(A, "a"), serial=4)
    )
    assert [one["address"] for one in json.loads(encode(found))["records"]] == [A, B, C]
    assert found.serial == 6


def test_what_one_side_removed_is_gone_unless_the_other_changed_it() -> None:
    kept, changed = record(A, "a"), record(B, "b")
    base = state_of(kept, changed)
    again = replace(changed, sample=1, response=b'{"n":1}')
    found = merged(base, state_of(), state_of(kept, again))
    assert found.records == {B: again}


def test_without_a_base_nothing_is_taken_away() -> None:
    found = merged(None, state_of(record(A, "a")), state_of(record(B, "b")))
    assert [*found.records] == [A, B]


def test_a_new_request_wins_over_the_old_one_asked_again() -> None:
    old = record(A, "old")
    again, new = record(A, "old", 1), record(A, "new", issued_at="2020-01-01T00:00:00Z")
    assert merged(state_of(old), state_of(again), state_of(new)).records[A] == new


def test_of_two_answers_to_one_request_the_accepted_and_later_one_stays() -> None:
    first = record(A, "same", said="first", issued_at="2026-01-01T00:00:01Z")
    later = record(A, "same", said="later", issued_at="2026-01-01T00:00:02Z")
    assert merged(None, state_of(first), state_of(later)).records[A] == later
    rejected = replace(later, status="invalid")
    assert merged(None, state_of(first), state_of(rejected)).records[A] == first
    third = record(A, "same", 1, issued_at="2025-01-01T00:00:00Z")
    assert merged(None, state_of(later), state_of(third)).records[A] == third


def test_what_was_asked_with_the_answer_that_stays_stays_with_it() -> None:
    mine = record(A, "same", said="mine", issued_at="2026-01-01T00:00:01Z")
    other = record(A, "same", said="other", issued_at="2026-01-01T00:00:02Z")
    of_mine, of_other = (record(C, said, depends_on=(A,)) for said in ("mine", "other"))
    last, last_of_other = (record(B, said, depends_on=("completion.c",)) for said in ("1", "2"))
    ours, theirs = state_of(mine, of_mine, last), state_of(other, of_other, last_of_other)
    assert merged(None, ours, theirs).records == theirs.records


def test_a_data_source_is_as_it_was_read_last() -> None:
    name = "module.m.data.completions.d"
    one, two = record(name, "1"), record(name, "2", issued_at="2027-01-01T00:00:00Z")
    assert merged(None, state_of(one), state_of(two)).records[name] == two


def test_two_requests_at_one_address_clash_around_its_line_alone() -> None:
    old, kept = record(A, "old"), record(B, "kept")
    one, two = record(A, "one"), record(A, "two")
    ours, theirs = state_of(one, kept), state_of(two, kept, record(C, "c"))
    found = merge_states(state_of(old, kept), ours, theirs)
    assert [*found.clashes] == [A]
    data = merged_file(found)
    lines = data.split(b"\n")
    assert lines[1] == b"<<<<<<< ours"
    assert lines[3] == b"======="
    assert lines[5] == b">>>>>>> theirs"
    assert [decode(side, "").records[A] for side in sides_of(data)] == [one, two]
    assert all([*decode(side, "").records] == [A, B, C] for side in sides_of(data))
    by_hand = b"\n".join([*lines[:1], lines[2], *lines[6:]])
    assert decode(by_hand, "").records[A] == one
    with pytest.raises(RunnerError, match="merge conflicts"):
        decode(data, "state.json")


def test_the_last_line_can_clash_too() -> None:
    found = merge_states(state_of(), state_of(record(A, "one")), state_of(record(A, "two")))
    one, two = (decode(side, "").records[A] for side in sides_of(merged_file(found)))
    assert one != two


def test_markers_of_another_program_are_read_whatever_became_of_commas() -> None:
    ours, theirs = state_of(record(A, "a")), state_of(record(A, "a"), record(B, "b"), serial=9)
    mine, other = encode(ours).split(b"\n"), encode(theirs).split(b"\n")
    parts = [
        b"<<<<<<< HEAD", mine[0], b"||||||| 1a2b3c", b"{old,", b"=======", other[0],
        b">>>>>>> topic", other[1], b"<<<<<<< HEAD", b"=======", other[2], b">>>>>>> topic",
        *mine[2:],
    ]  # fmt: skip
    for end in (b"\n", b"\r\n"):
        data = end.join(parts)
        assert has_markers(data)
        assert [decode(side, "") for side in sides_of(data)] == [ours, theirs]


def test_what_cannot_be_merged_has_both_sides() -> None:
    data = both_sides(b"{}\n", b"[]\n")
    assert data == b"<<<<<<< ours\n{}\n=======\n[]\n>>>>>>> theirs\n"
    assert has_markers(data)


def test_the_header_is_of_both_sides() -> None:
    base = replace(state_of(), extra={"a": 1, "b": 1}, files={"x": "1", "y": "1"})
    ours = replace(base, serial=7, extra={"a": 2, "b": 1, "o": 3}, files={"x": "2", "y": "1"})
    theirs = replace(base, serial=8, extra={"a": 1}, files={"x": "3", "y": "2"}, lineage="other")
    found = merged(base, ours, theirs)
    assert (found.serial, found.lineage) == (9, "other")
    assert found.extra == {"a": 2, "o": 3}
    assert found.files == {"x": "3", "y": "2"}


def test_an_output_that_both_changed_is_left_out() -> None:
    base = {"a": 1, "b": 1, "c": 1, "n": None}
    ours, theirs = {"a": 2, "b": 2, "c": 1, "n": None}, {"a": 1, "b": 3, "d": 4, "n": None}
    assert merge_outputs(base, ours, theirs) == {"a": 2, "d": 4, "n": None}


def test_random_merges_lose_no_answer_and_are_the_same_from_either_side() -> None:
    people = People(Random(14))
    clashing = 0
    for _ in range(300):
        base = people.base()
        ours, theirs = people.changed(base), people.changed(base)
        found, back = merge_states(base, ours, theirs), merge_states(base, theirs, ours)
        assert_nothing_lost(base, (ours, theirs), merged_file(found))
        if found.clashes:
            clashing += 1
            assert sides_of(merged_file(found)) == sides_of(merged_file(back))[::-1]
        else:
            assert merged_file(found) == merged_file(back)
    assert 10 < clashing < 200
