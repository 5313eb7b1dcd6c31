"""The answers that checks look at: of which completions there are, and which have none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runner.core.address import (
    covers,
    in_order,
    is_data,
    is_verdict,
    selects,
    why_none,
)
from runner.core.expansion.session import Instance
from runner.core.plan.decide import is_enabled
from runner.core.plan.walk import Walk
from runner.core.state.records import Record
from runner.core.suggest import did_you_mean, there_are
from runner.core.values import NotKnown


@dataclass(slots=True)
class AnsweredInstances:
    """The instances of the completions, in the order in which people count."""

    walk: Walk
    records: Mapping[str, Record]
    only: tuple[str, ...]
    instances: dict[str, Instance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = {
            vertex.address: vertex.instance
            for vertex in self.walk.vertices.values()
            if vertex.kind == "completion"
            and vertex.instance is not None
            and vertex.instance.judged is None
        }
        self.instances = {address: found[address] for address in in_order(found)}

    def of(self, patterns: Sequence[str]) -> tuple[list[tuple[Instance, Record]], list[str]]:
        """The answers of some addresses, and what has none that was accepted."""
        answered: list[tuple[Instance, Record]] = []
        missing: list[str] = []
        for instance in self._instances(patterns):
            record = self.records.get(instance.address)
            if record is None or record.rejected:
                missing.append(instance.address)
            else:
                answered.append((instance, record))
        missing += [block for block in sorted(self.walk.groups) if self._is_meant(block, patterns)]
        return answered, missing

    def unknown(self, pattern: str) -> str | None:
        """What is wrong with an address that names no completion and no instance of one, nor one
        that may still come.
        """
        blocks = dict.fromkeys((*self.walk.session.keys, *sorted(self.walk.groups)))
        known = [*self.instances, *(one for one in blocks if not (is_verdict(one) or is_data(one)))]
        if any(selects(pattern, address) for address in known) or self._may_come(pattern):
            return None
        hint = why_none(pattern, self.instances)
        hint = f" {hint}" if hint else did_you_mean(pattern, known, there_are(in_order(known)))
        return f'There is no answer at "{pattern}", nor will there be.{hint}'

    def _may_come(self, pattern: str) -> bool:
        """Whether it is of a block whose instances hang on answers, or that has none by now."""
        if self.walk.groups and ("*" in pattern or "?" in pattern):
            return True
        if any(pattern.startswith(f"{block}[") for block in self.walk.groups):
            return True
        block, bracket, _ = pattern.partition("[")
        has_some = any(covers(block, address) for address in self.instances)
        return bool(bracket) and block in self.walk.session.keys and not has_some

    def _instances(self, patterns: Sequence[str]) -> Iterator[Instance]:
        for address, instance in self.instances.items():
            if self._is_meant(address, patterns) and _may_be_asked(instance):
                yield instance

    def _is_meant(self, address: str, patterns: Sequence[str]) -> bool:
        chosen = not self.only or any(selects(name, address) for name in self.only)
        return chosen and any(selects(pattern, address) for pattern in patterns)


def _may_be_asked(instance: Instance) -> bool:
    try:
        return is_enabled(instance)
    except NotKnown:
        return True
