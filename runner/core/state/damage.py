"""What is wrong with a state file that cannot be read, and the way back."""

import re

from runner.errors import Where

_CONFLICT = re.compile(rb"^(?:<{7} |={7}\r?$|>{7} )", re.MULTILINE)
_BYTE = re.compile(r"\(byte ([0-9]+)\)$")


class TwiceError(ValueError):
    """An address that has a record already."""


def damage(
    data: bytes, name: str, offset: int, cause: Exception, way_back: str
) -> tuple[str, str, Where]:
    """What is wrong with it, in short and in full, with the way back, and where."""
    conflict = _CONFLICT.search(data)
    if conflict:
        summary, offset = "State file has merge conflicts", conflict.start()
        what = (
            "A merge left conflict markers in it. Merge the configuration first; then `runner "
            "state resolve` merges both sides, and no answer of either is lost. By hand: keep the "
            "higher serial and each address once, and take the markers out."
        )
        way_back = "Nothing was changed."  # what stood there before the merge is one side of it
    elif isinstance(cause, TwiceError):
        summary = "State file has an address twice"
        what = f"{cause} has another record above this one. Keep one of the two."
    elif "truncated" in str(cause):
        summary, offset = "State file is cut off", len(data)
        what = "It ends in the middle."
    else:
        summary = "State file is damaged"
        what = f"Here it stops being a state: {cause}."
    return summary, f"{what} {way_back}", Where(name, data.count(b"\n", 0, offset) + 1)


def offset_of(cause: Exception) -> int:
    """The byte at which reading stopped, where the cause says so; else the first."""
    if isinstance(cause, UnicodeDecodeError):
        return cause.start
    byte = _BYTE.search(str(cause))
    return int(byte[1]) if byte else 0


def way_back_of_shard(name: str) -> str:
    """How to come by a shard that can be read."""
    return (
        "Nothing was changed. Restore it from version control (if no commit has it: from whoever "
        f"made that of the state and left it out). If there is a {name}.backup, it is what stood "
        "here before: look at it, then copy it here. Without either, put an empty file in its "
        "place and apply: what is in the cache costs nothing to record again."
    )


def way_back_to(name: str) -> str:
    """How to come by a state file that can be read, beside the one that cannot."""
    backup = name if name.endswith(".backup") else f"{name}.backup"
    return (
        f"Nothing was changed. If there is a {backup}, it is the state before the last write: "
        f"look at it, then copy it over {backup.removesuffix('.backup')}; or restore the file "
        "from version control. Without either, delete it and apply: what is in the cache costs "
        "nothing to record again."
    )
