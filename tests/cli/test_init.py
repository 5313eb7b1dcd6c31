from fnmatch import fnmatch
from pathlib import Path

from runner.io.state.local import NAME, OUTPUTS, Folder
from tests.harness.project import Project, Ran
from tests.harness.recorded import files_of


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
    assert [str(name) for name in names] == ["configs/main.toml", ".gitignore", "README.md"]
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
    assert made.status == 1
    assert "other.toml" in made.err
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
    assert kept == {NAME, OUTPUTS}
