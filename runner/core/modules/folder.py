"""A folder of TOML files as blocks: merged, each checked, every mistake of all files together."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import Struct

from runner.core.address import BEGINNING, InText, Path
from runner.core.language.names import BLOCKS, DATA, is_identifier, is_workspace
from runner.core.suggest import did_you_mean
from runner.core.toml.source import Source, parse, source
from runner.errors import Problem, RunnerError, Where

ReadFolder = Callable[[str], Sequence[tuple[str, bytes]]]  # folder -> its *.toml: (file, bytes)

_LISTS = ("moved", "removed", "import")
_ONE = ("runner", "locals", "telemetry")
_ROOT_ONLY = ("runner", "provider", "import", "check", "compare", "telemetry")


@dataclass(frozen=True, slots=True)
class Block:
    """One table of the language as it was written, and where; `over` are those of override files
    that stand in it already, the last one first.
    """

    kind: str
    name: str
    table: dict[str, Any] = field(repr=False)
    source: Source = field(repr=False)
    path: Path
    over: "tuple[Block, ...]" = field(default=(), repr=False)

    def holder(self, path: Path) -> "Block":
        """The block in whose file a key is written."""
        return next((block for block in self.over if _has(block.table, path)), self)

    def where(
        self,
        path: Path = (),
        *,
        on: Literal["key", "value"] = "value",
        at: InText = BEGINNING,
    ) -> Where:
        """The place of a key inside this block, or of the block itself."""
        held = self.holder(path) if self.over else self
        return held.source.where((*held.path, *path), on=on, at=at)

    def problem(
        self,
        summary: str,
        detail: str,
        path: Path = (),
        *,
        at: InText = BEGINNING,
        warning: bool = False,
    ) -> Problem:
        """A problem at a place in this block."""
        where = self.where(path, at=at)
        return Problem(summary, detail, where, "warning" if warning else "error")


FileValues = dict[str, tuple[Any, Block]]


class Blocks(Struct, frozen=True):
    """All blocks of one folder. `by_kind[kind][name]`; a data source's name is TYPE.NAME."""

    folder: str
    by_kind: dict[str, dict[str, Block]]
    lists: dict[str, tuple[Block, ...]]
    values: FileValues  # of vars.toml and *.auto.vars.toml, the last one wins
    values_of: dict[str, FileValues]  # of vars.NAME.toml, by the workspace that is called so
    sources: tuple[Source, ...]

    def of(self, kind: str) -> dict[str, Block]:
        """The blocks of a kind, by name."""
        return self.by_kind.get(kind, {})


def load_folder(
    folder: str,
    read: ReadFolder,
    problems: list[Problem],
    *,
    root: bool = True,
) -> Blocks:
    """The blocks of a folder's *.toml files; every mistake is appended to `problems`."""
    sources: list[Source] = []
    value_sources: list[Source] = []
    override_sources: list[Source] = []
    for file, data in read(folder):
        try:
            text = source(file, data)
        except RunnerError as exc:
            problems.extend(exc.problems)
            continue
        overrides = is_override(file)
        into = override_sources if overrides else value_sources if holds_values(file) else sources
        into.append(text)
    found: list[Block] = []
    for text in sources:
        found.extend(_blocks(text, problems, root=root))
    over = [
        block
        for text in sorted(override_sources, key=lambda text: text.file)
        for block in _blocks(text, problems, root=root)
    ]
    values: dict[str | None, FileValues] = {None: {}}
    for text in sorted(value_sources if root else (), key=_precedence):
        held = values.setdefault(workspace_of(text.file), {})
        held.update(_with_places(text, _parsed(text, problems)))
    every = (*sources, *override_sources)
    return _merged(folder, found, over, values, every, problems)


def values_of(text: Source) -> FileValues:
    """The variable values of a file named by --var-file."""
    return _with_places(text, parse(text))


def _with_places(text: Source, table: dict[str, Any]) -> FileValues:
    return {name: (value, Block("values", "", {}, text, ())) for name, value in table.items()}


