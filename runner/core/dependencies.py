"""What waits for what, one node a block: no key, no value and no answer is needed for it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from runner.core.module import Declared, Module, refs_of
from runner.core.values import Ref


@dataclass(frozen=True, slots=True)
class Node:
    """A completion or a data source. `note` says whether it has instances; `module` is the
    address of the module that it stands in, empty for the root module.
    """

    address: str
    label: str
    note: str
    module: str


@dataclass(slots=True)
class BlockGraph:
    """Nodes by address; (a, b) for each a that waits for b."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[tuple[str, str], None] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)  # of modules

    def inside(self, module: str) -> list[Node]:
        """The nodes that stand directly in a module."""
        return [node for node in self.nodes.values() if node.module == module]

    def modules(self, outer: str) -> list[str]:
        """The modules that stand directly in a module."""
        begin = f"{outer}." if outer else ""
        return [name for name in self.notes if name.rpartition("module.")[0] == begin]


def block_graph(root: Module) -> BlockGraph:
    """The graph of all blocks of a root module and the modules below it, one node a block."""
    made = BlockGraph()
    top = _Place(root, "")
    _collect(top, made)
    for place in top.all():
        for declared in (*place.module.completions.values(), *place.module.data.values()):
            address = place.address(declared)
            for need in _needs(place, declared):
                made.edges[address, need] = None
    return made


def answers_behind(root: Module, refs: Iterable[Ref]) -> list[str]:
    """The completions and data sources that references of the root module lead to."""
    top = _Place(root, "")
    return list(_behind([(top, ref) for ref in refs]))


class _Place:
    """A module where it is called."""

    def __init__(
        self,
        module: Module,
        prefix: str,
        call: Declared | None = None,
        outer: "_Place | None" = None,
    ) -> None:
        self.module, self.prefix, self.call, self.outer = module, prefix, call, outer
        self.children = {
            name: _Place(module.children[name], f"{prefix}{call.address}.", call, self)
            for name, call in module.calls.items()
            if name in module.children
        }

    def address(self, declared: Declared) -> str:
        return f"{self.prefix}{declared.address}"

    def all(self) -> Iterator["_Place"]:
        yield self
        for child in self.children.values():
            yield from child.all()


def _collect(place: _Place, made: BlockGraph) -> None:
    module = place.prefix.rstrip(".")
    if place.call is not None:
        made.notes[module] = place.call.repeated_by
    for declared in (*place.module.completions.values(), *place.module.data.values()):
        address = place.address(declared)
        made.nodes[address] = Node(address, declared.address, declared.repeated_by, module)
    for child in place.children.values():
        _collect(child, made)


def _needs(place: _Place, declared: Declared) -> dict[str, None]:
    """What a block waits for: by its own references, and by the calls of the modules around it."""
    todo = [(place, ref) for ref in (*declared.refs, *(ref for ref, _ in declared.depends_on))]
    at: _Place = place
    while at.call is not None and at.outer is not None:
        if at.call.repeated:
            todo += [(at.outer, ref) for ref in refs_of([at.call.meta[at.call.repeated_by]])]
        todo += [(at.outer, ref) for ref, _ in at.call.depends_on]
        at = at.outer
    return _behind(todo)


def _behind(todo: "list[tuple[_Place, Ref]]") -> dict[str, None]:
    found: dict[str, None] = {}
    seen: set[tuple[str, Ref]] = set()
    while todo:
        where, ref = todo.pop(0)
        if (where.prefix, ref) not in seen:
            seen.add((where.prefix, ref))
            todo += _followed(where, ref, found)
    return found


def _followed(place: _Place, ref: Ref, found: dict[str, None]) -> list[tuple[_Place, Ref]]:
    """The references that a reference leads on to; a block that it leads to is put into `found`."""
    module, names = place.module, [str(part) for part in ref]
    match names:
        case ["completion", name, *_] if name in module.completions:
            found[place.address(module.completions[name])] = None
        case ["completion"]:
            found.update({place.address(block): None for block in module.completions.values()})
        case ["data", kind, name, *_] if f"{kind}.{name}" in module.data:
            found[place.address(module.data[f"{kind}.{name}"])] = None
        case ["local", name, *_] if name in module.locals:
            return [(place, inner) for inner in module.locals[name].refs]
        case ["var", name, *_] if place.call is not None and place.outer is not None:
            node = place.call.params.get(name)
            return [] if node is None else [(place.outer, inner) for inner in refs_of([node])]
        case ["module", name, *rest] if name in place.children:
            return _of_module(place.children[name], rest, found)
    return []


def _of_module(child: _Place, rest: list[str], found: dict[str, None]) -> list[tuple[_Place, Ref]]:
    """One output of a module, or (a module as a whole) all that stands in it."""
    outputs = child.module.outputs
    named = [outputs[name] for name in rest[:2] if name in outputs]
    if not named:
        for inner in child.all():
            held = (*inner.module.completions.values(), *inner.module.data.values())
            found.update({inner.address(declared): None for declared in held})
    return [(child, ref) for value in named for ref in value.refs]
