"""What goes wrong in an expression, said in the words of its language."""

import re
from collections.abc import Mapping

_LONGEST = 1000
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("str", "Markup", "str or None"), "a string"),
    **dict.fromkeys(("int", "float"), "a number"),
    **dict.fromkeys(("list", "tuple", "range"), "a list"),
    "dict": "a map",
    "bool": "a bool",
    "NoneType": "null",
}
_ADDED = (
    "+ takes two numbers, two strings or two lists, not {0} and {1}; a ~ b makes one text of both"
)
_WORDS: Mapping[str, str] = {
    r"unsupported operand type\(s\) for \+: '(\w+)' and '(\w+)'": _ADDED,
    r'can only concatenate (\w+) \(not "(\w+)"\) to \w+': _ADDED,
    r"unsupported operand type\(s\) for (\S+)(?: or pow\(\))?: '(\w+)' and '(\w+)'": (
        "{0} takes two numbers, not {1} and {2}"
    ),
    r"can't multiply sequence by non-int of type '(\w+)'": (
        "* takes two numbers, or a string or a list and how often, not {0}"
    ),
    r"bad operand type for unary (.): '(\w+)'": "{0} takes a number, not {1}",
    r"'([<>]=?)' not supported between instances of '(\w+)' and '(\w+)'": (
        "{0} compares numbers with numbers and strings with strings, not {1} with {2}"
    ),
    r"argument of type '(\w+)' is not (?:iterable|a container or iterable)": (
        "in looks into a string, a list or a map, not into {0}"
    ),
    r"'in <string>' requires string as left operand, not (\w+)": (
        "in looks for a string in a string, not for {0}"
    ),
    r"'(\w+)' object is not callable": "{0} is no function",
    r"object of type '(\w+)' has no len\(\)": "a string, list or map has a length, not {0}",
    r"'(\w+)' object is not iterable": "a list is wanted here, not {0}",
    r"'(\w+)' object cannot be interpreted as an integer": "a whole number is wanted here, not {0}",
    r"type (\w+) doesn't define __round__ method": "a number is wanted here, not {0}",
    r"%\w format: .* is required, not (\w+)": "a number is wanted here, not {0}",
    r"(?:(?:\w+\(\) )?argument \d+ )?must be (str or None|\w+), not (\w+)": (
        "{0} is wanted here, not {1}"
    ),
    r"(?:cannot use '\w+' as a dict key \()?unhashable type: '(\w+)'\)?": "a key is text, not {0}",
    r"slice indices must be integers .*": "the bounds of a part are whole numbers",
    r"slice step cannot be zero": "the step of a part is not 0",
    r"(?:tuple index out of range|Replacement index \d+ out of range .*)": (
        "the text has more places than there are values for"
    ),
    r"name 'inf' is not defined": "a number is too large to be written",
    r"(?:str\.|dict\.|list\.|do_|_)(\w+\(\)) (.+)": "{0} {1}",
}
"""What the machine says, and what it means; its groups are kinds of values, or stay as they are."""


def in_plain_words(exc: Exception) -> str:
    """What went wrong, without the names that the machine has for kinds of values."""
    if isinstance(exc, RecursionError):
        return "the expression is nested too deeply"
    text = f"there is no {exc}" if isinstance(exc, KeyError) else str(exc) or type(exc).__name__
    for pattern, said in _WORDS.items():
        if found := re.fullmatch(pattern, text, re.DOTALL):
            text = said.format(*(_KINDS.get(group, group) for group in found.groups()))
            break
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} .."
