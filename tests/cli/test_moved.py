"""[[moved]] and [[removed]]: records under new names, and records that are only forgotten."""

import pytest

from tests.harness.project import Project, completion
from tests.harness.server import FakeAPI


def moved(source: str, target: str) -> str:
    return f"[[moved]]\nfrom = '{source}'\nto = '{target}'\n"


def test_a_renamed_completion_keeps_its_answer(project: Project, api: FakeAPI) -> None:
    """Also where its request changed on the way: then it is the old record that is replaced."""
    project.write(completion("old", "hello"))
    project.apply()
    project.write(completion("new", "hello") + moved("completion.old", "completion.new"))
    plan = project.call("plan").out
    assert "# completion.old has moved to completion.new" in plan
    assert "Plan: 1 to move." in plan
    ran = project.apply()
    assert ran.status == 0
    assert "Apply complete! 1 moved." in ran.out
    assert list(project.records) == ["completion.new"]
    assert project.outputs == {"new": "echo: hello"}
    assert "No changes." in project.call("plan").out
    assert len(api.completions) == 1


def test_a_move_with_a_new_prompt_is_one_plan(project: Project, api: FakeAPI) -> None:
    project.write(completion("old", "hello"))
    project.apply()
    project.write(completion("new", "bye") + moved("completion.old", "completion.new"))
    plan = project.call("plan").out
    assert "-/+ completion.new" in plan
    assert "Plan: 1 to re-issue, 1 to move." in plan
    assert project.apply().status == 0
    assert list(project.records) == ["completion.new"]


@pytest.mark.parametrize(
    ("before", "after", "source", "target"),
    [
        ((), ('for_each = ["a"]',), "completion.x", 'completion.x["a"]'),
        (('for_each = ["a"]',), (), 'completion.x["a"]', "completion.x"),
        (('for_each = ["a"]',), ('for_each = ["b"]',), 'completion.x["a"]', 'completion.x["b"]'),
        ((), ("count = 1",), "completion.x", "completion.x[0]"),
    ],
)
def test_instances_move(
    project: Project,
    api: FakeAPI,
    before: tuple[str, ...],
    after: tuple[str, ...],
    source: str,
    target: str,
) -> None:
    project.write(completion("x", "hello", *before))
    project.apply()
    project.write(completion("x", "hello", *after) + moved(source, target))
    assert "Plan: 1 to move." in project.call("plan").out
    for _ in range(2):
        assert project.apply().status == 0
        assert list(project.records) == [target]
        assert "No changes." in project.call("plan").out
    assert len(api.completions) == 1


def test_all_instances_of_a_block_move(project: Project, api: FakeAPI) -> None:
    project.write(completion("x", "hello {{ each.key }}", 'for_each = ["a", "b"]'))
    project.apply()
    text = completion("y", "hello {{ each.key }}", 'for_each = ["a", "b"]')
    project.write(text + moved("completion.x", "completion.y"))
    assert "Plan: 2 to move." in project.call("plan").out
    project.apply()
    assert list(project.records) == ['completion.y["a"]', 'completion.y["b"]']


def test_a_module_moves_with_all_that_is_in_it(project: Project, api: FakeAPI) -> None:
    project.write(completion("one", "1") + completion("two", "2"), "modules/m/main.toml")
    project.write('[module.m]\nsource = "./modules/m"\n')
    project.apply()
    text = '[module.n]\nsource = "./modules/m"\nfor_each = ["k"]\n'
    project.write(text + moved("module.m", 'module.n["k"]'))
    assert "Plan: 2 to move." in project.call("plan").out
    assert project.apply().status == 0
    assert list(project.records) == [
        'module.n["k"].completion.one',
        'module.n["k"].completion.two',
    ]
    assert "No changes." in project.call("plan").out
    text = completion("one", "1") + completion("two", "2")
    back = moved('module.n["k"].completion.one', "completion.one")
    project.write(text + back + moved('module.n["k"].completion.two', "completion.two"))
    assert project.apply().status == 0
    assert list(project.records) == ["completion.one", "completion.two"]
    assert len(api.completions) == 2


