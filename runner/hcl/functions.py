"""Terraform's functions, written in the runner's expressions."""

import re
from ast import literal_eval
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from runner.core.expressions.foreign import FILTERS, WHY

COMPARE, ADD, FILTER, PRIMARY = 4, 5, 8, 9
CONDITIONAL, OR, AND, NOT, CONCAT, MULTIPLY, UNARY = 0, 1, 2, 3, 6, 7, 7.5


@dataclass(frozen=True, slots=True)
class Code:
    """An expression's text, and how tightly its outermost operator binds."""

    text: str
    level: float = PRIMARY

    def at(self, level: float) -> str:
        """The text, in brackets where an operator of this level would tear it apart."""
        return self.text if self.level >= level else f"({self.text})"

    def __format__(self, spec: str) -> str:
        """`{0:f}` is an operand of a filter, `{0:p}` of a dot or index, `{0:a}` of a sum."""
        return self.at({"f": FILTER, "p": PRIMARY, "a": ADD, "o": OR, "": CONDITIONAL}[spec])


def quoted(text: str) -> str:
    """A text literal of an expression; no hole or statement can begin in it."""
    for plain, escape in (
        ("\\", "\\\\"),
        ("'", "\\'"),
        ("\n", "\\n"),
        ("\r", "\\r"),
        ("\t", "\\t"),
    ):
        text = text.replace(plain, escape)
    text = text.replace("{{", "{\\x7b").replace("{%", "{\\x25").replace("}}", "}\\x7d")
    text = re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\x{ord(match[0]):02x}", text)
    return f"'{text}'"


# (function, number of arguments): the text, and how tightly it binds.
_PATTERNS: Mapping[tuple[str, int], tuple[str, float]] = {
    ("base64decode", 1): ("base64decode({0})", PRIMARY),
    ("base64encode", 1): ("base64({0})", PRIMARY),
    ("basename", 1): ("{0:p}.split('/') | last", FILTER),
    ("chomp", 1): (r"{0:p}.rstrip('\r\n')", PRIMARY),
    ("chunklist", 2): ("{0:f} | batch({1}) | list", FILTER),
    ("contains", 2): ("{1:a} in {0:a}", COMPARE),
    ("element", 2): ("{0:p}[{1:p} % ({0:f} | length)]", PRIMARY),
    ("endswith", 2): ("{0:p}.endswith({1})", PRIMARY),
    ("indent", 2): ("{1:f} | indent({0}, blank=true)", FILTER),
    ("join", 2): ("{1:f} | join({0})", FILTER),
    ("lookup", 2): ("{0:p}[{1}]", PRIMARY),
    ("lookup", 3): ("{0:p}[{1}] if {1:a} in {0:a} else {2}", CONDITIONAL),
    ("parseint", 2): ("{0:f} | int(base={1})", FILTER),
    ("pow", 2): ("{0:p} ** {1:p}", UNARY),
    ("replace", 3): ("{0:f} | replace({1}, {2})", FILTER),
    ("sha256", 1): ("sha256({0})", PRIMARY),
    ("md5", 1): ("md5({0})", PRIMARY),
    ("slice", 3): ("slice({0}, {1}, {2})", PRIMARY),
    ("split", 2): ("{1:p}.split({0})", PRIMARY),
    ("startswith", 2): ("{0:p}.startswith({1})", PRIMARY),
    ("strcontains", 2): ("{1:a} in {0:a}", COMPARE),
    ("tomap", 1): ("{0:p}", PRIMARY),
    ("trim", 2): ("{0:f} | trim({1})", FILTER),
    ("trimprefix", 2): ("{0:p}.removeprefix({1})", PRIMARY),
    ("trimsuffix", 2): ("{0:p}.removesuffix({1})", PRIMARY),
    ("zipmap", 2): ("{{k: v for k, v in zip({0}, {1})}}", PRIMARY),
}

# Any number of arguments.
_MANY: Mapping[str, tuple[str, float]] = {
    "alltrue": ("{0:f} | reject | list | length == 0", COMPARE),
    "anytrue": ("{0:f} | select | list | length > 0", COMPARE),
    "coalesce": ("[{all}] | reject('in', ['', none]) | first", FILTER),
    "coalescelist": ("[{all}] | select | first", FILTER),
    "max": ("[{all}] | max", FILTER),
    "merge": ("merge({all})", PRIMARY),
    "min": ("[{all}] | min", FILTER),
    "range": ("range({all})", PRIMARY),
}

LISTS = frozenset(
    {"chunklist", "compact", "concat", "csvdecode", "distinct", "fileset", "flatten", "keys"}
    | {"range", "regexall", "reverse", "setintersection", "setproduct", "setsubtract", "setunion"}
    | {"slice", "sort", "split", "tolist", "toset", "values"}
)
MAPS = frozenset({"merge", "tomap", "zipmap"})


