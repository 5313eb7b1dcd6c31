"""Everything a user can get wrong: where, what, how to fix it; exit 1, nothing sent or written."""

import os
import re
import tempfile
from pathlib import Path

import pytest

from tests.harness.project import Project, completion, provider, serving

GOOD = completion("good", "hi")
CHAT = '[completion.chat]\nmodel = "gpt-4o"\n'
HI = 'messages = [{ role = "user", content = "hi" }]\n'

# name: (the file, the line it is about (0: none), words expected in the message)
MISTAKES: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "bad toml": (CHAT + 'messages = [{ role = "user"\n', 3, ("Invalid TOML",)),
    "unclosed string": ('[completion.chat]\nmodel = "gpt\n', 2, ("Invalid TOML",)),
    "duplicate key": (CHAT + HI + "temperature = 1\ntemperature = 0\n", 5, ("temperature",)),
    "misspelt key": (
        CHAT + HI + "temperatur = 0.5\n",
        4,
        ('"temperatur"', 'Did you mean "temperature"?', "^^^^^^^^^^"),
    ),
    "name of a provider's block": (
        '[provider.openai]\nbase_url = "{{ var.url }}"\n' + GOOD,
        2,
        ('var has no "url". It is empty.',),
    ),
    "misspelt key of a map": (
        GOOD + "[locals]\nm = { city = 1 }\nx = \"{{ local.m['cty'] ~ 1 }}\"\n"
        '[output.x]\nvalue = "{{ local.x }}"\n',
        7,
        ('has no "cty". Did you mean "city"?',),
    ),
    "another host": (
        CHAT + HI + "extra_headers = { Host = 'evil.example' }\n",
        4,
        ("decides to whom a request goes",),
    ),
    "another host by an expression": (
        CHAT + HI + "extra_headers = \"{{ {'Host': 'evil.example'} }}\"\n",
        4,
        ('the header "Host" decides to whom a request goes',),
    ),
    "another host for a provider": (
        "[provider.openai]\nheaders = \"{{ {'host': 'evil.example'} }}\"\n" + GOOD,
        2,
        ("decides to whom a request goes",),
    ),
    "misspelt table": (GOOD + "[completions.chat]\n" + HI, 5, ('Did you mean "completion"?',)),
    "unknown table": ("[frobnicate]\nx = 1\n", 1, ("frobnicate", "completion")),
    "out of range": (CHAT + HI + "temperature = 3\n", 4, ("temperature", "2", "3")),
    "wrong type": (CHAT + HI + 'temperature = "warm"\n', 4, ("temperature", "number")),
    "bool for int": (CHAT + HI + "max_tokens = true\n", 4, ("max_tokens",)),
    "no messages": (CHAT, 1, ("messages",)),
    "no model": ("[completion.chat]\n" + HI, 1, ("model",)),
    "bad role": (
        CHAT + 'messages = [{ role = "usr", content = "hi" }]\n',
        3,
        ('"usr"', '"user"'),
    ),
    "name without function": (
        CHAT + 'messages = [{ role = "function", content = "hi" }]\n',
        3,
        ("name",),
    ),
    "tool without id": (
        CHAT + 'messages = [{ role = "tool", content = "x" }]\n',
        3,
        ("tool_call",),
    ),
    "unknown variable": (
        '[variable.topic]\ndefault = "x"\n'
        + CHAT
        + 'messages = [{ role = "user", content = "{{ var.topik }}" }]\n',
        5,
        ('"topik"', 'Did you mean "var.topic"?'),
    ),
    "unknown completion": (
        GOOD + CHAT + 'messages = [{ role = "user", content = "{{ completion.godo.content }}" }]\n',
        7,
        ('"godo"', 'Did you mean "completion.good"?'),
    ),
    "unknown attribute": (
        GOOD + CHAT + 'messages = [{ role = "user", content = "{{ completion.good.contnt }}" }]\n',
        7,
        ('"contnt"', 'Did you mean "completion.good.content"?'),
    ),
    "unknown function": (
        CHAT + 'messages = [{ role = "user", content = "{{ fiel(\'x\') }}" }]\n',
        3,
        ("fiel", "file"),
    ),
    "unknown filter": (
        CHAT + 'messages = [{ role = "user", content = "{{ \'x\' | uper }}" }]\n',
        3,
        ("uper", "upper"),
    ),
    "broken template": (
        CHAT + 'messages = [{ role = "user", content = "{{ 1 + }}" }]\n',
        3,
        ("Invalid",),
    ),
    "open hole": (CHAT + 'messages = [{ role = "user", content = "{{ var.x" }]\n', 3, ("Invalid",)),
    "missing file": (
        CHAT + 'messages = [{ role = "user", content = "{{ file(\'no.txt\') }}" }]\n',
        3,
        ('"no.txt"',),
    ),
    "path leaves the project": (
        CHAT + 'messages = [{ role = "user", content = "{{ file(\'../../../etc/passwd\') }}" }]\n',
        3,
        ("outside of the project",),
    ),
    "self reference": (
        CHAT + 'messages = [{ role = "user", content = "{{ completion.chat.content }}" }]\n',
        1,
        ("completion.chat",),
    ),
    "count and for_each": (CHAT + HI + 'count = 2\nfor_each = ["a"]\n', 4, ("count", "for_each")),
    "negative count": (CHAT + HI + "count = -1\n", 4, ("count",)),
    "for_each of twins": (CHAT + HI + 'for_each = ["a", "a"]\n', 4, ('"a"',)),
    "for_each of tables": (CHAT + HI + "for_each = [{ a = 1 }]\n", 4, ("key",)),
    "bad name": ('[completion."two words"]\n' + HI, 1, ("two words",)),
    "unknown provider": (
        CHAT + HI + 'provider = "opanai"\n',
        4,
        ('"opanai"', 'Did you mean "openai"?'),
    ),
    "provider of no type": ('[provider.mine]\nbase_url = "http://x"\n' + GOOD, 1, ("type",)),
    "unknown depends_on": (
        CHAT + HI + 'depends_on = ["completion.chta"]\n',
        4,
        ("completion.chta",),
    ),
    "no value": ("[variable.topic]\n" + GOOD, 1, ("RUNNER_VAR_topic", "--var topic=")),
    "wrong default": ('[variable.n]\ntype = "number"\ndefault = "x"\n' + GOOD, 3, ("number",)),
    "unknown type": ('[variable.n]\ntype = "strin"\ndefault = "x"\n' + GOOD, 2, ("string",)),
    "validation": (
        '[variable.n]\ndefault = "x"\n'
        'validation = [{ condition = "{{ var.n | length > 2 }}", error_message = "too short" }]\n'
        + GOOD,
        3,
        ("too short",),
    ),
    "bad setting": ('[runner]\nconcurrency = "many"\n' + GOOD, 2, ("concurrency",)),
    "misspelt setting": ("[runner]\nconcurency = 3\n" + GOOD, 2, ("concurrency",)),
    "version": ('[runner]\nrequired_version = ">=99"\n' + GOOD, 2, (">=99",)),
    "bad schema": (
        CHAT + HI + 'tools = [{ type = "function", function = { name = "f", parameters = '
        '{ type = "objekt" } } }]\n',
        4,
        ("objekt",),
    ),
    "parameters are no json": (
        CHAT + HI + 'functions = [{ name = "f", parameters = "{" }]\n',
        4,
        ("parameters",),
    ),
    "function_call of none": (CHAT + HI + 'function_call = { name = "f" }\n', 4, ('"f"',)),
    "stream options": (CHAT + HI + "stream_options = { include_usage = true }\n", 4, ("stream",)),
    "top_logprobs": (CHAT + HI + "top_logprobs = 3\n", 4, ("logprobs",)),
    "output of nothing": ("[output.x]\n" + GOOD, 1, ("value",)),
    "output of unknown": (
        GOOD + '[output.x]\nvalue = "{{ completion.goood.content }}"\n',
        6,
        ('"goood"', '"completion.good"'),
    ),
    "moved from nowhere": (GOOD + '[[moved]]\nfrom = "completion.old"\n', 5, ("to",)),
    "output outside": (
        GOOD + '[output.x]\nvalue = "x"\nfile = "../../x.md"\n',
        7,
        ("outside of the project",),
    ),
    "no model file": (GOOD + '[provider.embedded]\nmodel_path = "no.gguf"\n', 6, ("no.gguf",)),
    "model elsewhere": (
        GOOD + '[provider.embedded]\nmodel_path = "../../x.gguf"\n',
        6,
        ("outside of the project",),
    ),
    "unknown default provider": (
        '[runner]\nprovider = "embeded"\n' + completion("a", "x") + completion("b", "y"),
        2,
        ('"embedded"',),
    ),
    "output at the root": (
        GOOD + '[output.x]\nvalue = "x"\nfile = "/tmp/x.md"\n',
        7,
        ("outside of the project",),
    ),
    "file at the root": (completion("x", "{{ file('/etc/hostname') }}"), 3, ("outside of the",)),
    "output is a folder": (GOOD + '[output.x]\nvalue = "x"\nfile = "configs"\n', 7, ("folder",)),
    "output over the configuration": (
        GOOD + '[output.x]\nvalue = "x"\nfile = "configs/more.toml"\n',
        7,
        ("as configuration",),
    ),
    "output over the settings": (
        GOOD + '[output.x]\nvalue = "x"\nfile = "out/../.env"\n',
        7,
        ("begins with a dot",),
    ),
    "output over the state": (
        GOOD + '[output.x]\nvalue = "x"\nfile = "state/state.json"\n',
        7,
        ("folder of the state",),
    ),
    "two outputs in one file": (
        GOOD + '[output.x]\nvalue = 1\nfile = "o"\n[output.y]\nvalue = 2\nfile = "./o"\n',
        10,
        ("output.x", "output.y"),
    ),
    "date": (CHAT + HI + "user = 2024-01-01\n", 4, ("user",)),
    "infinite": (CHAT + HI + "temperature = nan\n", 4, ("temperature",)),
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_said_with_its_place_and_nothing_is_sent_or_written(
    project: Project, mistake: str
) -> None:
    text, line, words = MISTAKES[mistake]
    project.write(text)
    before = sorted(project.directory.rglob("*"))
    ran = project.call("validate")
    assert ran.status == 1, ran.out
    assert ran.out == ""
    assert ran.err.startswith("Error: ")
    assert f"on configs/main.toml line {line}" in ran.err, ran.err
    assert f"  {line:>4}: {text.splitlines()[line - 1]}"[:40] in ran.err
    assert "^" in ran.err, ran.err
    assert not re.search(r"[.?]\.$", ran.err, re.MULTILINE), ran.err
    for word in words:
        assert word in ran.err, ran.err
    assert sorted(project.directory.rglob("*")) == before


