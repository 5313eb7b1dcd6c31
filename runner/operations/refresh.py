"""Whether what the servers stored is still there: told, and never taken out of the state."""

import asyncio

from runner.core.address import first_few, in_order
from runner.core.api.exchange import Failure
from runner.core.request.server_store import is_stored, keeper, stored_id
from runner.errors import Problem, sentence
from runner.operations.blocking import run_to_end
from runner.operations.connections import connections, prepare
from runner.operations.loaded import Loaded
from runner.operations.plan import Planned

_SHOWN = 10


def vanished(project: Loaded, made: Planned) -> list[Problem]:
    """Warnings for stored completions that their servers do not have, or do not tell of."""
    records = made.plan.known.records
    wanted = [
        address
        for address in in_order(records)
        if is_stored(records[address]) and made.plan.chosen(address)
    ]
    if not wanted:
        return []
    providers = {address: keeper(records[address], project.providers) for address in wanted}
    gone = [
        Problem(
            "Provider is not declared",
            f"{address} was stored at {records[address].identity}, and no provider of the "
            "configuration leads there; whether it still has it cannot be asked.",
            severity="warning",
        )
        for address, name in providers.items()
        if name is None
    ]
    known = {address: name for address, name in providers.items() if name is not None}
    prepare(project, set(known.values()))
    found = run_to_end(
        _look(project, {a: (name, stored_id(records[a])) for a, name in known.items()})
    )
    missing = [address for address, failure in found.items() if failure.status == 404]
    if missing:
        gone.append(_missing(missing))
    gone += [
        Problem("Cannot refresh", f"{address}: {sentence(failure.in_full)}", severity="warning")
        for address, failure in found.items()
        if failure.status != 404
    ]
    return gone


async def _look(project: Loaded, asked: dict[str, tuple[str, str]]) -> dict[str, Failure]:
    async with connections(project) as doors:

        async def one(address: str) -> tuple[str, object]:
            return address, await doors.look(*asked[address])

        answers = await asyncio.gather(*map(one, asked))
    return {address: got for address, got in answers if isinstance(got, Failure)}


def _missing(addresses: list[str]) -> Problem:
    return Problem(
        "Stored completion is gone",
        f"The server no longer has the stored completion of {first_few(addresses, _SHOWN)}. "
        f"The recorded answer is kept, and nothing is issued for it; "
        f"to have it stored anew, which costs a request: "
        f"--replace '{addresses[0]}'",
        severity="warning",
    )
