"""What the README and the pages of `runner docs` show is true: it is run, and looked up.

A fenced block is tested by its kind. `toml`: a whole configuration, valid as it stands, in a
project with the module and the table of `project` below; with the embedded model where it names no
other. `console`: commands after `$ ` in a project with the configuration that stands last above,
and what they print; a line `..` stands for any number of lines, and times, dates, ids, commits and
numbers of tokens may differ. `sh`: each command of the runner parses. `hcl` converts, `json`
parses, `python` runs; `text` is not looked at. In the prose, links lead somewhere and flags exist.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import jinja2
import pytest

from runner.cli.commands.docs import topics
from runner.cli.parser.arguments import parser
from runner.cli.parser.parser import Parser
from runner.cli.parser.verbs import VERBS
from runner.core.api.names import ATTRIBUTES
from runner.core.expressions import filters, functions
from runner.core.language import names
from runner.core.plan.words import Word
from runner.foreign.promptfoo.convert import convert_promptfoo
from runner.foreign.requests import convert_requests
from runner.hcl import convert
from runner.io.settings import Settings
from runner.io.state.local import LOCK, NAME, OUTPUTS
from tests import ROOT
from tests.harness.documents import DOCS, PAGES, Example, anchors, examples, prose
from tests.harness.git import WHO, GitFolder
from tests.harness.pictures import PICTURES, plan_picture, svg, words_of
from tests.harness.project import Project

README = (ROOT / "README.md").read_text()
OTHER_PROGRAMS = {"--quick"}
"""Flags that the pages name and the runner does not have."""
REMOTE = "https://git.example.com/prompts.git"
"""The repository that the pages name; here it is one of this machine."""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The runner as a user calls it."""
    command = [sys.executable, "-m", "runner", *words]
    environment = {"RUNNER_PROVIDER": "embedded", **os.environ}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def project(folder: Path, configuration: str) -> Path:
    configs = folder / "configs"
    (configs / "modules" / "essay").mkdir(parents=True)
    (configs / "modules" / "essay" / "main.toml").write_text(
        '[variable.topic]\ntype = "string"\n[completion.draft]\n'
        'messages = [{ role = "user", content = "An essay on {{ var.topic }}." }]\n'
        '[output.text]\nvalue = "{{ completion.draft.content }}"\n'
    )
    shutil.copytree(ROOT / "configs" / "data", configs / "data")
    (configs / "prompts").mkdir()
    (configs / "prompts" / "tea.md").write_text("---\nmodel: small\n---\nOf {{ topic }}.\n")
    (configs / "history.yaml").write_text("- { who: user, text: Hello }\n")
    (configs / "main.toml").write_text(configuration)
    return folder


@pytest.mark.parametrize("example", examples("toml"), ids=str)
def test_configurations_are_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example: Example
) -> None:
    if not re.search(r"^provider = ", example.text, re.MULTILINE):
        monkeypatch.setenv("RUNNER_PROVIDER", "embedded")
    text = example.text.replace(REMOTE, f"file://{tmp_path}/remote")
    made = Project(project(tmp_path / "project", text))
    if text != example.text:
        remote = GitFolder(tmp_path / "remote")
        shutil.copytree(made.directory / "configs" / "modules" / "essay", remote.path / "essay")
        remote.commit("essays")
        remote("tag", "v1.2")
        fetched = made.call("init", "--trust", f"file://{remote.path}")
        assert fetched.status == 0, fetched.err
    done = made.call("validate")
    assert (done.status, done.out) == (0, "Success! The configuration is valid.\n"), done.err


@pytest.mark.parametrize("example", examples("console"), ids=str)
def test_transcripts_happen_again(tmp_path: Path, example: Example) -> None:
    folder = project(tmp_path / "hello", example.configuration)
    for step in example.text.removeprefix("$ ").split("\n$ "):
        command, _, shown = step.partition("\n")
        done = in_shell(folder, command)
        assert re.fullmatch(pattern(shown), same(done)), f"$ {command}\n{done}"


