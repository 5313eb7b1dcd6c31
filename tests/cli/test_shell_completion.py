"""Completion in real shells, and what it says of a line."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.cli.commands.complete import NAMED
from runner.cli.parser.arguments import parser
from runner.cli.parser.cursor import cursor
from runner.cli.parser.parser import Parser
from runner.cli.parser.shell_words import shell_words
from runner.cli.parser.verbs import SHELLS, VERBS
from tests import ROOT
from tests.harness.git import GitFolder
from tests.harness.project import HANG, Project, completion
from tests.harness.recorded import record, write_state

CONFIG = """
[runner]
provider = "embedded"
[provider.azure]
type = "openai"
base_url = "http://localhost:1"
[variable.topic]
default = "x"
description = "What to talk about"
[output.told]
value = "{{ completion.chat.content }}"
description = "What came"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with names of every kind, and a `runner` on the PATH."""
    made = Project(tmp_path_factory.mktemp("completed") / "p")
    made.write(CONFIG + completion("chat", "hi") + completion("tale", "ho"))
    write_state(made, record("completion.chat"), record('completion.each["a b"]'))
    made.call("workspace", "new", "staging")
    (made.directory / "plan.out").write_text("")
    (made.directory / "prompts").mkdir()
    script = made.directory.parent / "bin" / "runner"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m runner "$@"\n')
    script.chmod(0o755)
    return made


def asked(project: Project, line: str) -> list[str]:
    """What `complete` answers for a line, without what it tells of a word."""
    ran = project.call("complete", "fish", "--", line)
    assert ran.err == ""
    return [word.partition("\t")[0] for word in ran.out.splitlines()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("runner va", ["validate"]),
        ("runner state pu", ["pull", "push"]),
        ("runner help st", ["state"]),
        ("runner help state m", ["mv"]),
        ("runner plan --det", ["--detailed-exitcode"]),
        ("runner plan -det", ["-detailed-exitcode"]),
        ("runner plan --destroy --des", []),
        ("runner plan --target x --tar", ["--target"]),
        ("runner plan --target completion.c", ["completion.chat"]),
        ("runner plan -target=completion.t", ["-target=completion.tale"]),
        ("runner plan -out=p", [":files"]),
        ("runner apply ", [":files"]),
        ("runner -C pro", [":folders"]),
        ("runner output ", ["told", "chat", "tale"]),
        ("runner output --raw to", ["told"]),
        ("runner output told ", []),
        ("runner state rm completion.c", ["completion.chat"]),
        ("runner state rm 'completion.each[", ['completion.each["a b"]']),
        ("runner state rm completion.chat comp", ["completion.chat", 'completion.each["a b"]']),
        ("runner show comp", ["completion.chat", 'completion.each["a b"]', ":files"]),
        ("runner workspace select st", ["staging"]),
        ("runner --workspace s", ["staging"]),
        ("runner import completion.chat id --provider az", ["azure"]),
        ("runner providers az", ["azure"]),
        ("runner plan --var t", ["topic="]),
        ("runner console va", ["var.topic"]),
        ("runner plan --max 3", []),
        ("runner --log-level d", ["debug"]),
        ("runner graph --format=s", ["--format=svg"]),
        ("runner shell-completion f", ["fish"]),
        ("runner docs wor", []),
        ("runner docs prov", ["providers"]),
        ("runner providers ollama_", ["ollama_cloud"]),
        ("runner state list -- -", []),
        ("runner nonsense x", []),
    ],
)
def test_a_line_is_completed_with_what_may_stand_there(
    project: Project, line: str, words: list[str]
) -> None:
    assert asked(project, line) == words


def test_a_revision_is_completed_by_the_branches_that_can_be_typed(tmp_path: Path) -> None:
    made = GitFolder(tmp_path)
    made.commit("one")
    for name in ("mine", "more/of-it", "m;rm -rf x".replace(" ", "$IFS"), "other"):
        made("branch", name)
    assert asked(Project(tmp_path), "runner diff m") == ["main", "mine", "more/of-it"]


def test_every_verb_is_named_and_the_one_that_shells_ask_is_not(project: Project) -> None:
    assert asked(project, "runner ") == [*VERBS]
    assert "complete" not in project.call("--help").out.replace("completion", "")


def test_what_is_wrong_in_a_configuration_stands_in_no_way(tmp_path: Path) -> None:
    made = Project(tmp_path / "p")
    made.write(completion("chat", "hi"))
    made.write("[output\n", "broken.toml")
    assert asked(made, "runner output c") == ["chat"]


def test_names_that_steer_a_terminal_are_not_offered(tmp_path: Path) -> None:
    made = Project(tmp_path / "p")
    write_state(made, record('completion.a["\x1b[31m"]'), record("completion.b"))
    assert asked(made, "runner state rm ") == ["completion.b"]


def test_what_is_no_name_is_not_offered_whatever_file_has_it(tmp_path: Path) -> None:
    """It would be a part of a command line, and a repository is often somebody else's."""
    made = Project(tmp_path / "p")
    write_state(made, record("completion.a"), record("completion.b;id"), record("$(id)"))
    (made.directory / "state/outputs.json").write_text('{"told$(id)": 1, "told": 1, "-x": 1}')
    for name in ("$(id)", "`id`", "staging", "a b"):
        (made.directory / "state/workspaces" / name).mkdir(parents=True)
    made.write('[locals]\ntopic = "x"\n')
    assert asked(made, "runner state rm ") == ["completion.a"]
    assert asked(made, "runner output ") == ["told"]
    assert asked(made, "runner workspace select ") == ["default", "staging"]
    assert asked(made, "runner console local.") == ["local.topic"]


