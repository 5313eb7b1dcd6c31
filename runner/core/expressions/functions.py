"""The functions of expressions: files, tables, environment, digests; each pure but for its port."""

import csv as csv_module
import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.core.budget import OverBudgetError, current
from runner.core.expressions.foreign import instead
from runner.core.expressions.template import Constant, Node, compile_text, holes
from runner.core.expressions.values import OF_VALUES
from runner.core.expressions.yaml import yaml_of
from runner.core.received import json_of
from runner.core.suggest import closest, did_you_mean
from runner.core.toml.source import parse, source
from runner.core.values import TemplateError, is_text, kind_of, to_text
from runner.errors import RunnerError

ReadFile = Callable[[str, str], bytes]  # (folder of the file that names it, path) -> bytes
ListFiles = Callable[[str, str], tuple[str, ...]]  # (folder, pattern) -> paths relative to it
ReadEnv = Callable[[str], str | None]

NAMES = (
    *("file", "fileset", "template", "frontmatter", "csv", "jsonl", "json", "toml", "yaml"),
    *("env", "range"),
    *OF_VALUES,
)


@dataclass(frozen=True)
class World:
    """The doors through which expressions see the world; each file is read and parsed once.
    `keep_secret` is told the values that nothing may show, before anybody has them.
    """

    read: ReadFile
    env: ReadEnv
    list_files: ListFiles = lambda _folder, _pattern: ()
    keep_secret: Callable[[Any], None] = lambda _: None
    parsed: dict[tuple[str | bytes, ...], Any] = field(default_factory=dict, repr=False)

    def once(self, key: tuple[str | bytes, ...], make: Callable[[], Any]) -> Any:
        """What `make` gave the first time."""
        if key not in self.parsed:
            self.parsed[key] = make()
        return self.parsed[key]

    def has_read(self, value: Any) -> bool:
        """Whether a value is what a file holds: as large as that, and made by no expression."""
        return any(value is held for held in self.parsed.values())


def functions(world: World, folder: str) -> dict[str, Callable[..., Any]]:
    """The functions as the files in `folder` see them: paths are relative to it."""

    # By what a file holds, for it has many names: ./a and x/../a are parsed no second time.
    def text(path: str) -> str:
        data = _read(world, folder, _text(path))
        held: str = world.once(("text", data), lambda: _decoded(data, path))
        return held

    def table(kind: str, path: str, key: str | None, make: Callable[[str], Any]) -> Any:
        data = _read(world, folder, _text(path))
        rows = world.once((kind, data), lambda: make(_decoded(data, path)))
        if key is None:
            return rows
        return world.once((kind, data, key), lambda: _keyed(rows, key, path))

    return {
        "file": text,
        "fileset": lambda pattern: _fileset(world, folder, _text(pattern)),
        "template": lambda path, **values: _filled(world, folder, path, text(path), values),
        "frontmatter": lambda path, **values: _frontmatter(world, folder, path, text(path), values),
        "csv": lambda path, key=None: table("csv", path, key, lambda got: list(_csv(got, path))),
        "jsonl": lambda path, key=None: table("jsonl", path, key, lambda got: _jsonl(got, path)),
        "json": lambda path: table("json", path, None, lambda got: _json(got, path)),
        "toml": lambda path: table("toml", path, None, lambda got: _toml(got, path)),
        "yaml": lambda path: table("yaml", path, None, lambda got: yaml_of(got, path)),
        "env": lambda name: _env(world, name),
        "range": _range,
        **OF_VALUES,
    }


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TemplateError("a path is text")
    return value


def _read(world: World, folder: str, path: str) -> bytes:
    try:
        data: bytes = world.once(("read", folder, path), lambda: world.read(folder, path))
        return data
    except RunnerError as exc:
        raise _unread(exc) from exc


def _fileset(world: World, folder: str, pattern: str) -> list[str]:
    try:
        return list(
            world.once(("fileset", folder, pattern), lambda: world.list_files(folder, pattern))
        )
    except RunnerError as exc:
        raise _unread(exc) from exc


def _decoded(data: bytes, path: str) -> str:
    try:
        return source(path, data).text
    except RunnerError as exc:
        raise TemplateError(f"{path}: {_unread(exc).message}") from exc


def _unread(exc: RunnerError) -> TemplateError:
    return TemplateError(" ".join(problem.detail for problem in exc.problems))