def in_shell(folder: Path, command: str) -> str:
    """What a command line prints on a screen."""
    runner = f'runner() {{ {shlex.quote(sys.executable)} -m runner "$@"; }}; {command}'
    done = subprocess.run(
        ["bash", "-c", runner], cwd=folder, env={**os.environ, **WHO}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.stdout


def pattern(shown: str) -> str:
    """What the lines stand for; empty ones at either end count for nothing."""
    lines = same(shown).strip("\n").split("\n")
    return "\n*" + "".join(
        r"(.*\n)*?" if line == ".." else re.escape(f"{line}\n") for line in lines if shown
    ) + "\n*"  # fmt: skip


def same(said: str) -> str:
    """The text without what differs from run to run, and from one machine to another."""
    said = re.sub(r"\b[\d.]+s\b", "0s", said)
    said = re.sub(r"\bid=[\w-]+", "id=", said)
    said = re.sub(r"\(prompts ~?\d[\d,]*( to \d[\d,]*)?", "(prompts 0", said)
    said = re.sub(r"\b\d+\+\d+\b", "0+0", said)
    said = re.sub(r"\b20\d\d-\d\d-\d\d\b", "2000-01-01", said)
    said = re.sub(r"\b[0-9a-f]{7}\b", "0000000", said)  # a commit
    said = re.sub(r"(?<=\S) {3,}", "  ", said)  # columns
    return re.sub(r"\b\d[\d,]*( to \d[\d,]*)? tokens\b", "0 tokens", said)


@pytest.mark.parametrize("example", examples("sh"), ids=str)
def test_command_lines_parse(example: Example) -> None:
    for line in re.sub(r"\\\n", " ", example.text).splitlines():
        for command in re.split(r"&&|\||;", line.partition("#")[0]):
            words = shlex.split(command.partition(">")[0])
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words[:1] == ["runner"]:
                assert parser().parse_args(words[1:]).module


@pytest.mark.parametrize("example", examples("json"), ids=str)
def test_json_is_json(example: Example) -> None:
    try:
        json.loads(example.text)
    except ValueError:
        assert [json.loads(line) for line in example.text.splitlines()]


@pytest.mark.parametrize("example", examples("hcl"), ids=str)
def test_hcl_converts_to_a_valid_configuration(tmp_path: Path, example: Example) -> None:
    (tmp_path / "main.tf").write_text(example.text)
    converted = run(tmp_path, "convert", "main.tf")
    assert (converted.returncode, converted.stderr) == (0, "")
    folder = project(tmp_path, converted.stdout)
    assert run(folder, "validate").returncode == 0


def test_hcl_becomes_what_stands_below_it() -> None:
    text = text_of("terraform")
    pairs = re.findall(r"```hcl\n([^`]*)```\n\nbecomes\n\n```toml\n([^`]*)```", text)
    assert pairs
    for hcl, toml in pairs:
        assert convert([("main.tf", hcl)]).text == toml


def test_requests_become_what_stands_below_them() -> None:
    pairs = re.findall(r"```json\n([^`]*)```\n\nbecomes\n\n```toml\n([^`]*)```", text_of("convert"))
    assert pairs
    for lines, toml in pairs:
        assert convert_requests([("r.jsonl", lines)]).text == toml


def test_promptfoos_yaml_becomes_what_stands_below_it() -> None:
    pairs = re.findall(r"```yaml\n([^`]*)```\n\nbecomes\n\n```toml\n([^`]*)```", text_of("convert"))
    assert pairs
    for yaml, toml in pairs:
        made = convert_promptfoo("p.yaml", yaml, lambda name: name)
        assert tomllib.loads(made.text) == tomllib.loads(toml)


NOTEBOOK = """
import asyncio

async def cell():
    exec({code!r}, {{}})

asyncio.run(cell())
"""


@pytest.mark.parametrize("place", ["script", "notebook"])
@pytest.mark.parametrize("example", examples("python"), ids=str)
def test_python_runs(tmp_path: Path, example: Example, place: str) -> None:
    """In the folder above that of a project, `hello`, with the configuration of the README."""
    project(tmp_path / "hello", examples("toml")[0].text)
    code = example.text if place == "script" else NOTEBOOK.format(code=example.text)
    said = "import sys; print([name for name in sys.modules if name.startswith('runner.cli')])"
    command = [sys.executable, "-c", f"{code}\n{said}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_first_python_prints_the_plan_and_each_event(tmp_path: Path) -> None:
    first = next(seen.text for seen in examples("python") if "python.md" in str(seen))
    assert len(first.splitlines()) <= 15
    project(tmp_path / "hello", examples("toml")[0].text)
    done = subprocess.run(
        [sys.executable, "-c", first], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[0] == "issue completion.list will be issued"
    assert "Plan: 1 to issue" in done.stdout
    assert "Done completion.remark" in done.stdout


def test_the_error_that_is_shown_is_what_is_said(tmp_path: Path) -> None:
    folder = project(tmp_path, "")
    (folder / "configs" / "main.toml").unlink()
    chain = (ROOT / "configs" / "chain.toml").read_text()
    broken = chain.replace("temperature = 0", "temprature = 0", 1)
    (folder / "configs" / "chain.toml").write_text(broken)
    done = run(folder, "plan")
    assert (done.returncode, done.stderr.strip()) in [
        (1, example.text.strip()) for example in examples("text")
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", prose(page)):
        target, _, anchor = "".join(link).partition("#")
        if target.startswith("https:"):
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"there is no {target}"
        assert path.parent == DOCS or page.parent != DOCS, "a page in the package leads out of it"
        assert not anchor or anchor in anchors(path), f"{path.name} has no #{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_flags_and_verbs_that_are_named_exist(page: Path) -> None:
    known = set(flags(parser()))
    for code in re.findall(r"`([^`\n]+)`", prose(page)):
        named = re.findall(r"(?<![\w-])--[a-z][a-z-]*", code)
        if code.startswith("runner "):
            verb = code.split()[1]
            assert verb.strip(",") in VERBS or not re.fullmatch(r"[a-z][a-z-]*,?", verb), code
        if code.startswith(("runner ", "-")):
            assert {*named} <= known | OTHER_PROGRAMS, code


def flags(of: Parser) -> Iterator[str]:
    """Every flag of a parser and of those below it."""
    yield from of.options
    for inner in of.verbs.values():
        yield from flags(inner)


def test_the_picture_of_a_plan_shows_what_a_plan_shows() -> None:
    """`python -m tests.harness.pictures` makes the pictures anew."""
    kept = (PICTURES / "plan.svg").read_text()
    assert words_of(kept) == words_of(svg("plan", plan_picture()))


@pytest.mark.parametrize("name", ["plan", "progress"])
def test_a_picture_fetches_nothing_and_the_readme_shows_it(name: str) -> None:
    kept = (PICTURES / f"{name}.svg").read_text()
    assert set(re.findall(r"https?://[^\"]+", kept)) == {"http://www.w3.org/2000/svg"}
    assert f".github/{name}.svg" in README


def test_every_topic_is_listed_once_with_what_it_is_about() -> None:
    listed = re.findall(
        r"^\| \[([\w-]+)\]\(([\w-]+)\.md\) \| \S.*\|$", prose(DOCS / "README.md"), re.MULTILINE
    )
    assert sorted(listed) == [(name, name) for name in topics()]


@pytest.mark.parametrize("name", topics())
def test_a_topic_begins_with_its_title_and_a_sentence(name: str) -> None:
    title, empty, sentence, *_ = (DOCS / f"{name}.md").read_text().splitlines()
    assert title.startswith("# ")
    assert (empty, sentence[-1]) == ("", ".")


def text_of(*topic: str) -> str:
    return "".join((DOCS / f"{name}.md").read_text() for name in topic)


def test_every_command_is_told() -> None:
    named = set(re.findall(r"^\| `runner ([a-z-]+)", text_of("commands"), re.MULTILINE))
    assert named == set(VERBS)


def test_every_function_block_and_attribute_is_told() -> None:
    words = {name: set(re.findall(r"\w+", text_of(name))) for name in topics()}
    assert {*functions.NAMES} - words["expressions"] == set()
    assert {*names.BLOCKS} - words["language"] == set()
    assert {*names.META, *ATTRIBUTES} - words["completions"] == set()


def test_every_filter_is_told() -> None:
    known = {*filters.filters(jinja2.Environment().filters)}
    aliases = {"d", "e", "forceescape", "safe"}
    assert known - aliases - set(re.findall(r"\w+", text_of("expressions"))) == set()


def test_every_setting_event_and_action_is_told() -> None:
    told = text_of("settings", "events")
    for name in Settings.__struct_fields__:
        assert f"| `{name}` | `RUNNER_{name.upper()}` |" in told
    events = json.loads((ROOT / "runner" / "schemas" / "events.schema.json").read_text())
    kinds = set(re.findall(r"'type': {'const': '(\w+)'", str(events)))
    assert kinds
    for word in (*kinds, *get_args(Word)):
        assert f"`{word}`" in told


def test_every_file_of_a_state_is_told() -> None:
    for name in (NAME, OUTPUTS, LOCK):
        assert f"`state/{name}`" in text_of("state")


def test_the_examples_of_the_repository_are_valid() -> None:
    done = run(ROOT, "validate")
    assert (done.returncode, done.stdout) == (0, "Success! The configuration is valid.\n"), done


@pytest.mark.parametrize("given", [(), ("--var", "openai=true")])
def test_the_examples_are_asked_for_without_a_warning_of_the_runner_s_own(
    tmp_path: Path, given: tuple[str, ...]
) -> None:
    """Tools and a store are asked for only where they are: OpenAI has them."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    named = {"RUNNER_PROVIDER": "openai"} if given else {}
    command = [sys.executable, "-m", "runner", "plan", *given]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **named}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert ("  tools " in done.stdout, "store true" in done.stdout) == (bool(given),) * 2


def test_ci_runs_the_readme_s_test_command() -> None:
    command = 'pip install -e ".[test]" && python -m tests'
    assert command in README
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert any("-e" in line and ".[test]" in line for line in lines)
    assert lines[-1] == "python -m tests"
