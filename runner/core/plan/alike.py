"""Steps that are like each other: of the same block, or with the same words around what differs."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.core.address import split_key
from runner.core.canonical import canonical, digest
from runner.core.plan.actions import Step
from runner.core.plan.conversation import same_messages, turn_of, turns_of
from runner.core.plan.diff import changes_of, word_changes
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.words import Asked, asked, kind, shown
from runner.core.secrets.secrets import Secrets

_FEWEST = 4  # fewer are shown each by itself
_LOOKED_AT = 200  # instances of one block; what happens to the rest is only counted
_KEYS = re.compile(r"\[(?:\d+|\"(?:[^\"\\]|\\.)*\")\]")


@dataclass(slots=True)
class Alike:
    """A step, those that are like it, and how many more of its block nobody looked at."""

    first: Step
    others: list[Step] = field(default_factory=list)
    more: int = 0


def alike(plan: PlannedSteps, secrets: Secrets, *, apart: bool = False) -> Iterator[Alike]:
    """The steps in their order, those that are alike together with the first of them. `apart`
    puts none together.
    """
    if apart:
        yield from (Alike(step) for step in plan.steps)
        return
    groups: dict[Any, Alike] = {}
    last: dict[tuple[str, str], Alike] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for step in plan.steps:
        block = (split_key(step.address)[0], kind(step.action))
        seen[block] += 1
        if seen[block] > _LOOKED_AT:
            last[block].more += 1
            continue
        look = _look(plan, step, block, secrets)
        group = groups.get(look)
        if group is None:
            group = groups[look] = Alike(step)
        else:
            group.others.append(step)
        last[block] = group
    position = {id(step): at for at, step in enumerate(plan.steps)}
    found = [each for group in groups.values() for each in _enough(group)]
    yield from sorted(found, key=lambda group: position[id(group.first)])


def _enough(group: Alike) -> Iterator[Alike]:
    if 1 + len(group.others) + group.more >= _FEWEST:
        yield group
    else:
        yield from (Alike(step) for step in (group.first, *group.others))


def _look(plan: PlannedSteps, step: Step, block: tuple[str, str], secrets: Secrets) -> Any:
    """What is the same for all that are alike."""
    seen = shown(step, secrets)
    repeated = block[0] if block[0] != step.address else ""
    words = repeated, seen.symbol, _general(seen.header, step), _general(seen.because, step)
    made = asked(plan, step, secrets)
    if made is None:
        return words
    goes = (*words, made.headers)
    if made.old is None:
        return (*goes, made.provider, *_new(made, is_repeated=bool(repeated)))
    return (*goes, digest(repr(list(_changes(made))).encode()))


def _general(text: str, step: Step) -> str:
    """Words about one address as they would be about any other."""
    return _KEYS.sub("[]", text.replace(step.address, "it"))


def _new(made: Asked, *, is_repeated: bool) -> Iterator[Any]:
    """Instances of a block come of one text. Of others, only the last message may differ."""
    turns = turns_of(made.new.get("messages", []))
    rest = {key: value for key, value in made.new.items() if key != "messages"}
    yield digest(canonical(rest))
    yield tuple((turn.role, *(part.label for part in turn.parts)) for turn in turns)
    if not is_repeated:
        yield digest(repr(turns[:-1] if len(turns) > 1 else turns).encode())


def _changes(made: Asked) -> Iterator[Any]:
    old, new = made.old or {}, made.new
    before, after = old.get("messages"), new.get("messages")
    if not isinstance(before, list) or not isinstance(after, list):
        before = after = []
    else:
        old, new = _without(old), _without(new)
    for change in (*made.besides, *changes_of(old, new)):
        yield change.path, _difference(change.old, change.new)
    for at, to in same_messages(before, after):
        if at is not None and to is not None:
            yield turn_of(after[to]).role
            for change in changes_of(before[at], after[to]):
                yield change.path, _difference(change.old, change.new)
        else:
            yield ("+", after[to]) if to is not None else ("-", before[at or 0])


def _without(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "messages"}


def _difference(old: Any, new: Any) -> Any:
    if isinstance(old, str) and isinstance(new, str):
        return word_changes(old, new)
    return repr(old), repr(new)