def _frontmatter(
    world: World, folder: str, path: str, text: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """What stands between the fences at the top of a text, and the text below them; its holes are
    filled where there are values to fill them with.
    """

    def body_of(below: str, line: int) -> str:
        return _filled(world, folder, path, below, values, line) if values else below

    fence, *lines = text.split("\n")
    read = _FENCES.get(fence.rstrip())
    if read is None:
        return {"metadata": {}, "body": body_of(text, 0)}
    end = next((at for at, line in enumerate(lines) if line.rstrip() == fence.rstrip()), None)
    if end is None:
        raise TemplateError(f"{path}:1: the front matter has no end: write {fence} below it")
    held = read("\n".join(("", *lines[:end])), path)  # its lines are counted in the whole file
    if not isinstance(held, dict | None):
        raise TemplateError(f"{path}:2: front matter is names and values, not {kind_of(held)}")
    below = end + 1
    while below < len(lines) and not lines[below].strip():
        below += 1
    return {"metadata": held or {}, "body": body_of("\n".join(lines[below:]), below + 1)}


_FENCES: Mapping[str, Callable[[str, str], Any]] = {
    "---": yaml_of,
    "+++": lambda text, path: _toml(text, path),  # noqa: PLW0108 - it stands below
}


def _filled(
    world: World, folder: str, path: str, text: str, values: Mapping[str, Any], line: int = 0
) -> str:
    """A text whose holes are filled with the values; it begins at this line of its file, from 0."""
    inside = posixpath.normpath(posixpath.join(folder, posixpath.dirname(path)))
    names = {**functions(world, inside), "env": _no_env, **values}
    node: Node = Constant("")
    try:
        node = compile_text(text)
        return to_text(node.render(names))
    except TemplateError as exc:
        said = _not_given(node, names, values, exc.message)
        raise TemplateError(f"{path}:{exc.at.line + line + 1}: {said}") from exc


def _not_given(
    node: Node, names: Mapping[str, Any], values: Mapping[str, Any], message: str
) -> str:
    """What is wrong in a template: where it names what it was not given, in words of that."""
    for hole in holes(node):
        for ref in hole.refs:
            name = str(ref[0])
            if name not in names and f'"{name}"' in message:
                given = ", ".join(values) or "nothing"
                near = did_you_mean(name, values, f" Add {name}=.. to the call.")
                other = instead(name, hole.source) if f"{name}(" in hole.source else None
                return other or f'there is no "{name}" here: this text was given {given}.{near}'
    return message


def _csv(text: str, path: str) -> Iterator[dict[str, str]]:
    reader = csv_module.reader((line + "\n" for line in text.split("\n")), strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv_module.Error as exc:
        raise TemplateError(f"{path}:{reader.line_num}: {exc}") from exc
    if not rows:
        raise TemplateError(f"{path} is empty; its first line names the columns")
    header = rows[0][1]
    repeated = next((name for name in header if header.count(name) > 1), None)
    if repeated is not None:
        raise TemplateError(f'{path}:1: the column "{repeated}" stands twice')
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise TemplateError(f"{path}:{line}: {len(row)} fields, the header has {len(header)}")
        yield dict(zip(header, row, strict=True))


def _jsonl(text: str, path: str) -> list[Any]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            rows.append(_load(line, f"{path}:{number}"))
    return rows


def _json(text: str, path: str) -> Any:
    return _load(text, path)


def _load(text: str, place: str) -> Any:
    try:
        return json_of(text)
    except ValueError as exc:
        raise TemplateError(f"{place}: this is not JSON: {exc}") from exc


def _toml(text: str, path: str) -> Any:
    try:
        return parse(source(path, text.encode()))
    except RunnerError as exc:
        problem = exc.problems[0]
        raise TemplateError(f"{problem.where}: {problem.detail}") from exc


def _keyed(rows: Any, key: str, path: str) -> dict[str, Any]:
    """The rows by the text in their column `key`, which must be there and be distinct."""
    held: dict[str, Any] = {}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or row.get(key) is None:
            near = closest(key, list(row)) if isinstance(row, dict) else None
            hint = f' Did you mean "{near}"?' if near else ""
            raise TemplateError(f'{path}: row {number} has no "{key}".{hint}')
        name = to_text(row[key])
        if name in held:
            raise TemplateError(f'{path}: "{name}" stands twice in the column "{key}"')
        held[name] = row
    return held


def _env(world: World, name: str) -> str:
    value = world.env(_text(name))
    if value is None:
        raise TemplateError(f"the environment variable {name} is not set")
    if not is_text(value):
        raise TemplateError(f"the environment variable {name} is not UTF-8 text")
    return value


def _no_env(name: str) -> str:
    # what a template reads does not show in the expression that calls it: nothing would be masked.
    raise TemplateError(
        f"env() cannot stand in a template; hand the value in: template(.., value=env('{name}'))"
    )


def _range(*bounds: int) -> list[int]:
    if not all(isinstance(bound, int) for bound in bounds) or not 1 <= len(bounds) <= 3:
        raise TemplateError("range wants one to three whole numbers")
    numbers = range(*bounds)
    if len(numbers) > 1_000_000:
        raise TemplateError("range gives at most 1,000,000 numbers")
    try:
        current().spend(len(numbers), 36 * len(numbers))
    except OverBudgetError as exc:
        raise TemplateError(str(exc)) from exc
    return list(numbers)
