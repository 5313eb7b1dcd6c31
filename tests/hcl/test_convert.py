"""Terraform's files converted: the same meaning, or a problem that names what was lost."""

import json
import sys
import tomllib
from types import FrameType
from typing import Any

import pytest
import toml_rs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.core.expressions.functions import World, functions
from runner.core.expressions.template import compile_value
from runner.core.language.check import check
from runner.core.language.type_syntax import as_type, parse_type
from runner.core.toml.layout import format_toml
from runner.core.values import plain
from runner.errors import RunnerError
from runner.hcl import Converted, convert
from tests import DATA

HCL = DATA / "hcl"
EXAMPLES = (
    *("basic", "functions", "conversation", "stored", "metadata", "retrieved", "everything"),
    "dynamic",
)
CHAT = 'module "a" {\n  source = "../chat_completion"\n'


def converted(*texts: str) -> Converted:
    return convert([(f"{index}.tf", text) for index, text in enumerate(texts)])


def tables(text: str) -> dict[str, Any]:
    """The TOML of a conversion without problems."""
    made = converted(text)
    assert made.problems == ()
    return tomllib.loads(made.text)


def local(expression: str) -> Any:
    return tables(f"locals {{\n  x = {expression}\n}}\n")["locals"]["x"]


def refused(text: str) -> str:
    """The detail of the one error, of which a comment in the text tells as well."""
    made = converted(text)
    (problem,) = [each for each in made.problems if each.severity == "error"]
    assert problem.where is not None
    assert problem.where.file == "0.tf"
    assert problem.where.line
    assert "# not converted: " in made.text
    return problem.detail


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_convert_to_the_recorded_configuration(name: str) -> None:
    made = convert([(f"{name}.tf", (HCL / f"{name}.tf").read_text())])
    assert made.text == (HCL / f"{name}.toml").read_text()
    assert toml_rs.loads(made.text, toml_version="1.0.0") == tomllib.loads(made.text)


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_converted_is_in_canonical_layout(name: str) -> None:
    text = (HCL / f"{name}.toml").read_text()
    assert format_toml(text) == text


@pytest.mark.parametrize(
    "name", ["basic", "functions", "conversation", "stored", "metadata", "dynamic"]
)
def test_the_modules_own_examples_convert_without_a_problem(name: str) -> None:
    assert convert([("main.tf", (HCL / f"{name}.tf").read_text())]).problems == ()


@pytest.mark.parametrize("name", ["basic", "functions", "conversation", "stored", "dynamic"])
def test_the_modules_own_examples_are_valid_configurations(name: str) -> None:
    made = tomllib.loads((HCL / f"{name}.toml").read_text())
    blocks = [(kind, block) for kind in made for block in made[kind].values()]
    findings = [found for kind, block in blocks for found in check(kind, block)]
    assert [found for found in findings if found.severity == "error"] == []


def test_every_expression_yields_what_terraform_makes_of_it() -> None:
    """expressions.json was recorded from `terraform console` 1.15.5 over expressions.tf."""
    made = tomllib.loads(converted((HCL / "expressions.tf").read_text()).text)
    expected = json.loads((HCL / "expressions.json").read_text())
    world = World(
        lambda folder, path: (HCL / folder / path).read_bytes(),
        lambda _name: None,
        lambda folder, pattern: tuple(
            sorted(str(found.relative_to(HCL)) for found in (HCL / folder).glob(pattern))
        ),
    )
    known: dict[str, Any] = {}
    names = {
        "var": {name: block["default"] for name, block in made["variable"].items()},
        "local": known,
        **functions(world, ""),
    }
    for name, value in made["locals"].items():
        known[name] = plain(compile_value(value).render(names))
    known["jsonencode"] = json.dumps(json.loads(known["jsonencode"]), separators=(",", ":"))
    assert known == expected


