"""Random histories of a state in git, and what they come to by checking out every commit."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random

from runner.core.state.file import encode
from runner.core.state.records import Record, empty
from tests.harness.git import GitFolder
from tests.harness.recorded import record

NAMES = ("completion.a", 'completion.x["a b"]', 'module.m["ü"].completion.y', "completion.b")
PATH = "in here/state/state.json"
Held = Mapping[str, Record]


def answer(random: Random, name: str) -> Record:
    """One of a few answers to one of a few requests, so that reverts and repeats happen."""
    asked = f"q{random.randrange(3)}"
    status = random.choice(("complete", "complete", "failed_check"))
    said = f"answer {random.randrange(3)}"
    return record(name, said, fingerprint=asked, status=status, attempts=random.randrange(1, 3))


def edited(random: Random, held: Held, older: list[Held | None]) -> Held | None:
    """The next state; None where its file is called otherwise for a while."""
    match random.randrange(7):
        case 0:
            return {name: one for name, one in held.items() if name != random.choice(NAMES)}
        case 1 if held:
            old, new = random.choice([*held]), random.choice(NAMES)
            rest = {name: one for name, one in held.items() if name != old}
            return {**rest, new: replace(held[old], address=new)}
        case 2:
            return random.choice(older)
        case 3:
            return None
        case _:
            name = random.choice(NAMES)
            return {**held, name: answer(random, name)}


def merged(random: Random, one: Held | None, other: Held | None) -> Held | None:
    """Either side, or each address from one of them, or neither."""
    match random.randrange(4):
        case 0:
            return one
        case 1:
            return other
        case _:
            sides = (one or {}, other or {})
            taken = ((name, random.choice(sides).get(name)) for name in NAMES)
            held = {name: record for name, record in taken if record is not None}
            return held if random.random() < 0.7 else edited(random, held, [one, other])


def grown(made: GitFolder, seed: int, commits: int = 14) -> list[str]:
    """A random history in a repository; its commits, the oldest first. The last is checked out."""
    random = Random(seed)
    states: list[Held | None] = []
    lines: list[bytes] = []
    tips: list[int] = []
    for number in range(commits):
        parents = random.sample(tips, min(len(tips), random.choice((1, 1, 1, 2))))
        if number == commits - 1:
            parents = [*tips] if len(tips) < 3 else tips[:3]
        before = [states[parent] for parent in parents]
        if len(before) > 1:
            state = merged(random, *before[:2])
        else:
            state = edited(random, (before[0] if before else None) or {}, states or [{}])
        states.append(state)
        tips = [tip for tip in tips if tip not in parents or random.random() < 0.3] + [number]
        lines += commit_lines(number, parents, state)
    made("fast-import", "--quiet", data=b"".join(lines))
    made("checkout", "-qf", "main")
    return made("rev-list", "--reverse", "--date-order", "main").split()


def commit_lines(number: int, parents: list[int], state: Held | None) -> Iterator[bytes]:
    """A commit as `git fast-import` takes it."""
    yield b"reset refs/heads/main\n" if not parents else b""
    yield f"commit refs/heads/main\nmark :{number + 1}\n".encode()
    moment = 1_700_000_000 + 60 * number
    for who in ("author", "committer"):
        yield f"{who} Ada <ada@example.com> {moment} +0000\n".encode()
    yield b"data 1\nx\n"
    for word, parent in zip(("from", "merge", "merge"), parents, strict=False):
        yield f"{word} :{parent + 1}\n".encode()
    yield b"deleteall\n"
    data = encode(replace(empty("l", "root"), records=state or {}))
    path = PATH if state is not None else "elsewhere.json"
    yield f'M 100644 inline "{path}"\ndata {len(data)}\n'.encode() + data + b"\n"


def by_checking_out(made: GitFolder, commits: list[str]) -> dict[str, set[str]]:
    """The addresses that each commit changed against all of its parents."""
    held: dict[str, dict[str, tuple[str, ...]]] = {}
    for commit in commits:
        made("checkout", "-qf", commit)
        file = made.path / PATH
        records = json.loads(file.read_bytes())["records"] if file.exists() else []
        held[commit] = {
            one["address"]: (one["fingerprint"], one["status"], json.dumps(one["response"]))
            for one in records
        }
    made("checkout", "-qf", "main")
    found = {}
    for commit in commits:
        parents = [held[one] for one in made("rev-list", "--parents", "-1", commit).split()[1:]]
        found[commit] = {
            name
            for name in NAMES
            if all(held[commit].get(name) != parent.get(name) for parent in parents or [{}])
        }
    return found