def test_a_block_stands_for_many_instances_until_its_bracket_is_typed(tmp_path: Path) -> None:
    made = Project(tmp_path / "p")
    write_state(made, *(record(f"completion.many[{n}]") for n in range(30)))
    assert asked(made, "runner state rm comp") == ["completion.many"]
    assert len(asked(made, "runner state rm completion.many[1")) == 11


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", [""]),
        ("runner  plan ", ["runner", "plan", ""]),
        (r"a\ b c", ["a b", "c"]),
        ("""'a "b' "c 'd""", ['a "b', "c 'd"]),
        (r'"a\"b\n', [r'a"b\n']),
        ("x'y z'w", ["xy zw"]),
    ],
)
def test_a_line_falls_into_words_as_a_shell_takes_them(line: str, words: list[str]) -> None:
    assert shell_words(line) == words


def test_flags_before_the_verb_say_where_names_are_looked_for() -> None:
    here = cursor(parser(), ["-chdir=x", "--state", "s", "state", "show"], "")
    assert (here.verb, here.wanted) == (("state", "show"), "ADDR")
    assert here.given == {"chdir": "x", "state": "s"}


UNKNOWN = {
    "DATE",
    "HOST",
    "ID",
    "KEY=VALUE",
    "N",
    "NAME",
    "PERCENT",
    "S",
    "SIZE",
    "TEXT",
    "TO",
    "USD",
}
"""What nobody can know, or what is yet to be named."""
KNOWN = {"DIR", "FILE", "PLANFILE", "TOPIC", "COMMAND", *NAMED}
KNOWN |= {"BASE", "OURS", "THEIRS", "PATH"}  # files of a merge


def values(made: Parser) -> Iterator[str]:
    """What the flags and places of a command line take, as --help names it."""
    for action in (*made.options.values(), *made.positionals):
        if action.choices is None and action.nargs != 0:
            yield from str(action.metavar).split("|")
    for verb, inner in made.verbs.items():
        if verb != "complete":
            yield from values(inner)


def test_whatever_is_taken_is_completed_or_cannot_be() -> None:
    assert {*values(parser())} == KNOWN | UNKNOWN


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script(project: Project, shell: str) -> None:
    ran = project.call("shell-completion", shell)
    assert (ran.status, ran.err) == (0, "")
    assert f"complete {shell} --" in ran.out


def test_an_unknown_shell_is_an_error(project: Project) -> None:
    ran = project.call("shell-completion", "tcsh")
    assert ran.status == 1
    assert "bash, zsh, fish" in ran.err


