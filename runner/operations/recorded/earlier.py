"""The state that the one of now is compared with."""

from dataclasses import replace

from runner.errors import Problem
from runner.operations.reading.loaded import Loaded
from runner.operations.recorded.revisions import StateAt, sources_of, state_at


def earlier_state(project: Loaded, against: str) -> StateAt:
    """The state that the one of now is compared with, at today's addresses; that there is none is a
    warning.
    """
    place = project.options.place
    found = state_at(place, sources_of(place, [against])[0])
    if found.missing is not None:
        said = f"{found.missing} Everything is new against it."
        project.warnings.append(Problem("Nothing to compare with", said, None, "warning"))
    records = project.at_todays_addresses(found.state.records)
    return replace(found, state=replace(found.state, records=records))