@pytest.mark.parametrize("command", [("plan",), ("apply", "--auto-approve")])
def test_plan_and_apply_say_the_same_and_send_and_write_nothing(
    project: Project, command: tuple[str, ...]
) -> None:
    with serving() as api:
        project.write(provider(api) + GOOD)
        project.write(MISTAKES["misspelt key"][0], "other.toml")
        ran = project.call(*command)
        assert ran.status == 1
        assert "configs/other.toml line 4" in ran.err
        assert not api.requests
    assert not (project.directory / "state/state.json").exists()


@pytest.mark.parametrize("mistake", ["cycle", "no such file", "unknown provider"])
def test_a_mistake_that_planning_finds_leaves_nothing_behind(
    project: Project, mistake: str
) -> None:
    project.write(
        {
            "cycle": completion("a", "{{ completion.a.content }}"),
            "no such file": completion("a", "{{ file('no.txt') }}"),
            "unknown provider": completion("a", "hi", 'provider = "nobody"'),
        }[mistake]
    )
    ran = project.apply()
    assert ran.status == 1
    assert "Error: " in ran.err
    assert sorted(path.name for path in project.directory.iterdir()) == ["configs"]


def test_all_mistakes_are_said_together(project: Project) -> None:
    project.write(MISTAKES["misspelt key"][0], "a.toml")
    project.write(MISTAKES["misspelt table"][0], "b.toml")
    project.write("not toml\n", "c.toml")
    ran = project.call("validate")
    assert ran.err.count("Error: ") == 3
    for place in ("a.toml line 4", "b.toml line 5", "c.toml line 1"):
        assert place in ran.err


