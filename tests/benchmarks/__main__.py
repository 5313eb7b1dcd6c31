"""Measures everything: `python -m tests.benchmarks [--quick] [--only NAME] [--against REV]`.

Prints a Markdown table as it goes. CPU is that of the whole process, start-up included; the
figures are medians of five interleaved rounds (three with --quick), and ratios are to the first
contestant of each case, in the same rounds. With --against, the runner of another commit is one
more contestant.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests import ROOT
from tests.benchmarks.cases import LATENCIES, Bench, Case, cases
from tests.benchmarks.measuring import FailedError, interleaved, python
from tests.benchmarks.report import HEAD, Result, as_json, lines, machine


def main() -> int:
    """Run the cases; 1 if a command failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three rounds, and no longest cases")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure there")
    parser.add_argument("--only", metavar="NAME", help="cases whose name holds this text")
    parser.add_argument("--against", metavar="REV", help="also measure the runner of this commit")
    parser.add_argument("--rounds", type=int, metavar="N", help="so many rounds of each case")
    said = parser.parse_args()
    results: list[Result] = []
    failed = False
    with (
        _servers() as servers,
        tempfile.TemporaryDirectory() as directory,
        _checked_out(said.against) as other,
    ):
        rate = _rate(servers[0])
        _say(f"{machine()}; the server alone answers {rate:,.0f} requests a second.", "", *HEAD)
        urls = {latency: f"http://127.0.0.1:{port}/v1" for latency, (_, port) in servers.items()}
        bench = Bench(Path(directory), urls, _environment(urls[0]), said.quick)
        for name, make in cases(bench):
            if said.only and said.only not in name:
                continue
            try:
                case = _with_other(make(), said.against, other)
                results.append(_run(case, bench, servers, said.rounds))
            except FailedError as exc:
                sys.stderr.write(f"{name}: {exc}\n")
                failed = True
            else:
                _say(*lines(results[-1]))
    if said.json:
        said.json.write_text(as_json(results, rate), encoding="utf-8")
    return int(failed)


def _run(
    case: Case, bench: Bench, servers: dict[int, tuple[int, int]], rounds: int | None
) -> Result:
    rounds = rounds or min(case.rounds, 3 if bench.quick else 5)
    server = servers[case.latency][0]
    environment = {**bench.environment, "OPENAI_BASE_URL": bench.urls[case.latency]}
    usages = interleaved(case.contestants, rounds, environment, server)
    return Result(case.name, case.requests, usages, os.getloadavg()[0])


@contextmanager
def _checked_out(rev: str | None) -> Iterator[Path | None]:
    """The files of another commit, for as long as this lasts."""
    if rev is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as directory:
        where = Path(directory) / "tree"
        git = ("git", "-C", str(ROOT), "worktree")
        subprocess.run((*git, "add", "--quiet", "--detach", str(where), rev), check=True)
        try:
            yield where
        finally:
            subprocess.run((*git, "remove", "--force", str(where)), check=True)


def _with_other(case: Case, rev: str | None, root: Path | None) -> Case:
    """The case with the runner of another commit beside this one."""
    if root is None:
        return case
    others = (
        replace(one, name=f"runner at {rev}", root=root)
        for one in case.contestants
        if one.name == "runner"
    )
    return replace(case, contestants=(*case.contestants, *others))


@contextmanager
def _servers() -> Iterator[dict[int, tuple[int, int]]]:
    """For each latency a server: its process and its port."""
    started = []
    try:
        for latency in LATENCIES:
            command = python("tests.benchmarks.server", latency / 1000)
            started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
        yield {
            latency: (process.pid, int(process.stdout.readline() if process.stdout else 0))
            for latency, process in zip(LATENCIES, started, strict=True)
        }
    finally:
        for process in started:
            process.terminate()
            process.communicate()


def _rate(server: tuple[int, int]) -> float:
    command = python("tests.benchmarks.load", server[1], 2)
    return float(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)


def _environment(url: str) -> dict[str, str]:
    """Without what would send a request elsewhere, or time the writing of compiled modules."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
    held = {name: os.environ[name] for name in kept if name in os.environ}
    return {**held, "OPENAI_BASE_URL": url, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}


def _say(*texts: str) -> None:
    sys.stdout.write("".join(f"{text}\n" for text in texts))
    sys.stdout.flush()


sys.exit(main())
