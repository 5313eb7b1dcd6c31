"""One block as the instances of a matrix: each combination of the values on its axes."""

import itertools
from collections.abc import Mapping

import orjson
import pytest

from runner.core.expansion.instances import matrix_pairs
from runner.core.plan.actions import Await, Instances, Issue, Reuse
from runner.core.values import TemplateError
from runner.errors import RunnerError
from tests.harness.lab import Lab, project


def block(name: str, content: str, more: str = "", model: str = "m") -> str:
    return (
        f'[completion.{name}]\nmodel = "{model}"\n{more}\n'
        f'messages = [{{ role = "user", content = """{content}""" }}]\n'
    )


def matrix(content: str, *axes: str, more: str = "", model: str = "m") -> str:
    held = "\n".join(f"matrix.{axis}" for axis in axes)
    return block("answer", content, f"{held}\n{more}", model)


def asked(lab: Lab) -> dict[str, str]:
    """What each address asks, after an apply."""
    lab.apply()
    return {
        address.removeprefix("completion."): orjson.loads(record.request)["messages"][0]["content"]
        for address, record in lab.records.items()
    }


CASES = "id,q\n" + "".join(f"q{number:02},what is {number}?\n" for number in range(25))
TWELVE = """\
[completion.answer]
matrix.case = "{{ csv('cases.csv', key='id') }}"
matrix.model = ["gpt-4o", "gpt-4o-mini"]
matrix.prompt = { terse = "Be terse.", long = "Be thorough." }
matrix.run = "{{ range(2) }}"
model = "{{ matrix.model }}"
temperature = 1
messages = [
  { role = "system", content = "{{ matrix.prompt }}" },
  { role = "user", content = "{{ matrix.case.q }}" },
]
"""


def twelve(text: str = TWELVE) -> Lab:
    lab = project(text)
    lab.files["configs/cases.csv"] = CASES
    return lab


@pytest.mark.parametrize(
    ("axes", "content", "found"),
    [
        (("a = ['x', 'y']", "b = [1, 2.5]"), "{{ matrix.a }} {{ matrix.b }}",
         {"a=x,b=1": "x 1", "a=x,b=2.5": "x 2.5", "a=y,b=1": "y 1", "a=y,b=2.5": "y 2.5"}),
        (("z = [true, false]",), "{{ matrix.z }} {{ matrix.z_key }}",
         {"z=true": "true true", "z=false": "false false"}),
        (("p = { short = 'Be short.' }",), "{{ matrix.p_key }}: {{ matrix.p }}",
         {"p=short": "short: Be short."}),
        (("row = \"{{ csv('t.csv', key='id') }}\"",), "{{ matrix.row.v }}",
         {"row=1": "one", "row=2": "two"}),
        (("n = '{{ range(2) }}'",), "{{ matrix.n + 1 }}", {"n=0": "1", "n=1": "2"}),
        (("a = ['x']", "none = []"), "x", {}),
    ],
)  # fmt: skip
def test_a_matrix_stands_for_every_combination(
    axes: tuple[str, ...], content: str, found: Mapping[str, str]
) -> None:
    lab = project(matrix(content, *axes))
    lab.files["configs/t.csv"] = "id,v\n1,one\n2,two\n"
    assert asked(lab) == {f'answer["{key}"]': text for key, text in found.items()}


def test_what_an_address_is_made_of_is_escaped_in_a_key() -> None:
    lab = project(matrix("{{ matrix.a }}", """a = ['x,y', 'x=y', 'x\\y', 'x"y', 'x']"""))
    assert set(asked(lab).items()) == {
        ('answer["a=x\\\\,y"]', "x,y"),
        ('answer["a=x\\\\=y"]', "x=y"),
        ('answer["a=x\\\\\\\\y"]', "x\\y"),
        ('answer["a=x\\"y"]', 'x"y'),
        ('answer["a=x"]', "x"),
    }
    assert lab.plan().empty


def test_an_instance_that_is_not_enabled_is_left_out() -> None:
    enabled = "enabled = \"{{ not (matrix.a == 'x' and matrix.b_key == '2') }}\""
    lab = project(matrix("x", "a = ['x', 'y']", "b = [1, 2]", more=enabled))
    assert asked(lab).keys() == {'answer["a=x,b=1"]', 'answer["a=y,b=1"]', 'answer["a=y,b=2"]'}


def test_an_axis_of_tables_goes_across_providers() -> None:
    providers = "".join(
        f'[provider.{name}]\ntype = "openai"\nbase_url = "https://{name}.example/v1"\n'
        for name in "xy"
    )
    big, small = "{ provider = 'x', model = 'L' }", "{ provider = 'y', model = 'S' }"
    targets = f"target = {{ big = {big}, small = {small} }}"
    asks = 'provider = "{{ matrix.target.provider }}"'
    lab = project(providers + matrix("hi", targets, more=asks, model="{{ matrix.target.model }}"))
    lab.apply()
    told = {address: record.provider for address, record in lab.records.items()}
    assert told == {
        'completion.answer["target=big"]': "x",
        'completion.answer["target=small"]': "y",
    }
    assert {body["model"] for _, body in lab.model.sent} == {"L", "S"}