def test_what_many_instances_have_wrong_is_said_ten_times(project: Project) -> None:
    each = "for_each = \"{{ range(1000) | map('string') | list }}\""
    project.write(completion("a", "{{ 1 / 0 }} {{ each.key }}", each))
    ran = project.call("plan")
    assert ran.status == 1
    assert ran.err.count("division by zero") == 10
    assert "... and 990 more on this line" in ran.err
    assert len(project.call("plan", "--json").of("diagnostic")) == 1000


def test_all_wrong_instances_are_said_together(project: Project) -> None:
    project.write(
        completion("a", "x", "for_each = \"{{ csv('no.csv', key='id') }}\"")
        + completion("b", "x", 'count = "{{ local.wrong }}"')
        + completion("c", "x", 'for_each = "{{ completion.b }}"')
        + '[locals]\nwrong = "{{ 1 / 0 }}"\n'
    )
    said = project.call("validate").err
    assert said.count("Error: ") == 2
    assert "no.csv" in said
    assert "division by zero" in said


def test_a_block_declared_twice_names_both_places(project: Project) -> None:
    project.write(GOOD, "a.toml")
    project.write("\n" + GOOD, "b.toml")
    ran = project.call("plan")
    assert ran.status == 1
    assert "Duplicate block" in ran.err
    assert "configs/b.toml line 2" in ran.err
    assert "already declared at configs/a.toml:1" in ran.err


