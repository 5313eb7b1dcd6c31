"""Modules: folders of TOML with variables, completions and outputs of their own."""

from pathlib import Path

import pytest

from tests.harness.project import Project, completion, prompts, provider
from tests.harness.server import FakeAPI

ESSAY = """
[variable.topic]
type = "string"
description = "what it is about"
[variable.words]
type = "number"
default = 50
validation = [{ condition = "{{ var.words > 9 }}", error_message = "an essay has ten words" }]
[locals]
said = "{{ file('tone.txt') }} {{ var.topic }}, {{ var.words }} words"
[completion.draft]
model = "m"
messages = [{ role = "user", content = "{{ local.said }}" }]
[module.polish]
source = "../polish"
count = 2
text = "{{ completion.draft.content }}"
[output.text]
value = "{{ module.polish[1].text }}"
[output.tone]
value = "{{ file(path.module ~ '/tone.txt') }}{{ file(path.root ~ '/root.txt') }}"
"""
POLISH = """
[variable.text]
[completion.done]
model = "m"
messages = [{ role = "user", content = "Polish {{ var.text }}" }]
[output.text]
value = "{{ completion.done.content }}"
"""


@pytest.fixture
def project(project: Project) -> Project:
    made = project
    made.write(ESSAY, "modules/essay/main.toml")
    made.write("Gravely", "modules/essay/tone.txt")
    made.write(POLISH, "modules/polish/main.toml")
    made.write("!", "root.txt")
    return made


def call(*lines: str) -> str:
    return "\n".join(['[module.essay]\nsource = "./modules/essay"', *lines]) + "\n"


EACH = call('for_each = { v = "volcanoes", o = "oceans" }', 'topic = "{{ each.value }}"')


def test_a_module_has_its_own_blocks_and_gives_outputs(project: Project, api: FakeAPI) -> None:
    project.write(call('topic = "volcanoes"') + '[output.text]\nvalue = "{{ module.essay.text }}"')
    assert project.apply().status == 0
    assert list(project.records) == [
        "module.essay.completion.draft",
        "module.essay.module.polish[0].completion.done",
        "module.essay.module.polish[1].completion.done",
    ]
    assert prompts(api)[0] == "Gravely volcanoes, 50 words"
    assert project.outputs == {"text": "echo: Polish echo: Gravely volcanoes, 50 words"}
    assert "No changes." in project.call("plan").out


def test_modules_have_instances(project: Project, api: FakeAPI) -> None:
    project.write(EACH + "[output.all]\nvalue = \"{{ module.essay['o'].tone }}\"")
    assert project.apply().status == 0
    assert 'module.essay["v"].completion.draft' in project.records
    assert 'module.essay["o"].module.polish[1].completion.done' in project.records
    assert sorted(prompts(api))[:2] == [
        "Gravely oceans, 50 words",
        "Gravely volcanoes, 50 words",
    ]
    assert project.outputs == {"all": "Gravely!"}


def test_a_target_may_be_a_module_instance(project: Project, api: FakeAPI) -> None:
    project.write(EACH)
    assert project.apply("--target", 'module.essay["v"]').status == 0
    assert all(address.startswith('module.essay["v"].') for address in project.records)
    assert len(api.completions) == 3


def test_one_more_instance_disturbs_no_other(project: Project, api: FakeAPI) -> None:
    project.write(EACH)
    project.apply()
    project.write(EACH.replace("{ v", '{ a = "air", v'))
    assert project.apply().status == 0
    assert len(api.completions) == 9
    project.write(EACH)
    plan = project.call("plan").out
    assert "Plan: 3 to remove." in plan
    assert '(key ["a"] is not in for_each of module.essay)' in plan


def test_completions_of_a_module_name_the_providers_of_the_root(
    project: Project, api: FakeAPI
) -> None:
    text = POLISH.replace('model = "m"', 'provider = "other"')
    project.write(text, "modules/polish/main.toml")
    other = provider(api, type="openai").replace("provider.openai", "provider.other")
    project.write(other + '[provider.other.defaults]\nmodel = "inherited"\n', "other.toml")
    project.write('[runner]\nprovider = "openai"\n' + call('topic = "t"'))
    ran = project.apply()
    assert ran.status == 0, ran.err
    record = project.records["module.essay.module.polish[0].completion.done"]
    assert (record["provider"], record["request"]["model"]) == ("other", "inherited")