def call(name: str, arguments: Sequence[Code]) -> Code | str:  # one case per kind
    """A call of Terraform's function as an expression, or why it has none."""
    count = len(arguments)
    if name in FILTERS and count == 1:
        return Code(f"{arguments[0]:f} | {FILTERS[name]}", FILTER)
    if (name, count) in _PATTERNS:
        pattern, level = _PATTERNS[name, count]
        return Code(pattern.format(*arguments), level)
    if name in _MANY and count:
        pattern, level = _MANY[name]
        return Code(pattern.format(*arguments, all=_all(arguments)), level)
    if name in _MADE and count:
        return _MADE[name](arguments)
    match name:
        case "join" if count > 2:
            return Code(f"({_sum(arguments[1:])}) | join({arguments[0]})", FILTER)
        case "nonsensitive" if count == 1:
            return arguments[0]
        case "substr" if count == 3:
            return _part(*arguments)
        case _:
            return WHY.get(name, f"the runner's expressions have nothing like {name}()")


def _all(arguments: Sequence[Code]) -> str:
    return ", ".join(argument.text for argument in arguments)


def _sum(lists: Sequence[Code]) -> str:
    return " + ".join(
        each.at(CONCAT) if index else each.at(ADD) for index, each in enumerate(lists)
    )


def _product(lists: Sequence[Code]) -> Code:
    names = unused(lists, len(lists))
    loops = (f"for {name} in {each:o}" for name, each in zip(names, lists, strict=True))
    return Code(f"[[{', '.join(names)}] {' '.join(loops)}]")


def _kept(tested: str) -> Callable[[Sequence[Code]], Code]:
    """A set without the items that fail a test against one of the others."""

    def kept(sets: Sequence[Code]) -> Code:
        (name,), (first, *others) = unused(sets), sets
        tests = "".join(f" if {name} {tested} {each:a}" for each in others)
        return Code(f"[{name} for {name} in {first:o}{tests}] | {FILTERS['toset']}", FILTER)

    return kept


def _tried(choices: Sequence[Code]) -> Code:
    first, *others = choices
    return Code(f"{first:f}{''.join(f' | default({each})' for each in others)}", FILTER)


def unused(codes: Sequence[Code], count: int = 1) -> list[str]:
    """Names for loops that none of the expressions in them has."""
    words = set(re.findall(r"\w+", " ".join(code.text for code in codes)))
    names = (f"{letter}{number or ''}" for number in range(len(words) + 1) for letter in "xyz")
    return list(islice((name for name in names if name not in words), count))


def _formatted(arguments: Sequence[Code]) -> Code | str:
    pattern = _literal(arguments[0])
    if pattern is None:
        return "the pattern of format() has to be written out"
    text, *rest = re.split("%(.?)", pattern, flags=re.DOTALL)
    values = list(arguments[1:])
    parts = [Code(quoted(text))]
    for verb, following in zip(rest[::2], rest[1::2], strict=True):
        if verb == "%":
            parts.append(Code("'%'"))
        elif verb not in _VERBS:
            return "only %s, %d and %v of format() can be written in the runner's expressions"
        elif not values:
            return "its pattern has more places than it is given values"
        else:
            parts.append(_VERBS[verb](values.pop(0)))
        parts.append(Code(quoted(following)))
    if values:
        return "it is given more values than its pattern has places"
    return together([part for part in parts if part.text != "''"] or parts[:1])


_VERBS: Mapping[str, Callable[[Code], Code]] = {
    "d": lambda given: Code(f"{given:f} | int", FILTER),
    "s": lambda given: given,
    "v": lambda given: given,
}


def _literal(code: Code) -> str | None:
    """The text of a literal, or None where it is another expression."""
    try:
        held = literal_eval(code.text)
    except (SyntaxError, ValueError):
        return None
    return held if isinstance(held, str) else None


def together(parts: Sequence[Code]) -> Code:
    """The text that one or more values make, one after the other."""
    first, *rest = parts
    if not rest:
        return first if _literal(first) is not None else Code(f"{first:f} | string", FILTER)
    return Code(" ~ ".join([first.at(CONCAT), *(part.at(MULTIPLY) for part in rest)]), CONCAT)


def _part(text: Code, start: Code, length: Code) -> Code | str:
    if not start.text.isdigit() or not length.text.removeprefix("-").isdigit():
        return "the places of substr() have to be written out; use text[start:end]"
    first, size = int(start.text), int(length.text)
    end = "" if size < 0 else str(first + size)
    return Code(f"{text:p}[{first}:{end}]")


_MADE: Mapping[str, Callable[[Sequence[Code]], Code | str]] = {
    "concat": lambda lists: Code(_sum(lists), ADD if len(lists) > 1 else lists[0].level),
    "format": _formatted,
    "setintersection": _kept("in"),
    "setproduct": _product,
    "setsubtract": _kept("not in"),
    "setunion": lambda sets: Code(f"({_sum(sets)}) | {FILTERS['toset']}", FILTER),
    "try": _tried,
}
