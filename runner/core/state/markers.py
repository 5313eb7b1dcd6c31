"""Conflict markers in a state file: written around one record, read wherever a merge left them."""

import re
from collections.abc import Iterable, Iterator

from runner.core.state.file import encode
from runner.core.state.line import encode_record
from runner.core.state.lines import written_lines
from runner.core.state.merge import MergedState
from runner.core.state.shards import RecordFile, StateText

_OURS, _BASE, _BETWEEN, _THEIRS = b"<<<<<<< ours", b"|||||||", b"=======", b">>>>>>> theirs"
_MARKER = re.compile(rb"^(<{7}|\|{7}|={7}|>{7})(?: |\r?$)", re.MULTILINE)


def merged_file(merged: MergedState) -> bytes:
    """The merged state's file: where nothing clashes whole, else with markers around the line of
    each address that does.
    """
    return _marked(merged, encode(merged.state).split(b"\n"))


def merged_shard(merged: MergedState) -> bytes:
    """The same of a shard, whose records are those of the merged state."""
    records = merged.state.records
    return _marked(merged, [*written_lines(records, records), b""])


def _marked(merged: MergedState, written: Iterable[bytes]) -> bytes:
    both = {encode_record(clash.ours): clash for clash in merged.clashes.values()}
    lines: list[bytes] = []
    for line in written:
        record = line.removesuffix(b",")
        if record in both:
            end = line[len(record) :]
            theirs = encode_record(both[record].theirs) + end
            lines += (_OURS, line, _BETWEEN, theirs, _THEIRS)
        else:
            lines.append(line)
    return b"\n".join(lines)


def both_sides(ours: bytes, theirs: bytes) -> bytes:
    """Two files as one conflict: what can be said of those that cannot be merged."""
    return b"\n".join((_OURS, ours.rstrip(b"\n"), _BETWEEN, theirs.rstrip(b"\n"), _THEIRS, b""))


def has_markers(data: bytes) -> bool:
    """Whether a merge left any."""
    return _MARKER.search(data) is not None


def sides_of(data: bytes) -> tuple[bytes, bytes]:
    """The file of ours and that of theirs, where a merge left markers: of a state, whichever
    program merged it and wherever a comma was left or is missing.
    """
    ours, theirs = _sides(data)
    return _file(ours), _file(theirs)


def conflicting_states(text: StateText) -> tuple[StateText, StateText]:
    """The state of ours and that of theirs, where a merge left markers in any of its files."""
    heads = sides_of(text.head) if has_markers(text.head) else (text.head,) * 2
    ours, theirs = {}, {}
    for name, file in text.shards.items():
        mine, other = map(_shard, _sides(file.data)) if has_markers(file.data) else (file.data,) * 2
        ours[name], theirs[name] = RecordFile(file.name, mine), RecordFile(file.name, other)
    return StateText(heads[0], ours), StateText(heads[1], theirs)


def _sides(data: bytes) -> Iterator[list[bytes]]:
    told = [*_told(data)]
    for one in (_OURS, _THEIRS):
        yield [line for line, side in told if side in (None, one)]


def _told(data: bytes) -> Iterator[tuple[bytes, bytes | None]]:
    """Each line, and whose it is: None is of both."""
    side: bytes | None = None
    for line in data.split(b"\n"):
        found = _MARKER.match(line)
        if found is None:
            yield line, side
            continue
        match found[1][:1]:
            case b"<":
                side = _OURS
            case b"|":
                side = _BASE
            case b"=":
                side = _THEIRS
            case _:
                side = None


def _shard(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _file(lines: list[bytes]) -> bytes:
    """A state of one record a line with its commas where they belong."""
    header, *rest = [line.rstrip(b"\r") for line in lines if line.strip()] or [b""]
    records = [line.rstrip(b",") for line in rest if line.startswith(b"{")]
    return header + b"\n" + b",\n".join(records) + b"\n]}\n"
