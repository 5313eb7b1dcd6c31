"""The cache that a team shares: which one a project means, and how it is opened."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from runner.core.modules.folder import Blocks
from runner.core.request.shared_cache import SharedSettings, shared_settings
from runner.core.secrets.trust import BackendDoor, Door
from runner.errors import error
from runner.operations.options import ProjectPlace
from runner.operations.project.backends import closed_door, object_place, place_door
from runner.operations.project.places import backend_of, project_directory

if TYPE_CHECKING:
    from runner.io.cache.shared import SharedAnswers

_PREFIX = "RUNNER_CACHE_"
_NAMES = ("url", "read", "write")


def shared_settings_of(place: ProjectPlace, blocks: Blocks) -> SharedSettings | None:
    """What configuration and environment say together; None where no answers are shared.
    RunnerError for what is no cache.
    """
    block = blocks.of("runner").get("runner")
    table = {} if block is None else block.table.get("cache")
    given = _from_environment()
    if not isinstance(table, dict) or (block is None or "cache" not in block.table):
        if "url" not in given:
            return None
        table = {}
    backend = None if "url" in {**table, **given} else backend_of(place, blocks).now
    found = shared_settings(table, given, backend)
    if isinstance(found, str):
        where = None if block is None else block.where(("cache",) if "cache" in block.table else ())
        raise error("Invalid cache", found, where)
    return found


def cache_doors(place: ProjectPlace, blocks: Blocks) -> Iterator[Door]:
    """What the user has to say yes to before anything is asked of the cache, if there is one."""
    settings = shared_settings_of(place, blocks)
    door = None if settings is None else place_door(settings.at, project_directory(place))
    if door is not None:
        yield door


def closed_cache_door(settings: SharedSettings, place: ProjectPlace) -> BackendDoor | None:
    """What the user has to say yes to before anything is asked of it, and has not."""
    return closed_door(settings.at, project_directory(place), place.trust)


def open_shared(settings: SharedSettings, place: ProjectPlace) -> "SharedAnswers":
    """The answers there; nothing is asked for yet. RunnerError where a key is not set."""
    from runner.io.cache.shared import SharedAnswers  # noqa: PLC0415  # most projects share none
    from runner.io.objects import Objects  # noqa: PLC0415

    where = object_place(settings.at, project_directory(place))
    contact = Objects(where, is_patient=False)
    return SharedAnswers(Objects(where), contact, reads=settings.reads, pushes=settings.pushes)


def _from_environment() -> dict[str, str]:
    """Of the shell alone: a file of the project sets none of these."""
    held = {name: os.environ.get(f"{_PREFIX}{name.upper()}") for name in _NAMES}
    return {name: value for name, value in held.items() if value}
