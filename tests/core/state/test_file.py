import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.received import is_deep, table_of
from runner.core.state.file import decode, document, encode, line_of, lines_in
from runner.core.state.line import decode_record, decode_records, encode_record
from runner.core.state.records import STATE_VERSION, Record, State, empty
from runner.errors import RunnerError
from tests import DATA
from tests.harness.recorded import record as recorded

STATES = DATA / "state"
V1 = (STATES / "v1.json").read_bytes()

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
trees = st.recursive(
    leaves.filter(lambda leaf: leaf not in (float("inf"), float("-inf"))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
bodies = st.builds(
    lambda tree, ascii_only: json.dumps(tree, ensure_ascii=ascii_only).encode(),
    st.dictionaries(st.text(), trees, max_size=3),
    st.booleans(),
)
naturals = st.integers(min_value=0, max_value=2**53)
records = st.builds(
    Record,
    address=st.text() | st.integers(0, 20).map("completion.a[{}]".format),
    provider=st.text(),
    identity=st.text(),
    fingerprint=st.text(),
    sample=naturals,
    request=bodies,
    response=bodies,
    issued_at=st.text(),
    duration_ms=naturals,
    attempts=naturals,
    maybe_billed=naturals,
    depends_on=st.lists(st.text(), max_size=3).map(tuple),
    status=st.sampled_from(["complete", "incomplete", "invalid", "failed_check"]),
    triggers=st.none() | bodies,
)
KNOWN = {"version", "lineage", "serial", "runner_version", "root", "files", "outputs"}
KNOWN |= {"records", "shards"}
extras = st.dictionaries(
    st.text().filter(lambda key: key not in KNOWN), st.text() | naturals | st.lists(st.text())
)
states = st.builds(
    lambda lineage, serial, root, many, extra: State(
        STATE_VERSION, lineage, serial, "0.1.0", root, {one.address: one for one in many}, extra
    ),
    st.text(),
    naturals,
    st.text(),
    st.lists(records, max_size=6),
    extras,
)


def record(address: str = "completion.a", **changes: Any) -> Record:
    return replace(
        Record(
            address, "openai", "openai x", "f", 0, b'{"n":1.0e5}', b"{}", "2026-01-01T00:00:00Z"
        ),
        **changes,
    )


def state(*many: Record) -> State:
    return replace(empty("lineage", "root"), records={one.address: one for one in many})


def compact(one: Record) -> Record:
    def body(text: bytes) -> bytes:
        return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False).encode()

    triggers = None if one.triggers is None else body(one.triggers)
    return replace(one, request=body(one.request), response=body(one.response), triggers=triggers)


@given(states)
def test_what_was_encoded_is_decoded(value: State) -> None:
    """decode(encode(state)) == state."""
    data = encode(value)
    assert decode(data, "state.json") == value
    assert encode(decode(data, "state.json")) == data


@given(states)
def test_the_file_is_json_as_a_whole_with_one_record_a_line(value: State) -> None:
    data = encode(value)
    parsed = json.loads(data)
    assert [one["address"] for one in parsed["records"]] == [
        json.loads(line.rstrip(b","))["address"] for line in data.splitlines()[1:-1]
    ]
    assert {one["address"] for one in parsed["records"]} == value.records.keys()
    assert list(parsed)[:5] == ["version", "lineage", "serial", "runner_version", "root"]


@given(states)
def test_a_file_laid_out_otherwise_means_the_same(value: State) -> None:
    """Another tool's layout changes whitespace, which is nobody's answer."""
    value = replace(value, records={one.address: compact(one) for one in value.records.values()})
    pretty = json.dumps(json.loads(encode(value)), indent=2, ensure_ascii=False).encode()
    assert decode(pretty, "state.json") == value
    assert decode(b"\xef\xbb\xbf" + pretty.replace(b"\n", b"\r\n"), "state.json") == value


@settings(max_examples=400)
@given(st.integers(0, len(V1)), st.integers(0, 80), st.binary(max_size=12))
def test_damage_is_an_error_or_leaves_a_state(start: int, length: int, patch: bytes) -> None:
    """No other exception comes of it, and what still loads can be kept."""
    damaged = V1[:start] + patch + V1[start + length :]
    try:
        value = decode(damaged, "state.json")
    except RunnerError:
        return
    assert decode(encode(value), "state.json") == value


@given(st.binary())
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    with pytest.raises(RunnerError):
        decode(data, "state.json")


DEEP = b"[" * 200_000 + b"]" * 200_000


def test_a_header_that_nests_without_end_is_refused() -> None:
    with pytest.raises(RunnerError):
        decode(V1.replace(b'"serial":', b'"x":' + DEEP + b',"serial":', 1), "state.json")


@pytest.mark.parametrize("place", [b'"sample":0,', b'"id":"chatcmpl-1",'])
@pytest.mark.parametrize("levels", [129, 254, 500, 990, 1100, 200_000])
def test_a_record_that_nests_without_end_is_held_as_text(place: bytes, levels: int) -> None:
    """0.1.0 kept answers of some hundred levels, which no view could show."""
    deep = b'%b"x":%b%b,' % (place, b"[" * levels, b"]" * levels)
    value = decode(V1.replace(place, deep, 1), "state.json")
    again = encode(value)
    assert decode(again, "state.json") == value
    assert len(again) > levels
    assert not is_deep(again, 3)
    assert all(table_of(record.response)["choices"] for record in value.records.values())


@pytest.mark.parametrize("name", ["v1.json", "pretty.json"])
def test_every_version_ever_written_loads(name: str) -> None:
    value = decode((STATES / name).read_bytes(), name)
    assert value.version == 1
    assert value.serial == 7
    assert value.extra == {"note": {"kept": [1, 2.5, "é"]}}
    assert list(value.records) == [
        "completion.chat",
        "completion.review",
        "completion.sample[2]",
        "completion.sample[10]",
    ]
    review = value.records["completion.review"]
    assert review.depends_on == ("completion.chat",)
    assert review.triggers == b'{"on":"2026"}'
    assert json.loads(review.response)["choices"][0]["message"]["content"] == "Correct. ☀️"
    assert value.records["completion.sample[2]"].status == "incomplete"


def test_an_unchanged_file_is_written_back_byte_for_byte() -> None:
    """Fields that this version does not know included, whatever their spacing."""
    assert b'"rating":{"stars": 5}' in V1
    assert encode(decode(V1, "state.json")) == V1


def test_a_change_keeps_the_fields_that_are_not_known() -> None:
    found = decode(V1, "state.json").records["completion.sample[10]"]
    line = json.loads(encode_record(replace(found, address="b")))
    assert line["address"] == "b"
    assert line["rating"] == {"stars": 5}
    review = decode(V1, "state.json").records["completion.review"]
    assert "triggers" not in json.loads(encode_record(replace(review, triggers=None)))


def test_known_fields_can_be_taken_away_beside_unknown_ones() -> None:
    line = encode_record(record(triggers=b"1"))[:-1] + b',"later":2}'
    (found,) = decode_records(line + b"\n", "errored.jsonl")
    written = json.loads(encode_record(replace(found, triggers=None)))
    assert "triggers" not in written
    assert written["later"] == 2


def test_instances_are_in_the_order_of_their_numbers() -> None:
    addresses = ["a[10]", "a[9]", 'a["b[2]"]', "a[1].b[10]", "a[1].b[2]", "a", "b[0]"]
    written = json.loads(encode(state(*map(record, addresses))))["records"]
    assert [one["address"] for one in written] == [
        "a",
        'a["b[2]"]',
        "a[1].b[2]",
        "a[1].b[10]",
        "a[9]",
        "a[10]",
        "b[0]",
    ]


def test_the_order_does_not_depend_on_how_the_records_came() -> None:
    many = [record(f"a[{number}]") for number in ("1", "01", "10", "2")]
    assert encode(state(*many)) == encode(state(*reversed(many)))


def test_a_response_over_several_lines_stays_one_line_and_its_numbers_stay() -> None:
    found = decode(encode(state(record(response=b'{\n "a": 1.0e5,\r\n "b": "x y"\n}\n'))), "s")
    assert found.records["completion.a"].response == b'{"a":1.0e5,"b":"x y"}'


@pytest.mark.parametrize("body", [b"", b"{", b"{} {}", b'"\xff"', b"nul"])
def test_a_body_that_is_not_json_is_never_written(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        encode(state(record(response=body)))


def test_pieces_are_the_file() -> None:
    value = decode(V1, "state.json")
    assert b"".join(document(value).pieces()) == encode(value)
    assert len(list(document(value).pieces())) == len(value.records) + 2


@pytest.mark.parametrize(
    ("name", "summary", "line"),
    [
        ("empty", "State file is empty", None),
        ("blank", "State file is empty", None),
        ("cut", "State file is cut off", 4),
        ("garbage", "State file is damaged", 2),
        ("not_utf8", "State file is damaged", 3),
        ("object", "State file is damaged", 1),
        ("list", "State file is damaged", 1),
        ("missing_field", "State file is damaged", 3),
        ("wrong_type", "State file is damaged", 2),
        ("missing_comma", "State file is damaged", 3),
        ("conflict", "State file has merge conflicts", 2),
        ("twice", "State file has an address twice", 4),
    ],
)
def test_what_is_no_state_is_refused_with_its_line_and_the_way_back(
    name: str, summary: str, line: int | None
) -> None:
    with pytest.raises(RunnerError) as refused:
        decode((STATES / "damaged" / f"{name}.json").read_bytes(), "state/state.json")
    (problem,) = refused.value.problems
    assert problem.summary == summary
    assert problem.where is not None
    assert (problem.where.file, problem.where.line) == ("state/state.json", line)
    way_out = "`runner state resolve`" if name == "conflict" else "state/state.json.backup"
    assert way_out in problem.detail
    assert "Nothing was changed" in problem.detail


@pytest.mark.parametrize("instead", [b" ", b"", b";", b"\r"])
def test_records_without_a_comma_between_them_are_no_state(instead: bytes) -> None:
    data = encode(state(record("a"), record("b")))
    with pytest.raises(RunnerError, match="State file is damaged"):
        decode(data.replace(b",\n", instead + b"\n", 1), "state.json")


def test_what_is_missing_is_named() -> None:
    data = (STATES / "damaged" / "missing_field.json").read_bytes()
    with pytest.raises(RunnerError, match="fingerprint"):
        decode(data, "state.json")
    with pytest.raises(RunnerError, match=r"completion\.chat"):
        decode((STATES / "damaged" / "twice.json").read_bytes(), "state.json")


def test_a_damaged_backup_is_not_advised_as_its_own_cure() -> None:
    with pytest.raises(RunnerError) as refused:
        decode(b"", "state.json.backup")
    assert ".backup.backup" not in str(refused.value)


def test_a_newer_state_names_the_runner_that_wrote_it() -> None:
    for layout in (None, 2):
        data = (STATES / "damaged" / "newer.json").read_bytes()
        if layout:
            data = json.dumps(json.loads(data), indent=layout).encode()
        with pytest.raises(RunnerError, match=r"9\.8\.7") as refused:
            decode(data, "state.json")
        assert refused.value.problems[0].summary == "State file is from a newer runner"
    with pytest.raises(RunnerError, match="version 4"):
        decode((STATES / "damaged" / "terraform.json").read_bytes(), "state.json")


def test_a_rescue_file_is_read_up_to_its_unfinished_line() -> None:
    lines = [encode_record(record(name)) for name in ("a", "b", "c")]
    torn = b"\n".join(lines)[:-5]
    assert [one.address for one in decode_records(torn, "errored.jsonl")] == ["a", "b"]
    with pytest.raises(RunnerError) as refused:
        decode_records(lines[0] + b"\n{}\n", "errored.jsonl")
    assert str(refused.value.problems[0].where) == "errored.jsonl:2"


def test_a_version_that_never_was_is_refused() -> None:
    with pytest.raises(RunnerError, match="no version 0"):
        decode(V1.replace(b'"version":1', b'"version":0', 1), "state.json")


ADDRESSES = ("completion.a", "completion.b", 'completion.x["a \\"b\\" ü"]')


@pytest.mark.parametrize("address", [*ADDRESSES, "completion.no", "completion"])
def test_the_line_of_one_record_is_found_in_any_layout(address: str) -> None:
    written = encode(replace(empty("l", "r"), records={at: recorded(at) for at in ADDRESSES}))
    held = json.loads(written)
    turned = {**held, "records": [dict(reversed(one.items())) for one in held["records"]]}
    for data in (
        written,
        written.replace("ü".encode(), b"\\u00fc"),
        written.replace(b'{"address":', b'{ "address":'),
        json.dumps(turned, indent=1).encode(),
        json.dumps(held).encode(),
    ):
        expected = decode(data, "state.json").records
        assert list(expected) == list(ADDRESSES)
        line = line_of(data, address, "state.json")
        assert (line and decode_record(line)) == expected.get(address)
        found = [decode_record(one) for one in lines_in(data, "state.json")]
        assert {one.address: one for one in found} == expected


def test_a_file_that_is_no_state_has_no_lines() -> None:
    for data in (b"", b"{", b"<<<<<<< HEAD\n{}\n"):
        with pytest.raises(RunnerError):
            lines_in(data, "state.json")
        with pytest.raises(RunnerError):
            line_of(data, "completion.a", "state.json")
