"""What is wrong with a text that is no TOML: in our words, where the standard library says."""

import re

from runner.core.toml.places import Places
from runner.core.toml.scan import last_begun, scan
from runner.core.toml.slips import Fault, conflict, slip

_SAID = re.compile(r"(.*?)(?: \(at (?:line (\d+), column (\d+)|end of document)\))?", re.DOTALL)
_TWICE = ("Cannot declare", "Cannot overwrite", "Cannot mutate", "Cannot redefine")
_TWICE_INLINE = "Duplicate inline table key"
_SUMMARY = "Duplicate key"
_ONCE = "Each key and each table may be written once, and this one is there already"
_COMPLETE = "This would be added to what was complete where it was written"
_CHARACTER = ("Found invalid character", "Illegal character")
_ESCAPE = ("Unescaped", "Escaped", "Invalid hex")  # said behind the backslash
_SLIPS = (
    "Invalid initial",
    "Expected newline",
    "Expected '='",
    "Unclosed array",
    "Unclosed inline",
)
_MANY_DIGITS = re.compile(r"(?<![0-9_])[0-9_]{4301}")
_QUOTES = 'This text has no closing quote. Text of several lines stands in """ .. """'
_WORDS = {
    "Invalid statement": (
        "A line is a key = value, a [header] or a # comment, and this is none of them. "
        "A key has letters, digits, - and _, or stands in quotes"
    ),
    "Invalid initial character for a key": (
        "A key is expected here: letters, digits, - and _, or text in quotes. A table in braces "
        "stands on one line, with no comma after its last pair"
    ),
    "Expected '=' after": "After a key come = and its value. A key with blanks stands in quotes",
    "Expected newline or end": (
        "The value before this has ended, and only a comment may follow it on its line. Text "
        "stands in quotes, a number has no leading zero and _ only between its digits, and a date "
        "is one that the calendar has"
    ),
    "Expected ']' at": "The header of a table ends with ]",
    "Expected ']]' at": "The header of a table in a list of tables ends with ]]",
    "Unclosed array": "A list ends with ], and has a comma between its items",
    "Unclosed inline table": "A table in braces ends with } on its line, commas between its pairs",
    "Unterminated string": _QUOTES,
    "Expected \"'": _QUOTES,
    "Unescaped '\\'": (
        "\\ and what follows it here stand for no character. Write \\\\ for one \\, or the text in "
        "single quotes, where \\ is only itself"
    ),
    "Escaped character is not": "\\u and the digits here stand for no character of Unicode",
    "Invalid hex value": (
        "\\u is followed by 4 hexadecimal digits, \\U by 8. Write \\\\ for one \\, or the text in "
        "single quotes"
    ),
    "Invalid date": "The calendar or the clock has no such date or time",
    "Invalid value": (
        "A value is expected here: text in quotes, a number, true or false, a date, a [list] or "
        "a { table }"
    ),
}


def fault_of(text: str, said: str) -> Fault:
    """What the standard library's parser said of a text with LF at the ends of its lines."""
    unmerged = conflict(text)
    if unmerged is not None:
        return unmerged
    match = _SAID.fullmatch(said)
    kind, line, column = match.groups() if match is not None else (said, "", "")
    at = _offset(text, int(line), int(column)) if line else len(text)
    if kind.startswith(_TWICE):
        return _twice(text, at)
    if kind.startswith(_TWICE_INLINE):
        return _twice_inline(text, at, kind)
    if "digits" in kind and (number := _MANY_DIGITS.search(text)):
        return _invalid("A number has 4,300 digits at most", number.start())
    if kind.startswith(_CHARACTER):
        return _character(text, at)
    if kind.startswith(_ESCAPE):
        at = text.rfind("\\", 0, at)
    words = slip(text, at) if kind.startswith(_SLIPS) else None
    words = words or next((_WORDS[known] for known in _WORDS if kind.startswith(known)), None)
    return _invalid(words or kind, at if line else last_begun(text))


def has_many_digits(text: str) -> bool:
    """Whether a number may have more digits than Python reads."""
    return _MANY_DIGITS.search(text) is not None


def _invalid(said: str, at: int, width: int = 1) -> Fault:
    return Fault("Invalid TOML", f"This is not valid TOML. {said}", at, width)


def _offset(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = text.index("\n", start) + 1
    return start + column - 1


def _character(text: str, at: int) -> Fault:
    found = text[at : at + 1]
    if found == "\n":
        return _invalid(_QUOTES, at)
    number = f"{ord(found):04x}" if found else ""
    return _invalid(
        f"The character U+{number.upper()} cannot stand in TOML as it is. In a text in double "
        f"quotes, \\u{number} stands for it",
        at,
    )


def _twice(text: str, end: int) -> Fault:
    """A header or pair, read up to `end`, whose key is set already or whose table is complete."""
    at = last_begun(text[:end])
    before = Places()
    before.read(scan(text[:at]))
    try:
        line = next(scan(text[at:end]))
    except IndexError:  # a pair in a table in braces, which is still open
        return Fault(_SUMMARY, _ONCE, end - 1)
    if line.key is None:
        return Fault(_SUMMARY, _ONCE, at)
    path = before.path(line)
    start, stop = line.key.spans[-1] if line.value is not None else (0, len(line.text))
    spot = before.get(path)
    if spot is not None:
        return Fault(_SUMMARY, _ONCE, at + start, stop - start, spot.start)
    holder = next(
        (held for n in range(len(path) - 1, 0, -1) if (held := before.get(path[:n]))), None
    )
    known = None if holder is None else holder.start
    return Fault(_SUMMARY, _COMPLETE, at + start, stop - start, known)


def _twice_inline(text: str, end: int, kind: str) -> Fault:
    name = kind.removeprefix(_TWICE_INLINE).strip().strip("'\"")
    found = text.rfind(name, text.rfind("\n", 0, end) + 1, end)
    return Fault(_SUMMARY, _ONCE, found, len(name)) if found >= 0 else Fault(_SUMMARY, _ONCE, end)
