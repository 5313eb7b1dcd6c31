"""Tries bad input for a while and says what it found: `python -m tests.fuzz --minutes 5`.

Each kind gets its turn in small batches until the time is up; those that cost little get more
inputs. A fault is shown once, with the smallest input that led to it; the exit status is 1 if there
was any.
"""

import argparse
import faulthandler
import sys
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import HypothesisWarning

from tests.fuzz.kinds import Bench, Kind, bench, kinds
from tests.fuzz.trying import BrokenError

_STUCK = 120  # seconds without a sign: the process is in a library's own code, and leaves
_SHOWN = 1500


@dataclass(slots=True)
class Found:
    """What was tried, and the faults by their sign: how often, and the smallest input."""

    tried: Counter[str] = field(default_factory=Counter)
    times: Counter[str] = field(default_factory=Counter)
    inputs: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def note(self, kind: str, shown: str, exc: BrokenError) -> None:
        """One more input that broke something."""
        sign = f"{kind}: {exc.sign}"
        self.times[sign] += 1
        if sign not in self.inputs or len(shown) < len(self.inputs[sign]):
            self.inputs[sign], self.said[sign] = shown, str(exc)


def batch(kind: Kind, held: Bench, number: int, examples: int, found: Found) -> None:
    """That many inputs of one kind; faults are noted and do not end it."""

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(kind.inputs)
    def attempt(given_input: Any) -> None:
        faulthandler.dump_traceback_later(_STUCK, exit=True)
        found.tried[kind.name] += 1
        try:
            kind.attempt(held, given_input)
        except BrokenError as exc:
            found.note(kind.name, repr(given_input), exc)

    attempt()
    faulthandler.cancel_dump_traceback_later()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    parser.add_argument("--only", metavar="TEXT", default="", help="kinds whose name holds this")
    parser.add_argument("--turns", type=int, default=4, help="a turn is so many quick runs")
    said = parser.parse_args(arguments)
    end = time.monotonic() + said.minutes * 60
    faulthandler.enable()
    warnings.simplefilter("ignore", HypothesisWarning)
    found, number = Found(), said.seed
    with bench() as held:
        chosen = [kind for kind in kinds(held) if said.only in kind.name]
        while time.monotonic() < end:
            for kind in chosen:
                if time.monotonic() < end:
                    batch(kind, held, number, kind.quick * said.turns, found)
            number += 1
    _report(found, said.seed)
    return int(bool(found.times))


def _report(found: Found, start: int) -> None:
    lines = [f"seed {start}", ""]
    for name, count in found.tried.items():
        broken = sum(n for sign, n in found.times.items() if sign.startswith(f"{name}: "))
        lines.append(f"{count:8,}  {name}{f'  ({broken} broke something)' if broken else ''}")
    lines += [f"{found.tried.total():8,}  in all; {len(found.times)} different faults", ""]
    for sign, count in found.times.most_common():
        shown = found.inputs[sign]
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}.. ({len(shown)} characters)"
        lines += [f"== {sign} ({count} times)", found.said[sign], f"input: {shown}", ""]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
