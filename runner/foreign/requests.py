"""Requests, one JSON text a line, as completions: bodies, or lines of OpenAI's batches."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.core.api.parameters import PARAMETERS
from runner.core.language.check import check
from runner.core.language.findings import KEY, settled
from runner.core.received import json_of
from runner.core.toml.write import Entry, Section, write_toml
from runner.errors import Problem, Where
from runner.hcl import Converted
from runner.hcl.values import NULL, escaped

PATH = "/v1/chat/completions"
_SHOWN = 100  # characters of a line


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a file, and the request in it."""

    where: Where
    custom_id: str
    body: dict[str, Any]


def convert_requests(files: Sequence[tuple[str, str]]) -> Converted:
    """Each line of the files as a completion, named by its `custom_id`, else by its number.

    A line that cannot be converted is named in `problems`, and left in the text as a comment.
    """
    conversion = _Requests()
    for name, text in files:
        for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
            if line.strip():
                conversion.add(Where(name, number, 1, _shown(line)), line)
    return conversion.converted()


def _shown(line: str) -> str:
    short = line.rstrip() if len(line) <= _SHOWN else f"{line[:_SHOWN]}.."
    return KEY.sub(lambda key: f"{key[0][:3]}…", short)


@dataclass(slots=True)
class _Requests:
    problems: list[Problem] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    seen: dict[str, Where] = field(default_factory=dict)
    renamed: list[tuple[Where, str, str]] = field(default_factory=list)
    nulls: list[Where] = field(default_factory=list)

    def add(self, where: Where, text: str) -> None:
        """A line as a completion, or as what is wrong with it."""
        line = _read(where, text)
        if isinstance(line, _Line):
            self._completion(line)
        else:
            self._leave_out(where, line)

    def _completion(self, line: _Line) -> None:
        name = nearest_name(line.custom_id)
        if name in self.seen:
            self._leave_out(line.where, f"{name} is the name of {self.seen[name]} already.")
            return
        table = _table(line.body)
        wrong = list(_wrong(table))
        if wrong:
            self._leave_out(line.where, *wrong)
            return
        self.seen[name] = line.where
        if name != line.custom_id:
            self.renamed.append((line.where, line.custom_id, name))
        if None in line.body.values():
            self.nulls.append(line.where)
        entries = tuple(Entry(key, value) for key, value in table.items())
        self.sections.append(Section(("completion", name), entries))

    def _leave_out(self, where: Where, *said: str) -> None:
        self.problems += [Problem("Not converted", detail, where) for detail in said]
        self.sections.append(Section((), above=(f"# not converted: {where}",)))

    def converted(self) -> Converted:
        """All of it; what concerns many lines is said once."""
        if self.renamed:
            where, custom_id, name = self.renamed[0]
            said = f"Names are letters, digits and _ here: {custom_id} is called {name}"
            self._warn("Renamed", said, where, len(self.renamed))
        if self.nulls:
            said = "A parameter that is null is the same as one that is not set"
            self._warn("Left out", said, self.nulls[0], len(self.nulls))
        return Converted(write_toml(self.sections), tuple(self.problems))

    def _warn(self, summary: str, said: str, where: Where, count: int) -> None:
        more = f", and so on in {count:,} lines" if count > 1 else ""
        self.problems.append(Problem(summary, f"{said}{more}.", where, "warning"))


def _read(where: Where, text: str) -> _Line | str:
    """What a line asks for, or why that is nothing to convert."""
    try:
        held = json_of(text)
    except ValueError as exc:
        return f"This line is not JSON: {exc}."
    if not isinstance(held, dict):
        return "A line holds a JSON object: the body of a request, or a line of a batch."
    if "body" not in held:
        return _with_messages(where, f"request_{where.line}", held)
    if held.get("url", PATH) != PATH or held.get("method", "POST") != "POST":
        asked = f"{held.get('method', 'POST')} {held.get('url', PATH)}"
        return f"It asks for {asked}; the runner asks for POST {PATH} alone. Leave this line out."
    return _with_messages(where, str(held.get("custom_id", f"request_{where.line}")), held["body"])


def _with_messages(where: Where, name: str, body: Any) -> _Line | str:
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        return "It has no messages, which is what a chat completion is asked with: messages = [..]."
    return _Line(where, name, body)


def nearest_name(name: str) -> str:
    """The nearest name that a block may have."""
    held = re.sub(r"\W", "_", name, flags=re.ASCII) or "_"
    return f"_{held}" if held[0].isdigit() else held


def _table(body: dict[str, Any]) -> dict[str, Any]:
    """The body as a block: what the API has no parameter for is sent beside those."""
    own = {k: as_sent(v) for k, v in body.items() if k in PARAMETERS and v is not None}
    more = {k: as_sent(v) for k, v in body.items() if k not in PARAMETERS and v is not None}
    return {**own, "extra_body": more} if more else own


def as_sent(value: Any) -> Any:
    """A value of a request as it is written here: no text is a template, and null has a name."""
    match value:
        case None:
            return NULL
        case str():
            return escaped(value)
        case list():
            return [as_sent(item) for item in value]
        case dict():
            return {key: as_sent(item) for key, item in value.items()}
        case _:
            return value


def _wrong(table: dict[str, Any]) -> Iterator[str]:
    """What `validate` would refuse."""
    if _is_too_large(table):
        yield "A number in it is too large for TOML. Write it as text, or leave it out."
    for found in check("completion", table):
        finding = settled(found, "the provider", strict=False)
        if finding.severity == "error":
            yield finding.detail


def _is_too_large(value: Any) -> bool:
    match value:
        case int():
            return not -(2**63) <= value < 2**63
        case list():
            return any(map(_is_too_large, value))
        case dict():
            return any(map(_is_too_large, value.values()))
        case _:
            return False
