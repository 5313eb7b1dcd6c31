"""JSON that others wrote, and what is held of it."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.received import DEEPEST, is_deep, json_of, received, shallow, table_of, value_of


def nested(levels: int, inner: str = "1") -> bytes:
    return ("[" * levels + inner + "]" * levels).encode()


def levels_of(value: Any) -> int:
    level, found = [value], 0
    while level := [held for held in level if isinstance(held, dict | list)]:
        found += 1
        level = [i for held in level for i in (held.values() if isinstance(held, dict) else held)]
    return found


def test_a_sound_body_is_kept_as_it_came() -> None:
    body = b'{ "a":1.50,  "b":"\\u00e9", "a": 2 }\n'
    assert received(body).text is body
    assert not received(body).mended


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"logprob": NaN}', {"logprob": None}),
        (b'{"logprob": -Infinity}', {"logprob": None}),
        (b'{"a": [1e999, -1e999, 1e-999]}', {"a": [None, None, 0.0]}),
        (b'{"a": %b}' % (b"9" * 5000), {"a": None}),
        (b'{"content": "half \\ud83d"}', {"content": "half ?"}),
        (b'{"content": "\xff"}', {"content": "\ufffd"}),
        (b'{"content": "a\nb\x00"}', {"content": "a\nb\x00"}),
    ],
)
def test_a_paid_answer_that_is_almost_json_is_mended(body: bytes, value: object) -> None:
    got = received(body)
    assert (got.value, got.mended) == (value, True)
    again = received(got.text)
    assert (again.value, again.text, again.mended) == (value, got.text, False)


def test_a_byte_order_mark_is_no_part_of_a_body() -> None:
    got = received(b'\xef\xbb\xbf{"a": 1}')
    assert (got.value, got.text, got.mended) == ({"a": 1}, b'{"a": 1}', False)


@pytest.mark.parametrize(
    "body",
    [b'{"choices": [{"index": 0, "mess', b"", b"\x00", b"[" * 10**5, b"\xef\xbb\xbf" * 10**5],
)
def test_what_is_cut_off_is_not_json(body: bytes) -> None:
    with pytest.raises(ValueError, match="line 1"):
        received(body)
    assert value_of(body) is None
    assert table_of(body) == {}


@pytest.mark.parametrize("levels", [DEEPEST + 1, 254, 255, 900, 1000, 1024, 1025, 100_000])
def test_what_nests_too_deeply_is_the_text_of_its_json(levels: int) -> None:
    got = received(b'{"a":%b,"b":"[[{\\"","c":[1]}' % nested(levels - 1))
    assert got.mended
    assert levels_of(got.value) == DEEPEST
    assert (got.value["b"], got.value["c"]) == ('[[{"', [1])
    inner = got.value["a"]
    while isinstance(inner, list):
        (inner,) = inner
    assert inner == nested(levels - DEEPEST).decode()


def test_what_nests_as_deeply_as_can_be_held_is_kept_as_it_came() -> None:
    body = b"[1,%b]" % nested(DEEPEST - 1)
    assert received(body).text is body


def test_a_text_that_should_be_json_is_taken_as_it_is_or_not_at_all() -> None:
    assert json_of('{"a": [1]}') == {"a": [1]}
    for text in ("1e999", "NaN", "", nested(DEEPEST + 1).decode()):
        with pytest.raises(ValueError, match=r"line 1|levels deep"):
            json_of(text)


_TEXTS = st.text(alphabet='[]{}"\\a,:', max_size=6)
_VALUES = st.recursive(
    _TEXTS | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=200,
)


@given(_VALUES, st.integers(DEEPEST - 3, DEEPEST + 3))
def test_depth_is_told_without_parsing(value: Any, levels: int) -> None:
    """Brackets in texts count for nothing, escaped quotes end none."""
    body = orjson.dumps({"x": value})
    body = nested(levels, f'1,["{"]" * 200}", {body.decode()}]')
    deep = levels + 1 + levels_of({"x": value}) > DEEPEST
    assert is_deep(body) == deep
    assert (shallow(body) == body) is not deep
    assert levels_of(orjson.loads(shallow(body))) <= DEEPEST
    assert is_deep(body, 1) == (levels + levels_of({"x": value}) > DEEPEST)