def holds_values(file: str) -> bool:
    """Whether a file of this name has values of variables, and no blocks."""
    name = file.rsplit("/", 1)[-1]
    return name == "vars.toml" or name.endswith(_AUTO) or workspace_of(file) is not None


def is_override(file: str) -> bool:
    """Whether the blocks of a file of this name are merged into those of the others."""
    name = file.rsplit("/", 1)[-1]
    return name == "override.toml" or name.endswith(".override.toml")


def workspace_of(file: str) -> str | None:
    """The workspace that a file of this name has the values of; None if it is no such file."""
    name = file.rsplit("/", 1)[-1]
    if (
        name.endswith(_AUTO)
        or is_override(file)
        or not (name.startswith("vars.") and name.endswith(".toml"))
    ):
        return None
    named = name[len("vars.") : -len(".toml")]
    return named if is_workspace(named) else None


_AUTO = ".auto.vars.toml"


def _precedence(text: Source) -> tuple[bool, str]:
    return text.file.endswith(_AUTO), text.file


def _parsed(text: Source, problems: list[Problem]) -> dict[str, Any]:
    try:
        return parse(text)
    except RunnerError as exc:
        problems.extend(exc.problems)
        return {}


def _blocks(text: Source, problems: list[Problem], *, root: bool) -> Iterator[Block]:
    for kind, table in _parsed(text, problems).items():
        if kind not in BLOCKS:
            hint = did_you_mean(kind, BLOCKS, f" There are {', '.join(BLOCKS)}.")
            where = text.where((kind,), on="key")
            problems.append(
                Problem("Unknown table", f'"{kind}" is no table of the language.{hint}', where)
            )
        elif kind in _ROOT_ONLY and not root:
            said = f"[{kind}] may stand in the root module only; a module gets it from its caller."
            problems.append(Problem("Not in a module", said, text.where((kind,), on="key")))
        else:
            yield from _of_kind(kind, table, text, problems)


def _of_kind(kind: str, table: Any, text: Source, problems: list[Problem]) -> Iterator[Block]:
    if kind in _LISTS:
        if not isinstance(table, list):
            problems.append(_shape(text, (kind,), f"Write [[{kind}]]: it may stand several times."))
            return
        for index, entry in enumerate(table):
            if isinstance(entry, dict):
                yield Block(kind, str(index), entry, text, (kind, index))
            else:
                said = f"Each [[{kind}]] is a table."
                problems.append(_shape(text, (kind, index), said))
    elif not isinstance(table, dict):
        problems.append(_shape(text, (kind,), f"[{kind}] is a table."))
    elif kind in _ONE:
        yield Block(kind, kind, table, text, (kind,))
    elif kind == "data":
        yield from _data(table, text, problems)
    else:
        for name, entry in table.items():
            yield from _named(kind, name, entry, text, (kind, name), problems)


def _data(table: dict[str, Any], text: Source, problems: list[Problem]) -> Iterator[Block]:
    for kind, entries in table.items():
        if kind not in DATA:
            hint = did_you_mean(kind, DATA, f" There are {', '.join(DATA)}.")
            said = f'"{kind}" is no type of data source.{hint}'
            where = text.where(("data", kind), on="key")
            problems.append(Problem("Unknown data source", said, where))
        elif not isinstance(entries, dict):
            problems.append(_shape(text, ("data", kind), f"Write [data.{kind}.NAME]."))
        else:
            for name, entry in entries.items():
                path = ("data", kind, name)
                for block in _named("data", name, entry, text, path, problems):
                    yield Block("data", f"{kind}.{name}", block.table, text, path)


def _named(
    kind: str, name: str, entry: Any, text: Source, path: Path, problems: list[Problem]
) -> Iterator[Block]:
    if not is_identifier(name):
        said = (
            f'"{name}" cannot be a name: a name is a letter or _ followed by letters, digits and _.'
        )
        problems.append(Problem("Invalid name", said, text.where(path, on="key")))
    elif not isinstance(entry, dict):
        shown = ".".join(str(part) for part in path)
        problems.append(_shape(text, path, f"[{shown}] is a table."))
    else:
        yield Block(kind, name, entry, text, path)


