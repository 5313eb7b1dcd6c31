"""What each command imports: a list of modules is stable where a time is not."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from tests import ROOT
from tests.harness.project import HANG, Project, completion, provider, serving

CONFIG = """
[runner]
required_version = ">=0.1"

[variable.topic]
default = "the sea"

[locals]
rows = "{{ csv('rows.csv', key='id') }}"

"""
EACH = 'for_each = "{{ local.rows }}"'

NETWORK = {"aiohttp", "asyncio", "ssl", "yarl", "multidict", "concurrent.futures"}
MODEL = {"xllamacpp", "ray", "runner.io.providers.embedded.server", "runner.io.providers.ray"}
OWN = {
    "console": {"prompt_toolkit", "readline"},
    "convert": {"hcl2", "lark", "tomli_w"},
    "docs": {"rich"},
    "import": {"tomli_w"},
}
"""What one verb alone needs, by that verb: an import elsewhere costs every start."""
SEEN = set().union(*OWN.values())
PRICED = {"genai_prices", "httpx", "httpx2"}
STORED = {"diskcache", "filelock", "runner.io.providers"}
ENGINE = {"jinja2", "markupsafe", "jsonschema_rs"}
READING = {"pydantic", "pydantic_settings", "dotenv", "toml_rs", "msgspec", "orjson", "sqlite3"}

MISTAKES = {"difflib", "html", "runner.core.toml.faults", "runner.core.toml.scan"}
"""What explains a mistake, or a change."""

PROBE = """
import os, sys
for missing in os.environ["WITHOUT"].split():
    sys.modules[missing] = None
from runner.cli.main import main
try:
    status = main(sys.argv[1:])
except SystemExit as exc:
    status = exc.code
sys.stdout.flush()
sys.stderr.write("\\n".join(["", "MODULES", *sorted(sys.modules)]))
sys.exit(status)
"""


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose completions have all been answered, and whose server is gone."""
    project = Project(tmp_path_factory.mktemp("project"))
    with serving() as api:
        project.write("id,what\na,whales\nb,waves\n", "rows.csv")
        each = completion("each", "{{ var.topic }}: {{ each.value.what }}", EACH)
        text = completion("last", "{{ completion.each['a'].content }} {{ file('rows.csv') }}")
        project.write(provider(api) + CONFIG + each + text)
        ran = project.apply()
        assert ran.status == 0, ran.err
        yield project


def ran(
    directory: Path, *arguments: str, without: str = ""
) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """A process that cannot import some modules, and those that it had when it was over."""
    command = [sys.executable, "-c", PROBE, "-C", str(directory), *arguments]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "WITHOUT": without}
    environment["XDG_CACHE_HOME"] = str(directory.parent / "cache")
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=HANG, check=False
    )
    done.stderr, _, modules = done.stderr.rpartition("\nMODULES\n")
    return done, {name for name in modules.splitlines() if name not in without.split()}


def imported(directory: Path, *arguments: str, status: int = 0) -> set[str]:
    """The modules that a process had imported when the command was over."""
    done, found = ran(directory, *arguments)
    assert done.returncode == status, done.stderr
    assert "runner.cli.main" in found
    return found


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_imports_arguments_and_nothing_else(answered: Project, flag: str) -> None:
    found = imported(answered.directory, flag)
    unwanted = NETWORK | MODEL | SEEN | PRICED | STORED | ENGINE | READING
    assert sorted(found & unwanted) == []
    assert not {name for name in found if name.startswith(("runner.core", "runner.io"))}


@pytest.mark.parametrize(
    "arguments", [("output", "last"), ("output",), ("output", "--json"), ("output", 'each["a"]')]
)
def test_an_output_is_read_without_libraries(answered: Project, arguments: tuple[str, ...]) -> None:
    found = imported(answered.directory, *arguments)
    assert sorted(found & (NETWORK | MODEL | SEEN | PRICED | STORED | ENGINE | READING)) == []


def test_a_plan_with_nothing_to_issue_imports_neither_network_nor_engine(
    answered: Project,
) -> None:
    found = imported(answered.directory, "plan")
    slow = {"pydantic_settings", "dotenv", "tomllib"}
    unwanted = NETWORK | MODEL | SEEN | PRICED | ENGINE | slow | {"diskcache", "filelock"}
    assert sorted(found & unwanted) == []


def test_what_was_planned_before_is_read_without_the_libraries_that_check_it(
    answered: Project,
) -> None:
    imported(answered.directory, "plan")
    found = imported(answered.directory, "plan")
    assert not found & {"pydantic", "pydantic_core", "packaging"}


def test_a_plan_that_issues_imports_no_network(answered: Project) -> None:
    """Planning cannot send: what could is not even there. A server of one's own has no prices."""
    found = imported(
        answered.directory, "plan", "--var", "topic=the moon", "--detailed-exitcode", status=2
    )
    assert (
        sorted(found & (NETWORK | MODEL | SEEN | PRICED | ENGINE | {"diskcache", "filelock"})) == []
    )


