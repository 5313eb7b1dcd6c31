"""A module compiled: every text read once; what its blocks hold and what they refer to."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from runner.core.address import Path, blocks_of
from runner.core.expressions.template import Constant, Hole, Node, holes
from runner.core.language.findings import Finding, settled
from runner.core.language.names import REPEATING
from runner.core.modules.folder import Block, Blocks
from runner.core.values import Ref
from runner.errors import Problem, Where


class Rule(Struct, frozen=True):
    """A rule of a variable, a lifecycle or an output: what must be true, and what to say if it is
    not; with `each`, of each item of that value.
    """

    condition: Node
    message: Node
    path: Path
    each: Node | None = None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All values that it is made of."""
        return (self.condition, self.message, *(() if self.each is None else (self.each,)))


DeclaredKind = Literal["completion", "data", "module", "check"]


class Judging(Struct, frozen=True):
    """What a judge is asked for a check: about the answers of the `blocks` that `of` selects, so
    many times each; by one rubric without a name, or several; for a pass or a fail, or for a number
    from 0 to `scale`. `strict`: an answer without a verdict counts against the check.
    """

    check: str

    of: tuple[str, ...]
    blocks: tuple[str, ...] = ()
    samples: int = 1
    rubrics: tuple[str, ...] = ()
    scale: float | None = None
    strict: bool = False

    @property
    def is_of_one(self) -> bool:
        """Whether the answers are those of one block of this module, told apart by their keys."""
        return len(self.blocks) == 1 and self.blocks[0].startswith("completion.")


class Declared(Struct, frozen=True):
    """A completion, a data source, a module call or a check's judge, which is a completion with a
    name of its own: its parameters and meta-arguments, compiled.
    """

    kind: DeclaredKind
    name: str
    block: Block
    params: dict[str, Node]
    meta: dict[str, Node]
    depends_on: tuple[tuple[Ref, Path], ...] = ()
    preconditions: tuple[Rule, ...] = ()
    postconditions: tuple[Rule, ...] = ()
    refs: tuple[Ref, ...] = ()  # of everything that is filled for one instance
    own_refs: tuple[Ref, ...] = ()  # the same without what gives its instances
    uses_text_only: bool = False  # holes stand only in the texts of messages
    judging: Judging | None = None  # of a judge

    @property
    def address(self) -> str:
        """The block's address within its module."""
        return f"{self.kind}.{self.name}"

    @property
    def reads_state(self) -> bool:
        """Whether it reads the state of another project, and asks no provider."""
        return self.kind == "data" and self.name.startswith("runner_state.")

    @property
    def repeated(self) -> bool:
        """Whether it has instances."""
        return self.repeated_by != ""

    @property
    def repeated_by(self) -> str:
        """`for_each`, `count` or `matrix`, whichever gives its instances; empty if it has none."""
        return next((name for name in REPEATING if name in self.meta), "")

    @property
    def has_keys(self) -> bool:
        """Whether its instances have keys, which are texts; else indexes, or it has none."""
        return self.repeated_by in ("for_each", "matrix")

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of its matrix in the order of the alphabet; none if it has no matrix."""
        table = self.block.table.get("matrix")
        return tuple(sorted(table)) if isinstance(table, Mapping) else ()

    def hole_of(self, refers: Any) -> Hole | None:
        """The first hole for whose reference `refers` is true."""
        for node in (*self.meta.values(), *self.params.values()):
            for hole in holes(node):
                if any(refers(ref) for ref in hole.refs):
                    return hole
        return None


class Placed(Struct, frozen=True):
    """What may be a mistake in a block, as whoever is asked takes it or not; and where it is."""

    finding: Finding
    where: Where

    def problem(self, provider: str, *, strict: bool) -> Problem:
        """It, where this provider is asked."""
        found = settled(self.finding, provider, strict=strict)
        return Problem(found.summary, found.detail, self.where, found.severity)


class NamedValue(Struct, frozen=True):
    """A named value of a module: a local, an output, a variable's default."""

    node: Node
    block: Block
    conditions: tuple[Rule, ...] = ()

    @property
    def refs(self) -> tuple[Ref, ...]:
        """What the value refers to, and what must hold of it."""
        return refs_of([self.node, *(node for rule in self.conditions for node in rule.nodes)])


