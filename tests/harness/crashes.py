"""kill -9 of an apply, again and again, and what each of them cost."""

import random
import time
from collections.abc import Callable
from pathlib import Path

from tests.harness.project import HANG, Process, Project, completion, prompts, provider
from tests.harness.server import FakeAPI

CONCURRENCY = 32


class Crashes:
    """One project of `total` completions whose applies are killed until it is whole; `more` are
    further lines of their block.

    `kills` counts those that met a running apply; `twice` has, for each apply that sent anything,
    how many of its requests had been sent before.
    """

    def __init__(self, directory: Path, api: FakeAPI, total: int, *more: str) -> None:
        self.project = Project(directory)
        self.kills = 0
        self.twice: list[int] = []
        self._api, self._total = api, total
        self._sent: set[str] = set()
        self._seen = 0
        block = completion("many", "number {{ count.index }}", f"count = {total}", *more)
        self.project.write(provider(api) + block)

    def kill(self, due: Callable[[int, float], bool]) -> bool:
        """Starts an apply and kills it when `due(requests since, seconds since)`; False if it
        ended first.
        """
        process = self._start()
        before, began = len(self._api.requests), time.monotonic()
        while process.poll() is None:
            if due(len(self._api.requests) - before, time.monotonic() - began):
                process.kill()
                break
            time.sleep(0.001)
        killed = process.wait() == -9
        process.communicate()
        self._settle()
        self.kills += killed
        self._check()
        return killed

    def finish(self) -> int:
        """The apply that is let be; how many requests it sent."""
        before = len(self._api.requests)
        process = self._start()
        out, err = process.communicate(timeout=HANG)
        assert process.returncode == 0, err
        self._account()
        self._check()
        answers = self.project.outputs["many"]
        assert answers == [f"echo: number {i}" for i in range(self._total)], out
        return len(self._api.requests) - before

    def _start(self) -> Process:
        flags = ("--auto-approve", "--concurrency", str(CONCURRENCY))
        return self.project.start("apply", *flags)

    def _settle(self) -> None:
        """The server may still be reading what was sent before the kill."""
        self._api.settle()
        self._account()

    def _account(self) -> None:
        asked = prompts(self._api)
        new, self._seen = asked[self._seen :], len(asked)
        assert len(new) == len(set(new)), "one apply sent the same request twice"
        if new:
            self.twice.append(len(self._sent.intersection(new)))
        self._sent.update(new)

    def _check(self) -> None:
        """State and outputs are whole, or not there yet; no output is ahead of its record."""
        records = self.project.records.values()
        if (self.project.directory / "state/outputs.json").exists():
            held = {record["response"]["choices"][0]["message"]["content"] for record in records}
            assert held.issuperset(self.project.outputs.get("many", []))


def after_requests(number: int) -> Callable[[int, float], bool]:
    """Due when so many requests have come."""
    return lambda requests, _: requests >= number


def after_seconds(seconds: float) -> Callable[[int, float], bool]:
    """Due at a moment, whatever is happening then: also before the first request, or while the
    state is written.
    """
    return lambda _, passed: passed >= seconds


def at_random(source: random.Random, total: int, seconds: float) -> Callable[[int, float], bool]:
    """One or the other."""
    if source.random() < 0.5:
        return after_requests(source.randrange(total))
    return after_seconds(source.uniform(0.1, seconds))
