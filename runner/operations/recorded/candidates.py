"""The names of a project, for whoever has typed the beginning of one."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

from runner.core.address import axes_of, in_order, is_address, selecting, split_key
from runner.core.language.names import PROVIDERS, is_identifier, is_workspace
from runner.core.modules.folder import Blocks
from runner.io.git.repository import Repository
from runner.io.presets import presets
from runner.operations.options import ProjectPlace
from runner.operations.outputs import outputs_json
from runner.operations.project.places import blocks_of_place, project_directory, states_of, store_of

NameKind = Literal[
    "address", "record", "output", "workspace", "provider", "variable", "value", "check", "tag",
    "revision",
]  # fmt: skip
"""What has a name that can be completed."""

Candidate = tuple[str, str]
"""A name, and what it is about."""

_REVISION = re.compile(r"[A-Za-z0-9_][\w./+@-]*")  # git lets a name hold much more
_FEW = 20  # instances of a block that are named before the block's bracket is typed


def candidates(place: ProjectPlace, named: NameKind, typed: str) -> list[Candidate]:
    """The names that begin with what is typed; RunnerError if the project cannot be read. A
    configuration that is not whole will do. What the language takes for no name is none, whatever
    file of the project has it: a name becomes a part of somebody's command line.
    """
    unique: dict[str, str] = {}
    names = [(name, about) for name, about in _names(place, named) if _is_name(named, name)]
    for name, about in (*names, *_selectors(name for name, _ in names if "[" in typed)):
        if name.startswith(typed) and name.isprintable():
            unique.setdefault(name, about)
    return [*unique.items()] if "[" in typed else _without_crowds(unique)


def _is_name(named: NameKind, text: str) -> bool:
    match named:
        case "address" | "record":
            return is_address(text)
        case "workspace" | "tag":  # a tag may be any text, and is no more than a word here
            return is_workspace(text)
        case "output" | "provider":
            return is_identifier(text)
        case "variable":
            return is_identifier(text.removesuffix("="))
        case "revision":
            return _REVISION.fullmatch(text) is not None
        case "value" | "check":
            return all(map(is_identifier, text.split(".")))


def _names(place: ProjectPlace, named: NameKind) -> Iterator[Candidate]:
    match named:
        case "address":
            yield from _declared(blocks_of_place(place))
            yield from _recorded(place)
        case "record":
            yield from _recorded(place)
        case "output":
            yield from _outputs(place)
        case "workspace":
            yield from ((name, "") for name in states_of(place).workspaces())
        case "provider":
            yield from ((name, "") for name in blocks_of_place(place).of("provider"))
            yield from ((name, "") for name in PROVIDERS)
            yield from ((preset.name, "") for preset in presets())
        case "value":
            blocks = blocks_of_place(place)
            yield from ((f"var.{name}", "") for name in blocks.of("variable"))
            yield from ((f"local.{name}", "") for name in blocks.of("locals"))
            yield from _declared(blocks)
        case "check":
            yield from _checks(blocks_of_place(place))
        case "revision":
            repository = Repository.around(project_directory(place))
            yield from ((name, "") for name in (repository.names() if repository else ()))
        case "tag":
            yield from _tags(blocks_of_place(place))
        case "variable":
            for name, block in blocks_of_place(place).of("variable").items():
                yield f"{name}=", str(block.table.get("description") or "")


def _declared(blocks: Blocks) -> Iterator[Candidate]:
    for kind in ("completion", "data", "module"):
        yield from ((f"{kind}.{name}", "") for name in blocks.of(kind))
    judged = (name for name, block in blocks.of("check").items() if "judge" in block.table)
    yield from ((f"check.{name}.judge", "") for name in judged)


def _checks(blocks: Blocks) -> Iterator[Candidate]:
    for kind in ("check", "compare"):
        for name, block in blocks.of(kind).items():
            yield f"{kind}.{name}", str(block.table.get("description") or "")


def _tags(blocks: Blocks) -> Iterator[Candidate]:
    for block in blocks.of("check").values():
        tags = block.table.get("tags")
        yield from ((str(tag), "") for tag in (tags if isinstance(tags, list) else ()))


def _recorded(place: ProjectPlace) -> Iterator[Candidate]:
    state = store_of(place).load()
    return ((address, "") for address in in_order(state.records if state is not None else ()))


def _selectors(addresses: Iterable[str]) -> Iterator[Candidate]:
    """A selector for each value on an axis of these instances, with how many have it."""
    found: Counter[str] = Counter()
    for address in filter(is_address, addresses):
        block, key = split_key(address)
        found.update(f"{block}[{selecting(axis, on)}]" for axis, on in axes_of(key).items())
    return ((selector, f"{number} instances") for selector, number in found.items())


def _outputs(place: ProjectPlace) -> Iterator[Candidate]:
    """Those of the configuration, with what they are said to be, then those that are written."""
    blocks = blocks_of_place(place)
    for name, block in blocks.of("output").items():
        yield name, str(block.table.get("description") or "")
    yield from ((name, "") for name in blocks.of("completion"))
    yield from ((name, "") for name in outputs_json.held(store_of(place)) or ())


def _without_crowds(found: dict[str, str]) -> list[Candidate]:
    """A block in place of its instances, where those are many."""
    instances: dict[str, list[str]] = {}
    for name in found:
        instances.setdefault(name.partition("[")[0], []).append(name)
    kept: list[Candidate] = []
    for block, names in instances.items():
        crowd: Iterable[str] = names if len(names) <= _FEW else (block,)
        kept += ((name, found.get(name, "")) for name in crowd)
    return kept