def test_a_block_declared_twice_in_one_file_names_both_lines(project: Project) -> None:
    project.write(GOOD + "# between\n" + GOOD)
    said = project.call("plan").err
    assert "Duplicate key\n\n  on configs/main.toml line 6" in said
    assert "already: configs/main.toml:1." in said


def test_a_cycle_is_printed_whole_in_order_with_every_edge(project: Project) -> None:
    text = "".join(
        completion(name, f"{{{{ completion.{needs}.content }}}}")
        for name, needs in (("a", "b"), ("b", "c"), ("c", "a"))
    )
    project.write(text)
    ran = project.call("validate")
    assert ran.status == 1
    assert "ycle" in ran.err
    for name, line in (("a", 3), ("b", 7), ("c", 11)):
        assert f"completion.{name}" in ran.err
        assert f"configs/main.toml:{line}" in ran.err


def test_an_unknown_provider_of_the_environment_is_said_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(completion("a", "hi") + completion("b", "hi"))
    monkeypatch.setenv("RUNNER_PROVIDER", "opnai")
    said = project.call("plan").err
    assert said.count("Error: ") == 1
    assert 'RUNNER_PROVIDER: There is no provider "opnai". Did you mean "openai"?' in said


@pytest.mark.parametrize("value", ['provider = "grok"', 'provider = "grok"\ntool_choice = "any"'])
def test_a_provider_that_nobody_knows_is_the_mistake(project: Project, value: str) -> None:
    """Not what it would be asked, of which nobody can say what it takes."""
    project.write(completion("a", "hi", value) + "[[completion.a.tools]]\nfunction.name = 'look'\n")
    said = " ".join(project.call("plan").err.split())
    assert said.count("Error: ") == 1
    assert 'There is no provider "grok". Did you mean "groq"?' in said
    assert "any other is declared as [provider.grok]" in said


def test_not_utf8_names_the_line(project: Project) -> None:
    project.write("").write_bytes(b"[completion.chat]\nmodel = '\xff'\n")
    ran = project.call("validate")
    assert ran.status == 1
    assert "UTF-8" in ran.err
    assert "configs/main.toml line 2" in ran.err


@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
def test_not_utf8_shows_the_line_and_the_byte(project: Project, begin: bytes) -> None:
    project.write("").write_bytes(begin + b"[runner]\nprovider = 'caf\xe9'\n")
    assert "     2: provider = 'caf\ufffd'\n                       ^\n" in project.call("plan").err


