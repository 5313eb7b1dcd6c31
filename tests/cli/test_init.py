import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, get_args

import pytest

from runner.io.state.local import NAME, OUTPUTS, Folder
from runner.operations.options import TemplateName
from tests.harness.faults import completion
from tests.harness.project import KEY, Project, Ran, serving
from tests.harness.recorded import files_of
from tests.harness.server import Request


def init(directory: Path, *arguments: str) -> Ran:
    return Project(directory / "elsewhere").call("-C", str(directory), "init", *arguments)


def test_a_new_project_plans_as_it_is_written(tmp_path: Path) -> None:
    """No key, no network, no flag: plan, validate and fmt --check pass."""
    made = init(tmp_path, "hello")
    assert made.status == 0
    assert "plan" in made.err
    project = Project(tmp_path / "hello")
    assert project.call("validate").status == 0
    plan = project.call("plan")
    assert plan.status == 0
    assert plan.err == ""
    assert "+ completion.chat" in plan.out
    assert "? completion.summary" in plan.out
    assert project.call("fmt", "--check").out == ""


def test_it_names_what_it_wrote_and_the_next_command(tmp_path: Path) -> None:
    made = init(tmp_path, "hello there")
    names = [Path(line).relative_to(tmp_path / "hello there") for line in made.out.splitlines()]
    assert [str(name) for name in names] == [
        "configs/main.toml",
        "runner.schema.json",
        ".gitignore",
        ".gitattributes",
        "README.md",
    ]
    assert made.err.rstrip().endswith("plan")
    assert "hello there'" in made.err


def test_it_never_overwrites(tmp_path: Path) -> None:
    init(tmp_path, "p")
    held = files_of(tmp_path)
    again = init(tmp_path, "p")
    assert again.status == 1
    assert "Project is there already" in again.err
    assert files_of(tmp_path) == held


def test_what_is_there_besides_a_configuration_stays(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "README.md").write_text("mine")
    made = init(tmp_path, "p")
    assert made.status == 0
    assert (tmp_path / "p" / "README.md").read_text() == "mine"
    assert "README.md is there already" in made.err
    assert (tmp_path / "p" / "configs" / "main.toml").exists()


def test_another_toml_in_the_root_module_is_a_configuration(tmp_path: Path) -> None:
    """main.toml beside it would declare the same names."""
    project = Project(tmp_path / "p")
    project.write("[locals]\nx = 1\n", "other.toml")
    made = project.call("init")
    assert made.status == 0
    assert "nothing is to be fetched" in made.err
    assert not (tmp_path / "p" / "configs" / "main.toml").exists()


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("a file")
    made = init(tmp_path, "p")
    assert made.status == 1
    assert "Not a directory" in made.err


def test_git_is_told_to_leave_out_cache_locks_backups_and_secrets(tmp_path: Path) -> None:
    init(tmp_path, "p")
    ignored = (tmp_path / "p" / ".gitignore").read_text().splitlines()
    assert {"state/cache/", "errored-*", ".env"} <= set(ignored)
    kept = {
        path.name
        for path in Folder(tmp_path / "p" / "state").names
        if not any(fnmatch(path.name, pattern) for pattern in ignored)
    }
    assert kept == {NAME, "records", OUTPUTS}


TEMPLATES = get_args(TemplateName)
REQUESTS = {"chain": 2, "table": 3, "compare": 4, "tools": 2, "ci": 2}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"location": "Oslo"}'},
}


def answered(request: Request) -> dict[str, Any]:
    """A call where a tool has to be called, else a text."""
    body = completion(request.body, request.number)
    if request.body.get("tool_choice") == "required":
        body["choices"][0]["message"] = {
            "role": "assistant",
            "content": None,
            "tool_calls": [CALL],
        }
    return body


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_template_plans_as_it_is_written_and_applies(
    tmp_path: Path, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a key, as its comments say; every output that the README names is there, and nothing is
    left to ask.
    """
    assert init(tmp_path, "p", "-template", template).status == 0
    project = Project(tmp_path / "p")
    assert project.call("fmt", "--check").out == ""
    plan = project.call("plan", "-detailed-exitcode")
    assert (plan.status, plan.err) == (2, "")
    if template != "tools":
        project.write('[provider.openai.defaults]\nmodel = "gpt-4o-mini"\n', "model.toml")
    with serving(script=answered) as api:
        for name, value in (
            ("RUNNER_PROVIDER", "openai"),
            ("OPENAI_BASE_URL", api.url),
            ("OPENAI_API_KEY", KEY),
        ):
            monkeypatch.setenv(name, value)
        ran = project.call("apply", "-y", "-q")
        assert (ran.status, ran.err) == (0, "")
        assert len(api.completions) == REQUESTS[template]
    assert project.call("plan", "-detailed-exitcode").status == 0
    readme = (project.directory / "README.md").read_text()
    named = next(line.split()[2] for line in readme.splitlines() if "runner output" in line)
    assert project.call("output", named).status == 0


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_variable_that_the_readme_changes_is_declared(tmp_path: Path, template: str) -> None:
    init(tmp_path, "p", "--template", template)
    project = Project(tmp_path / "p")
    readme = (project.directory / "README.md").read_text()
    line = next(line for line in readme.splitlines() if "apply --var" in line)
    name = line.split("--var ")[1].split("=")[0]
    assert project.call("plan", "--var", f"{name}=other words").status == 0


@pytest.mark.parametrize("config", ["configs", "prompts/deep"])
def test_each_file_of_the_configuration_leads_an_editor_to_its_schema(
    tmp_path: Path, config: str
) -> None:
    init(tmp_path, "p", "--template", "table", "--config", config)
    main = tmp_path / "p" / config / "main.toml"
    first = main.read_text().splitlines()[0]
    assert first.startswith("#:schema ")
    schema = json.loads((main.parent / first.removeprefix("#:schema ")).read_text())
    assert schema["title"]
    assert (tmp_path / "p" / config / "data" / "reviews.csv").exists()


def test_the_workflow_of_ci_stands_where_github_reads_it(tmp_path: Path) -> None:
    init(tmp_path, "p", "--template", "ci")
    workflow = (tmp_path / "p/.github/workflows/prompts.yml").read_text()
    assert "runner apply --offline --auto-approve" in workflow
    assert "pip install runner-llm" in workflow


def test_a_template_that_is_none_is_told(tmp_path: Path) -> None:
    ran = init(tmp_path, "p", "--template", "char")
    assert ran.status == 1
    assert "'char' is none of chain, " in ran.err
    assert not (tmp_path / "p").exists()


def test_no_file_that_is_there_is_written(tmp_path: Path) -> None:
    """Whatever a template would put in its place."""
    init(tmp_path, "first", "--template", "ci")
    made = [path for path in (tmp_path / "first").rglob("*") if path.is_file()]
    for path in made:
        name = path.relative_to(tmp_path / "first")
        if name.parts[0] != "configs":
            mine = tmp_path / "second" / name
            mine.parent.mkdir(parents=True, exist_ok=True)
            mine.write_text("mine")
    held = files_of(tmp_path / "second")
    assert init(tmp_path, "second", "--template", "ci").status == 0
    after = files_of(tmp_path / "second")
    assert {name: after[name] for name in held} == held
