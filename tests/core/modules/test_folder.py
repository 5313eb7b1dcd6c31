"""A folder of files as blocks: every mistake with its file and line, all of them together."""

import pytest

from runner.core.modules.folder import load_folder, values_of
from runner.core.toml.source import Source
from runner.errors import Problem, RunnerError
from tests.harness.lab import Lab


def problems(**files: str) -> list[Problem]:
    """What is wrong with the project; `a_toml` is configs/a.toml."""
    lab = Lab({f"configs/{name.replace('_toml', '.toml')}": text for name, text in files.items()})
    with pytest.raises(RunnerError) as caught:
        lab.plan()
    return list(caught.value.problems)


def told(found: list[Problem]) -> list[tuple[str, str]]:
    return [(str(problem.where), problem.summary) for problem in found]


MESSAGES = 'model = "m"\nmessages = [{ role = "user", content = "x" }]\n'


@pytest.mark.parametrize(
    ("text", "place", "summary", "said"),
    [
        ("[completon.a]\n" + MESSAGES, "configs/a.toml:1", "Unknown table", '"completion"'),
        (f"[completion.a]\n{MESSAGES}temprature = 1\n", "configs/a.toml:4", "Unknown key",
         '"temperature"'),
        (f"[completion.a]\n{MESSAGES}\n\ntemperature = 'hot'\n", "configs/a.toml:6", "Wrong type",
         "temperature"),
        (f"[completion.a]\n{MESSAGES}temperature = 3\n", "configs/a.toml:4",
         "Value out of range", "2"),
        ('[completion."a b"]\n' + MESSAGES, "configs/a.toml:1", "Invalid name", "a b"),
        ("[completion]\na = 1\n", "configs/a.toml:2", "Not a table", "completion.a"),
        ("completion = 1\n", "configs/a.toml:1", "Not a table", "completion"),
        ("[moved]\nfrom = 'completion.a'\n", "configs/a.toml:1", "Not a table", "[[moved]]"),
        ("[data.chat_completin.x]\ncompletion_id = 'c'\n", "configs/a.toml:1",
         "Unknown data source", "chat_completion"),
        ('[locals]\n"a b" = 1\n', "configs/a.toml:2", "Invalid name", "a b"),
        (f"[completion.a]\n{MESSAGES}depends_on = ['not one']\n", "configs/a.toml:4",
         "Invalid value", "not one"),
        (('[completion.a]\nmodel = "m"\n[[completion.a.messages]]\nrole = "user"\ncontent = """\n'
         'one\n{{ var.nope }}\n"""\n'), "configs/a.toml:7", "Unknown name", "nope"),
        (('[completion.a]\nmodel = "m"\n[[completion.a.messages]]\nrole = "user"\ncontent = """\n'
         'one\n\n{{ 1 + }}\n"""\n'), "configs/a.toml:8", "Invalid expression", "not an expression"),
        ("[module.m]\nsource = './nothing'\n", "configs/a.toml:2", "No such module", "nothing"),
        ("[module.m]\nsource = '.'\n", "configs/a.toml:2", "Recursive module", "itself"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_file_and_line(text: str, place: str, summary: str, said: str) -> None:
    found = [p for p in problems(a_toml=text) if p.severity == "error"]
    assert told(found) == [(place, summary)]
    assert said in found[0].detail


def test_an_unknown_key_is_underlined() -> None:
    (found,) = problems(a_toml=f"[completion.a]\n{MESSAGES}  temprature = 1\n")
    assert found.where is not None
    assert (found.where.line, found.where.column, found.where.width) == (4, 3, 10)
    assert found.where.source == "  temprature = 1"
    assert found.where.block == "completion.a"


def test_a_block_that_is_there_twice_names_both_places() -> None:
    """As Terraform's *.tf: one namespace over all files."""
    block = f"[completion.a]\n{MESSAGES}"
    (found,) = problems(a_toml=block, b_toml=f"# first\n\n{block}")
    assert (str(found.where), found.summary) == ("configs/b.toml:3", "Duplicate block")
    assert "configs/a.toml:1" in found.detail


def test_a_local_value_that_is_there_twice_names_both_places() -> None:
    (found,) = problems(a_toml="[locals]\nx = 1\n", b_toml="[locals]\ny = 1\nx = 2\n")
    assert (str(found.where), found.summary) == ("configs/b.toml:3", "Duplicate block")
    assert "configs/a.toml:2" in found.detail


def test_the_mistakes_of_all_files_are_told_together() -> None:
    found = problems(
        a_toml="[completon.a]\n",
        b_toml="x = = 1\n",
        c_toml=f"[completion.c]\n{MESSAGES}temprature = 1\ntop_p = 2\n",
        d_toml=f"[completion.d]\n{MESSAGES}seed = '{{{{ var.nope }}}}'\n",
    )
    assert {place for place, _ in told(found)} == {
        "configs/a.toml:1", "configs/b.toml:1", "configs/c.toml:4", "configs/c.toml:5",
        "configs/d.toml:4",
    }  # fmt: skip


def test_the_mistakes_of_one_value_are_told_together() -> None:
    found = problems(
        a_toml="[completion.a]\nmessages = [\n"
        "  { role = 'user', content = '{{ x | nofilter }}' },\n"
        "  { role = 'user', content = '{% if true %}' },\n"
        "  { role = 'user', content = '{{ local.nope }}' },\n]\n"
    )
    assert [place for place, _ in told(found)] == [f"configs/a.toml:{n}" for n in (3, 4, 5)]


def test_a_sentence_ends_once() -> None:
    (found,) = problems(
        a_toml="[completion.a]\nmessages = [{ role = 'user', content = '{{ 1 | tojon }}' }]\n"
    )
    assert found.detail.endswith('did you mean "tojson"?')


def test_a_configuration_without_a_block_is_an_error() -> None:
    """Planning it would remove every answer."""
    for files in ({}, {"a_toml": ""}, {"a_toml": "# only words\n"}, {"vars_toml": "x = 1\n"}):
        found = problems(**files)
        assert "No configuration" in {problem.summary for problem in found}


def test_a_module_may_not_hold_what_is_the_projects() -> None:
    lab = Lab(
        {
            "configs/main.toml": "[module.m]\nsource = '../m'\n",
            "m/main.toml": "[provider.openai]\n[completion.a]\n" + MESSAGES,
        }
    )
    with pytest.raises(RunnerError) as caught:
        lab.plan()
    assert told(list(caught.value.problems)) == [("m/main.toml:1", "Not in a module")]


def test_a_modules_mistakes_are_told_once_however_often_it_is_called() -> None:
    lab = Lab(
        {
            "configs/main.toml": "[module.m]\nsource = '../m'\n[module.n]\nsource = '../m'\n",
            "m/main.toml": f"[completion.a]\n{MESSAGES}temprature = 1\n",
        }
    )
    with pytest.raises(RunnerError) as caught:
        lab.plan()
    assert told(list(caught.value.problems)) == [("m/main.toml:4", "Unknown key")]


def test_values_come_from_vars_files_the_last_one_wins() -> None:
    files = [
        ("configs/a.auto.vars.toml", b"x = 2\n"),
        ("configs/b.auto.vars.toml", b"x = 3\n"),
        ("configs/main.toml", b"[locals]\n"),
        ("configs/vars.toml", b"x = 1\ny = 1\n"),
    ]
    found: list[Problem] = []
    blocks = load_folder("configs", lambda _: files, found)
    assert found == []
    assert {name: value for name, (value, _) in blocks.values.items()} == {"x": 3, "y": 1}
    assert blocks.values["x"][1].source.file == "configs/b.auto.vars.toml"


def test_a_vars_file_of_a_module_is_not_read() -> None:
    blocks = load_folder("m", lambda _: [("m/vars.toml", b"x = 1\n")], [], root=False)
    assert blocks.values == {}


def test_values_of_a_named_file_are_all_its_keys() -> None:
    found = values_of(Source("extra.toml", "x = 1\n[y]\nz = 2\n"))
    assert {name: value for name, (value, _) in found.items()} == {"x": 1, "y": {"z": 2}}


OVERRIDDEN = {
    "configs/main.toml": f"[completion.a]\n{MESSAGES}lifecycle = "
    "{ prevent_destroy = true, ignore_changes = ['seed'] }\n[locals]\nx = 1\ny = 1\n",
    "configs/z.override.toml": "[completion.a]\ntemperature = 1\nmodel = 'o'\n"
    "lifecycle = { prevent_destroy = false }\n[locals]\nx = 2\n",
    "configs/override.toml": "[completion.a]\nmodel = 'first'\nseed = 3\n",
}


def test_an_override_file_changes_the_keys_of_blocks_that_are_declared() -> None:
    root = Lab(OVERRIDDEN).compiled()
    table = root.completions["a"].block.table
    assert (table["model"], table["seed"], table["temperature"]) == ("o", 3, 1)
    assert table["lifecycle"] == {"prevent_destroy": False, "ignore_changes": ["seed"]}
    assert root.blocks.of("locals")["x"].table == {"value": 2}
    assert root.blocks.of("locals")["y"].table == {"value": 1}
    assert root.blocks.values_of == {}


@pytest.mark.parametrize(
    ("override", "where", "summary"),
    [
        ("[completion.a]\nseed = 1\ntemprature = 1\n", 3, "Unknown key"),
        ("[completion.a]\ntop_p = '{{ var.x }}'\n", 2, "Unknown name"),
        ("[completion.b]\nseed = 1\n", 1, "Nothing to override"),
        ("[locals]\nz = 1\n", 2, "Nothing to override"),
        ("[[moved]]\nfrom = 'completion.a'\nto = 'completion.b'\n", 1, "Cannot be overridden"),
    ],
)
def test_what_is_wrong_in_an_override_file_is_told_at_its_line(
    override: str, where: int, summary: str
) -> None:
    lab = Lab({**OVERRIDDEN, "configs/more.override.toml": override})
    with pytest.raises(RunnerError) as caught:
        lab.plan()
    assert told(list(caught.value.problems)) == [(f"configs/more.override.toml:{where}", summary)]


def test_what_is_wrong_in_a_block_that_is_overridden_is_told_at_its_own_line() -> None:
    files = {
        **OVERRIDDEN,
        "configs/main.toml": OVERRIDDEN["configs/main.toml"] + "[completion.c]\n",
    }
    lab = Lab({**files, "configs/c.override.toml": "[completion.c]\nseed = 1\n"})
    with pytest.raises(RunnerError) as caught:
        lab.plan()
    assert {where for where, _ in told(list(caught.value.problems))} == {"configs/main.toml:8"}