def test_expressions_of_the_corpus_convert_without_an_error() -> None:
    problems = converted((HCL / "expressions.tf").read_text()).problems
    assert [each.detail for each in problems if each.severity == "error"] == []


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("module.a.content", "{{ completion.a.content }}"),
        ("module.a.choices[0].message[0].content", "{{ completion.a.choices[0].message.content }}"),
        ("module.a.choices[1].message[1]", "{{ completion.a.choices[1].message[1] }}"),
        ("module.a.tool_calls[0].id", "{{ completion.a.tool_calls[0].id }}"),
        ("module.other.text", "{{ module.other.text }}"),
        ("openai_chat_completion.b[0].id", "{{ completion.b[0].id }}"),
        ('openai_chat_completion.b["k"].id', "{{ completion.b['k'].id }}"),
        ("openai_chat_completion.b[var.i].id", "{{ completion.b[var.i].id }}"),
        ("data.openai_chat_completion.d.model", "{{ data.chat_completion.d.model }}"),
        ("data.openai_chat_completions.d.data", "{{ data.chat_completions.d.data }}"),
        ("var.my-name", "{{ var.my_name }}"),
        ("path.root", "{{ path.root }}"),
        ("terraform.workspace", "{{ workspace }}"),
        ('file("${path.module}/a.txt")', "{{ file('a.txt') }}"),
        ('file("${path.root}/a.txt")', "{{ file(path.root ~ '/a.txt') }}"),
    ],
)
def test_references_name_the_runners_blocks(reference: str, expected: str) -> None:
    text = f'{CHAT}}}\nmodule "other" {{ source = "./x" }}\noutput "o" {{ value = {reference} }}\n'
    assert tomllib.loads(converted(text).text)["output"]["o"]["value"] == expected


def test_a_module_of_messages_is_a_completion_wherever_it_comes_from() -> None:
    made = tables('module "m" {\n source = "git::https://x/y?ref=1"\n messages = []\n}')
    assert made == {"completion": {"m": {"messages": []}}}


def test_meta_arguments_are_converted() -> None:
    made = tables(
        """
resource "openai_chat_completion" "a" {
  for_each   = toset(["x", "y"])
  provider   = openai.azure
  depends_on = [openai_chat_completion.b["k"]]
  lifecycle {
    ignore_changes = [temperature, "top_p"]
  }
  messages {
    role    = "user"
    content = each.value
  }
}
resource "openai_chat_completion" "b" {
  count = var.n > 1 ? 2 : 0
}
"""
    )
    assert made["completion"]["a"] == {
        "for_each": ["x", "y"],
        "provider": "azure",
        "depends_on": ['completion.b["k"]'],
        "lifecycle": {"ignore_changes": ["temperature", "top_p"]},
        "messages": [{"role": "user", "content": "{{ each.value }}"}],
    }
    assert made["completion"]["b"] == {"count": "{{ 2 if var.n > 1 else 0 }}"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("{ for k, v in var.m : k => v }", "{{ var.m }}"),
        ("{ for x in var.l : x => x }", "{{ {x: x for x in var.l} }}"),
        ("[for x in var.l : x]", "{{ var.l | list }}"),
        ("[for x in var.l : x.a if !x.b]", "{{ [x.a for x in var.l if not x.b] }}"),
        ("{ for k, v in var.m : k => v.n }", "{{ {k: v.n for k, v in var.m | dictsort(true)} }}"),
        (
            "{for x in var.l : x.k => x.n...}",
            (
                "{{ {key: rows | map('last') | list for key, rows in "
                "groupby([[x.k, x.n] for x in var.l], 0) | dictsort(true)} }}"
            ),
        ),
        (
            '[for i, v in split(",", var.t) : i]',
            "{{ [i for i, v in zip(range(var.t.split(',') | length), var.t.split(','))] }}",
        ),
        ("merge(var.a, var.b...)", "{{ merge(var.a, *var.b) }}"),
        ('setsubtract(var.x, ["y"])', "{{ [z for z in var.x if z not in ['y']] | unique"),
        ('fileset("prompts", "*.md")', "{{ [x.removeprefix('prompts/') for x in fileset('prompts"),
        ('fileset(path.module, "*.md")', "{{ fileset('*.md') }}"),
        ('yamldecode(file("a.yaml"))', "{{ yaml('a.yaml') }}"),
        ("toset(var.l)", "{{ var.l | unique(true) | sort(case_sensitive=true) }}"),
        ('toset(["b", "a"])', ["a", "b"]),
        ("tomap({ a = var.x })", {"a": "{{ var.x }}"}),
        ("concat(var.ls...)", "{{ var.ls | sum(start=[]) }}"),
        ('var.m["a-b"].c-d', "{{ var.m['a-b']['c-d'] }}"),
        ("values(module.a)[*].content", "{{ completion.a | dictsort(true) | map('last') | list"),
        ("(var.a || var.b) && !(var.c == 1)", "{{ (var.a or var.b) and not var.c == 1 }}"),
        ("-(1 + 2)", "{{ -(1 + 2) }}"),
        ("upper(-1)", "{{ (-1) | upper }}"),
        ("upper(var.a ? 1 : 2)", "{{ (1 if var.a else 2) | upper }}"),
        ("upper(var.a).b", "{{ (var.a | upper).b }}"),
        ("null", "{{ none }}"),
        ('"${"${var.x}"}"', "{{ var.x }}"),
        ('"a${"b${var.x}"}"', "a{{ 'b' ~ var.x }}"),
        ('upper("it\'s {{ x }}")', "{{ 'it\\'s {\\x7b x }\\x7d' | upper }}"),
    ],
)
def test_expressions_are_written_as_a_person_would(expression: str, expected: Any) -> None:
    made = tomllib.loads(converted(f"locals {{\n  x = {expression}\n}}\n").text)["locals"]["x"]
    assert made.startswith(expected) if isinstance(expected, str) else made == expected