def test_depends_on_of_a_call_orders_all_inside(project: Project, api: FakeAPI) -> None:
    first = '[completion.first]\nmodel = "m"\nmessages = [{ role = "user", content = "first" }]\n'
    project.write(first + call('topic = "t"', 'depends_on = ["completion.first"]'))
    assert project.apply().status == 0
    assert prompts(api)[0] == "first"


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        (['topci = "x"'], 3, 'no variable "topci". Did you mean "topic"?'),
        ([], 1, 'gives no value for "topic" (what it is about)'),
        (['topic = "x"', 'words = "many"'], 4, "var.words of module.essay does not fit"),
        (['topic = "x"', "words = 3"], 4, "an essay has ten words"),
        (['topic = "x"', 'words = "{{ [1] }}"'], 4, "var.words of module.essay does not fit"),
    ],
)
def test_variables_of_a_call_are_checked_at_its_line(
    project: Project, lines: list[str], line: int, said: str
) -> None:
    project.write(call(*lines))
    ran = project.call("plan")
    assert ran.status == 1
    assert said in " ".join(ran.err.split())
    assert f"configs/main.toml line {line}, in module.essay" in ran.err


def test_unknown_and_missing_variables_are_told_together(project: Project) -> None:
    project.write(call('topci = "x"') + '[module.two]\nsource = "./modules/polish"\n')
    ran = project.call("validate")
    assert ran.err.count("Error:") == 3
    assert 'module.two gives no value for "text"' in ran.err


@pytest.mark.parametrize("name", ["completion.outer.content", "var.outer", "local.outer"])
def test_a_module_does_not_see_the_names_of_its_caller(project: Project, name: str) -> None:
    outer = (
        '[variable.outer]\ndefault = "o"\n[locals]\nouter = 1\n[completion.outer]\nmodel = "m"\n'
    )
    project.write(outer + 'messages = [{ role = "user", content = "x" }]\n' + call('topic = "t"'))
    project.write(ESSAY.replace("var.topic }}", f"{name} }}}}"), "modules/essay/main.toml")
    ran = project.call("plan")
    assert ran.status == 1
    assert "There is no " in ran.err
    assert "configs/modules/essay/main.toml line" in ran.err


def test_the_caller_sees_outputs_only(project: Project) -> None:
    output = '[output.o]\nvalue = "{{ module.essay.txt }}"\n'
    project.write(call('topic = "t"') + output)
    assert 'no output "txt". Did you mean "module.essay.text"?' in project.call("plan").err


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("./modules/esay", 'no *.toml files in "configs/modules/esay"'),
        ("./modules/loop", "calls itself: configs/modules/loop -> configs/modules/loop"),
        (".", "calls itself: configs -> configs"),
        ("../../../elsewhere", "leads outside of the project"),
    ],
)
def test_a_source_that_is_none_is_told_at_its_line(
    project: Project, source: str, said: str
) -> None:
    loop = '[module.again]\nsource = "../loop"\n'
    project.write(loop, "modules/loop/main.toml")
    project.write(f'[module.m]\nsource = "{source}"\n')
    ran = project.call("plan")
    assert ran.status == 1
    assert said in " ".join(ran.err.split())
    assert "main.toml line 2" in ran.err


@pytest.mark.parametrize("kind", ["runner", "provider.openai", "[import]"])
def test_what_belongs_to_the_root_is_refused_in_a_module(project: Project, kind: str) -> None:
    project.write(f"[{kind}]\n" + ESSAY, "modules/essay/main.toml")
    project.write(call('topic = "t"'))
    ran = project.call("plan")
    assert ran.status == 1
    assert "Not in a module" in ran.err


def test_moves_inside_a_module_hold_for_each_instance(project: Project, api: FakeAPI) -> None:
    project.write(EACH)
    project.apply()
    renamed = ESSAY.replace("completion.draft", "completion.first")
    moved = '[[moved]]\nfrom = "completion.draft"\nto = "completion.first"\n'
    project.write(renamed + moved, "modules/essay/main.toml")
    plan = project.call("plan").out
    assert "Plan: 2 to move." in plan
    assert (
        'module.essay["v"].completion.draft has moved to module.essay["v"].completion.first' in plan
    )
    assert project.apply().status == 0
    assert 'module.essay["o"].completion.first' in project.records
    assert len(api.completions) == 6


def test_a_sensitive_variable_stays_hidden_through_a_module(project: Project, api: FakeAPI) -> None:
    variable = '[variable.secret]\ndefault = "swordfish"\nsensitive = true\n'
    project.write(variable + call('topic = "{{ var.secret }}"'))
    ran = project.apply()
    assert ran.status == 0, ran.err
    assert "Gravely swordfish, 50 words" in prompts(api)
    written = project.state_file.read_text() + ran.out + ran.err
    assert "swordfish" not in written
    shown = '[output.o]\nvalue = "{{ module.essay.text }}"\n'
    project.write(variable + call('topic = "{{ var.secret }}"') + shown)
    assert "swordfish" not in project.call("plan").out


