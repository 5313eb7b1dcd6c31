"""Variables in, instances out."""

from typing import Any

import orjson
import pytest

from runner.core.plan.actions import Issue
from runner.errors import RunnerError
from runner.operations.planning.whole import whole_plan
from tests.harness.lab import Lab, project

HEAD = 'model = "m"\n'


def asks(lab: Lab) -> dict[str, str]:
    """What each address asks, after an apply."""
    lab.apply()
    return {
        address: orjson.loads(record.request)["messages"][0]["content"]
        for address, record in lab.records.items()
    }


def completion(name: str, content: str, more: str = "") -> str:
    return (
        f"[completion.{name}]\n{HEAD}{more}\n"
        f'messages = [{{ role = "user", content = """{content}""" }}]\n'
    )


@pytest.mark.parametrize(
    ("more", "content", "found"),
    [
        ("for_each = { a = 1, b = 2 }", "{{ each.key }} {{ each.value }}", {'["a"]': "a 1",
                                                                            '["b"]': "b 2"}),
        ("for_each = ['x', 'y']", "{{ each.key }}={{ each.value }}", {'["x"]': "x=x",
                                                                      '["y"]': "y=y"}),
        ("for_each = {}", "x", {}),
        ("for_each = []", "x", {}),
        ("for_each = \"{{ {'a': (1, 2)} }}\"", "{{ each.value | sum }}", {'["a"]': "3"}),
        ("for_each = { '' = 1, 'a\"b' = 2 }", "{{ each.value }}", {'[""]': "1", '["a\\"b"]': "2"}),
        ("count = 2", "{{ count.index }}", {"[0]": "0", "[1]": "1"}),
        ("count = 0", "x", {}),
        ("count = '{{ 1 + 1 }}'", "x", {"[0]": "x", "[1]": "x"}),
        ("for_each = \"{{ csv('t.csv', key='id') }}\"", "{{ each.value.v }}", {'["1"]': "one",
                                                                              '["2"]': "two"}),
        ("enabled = false", "x", {}),
        ("enabled = '{{ 1 > 2 }}'", "x", {}),
        ("for_each = ['x', 'y']\nenabled = \"{{ each.key == 'y' }}\"", "x", {'["y"]': "x"}),
        ("template = false", "{{ not.a.hole }}", {"": "{{ not.a.hole }}"}),
    ],
)  # fmt: skip
def test_a_block_stands_for_its_instances(more: str, content: str, found: dict[str, str]) -> None:
    lab = project(completion("a", content, more), configs__t_csv="")
    lab.files["configs/t.csv"] = "id,v\n1,one\n2,two\n"
    assert asks(lab) == {f"completion.a{key}": text for key, text in found.items()}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("for_each = ['x', 'x']", "is there twice"),
        ("for_each = \"{{ ['x', 'x'] }}\"", '"x" stands twice'),
        ("for_each = [{ a = 1 }]", "must be a string"),
        ("for_each = \"{{ [{'a': 1}] }}\"", "a list gives its rows no names"),
        ("for_each = '{{ [1] }}'", "distinct strings"),
        ("for_each = '{{ 5 }}'", "this is a number"),
        ("for_each = \"{{ csv('t.csv') }}\"", "key='id'"),
        ("count = '{{ 1.5 }}'", "a whole number from 0"),
        ("count = '{{ -1 }}'", "a whole number from 0"),
        ("count = '{{ true }}'", "a whole number from 0"),
        ("count = '{{ 10000000 }}'", "at most 1,000,000"),
        ("enabled = \"{{ 'yes' }}\"", "true or false"),
        ("for_each = '{{ var.secret }}'", "sensitive"),
    ],
)
def test_what_gives_no_instances_is_told_at_its_line(more: str, said: str) -> None:
    text = completion("a", "x", more) + "[variable.secret]\nsensitive = true\ndefault = { a = 1 }\n"
    lab = project(text)
    lab.files["configs/t.csv"] = "id\n1\n"
    with pytest.raises(RunnerError) as caught:
        lab.plan()
    (problem,) = caught.value.problems
    assert said in problem.detail
    assert str(problem.where) == "configs/main.toml:3"


