"""Who holds which answer, when several completions ask the very same thing."""

from collections.abc import Iterable
from typing import Any

from msgspec import structs

from runner.core.plan.plan import make_plan
from runner.core.plan.samples import Samples
from runner.core.plan.targets import Choice
from runner.core.state.records import Record
from tests.harness.lab import Lab, project

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


def test_prompts_that_change_places_are_free() -> None:
    lab = project(same("a") + same("b").replace("'x'", "'y'"))
    lab.apply()
    before = {name: found.response for name, found in lab.records.items()}
    lab.files["configs/main.toml"] = same("a").replace("'x'", "'y'") + same("b")
    lab.apply()
    assert lab.sent == []
    assert lab.records["completion.a"].response == before["completion.b"]
    assert lab.records["completion.b"].response == before["completion.a"]


def test_what_is_no_longer_enabled_leaves_its_number() -> None:
    lab = project(same("a"))
    lab.apply()
    lab.files["configs/main.toml"] = same("a", "b", a="enabled = false")
    lab.apply()
    assert lab.sent == []
    assert numbers(lab) == {"b": 0}


def test_a_number_that_was_left_is_free_for_what_an_apply_decides() -> None:
    """The plan lends none of them by then, and need not: its holder asks something else."""

    def reply(body: dict[str, Any]) -> str:
        return "x" if body["messages"][0]["content"] == "second" else "other"

    first = (
        "[completion.a]\nmodel = 'm'\nmessages = [{ role = 'user', content = 'x' }]\n"
        "[completion.up]\nmodel = 'm'\nmessages = [{ role = 'user', content = 'first' }]\n"
        "[completion.down]\nmodel = 'm'\n"
        "messages = [{ role = 'user', content = '{{ completion.up.content }}' }]\n"
    )
    lab = Lab({"configs/main.toml": first}, reply)
    lab.apply()
    lab.files["configs/main.toml"] = first.replace("'x'", "'z'").replace("'first'", "'second'")
    lab.apply()
    assert sorted(lab.sent) == ["completion.a", "completion.up"]


def test_a_number_of_one_that_is_gone_is_given_once() -> None:
    """Asked for once more, the first may get the number that the gone one had."""
    found = samples([record("a", 0), record("b", 1)], ["a", "c"])
    found.leave("a")
    assert found.take("a", F, 1) == 1
    assert found.take("c", F) == 0


def test_who_keeps_its_number_costs_no_second_plan() -> None:
    lab = project(same("a"))
    lab.apply()
    lab.files["configs/main.toml"] = same("a", "b")
    inputs = lab.planned().inputs
    begun = []

    def start(samples: Samples) -> Any:
        begun.append(samples)
        return inputs.start(samples)

    assert len(make_plan(structs.replace(inputs, start=start)).steps) == 1
    assert len(begun) == 1


def test_a_number_that_was_inherited_is_taken() -> None:
    found = samples([record("gone", 1)])
    assert [found.take(name, F) for name in "xyz"] == [1, 0, 2]


CHAIN = (
    "[completion.up]\nmodel = 'm'\nmessages = [{ role = 'user', content = 'first' }]\n"
    "[completion.down]\nmodel = 'm'\n"
    "messages = [{ role = 'user', content = '{{ completion.up.content }}' }]\n"
)


def test_a_number_of_one_that_is_gone_is_free_for_what_an_apply_decides() -> None:
    def reply(body: dict[str, Any]) -> str:
        return "x" if body["messages"][0]["content"] == "second" else "other"

    lab = Lab({"configs/main.toml": CHAIN + same("a")}, reply)
    lab.apply()
    lab.files["configs/main.toml"] = CHAIN.replace("'first'", "'second'")
    lab.apply()
    assert lab.sent == ["completion.up"]


def test_a_number_is_free_whose_holder_turns_out_not_to_be_declared() -> None:
    """Its block has instances only once an answer is read: those that are left are known then."""
    each = (
        "[completion.list]\nmodel = 'm'\nmessages = [{ role = 'user', content = 'list' }]\n"
        "[completion.each]\nmodel = 'm'\nfor_each = '{{ completion.list.json }}'\n"
        "messages = [{ role = 'user', content = '{{ each.key }}' }]\n"
    )
    lab = Lab({"configs/main.toml": each}, lambda _: '["x", "y"]')
    lab.apply()
    fewer = each.replace("completion.list.json }}", "completion.list.json[1:] }}")
    lab.files["configs/main.toml"] = same("a") + fewer
    lab.apply()
    assert lab.sent == []
    assert set(numbers(lab)) == {"a", "list", 'each["y"]'}
