"""promptfoo's tests: the cases of a matrix, and what is asserted of each."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from runner.core.address import Path
from runner.core.budget import Rendering
from runner.core.expressions.yaml import yaml_of
from runner.core.values import TemplateError
from runner.errors import RunnerError
from runner.foreign.promptfoo.evaluation import Evaluation
from runner.foreign.requests import as_sent

_TEXTS = ("txt", "md", "json", "jsonl", "html", "xml", "csv")


@dataclass(frozen=True, slots=True)
class GivenTest:
    """A test as it was written: `keys` are those of its cases, once they are known."""

    path: Path
    table: dict[str, Any]
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cases:
    """All cases by their key, each with all variables, and the tests that they are of."""

    values: dict[str, dict[str, Any]]
    tests: list[GivenTest]
    names: tuple[str, ...]


def cases(held: Evaluation) -> Cases:
    """The cases of all tests. A list in vars is a case for each of its items."""
    usual = held.value.get("defaultTest")
    usual = usual if isinstance(usual, dict) else {}
    shared = _vars(held, ("defaultTest", "vars"), usual.get("vars"))
    values: dict[str, dict[str, Any]] = {}
    made: list[GivenTest] = []
    for test in _tests(held):
        own = {**shared, **_vars(held, (*test.path, "vars"), test.table.get("vars"))}
        keys = []
        for combination in _combined(own):
            key = str(len(values) + 1)
            values[key] = combination
            keys.append(key)
        made.append(GivenTest(test.path, test.table, tuple(keys)))
    names = tuple(dict.fromkeys(name for case in values.values() for name in case))
    full = {key: {name: case.get(name, "") for name in names} for key, case in values.items()}
    return Cases(full, made, names)


def _tests(held: Evaluation) -> Iterator[GivenTest]:
    listed = held.value.get("tests")
    if listed is None:
        yield GivenTest((), {})
        return
    for index, each in enumerate(listed if isinstance(listed, list) else [listed]):
        path: Path = ("tests", index) if isinstance(listed, list) else ("tests",)
        if isinstance(each, str):
            yield from _from_file(held, path, each)
        elif isinstance(each, dict):
            yield GivenTest(path, each)
        else:
            held.refuse(path, "A test is a table with vars and assert.")


def _from_file(held: Evaluation, path: Path, name: str) -> Iterator[GivenTest]:
    """The rows of a table, or the tests in a file."""
    file = name.removeprefix("file://")
    ending = file.rsplit(".", 1)[-1].lower()
    text = read_beside(held, path, file) if ending in ("csv", "yaml", "yml", "json") else None
    if text is None:
        if ending not in ("csv", "yaml", "yml", "json"):
            said = f"{name} is no table of tests. Write a CSV, a YAML or a JSON of them."
            held.refuse(path, said)
        return
    if ending == "csv":
        for row in csv.DictReader(io.StringIO(text, newline="")):
            yield GivenTest(path, _of_row(held, path, row))
        return
    try:
        with Rendering():
            rows = yaml_of(text, file)
    except TemplateError as exc:
        held.refuse(path, f"{exc.message}.")
        return
    yield from (GivenTest(path, row) for row in rows or () if isinstance(row, dict))


def _of_row(held: Evaluation, path: Path, row: dict[str, Any]) -> dict[str, Any]:
    """A row of a CSV: its columns are vars, but for those that begin with __."""
    own = {key: value for key, value in row.items() if key and not key.startswith("__")}
    asserted = []
    for key, value in row.items():
        if not key or not key.startswith("__") or not value:
            continue
        kind, colon, rest = value.partition(":")
        if not key.startswith("__expected"):
            held.refuse(path, f"The column {key} has no counterpart here. Leave it out.")
        elif colon and kind.strip().isascii() and kind.strip().replace("-", "").isalpha():
            asserted.append({"type": kind.strip(), "value": rest.strip()})
        else:
            asserted.append({"type": "equals", "value": value})
    return {"vars": own, "assert": asserted}


def _vars(held: Evaluation, path: Path, given: Any) -> dict[str, Any]:
    if isinstance(given, str):
        held.refuse(path, f"Write the variables of {given} out: vars = {{ .. }}.")
    if not isinstance(given, dict):
        return {}
    return {name: _value(held, (*path, name), value) for name, value in given.items()}


def _value(held: Evaluation, path: Path, value: Any) -> Any:
    """What a variable is; a file by its text."""
    if isinstance(value, list):
        return [_value(held, path, item) for item in value]
    if not isinstance(value, str) or not value.startswith("file://"):
        if isinstance(value, str) and ("{{" in value or "{%" in value):
            held.warn(path, "Converted with a difference",
                      "What stands in {{ }} in a variable is text here. Fill it in.")  # fmt: skip
        return as_sent(value)
    file = value.removeprefix("file://")
    if file.rsplit(".", 1)[-1].lower() not in _TEXTS or "*" in file:
        held.refuse(path, f"{value} is no text. Read it where it is used: {{{{ yaml('FILE') }}}}.")
        return ""
    return as_sent((read_beside(held, path, file) or "").strip())


def _combined(own: dict[str, Any]) -> Iterator[dict[str, Any]]:
    lists = [value if isinstance(value, list) else [value] for value in own.values()]
    for combination in product(*lists):
        yield dict(zip(own, combination, strict=True))


def read_beside(held: Evaluation, path: Path, file: str) -> str | None:
    """The text of a file beside the configuration, or None and a problem."""
    try:
        return held.read(file)
    except RunnerError as exc:
        held.refuse(path, " ".join(problem.detail for problem in exc.problems))
        return None
