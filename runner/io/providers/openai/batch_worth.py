"""What a line of a batch is worth: an answer, a refusal, or another try."""

import time

from msgspec import Struct

from runner.core.api.batches import BatchLine
from runner.core.api.exchange import Failure
from runner.io.providers.openai import bodies
from runner.io.providers.openai.bodies import Said
from runner.io.providers.openai.outcomes import Good, judged
from runner.io.providers.openai.retry import classify
from runner.io.providers.openai.wire import Reply

_NEVER_ASKED = frozenset(("batch_expired", "batch_cancelled"))


class Again(Struct, frozen=True):
    """It is asked for once more, for this reason; `billed` says that it may have been paid for."""

    why: str
    billed: bool = False


NOWHERE = Again("the batch has no line of it", billed=True)
"""What became of a request of which no file has a line, whatever was counted."""


def worth(line: BatchLine) -> Good | Failure | Again:
    """What became of a request."""
    if line.is_good and not line.error:
        found = judged(Reply(line.status, {}, line.body), None, chat=True)
        return found if isinstance(found, Good) else _refused(found.said, billed=True)
    return _refused(_said(line), billed=False)


def _said(line: BatchLine) -> Said:
    if line.error:
        return bodies.said_by(line.status, line.error)
    return bodies.said(line.status, line.body, "the batch gives no reason")


def _refused(said: Said, *, billed: bool) -> Failure | Again:
    if said.status == 0 or said.code in _NEVER_ASKED:
        return Again(said.message)
    verdict = classify(said, {}, time.time())
    if verdict.action in ("retry", "wait"):
        return Again(said.message, billed)
    return Failure(
        said.message,
        status=said.status,
        type=said.type,
        code=said.code,
        maybe_billed=int(billed),
        fatal=verdict.action == "fatal",
    )
