"""Random states, what two people do to one, and what a merge of it must not lose."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from random import Random

from runner.core.state.file import decode
from runner.core.state.markers import conflicting_states, has_markers
from runner.core.state.records import Record, State, empty
from runner.core.state.shards import StateText

LINEAGE = "3f6c1c9e-5e8a-4c0e-9a55-2b7d5b1f0a11"
_BLOCKS = [f"completion.{name}" for name in "ab"]
_KEYS = ["", "[2]", '["y=1"]']
_ADDRESSES = [block + key for block in _BLOCKS for key in _KEYS] + ["data.completions.d"]


def record(address: str, asked: str, sample: int = 0, **more: object) -> Record:
    """A record of what was asked, with an answer of its own."""
    body = json.dumps({"messages": [{"content": asked, "role": "user"}], "model": "m"})
    said = str(more.pop("said", f"{asked} {sample}\nline <<<<<<< two"))
    answer = {"choices": [{"message": {"content": said}}], "model": "m"}
    made = Record(
        address, "openai", "openai https://api.openai.com/v1", sha256(asked.encode()).hexdigest(),
        sample, body.encode(), json.dumps(answer, ensure_ascii=False).encode(),
        "2026-01-01T00:00:00Z",
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def state_of(*records: Record, serial: int = 3) -> State:
    """A state of these."""
    held = {one.address: one for one in records}
    return replace(empty(LINEAGE, "configs"), serial=serial, records=held)


class People:
    """Who ask, each time for an answer that nobody had before."""

    def __init__(self, source: Random) -> None:
        self._source, self._asked = source, 0

    def base(self) -> State:
        """Where both begin."""
        chosen = self._source.sample(_ADDRESSES, self._source.randint(0, 6))
        made = [self._answered(address, {}) for address in chosen]
        return state_of(*made, serial=self._source.randint(1, 5))

    def changed(self, state: State) -> State:
        """What one of them makes of it."""
        records = dict(state.records)
        for _ in range(self._source.randint(1, 12)):
            self._source.choice(_CHANGES)(self, records)
        serial = state.serial + self._source.randint(1, 3)
        files = {"out.txt": f"sha256:{self._source.randint(0, 3)}"}
        return replace(state, records=records, serial=serial, files=files)

    def _answered(self, address: str, records: dict[str, Record], sample: int = 0) -> Record:
        self._asked += 1
        needs = self._source.sample(
            [*records], min(len(records), self._source.choice((0, 0, 0, 1, 2)))
        )
        asked = f"{'same' if self._source.random() < 0.2 else self._asked}"
        second = self._source.randint(0, 59)
        return record(
            address, asked, sample, said=f"answer {self._asked}",
            issued_at=f"2026-01-01T00:00:{second:02}Z", depends_on=tuple(needs),
        )  # fmt: skip

    def _add(self, records: dict[str, Record]) -> None:
        address = self._source.choice(_ADDRESSES)
        records.setdefault(address, self._answered(address, records))

    def _ask_otherwise(self, records: dict[str, Record]) -> None:
        if records:
            address = self._source.choice([*records])
            records[address] = self._answered(address, records)

    def _ask_again(self, records: dict[str, Record]) -> None:
        if records:
            held = records[self._source.choice([*records])]
            new = self._answered(held.address, records, held.sample + 1)
            records[held.address] = replace(new, fingerprint=held.fingerprint, request=held.request)

    def _update(self, records: dict[str, Record]) -> None:
        if records:
            address = self._source.choice([*records])
            records[address] = replace(records[address], provider=self._source.choice("pqr"))

    def _remove(self, records: dict[str, Record]) -> None:
        if records:
            del records[self._source.choice([*records])]

    def _rename(self, records: dict[str, Record]) -> None:
        target = self._source.choice(_ADDRESSES)
        if records and target not in records:
            held = records.pop(self._source.choice([*records]))
            records[target] = replace(held, address=target)


_CHANGES: list[Callable[[People, dict[str, Record]], None]] = [
    People._add, People._ask_otherwise, People._ask_otherwise, People._ask_again, People._update,
    People._remove, People._rename,
]  # fmt: skip


def assert_nothing_lost(base: State, sides: tuple[State, State], merged: bytes | StateText) -> None:
    """What a merge holds is a state, or two between markers; each answer of either side is there,
    but for what the other removed, or asked anew for at the same address.
    """
    text = merged if isinstance(merged, StateText) else StateText(merged)
    found = [decode(side, "merged").records for side in conflicting_states(text)]
    if not any(map(has_markers, text.files)) and sides[0] != sides[1]:
        assert decode(text, "merged").serial == max(side.serial for side in sides) + 1
    for mine, other in (sides, sides[::-1]):
        for address, held in mine.records.items():
            was, theirs = base.records.get(address), other.records.get(address)
            there = [records.get(address) for records in found]
            if held == was and theirs != was:  # the other decides
                assert theirs in there
            elif held not in there:
                assert theirs in there
                assert theirs not in (None, was)
    for records in found:
        for address, one in records.items():
            assert one in [side.records.get(address) for side in sides]