def test_twelve_lines_are_two_hundred_requests_and_each_run_has_an_answer_of_its_own() -> None:
    lab = twelve()
    assert [type(step.action) for step in lab.plan().steps] == [Issue] * 200
    lab.apply()
    assert len(lab.sent) == 200
    assert len({(record.fingerprint, record.sample) for record in lab.records.values()}) == 200
    assert {record.sample for record in lab.records.values()} == {0, 1}
    assert lab.plan().empty


def test_neither_the_order_of_axes_nor_one_more_of_one_value_asks_for_anything() -> None:
    """Whether the cache is there, or the state alone as after a clone."""
    lab = twelve()
    lab.apply()
    head, *lines = TWELVE.splitlines(keepends=True)
    for order in itertools.islice(itertools.permutations(lines[:4]), 1, None, 7):
        lab.files["configs/main.toml"] = "".join([head, *order, *lines[4:]])
        assert lab.plan().empty
    before = {record.response for record in lab.records.values()}
    for number, lost in enumerate((False, True)):
        if lost:
            lab.lose_cache()
        more = f"matrix.also{number} = ['one']\n"
        lab.files["configs/main.toml"] = TWELVE.replace("matrix.run", f"{more}matrix.run")
        plan = lab.plan()
        new = {type(step.action) for step in plan.steps if f"also{number}" in step.address}
        assert new == {Reuse}
        assert not [*plan.of(Issue)]
        lab.apply()
        assert lab.sent == []
        assert {record.response for record in lab.records.values()} == before
        assert all(f"also{number}=one" in address for address in lab.records)
        lab.files["configs/main.toml"] = TWELVE


def test_what_is_asked_twice_keeps_which_answer_was_whose_when_an_axis_is_added() -> None:
    lab = project(matrix("hi", "run = '{{ range(4) }}'"))
    lab.apply()
    before = {address[-3:]: record.sample for address, record in lab.records.items()}
    lab.files["configs/main.toml"] = matrix("hi", "model = ['m']", "run = '{{ range(4) }}'")
    lab.apply()
    assert lab.sent == []
    assert {address[-3:]: record.sample for address, record in lab.records.items()} == before


def test_the_same_cell_of_another_block_is_named_by_matrix() -> None:
    """The other block may have fewer axes; each waits for its own answer alone."""
    axes = ("a = ['x', 'y']", "b = ['1', '2']")
    judge = block(
        "judge",
        "judge {{ completion.answer[matrix].content }} as {{ matrix.by }}",
        "matrix.a = ['x', 'y']\nmatrix.b = ['1', '2']\nmatrix.by = ['strict', 'kind']",
    )
    lab = project(matrix("{{ matrix.a }}{{ matrix.b }}", *axes) + judge)
    lab.reply = lambda body: body["messages"][0]["content"]
    found = {step.address: step.action for step in lab.plan().steps}
    waits = found['completion.judge["a=x,b=2,by=kind"]']
    assert isinstance(waits, Await)
    assert waits.on == 'completion.answer["a=x,b=2"]'
    assert asked(lab)['judge["a=y,b=1,by=strict"]'] == "judge y1 as strict"
    record = lab.records['completion.judge["a=y,b=1,by=strict"]']
    assert record.depends_on == ('completion.answer["a=y,b=1"]',)
    assert lab.plan().empty


def test_an_axis_over_other_instances_is_planned_by_their_keys() -> None:
    judge = block(
        "judge",
        "{{ matrix.of.content }} {{ matrix.by }} {{ matrix.of_key }}",
        "matrix.of = '{{ completion.told }}'\nmatrix.by = ['p', 'q']",
    )
    lab = project(block("told", "{{ each.key }}", "for_each = ['a', 'b']") + judge)
    lab.reply = lambda body: body["messages"][0]["content"]
    waits = {step.address: step.action for step in lab.plan().steps if "judge" in step.address}
    assert {type(action) for action in waits.values()} == {Await}
    assert len(waits) == 4
    found = asked(lab)
    assert found['judge["by=q,of=b"]'] == "b q b"
    assert lab.records['completion.judge["by=q,of=b"]'].depends_on == ('completion.told["b"]',)
    assert lab.plan().empty


def test_an_axis_over_an_answer_is_unrolled_when_it_comes() -> None:
    topics = block("topics", "list")
    lab = project(
        topics
        + matrix(
            "{{ matrix.t }} {{ matrix.n }}", "t = '{{ completion.topics.json }}'", "n = [1, 2]"
        )
    )
    lab.reply = lambda body: (
        '["sea", "sky"]' if body["messages"][0]["content"] == "list" else "said"
    )
    (step,) = (step for step in lab.plan().steps if isinstance(step.action, Instances))
    assert step.address == "completion.answer"
    found = asked(lab)
    assert found.keys() == {"topics"} | {
        f'answer["n={n},t={t}"]' for n in "12" for t in ("sea", "sky")
    }
    assert lab.plan().empty


