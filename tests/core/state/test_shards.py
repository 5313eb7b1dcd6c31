"""A state in shards says what it says in one file."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.state.file import (
    Document,
    Laid,
    as_one_file,
    decode,
    document,
    encode,
    laid,
    lines_in,
    relisted,
)
from runner.core.state.records import Record, State, empty
from runner.core.state.shards import (
    LARGE,
    RecordFile,
    Shard,
    StateText,
    name_of,
    shard_count,
    shard_file,
    shard_named,
    shard_of,
    shard_with,
    shards_in,
)
from runner.errors import RunnerError
from tests.core.state.test_file import record, state, states

FOR_SIXTEEN = 12_000_000


def written(document: Document) -> StateText:
    """What a folder would hold."""
    split = document.split
    assert split is not None
    contents = {name: split.content(name) for name in split.named}
    head = split.head({name: shard_with(name, data) for name, data in contents.items()})
    held = {name: RecordFile(f"state/{shard_file(name)}", data) for name, data in contents.items()}
    return StateText(head, held)


def in_shards(value: State) -> StateText:
    """In sixteen, as if it were so large."""
    return written(document(value, Laid(value.records, FOR_SIXTEEN), "split"))


def replaced(text: StateText, head: bytes) -> StateText:
    return StateText(head, {name: text.shards[name] for name in shards_in(head)})


def edited(text: StateText, shard: str, data: bytes) -> StateText:
    changed = RecordFile(text.shards[shard].name, data)
    return StateText(text.head, {**text.shards, shard: changed})


@given(states)
def test_a_state_in_shards_is_the_same_state_and_goes_back_to_the_same_bytes(value: State) -> None:
    text = in_shards(value)
    assert decode(text, "state/state.json") == value
    assert as_one_file(text, "state/state.json") == encode(value)
    assert encode(decode(text, "state/state.json")) == encode(value)


@given(states)
def test_the_lines_are_those_of_one_file_each_in_its_shard(value: State) -> None:
    text = in_shards(value)
    found = {line for file in text.shards.values() for line in file.data.splitlines()}
    assert found == {line.removesuffix(b",") for line in encode(value).split(b"\n")[1:-2]}
    assert [*shards_in(text.head)] == [*map(name_of, range(16))]
    assert [*shards_in(text.head).values()] == [
        shard_with(name, file.data) for name, file in text.shards.items()
    ]


def test_where_a_record_stands_is_for_good() -> None:
    names = ("completion.a", "completion.b[10]", 'completion.b["é"]')
    assert [shard_of(name, 16) for name in names] == ["00c", "00c", "004"]
    assert [shard_of(name, 1024) for name in names] == ["3bc", "33c", "2f4"]


@given(st.text(), st.integers(4, 11))
def test_twice_the_shards_leave_a_record_or_move_it_to_a_new_one(address: str, power: int) -> None:
    count = 1 << power
    before, after = (int(shard_of(address, each), 16) for each in (count, 2 * count))
    assert after in (before, before + count)


@pytest.mark.parametrize(
    ("size", "before", "layout", "count"),
    [
        (0, 0, None, 0),
        (LARGE, 0, None, 0),
        (LARGE + 1, 0, None, 32),
        (1_037_000_000, 0, None, 1024),
        (10**10, 0, None, 4096),
        (0, 0, "split", 1),
        (1 << 20, 0, "split", 1),
        (1_400_000, 1, "split", 1),
        (1_600_000, 1, "split", 2),
        (9_000, 16, "split", 1),
        (10**9, 0, "one", 0),
        (10**9, 1024, "one", 0),
        (LARGE, 64, None, 64),
        (LARGE // 2, 64, None, 0),
        (90_000_000, 64, None, 64),
        (97_000_000, 64, None, 128),
        (17_000_000, 128, None, 32),
        (20_000_000, 24, None, 32),
    ],
)
def test_the_number_of_shards_has_room_to_both_sides(
    size: int, before: int, layout: str | None, count: int
) -> None:
    assert shard_count(size, before, layout) == count  # type: ignore[arg-type]
    if count:
        assert shard_count(int(size * 1.4), count, layout) in (count, 2 * count)  # type: ignore[arg-type]


def test_only_shards_are_looked_at_whose_records_are_others() -> None:
    many = {f"completion.a[{i}]": record(f"completion.a[{i}]") for i in range(100)}
    value = replace(empty("lineage", "root"), records=many)
    text = in_shards(value)
    before = Laid(many, FOR_SIXTEEN, shards_in(text.head))
    changed = {**many, "completion.a[7]": record("completion.a[7]"), "new": record("new")}
    del changed["completion.a[8]"]
    split = document(replace(value, records=changed), before, "split").split
    assert split is not None
    named = {"completion.a[7]", "completion.a[8]", "new"}
    assert {*split.named} == {shard_of(address, 16) for address in named}
    after = {name: shard_with(name, split.content(name)) for name in split.named}
    kept = before.shards.keys() - {*split.named}
    assert all(shards_in(split.head(after))[name] == before.shards[name] for name in kept)


def test_a_few_large_records_that_stay_hold_the_number_of_shards() -> None:
    """However many small ones come, change and go beside them."""
    large = record("large", response=b'{"x":"%s"}' % (b"x" * FOR_SIXTEEN))
    small = {f"a[{i}]": record(f"a[{i}]") for i in range(50)}
    value = replace(empty("lineage", "root"), records={"large": large, **small})
    text = written(document(value, Laid(), "split"))
    before = laid(value, shards_in(text.head), 0)
    for other in ({}, {f"a[{i}]": record(f"a[{i}]") for i in range(40, 90)}):
        split = document(replace(value, records={"large": large, **other}), before, "split").split
        assert split is not None
        assert split.count == 16
    split = document(replace(value, records=small), before, "split").split
    assert split is not None
    assert split.count == 1


def test_a_state_that_does_not_fit_its_list_is_looked_at_as_a_whole() -> None:
    value = state(record("a"))
    before = Laid(value.records, FOR_SIXTEEN, shards_in(in_shards(value).head), fits=False)
    split = document(value, before, "split").split
    assert split is not None
    assert len(split.named) == 16


def test_damage_in_a_shard_is_told_with_its_file_and_line() -> None:
    one, other = [
        f"completion.a[{i}]" for i in range(40) if shard_of(f"completion.a[{i}]", 16) == "001"
    ][:2]
    text = in_shards(state(record(one), record(other)))
    data = text.shards["001"].data
    for damaged, line in (
        (data.replace(b'"sample"', b'"simple"'), 1),
        (data[:-9], 2),
        (data + data.split(b"\n")[0] + b"\n", 3),
        (data.split(b"\n")[0] + b"\n<<<<<<< ours\n" + data, 2),
    ):
        with pytest.raises(RunnerError) as refused:
            decode(edited(text, "001", damaged), "state/state.json")
        where = refused.value.problems[0].where
        assert where is not None
        assert (where.file, where.line) == ("state/records/001.jsonl", line)
        assert "Nothing was changed" in str(refused.value)


def test_a_shard_that_is_not_there_is_named() -> None:
    text = in_shards(state(record("a")))
    held = {name: file for name, file in text.shards.items() if name != "003"}
    with pytest.raises(RunnerError, match=r"state/records/003\.jsonl"):
        decode(StateText(text.head, held), "state/state.json")


def test_a_list_with_a_gap_is_not_taken_for_a_state_that_lacks_some_records() -> None:
    text = in_shards(state(record("a")))
    for line in text.head.split(b"\n")[4:-2]:
        gap = StateText(text.head.replace(line + b"\n", b""), text.shards)
        with pytest.raises(RunnerError, match="does not list a shard"):
            decode(replaced(gap, gap.head.replace(b"},\n]}", b"}\n]}")), "state/state.json")
    with pytest.raises(RunnerError, match=r"state/records/000\.jsonl"):
        decode(replaced(text, text.head.split(b"\n")[0] + b"\n]}\n"), "state/state.json")


def test_a_shard_may_end_without_a_line_end_and_have_those_of_another_system() -> None:
    value = state(record("a"))
    text = in_shards(value)
    name = shard_of("a", 16)
    data = text.shards[name].data
    for other in (data.rstrip(b"\n"), data.replace(b"\n", b"\r\n")):
        again = decode(edited(text, name, other), "state.json")
        assert again == value
        assert encode(again) == encode(value)


def test_of_two_places_of_a_record_the_later_answer_counts() -> None:
    """One side had made twice the shards, and the other changed what stood in an old one."""
    address = next(f"a[{i}]" for i in range(99) if shard_of(f"a[{i}]", 32) > "00f")
    old, new = record(address), record(address, issued_at="2026-02-01T00:00:00Z", fingerprint="g")
    home, before = shard_of(address, 32), shard_of(address, 16)

    def held(text: StateText, one: Record) -> StateText:
        return edited(text, before, in_shards(state(one)).shards[before].data)

    many = {
        f"f[{i}]": record(f"f[{i}]", response=b'{"x":"%s"}' % (b"x" * 99_000)) for i in range(170)
    }
    value = replace(state(old), records={address: old, **many})
    grown = written(document(value, Laid(), "split"))
    assert len(grown.shards) == 32
    assert home != before
    both = held(grown, new)
    assert decode(both, "state.json").records[address] == new
    assert decode(held(grown, replace(old, issued_at="2025")), "state.json").records[address] == old


def test_a_list_with_conflicts_names_the_shards_of_both_sides() -> None:
    head = in_shards(state(record("a"))).head
    other = in_shards(state(record("a"), record("b"))).head
    both = b"<<<<<<< HEAD\n" + head + b"=======\n" + other + b">>>>>>> side\n"
    found = shards_in(both)
    assert [*found] == [*map(name_of, range(16))]
    assert found[shard_of("b", 16)] == Shard(shard_of("b", 16))
    assert found[shard_of("a", 16)].sha256


def test_a_list_that_another_tool_has_laid_out_lists_the_same() -> None:
    value = state(record("a"), record("b"))
    text = in_shards(value)
    for indent in (2, None):
        head = json.dumps(json.loads(text.head), indent=indent).encode()
        assert shards_in(head) == shards_in(text.head)
        assert lines_in(head, "state.json") == []
        assert decode(StateText(head, text.shards), "state.json") == value
        assert relisted(head, shards_in(text.head).values(), "state.json") == text.head


def test_what_is_no_list_lists_nothing() -> None:
    for data in (b"", b"{", encode(state(record("a"))), b'{"shards":[', b"<<<<<<< a\n{}\n"):
        assert not shards_in(data)


def test_a_path_is_that_of_a_shard_or_not() -> None:
    assert shard_named("state/records/0af.jsonl") == "0af"
    assert shard_named("state/workspaces/x/records/000.jsonl") == "000"
    for other in ("state/state.json", "records/zzz.jsonl", "0af.jsonl", "records/0af.jsonl.backup"):
        assert shard_named(other) is None
