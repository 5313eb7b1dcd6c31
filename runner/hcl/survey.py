"""What all files declare, before any is converted."""

from collections.abc import Iterator, Sequence

from runner.hcl.scope import HclNames, identifier, written_keys
from runner.hcl.tree import HclFile, HclNode, Nested, attribute, attributes


def survey(files: Sequence[HclFile]) -> HclNames:
    """The names that a conversion of these files has to know of."""
    completions: set[str] = set()
    modules: set[str] = set()
    maps: set[str] = set()
    lists: set[str] = set()
    items: dict[str, frozenset[str]] = {}
    held: dict[str, HclNode] = {}
    for block in _blocks(files):
        if block.kind == "locals":
            held.update({each.name: each.value for each in attributes(block.body)})
            continue
        address = _address(block)
        if block.kind == "module" and block.labels:
            (completions if _is_completion(block) else modules).add(block.labels[0])
        if address and (kind := _collection(block)):
            (maps if kind == "map" else lists).add(address)
        if block.kind == "variable" and (keys := _item_keys(attribute(block.body, "type"))):
            items[block.labels[0]] = keys
    return HclNames(
        frozenset(completions), frozenset(modules), frozenset(maps), frozenset(lists), items, held
    )


def _blocks(files: Sequence[HclFile]) -> Iterator[Nested]:
    for file in files:
        yield from (each for each in file.body.elements if isinstance(each, Nested))


def _is_completion(block: Nested) -> bool:
    """A module from a folder chat_completion, or one that is given messages."""
    source = attribute(block.body, "source")
    path = "".join(part.text for part in source.children) if source is not None else ""
    last = path.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
    return last == "chat_completion" or attribute(block.body, "messages") is not None


def _address(block: Nested) -> str | None:
    match block.kind, block.labels:
        case "module", (name,):
            return f"completion.{identifier(name)}"
        case "resource", ("openai_chat_completion", name):
            return f"completion.{identifier(name)}"
        case "variable", (name,):
            return f"var.{identifier(name)}"
        case _:
            return None


def _collection(block: Nested) -> str:
    if block.kind != "variable":
        one = {"for_each": "map", "count": "list"}
        return next((one[name] for name in one if attribute(block.body, name) is not None), "")
    kind = attribute(block.body, "type")
    name = kind.text if kind is not None else ""
    if name in ("map", "object"):
        return "map"
    return "list" if name in ("list", "set", "tuple") else ""


def _item_keys(kind: HclNode | None) -> frozenset[str]:
    """The keys of the objects in `list(object({ .. }))`; none of any other type."""
    match kind:
        case HclNode("call", "list" | "set", (HclNode("call", "object", (inner,)),)):
            return frozenset(written_keys(inner) or ())
        case _:
            return frozenset()