def test_a_module_may_be_given_its_provider() -> None:
    made = tables(f"{CHAT} providers = {{ openai = openai.azure }}\n}}")
    assert made["completion"]["a"] == {"provider": "azure"}
    plain_name = tables('resource "openai_chat_completion" "a" { provider = openai }')
    assert plain_name["completion"]["a"] == {"provider": "openai"}


def test_rows_of_a_file_are_keyed_by_their_column() -> None:
    text = """
locals { rows = csvdecode(file("people.csv")) }
resource "openai_chat_completion" "a" { for_each = { for r in local.rows : r.name => r } }
"""
    assert tables(text)["completion"]["a"] == {"for_each": "{{ csv('people.csv', key='name') }}"}


def test_json_text_of_a_schema_becomes_a_table_and_elsewhere_stays_text() -> None:
    made = converted(
        f"""{CHAT}
  tools = [{{ function = {{ parameters = jsonencode({{ type = "object" }}) }} }}]
  messages = [{{ role = "user", content = jsonencode({{ a = var.x }}) }}]
}}"""
    )
    table = tomllib.loads(made.text)["completion"]["a"]
    assert table["tools"] == [{"function": {"parameters": {"type": "object"}}}]
    assert table["messages"][0]["content"] == "{{ {'a': var.x} | tojson }}"


def test_types_are_those_of_the_runner() -> None:
    written = {
        "a": "list(map(number))",
        "b": "object({ x = string, y = optional(bool, true) })",
        "c": "tuple([string, number])",
        "d": "any",
        "e": '"string"',
    }
    text = "".join(f'variable "{name}" {{ type = {kind} }}\n' for name, kind in written.items())
    for name, block in tables(text)["variable"].items():
        assert parse_type(block["type"]) == parse_type(written[name].strip('"'))


def test_a_default_is_no_template() -> None:
    """The runner reads a variable's default as it is written, so nothing in it is escaped."""
    assert tables('variable "v" { default = "{{ x }} {% y %}" }')["variable"]["v"] == {
        "default": "{{ x }} {% y %}"
    }
    assert "no template" in refused('variable "v" { default = "a ${var.x}" }')


def test_a_default_of_null_is_null() -> None:
    for written in ("default = null", "default = null\n nullable = true"):
        made = tables(f'variable "v" {{\n {written}\n}}')["variable"]["v"]
        assert made == {"default": "{{ none }}"}
    inner = tables('variable "v" { default = [null, { a = null }] }')["variable"]["v"]
    assert inner == {"default": ["{{ none }}", {"a": "{{ none }}"}]}
    assert tables('variable "v" {\n nullable = true\n}')["variable"]["v"] == {}


def test_the_default_of_an_optional_attribute_is_kept_as_its_type_has_it() -> None:
    kind = (
        'object({ a = optional(string, "en \\"x\\""), b = optional(list(number), [1]), '
        "c = optional(any, null), d = optional(list(any), [null]) })"
    )
    made = tables(f'variable "v" {{ type = {kind} }}')["variable"]["v"]["type"]
    assert as_type({}, parse_type(made)) == {"a": 'en "x"', "b": [1], "c": None, "d": [None]}


ITEMS = 'role = m.value.role\n content = m.value["content"]\n name = lookup(m.value, "name", null)'
CALL = """
 dynamic "function_call" {
  for_each = lookup(m.value, "function_call", null) != null ? [m.value.function_call] : []
  content {
   name      = function_call.value.name
   arguments = function_call.value.arguments
  }
 }"""
TYPED = (
    'variable "l" { type = list(object({ role = string, content = string, name = optional(string), '
    "function_call = optional(any) })) }\n"
)


