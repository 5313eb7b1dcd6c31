"""What waits for what, one node a block: no key, no value and no answer is needed for it."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from runner.core.expressions.template import Node
from runner.core.modules.module import CompiledModule, Declared, refs_of
from runner.core.values import Ref


class GraphNode(Struct, frozen=True):
    """A completion or a data source. `note` says whether it has instances; `module` is the
    address of the module that it stands in, empty for the root module.
    """

    address: str
    label: str
    note: str
    module: str


class Needs(Struct):
    """What something hangs on: the addresses of blocks, and variables of the environment."""

    blocks: dict[str, None] = {}
    variables: set[str] = set()


class BlockGraph(Struct):
    """Nodes by address; (a, b) for each a that waits for b; `declared` has the block of each, and
    `variables` what it reads of the environment itself, for those that read any.
    """

    nodes: dict[str, GraphNode] = {}
    edges: dict[tuple[str, str], None] = {}
    notes: dict[str, str] = {}  # of modules
    declared: dict[str, Declared] = {}
    variables: dict[str, set[str]] = {}

    def inside(self, module: str) -> list[GraphNode]:
        """The nodes that stand directly in a module."""
        return [node for node in self.nodes.values() if node.module == module]

    def modules(self, outer: str) -> list[str]:
        """The modules that stand directly in a module."""
        begin = f"{outer}." if outer else ""
        return [name for name in self.notes if name.rpartition("module.")[0] == begin]


def block_graph(root: CompiledModule, *, needs: bool = True) -> BlockGraph:
    """The graph of all blocks of a root module and the modules below it, one node a block; without
    `needs`, the nodes alone.
    """
    made = BlockGraph()
    top = _Place(root, "")
    _collect(top, made)
    for place in top.all() if needs else ():
        for declared in place.module.asking:
            address = place.address(declared)
            found = _needs(place, declared)
            made.edges.update({(address, need): None for need in found.blocks})
            if found.variables:
                made.variables[address] = found.variables
    return made


def answers_behind(root: CompiledModule, refs: Iterable[Ref]) -> list[str]:
    """The completions and data sources that references of the root module lead to."""
    top = _Place(root, "")
    return list(_follow([(top, ref) for ref in refs]).blocks)


def reads_environment(root: CompiledModule) -> bool:
    """Whether anything in a module, or in those below it, reads a variable of the environment."""
    todo, seen = [root], {id(root)}
    while todo:
        module = todo.pop()
        values = (*module.locals.values(), *module.outputs.values())
        refs = [held.refs for held in module.declared] + [value.refs for value in values]
        if any(ref[0] == "env" for held in refs for ref in held):
            return True
        for child in module.children.values():
            if id(child) not in seen:
                seen.add(id(child))
                todo.append(child)
    return False


def needs_of(root: CompiledModule, values: Iterable[Node]) -> Needs:
    """What values hang on that stand in the root module itself, in no completion of it."""
    top = _Place(root, "")
    return _follow([(top, ref) for ref in refs_of(values)])


class _Place:
    """A module where it is called."""

    def __init__(
        self,
        module: CompiledModule,
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
    for declared in place.module.asking:
        address = place.address(declared)
        made.nodes[address] = GraphNode(address, declared.address, declared.repeated_by, module)
        made.declared[address] = declared
    for child in place.children.values():
        _collect(child, made)


def _needs(place: _Place, declared: Declared) -> Needs:
    """What a block waits for: by its own references, and by the calls of the modules around it."""
    todo = [(place, ref) for ref in (*declared.refs, *(ref for ref, _ in declared.depends_on))]
    at: _Place = place
    while at.call is not None and at.outer is not None:
        if at.call.repeated:
            todo += [(at.outer, ref) for ref in refs_of([at.call.meta[at.call.repeated_by]])]
        todo += [(at.outer, ref) for ref, _ in at.call.depends_on]
        at = at.outer
    return _follow(todo)


def _follow(todo: list[tuple[_Place, Ref]]) -> Needs:
    found = Needs()
    seen: set[tuple[str, Ref]] = set()
    while todo:
        where, ref = todo.pop(0)
        if (where.prefix, ref) not in seen:
            seen.add((where.prefix, ref))
            if ref[0] == "env":
                found.variables.update(str(name) for name in ref[1:])
            todo += _followed(where, ref, found.blocks)
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
        named = list(outputs.values())
    return [(child, ref) for value in named for ref in value.refs]
