"""`runner output`: one output, or all; read from outputs.json, so that it is quick."""

import argparse
import json
import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.cli.streams import harmless
from runner.core.suggest import closest, there_are
from runner.errors import RunnerError, error
from runner.operations import outputs_json

if TYPE_CHECKING:
    from runner.core.expansion.outputs import OutputValue
    from runner.operations.loaded import Loaded


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for."""
    path = _path(arguments)
    held = outputs_json.read(path)
    if arguments.name is None:
        if not held and not arguments.json:
            sys.stderr.write(f"{_why_none(arguments, path)}\n")
        else:
            _all(held, as_json=arguments.json)
        return 0
    name, bracket, rest = arguments.name.partition("[")
    if name not in held:
        held = {**held, **_evaluated(arguments, name)}
    if name not in held:
        raise _unknown(name, held, path)
    try:
        value = _inside(held[name], bracket + rest, arguments.name)
    except RunnerError:
        _evaluated(arguments, arguments.name)  # says so if the answer was not accepted
        raise
    _one(value, raw=arguments.raw, as_json=arguments.json)
    return 0


def _path(arguments: argparse.Namespace) -> Path:
    from os import environ  # noqa: PLC0415  # the settings' library costs more than this command

    directory = Path(arguments.chdir)
    if not directory.is_dir():
        raise error("No such directory", f'"{directory}" is no directory.')
    state = directory / str(arguments.state)
    named = arguments.workspace is not None or "RUNNER_WORKSPACE" in environ
    linked = state.is_symlink() or (state / "outputs.json").is_symlink()
    if named or linked or (directory / ".env").exists() or (state / "workspaces").is_dir():
        # A workspace is named, or may be in .env or in [runner]: the settings have to be read.
        # Links are refused where the whole state is.
        from runner.cli.parser.options import place_of  # noqa: PLC0415
        from runner.operations.places import store_of  # noqa: PLC0415

        return store_of(place_of(arguments)).directory / "outputs.json"
    return state / "outputs.json"


def _all(held: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(held, indent=2, ensure_ascii=False, sort_keys=True) + "\n")
        return
    for name, value in held.items():
        sys.stdout.write(harmless("\n".join(_lines(name, value)) + "\n"))


def _why_none(arguments: argparse.Namespace, path: Path) -> str:
    """Why there are no outputs: nothing was applied yet, or no answer was accepted."""
    refused: set[str] = set()
    if path.with_name("state.json").exists():
        with suppress(RunnerError):  # a mistake in the configuration is plan's to tell
            refused = {one for out in _outputs(arguments)[1].values() for one in out.rejected}
    if not refused:
        return "There are no outputs yet: `runner apply` writes them."
    from runner.core.address import first_few, in_order  # noqa: PLC0415  # the slow path

    named = in_order(refused)
    return (
        f"There are no outputs: of {first_few(named, 5)} no answer was accepted. `runner show "
        f"{shlex.quote(named[0])}` shows what came; the next `runner apply` asks again."
    )


def _outputs(arguments: argparse.Namespace) -> tuple["Loaded", Mapping[str, "OutputValue"]]:
    """The project, and its outputs as it and its state give them."""
    from runner.cli.commands.reading import read  # noqa: PLC0415
    from runner.operations.evaluate import all_outputs  # noqa: PLC0415  # the slow path

    project = read(arguments)
    return project, all_outputs(project)


def _lines(name: str, value: Any) -> list[str]:
    if isinstance(value, str) and "\n" in value:
        return [f"{name} = <<EOT", *value.removesuffix("\n").split("\n"), "EOT"]
    indent = 2 if isinstance(value, dict | list) else None
    return [f"{name} = {json.dumps(value, indent=indent, ensure_ascii=False)}"]


def _one(value: Any, *, raw: bool, as_json: bool) -> None:
    if as_json:
        text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    elif isinstance(value, str):
        text = value if raw else value + "\n"
    elif raw and isinstance(value, dict | list | None):
        raise error(
            "Not text",
            "--raw prints text, a number or a bool, and this output is none of these. Use --json.",
        )
    else:
        text = json.dumps(value, indent=2, ensure_ascii=False) + ("" if raw else "\n")
    sys.stdout.write(text)


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


def _evaluated(arguments: argparse.Namespace, name: str) -> dict[str, Any]:
    """The outputs as configuration and state give them: sensitive ones are in no file.

    RunnerError if the one that is asked for has no value because an answer was not accepted.
    """
    config = Path(arguments.chdir) / arguments.config
    if not config.is_dir():
        return {}
    from runner.core.state.records import REJECTED  # noqa: PLC0415  # the slow path

    project, found = _outputs(arguments)
    if (output := found.get(name.partition("[")[0])) is not None:
        for address in output.rejected:
            if (name == output.name and not output.known) or address == f"completion.{name}":
                why = REJECTED[project.moved()[0][address].status]
                raise _rejected(name, address, why)
    return {name: out.value for name, out in found.items() if out.known}


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
