"""YAML 1.2 as values: what JSON can say, and nothing else.

Read to the tree of its nodes by ruamel.yaml, which is the part that knows the syntax; what a node
is comes from its place in the core schema, so that a date stays the text that it is. An alias is
copied where it stands, and charged like what is written there.
"""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, NoReturn

from runner.core.address import Path
from runner.core.budget import OverBudgetError, current, size_of
from runner.core.values import TemplateError, is_text, to_text

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

LONGEST_YAML = 1_000_000
"""Characters of a text: what takes about five seconds to read."""
_DEEPEST = 128  # as a JSON text
_A_NODE = 20  # steps
_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_WHOLE = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")


def yaml_of(text: str, place: str) -> Any:
    """The value of a text of one document; null if there is none. TemplateError says what is wrong
    with it, and in which line of the file `place`.
    """
    if len(text) > LONGEST_YAML:
        raise TemplateError(
            f"{place}: YAML is read up to {LONGEST_YAML:,} characters; write it as JSON"
        )
    node = _composed(text, place)
    try:
        return None if node is None else _Reader(place).value(node)
    except OverBudgetError as exc:
        raise TemplateError(f"{place}: {exc}") from exc


def yaml_lines(text: str, place: str) -> dict[Path, int]:
    """The line of each value in a text that can be read, from 1; what an alias names stands where
    it was written.
    """
    node = _composed(text, place)
    found: dict[Path, int] = {}
    waiting: list[tuple[Path, Node]] = [] if node is None else [((), node)]
    while waiting:
        path, each = waiting.pop()
        current().spend(_A_NODE, 64)
        found[path] = each.start_mark.line + 1
        match (each.tag or "").removeprefix(_TAG):
            case "seq":
                waiting += (((*path, at), item) for at, item in enumerate(each.value))
            case "map":
                waiting += (((*path, str(key.value)), value) for key, value in each.value)
            case _:
                pass
    return found


def _composed(text: str, place: str) -> "Node | None":
    from ruamel.yaml import YAML  # noqa: PLC0415  # most projects hold no YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415

    try:
        node: Node | None = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        at = place if mark is None else f"{place}:{mark.line + 1}"
        said = " ".join(filter(None, (exc.context, exc.problem)))
        raise TemplateError(f"{at}: this is not YAML: {said}") from exc
    except YAMLError as exc:
        said = str(exc).splitlines()[0]
        raise TemplateError(f"{place}: this is not YAML: {said}") from exc
    except RecursionError as exc:
        raise TemplateError(f"{place}: this is nested too deeply") from exc
    return node


class _Reader:
    """Makes values of nodes."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._open: list[int] = []  # the lists and tables that hold what is read now

    def value(self, node: "Node") -> Any:
        """What a node holds."""
        current().spend(_A_NODE, 64)
        tag = node.tag or ""
        kind = tag.removeprefix(_TAG)
        if kind == "seq":
            return self._within(node, lambda: [self.value(item) for item in node.value])
        if kind == "map":
            return self._within(node, lambda: self._table(node))
        read = _SCALARS.get(kind)
        if read is None or not isinstance(node.value, str):
            self._refuse(node, f'"{tag.replace(_TAG, "!!")}" is nothing that JSON can say')
        current().spend(0, size_of(node.value))
        try:
            return read(node.value)
        except ValueError:
            self._refuse(node, f"{node.value} is no number that JSON can say")

    def _within(self, node: "Node", make: Callable[[], Any]) -> Any:
        if id(node) in self._open:
            self._refuse(node, "what this anchor names holds itself")
        if len(self._open) == _DEEPEST:
            self._refuse(node, f"this is nested deeper than {_DEEPEST} levels")
        self._open.append(id(node))
        made = make()
        self._open.pop()
        return made

    def _table(self, node: "Node") -> dict[str, Any]:
        held: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                merged = {**self._merged(value), **merged}
                continue
            name = to_text(self.value(key)) if isinstance(key.value, str) else None
            if name is None:
                self._refuse(key, "a key is text")
            if name in held:
                self._refuse(key, f'the key "{name}" stands twice')
            held[name] = self.value(value)
        return {**merged, **held}

    def _merged(self, node: "Node") -> dict[str, Any]:
        """What `<<` brings in: a table, or those of a list, of which the first counts."""
        given = self.value(node)
        made: dict[str, Any] = {}
        for table in reversed(given if isinstance(given, list) else [given]):
            if not isinstance(table, dict):
                self._refuse(node, "<< brings in a table, or a list of tables")
            made.update(table)
        return made

    def _refuse(self, node: "Node", said: str) -> NoReturn:
        raise TemplateError(f"{self._place}:{node.start_mark.line + 1}: {said}")


def _whole(text: str) -> int | str:
    """A whole number of the core schema; what YAML 1.1 alone takes for one (1_000, 0b1) is text."""
    if not _WHOLE.fullmatch(text):
        return text
    return int(text, 0 if text.startswith(("0o", "0x")) else 10)


def _fraction(text: str) -> float | str:
    if "_" in text:
        return text
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


def _text(text: str) -> str:
    if not is_text(text):
        raise ValueError(text)
    return text


_SCALARS: Mapping[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": _whole,
    "float": _fraction,
    "str": _text,
    "timestamp": _text,
    "value": _text,  # a `=`, in YAML 1.1
}
