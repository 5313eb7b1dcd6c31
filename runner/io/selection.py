"""Which workspace the user selected for each project, in the user's own configuration folder."""

from pathlib import Path

from runner.core.toml.source import parse, source
from runner.errors import RunnerError, error
from runner.io import files
from runner.io.user_files import is_of_project, project_text, user_file, write_own

_KIND = "workspaces"
_HEAD = "# Written by runner. `runner workspace select NAME` in the project changes it.\n"


def selected_workspace(project: Path) -> str | None:
    """The workspace that is selected for a project; RunnerError if the record is damaged."""
    path = user_file(_KIND, project)
    data = None if is_of_project(path, project) else files.read(path)
    if not data:
        return None
    try:
        name = parse(source(str(path), data)).get("workspace")
    except RunnerError as exc:
        said = " ".join(problem.detail for problem in exc.problems)
        raise error(
            "Selected workspace is damaged",
            f"{said} Say again which is meant: runner workspace select NAME",
            exc.problems[0].where,
        ) from exc
    return name if isinstance(name, str) else None


def select(project: Path, name: str) -> None:
    """Record the workspace that is meant where no flag and no variable names one."""
    path = user_file(_KIND, project)
    if is_of_project(path, project):
        raise error(
            "Workspace cannot be selected",
            f"Your configuration folder ({path.parent}) is inside of the project. Work in a folder "
            f"of the project's own, or name the workspace: --workspace {name}, or "
            f"RUNNER_WORKSPACE={name} in the environment.",
        )
    import tomli_w  # noqa: PLC0415  # who selects may wait for it

    held = {"project": project_text(project), "workspace": name}
    write_own(path, (_HEAD + tomli_w.dumps(held)).encode())
