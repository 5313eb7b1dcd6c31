"""Doors that are opened before a project is loaded: a person is asked, and a yes is kept."""

from collections.abc import Iterable
from pathlib import Path

from runner.core.secrets.trust import Door, as_table, from_table, ordered
from runner.errors import Problem, Untrusted
from runner.io.trust import trust, trusted
from runner.operations.options import ProjectPlace
from runner.operations.project.backends import is_closed, refusal_of_door
from runner.operations.project.places import project_directory, same_place
from runner.operations.reading.loaded import Ask


def admit_door(place: ProjectPlace, door: Door, ask: Ask | None) -> None:
    """Untrusted, unless the user says, or said, that something may go through a door."""
    project = project_directory(place)
    if not is_closed(door, project, place.trust):
        return
    again = f"{same_place(place)} init"
    if ask is None:
        raise refusal_of_door(door, again)
    if not ask((door,)):
        said = f'You did not say "yes", so nothing was sent. `{again}` asks again.'
        raise Untrusted(Problem("Not trusted", said))
    keep_open(project, (door,))


def keep_open(project: Path, doors: Iterable[Door]) -> None:
    """The user says yes to these from now on, beside those that were said yes to before, and what a
    newer version knows.
    """
    tables = trusted(project)
    foreign = [table for table in tables if from_table(table) is None]
    held = [door for door in map(from_table, tables) if door is not None]
    trust(project, [*map(as_table, ordered([*doors, *held])), *foreign])
