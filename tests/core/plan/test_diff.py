"""What changed between two requests."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runner.core.plan.diff import ABSENT, changes_of, leaves, line_diff, word_changes

values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(("", "a", "b")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)


def put(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """The value with a change made to it."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        inner = put(value.get(str(step), {}), rest, new)
        return {k: v for k, v in {**value, str(step): inner}.items() if v is not ABSENT}
    grown = [*value, ABSENT] if step == len(value) else list(value)
    grown[int(step)] = put(grown[int(step)], rest, new)
    return grown


def without_absent(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_absent(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_absent(inner) for inner in value if inner is not ABSENT]
    return value


@given(values, values)
def test_the_changes_make_the_one_into_the_other(old: Any, new: Any) -> None:
    """Nothing is left out, and nothing is told that did not change."""
    found = list(changes_of(old, new))
    made = old
    for change in found:
        made = put(made, change.path, change.new)
    assert repr(without_absent(made)) == repr(without_absent(sorted_like(made, new)))
    assert bool(found) == (repr_sorted(old) != repr_sorted(new))


def sorted_like(_: Any, new: Any) -> Any:
    return reordered(_, new)


def reordered(like: Any, value: Any) -> Any:
    """The value with its keys in the order of another."""
    if isinstance(like, dict) and isinstance(value, dict):
        return {k: reordered(like[k], value[k]) for k in like if k in value} | {
            k: value[k] for k in value if k not in like
        }
    if isinstance(like, list) and isinstance(value, list):
        return [reordered(a, b) for a, b in zip(like, value, strict=False)] + value[len(like) :]
    return value


def repr_sorted(value: Any) -> str:
    if isinstance(value, dict):
        return repr({key: repr_sorted(value[key]) for key in sorted(value)})
    if isinstance(value, list):
        return repr([repr_sorted(inner) for inner in value])
    return repr(value)


def test_zero_false_empty_null_and_absent_differ() -> None:
    held: list[Any] = [0, False, "", None, ABSENT]
    for one in held:
        for other in held:
            old = {} if one is ABSENT else {"a": one}
            new = {} if other is ABSENT else {"a": other}
            assert bool(list(changes_of(old, new))) == (one is not other)


def test_a_change_has_the_path_that_people_write() -> None:
    old = {"messages": [{"content": "a"}], "x": 1}
    new = {"messages": [{"content": "b"}, {"content": "c"}], "x": 1}
    assert [change.name for change in changes_of(old, new)] == [
        "messages[0].content",
        "messages[1]",
    ]


def test_leaves_are_all_values_with_their_paths() -> None:
    value = {"a": [1, {"b": None}], "c": {}, "d": [], "e": ""}
    assert list(leaves(value)) == [
        (("a", 0), 1), (("a", 1, "b"), None), (("c",), {}), (("d",), []), (("e",), ""),
    ]  # fmt: skip


lines = st.lists(st.sampled_from(("one", "two", "three")), max_size=30).map("\n".join)


@given(lines, lines)
def test_a_line_diff_holds_all_that_went_and_all_that_came(old: str, new: str) -> None:
    """Old and new can be read out of it, but for the hidden lines that both have."""
    found = list(line_diff(old, new, around=100))
    if old.splitlines() != new.splitlines():
        assert [line[2:] for line in found if line[0] in "- "] == old.splitlines()
        assert [line[2:] for line in found if line[0] in "+ "] == new.splitlines()


def test_far_unchanged_lines_are_counted() -> None:
    old = "\n".join(str(i) for i in range(20))
    found = list(line_diff(old, old.replace("10", "ten")))
    assert found == [
        "  # (8 unchanged lines hidden)", "  8", "  9", "- 10", "+ ten", "  11", "  12",
        "  # (7 unchanged lines hidden)",
    ]  # fmt: skip


def test_a_change_that_lines_do_not_show_is_shown_with_quotes() -> None:
    assert list(line_diff("a\n", "a")) == ["- 'a\\n'", "+ 'a'"]


def test_white_space_at_the_end_of_a_line_is_shown_with_quotes() -> None:
    assert list(line_diff("one\ntwo\nthree", "one\ntwo \nthree")) == [
        "  one", "- 'two'", "+ 'two '", "  three",
    ]  # fmt: skip


def test_texts_that_differ_in_the_same_words_change_in_the_same_way() -> None:
    one = word_changes("top\na short text on cats\nend", "top\na brief text on cats\nend")
    other = word_changes("a short text on dogs, please", "a brief text on dogs, please")
    assert one == other == (("short", "brief"),)
    assert word_changes("a short text", "a long text") != one