def test_a_line_is_shown_without_what_moves_the_cursor(project: Project) -> None:
    project.write("[runner]\nx = \x1b[2J\n")
    said = project.call("plan").err
    assert "\x1b" not in said
    assert "x = \ufffd[2J" in said


def test_a_line_of_a_long_text_is_underlined(project: Project) -> None:
    project.write(
        '[completion.a]\nmessages = [{ role = "user", content = """\n'
        '\n  Hi {{ local.no }}.\n""" }]\n'
    )
    said = project.call("plan").err
    assert "     4:   Hi {{ local.no }}.\n             ^^^^^^^^^^^^^^\n" in said


@pytest.mark.parametrize(
    "line",
    [
        'api_key = "gsk_hunter2hunter2"',
        "headers = { X-Api-Key = 'abchunter2', Authorization = \"Bearer hunter2hunter2\" }",
        'headers = { X-One = "1", Authorization = "Basic hunter2hunter2" }\ntimeout = 0',
        'api_key_env = "abc hunter2hunter2"',
        'token = """gsk_hunter2hunter2\n"""',
        'base_url = "https://me:hunter2@localhost/v1"',
    ],
)
@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_pasted_key_is_not_shown_again(
    project: Project, line: str, flags: tuple[str, ...]
) -> None:
    project.write(f"[provider.openai]\n{line}\n{GOOD}")
    ran = project.call("validate", *flags)
    assert ran.status == 1
    assert "Key in a configuration file" in ran.out + ran.err
    assert "hunter2" not in ran.out + ran.err


def test_no_configuration_is_no_plan_to_remove_everything(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + GOOD)
        assert project.apply().status == 0
        project.write("")
        for command in ("plan", "validate"):
            ran = project.call(command)
            assert ran.status == 1, ran.out
        assert project.apply().status == 1
        assert len(project.records) == 1
        (project.directory / "configs/main.toml").unlink()
        (project.directory / "configs").rmdir()
        ran = project.call("plan")
        assert ran.status == 1
        assert "runner init" in ran.err


def test_destroy_does_what_the_error_of_an_empty_configuration_says(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + GOOD)
        assert project.apply().status == 0
    project.write("# nothing any more\n")
    ran = project.call("plan")
    assert ran.status == 1
    assert "`runner destroy` removes what the state holds" in ran.err
    assert project.call("destroy", "--auto-approve").status == 0
    assert project.records == {}


def test_validate_looks_at_no_answer(project: Project) -> None:
    """A configuration is as valid here as in a fresh clone, whatever the model said."""
    with serving() as api:
        chain = completion("a", "no JSON") + completion("b", "{{ completion.a.json.x }}")
        project.write(provider(api) + chain)
        assert project.call("validate").status == 0
        assert project.apply().status == 1
    assert project.call("plan").status == 1
    assert project.call("validate").status == 0


def test_no_such_directory(tmp_path: Path) -> None:
    ran = Project(tmp_path).call("-C", str(tmp_path / "nowhere"), "plan")
    assert ran.status == 1
    assert "nowhere" in ran.err


@pytest.mark.parametrize(
    "command",
    [
        ("-C", "NAME", "plan"),
        ("--config", "NAME", "plan"),
        ("--state", "NAME", "apply", "--auto-approve"),
        ("--state", "NAME", "output"),
        ("apply", "NAME"),
        ("init", "NAME"),
        ("fmt", "NAME"),
        ("convert", "NAME"),
    ],
    ids=str,
)
def test_a_name_that_no_file_can_have_is_an_error(
    project: Project, command: tuple[str, ...]
) -> None:
    project.write(GOOD)
    ran = project.call(*(part.replace("NAME", "long" * 99) for part in command))
    assert ran.status == 1
    assert "Invalid path" in ran.err
    assert "name too long" in ran.err


@pytest.mark.parametrize("target", ["nowhere.toml", "b.toml"])
def test_a_link_that_leads_nowhere_takes_no_answer_away(project: Project, target: str) -> None:
    project.write(GOOD)
    (project.directory / "configs/b.toml").symlink_to(target)
    ran = project.call("plan")
    assert ran.status == 1
    assert "b.toml" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("closed", ["configs", "."])