class DeclaredCheck(Struct, frozen=True):
    """What is expected of the answers of some addresses: all of `expect`, or a number for each, or
    what a judge says.
    """

    block: Block
    of: tuple[str, ...]
    expect: tuple[Node, ...] = ()
    score: Node | None = None
    judge: Declared | None = None
    rubric: str = ""  # which one of its judge's, if there are several

    @property
    def address(self) -> str:
        """The block's address, and the name of the rubric."""
        return f"check.{self.block.name}" + (f".{self.rubric}" if self.rubric else "")

    @property
    def is_score(self) -> bool:
        """Whether each answer gets a number."""
        judging = None if self.judge is None else self.judge.judging
        return self.score is not None or (judging is not None and judging.scale is not None)

    @property
    def entries(self) -> tuple[tuple[Path, Node], ...]:
        """Each entry, and its place in the block."""
        if self.score is not None:
            return ((("score",), self.score),)
        return tuple((("expect", index), node) for index, node in enumerate(self.expect))


class CompiledModule(Struct, frozen=True):
    """All of one folder, compiled; shared by every instance of the module."""

    folder: str
    blocks: Blocks
    variables: dict[str, NamedValue] = {}
    locals: dict[str, NamedValue] = {}
    completions: dict[str, Declared] = {}
    data: dict[str, Declared] = {}
    calls: dict[str, Declared] = {}
    outputs: dict[str, NamedValue] = {}
    files: dict[str, NamedValue] = {}  # the names of outputs' files
    imports: list[NamedValue] = []  # what is taken in, and where it is stored
    checks: dict[str, DeclaredCheck] = {}
    comparisons: dict[str, Block] = {}
    children: dict[str, "CompiledModule"] = {}  # by the call's name
    foreign: dict[str, list[Placed]] = {}  # by block: completion.x, ..
    judges: dict[str, Declared] = {}  # NAME.judge of each judged check

    @property
    def asking(self) -> Iterator[Declared]:
        """What asks somebody: completions, data sources and judges."""
        yield from self.completions.values()
        yield from self.data.values()
        yield from self.judges.values()

    @property
    def declared(self) -> Iterator[Declared]:
        """Completions, data sources, judges and module calls."""
        yield from self.asking
        yield from self.calls.values()


def declared_at(root: CompiledModule, address: str) -> Declared | None:
    """The block that an address is an instance of; None if there is no such block any more."""
    module = root
    try:
        *around, (kind, name) = blocks_of(address)
    except ValueError:
        return None
    for _, call in around:
        child = module.children.get(call)
        if child is None:
            return None
        module = child
    held = {
        "completion": module.completions,
        "data": module.data,
        "module": module.calls,
        "check": module.judges,
    }
    return held[kind].get(name)


def module_at(root: CompiledModule, prefix: str) -> CompiledModule | None:
    """The module of an instance by its prefix (`module.essay["x"].`, "" for the root)."""
    module: CompiledModule | None = root
    for _, call in blocks_of(prefix.rstrip(".")) if prefix else ():
        module = module.children.get(call) if module is not None else None
    return module


def declared_in(root: CompiledModule) -> Iterator[Declared]:
    """The blocks of a module and of all that it calls, each module once."""
    left, seen = [root], {id(root)}
    while left:
        module = left.pop()
        yield from module.declared
        for child in module.children.values():
            if id(child) not in seen:
                seen.add(id(child))
                left.append(child)


def named_providers(root: CompiledModule) -> set[str]:
    """The providers that completions, data sources and imports name, but by an expression."""
    nodes = (one.meta.get("provider") for one in declared_in(root))
    found = {str(node.value) for node in nodes if isinstance(node, Constant)}
    tables = (block.table for block in root.blocks.lists["import"])
    return found.union(str(table["provider"]) for table in tables if "provider" in table)


def refs_of(nodes: Iterable[Node]) -> tuple[Ref, ...]:
    """What the holes of some values refer to, each once."""
    return tuple(dict.fromkeys(ref for node in nodes for hole in holes(node) for ref in hole.refs))
