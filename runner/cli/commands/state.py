"""`runner state`: look at records and change their addresses, without a request."""

import argparse
import json
import shlex
import sys
from typing import TYPE_CHECKING

from runner.cli.parser.options import options_of, place_of, secrets_of
from runner.cli.streams import named_or_piped, put
from runner.cli.views.problems import report
from runner.errors import counted
from runner.operations.recorded.records import addresses_of, kept_states, state_file

if TYPE_CHECKING:
    from runner.operations.applying.finish import Refreshed


def run(arguments: argparse.Namespace) -> int:
    """One of list, show, mv, rm, resolve, pull and push."""
    match arguments.action:
        case "list":
            return _list(arguments)
        case "show":
            from runner.cli.commands.show import show_records  # noqa: PLC0415  # prices

            return show_records(arguments, arguments.address)
        case "mv":
            return _mv(arguments)
        case "rm":
            return _rm(arguments)
        case "resolve":
            return _resolve(arguments)
        case "pull":
            return _pull(arguments)
        case _:
            return _push(arguments)


def _push(arguments: argparse.Namespace) -> int:
    from runner.operations.states.push import Replaced, push  # noqa: PLC0415  # the cache's library

    options, secrets = options_of(arguments), secrets_of(arguments)
    pushed = push(options, secrets, named_or_piped(arguments.file), force=arguments.force)
    name, place, done = pushed.file, pushed.place, pushed.done
    if isinstance(done, Replaced):
        said = f"serial {done.state.serial}, {counted(len(done.state.records), 'record')}"
        sys.stderr.write(f"{place} is now what {name} holds ({said}).\n")
    else:
        if done.cut_off:
            sys.stderr.write(f"The last line of {name} is cut off: one answer in it is lost.\n")
        sys.stderr.write(
            f"{counted(done.answers, 'answer')}: {done.new_in_state} new in {place}, "
            f"{done.new_in_cache} new in the cache. Nothing of this is paid again.\n"
        )
    _tell(pushed.outputs, arguments)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    if arguments.all_serials:
        return _serials(arguments)
    chosen = addresses_of(place_of(arguments), arguments.patterns)
    if arguments.json:
        sys.stdout.write(json.dumps([*chosen], indent=2, ensure_ascii=False) + "\n")
        return 0
    sys.stdout.writelines(f"{address}\n" for address in chosen)
    return 0


def _serials(arguments: argparse.Namespace) -> int:
    found = kept_states(place_of(arguments))
    if arguments.json:
        told = [{"serial": one.serial, "written": one.written, "size": one.size} for one in found]
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return 0
    for one in found:
        sys.stdout.write(f"{one.serial:>6}  {one.written}  {one.size:>12,} bytes\n")
    return 0


def _pull(arguments: argparse.Namespace) -> int:
    put(state_file(place_of(arguments), arguments.serial))
    return 0


def _rm(arguments: argparse.Namespace) -> int:
    from runner.operations.states.edits import remove  # noqa: PLC0415  # only writers

    edited = remove(options_of(arguments), secrets_of(arguments), arguments.patterns)
    for address, _ in edited.changed:
        sys.stderr.write(f"Removed {address}\n")
    sys.stderr.write(f"{counted(len(edited.changed), 'record')} removed from {edited.place}.\n")
    _tell(edited.outputs, arguments)
    return 0


def _mv(arguments: argparse.Namespace) -> int:
    from runner.operations.states.edits import move  # noqa: PLC0415  # only writers

    secrets = secrets_of(arguments)
    edited = move(options_of(arguments), secrets, arguments.source, arguments.target)
    for old, new in edited.changed:
        sys.stderr.write(f"Moved {old} to {new}\n")
    sys.stderr.write(f"{counted(len(edited.changed), 'record')} moved in {edited.place}.\n")
    _tell(edited.outputs, arguments)
    return 0


def _resolve(arguments: argparse.Namespace) -> int:
    from runner.operations.states.resolving import resolve_conflicts  # noqa: PLC0415  # only after a merge

    done = resolve_conflicts(options_of(arguments), secrets_of(arguments))
    for address in done.asked:
        sys.stderr.write(f"{address} has the answer that the configuration asks for\n")
    for address in done.undecided:
        sys.stderr.write(f"{address} has the answer of ours; a plan says what it asks for\n")
    sys.stderr.write(
        f"{done.place} is whole again, and {counted(done.cached, 'answer')} of both sides are in "
        f"the cache: nothing is paid again. Tell git: git add {shlex.join(done.files)}\n"
    )
    _tell(done.outputs, arguments)
    return 0


def _tell(outputs: "Refreshed", arguments: argparse.Namespace) -> None:
    for content in outputs.unsaved:
        put(content)
    if outputs.stale is not None:
        report([outputs.stale], arguments.secrets)
