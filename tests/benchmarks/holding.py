"""The runner's own doors, each alone: `state read|write DIR`, `cache DIR NUMBER LIMIT`."""

import sys
from pathlib import Path


def state(what: str, directory: str) -> None:
    """Loads a state; for `write`, writes it again with one record changed."""
    from dataclasses import replace  # each measurement pays for its own imports  # noqa: PLC0415

    from tests.harness.states import local_store  # noqa: PLC0415

    store = local_store(Path(directory))
    held = store.load()
    assert held is not None
    if what == "write":
        address, record = next(iter(held.records.items()))
        changed = replace(record, attempts=record.attempts + 1, line=None)
        store.write(replace(held, records={**held.records, address: changed}))


def cache(directory: str, number: str, limit: str) -> None:
    """Saves so many answers of 2 KB, each durable before its place is free for the next."""
    import asyncio  # noqa: PLC0415

    from runner.io.cache.writer import Cache  # noqa: PLC0415

    value = b'"' + b"x" * 2046 + b'"'

    async def save_all() -> None:
        numbers = iter(range(int(number)))
        async with Cache(Path(directory)) as opened:

            async def save_some() -> None:
                for i in numbers:
                    await opened.save(f"{i:064}:0", value)

            await asyncio.gather(*(save_some() for _ in range(int(limit))))

    asyncio.run(save_all())


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