@pytest.mark.parametrize("verb", ["merge-driver", "show"])
def test_what_git_calls_for_each_file_imports_little(answered: Project, verb: str) -> None:
    state = str(answered.state_file)
    words = (state, state, state) if verb == "merge-driver" else ("--text", state)
    before = answered.state_file.read_bytes()
    found = imported(answered.directory, verb, *words)
    answered.state_file.write_bytes(before)
    libraries = {"jinja2", "jsonschema_rs", "pydantic", "toml_rs", "sqlite3", "genai_prices"}
    assert sorted(found & (NETWORK | MODEL | SEEN | STORED | libraries)) == []
    if verb == "merge-driver":
        assert not {name for name in found if name.startswith("runner.core.modules")}


def test_what_tells_a_collector_or_explains_a_mistake_is_imported_where_there_is_one(
    answered: Project,
) -> None:
    answered.state_file.rename(aside := answered.directory / "aside.json")
    found = imported(answered.directory, "apply", "--auto-approve")
    aside.replace(answered.state_file)
    assert not {one for one in found if one.startswith(("opentelemetry", "runner.io.telemetry"))}
    assert not found & MISTAKES
    assert not found & {"google.protobuf", "requests"}


def test_a_check_imports_no_network(answered: Project) -> None:
    check = "[check.c]\nof = 'completion.each'\nexpect = [{ contains = '{{ each.value.what }}' }]\n"
    path = answered.write(check, "checks.toml")
    found = imported(answered.directory, "check")
    path.unlink()
    assert sorted(found & (NETWORK | MODEL | SEEN | PRICED | ENGINE | {"diskcache"})) == []
    assert not found & {"re2", "rapidfuzz"}  # where nothing needs them


def test_a_plan_as_events_imports_no_network(answered: Project) -> None:
    found = imported(answered.directory, "plan", "--json")
    assert sorted(found & (NETWORK | MODEL | ENGINE)) == []


def test_an_apply_with_nothing_to_send_imports_no_client(answered: Project) -> None:
    found = imported(answered.directory, "apply", "--auto-approve")
    unwanted = {"aiohttp", "yarl", "diskcache", "pydantic_settings", "dotenv"}
    assert sorted(found & (unwanted | MODEL | SEEN | PRICED | ENGINE)) == []


@pytest.mark.parametrize(
    ("arguments", "own"),
    [
        (("console",), set()),  # without a terminal lines are only read
        (("convert", "main.tf"), OWN["convert"]),
        (("shell-completion", "bash"), set()),
        (("docs", "state"), set()),  # without a terminal nothing is laid out
        (("fmt",), set()),
        (("graph",), set()),
        (("validate",), set()),
        (("show",), set()),
        (("state", "list"), set()),
        (("workspace", "list"), set()),
        (("cache", "info"), set()),
        (("init", "fresh"), set()),
        (("destroy", "--auto-approve", "--target", "completion.last"), set()),
    ],
)
def test_what_only_one_verb_needs_no_other_imports(
    answered: Project, tmp_path: Path, arguments: tuple[str, ...], own: set[str]
) -> None:
    project = tmp_path / "p"
    copytree(answered.directory, project)
    (project / "main.tf").write_text('variable "a" {\n  default = 1\n}\n')
    words = [str(project / word) if word in {"main.tf", "fresh"} else word for word in arguments]
    assert imported(project, *words) & SEEN == own


@pytest.mark.parametrize("line", ["runner pl", "runner plan --ta", "runner apply "])
def test_a_flag_is_completed_without_libraries(answered: Project, line: str) -> None:
    found = imported(answered.directory, "complete", "fish", "--", line)
    unwanted = NETWORK | MODEL | SEEN | PRICED | STORED | ENGINE | READING
    assert sorted(found & unwanted) == []


@pytest.mark.parametrize("line", ["runner plan --target c", "runner output ", "runner state rm c"])
def test_a_name_is_completed_without_what_asks_and_answers(answered: Project, line: str) -> None:
    found = imported(answered.directory, "complete", "fish", "--", line)
    unwanted = NETWORK | MODEL | SEEN | PRICED | ENGINE | {"diskcache", "pydantic_settings"}
    assert sorted(found & unwanted) == []


@pytest.mark.parametrize("verb", [("validate",), ("show",), ("state", "list")])
def test_what_only_reads_imports_no_client(answered: Project, verb: tuple[str, ...]) -> None:
    found = imported(answered.directory, *verb)
    assert (
        sorted(found & ({"aiohttp", "diskcache", "pydantic_settings"} | MODEL | PRICED | ENGINE))
        == []
    )


@pytest.mark.parametrize("text", ["", "\n[completion]\n[completion.each]\n", "\n[locals]\na = b\n"])
def test_without_the_fast_parser_all_is_as_with_it(tmp_path: Path, text: str) -> None:
    project = Project(tmp_path)
    project.write(CONFIG + completion("one", "{{ var.topic }}\n\nno {{ var.such }}") + text)
    fast, modules = ran(tmp_path, "plan")
    plain, other = ran(tmp_path, "plan", without="toml_rs")
    assert "toml_rs" in modules
    assert "tomllib" in other
    assert (plain.returncode, plain.stdout, plain.stderr) == (1, fast.stdout, fast.stderr)


def test_the_package_alone_imports_nothing() -> None:
    code = "import sys; before = {*sys.modules}; import runner; print(*({*sys.modules} - before))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=True
    )
    assert done.stdout.split() == ["runner"]
