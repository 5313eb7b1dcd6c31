"""What holds for a state wherever it is kept: a backend that is no file, and keeps parts apart."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from runner.core.state.file import Document, decode
from runner.core.state.records import Record, State, empty
from runner.core.state.shards import StateLayout
from runner.errors import Problem, RunnerError, error
from runner.io.state.backend import (
    KeptState,
    Snapshot,
    Version,
    Which,
    WrittenState,
    locked,
    overwriting,
)
from runner.io.state.lock_info import LockInfo, lock_info
from runner.io.state.store import Store


@dataclass
class Bucket:
    """Objects in memory, none of which is ever overwritten; `meanwhile` happens in a write."""

    name: str = "s3://bucket/key"
    objects: dict[int, tuple[bytes, dict[str, bytes]]] = field(default_factory=dict)
    meanwhile: list[Document] = field(default_factory=list)
    full: bool = False
    held_by: str | None = None
    file: None = None
    way_back: None = None
    layout: StateLayout = "one"
    is_counted: bool = False

    def exists(self) -> bool:
        return bool(self.objects)

    def version(self) -> Version:
        return max(self.objects, default=None)

    def read(self, which: Which = "last") -> Snapshot | None:
        number = self._number(which)
        if number not in self.objects:
            return None
        header, parts = self.objects[number]
        return Snapshot(header + b"".join(parts.values()), number)

    def header(self, which: Which = "last") -> bytes:
        return self.objects.get(self._number(which), (b"", {}))[0]

    def absence(self) -> tuple[Problem, ...]:
        return ()

    def write(self, document: Document, after: Version) -> WrittenState:
        if self.full:
            raise error("No space left", "The bucket is full.")
        if self.meanwhile:
            self._put(self.meanwhile.pop())
        if after != self.version():
            raise overwriting(self.name)
        return WrittenState(self._put(document))

    @contextmanager
    def lock(
        self,
        command: str,
        timeout: float,
        given_up: Callable[[], bool],  # noqa: ARG002  # it waits for nobody
    ) -> Iterator[None]:
        if self.held_by is not None:
            raise locked(self.name, lock_info(self.held_by, self.name), f"Waited {timeout:g} s.")
        self.held_by = command
        try:
            yield
        finally:
            self.held_by = None

    def unlock(self, identifier: str | None) -> LockInfo | None:  # noqa: ARG002
        return None

    def kept(self) -> list[KeptState]:
        return []

    def lost(self) -> str | None:
        return None

    def probe(self) -> None:
        if self.full:
            raise error("No space left", "The bucket is full.")

    def delete(self) -> None:
        self.objects.clear()

    def _number(self, which: Which) -> int:
        return max(self.objects, default=0) - (which == "before")

    def _put(self, document: Document) -> int:
        parts = {name: b"".join(pieces) for name, pieces in document.parts.items()}
        number = max(self.objects, default=0) + 1
        self.objects[number] = (document.header, parts)
        return number


def store(bucket: Bucket, directory: Path) -> Store:
    return Store(bucket, directory, directory / "cache", "runner -C there")


def state(*addresses: str) -> State:
    records = {
        name: Record(name, "p", "openai x", "f", 0, b"{}", b'{"id":"a"}', "2026-01-01T00:00:00Z")
        for name in addresses
    }
    return replace(empty("lineage", "root"), records=records)


def test_a_state_may_be_kept_in_parts(tmp_path: Path) -> None:
    bucket = Bucket()
    ours = store(bucket, tmp_path / "state")
    assert (ours.load(), ours.before()) == (None, None)
    first = ours.write(replace(state("a"), files={"out.txt": "digest"}))
    second = ours.write(replace(first, records=state("a", "b").records))
    assert (second.serial, list(bucket.objects)) == (2, [1, 2])
    assert list(bucket.objects[2][1]) == ["records"]
    assert (ours.files_written(), ours.files_written("before")) == ({"out.txt": "digest"},) * 2
    again = store(bucket, tmp_path / "state")
    assert (again.load(), again.before()) == (second, first)
    assert not again.changed()
    assert not (tmp_path / "state").exists()


def test_what_another_wrote_is_not_overwritten_and_what_is_new_is_rescued(tmp_path: Path) -> None:
    bucket = Bucket()
    ours, theirs = store(bucket, tmp_path), store(bucket, tmp_path)
    before = ours.write(state("a"))
    assert theirs.load() == before
    theirs.write(replace(before, records={}))
    assert ours.changed()
    with pytest.raises(RunnerError, match="changed by somebody else") as refused:
        ours.write(replace(before, records=state("b").records))
    (file,) = tmp_path.glob("errored-*.json")
    assert f"runner -C there state push {file}" in str(refused.value)
    assert list(decode(file.read_bytes(), "errored").records) == ["b"]
    assert len(bucket.objects) == 2


def test_a_write_between_the_look_and_the_write_is_the_backend_s_to_refuse(tmp_path: Path) -> None:
    bucket, other = Bucket(), Bucket()
    store(other, tmp_path).write(state("theirs"))
    header, parts = other.objects[1]
    bucket.meanwhile.append(Document(header, {name: (part,) for name, part in parts.items()}))
    with pytest.raises(RunnerError, match="changed by somebody else"):
        store(bucket, tmp_path).write(state("ours"))
    assert list(decode(bucket.read().data, "bucket").records) == ["theirs"]  # type: ignore[union-attr]
    assert len(list(tmp_path.glob("errored-*.json"))) == 1


def test_a_backend_that_is_full_loses_nothing(tmp_path: Path) -> None:
    bucket = Bucket(full=True)
    ours = store(bucket, tmp_path)
    with pytest.raises(RunnerError, match="No space left"):
        ours.probe()
    for number in range(2):
        with pytest.raises(RunnerError, match="State was not written"):
            ours.write(state(*"abc"[: number + 1]))
    (file,) = tmp_path.glob("errored-*.json")
    assert list(decode(file.read_bytes(), "errored").records) == ["a", "b"]
    bucket.full = False
    assert ours.write(state("a")).serial == 1


def test_who_holds_a_state_is_told_by_any_backend(tmp_path: Path) -> None:
    ours = store(Bucket(), tmp_path)
    with (
        ours.lock("runner apply"),
        pytest.raises(RunnerError, match=r"`runner apply` since 20.*Waited 3 s") as refused,
        ours.lock("runner destroy", 3.0),
    ):
        pytest.fail("two hold the lock")
    assert ours.name in str(refused.value)
