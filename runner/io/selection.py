"""Which workspace the user selected for each project, in the user's own configuration folder."""

from pathlib import Path

from runner.errors import error
from runner.io.user_files import is_of_project, read_own, user_file, write_own

_KIND = "workspaces"
_HEAD = "# Written by runner. `runner workspace select NAME` in the project changes it.\n"


def selected_workspace(project: Path) -> str | None:
    """The workspace that is selected for a project; RunnerError if the record is damaged."""
    path = user_file(_KIND, project)
    if is_of_project(path, project):
        return None
    advice = "Say again which is meant: runner workspace select NAME"
    name = read_own(path, "Selected workspace is damaged", advice).get("workspace")
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
    write_own(path, project, _HEAD, {"workspace": name})