def dynamic(
    over: str, content: str = ITEMS + CALL, before: str = "", label: str = "messages"
) -> str:
    block = (
        f'dynamic "{label}" {{\n for_each = {over}\n iterator = m\n content {{\n {content}\n }}\n}}'
    )
    return f"{TYPED}{CHAT} {before}\n {block}\n}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (dynamic("var.l"), {"messages": "{{ var.l }}"}),
        (dynamic("var.l != null ? var.l : []"), {"messages": "{{ var.l }}"}),
        (dynamic("null == var.l ? [] : var.l"), {"messages": "{{ var.l }}"}),
        (dynamic("coalesce(var.l, [])", label="functions"), {"functions": "{{ var.l or none }}"}),
        (
            dynamic("var.on ? var.l : []", label="tool"),
            {"tools": "{{ (var.l if var.on else []) or none }}"},
        ),
        (
            dynamic("var.l", before='messages {\n role = "system"\n content = "s"\n}'),
            {"messages": "{{ [{'role': 'system', 'content': 's'}] + var.l }}"},
        ),
        (
            dynamic('["a", "b"]', 'role = "user"\n content = "${m.key} ${m.value}"'),
            {"messages": [{"role": "user", "content": "0 a"}, {"role": "user", "content": "1 b"}]},
        ),
        (
            dynamic('{ z = "dry", a = var.x }', 'role = m.key\n content = "Be ${m.value}"'),
            {
                "messages": [
                    {"role": "a", "content": "Be {{ var.x }}"},
                    {"role": "z", "content": "Be dry"},
                ]
            },
        ),
        (
            dynamic(
                '[{ role = "user", content = "x", '
                'function_call = { name = "f", arguments = "{}" } }]'
            ),
            {
                "messages": [
                    {
                        "role": "user",
                        "content": "x",
                        "function_call": {"name": "f", "arguments": "{}"},
                    }
                ]
            },
        ),
        (
            dynamic('[{ role = "user", content = "x" }]', before="messages {\n role = var.x\n}"),
            {"messages": [{"role": "{{ var.x }}"}, {"role": "user", "content": "x"}]},
        ),
        (dynamic("[]"), {}),
        (
            dynamic("var.l", 'role = "user"\n content = m.value'),
            {"messages": "{{ [{'role': 'user', 'content': m} for m in var.l] }}"},
        ),
        (
            dynamic("var.l", 'role = m.value.by\n content = "${m.key}"', label="message"),
            {
                "messages": "{{ [{'role': m.by, 'content': m_key} "
                "for m_key, m in zip(range(var.l | length), var.l)] }}"
            },
        ),
        (
            dynamic(
                "[for x in var.xs : x.name]",
                "role = m.value",
                'message {\n role = "s"\n}',
                "message",
            ),
            {"messages": "{{ [{'role': 's'}] + [{'role': m} for m in [x.name for x in var.xs]] }}"},
        ),
        (
            dynamic("var.on ? [1] : []", 'type = "json_object"', label="response_format"),
            {"response_format": "{{ {'type': 'json_object'} if var.on else none }}"},
        ),
        (
            dynamic("[1]", 'type = "json_object"', label="response_format"),
            {"response_format": {"type": "json_object"}},
        ),
        (dynamic("true ? [] : [1]", 'type = "x"', label="response_format"), {}),
    ],
)
def test_dynamic_blocks_are_the_list_that_they_make(text: str, expected: Any) -> None:
    assert tables(text)["completion"]["a"] == expected


def test_a_dynamic_block_that_takes_a_part_of_each_item_says_that_all_of_it_is_sent() -> None:
    made = converted(dynamic("var.l", "role = m.value.role\n content = m.value.content"))
    assert [each.detail for each in made.problems] == [
        "Each item is sent whole, where the block took content, role of it."
    ]
    assert made.problems[0].severity == "warning"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (dynamic("var.l", "type = m.value", label="response_format"), "write it out"),
        (dynamic("var.l", "role = [for m in var.x : m.value]"), "the name of a loop in it too"),
        (dynamic("[1, 2]", 'type = "x"', label="response_format"), "stands once"),
        (f'{CHAT} dynamic "messages" {{\n for_each = []\n }}\n}}', "a for_each and a content"),
        (f"{CHAT} dynamic {{\n for_each = []\n }}\n}}", "its label says"),
        (dynamic("[1]", "role = 1", label="provisioner"), "no provisioner in it"),
    ],
)
def test_a_dynamic_block_that_no_expression_makes_is_named_with_what_to_write(
    text: str, said: str
) -> None:
    assert said in refused(text)


def test_a_function_in_a_tool_is_one_and_calls_are_a_list() -> None:
    function = 'type = "function"\n function {\n name = "f"\n }'
    table = {"type": "function", "function": {"name": "f"}}
    made = tables(f"{CHAT} tools {{\n {function}\n }}\n}}")["completion"]["a"]
    assert made == {"tools": [table]}
    called = f'messages {{\n role = "assistant"\n tool_calls {{\n {function}\n }}\n }}'
    made = tables(f"{CHAT} {called}\n}}")["completion"]["a"]
    assert made == {"messages": [{"role": "assistant", "tool_calls": [table]}]}
    each = 'type = "function"\n function {\n name = m.value\n }'
    made = tables(dynamic('["f"]', each, label="tools"))["completion"]["a"]
    assert made == {"tools": [table]}


