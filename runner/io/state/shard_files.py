"""The shards of a state in a folder of this machine: files that are replaced and never changed.

The state's file lists them by their digests, and is written last. What stood in a shard before is
kept beside it, as the state's file is, until the next write is whole: so a write that was cut off
has left everything that the state's file still lists. It is known by that file being its own
backup. A copy of the backup over the state's file is the same, and gives the state before.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from runner.core.state.file import Split
from runner.core.state.shards import RecordFile, Shard, StateText, shard_file, shard_with, shards_in
from runner.errors import Problem, Where, error
from runner.io import files

_FILE = re.compile(r"([0-9a-f]{3})\.jsonl(\.backup)?")
_BACKUP = ".backup"
_TOLD = 3


class ReadShards(Struct, frozen=True):
    """A state's file with its shards; `stand` are these as they are. The file lists those that are
    `strange` otherwise, and those that are `kept` stand beside what a write has put in their place
    that was cut off. There may be others, which no write has come to take away.
    """

    text: StateText
    stand: Mapping[str, Shard] = {}
    strange: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    has_others: bool = False

    @property
    def is_listed(self) -> bool:
        """Whether what stands there is what the file lists."""
        return not self.strange and not self.kept

    @property
    def fits(self) -> bool:
        """Whether all of them stand where and as the file lists them, and no others."""
        is_as_listed = not self.kept and shards_in(self.text.head) == self.stand
        return is_as_listed and not self.has_others

    def problems(self, name: str, *, is_held: bool) -> Iterator[Problem]:
        """What has to be said of them, where somebody holds the state or nobody does."""
        if self.strange:
            said = (
                f"{name} lists these otherwise: {_some(self.strange)}. A merge, an edit or another "
                "program wrote there. What stands there counts, and the next apply lists it anew. "
                "If you did not mean that, restore what was there from version control."
            )
            yield Problem("Shards of the state have changed", said, Where(name), severity="warning")
        if self.kept and not is_held:
            said = (
                f"{name} lists what was kept of {_some(self.kept)} when a command began to write, "
                "which was cut off. That is read, and the next apply puts it back: commit nothing "
                "before. The answers of then are in the cache."
            )
            yield Problem("Write of the state was cut off", said, Where(name), severity="warning")


def read_shards(path: Path, data: bytes, *, before: bool = False) -> ReadShards:
    """The shards that the state's file at a path lists, where that holds `data`; those of the state
    before it, if it is the backup of that. One that is not there is left out. RunnerError if any
    cannot be read, or is a link.
    """
    listed = shards_in(data)
    has_others = any(
        (match := _FILE.fullmatch(name)) and match[1] not in listed
        for name, _ in shard_versions(path)
    )
    if not listed:
        return ReadShards(StateText(data), has_others=has_others)
    also_kept = before or _is_begun(path, data)
    held: dict[str, RecordFile] = {}
    stand: dict[str, Shard] = {}
    strange: list[str] = []
    kept: list[str] = []
    for name, shard in listed.items():
        found = _found(path.parent, shard, also_kept=also_kept)
        if found is None:
            strange.append(name)
            continue
        held[name], stand[name] = found
        if not _fits(shard, stand[name]):
            strange.append(name)
        elif held[name].name.endswith(_BACKUP):
            kept.append(name)
    return ReadShards(StateText(data, held), stand, tuple(strange), tuple(kept), has_others)


def undo_cut_off(path: Path) -> None:
    """Puts back what a write has replaced that was cut off, if there was one."""
    data = files.read(path)
    if data is None or not (listed := shards_in(data)) or not _is_begun(path, data):
        return
    folder = path.parent
    back = [
        (f"{place.name}{_BACKUP}", place.name)
        for shard in listed.values()
        if (place := folder / shard_file(shard.name))
        and (found := _found(folder, shard, also_kept=True)) is not None
        and found[0].name != str(place)
    ]
    files.rename_each(_folder(path), back)


def write_shards(path: Path, split: Split) -> dict[str, Shard]:
    """Writes those shards that are not as they were, which stay beside them; those that changed."""
    folder, changed = _folder(path), dict[str, Shard]()
    files.make_directory(folder)
    files.hide_from_git(folder, ("*", "!*.jsonl"))  # what is kept is no part of it
    names = {name: Path(shard_file(name)).name for name in split.named}
    files.keep_copies(folder, [(name, f"{name}{_BACKUP}") for name in names.values()])

    def contents() -> Iterator[tuple[str, bytes]]:
        for name in split.named:
            data = split.content(name)
            shard = shard_with(name, data)
            if shard != split.before.get(name):
                changed[name] = shard
                yield names[name], data

    files.write_each(folder, contents())
    return changed


def tidy(path: Path, listed: Mapping[str, Shard], changed: Mapping[str, Shard]) -> None:
    """Once a state's file is written: only what it and its backup list stays. What cannot be taken
    away is of no meaning, and is tried again after the next write.
    """
    folder, kept = _folder(path), {*changed}
    with suppress(OSError):
        found = [match for name in os.listdir(folder) if (match := _FILE.fullmatch(name))]  # noqa: PTH208
        for match in found:
            if match[2] is None and match[1] not in listed:
                (folder / match[0]).replace(folder / f"{match[0]}{_BACKUP}")
                kept.add(match[1])
        for match in found:
            if match[2] is not None and match[1] not in kept:
                (folder / match[0]).unlink()
        if not listed and {one.name for one in folder.iterdir()} <= {files.IGNORING}:
            (folder / files.IGNORING).unlink(missing_ok=True)
            folder.rmdir()


def shard_versions(path: Path) -> tuple[tuple[str, files.Identity], ...]:
    """Which shards stand beside a state's file now."""
    try:
        with os.scandir(_folder(path)) as entries:
            names = sorted(one.name for one in entries if one.name.endswith(".jsonl"))
    except OSError:
        return ()
    held = ((name, files.identity(_folder(path) / name)) for name in names)
    return tuple((name, found) for name, found in held if found is not None)


