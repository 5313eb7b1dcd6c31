"""The floor: the least that a program would do for the same work, each in a process of its own.

`requests URL BODIES ANSWERS LIMIT` sends each line of a file and writes the answers to another;
`rows CSV STATE` reads the rows and the records that a plan compares; `state read|write FILE`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


def requests(url: str, bodies: str, answers: str, limit: str) -> None:
    """A bare aiohttp loop: a task a request, as many connections as the limit."""
    import asyncio  # each floor pays for its own imports only  # noqa: PLC0415

    import aiohttp  # noqa: PLC0415
    import orjson  # noqa: PLC0415

    async def send_all(lines: IO[bytes], out: IO[bytes]) -> None:
        gate = asyncio.Semaphore(int(limit))
        connector = aiohttp.TCPConnector(limit=int(limit))
        headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

            async def send(body: bytes) -> None:
                async with gate, session.post(url, data=body) as response:
                    answer = orjson.loads(await response.read())
                    out.write(orjson.dumps(answer) + b"\n")

            await asyncio.gather(*(send(line.rstrip(b"\n")) for line in lines))

    with Path(bodies).open("rb") as lines, Path(answers).open("wb") as out:
        asyncio.run(send_all(lines, out))


def rows(table: str, state: str) -> None:
    """Reads a CSV file, and each record of a state; digests as many bodies."""
    import csv  # noqa: PLC0415
    from hashlib import sha256  # noqa: PLC0415

    import orjson  # noqa: PLC0415

    with Path(table).open(encoding="utf-8", newline="") as lines:
        given = {row[0]: row for row in csv.reader(lines)}
    same = 0
    for record in _records(Path(state)):
        sha256(orjson.dumps(record["request"])).hexdigest()
        same += record["address"].split('"')[1] in given
    sys.stdout.write(f"{same}\n")


def state(what: str, name: str) -> None:
    """Parses every record of a state; for `write`, writes them to a file beside it, synced."""
    import os  # noqa: PLC0415

    import orjson  # noqa: PLC0415

    records = [*_records(Path(name))]
    if what == "write":
        with Path(f"{name}.bare").open("wb") as out:
            out.writelines(orjson.dumps(record) + b"\n" for record in records)
            out.flush()
            os.fsync(out.fileno())


def _records(state: Path) -> Iterator[dict[str, Any]]:
    """The records of a state, be it one file or in shards."""
    import orjson  # noqa: PLC0415

    for path in (state, *sorted((state.parent / "records").glob("*.jsonl"))):
        for line in path.read_bytes().split(b"\n"):
            if line.startswith(b'{"address"'):
                yield orjson.loads(line.rstrip(b","))


def nothing() -> None:
    """Python itself."""


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
