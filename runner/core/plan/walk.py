"""What waits for what: a walk that hands out each completion when its inputs have settled.

Instances that hang on an answer join the walk when it arrives. Nothing here recurses over the
graph, and settling one vertex costs its own edges only.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from runner.core.address import around, inside, with_key
from runner.core.expansion.scope import Scope
from runner.core.expansion.session import Instance, Session
from runner.core.modules.module import Declared
from runner.core.values import Names, Ref
from runner.errors import Problem, RunnerError

Kind = Literal["completion", "data", "expand", "group"]


@dataclass(frozen=True, slots=True, eq=False)
class Vertex:
    """One step of the walk: a completion, a data source, the expansion of a block whose
    instances are not known before an answer, or a group that has settled when all of its
    instances have.
    """

    address: str
    kind: Kind
    needs: tuple[str, ...]
    instance: Instance | None = None
    declared: Declared | None = None
    scope: Scope | None = None


def expansion(block: str) -> str:
    """The name of the step that expands a block."""
    return f"{block}#"


class Walk:
    """A topological walk over a graph that may grow. `ready` holds what may be decided now."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.vertices: dict[str, Vertex] = {}
        self.ready: deque[Vertex] = deque()
        self.groups: set[str] = set()  # blocks whose instances hang on answers
        self._settled: set[str] = set()
        self._pending: dict[str, int] = {}
        self._dependents: dict[str, list[str]] = {}
        self._shared: dict[tuple[str, str], tuple[tuple[str, ...], bool]] = {}
        root = session.scopes.get("") or Scope(session, session.root)
        self._add(self._module(root))

    def settle(self, address: str) -> None:
        """Nothing will change at this address any more; what waited for it may be ready."""
        if address in self._settled:
            return
        self._settled.add(address)
        for name in self._dependents.pop(address, ()):
            left = self._pending[name] - 1
            if left:
                self._pending[name] = left
            else:
                del self._pending[name]
                self.ready.append(self.vertices[name])

    def expand(self, vertex: Vertex) -> None:
        """The instances of a block whose for_each is known now join the walk."""
        if vertex.scope is None or vertex.declared is None:
            return
        scope, declared = vertex.scope, vertex.declared
        added = list(self._instances(scope, declared))
        block = scope.address(declared)
        self.groups.discard(block)
        self._add(added)
        group, inside = self.vertices[block], tuple(inner.address for inner in added)
        self.vertices[block] = _with_needs(group, (*group.needs, *inside))
        self._wait(block, inside)

    def dependents(self, address: str) -> bool:
        """Whether anything still waits for this address."""
        return address in self._dependents

    def stuck(self) -> Iterator[Vertex]:
        """What can never become ready: it stands on a cycle, or behind one."""
        return (self.vertices[name] for name in self._pending)

    def is_declared(self, address: str) -> bool:
        """Whether the configuration has this address, or may have it once answers are known."""
        vertex = self.vertices.get(address)
        if vertex is not None and vertex.instance is not None:
            return True  # a group has the block's address, and is none itself
        return any(block in self.groups for block in around(address))

    def _module(self, scope: Scope) -> Iterator[Vertex]:
        problems: dict[Problem, None] = {}  # a block that others need fails for each of them
        for declared in scope.module.declared:
            try:
                yield from self._block(scope, declared)
            except RunnerError as exc:
                problems.update(dict.fromkeys(exc.problems))
        if problems:
            raise RunnerError(*problems)

    def _block(self, scope: Scope, declared: Declared) -> Iterator[Vertex]:
        needs = scope.expansion_deps(declared)
        if not needs:
            yield from self._instances(scope, declared)
            return
        block = scope.address(declared)
        self.groups.add(block)
        yield Vertex(expansion(block), "expand", needs, None, declared, scope)
        yield Vertex(
            block, "group", (expansion(block), *_shared(scope, declared)), None, declared, scope
        )

    def _instances(self, scope: Scope, declared: Declared) -> Iterator[Vertex]:
        for instance in scope.instances(declared):
            if declared.kind == "module":
                child = scope.child(instance)
                if child is not None:
                    yield from self._module(child)
            else:
                kind: Kind = "data" if declared.kind == "data" else "completion"
                yield Vertex(instance.address, kind, (), instance)

    def _add(self, found: Iterable[Vertex]) -> None:
        added = list(found)
        for vertex in added:
            self.vertices[vertex.address] = vertex
        todo = added
        while todo:
            wanted: dict[str, None] = {}
            for vertex in todo:
                needs = vertex.needs or self._needs(vertex)
                if needs is not vertex.needs:
                    self.vertices[vertex.address] = _with_needs(vertex, needs)
                for address in needs:
                    if address not in self.vertices:
                        wanted[address] = None
                self._wait(vertex.address, needs, new=True)
            todo = [self._group(block) for block in wanted]
            for group in todo:
                self.vertices[group.address] = group

    def _wait(self, name: str, needs: Iterable[str], *, new: bool = False) -> None:
        waits = 0
        for address in needs:
            if address not in self._settled:
                self._dependents.setdefault(address, []).append(name)
                waits += 1
        if waits:
            self._pending[name] = self._pending.get(name, 0) + waits
        elif new:
            self.ready.append(self.vertices[name])

    def _group(self, block: str) -> Vertex:
        """All instances of a block that is known, as one step."""
        keys = self.session.keys.get(block)
        if keys is None:
            raise AssertionError(f"{block} is no block")
        return Vertex(block, "group", tuple(with_key(block, key) for key in keys))

    def _needs(self, vertex: Vertex) -> tuple[str, ...]:
        instance = vertex.instance
        if instance is None:
            return ()
        held = (instance.scope.prefix, instance.declared.address)
        if held not in self._shared:
            keyed = any(_is_keyed(ref) for ref in instance.declared.refs)
            self._shared[held] = (() if keyed else _asked(instance), keyed)
        needs, keyed = self._shared[held]
        return edges(instance, instance.names()) if keyed else self._with_caller(instance, needs)

    def _with_caller(self, instance: Instance, needs: tuple[str, ...]) -> tuple[str, ...]:
        ordered = _order_of_calls(instance)
        return needs if not ordered else tuple(dict.fromkeys((*needs, *ordered)))


