"""The outputs of another project, from its newest state: `data.runner_state`."""

from pathlib import Path

import orjson

from runner.core.api.exchange import Answered, Failure
from runner.core.received import table_of
from runner.core.request.backends import BackendSettings, backend_settings
from runner.core.state.file import decode
from runner.core.suggest import did_you_mean, there_are
from runner.errors import RunnerError, Untrusted
from runner.io.links import refuse_links
from runner.io.state.backend import DEFAULT, States
from runner.io.state.local import OUTPUTS, LocalStates, folder_of, has_states
from runner.operations.outputs import outputs_json
from runner.operations.project.backends import backend_folder, place_door, states_in
from runner.operations.reading.loaded import Loaded
from runner.operations.reading.trust import refusal, still_closed

_ELSEWHERE = "It is the other project's to mend."
_KEPT = 'With outputs = "file" in [runner.state] there, and one `runner apply`, they are kept.'


def read_upstream(project: Loaded, arguments: bytes) -> Answered | Failure:
    """What `data.runner_state` holds, by its arguments; Untrusted if nobody said that the project
    may read there. No lock is taken, and nothing is written.
    """
    asked = table_of(arguments)
    settings = backend_settings(asked["backend"])
    if isinstance(settings, str):
        return Failure(settings, attempts=0)
    door = place_door(settings, project.folders.project)
    closed = still_closed(project, () if door is None else (door,))
    if closed:
        raise refusal(project, closed)
    try:
        found = _outputs(project, settings, str(asked.get("workspace") or DEFAULT))
    except Untrusted:
        raise
    except RunnerError as exc:
        return Failure("; ".join(problem.detail for problem in exc.problems), attempts=0)
    return found if isinstance(found, Failure) else Answered(orjson.dumps(found), 0, 1)


def _outputs(
    project: Loaded, settings: BackendSettings, workspace: str
) -> dict[str, object] | Failure:
    folder = backend_folder(settings, project.folders.project)
    if settings.type == "file" and not folder.is_dir():  # opening it would make it
        return Failure(f"there is no folder {folder}", attempts=0)
    states = _states(project, settings, folder)
    known = [DEFAULT] if workspace == DEFAULT else states.workspaces()
    if workspace not in known:
        hint = did_you_mean(workspace, known, there_are(known))
        said = f'there is no workspace "{workspace}" in {settings.shown}.{hint}'
        return Failure(said, attempts=0)
    backend = states.backend(workspace)
    held = backend.read()
    if held is None:
        said = (
            f"there is no state in {backend.name}. Its project writes one with `runner apply`; "
            "look at the key and the workspace, too."
        )
        return Failure(said, attempts=0)
    state = decode(held.text, backend.name, _ELSEWHERE)
    if backend.file is not None:
        found = outputs_json.read(folder_of(folder, workspace) / OUTPUTS)
        if found is None:
            said = f"the outputs of {backend.name} are lazy, or above 32 MB. {_KEPT}"
            return Failure(said, attempts=0)
        return {"outputs": found, "serial": state.serial}
    if state.outputs is None:
        said = (
            f"the state in {backend.name} holds no outputs: an older version wrote it, or `init "
            "--migrate-state`. One `runner apply` in that project adds them, and sends nothing "
            f"that is up to date. Or its outputs are lazy, or above 32 MB. {_KEPT}"
        )
        return Failure(said, attempts=0)
    return {"outputs": state.outputs, "serial": state.serial}


def _states(project: Loaded, settings: BackendSettings, folder: Path) -> States:
    """Those there. A folder is used as a bucket, or is the own one of a project without a backend,
    of which nothing may lead elsewhere.
    """
    if settings.type == "file" and "key" not in settings.values and has_states(folder):
        return LocalStates(folder, lambda paths: refuse_links(folder, paths, _ELSEWHERE))
    return states_in(settings, project.folders.project, lambda _: "runner")
