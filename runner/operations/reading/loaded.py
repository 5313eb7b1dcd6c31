"""What every operation starts from: the project as it was read."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from msgspec import Struct, field, structs

from runner.core.address import Path, covers
from runner.core.expansion.scope import Scope
from runner.core.expansion.session import Session
from runner.core.expressions.functions import World
from runner.core.modules.dependencies import BlockGraph, block_graph
from runner.core.modules.module import CompiledModule
from runner.core.modules.moves import declared_moves, forgotten, move_records
from runner.core.plan.known import Known, Lookup, Sweep
from runner.core.plan.plan import Inputs
from runner.core.plan.samples import Samples
from runner.core.plan.targets import Choice, Patterns
from runner.core.plan.walk import Walk
from runner.core.request.executors import ExecutorSettings, executor_settings
from runner.core.request.provider import Provider
from runner.core.request.provider_blocks import DeclaredProvider, usual_provider
from runner.core.request.reach import Reach, reach
from runner.core.secrets.secrets import Secrets
from runner.core.secrets.trust import Door, Trust, from_table
from runner.core.state.cache_entry import Owner
from runner.core.state.records import Record, State
from runner.core.state.shards import OutputsKept
from runner.errors import Problem, Where
from runner.io.folders import Folders
from runner.io.prices import Prices
from runner.io.providers.endpoint import Connect
from runner.io.settings import Settings
from runner.io.state.backend import DEFAULT
from runner.io.state.store import Store
from runner.io.trust import trusted
from runner.operations.options import Options
from runner.operations.project.workspaces import Elsewhere

if TYPE_CHECKING:
    from runner.io.cache.shared import SharedAnswers
    from runner.io.telemetry.run import Telemetry

Ask = Callable[[tuple[Door, ...]], bool]


class Loaded(Struct):
    """Everything that was read. `imported` are the records that [[import]] blocks bring, fetched
    while planning; `flagged` are the texts of the variables that have their value from --var;
    `hosts` are trusted in this run with whatever goes there. `ask` is how a person is asked whether
    something may go where it was not said that it may: without it, that is Untrusted. `connect`
    opens what answers; without it, that is a client over HTTP. `shared` are the answers of its
    team, once they were needed; one that never `shares` does without them. `telemetry` tells a
    collector what is done, as long as somebody wants it told.
    """

    options: Options
    secrets: Secrets
    folders: Folders
    root: CompiledModule
    world: World
    values: Mapping[str, Any]
    settings: Settings
    providers: Mapping[str, Provider]
    declared: Mapping[str, DeclaredProvider]
    environment: Mapping[str, str]
    store: Store
    state: State
    warnings: list[Problem] = []
    imported: dict[str, Record] = {}
    flagged: Mapping[str, str] = {}
    hosts: frozenset[str] = frozenset()
    ask: Ask | None = None
    connect: Connect | None = None
    prices: Prices = field(default_factory=Prices)
    shared: "SharedAnswers | None" = None
    shares: bool = True
    telemetry: "Telemetry | None" = None
    _reach: Reach | None = None
    _trust: Trust | None = None

    @property
    def reach(self) -> Reach:
        """What may be sent where; RunnerError for a provider whose base URL is no address."""
        if self._reach is None:
            default = self.default_provider
            self._reach = reach(self.root, self.declared, default, self.environment)
        return self._reach

    @property
    def trust(self) -> Trust:
        """What the user said yes to: in this run, or for this project at any time."""
        if self._trust is None:
            known = map(from_table, trusted(self.folders.project))
            doors = frozenset(door for door in known if door is not None)
            self._trust = Trust(doors, self.hosts)
        return self._trust

    def open(self, doors: Iterable[Door]) -> None:
        """The user says yes to these as well."""
        self._trust = structs.replace(self.trust, doors=self.trust.doors.union(doors))

    @property
    def executor(self) -> ExecutorSettings | None:
        """Who sends requests; None where it is this process."""
        match self.settings.executor:
            case "local":
                return None
            case "ray":
                return self.declared_executor

    @property
    def declared_executor(self) -> ExecutorSettings:
        """What the configuration says of whoever sends requests, whether they do or not."""
        block = self.root.blocks.of("runner").get("runner")
        return executor_settings({} if block is None else block.table.get("executor", {}))

    @property
    def outputs_kept(self) -> OutputsKept | None:
        """Where the configuration says that outputs are kept; None where their size decides."""
        block = self.root.blocks.of("runner").get("runner")
        said = {} if block is None else block.table.get("state", {})
        return next((kept for kept in get_args(OutputsKept) if kept == said.get("outputs")), None)

    def executor_at(self, path: Path) -> Where | None:
        """Where the configuration says so."""
        block = self.root.blocks.of("runner").get("runner")
        is_there = block is not None and "executor" in block.table
        return block.where(("executor", *path)) if is_there and block is not None else None

    @property
    def default_provider(self) -> str:
        """The provider of completions that name none."""
        return usual_provider(self.settings.provider, self.root)

    @property
    def other_workspace(self) -> str | None:
        """The workspace, where it is another one than every project has."""
        name = self.settings.workspace
        return None if name == DEFAULT else name

    @property
    def owner(self) -> Owner:
        """Whose is what servers store for this state."""
        return Owner(self.state.lineage, self.settings.workspace)

    @property
    def graph(self) -> BlockGraph:
        """What waits for what, a node a block."""
        return block_graph(self.root)

    def moved(self) -> tuple[Mapping[str, Record], tuple[tuple[str, str], ...]]:
        """The records after the [[moved]] blocks, with those that [[import]] blocks brought."""
        moves = declared_moves(self.root, self.state.records)
        if not moves and not self.imported:
            return self.state.records, ()
        held, renamed = move_records(self.state.records, moves)
        return {**self.imported, **held}, renamed

    def at_todays_addresses(self, records: Mapping[str, Record]) -> Mapping[str, Record]:
        """The records of another state after the [[moved]] blocks."""
        return move_records(records, declared_moves(self.root, records))[0]

    def inputs(
        self,
        lookup: Lookup,
        records: Mapping[str, Record],
        choice: Choice,
        reads: Mapping[str, Record] | None,
        sweep: Sweep | None = None,
    ) -> Inputs:
        """What a plan is made from."""

        def start(samples: Samples) -> tuple[Walk, Known]:
            session = Session(self.root, self.world, self.values, self.settings.workspace)
            Scope(session, self.root)
            facts = Known(
                session,
                records,
                self.providers,
                self.default_provider,
                lookup,
                samples,
                Patterns(choice.replaces).select,
                reads,
                owner=self.owner,
                sweep=sweep,
            )
            return Walk(session), facts

        kept = forgotten(self.root, records)

        def forgets(address: str) -> bool:
            return any(covers(name, address) for name in kept)

        named = Elsewhere(self.options.place, self.settings.workspace)
        return Inputs(start, records, choice, forgets=forgets, elsewhere=named)