def test_values_reach_a_module_and_come_back() -> None:
    """Variables in, outputs out, each instance its own; nested modules too."""
    lab = Lab(
        {
            "configs/main.toml": (
                "[variable.who]\ndefault = 'Ada'\n[locals]\ngreeting = 'Hi {{ var.who }}'\n"
                "[module.m]\nsource = '../m'\nfor_each = ['x', 'y']\n"
                "text = '{{ local.greeting }} {{ each.key }}'\n"
                + completion("end", "{% for k, m in module.m.items() %}{{ k }}:{{ m.out }} "
                                    "{% endfor %}{{ module.m['x'].given }}")
            ),
            "m/main.toml": (
                "[variable.text]\ntype = 'string'\n[variable.n]\ntype = 'number'\ndefault = '2'\n"
                "[module.inner]\nsource = './inner'\ntext = '{{ var.text }}{{ var.n + 1 }}'\n"
                "[output.out]\nvalue = '{{ module.inner.out }}'\n"
                "[output.given]\nvalue = '{{ var.text }}'\n"
            ),
            "m/inner/main.toml": (
                "[variable.text]\n" + completion("a", "{{ var.text }}") +
                "[output.out]\nvalue = '{{ completion.a.content }}'\n"
            ),
        },
        lambda body: f"<{body['messages'][0]['content']}>",
    )  # fmt: skip
    assert asks(lab) == {
        'module.m["x"].module.inner.completion.a': "Hi Ada x3",
        'module.m["y"].module.inner.completion.a': "Hi Ada y3",
        "completion.end": "x:<Hi Ada x3> y:<Hi Ada y3> Hi Ada x",
    }


def test_a_module_waits_for_what_its_variables_and_depends_on_need() -> None:
    lab = Lab(
        {
            "configs/main.toml": completion("first", "f") + completion("other", "o")
            + "[module.m]\nsource = '../m'\ntext = '{{ completion.first.content }}'\n"
              "depends_on = ['completion.other']\n",
            "m/main.toml": "[variable.text]\n" + completion("a", "{{ var.text }}")
            + completion("b", "no variable"),
        }
    )  # fmt: skip
    lab.apply()
    order = [event.address for event in lab.events if type(event).__name__ == "Started"]
    assert order.index("module.m.completion.b") > order.index("completion.other")
    assert order.index("module.m.completion.a") > order.index("completion.first")
    plan = lab.plan()
    assert plan.empty


def test_an_answer_names_the_instances() -> None:
    """for_each over an answer, of completions and of modules; the answer changes, they follow."""
    text = (
        completion("topics", "list 1")
        + completion("each", "{{ each.key }}", "for_each = '{{ completion.topics.json }}'")
        + "[module.m]\nsource = '../m'\nfor_each = '{{ completion.topics.json }}'\n"
        "text = '{{ each.key }}'\n"
        + completion("end", "{{ completion.each | length }} {{ module.m['b'].out }}")
    )
    module = (
        "[variable.text]\n"
        + completion("a", "module {{ var.text }}")
        + "[output.out]\nvalue = '{{ completion.a.content }}'\n"
    )
    answers = {"list 1": '["a", "b"]', "list 2": '["b", "c", "d"]'}
    lab = Lab({"configs/main.toml": text, "m/main.toml": module},
              lambda body: answers.get(body["messages"][0]["content"], "ok"))  # fmt: skip
    assert set(asks(lab)) == {
        "completion.topics", 'completion.each["a"]', 'completion.each["b"]', "completion.end",
        'module.m["a"].completion.a', 'module.m["b"].completion.a',
    }  # fmt: skip
    lab.files["configs/main.toml"] = text.replace("list 1", "list 2")
    assert asks(lab)["completion.end"] == "3 ok"
    assert set(lab.sent) == {
        "completion.topics", 'completion.each["c"]', 'completion.each["d"]', "completion.end",
        'module.m["c"].completion.a', 'module.m["d"].completion.a',
    }  # fmt: skip
    assert 'completion.each["a"]' not in lab.records
    assert 'module.m["a"].completion.a' not in lab.records


