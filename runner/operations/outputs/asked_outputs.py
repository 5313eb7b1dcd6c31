"""The outputs that somebody asks for: from outputs.json, which is quick, else from the project."""

import json
import shlex
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.core.suggest import closest, there_are
from runner.errors import RunnerError, error
from runner.io import files
from runner.io.selection import selected_workspace
from runner.operations.options import ProjectPlace
from runner.operations.outputs import outputs_json

if TYPE_CHECKING:
    from runner.io.state.store import Store
    from runner.operations.reading.loaded import Loaded


@dataclass(frozen=True, slots=True)
class AskedOutputs:
    """What outputs.json holds; the project is read by `load` only where that is not enough.
    `written` is None where the file does not say, and each is evaluated.
    """

    place: ProjectPlace
    load: "Callable[[], Loaded]"
    path: Path
    written: dict[str, Any] | None

    def all(self) -> dict[str, Any]:
        """Every output by name, sensitive ones left out."""
        return _of_state(self.load()) if self.written is None else self.written

    def value(self, asked: str) -> Any:
        """An output, or the part of it that `["key"]`, `[0]` or `[axis=value]` after its name
        means; that of a completion by its address, too. RunnerError if there is none, or an answer
        for it was not accepted.
        """
        asked = asked.removeprefix("completion.")
        name, bracket, rest = asked.partition("[")
        held = self.written or {}
        if name not in held:
            held = {**held, **self._evaluated(name)}
        if name not in held:
            known = self._evaluated() if self.written is None else held
            raise _unknown(name, known, self.path)
        try:
            return _part(held[name], name, bracket + rest)
        except RunnerError:
            self._evaluated(asked)  # says so if the answer was not accepted
            raise

    def why_none(self) -> str:
        """Why there are no outputs: nothing was applied yet, or no answer was accepted."""
        from runner.operations.outputs.evaluate import all_outputs  # noqa: PLC0415  # the slow path
        from runner.operations.project.places import store_of  # noqa: PLC0415

        refused: set[str] = set()
        with suppress(RunnerError):  # a mistake in the configuration is plan's to tell
            if store_of(self.place).backend.exists():
                found = all_outputs(self.load())
                refused = {one for out in found.values() for one in out.rejected}
        if not refused:
            return "There are no outputs yet: `runner apply` writes them."
        from runner.core.address import first_few, in_order  # noqa: PLC0415  # the slow path

        named = in_order(refused)
        return (
            f"There are no outputs: of {first_few(named, 5)} no answer was accepted. `runner show "
            f"{shlex.quote(named[0])}` shows what came; the next `runner apply` asks again."
        )

    def _evaluated(self, name: str = "") -> dict[str, Any]:
        """The outputs as configuration and state give them: sensitive ones are in no file. Where
        none is in one, that which is asked for alone.

        RunnerError if the one that is asked for has no value because an answer was not accepted.
        """
        is_there = (Path(self.place.project) / self.place.config).is_dir()
        if not is_there and self.written is not None:
            return {}
        from runner.core.state.records import REJECTED  # noqa: PLC0415  # the slow path
        from runner.operations.outputs.evaluate import all_outputs  # noqa: PLC0415

        project = self.load()
        asked = name.partition("[")[0]
        found = all_outputs(project, (asked or None) if self.written is None else None)
        if (output := found.get(asked)) is not None:
            for address in output.rejected:
                if (name == output.name and not output.known) or address == f"completion.{name}":
                    why = REJECTED[project.moved()[0][address].status]
                    raise _rejected(name, address, why)
        return {name: out.value for name, out in found.items() if out.known}


def asked_outputs(place: ProjectPlace, load: "Callable[[], Loaded]") -> AskedOutputs:
    """The outputs beside the state of a place; from the state itself, where it is too large for
    that, or lives elsewhere and was written since.
    """
    store = _store(place)
    if store is None:
        path = Path(place.project) / place.state / "outputs.json"
        return AskedOutputs(place, load, path, outputs_json.read(path))
    path = store.directory / "outputs.json"
    held = outputs_json.read(path) if outputs_json.is_current(store) else None
    return AskedOutputs(place, load, path, held)


def _of_state(project: "Loaded") -> dict[str, Any]:
    from runner.core.expansion.outputs import shown_outputs  # noqa: PLC0415  # the slow path
    from runner.operations.outputs.evaluate import all_outputs  # noqa: PLC0415

    return dict(shown_outputs(all_outputs(project)))


def _store(place: ProjectPlace) -> "Store | None":
    """The state, where it has to be known to find its outputs; None where they stand in the usual
    place. Without the settings, whose library costs more than all else, wherever that can be.
    """
    directory = Path(place.project)
    if not directory.is_dir():
        raise error("No such directory", f'"{directory}" is no directory.')
    state = directory / place.state
    named = place.workspace is not None or "RUNNER_WORKSPACE" in environ
    linked = state.is_symlink() or (state / "outputs.json").is_symlink()
    may_be = (directory / ".env").exists() or (state / "workspaces").is_dir()
    may_be = may_be or (state / ".backend.json").exists() or "RUNNER_BACKEND_TYPE" in environ
    may_be = may_be or _may_name_one(directory / place.config)
    if named or linked or may_be or selected_workspace(directory) is not None:
        # A workspace is named, or may be in .env or in [runner]: the settings have to be read.
        # Links are refused where the whole state is.
        from runner.operations.project.places import store_of  # noqa: PLC0415

        return store_of(place)
    return None


def _may_name_one(config: Path) -> bool:
    """Whether the configuration may say which workspace or backend is meant: what it says is read
    no further, and whatever cannot be read is told by whoever reads all of it.
    """
    try:
        texts = [files.read(file) or b"" for file in config.glob("*.toml")]
        return any(word in text for text in texts for word in (b"workspace", b"backend"))
    except RunnerError:
        return True


def _part(value: Any, name: str, rest: str) -> Any:
    asked = name + rest
    if isinstance(value, dict) and "=" in rest and not rest.startswith('["'):
        from runner.core.address import selects, why_none, with_key  # noqa: PLC0415  # 2 ms

        places = {with_key(name, key): key for key in value}
        chosen = [address for address in places if selects(asked, address)]
        if not chosen:
            said = why_none(asked, places) or "A selector is [axis=value,axis=value]."
            raise error("Unknown output", f"There is no {asked}. {said}")
        return {places[address]: value[places[address]] for address in chosen}
    return _inside(value, rest, asked)


def _inside(value: Any, rest: str, name: str) -> Any:
    """The part of a value that `["key"]` or `[0]` after the name means."""
    while rest:
        try:
            key, end = json.JSONDecoder().raw_decode(rest[1:])
            value = value[key]
        except (ValueError, LookupError, TypeError, RecursionError):
            known = list(value) if isinstance(value, dict) else []
            said = f" It has {', '.join(map(str, known[:8]))}." if known else ""
            raise error("Unknown output", f"There is no {name}.{said}") from None
        rest = rest[end + 2 :]
    return value


def _rejected(name: str, address: str, why: str) -> Exception:
    return error(
        "Answer was not accepted",
        f"{name} has no value: the answer of {address} came and was kept, but {why}. "
        f"`runner show {shlex.quote(address)}` shows it; the next `runner apply` asks again.",
    )


def _unknown(name: str, held: dict[str, Any], path: Path) -> Exception:
    near = closest(name, list(held))
    if near:
        hint = f' Did you mean "{near}"?'
    elif held:
        hint = there_are(held)
    else:
        hint = f" {path} has none yet: `runner apply` writes them."
    return error("Unknown output", f'There is no output "{name}".{hint}')
