"""Which workspace the user selected for each project, in the user's own configuration folder."""

from pathlib import Path

from runner.core.language.names import is_workspace
from runner.errors import Where, error
from runner.io import files
from runner.io.user_files import is_of_project, read_own, user_file, write_own

_KIND = "workspaces"
_DAMAGED = "Selected workspace is damaged"
_ADVICE = "Say again which is meant: runner workspace select NAME"
_HEAD = "# Written by runner. `runner workspace select NAME` in the project changes it.\n"


def selected_workspace(project: Path) -> str | None:
    """The workspace that is selected for a project; RunnerError if the record is damaged."""
    path = user_file(_KIND, project)
    if is_of_project(path, project):
        return None
    held = read_own(path, _DAMAGED, _ADVICE)
    if not held and files.identity(path) is None:
        return None
    name = held.get("workspace")
    if not isinstance(name, str) or not is_workspace(name):
        # To go on with another one would change a state that nobody meant.
        raise error(
            _DAMAGED, f"It says of no workspace that it is meant. {_ADVICE}", Where(str(path))
        )
    return name


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
