"""Every reference names something that is there, before anything runs."""

import pytest

from runner.core.language.names import BLOCKS
from runner.errors import RunnerError
from tests.harness.lab import Lab

REST = """
[variable.topic]
default = "x"
[locals]
persona = "kind"
[completion.chat]
model = "m"
messages = [{ role = "user", content = "x" }]
[completion.many]
model = "m"
for_each = ["a", "b"]
messages = [{ role = "user", content = "x" }]
[data.chat_completion.got]
completion_id = "c"
[module.essay]
source = "../m"
[module.essays]
source = "../m"
count = 2
"""
MODULE = """
[completion.a]
model = "m"
messages = [{ role = "user", content = "x" }]
[output.text]
value = "{{ completion.a.content }}"
"""


def faults(expression: str, block: str = "output.o") -> list[tuple[str, str]]:
    """What is said about an expression, in a block of its own."""
    head = f"[{block}]\nvalue = '''{expression}'''\n"
    if block.startswith("completion"):
        content = f"{{ role = 'user', content = '''{expression}''' }}"
        head = f"[{block}]\nmodel = 'm'\nmessages = [{content}]\n"
    lab = Lab({"configs/main.toml": head + REST, "m/main.toml": MODULE})
    try:
        lab.compiled()
    except RunnerError as exc:
        return [(str(problem.where), problem.detail) for problem in exc.problems]
    return []


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("{{ var.topik }}", 'There is no variable "topik". Did you mean "var.topic"?'),
        ("{{ local.personna }}", 'Did you mean "local.persona"?'),
        ("{{ completion.chta.content }}", 'Did you mean "completion.chat"?'),
        ("{{ completion.chat.contnet }}", 'Did you mean "completion.chat.content"?'),
        ("{{ completion.chat[0].content }}", "neither for_each nor count nor matrix"),
        ("{{ completion.chat['x'].content }}", 'has no "x"'),
        ("{{ completion.many['a'].contnet }}", 'Did you mean "completion.many.a.content"?'),
        ("{{ data.chat_completion.gto.content }}", 'Did you mean "data.chat_completion.got"?'),
        (
            "{{ data.chat_completion.got.contnet }}",
            'Did you mean "data.chat_completion.got.content"',
        ),
        ("{{ data.chat_completion }}", "Write data.TYPE.NAME."),
        ("{{ module.esay.text }}", 'Did you mean "module.essay"?'),
        ("{{ module.essay.txt }}", 'Did you mean "module.essay.text"?'),
        ("{{ module.essays[0].txt }}", 'Did you mean "module.essays[0].text"?'),
        ("{{ topic }}", 'Did you mean "var.topic"?'),
        ("{{ persona | upper }}", 'Did you mean "local.persona"?'),
        ("{{ completions.chat.content }}", 'Did you mean "completion"?'),
        ("{{ flie('x') }}", 'Did you mean "file"?'),
        ("{{ each.key }}", "each is known only in a block with for_each."),
        ("{{ count.index }}", "count is known only in a block with count."),
        ("{{ self.content }}", "only in the postconditions of a lifecycle"),
        ("{{ path.rot }}", 'Did you mean "path.root"?'),
        ("{{ var }}", "write var.NAME"),
        ("{% for x in var.topik %}{{ x }}{% endfor %}", 'Did you mean "var.topic"?'),
    ],
)
def test_a_name_that_leads_nowhere_is_told_with_the_closest(expression: str, said: str) -> None:
    (found,) = faults(expression)
    assert found[0] == "configs/main.toml:2"
    assert said in found[1]


@pytest.mark.parametrize(
    "expression",
    [
        "{{ completion.chat }}", "{{ completion.chat.json.anything[0] }}", "{{ completion.many }}",
        "{{ completion.many['a'].content }}", "{{ completion.many | length }}",
        "{{ module.essay.text }}", "{{ module.essays[1].text }}", "{{ path.module }}",
        "{{ range(3) | sum }}", "{{ data.chat_completion.got.content }}", "{{ file('x') }}",
        "{% for k, v in completion.many.items() %}{{ k }}{{ v.content }}{% endfor %}",
        "{% set y = 1 %}{{ y }}", "{{ env('HOME') }}", "{{ ['a'] | map('upper') | list }}",
    ],
)  # fmt: skip
def test_a_name_that_is_there_is_no_mistake(expression: str) -> None:
    assert faults(expression) == []


def test_a_completion_that_names_itself_is_known() -> None:
    """That is a cycle, and told as one."""
    assert faults("{{ completion.mine.content }}", "completion.mine") == []


def test_a_validation_looks_at_its_own_variable_alone() -> None:
    text = (
        "[variable.a]\n[variable.b]\nvalidation = [\n"
        "  { condition = '{{ var.a == var.b }}', error_message = 'no' },\n]\n"
    )
    with pytest.raises(RunnerError) as caught:
        Lab({"configs/main.toml": text}).compiled()
    (found,) = caught.value.problems
    assert (str(found.where), found.summary) == ("configs/main.toml:4", "Invalid validation")


IN_EACH_BLOCK = {
    "runner": "workspace = '{{ var.nope }}'",
    "provider": "base_url = 'https://{{ var.nope }}'",
    "variable": "validation = [{ condition = '{{ var.nope }}', error_message = 'x' }]",
    "locals": "x = '{{ var.nope }}'",
    "completion": "model = '{{ var.nope }}'\nmessages = [{ role = 'user', content = 'x' }]",
    "data": "completion_id = '{{ var.nope }}'",
    "module": "source = '../m'\nx = '{{ var.nope }}'",
    "output": "value = '{{ var.nope }}'",
    "moved": "from = '{{ var.nope }}'\nto = 'completion.chat'",
    "removed": "from = '{{ var.nope }}'",
    "import": "id = '{{ var.nope }}'\nto = 'completion.chat'",
    "check": "of = 'completion.chat'\nexpect = [{ equals = '{{ var.nope }}' }]",
    "compare": "of = 'completion.chat'\nby = '{{ var.nope }}'",
    "telemetry": "enabled = '{{ var.nope }}'",
}
HEADS = {
    **{kind: f"[{kind}]" for kind in ("runner", "locals", "telemetry")},
    "data": "[data.chat_completion.block]",
}
LISTED = ("moved", "removed", "import")


@pytest.mark.parametrize("kind", BLOCKS)
def test_what_stands_in_a_block_is_read_whatever_the_block(kind: str) -> None:
    """One that is allowed, and that nobody compiles, would be valid whatever it says."""
    head = HEADS.get(kind, f"[[{kind}]]" if kind in LISTED else f"[{kind}.openai]")
    lab = Lab({"configs/main.toml": f"{head}\n{IN_EACH_BLOCK[kind]}\n", "m/main.toml": MODULE})
    with pytest.raises(RunnerError) as caught:  # noqa: PT012  # where it is told is all the same
        lab.compiled()
        lab.plan()
    assert "configs/main.toml:" in str(caught.value.problems[0].where)
