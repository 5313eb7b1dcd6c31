"""What people write that TOML has in another way, known by its looks, and what to write instead."""

import re
from contextlib import suppress

from msgspec import Struct

from runner.core.toml.places import Places
from runner.core.toml.scan import last_begun, scan

_MARKER = re.compile(r"^<{7}(?: .*)?$", re.MULTILINE)
_OTHER_MARKERS = (re.compile(r"^={7}$", re.MULTILINE), re.compile(r"^>{7}(?: .*)?$", re.MULTILINE))
_BEGUN = re.compile(r"\s*([^\s=\[\]{}][^=\n]*?)\s*=\s*([\[{])")
_PAIR = re.compile(r"[\w.-]+[ \t]*=|[\"'][\w. -]*[\"'][ \t]*=")
_ENDED = re.compile(r"[\"'][ \t]*$")


class Fault(Struct, frozen=True):
    """What is wrong at an offset, in a sentence without its full stop.

    `known` is where stands what was there first, of something written twice.
    """

    summary: str
    said: str
    at: int
    width: int = 1
    known: int | None = None


def conflict(text: str) -> Fault | None:
    """What git leaves in a file that it could not merge."""
    first = _MARKER.search(text)
    if first is None or not all(marker.search(text, first.end()) for marker in _OTHER_MARKERS):
        return None
    said = (
        "This file has the marks of a merge that git could not finish. Keep what is wanted of the "
        "lines between <<<<<<< and >>>>>>>, and take the lines with the marks away"
    )
    return Fault("Unfinished merge", said, first.start(), first.end() - first.start())


def slip(text: str, at: int) -> str | None:
    """What is probably meant by a text that goes wrong at an offset, in a sentence without its full
    stop; None where it does not look like anything known.
    """
    return _quotes(text, at) or _braces(text, at)


def _quotes(text: str, at: int) -> str | None:
    """`"Say "hello" to me"`, `'Don't'`, `"{{ csv("a.csv") }}"`: the second quote ends the text."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    ended = _ENDED.search(line)
    rest = text[at : at + 1]
    if ended is None or not rest or rest in " \t\n#,]}=" or _PAIR.match(text, at):
        return None
    if ended[0][0] == "'":
        return (
            "A ' inside of a text in single quotes ends it. Put the text in double quotes, where ' "
            "is only itself"
        )
    if "{{" in line:
        return (
            'A " inside of a text in double quotes ends it. In an expression write single quotes: '
            "{{ file('a.txt') }}"
        )
    return (
        'A " inside of a text in double quotes ends it. Write \\" for it, or put the text in '
        "single quotes, or in three of them on each side"
    )


def _braces(text: str, at: int) -> str | None:
    """A table in braces over several lines, as JSON and HCL have it."""
    inside = text[at : at + 1]
    start = last_begun(text[:at])
    begun = _BEGUN.match(text, start)
    if inside not in ("\n", "}", "#") or begun is None or not _is_open(text[begun.end() - 1 : at]):
        return None
    several = begun[2] == "["
    name = _header(text, start, begun[1])
    header = f"[[{name}]]" if several else f"[{name}]"
    each = ", one for each item," if several else ""
    return (
        "A table in braces stands on one line in TOML, with no comma after its last pair. Over "
        f"several lines, write {header}{each} at the end of the block, and the pairs below it, "
        "each on its line"
    )


def _is_open(value: str) -> bool:
    """Whether a brace is open at the end of a value; texts in it may mislead this."""
    return value.count("{") > value.count("}")


def _header(text: str, start: int, key: str) -> str:
    """The name that a table would have as a header of its own."""
    places = Places()
    places.read(scan(text[:start]))
    with suppress(IndexError, StopIteration):
        path = places.path(next(scan(f"{key} = 0\n")))
        return ".".join(str(part) for part in path if isinstance(part, str))
    return key
