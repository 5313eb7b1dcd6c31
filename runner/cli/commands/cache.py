"""`runner cache`: how much it holds, and how to fill it or make it smaller."""

import argparse
import sys

from runner.cli.commands.reading import read
from runner.cli.parser.options import place_of
from runner.cli.terminal.asking import approved
from runner.cli.views.problems import tell_warnings
from runner.errors import counted
from runner.io.cache.upkeep import Info
from runner.operations.caches.cache import ProjectCache, cache_of
from runner.operations.recorded.revisions import source_of


def run(arguments: argparse.Namespace) -> int:
    """One of info, push, pull, import, prune and clear."""
    if arguments.action == "pull":
        return _pull(arguments)
    cache = cache_of(place_of(arguments))
    match arguments.action:
        case "info":
            return _info(cache)
        case "push":
            return _push(arguments, cache)
        case "import":
            return _import(arguments, cache)
        case _ if not cache.is_there:
            sys.stderr.write(f"There is no cache in {cache.directory}: nothing to do.\n")
            return 0
        case "prune":
            return _prune(arguments, cache)
        case _:
            return _clear(arguments, cache)


def _info(cache: ProjectCache) -> int:
    found = cache.info()
    sys.stdout.write(
        f"directory   {cache.directory}\n"
        f"answers     {found.entries}\n"
        f"bytes       {found.bytes}\n"
        f"on the disk {found.file_bytes}\n"
    )
    shared = cache.shared_info()
    if shared is not None and shared.failure is None:
        sys.stdout.write(
            f"not pushed  {found.unpushed}\n"
            f"\nshared      {shared.name}\n"
            f"answers     {shared.entries}\n"
            f"bytes       {shared.bytes}\n"
        )
    elif shared is not None:
        sys.stdout.write(f"not pushed  {found.unpushed}\n\nshared      {shared.name}\n")
        sys.stderr.write(f"It cannot be used: {shared.failure}\n")
    return 0


def _push(arguments: argparse.Namespace, cache: ProjectCache) -> int:
    for given in cache.push(everything=arguments.all):
        if not given.is_all:
            sys.stderr.write(f"{counted(given.there + given.theirs, 'answer')} so far.\n")
    if not given.there and not given.theirs:
        sys.stderr.write(f"There is nothing to push to {given.name}.\n")
        return 0
    are = "is" if given.there == 1 else "are"
    sys.stderr.write(f"{counted(given.there, 'answer')} {are} in {given.name} now.\n")
    if given.theirs:
        sys.stderr.write(
            f"To {counted(given.theirs, 'request')} it had another answer already: theirs stays "
            "there, yours here.\n"
        )
    return 0


def _pull(arguments: argparse.Namespace) -> int:
    from runner.operations.planning.pulling import pull  # noqa: PLC0415  # the engine

    project = read(arguments)
    found = pull(project, arguments.addresses)
    tell_warnings(project)
    sys.stderr.write(f"{counted(found.taken, 'answer')} came from {found.name}.\n")
    return 0


def _import(arguments: argparse.Namespace, cache: ProjectCache) -> int:
    taken = cache.take(source_of(cache.place, arguments.source))
    kept = taken.kept
    number = counted(kept.new + kept.there, "answer")
    said = [
        f"{number} of {taken.name}: {kept.new} new in the cache, {kept.there} there already.",
        "A plan that asks for the same takes them from there.",
    ]
    if taken.masked:
        said.append(
            f"{taken.masked} of them {'was' if taken.masked == 1 else 'were'} asked for with "
            "sensitive values, which no state holds: they are found where those are the same."
        )
    if taken.sources:
        said.append(f"{counted(taken.sources, 'data source')} left out: an apply reads it anew.")
    sys.stderr.writelines(f"{line}\n" for line in said)
    return 0


def _prune(arguments: argparse.Namespace, cache: ProjectCache) -> int:
    about = "Every answer that no record of any workspace refers to is dropped from the cache."
    if not approved(arguments, "Do you want to prune the cache?", about):
        return 1
    _tell(cache.prune())
    return 0


def _clear(arguments: argparse.Namespace, cache: ProjectCache) -> int:
    about = (
        "Every answer is dropped from the cache. Those that a state records are kept there; all "
        "others would be paid again."
    )
    if not approved(arguments, "Do you want to clear the cache?", about):
        return 1
    gone = cache.clear()
    if gone is None:
        said = f"Removed {cache.file}, which could not be read as a cache of the runner's"
        sys.stderr.write(f"{said}; the answers in it were not counted.\n")
    else:
        _tell(gone)
    return 0


def _tell(gone: Info) -> None:
    sys.stderr.write(f"Dropped {counted(gone.entries, 'answer')} ({gone.bytes} bytes).\n")