class Terminal:
    """A shell at a terminal, in the project."""

    def __init__(self, project: Project, *command: str) -> None:
        self._ours, theirs = pty.openpty()
        home = project.directory.parent / "home"
        home.mkdir(exist_ok=True)
        environment = {
            "PATH": f"{project.directory.parent / 'bin'}:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "TERM": "dumb",
            "PS1": "",
            "INPUTRC": "/dev/null",
        }
        self._shell = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=project.directory,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)

    def end(self) -> None:
        self._shell.kill()
        self._shell.wait()
        os.close(self._ours)

    def types(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def shows(self, wanted: str) -> str:
        """What is shown until a text has to be there."""
        seen = ""
        end = time.monotonic() + HANG
        while wanted not in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|[\r\x07]", "", seen):
            ready, _, _ = select.select([self._ours], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{wanted!r} was never shown: {seen!r}"
            seen += os.read(self._ours, 4096).decode(errors="replace")
        return seen


# What is typed, and the line that is there after the tab.
LINES = [
    ("runner val\t", "runner validate "),
    ("runner output to\t", "runner output told "),
    ("runner plan --target completion.t\t", "runner plan --target completion.tale "),
    ("runner plan -target=completion.t\t", "runner plan -target=completion.tale "),
    ("runner plan --var to\t", "runner plan --var topic="),
    ("runner workspace select st\t", "runner workspace select staging "),
    ("runner apply pla\t", "runner apply plan.out "),
    ("runner plan -out=pla\t", "runner plan -out=plan.out "),
    ("runner -C pro\t", "runner -C prompts/"),
]
QUOTED = r"runner state rm completion.each\[\"a\ b\"\] "


@pytest.fixture(params=["bash", "zsh"])
def shell(request: pytest.FixtureRequest, project: Project) -> Iterator[Terminal]:
    """A shell with the script that it was given."""
    name = request.param
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"no {name}")
    script = project.directory.parent / f"script.{name}"
    script.write_text(project.call("shell-completion", name).out)
    bare = ["--norc", "--noprofile", "-i"] if name == "bash" else ["-f", "-i"]
    terminal = Terminal(project, path, *bare)
    if name == "zsh":
        terminal.types("autoload -Uz compinit && compinit -u -D\n")
    terminal.types(f"source {script}; echo rea''dy\n")
    terminal.shows("ready")
    yield terminal
    terminal.end()


def test_bash_and_zsh_complete_a_line_at_a_terminal(shell: Terminal) -> None:
    for typed, line in [*LINES, ("runner state rm completion.e\t", QUOTED)]:
        shell.types(typed)
        shell.shows(line)
        shell.types("\x15")  # Ctrl-U


def test_a_tab_runs_the_runner_of_the_path_and_no_other(project: Project, shell: Terminal) -> None:
    """A program of that name may have come with the project."""
    theirs = project.directory / "runner"
    theirs.write_text("#!/bin/sh\ntouch pwned\n")
    theirs.chmod(0o755)
    for typed in ("./runner", f"{project.directory}/runner"):
        shell.types(f"{typed} val\t")
        shell.shows("validate ")
        shell.types("\x15")
    theirs.unlink()
    assert not (project.directory / "pwned").exists()


def test_bash_quotes_whatever_is_offered(project: Project) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    script = project.directory.parent / "script.bash"
    script.write_text(project.call("shell-completion", "bash").out)
    offers = project.directory.parent / "offers" / "runner"
    offers.parent.mkdir()
    offers.write_text("#!/bin/sh\necho 'told$(touch${IFS}pwned)'\n")
    offers.chmod(0o755)
    terminal = Terminal(project, bash, "--norc", "--noprofile", "-i")
    terminal.types(f"source {script}; PATH={offers.parent}:$PATH; echo rea''dy\n")
    terminal.shows("ready")
    terminal.types("runner output told\t\necho do''ne\n")
    terminal.shows("done")
    terminal.end()
    assert not (project.directory / "pwned").exists()


def test_fish_completes_a_line(project: Project) -> None:
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("no fish")
    script = project.directory.parent / "script.fish"
    script.write_text(project.call("shell-completion", "fish").out)
    lines = [typed.rstrip("\t") for typed, _ in LINES] + ["runner state rm completion.e"]
    asks = "\n".join(f"complete -C '{line}'" for line in lines)
    environment = {
        "PATH": f"{project.directory.parent / 'bin'}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "HOME": str(project.directory.parent),
    }
    done = subprocess.run(
        [fish, "--no-config", "-c", f"source {script}\n{asks}"],
        capture_output=True,
        text=True,
        cwd=project.directory,
        env=environment,
        timeout=HANG,
        check=False,
    )
    found = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert found == [
        "validate",
        "told",
        "completion.tale",
        "-target=completion.tale",
        "topic=",
        "staging",
        "plan.out",
        "-out=plan.out",
        "prompts/",
        'completion.each["a b"]',
    ], done.stderr