def test_depends_on_a_module_waits_for_all_that_is_in_it(project: Project, api: FakeAPI) -> None:
    """Not for its outputs alone: what nobody asks for is done first, too."""
    slow = '[completion.first]\nmodel = "m"\nmessages = [{ role = "user", content = "one" }]\n'
    slow += slow.replace("first", "second").replace('"one"', '"{{ completion.first.content }} two"')
    project.write(slow, "modules/silent/main.toml")
    nested = '[module.silent]\nsource = "../silent"\n'
    project.write(nested, "modules/outer/main.toml")
    last = '[completion.last]\nmodel = "m"\nmessages = [{ role = "user", content = "last" }]\n'
    text = '[module.outer]\nsource = "./modules/outer"\ncount = 2\n'
    project.write(text + last + 'depends_on = ["module.outer"]\n')
    ran = project.apply()
    assert ran.status == 0, ran.err
    assert prompts(api)[-1] == "last"
    assert len(api.completions) == 5


def test_what_a_module_declares_sensitive_is_in_no_answer(project: Project, api: FakeAPI) -> None:
    """Also where its caller does not."""
    project.write(
        POLISH.replace("[variable.text]", "[variable.text]\nsensitive = true"), "m/m.toml"
    )
    call = '[module.m]\nsource = "./m"\ntext = "{{ var.plain }}"\n'
    project.write('[variable.plain]\ndefault = "swordfish"\n' + call)
    ran = project.apply()
    assert ran.status == 0, ran.err
    assert prompts(api) == ["Polish swordfish"]
    files = [file for file in (project.directory / "state").rglob("*") if file.is_file()]
    assert not [file for file in files if b"swordfish" in file.read_bytes()]
    assert "No changes." in project.call("plan").out
    rule = 'validation = [{ condition = "{{ false }}", error_message = "not {{ var.text }}" }]'
    project.write(
        POLISH.replace("[variable.text]", f"[variable.text]\nsensitive = true\n{rule}"), "m/m.toml"
    )
    assert "var.text of module.m: not (sensitive)" in project.call("plan").err


HIDING = """
[variable.secret]
sensitive = true
[completion.said]
model = "m"
messages = [{ role = "user", content = "hello" }]
[output.hidden]
value = "{{ var.secret }}!"
[output.open]
value = "{{ completion.said.content }}"
"""


@pytest.mark.parametrize(
    ("instances", "value", "status"),
    [
        ('for_each = ["k"]', "module.m['k']", 1),
        ('for_each = ["k"]', "module.m[local.key] | tojson", 1),
        ("count = 1", "module.m[0:1]", 1),
        ("", "module.m[local.name]", 1),
        ("", "module.m['hid' ~ 'den']", 1),
        ('for_each = ["k"]', "module.m['k'].open", 0),
        ("", "module.m.open", 0),
    ],
)
def test_a_module_shows_a_sensitive_output_by_no_way(
    project: Project, api: FakeAPI, instances: str, value: str, status: int
) -> None:
    """Whichever part of it an expression takes: the whole, an instance, a name that it makes."""
    project.write(HIDING, "modules/hiding/main.toml")
    calls = f'[module.m]\nsource = "./modules/hiding"\nsecret = "swordfish"\n{instances}\n'
    local = '[locals]\nkey = "k"\nname = "hidden"\n'
    project.write(local + calls + f'[output.o]\nvalue = "{{{{ {value} }}}}"\n')
    ran = project.apply()
    assert ran.status == status
    assert ("Output refers to sensitive value" in ran.err) == bool(status)
    assert len(api.completions) == 1 - status


def test_modules_that_multiply_are_refused_where_they_become_too_many(tmp_path: Path) -> None:
    """Thirty folders of two calls each are a thousand million modules."""
    project = Project(tmp_path / "p")
    for level in range(31):
        calls = f'[module.a]\nsource = "../m{level}"\n[module.b]\nsource = "../m{level}"\n'
        text = completion("x", "hi") if level == 30 else calls
        folder = tmp_path / "p" / ("configs" if not level else f"m{level - 1}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "main.toml").write_text(text)
    for verb in ("plan", "validate", "graph"):
        ran = project.call(verb)
        assert (ran.status, ran.err.count("Too many modules")) == (1, 1)
