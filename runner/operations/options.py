"""What is asked for: where, with which values, about what, and how; whoever asks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from runner.core.language.names import ExecutorType
    from runner.core.plan.targets import Choice


TemplateName = Literal["chain", "table", "compare", "tools", "ci"]
"""What a new project begins with."""


@dataclass(frozen=True, slots=True)
class ProjectPlace:
    """Where: the folder of the project, those of configuration and state in it, and which
    workspace; None is what the settings say. `trust` names hosts that the state may be at.
    """

    project: str = "."
    config: str = "configs"
    state: str = "state"
    workspace: str | None = None
    trust: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VariableText:
    """A variable's value as text, as --var has it; None if the equals sign is missing."""

    name: str
    text: str | None


@dataclass(frozen=True, slots=True)
class VariableValue:
    """A variable's value as Python has it: text, a number, a bool, None, or lists and dicts of
    them.
    """

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class VariableFile:
    """A TOML file of values."""

    path: str


GivenVariable = VariableText | VariableValue | VariableFile


@dataclass(frozen=True, slots=True)
class Overrides:
    """Settings that count before those of the environment and of [runner]; None changes nothing.
    `max_cost` is in USD, `lock_timeout` in seconds.
    """

    concurrency: int | None = None
    lock_timeout: float | None = None
    max_cost: float | None = None
    max_requests: int | None = None
    offline: bool | None = None
    executor: "ExecutorType | None" = None
    log_level: str | None = None


NO_OVERRIDES = Overrides()


@dataclass(frozen=True, slots=True)
class Options:
    """What a project is read for. Of `variables` the later one wins; `trust` names hosts that
    whatever is sent may go to; `batch` says that requests go in batches where they can. Without
    `asks_backend`, a state that is not in the folder of states is taken for none.
    """

    place: ProjectPlace
    choice: "Choice"
    variables: tuple[GivenVariable, ...] = ()
    overrides: Overrides = NO_OVERRIDES
    trust: tuple[str, ...] = ()
    batch: bool = False
    asks_backend: bool = True


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """How an apply runs: whether it ends at the first failure, and whether answers are told as
    they are written; with an address, that one alone. It `waits` for batches; with
    `ignores_batches`, what is under way in one is sent all the same.
    """

    fail_fast: bool = False
    stream: bool | str = False
    waits: bool = True
    ignores_batches: bool = False