@pytest.mark.parametrize("verb", ["plan", "validate", "fmt"])
def test_a_folder_that_may_not_be_read_is_no_empty_one(closed: str, verb: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        project, root = Project(Path(name)), os.geteuid() == 0
        project.write(GOOD)
        Path(name).chmod(0o755)
        (Path(name) / closed).chmod(0)
        try:
            if root:  # whom no mode stops
                os.seteuid(65534)
            ran = project.call(verb)
        finally:
            if root:
                os.seteuid(0)
            (Path(name) / closed).chmod(0o755)
    assert ran.status == 1
    assert "Permission denied" in ran.err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--var", "topik=x"), 'Did you mean "topic"?'),
        (("--var", "topic"), "NAME=VALUE"),
        (("--var-file", "no.toml"), '"no.toml"'),
        (("--target", "completion.goood"), "completion.goood"),
        (("--replace", "completion.goood"), "completion.goood"),
        (("--exclude", "nonsense"), "nonsense"),
    ],
)
def test_a_wrong_flag_value_is_said(project: Project, flags: tuple[str, ...], said: str) -> None:
    project.write('[variable.topic]\ndefault = "x"\n' + GOOD)
    ran = project.call("plan", *flags)
    assert ran.status == 1, ran.out
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_wrong_variable_from_the_environment_is_said_without_its_value_if_sensitive(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_VAR_n", "hunter2")
    project.write('[variable.n]\ntype = "number"\nsensitive = true\n' + GOOD)
    ran = project.call("plan")
    assert ran.status == 1
    assert "RUNNER_VAR_n" in ran.err
    assert "hunter2" not in ran.err


@pytest.mark.parametrize(
    ("order", "value"), [(("--var", "--var-file"), "file"), (("--var-file", "--var"), "flag")]
)
def test_variables_on_the_command_line_count_as_they_come(
    project: Project, tmp_path: Path, order: tuple[str, str], value: str
) -> None:
    project.write('[variable.topic]\ndefault = "x"\n' + GOOD.replace("hi", "{{ var.topic }}"))
    (tmp_path / "values.toml").write_text('topic = "file"\n')
    given = {"--var": "topic=flag", "--var-file": str(tmp_path / "values.toml")}
    ran = project.call("plan", *(part for flag in order for part in (flag, given[flag])))
    assert f"      user  {value}\n" in ran.out


def test_a_file_of_variables_that_is_wrong_hides_no_other_mistake(
    project: Project, tmp_path: Path
) -> None:
    project.write(GOOD)
    (tmp_path / "values.toml").write_text("x = = 1\n")
    ran = project.call("plan", "--var-file", str(tmp_path / "values.toml"), "--var", "nonsense")
    assert "Invalid TOML" in ran.err
    assert "Invalid --var" in ran.err


def test_a_line_of_dotenv_that_says_nothing_is_an_error_without_its_text(project: Project) -> None:
    project.write(GOOD)
    (project.directory / ".env").write_text('A=1\nRUNNER_PROVIDER="hunter2\n')
    ran = project.call("plan")
    assert ran.status == 1
    assert ".env line 2" in ran.err
    assert "hunter2" not in ran.err


def test_deprecated_parameters_work_and_warn_once(project: Project) -> None:
    text = completion("a", "x", "max_tokens = 3") + completion("b", "y", "max_tokens = 4")
    project.write(text)
    ran = project.call("validate")
    assert ran.status == 0
    assert ran.err.count("Warning: ") <= 1


def test_a_dotenv_that_is_not_utf8_names_its_line(project: Project) -> None:
    project.write(GOOD)
    (project.directory / ".env").write_bytes(b"A=1\nB=\xff\n")
    ran = project.call("plan")
    assert ran.status == 1
    assert ".env line 2" in ran.err
    assert "UTF-8" in ran.err


def test_a_report_that_cannot_be_written_hides_nothing_else(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + GOOD)
        ran = project.apply("--junit", str(project.directory / "no/such/folder.xml"))
    assert ran.status == 1
    assert "no/such/folder.xml" in ran.err
    assert "Apply complete! 1 issued." in ran.out
    assert project.outputs == {"good": "echo: hi"}


def test_a_current_folder_that_is_deleted_is_no_traceback(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    ran = project.call("-C", ".", "plan")
    assert (ran.status, "was deleted" in ran.err) == (1, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CHAT + HI + "seed = 0x" + "f" * 6000 + "\n", "a number of more than 4,300 digits"),
        ('[runner]\nrequired_version = ">=' + "9" * 5000 + '"\n' + GOOD, "is no version range"),
    ],
)
def test_a_number_that_python_does_not_spell_is_no_traceback(
    project: Project, text: str, said: str
) -> None:
    project.write(text)
    ran = project.call("plan")
    assert (ran.status, said in ran.err, "main.toml line" in ran.err) == (1, True, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ upper(var.t) }}", "upper(..) is written {{ var.t | upper }} here."),
        ("{{ jsonencode(var.t) }}", "jsonencode(..) is written {{ var.t | tojson }} here."),
        ('Answer {{"a": 1}}', "between {% raw %} and {% endraw %}, or write template = false"),
        ("{%x%} a", "there is no statement {% x %}"),
        ("a {% if var.t %} b", "{% if %} is not closed: write {% endif %} where it ends"),
        ("{{ template('a.txt', name='x') }}", 'there is no "city" here: this text was given name'),
        ("{{ completion.f.content }}", 'completion.f["a"].content'),
        ("{{ completion.f.content | upper }}", 'completion.f["a"].content'),
        ("{{ completion.c.content }}", "completion.c[0].content"),
        ("{{ name }}", "Text with braces of its own stands between {% raw %}"),
    ],
)
def test_what_people_write_first_has_the_way_out(project: Project, text: str, said: str) -> None:
    project.write("Hi {{ city }}", "a.txt")
    project.write('[variable.t]\ndefault = "x"\n', "t.toml")
    project.write(completion("f", "{{ each.key }}", 'for_each = ["a", "b"]'), "f.toml")
    project.write(completion("c", "{{ count.index }}", "count = 2"), "c.toml")
    project.write(completion("a", text))
    ran = project.call("plan")
    assert ran.status == 1
    assert said in ran.err