def test_a_cycle_of_local_values_is_told_whole_and_once() -> None:
    """Wherever it was met; beside a value that names itself."""
    text = """[locals]
a = "{{ local.b }}"
b = { x = "{{ local.c }}" }
c = "{{ local.a }}"
d = "{{ local.d }}"
"""
    uses = completion("x", "{{ local.b }} {{ local.d }}") + completion("y", "{{ local.a }}")
    with pytest.raises(RunnerError) as caught:
        project(text + uses).plan()
    ring, alone = sorted({problem.detail for problem in caught.value.problems})
    assert ring == (
        "These wait for each other: local.a -> local.b -> local.c -> local.a\n"
        "  local.a refers to local.b (configs/main.toml:2)\n"
        "  local.b refers to local.c (configs/main.toml:3)\n"
        "  local.c refers to local.a (configs/main.toml:4)"
    )
    assert alone == "local.d refers to itself:\n  local.d refers to local.d (configs/main.toml:5)"


def test_a_cycle_through_a_variable_of_a_module_is_told_as_one() -> None:
    files = {
        "configs/main.toml": "[module.m]\nsource = '../m'\nx = '{{ module.m.y }}'\n",
        "m/main.toml": "[variable.x]\n[output.y]\nvalue = '{{ var.x }}'\n",
    }
    uses = completion("a", "{{ module.m.y }}")
    with pytest.raises(RunnerError) as caught:
        Lab({**files, "configs/uses.toml": uses}).plan()
    (detail,) = {problem.detail for problem in caught.value.problems}
    assert detail == (
        "These wait for each other: output.y -> var.x -> output.y\n"
        "  output.y refers to var.x (m/main.toml:2)\n"
        "  var.x refers to output.y (m/main.toml:1)"
    )


def test_paths_are_relative_to_the_file_that_names_them() -> None:
    lab = Lab(
        {
            "configs/main.toml": "[module.m]\nsource = '../m'\n"
            + completion("a", "{{ file('x') }}"),
            "configs/x": "of the root",
            "m/main.toml": completion("a", "{{ file('x') }}"),
            "m/x": "of the module",
        }
    )
    assert asks(lab) == {"completion.a": "of the root", "module.m.completion.a": "of the module"}


def test_a_file_may_hold_more_than_an_expression_may_make() -> None:
    """A million rows are as large as their file, and are planned."""
    lab = Lab(
        {
            "configs/main.toml": "[locals]\nheld = \"{{ json('t.json') }}\"\n"
            + completion("a", "{{ local.held.said }}"),
            "configs/t.json": "{}",
        }
    )
    tree: Any = "x"
    for _ in range(40):  # in place of a file that is really as large as that
        tree = [tree, tree]
    held = lab.loaded()
    held.world.parsed["json", b"{}"] = {"said": "read", "tree": tree}
    assert whole_plan(held).plan.steps
    lab.files["configs/main.toml"] = lab.files["configs/main.toml"].replace(
        "json('t.json')", "[json('t.json').tree]"
    )
    made = lab.loaded()
    made.world.parsed["json", b"{}"] = {"said": "read", "tree": tree}
    with pytest.raises(RunnerError, match="the most that one rendering may take"):
        whole_plan(made)


def test_all_mistakes_of_a_stage_are_told_together() -> None:
    text = "".join(completion(name, "{{ 1 / 0 }}") for name in "abc")
    with pytest.raises(RunnerError) as caught:
        project(text).plan()
    assert [str(p.where) for p in caught.value.problems] == [
        "configs/main.toml:4", "configs/main.toml:8", "configs/main.toml:12",
    ]  # fmt: skip


def test_a_first_plan_knows_what_it_will_issue() -> None:
    lab = project(completion("a", "x", "count = 3"))
    assert [step.address for step, _ in lab.plan().of(Issue)] == [
        f"completion.a[{i}]" for i in range(3)
    ]