def remove_shards(path: Path) -> None:
    """Takes all of them away, with what is kept beside them, and their folder."""
    folder = _folder(path)
    if not folder.is_dir():
        return
    for one in _all(folder):
        files.remove(one)
    try:
        folder.rmdir()
    except OSError as cause:
        raise files.failure("remove", folder, cause) from cause


def foreign_in(path: Path) -> list[Path]:
    """What stands among the shards and is none."""
    folder = _folder(path)
    return sorted({*folder.iterdir()} - {*_all(folder)}) if folder.is_dir() else []


def shards_folder(directory: Path) -> Path:
    """The folder of the shards of a state that is kept in a directory."""
    return (directory / shard_file("")).parent


def _some(names: tuple[str, ...]) -> str:
    shown = [shard_file(name) for name in names[:_TOLD]]
    more = len(names) - len(shown)
    return ", ".join([*shown, f"{more} more"] if more else shown)


def _folder(path: Path) -> Path:
    return shards_folder(path.parent)


def _all(folder: Path) -> Iterator[Path]:
    return (
        one for one in folder.iterdir() if _FILE.fullmatch(one.name) or one.name == files.IGNORING
    )


def _is_begun(path: Path, data: bytes) -> bool:
    """Whether the last write was cut off: it begins with the backup of the state's file."""
    backup = path.with_name(f"{path.name}{_BACKUP}")
    return files.identity(backup) is not None and files.read(backup) == data


def _found(directory: Path, shard: Shard, *, also_kept: bool) -> tuple[RecordFile, Shard] | None:
    """The file that is listed, if need be what is kept beside it; else what stands there."""
    place = directory / shard_file(shard.name)
    there = _read(place, shard.name)
    if also_kept and (there is None or not _fits(shard, there[1])):
        kept = _read(place.with_name(f"{place.name}{_BACKUP}"), shard.name)
        if kept is not None and _fits(shard, kept[1]):
            return kept
    return there


def _fits(listed: Shard, found: Shard) -> bool:
    return listed.sha256 in ("", found.sha256)


def _read(place: Path, name: str) -> tuple[RecordFile, Shard] | None:
    if files.is_link(place):
        detail = f"{place} is a link, and a shard of a state is none. Take it away."
        raise error("File is a link", detail, Where(str(place)))
    data = files.read(place)
    if data is None:
        return None
    if b"\r\n" in data:  # git may give lines the ends of another system
        data = data.replace(b"\r\n", b"\n")
    return RecordFile(str(place), data), shard_with(name, data)