def test_a_chain_of_moves_holds_in_any_order(project: Project, api: FakeAPI) -> None:
    project.write(completion("a", "hello"))
    project.apply()
    chain = moved("completion.b", "completion.c") + moved("completion.a", "completion.b")
    project.write(completion("c", "hello") + chain)
    plan = project.call("plan").out
    assert "# completion.a has moved to completion.c" in plan
    assert "Plan: 1 to move." in plan
    project.apply()
    assert list(project.records) == ["completion.c"]


def test_a_move_leaves_an_answer_that_is_there(project: Project, api: FakeAPI) -> None:
    project.write(completion("a", "hello") + completion("b", "other"))
    project.apply()
    project.write(completion("b", "other") + moved("completion.a", "completion.b"))
    assert "Plan: 1 to remove." in project.call("plan").out


@pytest.mark.parametrize(
    ("blocks", "line", "said"),
    [
        (moved("completion.x", "completion.y"), 5, "completion.x is still in the configuration"),
        (moved("completion.x", "completion.x"), 6, "the same address"),
        (
            moved("completion.a", "completion.x") + moved("completion.a", "completion.b"),
            8,
            "was already moved",
        ),
        (
            moved("completion.a", "completion.b") + moved("completion.b", "completion.a"),
            5,
            "lead back: completion.a -> completion.b -> completion.a",
        ),
        (moved("module.m", "completion.x"), 5, "A module can only become a module"),
        (moved("compltion.m", "completion.x"), 5, "an address such as"),
        ("[[removed]]\nfrom = 'completion.x'\n", 5, "completion.x is still in the configuration"),
    ],
)
def test_moves_that_cannot_be_meant_are_told(
    project: Project, blocks: str, line: int, said: str
) -> None:
    text = completion("x", "hello").rstrip("\n")
    project.write(text + "\n" + blocks)
    ran = project.call("plan")
    assert ran.status == 1
    assert said in " ".join(ran.err.split())
    assert f"configs/main.toml line {line}" in ran.err


STORED = "store = true"


def test_removed_forgets_and_leaves_what_a_server_stored(project: Project, api: FakeAPI) -> None:
    project.write(completion("a", "hello", STORED) + completion("b", "bye", STORED))
    project.apply()
    project.write("[[removed]]\nfrom = 'completion.a'\n" + completion("c", "c"))
    plan = project.call("plan").out
    assert "# completion.a will be forgotten" in plan
    assert "# completion.b will be removed" in plan
    assert project.apply().status == 0
    assert list(project.records) == ["completion.c"]
    assert [m[0]["content"] for m in api.store.messages.values() if m[0]["content"] != "c"] == [
        "hello",
        "bye",
    ]
    kept = [api.store.messages[name][0]["content"] for name in api.store.completions]
    assert kept == ["hello"]


def test_removed_deletes_where_it_says_so(project: Project, api: FakeAPI) -> None:
    project.write(completion("a", "hello", STORED) + completion("c", "c"))
    project.apply()
    project.write("[[removed]]\nfrom = 'completion.a'\ndestroy = true\n" + completion("c", "c"))
    assert project.apply().status == 0
    assert api.store.completions == {}


def test_a_module_that_is_removed_forgets_all_in_it(project: Project, api: FakeAPI) -> None:
    project.write(completion("one", "1", STORED), "modules/m/main.toml")
    project.write('[module.m]\nsource = "./modules/m"\ncount = 2\n' + completion("c", "c"))
    project.apply()
    project.write("[[removed]]\nfrom = 'module.m'\n" + completion("c", "c"))
    assert project.apply().status == 0
    assert list(project.records) == ["completion.c"]
    assert len(api.store.completions) == 2
