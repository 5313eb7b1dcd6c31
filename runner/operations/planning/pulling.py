"""Answers of the team, taken before they are needed."""

from collections.abc import Sequence

from msgspec import Struct

from runner.core.plan.targets import Choice
from runner.errors import error
from runner.operations.caches.sharing import shared_answers
from runner.operations.planning.plan import planned
from runner.operations.reading.loaded import Loaded


class PulledAnswers(Struct, frozen=True):
    """So many came from the team's store of this name."""

    name: str
    taken: int


def pull(project: Loaded, addresses: Sequence[str]) -> PulledAnswers:
    """Take all answers that the team has to what would be asked for, or to that at some addresses.
    RunnerError where there is nothing to take them from, or it cannot be used.
    """
    shared = shared_answers(project)
    if shared is None or not shared.reads:
        raise error(
            "No shared cache",
            "There is no [runner.cache] that answers are taken from. `runner docs cache` tells "
            "how to write one.",
        )
    planned(project, choice=Choice(targets=tuple(addresses)))
    if shared.failure is not None:
        raise shared.failure
    return PulledAnswers(shared.name, shared.taken)