def _shape(text: Source, path: Path, said: str) -> Problem:
    return Problem("Not a table", said, text.where(path, on="key"))


def _merged(
    folder: str,
    found: Iterable[Block],
    over: Iterable[Block],
    values: dict[str | None, FileValues],
    sources: tuple[Source, ...],
    problems: list[Problem],
) -> Blocks:
    by_kind: dict[str, dict[str, Block]] = {}
    lists: dict[str, list[Block]] = {kind: [] for kind in _LISTS}
    for block in found:
        if block.kind in _LISTS:
            lists[block.kind].append(block)
        elif block.kind == "locals":
            _merge_locals(by_kind.setdefault("locals", {}), block, problems)
        else:
            _add(by_kind.setdefault(block.kind, {}), block.name, block, problems)
    for block in over:
        _override(by_kind, block, problems)
    kept = {kind: tuple(blocks) for kind, blocks in lists.items()}
    by_workspace = {name: held for name, held in values.items() if name is not None}
    return Blocks(folder, by_kind, kept, values[None], by_workspace, sources)


def _merge_locals(held: dict[str, Block], block: Block, problems: list[Problem]) -> None:
    for local in _locals(block, problems):
        _add(held, local.name, local, problems)


def _locals(block: Block, problems: list[Problem]) -> Iterator[Block]:
    for name, value in block.table.items():
        path = ("locals", name)
        if not is_identifier(name):
            said = f'"{name}" cannot be the name of a local value.'
            problems.append(Problem("Invalid name", said, block.where((name,), on="key")))
        else:
            yield Block("local", name, {"value": value}, block.source, path)


def _override(by_kind: dict[str, dict[str, Block]], block: Block, problems: list[Problem]) -> None:
    """Merge a block of an override file into the one of its name, key by key."""
    if block.kind in _LISTS:
        said = f"[[{block.kind}]] has no name by which it could be overridden: move it elsewhere."
        problems.append(Problem("Cannot be overridden", said, block.where(on="key")))
        return
    held = by_kind.get(block.kind, {})
    for one in _locals(block, problems) if block.kind == "locals" else (block,):
        base = held.get(one.name)
        if base is None:
            shown = ".".join(map(str, one.path))
            hint = did_you_mean(one.name, list(held), "")
            said = (
                f"No other file declares {shown}, and an override file changes what is declared."
                f"{hint}"
            )
            problems.append(Problem("Nothing to override", said, one.where(on="key")))
        else:
            held[one.name] = one if one.kind == "local" else _overridden(base, one)


def _overridden(base: Block, over: Block) -> Block:
    """Keys of `over` stand in place of those of `base`; those of a lifecycle one by one."""
    table = {**base.table, **over.table}
    rules = [block.table.get("lifecycle") for block in (base, over)]
    if all(isinstance(held, dict) for held in rules):
        table["lifecycle"] = {key: held[key] for held in rules if held for key in held}
    return Block(base.kind, base.name, table, base.source, base.path, (over, *base.over))


def _has(table: dict[str, Any], path: Path) -> bool:
    """Whether a table has the first key of a path; of a lifecycle, the second one."""
    if not path or path[0] not in table:
        return False
    inner = table[str(path[0])]
    return path[0] != "lifecycle" or len(path) < 2 or (isinstance(inner, dict) and path[1] in inner)


def _add(held: dict[str, Block], name: str, block: Block, problems: list[Problem]) -> None:
    first = held.setdefault(name, block)
    if first is not block:
        shown = ".".join(str(part) for part in block.path)
        said = f"{shown} was already declared at {first.where(on='key')}. Names are unique."
        problems.append(Problem("Duplicate block", said, block.where(on="key")))
