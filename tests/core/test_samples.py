"""Who holds which answer, when several completions ask the very same thing."""

from collections.abc import Iterable
from typing import Any

from runner.core.choice import Choice
from runner.core.samples import Samples
from runner.core.state import Record
from tests.lab import Lab, project

F = "f" * 64


def record(address: str, sample: int) -> Record:
    return Record(address, "openai", "i", F, sample, b"{}", b"{}", "")


def samples(held: Iterable[Record], declared: Iterable[str] = ()) -> Samples:
    known = set(declared)
    made = Samples({one.address: one for one in held})
    made.is_declared = lambda address: address in known
    return made


def same(*names: str, **more: Any) -> str:
    """Blocks that ask the very same."""
    return "".join(
        f"[completion.{name}]\nmodel = 'm'\nmessages = [{{ role = 'user', content = 'x' }}]\n"
        f"{more.get(name, '')}\n"
        for name in names
    )


def numbers(lab: Lab) -> dict[str, int]:
    return {
        address.removeprefix("completion."): record.sample
        for address, record in lab.records.items()
    }


def test_each_new_address_takes_the_lowest_free_number() -> None:
    found = samples([record("a", 1)], ["a"])
    found.keep(found.records["a"])
    assert [found.take(name, F) for name in "bcd"] == [0, 2, 3]


def test_what_nobody_declares_is_free() -> None:
    found = samples([record("a", 0)])
    assert found.take("b", F) == 0
    assert found.conflicts() == frozenset()


def test_a_number_whose_holder_keeps_it_after_all_is_a_conflict() -> None:
    found = samples([record("a", 0)], ["a"])
    assert found.take("b", F) == 0
    assert found.conflicts() == {(F, 0)}
    found.keep(found.records["a"])
    assert found.conflicts() == {(F, 0)}


def test_a_number_whose_holder_leaves_is_free() -> None:
    found = samples([record("a", 0)], ["a"])
    assert found.take("b", F) == 0
    found.leave("a")
    assert found.conflicts() == frozenset()


def test_a_made_plan_lends_nothing() -> None:
    found = samples([record("a", 0)], ["a"])
    found.lends = False
    assert found.take("b", F) == 1
    assert found.conflicts() == frozenset()


def test_five_of_a_kind_are_five_answers_and_one_may_go() -> None:
    """The others keep theirs, and a new one takes the place for free."""
    lab = project(same(*"abcde"))
    lab.apply()
    assert numbers(lab) == {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4}
    before = {name: found.response for name, found in lab.records.items()}
    lab.files["configs/main.toml"] = same(*"abde")
    lab.apply()
    assert lab.sent == []
    assert {name: before[name] for name in lab.records} == {
        name: found.response for name, found in lab.records.items()
    }
    lab.files["configs/main.toml"] = same(*"abdez")
    lab.apply()
    assert lab.sent == []
    assert numbers(lab) == {"a": 0, "b": 1, "d": 3, "e": 4, "z": 2}


def test_a_rename_keeps_the_answer_that_was_issued_again() -> None:
    lab = project(same("a"))
    lab.apply()
    lab.apply(Choice(replaces=("completion.a",)))
    (second,) = lab.records.values()
    lab.files["configs/main.toml"] = same("b", "c")
    lab.apply()
    assert lab.sent == []
    assert numbers(lab) == {"b": 1, "c": 0}
    assert lab.records["completion.b"].response == second.response


def test_a_renamed_block_keeps_the_answers_of_those_that_are_left() -> None:
    lab = project(same(*"abc"))
    lab.apply()
    lab.files["configs/main.toml"] = same(*"ac")
    lab.apply()
    lab.files["configs/main.toml"] = same(*"xy")
    lab.apply()
    assert lab.sent == []
    assert numbers(lab) == {"x": 0, "y": 2}


def test_one_of_many_is_issued_again_alone() -> None:
    lab = project("[completion.a]\nmodel = 'm'\ncount = 3\n"
                  "messages = [{ role = 'user', content = 'x' }]\n")  # fmt: skip
    lab.apply()
    lab.apply(Choice(replaces=("completion.a[1]",)))
    assert lab.sent == ["completion.a[1]"]
    assert numbers(lab) == {"a[0]": 0, "a[1]": 3, "a[2]": 2}
    assert lab.plan().empty
