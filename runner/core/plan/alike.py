"""Steps that are like each other: of the same block, or with the same words around what differs."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct, field

from runner.core.address import split_key
from runner.core.canonical import digest
from runner.core.plan.actions import (
    Absent,
    Await,
    Instances,
    Issue,
    Keep,
    Read,
    Remove,
    Reuse,
    Step,
    Update,
)
from runner.core.plan.conversation import same_messages, turn_of
from runner.core.plan.diff import changes_of, word_changes
from runner.core.plan.forms import RequestForm, form_of
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.words import NEW, Asked, asked, form_of_step, kind, shown
from runner.core.received import table_of
from runner.core.secrets.secrets import Secrets

_FEWEST = 4  # fewer are shown each by itself
_READ = 200  # changes of one form that are compared in words
_GROUPS = 100  # of one block; what differs from them all is only counted
_KEYS = re.compile(r"\[(?:\d+|\"(?:[^\"\\]|\\.)*\")\]")


class Alike(Struct):
    """A step, those that are like it, and how many more have its form: their texts were not
    compared.
    """

    first: Step
    others: list[Step] = []
    more: int = 0


class Various(Struct):
    """Steps of a block of which too many are unlike each other: how many, and the values of what
    is not the same in the whole block, as JSON.
    """

    first: Step
    number: int
    values: dict[str, frozenset[bytes]]


def alike(
    plan: PlannedSteps,
    secrets: Secrets,
    *,
    apart: bool = False,
    steps: Sequence[Step] | None = None,
) -> Iterator[Alike | Various]:
    """The steps in their order, those that are alike together with the first of them. `apart`
    puts none together; `steps` are some of the plan's.
    """
    chosen = plan.steps if steps is None else steps
    if apart:
        yield from (Alike(step) for step in chosen)
        return
    found = _Groups(plan, secrets)
    for step in chosen:
        found.add(step)
    position = {id(step): at for at, step in enumerate(chosen)}
    yield from sorted(found.all(), key=lambda group: position[id(group.first)])


_Block = tuple[str, str]  # of which block, and what happens


class _Groups(Struct):
    """Steps by what they look like: first by their form, then by what changes in their words."""

    plan: PlannedSteps
    secrets: Secrets
    groups: dict[Any, Alike] = {}
    of_form: dict[Any, list[Alike]] = {}
    in_block: dict[_Block, list[tuple[RequestForm, ...]]] = {}
    various: dict[_Block, list[tuple[Step, tuple[RequestForm, ...]]]] = {}
    read: Counter[Any] = field(default_factory=Counter)

    def add(self, step: Step) -> None:
        """One more, to those that it is like."""
        forms, of = _forms(self.plan, step), _block(step)
        repeated = "" if of == step.address else of
        form = (repeated, *_words(step, self.secrets), *map(id, forms))
        block = of, kind(step.action)
        held = self.of_form.get(form)
        if held is None and len(self.in_block.setdefault(block, [])) >= _GROUPS:
            self.various.setdefault(block, []).append((step, forms))
            return
        look: Any = form
        if len(forms) > 1:
            self.read[form] += 1
            if held is not None and self.read[form] > _READ:
                max(held, key=lambda group: len(group.others)).more += 1
                return
            look = form, _changed(self.plan, step, self.secrets)
        group = self.groups.get(look)
        if group is not None:
            group.others.append(step)
            return
        group = self.groups[look] = Alike(step)
        self.of_form.setdefault(form, []).append(group)
        self.in_block.setdefault(block, []).append(forms)

    def all(self) -> Iterator[Alike | Various]:
        """What was found, in no order."""
        for group in self.groups.values():
            yield from _enough(group)
        for block, steps in self.various.items():
            yield Various(steps[0][0], len(steps), _values(steps, self.in_block[block]))


def _enough(group: Alike) -> Iterator[Alike]:
    if group.more or 1 + len(group.others) >= _FEWEST:
        yield group
    else:
        yield from (Alike(step) for step in (group.first, *group.others))


def _block(step: Step) -> str:
    instance = step.instance
    if instance is None:
        return split_key(step.address)[0]
    return step.address if instance.key is None else instance.scope.address(instance.declared)


def _forms(plan: PlannedSteps, step: Step) -> tuple[RequestForm, ...]:
    """The form of what a step asks, and that of what its record says was asked."""
    only = plan.known.forms.only
    match step.action:
        case Issue(old=old) | Await(old=old):
            noted = plan.known.forms.of(step.address)
            if noted is not None and old is None:
                return (noted,)
            new = noted or form_of_step(plan, step)
        case Reuse(record=record, old=old) | Update(record=record, old=old):
            alone = old is None and step.instance is not None and step.instance.key is None
            new = form_of(record.provider, (), table_of(record.request), is_alone=alone)
        case Remove() | Read() | Instances() | Keep() | Absent():
            return ()
    if new is None:
        return ()
    if old is None:
        return (only(new),)
    return only(new), only(form_of(old.identity, (), table_of(old.request)))


def _values(
    steps: list[tuple[Step, tuple[RequestForm, ...]]], beside: list[tuple[RequestForm, ...]]
) -> dict[str, frozenset[bytes]]:
    own = [forms[0] for _, forms in steps if forms]
    mine = _by_name(own)
    whole = _by_name([*own, *(forms[0] for forms in beside if forms)])
    return {
        name: frozenset(mine.get(name, (_ABSENT,)))
        for name, values in whole.items()
        if len(values) > 1
    }


_ABSENT = b"(absent)"


def _by_name(forms: list[RequestForm]) -> dict[str, set[bytes]]:
    """The values that each member of these requests has."""
    found: dict[str, set[bytes]] = {"provider": {orjson.dumps(form.provider) for form in forms}}
    times: Counter[str] = Counter()
    for form in forms:
        for name, value in form.parameters:
            found.setdefault(name, set()).add(value)
            times[name] += 1
    for name, number in times.items():
        if number < len(forms):
            found[name].add(_ABSENT)
    found["headers"] = {repr(form.headers).encode() for form in forms}
    found["roles"] = {repr((form.turns, form.before)).encode() for form in forms}
    return found


def _words(step: Step, secrets: Secrets) -> tuple[str, str, str]:
    """What is said of a step, as it would be of any other."""
    seen = shown(step, secrets)
    if seen is NEW:  # as of most, and of no address
        return NEW.symbol, NEW.header, NEW.because
    return seen.symbol, _general(seen.header, step), _general(seen.because, step)


def _general(text: str, step: Step) -> str:
    """Words about one address, and what it waits for, as they would be about any other."""
    on = waits_for(step)
    if on is not None:
        text = text.replace(on, "that")
    if "[" not in text and step.address not in text:
        return text
    return _KEYS.sub("[]", text.replace(step.address, "it"))


def waits_for(step: Step) -> str | None:
    """The address of the answer that has to come first, if there is one."""
    match step.action:
        case Await(on=on) | Instances(on=on) | Read(on=on):
            return on
        case Issue() | Reuse() | Update() | Remove() | Keep() | Absent():
            return None


def _changed(plan: PlannedSteps, step: Step, secrets: Secrets) -> str:
    made = asked(plan, step, secrets)
    return "" if made is None else digest(repr(list(_changes(made))).encode())


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