def test_a_hole_in_terraform_s_spelling_is_a_warning_with_its_place(project: Project) -> None:
    project.write(completion("a", "On ${var.topic}, ${cost} and ${{ 1 }}"))
    ran = project.call("plan")
    assert ran.status == 0
    assert ran.err.count("Warning: Terraform's spelling") == 1
    assert "{{ var.topic }}" in ran.err
    assert ran.err.splitlines()[4].strip() == "^" * len("${var.topic}")
    for kept in ("{% raw %}${var.topic}{% endraw %}", "$5"):
        project.write(completion("a", kept))
        assert "spelling" not in project.call("plan").err
    project.write(completion("a", "On ${var.topic}", "template = false"))
    assert "spelling" not in project.call("plan").err


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("https://x.org/a.git//b?ref=v1", "git::https://x.org/a.git//b?ref=v1"),
        ("git@github.com:a/b.git", "git::ssh://git@github.com/a/b.git"),
        ("github.com/a/b", "git::https://github.com/a/b"),
        ("s3::https://x.org/a.zip", "git::https://HOST/REPOSITORY.git//FOLDER?ref=TAG"),
        ("git::http://x.org/a.git", "git::https://HOST/REPOSITORY.git//FOLDER?ref=TAG"),
        ("git::ext::sh -c id", "git::https://HOST/REPOSITORY.git//FOLDER?ref=TAG"),
        ("git::ssh://-oProxyCommand=id/a", "git::https://HOST/REPOSITORY.git//FOLDER?ref=TAG"),
    ],
)
def test_a_module_from_elsewhere_is_told_what_works(
    project: Project, source: str, wanted: str
) -> None:
    project.write(f'[module.m]\nsource = "{source}"\n')
    ran = project.call("validate")
    assert ran.status == 1
    assert "Error: Source is elsewhere" in ran.err
    assert "configs/main.toml line 2" in ran.err
    assert 'source = "./modules/NAME"' in ran.err
    assert f'source = "{wanted}"' in " ".join(ran.err.split())