def test_a_module_has_a_matrix_as_well() -> None:
    lab = project(
        "[module.m]\nsource = './m'\nmatrix.lang = ['de', 'fr']\nmatrix.n = [1]\n"
        "said = '{{ matrix.lang }}{{ matrix.n }}'\n"
        + block("all", "of {{ module.m[matrix].text }}", "matrix.lang = ['fr']\nmatrix.n = [1]")
    )
    lab.files["configs/m/main.toml"] = (
        "[variable.said]\n" + block("told", "{{ var.said }}")
        + "[output.text]\nvalue = '{{ completion.told.content }}'\n"
    )  # fmt: skip
    lab.reply = lambda body: body["messages"][0]["content"]
    lab.apply()
    asks = {
        address: orjson.loads(record.request)["messages"][0]["content"]
        for address, record in lab.records.items()
    }
    assert asks == {
        'module.m["lang=de,n=1"].completion.told': "de1",
        'module.m["lang=fr,n=1"].completion.told': "fr1",
        'completion.all["lang=fr,n=1"]': "of fr1",
    }


ROWS = "{{ [{'a': 1}, {'a': 2}] }}"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("matrix.a = ['x', 'x']", 'matrix.a[1], "x", is there twice'),
        ("matrix.a = [1, '1']", 'matrix.a[1], "1", is there twice'),
        ("matrix.a = \"{{ ['x', 'x'] }}\"", '"x" stands twice in matrix.a'),
        ("matrix.a = [{ v = 1 }]", "matrix.a[0] must be a string, a number or true or false"),
        (f'matrix.a = "{ROWS}"', "matrix.a has a list of tables, and a list gives its rows no"),
        ("matrix.a = \"{{ [['x']] }}\"", "item 0 of matrix.a is a list"),
        ("matrix.a = '{{ 7 }}'", "matrix.a wants a map, a list of distinct strings, numbers"),
        ("matrix.a = 7", "matrix.a must be a table, a list of distinct values or an expression"),
        ("matrix.a = 'x'", "Write an expression in {{ }}"),
        ("matrix = '{{ local.axes }}'", "write matrix.AXIS for each"),
        ("matrix = {}", "matrix"),
        ("matrix = { 'a b' = [1] }", "The name of an axis"),
        ("matrix.a = [1]\nmatrix.a_key = [2]", "is the key of the axis a already"),
        ("matrix.a = [1]\ncount = 2", "count and matrix exclude each other"),
        ("matrix.a = [1]\nfor_each = ['x']", "for_each and matrix exclude each other"),
        ("matrix.a = ['{{ var.s }}']", "hangs on a sensitive value"),
        ("matrix.a = '{{ range(2000) }}'\nmatrix.b = '{{ range(2000) }}'", "2,000 x 2,000"),
        ("matrix.axis = [1]\ntriggers = { x = '{{ matrix.axes }}' }", 'Did you mean "matrix.axis"'),
        ("triggers = { x = '{{ matrix.a }}' }", "matrix is known only in a block with matrix"),
        ("matrix.a = ['{{ matrix.b }}']\nmatrix.b = [1]", "matrix is known only in a block with"),
    ],
)
def test_what_is_no_matrix_is_told_with_its_place(more: str, said: str) -> None:
    lab = project(
        "[variable.s]\nsensitive = true\ndefault = 'x'\n[locals]\naxes = 1\n"
        + block("a", "x", more)
    )
    with pytest.raises(RunnerError) as caught:
        lab.plan()
    told = [problem for problem in caught.value.problems if said in problem.detail]
    assert told, caught.value.problems
    assert told[0].where is not None


def test_more_combinations_than_can_be_written_are_told() -> None:
    with pytest.raises(TemplateError, match=r"this has 2 x 2 x .* x \.\.\.$"):
        matrix_pairs({f"a{number}": [1, 2] for number in range(15_000)})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("{{ completion.answer[matrix].content }}", 'no "a=z". It has a=x, a=y.'),
        ("{{ completion.answer[matrix].content | upper }}", "a=z"),
        ("{{ completion.answer[local.list].content }}", "It has a=x, a=y."),
        ("{{ completion.answer.content }}", "completion.answer[matrix].content"),
    ],
)
def test_an_instance_that_is_not_there_is_told(asked: str, said: str) -> None:
    lab = project(
        "[locals]\nlist = [1]\n"
        + matrix("x", "a = ['x', 'y']")
        + block("judge", asked, "matrix.a = ['z']")
    )
    with pytest.raises(RunnerError) as caught:
        lab.plan()
    assert said in caught.value.problems[0].detail


def test_a_record_that_is_no_combination_any_more_says_so() -> None:
    lab = project(matrix("x", "a = ['x', 'y']"))
    lab.apply()
    lab.files["configs/main.toml"] = matrix("x", "a = ['x']")
    (step,) = lab.plan().steps
    assert getattr(step.action, "reason", "") == 'key ["a=y"] is not in the matrix'