def test_a_map_in_a_dynamic_block_gives_its_values_in_the_order_of_its_keys() -> None:
    text = dynamic("var.l").replace("list(object(", "map(object(")
    made = tomllib.loads(converted(text).text)["completion"]["a"]
    assert made == {"messages": "{{ var.l | dictsort(true) | map('last') | list }}"}


def test_comments_of_dynamic_blocks_are_kept() -> None:
    made = converted(
        f'{CHAT} # above\n dynamic "tool" {{\n # over\n for_each = []\n'
        " content {\n # in\n }\n }\n}"
    )
    assert made.text == "[completion.a]\n# above\n# over\n# in\n"


def test_loops_in_loops_over_what_is_written_out_end() -> None:
    """Each level would multiply what is written."""
    deep = '"x"'
    for name in "abcdef":
        deep = f"[for {name} in [{', '.join('1' * 60)}] : {deep}]"
    assert len(converted(f"locals {{\n x = {deep}\n}}").text) < 100_000


def test_a_key_is_never_copied() -> None:
    for text in ('api_key = "sk-made-up"', "api_key = var.azure_key", 'admin_key = "sk-made-up"'):
        made = converted(f'provider "openai" {{\n  {text}\n}}\n')
        assert "sk-made-up" not in made.text + str(made.problems[0].detail)
        assert [each.summary for each in made.problems] == ["Key not copied"]
    assert (
        'api_key_env = "AZURE_KEY"'
        in converted('provider "openai" { api_key = var.azure_key }').text
    )


def test_what_looks_like_a_key_is_copied_from_nowhere_and_named_once() -> None:
    key = f"sk-{'a1' * 12}"
    made = converted(
        f"""# the old key: {key}
provider "openai" {{
  api_key = "{key}"
  headers = {{ X-Key = "{key}" }}
  region  = "{key}"
}}
variable "v" {{ default = "{key}" }}
{CHAT} messages = [{{ role = "user", content = "{key}" }}]
}}
"""
    )
    assert key not in made.text
    lines = [each.where for each in made.problems if each.summary == "Key not copied"]
    assert sorted(where.line or 0 for where in lines if where) == [1, 3, 4, 5, 7, 10]


def test_comments_stay_with_what_they_are_about() -> None:
    made = converted(
        f"""// first
/* second
 * third */

{CHAT}  # about n
  n = 1 # beside
  seed = 1 + # inside
    2 # after
  # the end
}}
# of file
"""
    )
    assert (
        made.text
        == """\
# first
# second
# third

[completion.a]
# about n
n = 1  # beside
# inside
seed = "{{ 1 + 2 }}"  # after
# the end

# of file
"""
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("locals { x = timestamp() }", "clock"),
        ('locals { x = replace("a", "/b/", var.c) }', "regular expression"),
        ('locals { x = yamldecode("a: 1") }', "yaml(path)"),
        ('locals { x = filebase64("a.png") }', "image_url = { file"),
        ('locals { x = fileset(".", "*.{md,txt}") }', "two filesets"),
        ("locals { x = sensitive(var.x) }", "sensitive = true"),
        ("locals { x = aws_instance.web.id }", "aws_instance.web"),
        ("locals { x = terraform.env }", "terraform.env"),
        ("locals { x = 99999999999999999999 }", "too large"),
        ("locals { x = 1e999 }", "too large"),
        ("locals {\n x = 1\n x = 2\n}", "set twice"),
        ('locals { x = csvdecode("a,b") }', "csv(path)"),
        ("locals { x = format(var.a...) }", "spread"),
        ("locals { x = toset([[1]]) }", "items of a set"),
        ('locals { x = upper("%{ if var.x }a%{ endif }") }', "directives"),
        ("locals { x = var.l[*][var.i] }", "splat"),
        ('locals { x = format(var.f, "a") }', "written out"),
        ('locals { x = format("%q", "a") }', "%s, %d and %v"),
        ('locals { x = format("%s and %s", "a") }', "more places"),
        ('locals { x = format("%s", "a", "b") }', "more values"),
        ("locals { x = substr(var.t, var.n, 2) }", "substr()"),
        (f"{CHAT}\n providers = {{ a = b.c, d = e.f }}\n}}", "in each completion"),
        ('variable "v" { default = var.x }', "no expression"),
        ('output "o" { description = upper("x") }', "no expression"),
        (f"{CHAT}\n depends_on = module.a\n}}", "list of addresses"),
        ("import {\n to = var.x\n}", "no address"),
        ('resource "aws_instance" "x" {}', "aws_instance"),
        ("x = 1", "outside any block"),
        (f"{CHAT}\n lifecycle {{\n ignore_changes = all\n}}\n}}", "write out"),
        (f"{CHAT}\n lifecycle {{\n ignore_changes = [messages[0]]\n}}\n}}", "whole"),
        (f"{CHAT} messages = []\n messages {{\n}}\n messages = 1\n}}", "set twice"),
        ('module "a\\nb" {\n provisioner "\\n" {}\n}', "provisioner"),
        (f"{CHAT}\n lifecycle {{\n replace_triggered_by = [var.x]\n}}\n}}", "triggers"),
        (f'{CHAT}\n provisioner "local-exec" {{}}\n}}', "provisioner"),
        (f"{CHAT}}}\n{CHAT}}}", "Rename one"),
        ("locals {\n x = 1\n}\nlocals {\n x = 2\n}", "declared twice"),
        (f"{CHAT}\n depends_on = [var.x]\n}}", "no address"),
    ],
)
def test_what_has_no_counterpart_is_named(text: str, said: str) -> None:
    assert said in refused(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{CHAT} top_k = 5\n}}", "no key top_k. What another server needs besides goes into"),
        (f"{CHAT}\n retries {{\n n = 5\n}}\n}}", "no retries in it"),
        ('variable "v" {\n deprecated = "x"\n}', "no key deprecated"),
        ('output "o" {\n value = 1\n retries {\n n = 5\n}\n}', "no retries in it"),
        ('provider "openai" {\n region = "eu"\n}', "no key region"),
        ("import {\n to = module.a\n id = 1\n region = 1\n}", "no key region"),
    ],
)
def test_a_key_that_the_block_does_not_have_is_named_and_not_written(text: str, said: str) -> None:
    """What is converted is accepted: a key is not passed on to be refused by the plan."""
    assert said in refused(text)


