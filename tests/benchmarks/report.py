"""The results: a Markdown table for people, JSON for programs."""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from tests.benchmarks.measuring import Usage, median

HEAD = (
    "| case | who | CPU s | wall s | peak MB | CPU x | wall x | µs each | server busy | load |",
    "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
)


@dataclass(frozen=True, slots=True)
class Result:
    """One case: the usages of each contestant, the floor first. `load` is the machine's, at the
    end: more than one beside what is measured here, and absolute figures mean little.
    """

    name: str
    requests: int
    usages: Mapping[str, Sequence[Usage]]
    load: float


def lines(result: Result) -> list[str]:
    """The rows of one case; ratios are to the first contestant, by medians."""
    medians = {name: median(usages) for name, usages in result.usages.items()}
    floor = next(iter(medians.values()))
    found = []
    for name, used in medians.items():
        each = f"{used.cpu / result.requests * 1e6:,.0f}" if result.requests else ""
        busy = f"{used.server / used.wall:.0%}" if result.requests and used.server else ""
        rounds = len(result.usages[name])
        cells = (
            result.name,
            name if rounds > 1 else f"{name} (once)",
            f"{used.cpu:.2f}",
            f"{used.wall:.2f}",
            f"{used.memory / 1e6:.0f}",
            "1" if used is floor else f"{used.cpu / floor.cpu:.2f}",
            "1" if used is floor else f"{used.wall / floor.wall:.2f}",
            each,
            busy,
            f"{result.load:.1f}",
        )
        found.append(f"| {' | '.join(cells)} |")
    return found


def machine() -> str:
    """Where this was measured."""
    return (
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores"
    )


def as_json(results: Sequence[Result], server_rate: float) -> str:
    """Every figure of every round."""
    return json.dumps(
        {
            "machine": machine(),
            "server_rate": server_rate,
            "command": sys.argv[1:],
            "results": [
                {
                    "name": result.name,
                    "requests": result.requests,
                    "load": result.load,
                    "contestants": {
                        name: {
                            "rounds": [asdict(usage) for usage in usages],
                            "median": asdict(median(usages)),
                        }
                        for name, usages in result.usages.items()
                    },
                }
                for result in results
            ],
        },
        indent=1,
    )