def edges(instance: Instance, names: Names | None = None) -> tuple[str, ...]:
    """The addresses that one instance needs, data and depends_on alike."""
    needs = _asked(instance, names or instance.names())
    return tuple(dict.fromkeys((*needs, *_order_of_calls(instance))))


def _asked(instance: Instance, names: Names | None = None) -> tuple[str, ...]:
    """What a block itself refers to and depends on."""
    scope, declared = instance.scope, instance.declared
    needs = (*scope.deps(declared.refs, names), *scope.order(declared, names))
    return tuple(dict.fromkeys(needs))


def _order_of_calls(instance: Instance) -> tuple[str, ...]:
    """What the depends_on of the modules around an instance adds."""
    found: dict[str, None] = {}
    call = instance.scope.call
    while call is not None:
        if call.declared.depends_on:
            found.update(dict.fromkeys(call.scope.order(call.declared, call.names())))
        call = call.scope.call
    return tuple(found)


def _shared(scope: Scope, declared: Declared) -> tuple[str, ...]:
    """What every instance of a completion needs, whichever instances there will be: a cycle
    through them is told before anything is paid for.
    """
    if declared.kind == "module":
        return ()
    refs = [ref for ref in declared.refs if not _is_keyed(ref)]
    return tuple(dict.fromkeys((*scope.deps(refs), *scope.order(declared))))


def _is_keyed(ref: Ref) -> bool:
    return any(isinstance(part, tuple) for part in ref)


def _with_needs(vertex: Vertex, needs: tuple[str, ...]) -> Vertex:
    return Vertex(
        vertex.address, vertex.kind, needs, vertex.instance, vertex.declared, vertex.scope
    )


def cycle_error(walk: Walk) -> RunnerError:
    """The error of a graph that cannot be walked: one whole cycle, in order, with the place of
    each edge.
    """
    stuck = {vertex.address: vertex for vertex in walk.stuck()}
    path: list[str] = []
    seen: dict[str, int] = {}
    at = next(iter(sorted(stuck)))
    while at not in seen:
        seen[at] = len(path)
        path.append(at)
        at = next(address for address in stuck[at].needs if address in stuck)
    ring = path[seen[at] :]
    inner = [*ring[1:], ring[0]]
    ring = [name for name, after in zip(ring, inner, strict=True) if not _holds(name, after)]
    lines = [_edge(stuck[name], ring[(i + 1) % len(ring)]) for i, name in enumerate(ring)]
    names = [name.rstrip("#") for name in ring]
    first = stuck[ring[0]]
    declared = first.instance.declared if first.instance else first.declared
    where = declared.block.where() if declared else None
    if len(names) == 1:
        said = f"{names[0]} refers to itself:\n  {lines[0]}"
    else:
        chain = " -> ".join([*names, names[0]])
        said = f"These wait for each other: {chain}\n  " + "\n  ".join(lines)
    said += "\nAn answer cannot be part of its own prompt: take one of these references out."
    return RunnerError(Problem("Cycle", said, where))


def _holds(group: str, address: str) -> bool:
    """Whether a step stands for the other one: a group for an instance of it."""
    return address == expansion(group) or inside(group, address)


def _edge(vertex: Vertex, target: str) -> str:
    declared = vertex.instance.declared if vertex.instance else vertex.declared
    scope = vertex.instance.scope if vertex.instance else vertex.scope
    if declared is None or scope is None:
        return f"{vertex.address} -> {target}"
    names = vertex.instance.names() if vertex.instance else None
    block = target.rstrip("#")

    def refers(ref: Ref) -> bool:
        return any(
            need == block or need.startswith(f"{block}[") or block.startswith(f"{need}[")
            for need in scope.deps([ref], names)
        )

    shown = vertex.address.rstrip("#")
    hole = declared.hole_of(refers)
    if hole is not None:
        where = declared.block.where(hole.path, line_in_value=hole.line)
        return f"{shown} refers to {block} ({where})"
    path = next((path for ref, path in declared.depends_on if refers(ref)), ())
    return f"{shown} waits for {block} ({declared.block.where(path)})"
