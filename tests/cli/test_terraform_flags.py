"""What a person who comes from Terraform types is understood, or told what to write instead."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner import __version__
from runner.cli.parser.arguments import parser
from runner.cli.parser.verbs import VERBS
from tests import ROOT
from tests.harness.project import Project, completion, provider, serving

FILLED = {
    "state": ["list"],
    "import": ["completion.a", "id"],
    "convert": ["main.tf"],
    "rollback": ["--to", "HEAD"],
    "cache": ["info"],
    "workspace": ["list"],
    "shell-completion": ["bash"],
    "batch": ["list"],
    "merge-driver": ["base", "ours", "theirs"],
}
CONFIG = '[runner]\nprovider = "embedded"\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "p")
    made.write(CONFIG + completion("a", "one") + completion("b", "two"))
    return made


@pytest.mark.parametrize(
    ("words", "same"),
    [
        ("plan -target=completion.a -out=p -json", "plan --target completion.a --out p --json"),
        ("plan -var x=1 -var-file f.toml", "plan --var x=1 --var-file f.toml"),
        ("apply -auto-approve -parallelism=3", "apply --auto-approve --concurrency 3"),
        ("apply -y", "apply --auto-approve"),
        ("plan -destroy -detailed-exitcode=true", "plan --destroy --detailed-exitcode"),
        ("plan -refresh=false -json=0", "plan"),
        ("plan -input=false", "plan --no-input"),
        ("plan -input=true", "plan"),
        ("apply -lock-timeout=1m30s", "apply --lock-timeout 90"),
        ("-chdir=x plan -no-color", "--chdir x plan --no-color"),
        ("-v plan", "plan --log-level info"),
        ("init -input=false -no-color", "init --no-input --no-color"),
    ],
)
def test_a_flag_with_one_dash_is_the_same_flag(words: str, same: str) -> None:
    made = parser()
    assert made.parse_args(words.split()) == made.parse_args(same.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("apply --max-cost free", "--max-cost: 'free' is no amount in USD such as 0.50."),
        ("apply --max-requests x", "--max-requests: 'x' is no whole number."),
        ("apply --executor rey", "--executor: 'rey' is none of local, ray."),
        (
            "plan --log-level inf",
            "'inf' is none of debug, info, warning, error. Did you mean info?",
        ),
        ("shell-completion zhs", "'zhs' is none of bash, zsh, fish."),
        ("apply --lock-timeout x", "--lock-timeout: 'x' is no time such as 10, 90s or 1m30s."),
        ("apply --max-cost", "--max-cost wants a value behind it."),
    ],
)
def test_what_a_flag_does_not_take_is_told_in_our_words(
    capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    with pytest.raises(SystemExit) as left:
        parser().parse_args(words.split())
    told = capsys.readouterr().err
    assert left.value.code == 1
    assert said in told
    assert "argument" not in told


def test_no_mistake_of_a_value_is_left_to_words_of_python() -> None:
    """Each type says itself what it takes: argparse would name the function."""
    for verb in parser().verbs.values():
        kinds = {
            action.type for one in (verb, *verb.verbs.values()) for action in one.options.values()
        }
        assert not kinds & {int, float}


def test_every_long_flag_of_every_verb_may_have_one_dash() -> None:
    """By a rule, so that a new one may as well."""
    made = parser()
    for verb in VERBS:
        listed = made.parse_args([verb, *FILLED.get(verb, ())]).parser
        flags = {flag: one for flag, one in listed.options.items() if flag.startswith("--")}
        known = [f"{flag}=" if one.nargs == "?" else flag for flag, one in flags.items()]
        assert [*listed._spelled([flag[1:] for flag in flags])] == known


@pytest.mark.parametrize(
    ("words", "stream", "plan"),
    [
        ("", None, None),
        ("--stream", "", None),
        ("-stream plan.file", "", "plan.file"),
        ("--stream=true", "", None),
        ("--stream=false", None, None),
        ("--stream=completion.a plan.file", "completion.a", "plan.file"),
    ],
)
def test_a_flag_that_may_have_a_value_takes_no_word(
    words: str, stream: str | None, plan: str | None
) -> None:
    arguments = parser().parse_args(["apply", *words.split()])
    assert (arguments.stream, arguments.plan) == (stream, plan)


def test_after_two_dashes_nothing_is_a_flag() -> None:
    assert parser().parse_args(["state", "list", "--", "-json"]).patterns == ["-json"]


def test_a_flag_that_is_none_is_told_by_its_closest(project: Project) -> None:
    ran = project.call("plan", "-dstroy")
    assert (ran.status, ran.out) == (1, "")
    assert "unrecognized arguments: -dstroy. Did you mean --destroy?" in ran.err


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        ("taint completion.a", "runner plan --replace ADDR"),
        ("refresh", "runner plan --refresh"),
        ("get", "runner init"),
        ("login", "OPENAI_API_KEY"),
        ("providers lock", "provider is a URL"),
        ("state replace-provider", "base URL"),
        ("plan -lock=false", "take no lock"),
        ("plan -generate-config-out=x", "runner import prints the block"),
        ("graph -type=plan", "There is one graph"),
        ("test", "runner check"),
        ("-v", "the version: runner version"),
        ("state", "runner state is to do one of list, show, mv, rm, resolve, pull, push."),
        ("plan -lock-timeout=5m", "waits for its lock"),
    ],
)
def test_what_is_terraforms_alone_says_what_to_use(
    project: Project, words: str, instead: str
) -> None:
    ran = project.call(*words.split())
    assert (ran.status, ran.out) == (1, "")
    assert instead in ran.err
    assert "choose from" not in ran.err


def test_bare_runner_prints_the_help_and_is_no_success(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "runner"]
    environment = {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert ran.stdout == Project(tmp_path / "p").call("--help").out


def test_help_and_version_are_verbs_too(project: Project) -> None:
    assert project.call("version").out == f"runner {__version__}\n"
    assert project.call("-version").out == f"runner {__version__}\n"
    assert json.loads(project.call("version", "-json").out)["runner_version"] == __version__
    assert project.call("help", "plan").out == project.call("plan", "-help").out
    assert project.call("help", "state", "mv").out == project.call("state", "mv", "--help").out
    assert project.call("help").out == project.call("--help").out


def test_no_input_asks_nobody(project: Project) -> None:
    ran = project.call("apply", "-input=false")
    assert ran.status == 1
    assert "Nobody to ask" in ran.err


def test_state_list_is_json_as_well(tmp_path: Path) -> None:
    with serving() as api:
        project = Project(tmp_path / "p")
        project.write(provider(api) + completion("a", "one") + completion("b", "two"))
        assert project.call("apply", "-y", "-target=completion.a").status == 0
        assert json.loads(project.call("state", "list", "-json").out) == ["completion.a"]


@pytest.mark.parametrize("flag", ["-q", "--quiet", "-quiet"])
def test_quiet_leaves_out_progress(tmp_path: Path, flag: str) -> None:
    with serving() as api:
        project = Project(tmp_path / "p")
        project.write(provider(api) + completion("a", "one"))
        quiet = project.apply(flag)
        assert (quiet.status, quiet.err) == (0, "")
        assert "completion.a: Answered" in project.apply("--replace", "completion.a").err


def test_verbose_tells_each_step(tmp_path: Path) -> None:
    with serving() as api:
        project = Project(tmp_path / "p")
        project.write(provider(api) + completion("a", "one"))
        assert "INFO completion.a: issued after" in project.run("apply", "-y", "-v").err


@pytest.mark.parametrize(
    ("env", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": ""}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True),
    ],
)
def test_force_color_colours_a_pipe_as_ci_shows_it(
    project: Project, env: dict[str, str], coloured: bool
) -> None:
    said = project.run("plan", env={"NO_COLOR": "", "FORCE_COLOR": "", **env}).out
    assert ("\x1b[32m" in said) == coloured
    assert ("\x1b" in said) == coloured


def test_the_project_is_found_from_a_folder_below_and_said(project: Project) -> None:
    below = project.directory / "docs"
    below.mkdir()
    ran = run_in(below, "validate")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == f"The project is .. ({project.directory.resolve()}).\n"
    quiet = run_in(below, "validate", "-q")
    assert (quiet.returncode, quiet.stderr) == (0, "")


def test_a_folder_that_is_named_is_the_project(project: Project) -> None:
    below = project.directory / "docs"
    below.mkdir()
    ran = run_in(below, "-C", ".", "validate")
    assert ran.returncode == 1
    assert 'There is no folder "configs" in docs/' in ran.stderr


def test_init_is_about_the_folder_where_it_runs(project: Project) -> None:
    below = project.directory / "docs"
    below.mkdir()
    assert run_in(below, "init").returncode == 0
    assert (below / "configs").is_dir()


def run_in(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "runner", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
