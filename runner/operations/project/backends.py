"""Which backend a project means, whether it was initialised on this machine, and whether the user
trusts the project with it.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from msgspec import Struct

from runner.core.modules.folder import Block, Blocks
from runner.core.received import table_of
from runner.core.request.backends import BackendSettings, backend_door, backend_settings
from runner.core.secrets.trust import (
    BackendDoor,
    Door,
    from_table,
    host_of,
    in_words,
    needs_asking,
)
from runner.core.state.shards import StateLayout
from runner.errors import Problem, Untrusted, Where, error
from runner.io import files
from runner.io.settings import environment
from runner.io.state.backend import States
from runner.io.trust import trusted
from runner.operations.blocking import run_to_end
from runner.operations.project.hosts import trusted_hosts

if TYPE_CHECKING:
    from runner.io.objects import BucketKind, ObjectPlace
    from runner.io.state.http import HttpPlace

RECORD = ".backend.json"
OF_THIS_MACHINE = (".lock", ".lock.info", RECORD, ".outputs.version", "*.backup", "errored-*")
"""What stands beside a state, or in the place of one, and is for nobody else."""

_PREFIX = "RUNNER_BACKEND_"


class MeantBackend(Struct, frozen=True):
    """The backend that is meant, None for the folder of states; and the one that was when it was
    last initialised on this machine, with the values that were `given` then. `block` says so, and
    in which layout a state is to stand in a folder.
    """

    now: BackendSettings | None
    before: BackendSettings | None
    given: Mapping[str, str]
    block: Block | None = None
    layout: StateLayout | None = None

    @property
    def where(self) -> Where | None:
        """Where that is said. Telling it takes as long as a plan of the file's blocks: only for an
        error.
        """
        return _place_of(self.block)

    @property
    def is_initialised(self) -> bool:
        """Whether it is the one that it was."""
        one, other = self.now, self.before
        if one is None or other is None:
            return one is other
        return one.identity == other.identity


def meant_backend(
    blocks: Blocks, folder: Path, given: Mapping[str, str] | None = None
) -> MeantBackend:
    """What configuration, environment and the last `runner init` say together; `given` are values
    that are given instead of those of then. RunnerError for what is no backend.
    """
    block = blocks.of("runner").get("runner")
    recorded = _recorded(folder)
    before = backend_settings(_table(recorded.get("settings"))) if "settings" in recorded else None
    kept = _table(recorded.get("given")) if given is None else given
    values = {**_declared(block), **kept, **_from_environment()}
    if "type" not in values and not _declared(block):  # variables may be there for other projects
        known = None if isinstance(before, str) else before
        return MeantBackend(None, known, {}, layout=_layout(block))
    now = backend_settings(values)
    if isinstance(now, str):
        raise error("Invalid backend", now, _place_of(block))
    return MeantBackend(now, None if isinstance(before, str) else before, kept, block)


def _layout(block: Block | None) -> StateLayout | None:
    """What the project says of it; a word that is none is told where the project is read."""
    said = _table(block.table.get("state")).get("layout") if block is not None else None
    return next((layout for layout in get_args(StateLayout) if layout == said), None)


def _place_of(block: Block | None) -> Where | None:
    return None if block is None else block.where(("backend",) if "backend" in block.table else ())


def record_backend(folder: Path, meant: MeantBackend) -> None:
    """From now on this is the one. What is kept here of it, git does not see: the project's own
    .gitignore may be older.
    """
    path = folder / RECORD
    if meant.now is None:
        files.remove(path)
        return
    held = {"given": dict(meant.given), "settings": {**meant.now.values}}
    files.make_directory(folder)
    files.hide_from_git(folder, (files.IGNORING, *OF_THIS_MACHINE))
    files.write_atomic(path, json.dumps(held, indent=2, sort_keys=True).encode() + b"\n")


def check_initialised(
    meant: MeantBackend, again: str, local: str, *, holds_states: bool = False
) -> None:
    """RunnerError, with both ways out, where the state would be another than it was: never a fresh
    start that nobody wanted. `holds_states` says whoever has seen that states are in the folder.
    """
    if meant.is_initialised:
        return
    old = local if meant.before is None else meant.before.shown
    new = local if meant.now is None else meant.now.shown
    ways = f"`{again} init --migrate-state`", f"`{again} init --reconfigure`"
    if meant.before is None:
        said = f"The state is to live in {new}, which was never initialised on this machine."
        which = f"{ways[0]} copies them there, and {ways[1]} leaves them."
        begins = f"`{again} init` begins with it; if {old} holds states, {which}"
        way_out = f"There are states in {old}: {which}" if holds_states else begins
    else:
        said = f"The state was in {old}, and now it is to be in {new}."
        way_out = (
            f"{ways[0]} copies the states there; {ways[1]} leaves them, and takes what is there."
        )
    raise error(
        "Backend is not initialised",
        f"{said} Nothing was read or written. {way_out}",
        meant.where,
    )


def opened_states(
    settings: BackendSettings, project: Path, trust: Iterable[str], again: Callable[[str], str]
) -> States:
    """The states there; Untrusted if nobody said that they may be."""
    door = closed_door(settings, project, trust)
    if door is not None:
        raise refusal_of_door(door, f"{again('default')} init")
    return states_in(settings, project, again)


def states_in(settings: BackendSettings, project: Path, again: Callable[[str], str]) -> States:
    """The states there, where somebody has said that they may be."""
    if settings.type == "http":
        from runner.io.state.http import HttpStates  # noqa: PLC0415

        return HttpStates(_http_place(settings, project), run_to_end, again)
    from runner.io.objects import Objects  # noqa: PLC0415  # most projects have a folder
    from runner.io.state.remote import ObjectStates  # noqa: PLC0415

    return ObjectStates(Objects(object_place(settings, project)), again, settings.history)


def place_door(settings: BackendSettings, project: Path) -> BackendDoor | None:
    """The door that leads there; None for what is kept in the project."""
    folder = backend_folder(settings, project)
    if settings.type == "file" and folder.is_relative_to(os.path.realpath(project)):
        return None
    return backend_door(settings, str(folder))


def closed_door(
    settings: BackendSettings, project: Path, trust: Iterable[str]
) -> BackendDoor | None:
    """The door that has to be open first, and is not."""
    door = place_door(settings, project)
    return door if door is not None and is_closed(door, project, trust) else None


def is_closed(door: Door, project: Path, trust: Iterable[str]) -> bool:
    """Whether the user has to say yes to a door first, and has not."""
    if not needs_asking(door, frozenset()) or host_of(door) in trusted_hosts(trust):
        return False
    return door not in map(from_table, trusted(project))


def refusal_of_door(door: Door, command: str) -> Untrusted:
    """Why nothing was sent; `command` asks a person."""
    said = (
        f"Nobody has said yet that this project may {in_words(door)}. Nothing was sent. If you "
        f"trust it with that, say so once, at a terminal: {command}. Without a terminal (in "
        f"CI), for one run: --trust {host_of(door)}, or RUNNER_TRUST={host_of(door)} in the "
        "environment."
    )
    return Untrusted(Problem("Not trusted", said))


def _http_place(settings: BackendSettings, project: Path) -> "HttpPlace":
    from runner.io.state.http import HttpPlace  # noqa: PLC0415

    surroundings = environment(project)
    return HttpPlace(
        settings.text("address") or "",
        settings.text("lock_address"),
        settings.text("unlock_address"),
        settings.text("lock_method") or "LOCK",
        settings.text("unlock_method") or "UNLOCK",
        _variable(settings, "username_env", surroundings),
        _variable(settings, "password_env", surroundings),
    )


def object_place(settings: BackendSettings, project: Path) -> "ObjectPlace":
    """Where the objects of a backend are, with the keys that are in the named variables;
    RunnerError for one that is not set.
    """
    from runner.io.objects import ObjectPlace  # noqa: PLC0415

    names = {"container", "bucket"}
    name = next((str(v) for n, v in settings.values.items() if n in names), "")
    surroundings = environment(project)
    kind: BucketKind
    match settings.type:
        case "s3" | "gcs" | "azure" as kind:
            pass
        case "file" as kind:
            name = str(backend_folder(settings, project))
        case "http":
            raise error("Invalid backend", "A backend of type http keeps no objects.")
    return ObjectPlace(
        kind,
        name,
        settings.text("key") or "",
        settings.text("region"),
        settings.text("endpoint"),
        settings.text("account"),
        _variable(settings, "access_key_env", surroundings),
        _variable(settings, "secret_key_env", surroundings),
    )


def _variable(settings: BackendSettings, name: str, held: Mapping[str, str]) -> str | None:
    variable = settings.text(name)
    if variable is None:
        return None
    value = held.get(variable)
    if not value:
        said = (
            f"{name} of the backend says {variable}, which is not set. Set it: export {variable}=.."
        )
        raise error("No key", said)
    return value


def backend_folder(settings: BackendSettings, project: Path) -> Path:
    """Where a path of type "file" leads."""
    return Path(os.path.realpath(project / (settings.text("path") or "")))


def _declared(block: Block | None) -> Mapping[str, Any]:
    return {} if block is None else _table(block.table.get("backend"))


def _from_environment() -> dict[str, str]:
    """Of the shell alone: a file of the project sets none of these."""
    return {
        name.upper().removeprefix(_PREFIX).lower(): value
        for name, value in os.environ.items()
        if name.upper().startswith(_PREFIX) and value
    }


def _recorded(folder: Path) -> Mapping[str, Any]:
    return table_of(files.read(folder / RECORD) or b"")


def _table(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
