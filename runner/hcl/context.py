"""What the conversion of a block knows, and the keys that are plain values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.core.toml.write import Entry, Remark
from runner.errors import Problem
from runner.hcl.expressions import code
from runner.hcl.repeated import LISTED
from runner.hcl.scope import HclNames, HclScope
from runner.hcl.tree import Attribute, HclNode, HclText, Nested
from runner.hcl.values import NULL, value

Items = list[Entry | Remark]

_SECRET = ("api_key", "admin_key", "token", "secret", "password")


@dataclass(frozen=True, slots=True)
class Context:
    """The block being converted, and the list its problems go to. `listed` has the key of the list
    that blocks in it are entries of, by their name.
    """

    file: HclText
    names: HclNames
    block: str
    problems: list[Problem]
    tables: bool = False
    listed: Mapping[str, str] = field(default_factory=lambda: LISTED)

    def scope(self, *, constant: bool = False) -> HclScope:
        """The scope of the block's expressions."""
        return HclScope(self.names, self._difference, code, tables=self.tables, constant=constant)

    def _difference(self, node: HclNode, said: str) -> None:
        self.warning("Converted with a difference", said, node)

    def warning(self, summary: str, detail: str, at: HclNode | Attribute | Nested) -> None:
        """Something that loses no meaning, or that needs a look."""
        where = self.file.where(at.line, at.column, self.block)
        self.problems.append(Problem(summary, detail, where, "warning"))

    def error(self, detail: str, at: HclNode | Attribute | Nested) -> None:
        """Something whose meaning is lost."""
        where = self.file.where(at.line, at.column, self.block)
        self.problems.append(Problem("Not converted", detail, where))


KeyRule = Callable[[Context, Attribute], Items]
Rules = Mapping[str, KeyRule]


def note(text: str) -> str:
    """The comment that stands where something could not be converted."""
    return f"# not converted: {printable(text)}"


def printable(text: str) -> str:
    """The text as a comment may hold it: on one line, without control characters."""
    return "".join(char if char.isprintable() else " " for char in text).rstrip()


def dropped(context: Context, attribute: Attribute, said: str) -> Items:
    """An attribute that loses nothing by being left out."""
    context.warning("Left out", said, attribute)
    return [remark(attribute)]


def remark(attribute: Attribute) -> Remark:
    """What stands where an attribute could not be converted: its text, unless it is a secret."""
    if any(word in attribute.name for word in _SECRET):
        return Remark((*attribute.above, note(f"{attribute.name} = ..")))
    first, *rest = attribute.written.strip().split("\n")
    return Remark((*attribute.above, note(first), *(printable(f"#   {line}") for line in rest)))


def commented_entry(attribute: Attribute, held: Any, key: str = "") -> Items:
    """The attribute under a key, with its comments."""
    return [Entry(key or attribute.name, held, attribute.above, attribute.beside)]


def as_written(context: Context, attribute: Attribute) -> Items:
    """A key whose value is converted as it is; null is the same as leaving it out."""
    held = value(attribute.value, context.scope(), attribute.name)
    if held == NULL and context.tables:
        return dropped(
            context, attribute, f"{attribute.name} = null is the same as not setting it."
        )
    return commented_entry(attribute, held)
