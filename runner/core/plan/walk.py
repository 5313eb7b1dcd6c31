"""What waits for what: a walk that hands out each completion when its inputs have settled.

Instances that hang on an answer join the walk when it arrives. Nothing here recurses over the
graph, and settling one vertex costs its own edges only.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from runner.core.address import around, blocks_of, covers, inside, module_of, with_key
from runner.core.expansion.scope import Scope
from runner.core.expansion.session import Instance, Session
from runner.core.modules.module import Declared
from runner.core.values import Names, Ref
from runner.errors import Problem, RunnerError

Kind = Literal["completion", "data", "expand", "group"]


class Expansion(Struct, frozen=True):
    """The key of the step that expands a block; the block's address is its group's."""

    block: str


VertexKey = str | Expansion


class Vertex(Struct, frozen=True, eq=False):
    """One step of the walk: a completion, a data source, the expansion of a block whose
    instances are not known before an answer, or a group that has settled when all of its
    instances have. The address of an expansion, and of a group, is the block's.
    """

    address: str
    kind: Kind
    needs: tuple[VertexKey, ...]
    instance: Instance | None = None
    declared: Declared | None = None
    scope: Scope | None = None

    @property
    def key(self) -> VertexKey:
        """What tells it from every other one of a walk."""
        return Expansion(self.address) if self.kind == "expand" else self.address


def address_of(key: VertexKey) -> str:
    """The address of the vertex with this key."""
    return key.block if isinstance(key, Expansion) else key


def _known_with(block: str) -> VertexKey:
    """What has to settle before the instances of a block are in the walk; of a module, whatever is
    in it, since that may have more to wait for.
    """
    return block if blocks_of(block)[-1][0] == "module" else Expansion(block)


class Walk:
    """A topological walk over a graph that may grow. `ready` holds what may be decided now. Of what
    is `alone` nothing waits for anything, and nothing else is there.
    """

    def __init__(self, session: Session, alone: Iterable[Vertex] | None = None) -> None:
        self.session = session
        self.vertices: dict[VertexKey, Vertex] = {}
        self.ready: deque[Vertex] = deque()
        self.groups: set[str] = set()  # blocks whose instances hang on answers
        self._settled: set[VertexKey] = set()
        self._pending: dict[VertexKey, int] = {}
        self._dependents: dict[VertexKey, list[VertexKey]] = {}
        self._shared: dict[tuple[str, int], tuple[tuple[str, ...], bool]] = {}
        if alone is not None:
            self.vertices = {vertex.key: vertex for vertex in alone}
            self.ready.extend(self.vertices.values())
            return
        root = session.scopes.get("") or Scope(session, session.root)
        self._add(self._module(root))

    def again(self) -> "Walk | None":
        """The same walk at its beginning; None where the next may be another one: something waits
        in it, or its session has learned what another one may not.
        """
        if self.session.has_learned or any(vertex.needs for vertex in self.vertices.values()):
            return None
        return Walk(self.session, alone=self.vertices.values())

    def settle(self, vertex: Vertex) -> None:
        """Nothing will change at this vertex any more; what waited for it may be ready."""
        settled = vertex.key
        if settled in self._settled:
            return
        self._settled.add(settled)
        for key in self._dependents.pop(settled, ()):
            left = self._pending[key] - 1
            if left:
                self._pending[key] = left
            else:
                del self._pending[key]
                self.ready.append(self.vertices[key])

    def expand(self, vertex: Vertex) -> None:
        """The instances of a block whose keys are known now join the walk."""
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

    def steps_at(self, keys: Iterable[VertexKey]) -> Iterator[str]:
        """The addresses that vertices stand for: of a group, those of all that is in it."""
        todo = [*keys]
        while todo:
            key = todo.pop()
            vertex = self.vertices.get(key)
            if vertex is not None and vertex.kind == "group":
                todo += vertex.needs
            else:
                yield address_of(key)

    def dependents(self, address: str) -> bool:
        """Whether anything still waits for this address."""
        return address in self._dependents

    def waits(self, key: VertexKey) -> bool:
        """Whether it is a vertex that waits for another one."""
        return key in self._pending

    def stuck(self) -> Iterator[Vertex]:
        """What can never become ready: it stands on a cycle, or behind one."""
        return (self.vertices[key] for key in self._pending)

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
        needs: tuple[VertexKey, ...] = scope.expansion_deps(declared)
        if not needs:
            yield from self._instances(scope, declared)
            return
        if declared.judging is not None:
            needs = tuple(map(_known_with, map(address_of, needs)))
        block = scope.address(declared)
        self.groups.add(block)
        yield Vertex(block, "expand", needs, None, declared, scope)
        yield Vertex(
            block, "group", (Expansion(block), *_shared(scope, declared)), None, declared, scope
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
            self.vertices[vertex.key] = vertex
        todo = added
        while todo:
            wanted: dict[VertexKey, None] = {}
            for vertex in todo:
                needs = vertex.needs or self._needs(vertex)
                if not needs:
                    self.ready.append(vertex)
                    continue
                if needs is not vertex.needs:
                    self.vertices[vertex.key] = _with_needs(vertex, needs)
                for need in needs:
                    if need not in self.vertices:
                        wanted[need] = None
                self._wait(vertex.key, needs, new=True)
            todo = [self._group(address_of(block)) for block in wanted]
            for group in todo:
                self.vertices[group.address] = group

    def _wait(self, key: VertexKey, needs: Iterable[VertexKey], *, new: bool = False) -> None:
        waits = 0
        for need in needs:
            if need not in self._settled:
                self._dependents.setdefault(need, []).append(key)
                waits += 1
        if waits:
            self._pending[key] = self._pending.get(key, 0) + waits
        elif new:
            self.ready.append(self.vertices[key])

    def _group(self, block: str) -> Vertex:
        """All instances of a block that is known, or all that is in a module, as one step."""
        kind, name = blocks_of(block)[-1]
        if kind == "module":
            scope = self.session.scopes[module_of(block)]
            return Vertex(block, "group", tuple(scope.inside(name, block)))
        keys = self.session.keys.get(block)
        if keys is None:
            raise AssertionError(f"{block} is no block")
        return Vertex(block, "group", tuple(with_key(block, key) for key in keys))

    def _needs(self, vertex: Vertex) -> tuple[str, ...]:
        instance = vertex.instance
        if instance is None:
            return ()
        if instance.hangs_on_own:
            return edges(instance)
        held = (instance.scope.prefix, id(instance.declared))
        shared = self._shared.get(held)
        if shared is None:
            keyed = any(map(_is_keyed, _refs(instance)))
            needs = () if keyed else edges(instance, instance.scope.names)
            shared = self._shared[held] = (needs, keyed)
        needs, keyed = shared
        return edges(instance) if keyed else needs


def edges(instance: Instance, names: Names | None = None) -> tuple[str, ...]:
    """The addresses that one instance needs, data and depends_on alike."""
    scope, names = instance.scope, names or instance.names()
    own = (*scope.deps(_refs(instance), names), *scope.order(instance.declared, names))
    return tuple(dict.fromkeys((*own, *_order_of_calls(instance))))


def _refs(instance: Instance) -> tuple[Ref, ...]:
    """What an instance refers to. Which instances there are is no part of it where the keys of
    others say so: each waits for its own answer, not for all of them.
    """
    declared = instance.declared
    if instance.judged is not None:
        return declared.own_refs  # it waits for its own answer, however late that joined
    late = instance.scope.expansion_deps(declared)
    return declared.refs if late else declared.own_refs


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


def _with_needs(vertex: Vertex, needs: tuple[VertexKey, ...]) -> Vertex:
    return Vertex(
        vertex.address, vertex.kind, needs, vertex.instance, vertex.declared, vertex.scope
    )


def cycle_error(walk: Walk) -> RunnerError:
    """The error of a graph that cannot be walked: one whole cycle, in order, with the place of
    each edge.
    """
    stuck = {vertex.key: vertex for vertex in walk.stuck()}
    path: list[VertexKey] = []
    seen: dict[VertexKey, int] = {}
    at = min(stuck, key=lambda key: (address_of(key), isinstance(key, Expansion)))
    while at not in seen:
        seen[at] = len(path)
        path.append(at)
        at = next(need for need in stuck[at].needs if need in stuck)
    ring = path[seen[at] :]
    inner = [*ring[1:], ring[0]]
    ring = [key for key, after in zip(ring, inner, strict=True) if not _holds(key, after)]
    names = [address_of(key) for key in ring]
    lines = [_edge(stuck[key], names[(i + 1) % len(ring)]) for i, key in enumerate(ring)]
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


def _holds(group: VertexKey, key: VertexKey) -> bool:
    """Whether a step stands for the other one: a group for an instance of it."""
    if isinstance(group, Expansion):
        return False
    return key == Expansion(group) or inside(group, address_of(key))


def _edge(vertex: Vertex, block: str) -> str:
    declared = vertex.instance.declared if vertex.instance else vertex.declared
    scope = vertex.instance.scope if vertex.instance else vertex.scope
    if declared is None or scope is None:
        return f"{vertex.address} -> {block}"
    names = vertex.instance.names() if vertex.instance else None

    def refers(ref: Ref) -> bool:
        return any(
            need == block or need.startswith(f"{block}[") or block.startswith(f"{need}[")
            for need in scope.deps([ref], names)
        )

    def waits(ref: Ref) -> bool:
        return any(covers(need, block) or inside(block, need) for need in scope.before(ref, names))

    hole = declared.hole_of(refers)
    if hole is not None:
        where = declared.block.where(hole.path, at=hole.at)
        return f"{vertex.address} refers to {block} ({where})"
    path = next((path for ref, path in declared.depends_on if waits(ref)), ())
    return f"{vertex.address} waits for {block} ({declared.block.where(path)})"