def test_a_file_of_fifteen_mistakes_names_each_at_its_line() -> None:
    text = (HCL / "mistakes.tf").read_text()
    problems = converted(text).problems
    named = [each.where.line for each in problems if each.severity == "error" and each.where]
    wanted = (
        *('aws_instance" "web', "upper(", "deprecated", "timestamp", "uuid", "bcrypt", "9999"),
        *("title(", "filebase64", "replace(", "csvdecode", "aws_instance.web"),
        *("top_k", "provisioner", "replace_trig"),
    )
    lines = text.splitlines()
    assert named == [next(n for n, line in enumerate(lines, 1) if w in line) for w in wanted]


def test_what_is_imported_and_read_many_times_is_converted() -> None:
    made = tables(
        f'{CHAT} for_each = {{ x = "1" }}\n}}\nimport {{\n for_each = {{ x = "id-1" }}\n '
        "to = module.a[each.key]\n id = each.value\n provider = openai.eu\n}\n"
        'data "openai_chat_completion" "d" {\n count = 2\n completion_id = "x"\n}'
    )
    assert made["import"] == [
        {
            "for_each": {"x": "id-1"},
            "to": "completion.a[each.key]",
            "id": "{{ each.value }}",
            "provider": "eu",
        }
    ]
    assert made["data"]["chat_completion"]["d"]["count"] == 2


def test_conditions_of_an_output_are_its_own() -> None:
    rule = 'precondition {\n condition = var.n > 1\n error_message = "More."\n}'
    made = tables(f'output "o" {{\n value = 1\n {rule}\n}}')["output"]["o"]
    assert made["precondition"] == [{"condition": "{{ var.n > 1 }}", "error_message": "More."}]


def test_a_removed_block_says_whether_what_was_stored_is_destroyed() -> None:
    for written, destroy in (
        ("", True),
        ("lifecycle {\n destroy = false\n}", False),
        ("lifecycle {\n destroy = true\n}", True),
    ):
        made = tables(f"{CHAT}}}\nremoved {{\n from = module.a\n {written}\n}}")
        assert made["removed"] == [{"from": "completion.a", "destroy": destroy}]


def test_metadata_is_text_as_the_store_has_it() -> None:
    made = tables(f'{CHAT} metadata = {{ a = 1, b = true, c = "x", d = 1.50 }}\n}}')
    assert made["completion"]["a"]["metadata"] == {"a": "1", "b": "true", "c": "x", "d": "1.5"}


