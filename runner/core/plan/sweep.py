"""What would be asked for is looked for farther away first: all of a batch at once, since each look
takes its time there.
"""

from collections.abc import Iterator, Sequence

from runner.core.plan.actions import Decision, Issue
from runner.core.plan.decide import decide, decide_again
from runner.core.plan.known import Known
from runner.core.plan.walk import Vertex
from runner.errors import RunnerError


def decide_swept(
    batch: Sequence[Vertex], known: Known
) -> Iterator[tuple[Vertex, Decision | RunnerError]]:
    """As `decide`, with the answers that the sweep brings."""
    if known.sweep is None:
        yield from decide(batch, known)
        return
    waiting: list[tuple[Vertex, Issue]] = []
    for vertex, made in decide(batch, known):
        if isinstance(made, Issue):
            waiting.append((vertex, made))
        else:
            yield vertex, made
    while waiting:
        found = known.sweep([(made.fingerprint, made.sample) for _, made in waiting])
        left: list[tuple[Vertex, Issue]] = []
        for vertex, made in waiting:
            is_found = (made.fingerprint, made.sample) in found
            again = decide_again(vertex, made, known) if is_found else made
            if is_found and isinstance(again, Issue):  # paid for, and not what is wanted
                left.append((vertex, again))
            else:
                yield vertex, again
        waiting = left
