"""What one fold over the graph has learned, and the instances it is about."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from runner.core.address import Key
from runner.core.expansion.lazy import EachLater, JudgedAnswer, Later, MatrixCell
from runner.core.expressions.functions import World
from runner.core.modules.module import CompiledModule, Declared
from runner.core.values import Names, NotKnown, TemplateError
from runner.errors import Problem, RunnerError, Where, sentence

if TYPE_CHECKING:
    from runner.core.expansion.scope import Scope

OF_INSTANCE = ("each", "count", "matrix")
"""What only one instance knows."""

_MOST_INSTANCES = 2_000_000  # of a project: a block in a module counts for each of the module's


class Session(Struct):
    """What one fold over the graph has learned: values of variables, answers, instances.

    `answers[address]` is None for a completion that is not enabled. `keys[block]` are the
    instances of a repeated block, once they are known, in their order; whether one is among them is
    asked for each that is removed or referred to. `changing` are answers that stay while
    their metadata at the server will not: what reads the store has to wait for them. `optional` are
    the blocks whose instances may not be enabled, `enabled` those of them that are. `warnings` are
    about values that are sent as they are. `workspace` is the name of the one that is meant.
    """

    root: CompiledModule
    world: World
    values: Mapping[str, Any]
    workspace: str = ""
    answers: dict[str, Any] = {}
    keys: dict[str, Mapping[Key, None]] = {}
    scopes: dict[str, "Scope"] = {}
    expanded: set[str] = set()
    pairs: dict[str, list[tuple[Key, Any]]] = {}
    changing: set[str] = set()
    optional: set[str] = set()
    enabled: set[str] = set()
    warnings: dict[tuple[str, Where | None], Problem] = {}
    _admitted: int = 0

    @property
    def has_learned(self) -> bool:
        """Whether an answer has come, or it is known of an instance that one will."""
        return bool(self.answers or self.enabled)

    def admit(self, declared: Declared, number: int) -> None:
        """Count instances on; RunnerError, before they are made, where a project has too many."""
        self._admitted += number
        if self._admitted > _MOST_INSTANCES:
            said = (
                f"With the {number:,} of {declared.address} this project has more than "
                f"{_MOST_INSTANCES:,} instances: those of modules multiply. Take fewer, or make "
                "several projects of it."
            )
            path = (declared.repeated_by,)
            raise RunnerError(declared.block.problem("Too many instances", said, path))

    def answer(self, address: str) -> Any:
        """The answer at an address; NotKnown while it has not come."""
        try:
            return self.answers[address]
        except KeyError:
            raise NotKnown(address) from None

    def is_there(self, block: str, address: str) -> bool:
        """Whether an instance of a block is enabled; NotKnown while that hangs on an answer."""
        if address in self.answers:
            return self.answers[address] is not None
        if block in self.optional and address not in self.enabled:
            raise NotKnown(address)
        return True

    def known_keys(self, block: str) -> Collection[Key]:
        """The instances of a block; NotKnown while its for_each waits for an answer."""
        try:
            return self.keys[block]
        except KeyError:
            raise NotKnown(block) from None


class Instance(Struct, frozen=True, eq=False):
    """One completion, data source or module call: a block, where it stands, and its key."""

    address: str
    declared: Declared
    scope: "Scope"
    key: Key | None = None
    value: Any = None

    @property
    def hangs_on_own(self) -> bool:
        """Whether an answer is a value of this instance, and another one of each other's."""
        if "matrix" in self.declared.meta:
            return any(isinstance(on.value, Later) for on in self.value)
        return isinstance(self.value, (Later, Judged))

    def names(self) -> Names:
        """What its expressions may name."""
        if isinstance(self.value, Judged):
            return self.value.names(self.scope.names)
        if self.key is None:
            return self.scope.names
        if isinstance(self.key, int):
            return {**self.scope.names, "count": {"index": self.key}}
        if "matrix" in self.declared.meta:
            return {**self.scope.names, "matrix": MatrixCell(self.scope.session, self.value)}
        if isinstance(self.value, Later):
            each: Any = EachLater(self.scope.session, self.key, self.value)
            return {**self.scope.names, "each": each}
        return {**self.scope.names, "each": {"key": self.key, "value": self.value}}

    @property
    def judged(self) -> "Instance | None":
        """Whose answer this one judges."""
        return self.value.instance if isinstance(self.value, Judged) else None

    def fault(self, exc: TemplateError, summary: str = "Invalid expression") -> RunnerError:
        """The error of an expression in this block, at its place."""
        said = f"In {self.address}: {sentence(exc.message)}"
        return RunnerError(self.declared.block.problem(summary, said, exc.path, at=exc.at))


class Judged(Struct, frozen=True, eq=False):
    """In place of the value of an instance: the one whose answer it judges."""

    instance: Instance

    def names(self, around: Names) -> Names:
        """What is known around the judge and of whom it judges, whose answer is `self`."""
        judged, own = self.instance, self.instance.names()
        answer = JudgedAnswer(judged.scope.session, judged.address)
        return {
            **around,
            **{name: own[name] for name in OF_INSTANCE if name in own},
            "self": answer,
        }