@pytest.mark.parametrize(
    "text",
    [
        'terraform {\n required_version = "1"\n}',
        f"{CHAT} temperature = null\n}}",
        f'{CHAT} version = "1.0"\n}}',
        'output "o" {\n value = 1\n depends_on = [module.a]\n}',
        f"{CHAT}\n lifecycle {{\n create_before_destroy = true\n}}\n}}",
    ],
)
def test_what_is_harmless_to_leave_out_is_a_warning_and_a_comment(text: str) -> None:
    made = converted(text)
    assert [each.severity for each in made.problems] == ["warning"]
    assert "# not converted: " in made.text


def test_names_with_dashes_are_renamed_everywhere() -> None:
    made = converted(
        'module "my-chat" { messages = [] }', 'output "o" { value = module.my-chat.id }'
    )
    assert [each.summary for each in made.problems] == ["Renamed"]
    assert tomllib.loads(made.text)["output"]["o"]["value"] == "{{ completion.my_chat.id }}"


def test_blocks_of_all_files_are_one_configuration() -> None:
    made = converted("locals {\n  a = 1\n}\n", f"{CHAT}}}", "locals {\n  b = module.a.id\n}\n")
    assert tomllib.loads(made.text) == {
        "locals": {"a": 1, "b": "{{ completion.a.id }}"},
        "completion": {"a": {}},
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a {\n  b = \n}\n", 2),
        ("a {\n  b = 1\n", 3),
        ('a {\n  b = "x\n  c = "y"\n}\n', 2),
        ("a {\n  b = <<EOT\n  x\n}\n", 2),
        ('a {\n  b = "\\q"\n}\n', 2),
        ("a {\n  b = <<EOT\nx\n${ 1 + }\nEOT\n}\n", 4),
        ('a {\n  b = "%{ if true }x"\n}\n', 2),
        ('a {\n  b = "%{ endif }x"\n}\n', 2),
        ('a "${b}" {\n}\n', 1),
        ("}\n", 1),
    ],
)
def test_what_is_not_hcl_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(RunnerError) as caught:
        converted("locals {}\n", text)
    (problem,) = caught.value.problems
    assert problem.summary == "Invalid HCL"
    assert str(problem.where) == f"1.tf:{line}"


def test_the_mistakes_of_all_files_are_reported_together() -> None:
    with pytest.raises(RunnerError) as caught:
        converted("a = \n", "locals {}", "b = \n")
    assert [str(each.where) for each in caught.value.problems] == ["0.tf:1", "2.tf:1"]


@pytest.mark.parametrize("operator", ["+", "*", "/", "%", "==", "<", ">=", "&&", "||"])
@pytest.mark.parametrize("comment", ["/* c */", "/* c */ ", "# c\n", "// c\n  ", "/* - \n / */"])
def test_a_comment_beside_an_operator_changes_nothing_and_is_kept(
    operator: str, comment: str
) -> None:
    plain = converted(f"locals {{\n  a = var.x {operator} var.y\n}}\n")
    for written in (f"{comment}{operator}", f"{operator} {comment}"):
        made = converted(f"locals {{\n  a = var.x {written} var.y\n}}\n")
        assert tomllib.loads(made.text) == tomllib.loads(plain.text)
        assert "# c" in made.text or "# -" in made.text


@pytest.mark.parametrize("header", ['"x" /* c */ {', '"x" { # c', '"x" { /* c */'])
def test_a_comment_in_the_header_of_a_block_is_kept(header: str) -> None:
    made = converted(f"variable {header}\n  default = 1\n}}\n")
    assert tomllib.loads(made.text) == {"variable": {"x": {"default": 1}}}
    assert "# c\n" in made.text


def test_endless_nesting_is_refused_or_named() -> None:
    deep = "[" * 60 + "]" * 60
    assert "deeper" in refused(f"locals {{\n x = {deep}\n}}")
    with pytest.raises(RunnerError):
        converted("locals {\n x = " + "[" * 3000 + "]" * 3000 + "\n}")


def test_line_ends_do_not_matter() -> None:
    text = (HCL / "everything.tf").read_text()
    assert converted(text.replace("\n", "\r\n")) == converted(text)


SOURCES = [(HCL / f"{name}.tf").read_text() for name in (*EXAMPLES, "expressions")]
PIECES = st.sampled_from(
    [*'"{}[]()$%=,.:?!&|~\\\n #/*<-', "${", "%{", "<<EOT\n", "EOT\n", "...", "=>", "for", "null"]
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SOURCES),
    st.lists(
        st.tuples(st.integers(0, 6000), st.integers(0, 12), st.one_of(PIECES, st.just(""))),
        min_size=1,
        max_size=3,
    ),
)
@example(SOURCES[0], [(0, 0, "\ufeff")])
def test_any_text_converts_to_toml_or_is_refused(
    text: str, edits: list[tuple[int, int, str]]
) -> None:
    """A damaged file raises RunnerError or gives TOML that parses, and nothing else."""
    for at, removed, inserted in edits:
        start = at % (len(text) + 1)
        text = text[:start] + inserted + text[start + removed :]
    try:
        made = converted(text)
    except RunnerError:
        return
    assert toml_rs.loads(made.text, toml_version="1.0.0") == tomllib.loads(made.text)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=40))
