"""The way to the server of a batch."""

from typing import TYPE_CHECKING

from runner.core.state.sent_batches import SentBatch
from runner.errors import error
from runner.operations.reading.loaded import Loaded

if TYPE_CHECKING:
    from runner.io.providers.openai.batch_api import BatchAPI
    from runner.operations.connecting.connections import Connections


async def asked_through(
    project: Loaded, sent: SentBatch, held: "Connections"
) -> tuple["BatchAPI", float]:
    """The way to a batch: by what the configuration says of its provider, never by the journal."""
    own = project.providers.get(sent.provider)
    names = [name for name, one in project.providers.items() if one.identity == sent.identity]
    if own is not None and own.identity == sent.identity:
        names = [sent.provider]
    if not names:
        raise error(
            "Provider is gone",
            f"no provider of the configuration is {sent.identity}. Declare it again, or forget the "
            "batch.",
        )
    return await held.batch_api(names[0])
