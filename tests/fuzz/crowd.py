"""Odd answers beside good ones in one project: `python -m tests.fuzz.crowd --count 5000`.

Whatever came, each good answer is kept, and every command works on what was kept: also on what
only the cache still has.
"""

import argparse
import json
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from itertools import islice
from typing import Any

import tomli_w

from tests.fuzz.answers import Server
from tests.fuzz.kinds import ENV, bench
from tests.fuzz.odd_answers import BODIES, more_bodies
from tests.fuzz.trying import BrokenError, Folder, Told

GOOD = 19
_BATCH = 100


def _project(number: int, *, stream: bool) -> dict[str, Any]:
    keys = [str(key) for key in range(number)]
    said = {"role": "user", "content": "<{{ each.key }}>"}
    rule = {"condition": "{{ self.finish_reason != 'never' }}", "error_message": "{{ self.id }}"}
    all_of = "{{ completion.odd[each.key].response | tojson | length }}"
    return {
        "provider": {
            "openai": {
                "max_retries": 0,
                "timeout": 30,
                "tokens_per_minute": 10**9,
                "defaults": {"model": "gpt-4o"},
            }
        },
        "completion": {
            "good": {"count": GOOD, "messages": [{"role": "user", "content": "{{ count.index }}"}]},
            "odd": {
                "for_each": keys,
                "stream": stream,
                "messages": [said],
                "lifecycle": {"postcondition": [rule]},
            },
            "after": {"for_each": keys, "messages": [{"role": "user", "content": all_of}]},
        },
        "output": {"said": {"value": "{{ completion.odd }}", "file": "out/said.json"}},
    }


def attempt(folder: Folder, server: Server, bodies: Sequence[bytes], *, stream: bool) -> None:
    """BrokenError where a command does what none may, or a good answer is lost."""
    tables = _project(len(bodies), stream=stream)
    folder.fill({"configs/main.toml": tomli_w.dumps(tables).encode()})
    server.bodies = list(bodies)
    env = {**ENV, "OPENAI_BASE_URL": server.url}
    report = folder.path.with_name("junit.xml")
    try:
        folder.run("apply", "--auto-approve", "--json", f"--junit={report}", env=env)
        ET.parse(report)  # ours
        _look(folder, env)
        held = json.loads(folder.reads("show", "--json", env=env).out)
        _count(held)
        folder.path.joinpath("state/state.json").unlink()
        _expect(folder.reads("plan", env=env), 0)
        folder.run("apply", "--auto-approve", env=env)
        again = json.loads(folder.reads("show", "--json", env=env).out)
        if not _answers(held).items() <= _answers(again).items():
            raise BrokenError("an answer that was kept is lost", "")
    finally:
        server.bodies = []
        report.unlink(missing_ok=True)


def _look(folder: Folder, env: dict[str, str]) -> None:
    """Every command that reads; what should be JSON is."""
    _expect(folder.reads("plan", "--full", env=env), 0)
    for verb in (("show",), ("state", "list"), ("output",), ("show", 'completion.odd["0"]')):
        folder.reads(*verb, env=env)
    for line in folder.reads("plan", "--json", env=env).out.splitlines():
        json.loads(line)
    for verb in (("show", "--json"), ("output", "--json")):
        json.loads(_expect(folder.reads(*verb, env=env), 0).out)


def _expect(told: Told, status: int) -> Told:
    if told.status != status:
        raise BrokenError(f"a command ends with {told.status}", told.err[-2000:])
    return told


def _answers(state: Any) -> dict[str, str]:
    return {record["address"]: json.dumps(record["response"]) for record in state["records"]}


def _count(state: Any) -> None:
    kept = sum(address.startswith("completion.good") for address in _answers(state))
    if kept != GOOD:
        raise BrokenError(f"{GOOD - kept} of {GOOD} good answers are lost", "")


def main(arguments: Sequence[str] | None = None) -> int:
    """All of the hand-made ones, then `--count` random ones; 1 if anything broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    said = parser.parse_args(arguments)
    random = list(islice(more_bodies(said.seed), said.count))
    batches = [random[at : at + _BATCH] for at in range(0, len(random), _BATCH)]
    found: list[str] = []
    with bench() as held:
        for number, batch in enumerate([list(BODIES), *batches]):
            for stream in (False, True):
                try:
                    attempt(held.folder, held.server, batch, stream=stream)
                except BrokenError as exc:
                    found.append(f"batch {number}, stream {stream}: {exc}")
                    sys.stdout.write(f"{found[-1]}\n")
    sys.stdout.write(f"seed {said.seed}: {len(BODIES) + len(random)} bodies, {len(found)} faults\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