def test_any_text_survives_in_quotes(text: str) -> None:
    """What Terraform sends as text is what the runner sends, whatever template marks are in it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    escaped = escaped.replace("${", "\\u0024{").replace("%{", "\\u0025{")
    assert compile_value(local(f'"{escaped}"')).render({}) == text


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from([*"{}%#$~ \t\n\"'\\aé"]), max_size=30))
def test_any_text_survives_in_a_heredoc_and_beside_a_hole(text: str) -> None:
    body = text.replace("${", "$${").replace("%{", "%%{")
    body = body if not body.endswith(("$", "%")) else f"{body} "
    value = local(f"<<EOT\n{body}${{var.x}}{body}\nEOT\n")
    shown = body.replace("$${", "${").replace("%%{", "%{")
    assert compile_value(value).render({"var": {"x": "|"}}) == f"{shown}|{shown}\n"


@pytest.mark.parametrize(
    "value",
    [
        *("[" * 3000 + "1" + "]" * 3000, "{a=" * 3000 + "1" + "}" * 3000, "1" + " + 1" * 3000),
        *("(" * 3000 + "1" + ")" * 3000, "var" + ".x" * 3000, "true ? 1 : " * 3000 + "2"),
        "[" * 500_000 + "]" * 500_000,
        *("!" * 3000 + "true", "-" * 3000 + "1", '"${' * 500 + "1" + '}"' * 500),
    ],
    ids=lambda value: f"{value[:4]} {len(value)}",
)
def test_what_is_nested_too_deeply_is_told_at_its_line(value: str) -> None:
    with pytest.raises(RunnerError) as caught:
        convert([("a.tf", "locals {}\n"), ("b.tf", f"locals {{\n  x = 1\n  y = {value}\n}}\n")])
    (problem,) = caught.value.problems
    assert problem.where is not None
    assert (problem.where.file, problem.where.line) == ("b.tf", 3)


def test_blocks_nested_too_deeply_are_told_at_their_line() -> None:
    with pytest.raises(RunnerError) as caught:
        convert([("b.tf", "a {\n" * 3000 + "}\n" * 3000)])
    (problem,) = caught.value.problems
    assert problem.where is not None
    assert problem.where.file == "b.tf"


def test_a_file_of_many_megabytes_is_told_before_it_is_read() -> None:
    text = 'locals {\n  a = "b"\n' + "# a comment\n" * 400_000 + "}\n"
    with pytest.raises(RunnerError, match="4,000,000 characters"):
        convert([("a.tf", text)])


class _Steps:
    """How many lines of Python ran."""

    def __init__(self) -> None:
        self.count = 0

    def run(self, text: str) -> int:
        self.count = 0
        sys.settrace(self._traced)
        try:
            convert([("a.tf", text)])
        finally:
            sys.settrace(None)
        return self.count

    def _traced(self, _frame: FrameType, event: str, _of: object) -> Any:
        self.count += event == "line"
        return self._traced


@pytest.mark.parametrize(
    ("head", "line", "tail"),
    [
        ("locals {\n  a = <<EOT\n", "a line of text\n", "EOT\n}\n"),
        ("locals {\n  a = <<EOT\n", "a ${local.b} line\n", "EOT\n}\n"),
        ("locals {\n", "  a{n} = 1\n", "}\n"),
        ("", 'variable "v{n}" {{\n  ephemeral = true\n}}\n', ""),
        ('resource "openai_chat_completion" "a" {\n', "  messages {{\n content = 1\n}}\n", "}\n"),
    ],
)
def test_the_work_grows_with_the_length_of_a_file(head: str, line: str, tail: str) -> None:
    def made(count: int) -> str:
        lines = (
            line.replace("{n}", str(n)).replace("{{", "{").replace("}}", "}") for n in range(count)
        )
        return head + "".join(lines) + tail

    steps = _Steps()
    steps.run(made(10))  # what is imported and prepared once
    small, large = steps.run(made(40)), steps.run(made(320))
    assert large < 12 * small


def test_a_heredoc_of_two_hundred_thousand_lines_is_one_text() -> None:
    body = "a line of text\n" * 200_000
    made = convert([("a.tf", f"locals {{\n  a = <<EOT\n{body}EOT\n}}\n")])
    assert tomllib.loads(made.text)["locals"]["a"] == body
