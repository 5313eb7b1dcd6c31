"""What a project may send where: a person is asked once; without one, it is an error of its own."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Set

from runner.core.address import Path
from runner.core.modules.module import declared_at, declared_in
from runner.core.plan.actions import (
    Absent,
    Action,
    Await,
    Instances,
    Issue,
    Keep,
    Read,
    Remove,
    Reuse,
    Step,
    Update,
)
from runner.core.plan.known import provider_of
from runner.core.plan.plan import PlannedSteps
from runner.core.request.backends import backend_settings
from runner.core.request.executors import ExecutorSettings
from runner.core.request.provider import ELSEWHERE
from runner.core.request.provider_blocks import DeclaredProvider
from runner.core.request.reach import providers_of
from runner.core.request.server_store import is_stored, keeper
from runner.core.secrets.trust import (
    ClusterDoor,
    Door,
    ProgramDoor,
    from_table,
    host_of,
    in_words,
    is_no_host,
    named_hosts,
    needs_asking,
    ordered,
)
from runner.core.suggest import did_you_mean
from runner.core.values import NotKnown
from runner.errors import Problem, RunnerError, Untrusted, Where
from runner.io.trust import all_trusted, revoke
from runner.operations.options import ProjectPlace
from runner.operations.project.backends import place_door
from runner.operations.project.places import backend_of, project_directory, same_place
from runner.operations.project.shared_cache import cache_doors
from runner.operations.project.telemetry import telemetry_doors
from runner.operations.reading.check_programs import program_doors
from runner.operations.reading.doors import keep_open
from runner.operations.reading.loaded import Loaded


def asks(action: Action) -> bool:
    """Whether a step may send a request."""
    match action:
        case Issue() | Await() | Instances() | Read():
            return True
        case Update(metadata=metadata) | Reuse(metadata=metadata):
            return metadata
        case Remove(record=record, forget=forget):
            return not forget and is_stored(record)
        case Keep() | Absent():
            return False


def asked_by(project: Loaded, plan: PlannedSteps) -> tuple[set[str], set[str]]:
    """The providers that carrying out a plan asks, and those that it may ask besides, once an
    answer is known.
    """
    known: set[str] = set()
    perhaps: set[str] = set()
    told: set[int] = set()  # blocks of which every instance asks the same one
    for step in plan.steps:
        declared = None if step.instance is None else step.instance.declared
        if id(declared) in told or not asks(step.action):
            continue
        match step.action:
            case Remove(record):
                name = keeper(record, project.providers)
                known.update(() if name is None else (name,))
            case Issue() | Await() | Instances() | Read() | Update() | Reuse() | Keep() | Absent():
                try:
                    known.add(_asked_by(plan, step))
                except NotKnown:
                    perhaps.update(_may_be_asked(project, step))
                if declared is not None and providers_of(declared, project.default_provider, ()):
                    told.add(id(declared))
    return known, perhaps


def _asked_by(plan: PlannedSteps, step: Step) -> str:
    if step.instance is None:
        raise NotKnown(step.address)
    return provider_of(step.instance, plan.known).name


def _may_be_asked(project: Loaded, step: Step) -> tuple[str, ...]:
    declared = declared_at(project.root, step.address)
    if declared is None or declared.kind == "module":
        return project.reach.used
    return providers_of(declared, project.default_provider, project.providers)


def wanted(project: Loaded) -> tuple[Door, ...]:
    """All that the project may send where: what it asks, the deletion of what it stored, its state
    and the answers that it shares; and the programs that its checks start.
    """
    stored = filter(is_stored, project.state.records.values())
    keepers = (keeper(record, project.providers) for record in stored)
    kept = {name for name in keepers if name is not None}
    asked = project.reach.doors([*project.reach.used, *kept])
    return (*asked, *_besides(project), *program_doors(project))


def _besides(project: Loaded) -> tuple[Door, ...]:
    """What leads elsewhere than to providers."""
    cache = cache_doors(project.options.place, project.root.blocks)
    read = upstream_doors(project)
    shared = dict.fromkeys((*_backend_doors(project), *cache, *read))  # the same bucket, as a rule
    workers = _cluster(project.declared_executor)
    return (*shared, *workers, *telemetry_doors(project.root.blocks))


def _backend_doors(project: Loaded) -> tuple[Door, ...]:
    place = project.options.place
    backend = backend_of(place, project.root.blocks).now
    door = None if backend is None else place_door(backend, project_directory(place))
    return () if door is None else (door,)


def upstream_doors(project: Loaded) -> dict[Door, Where]:
    """What leads to the states of other projects, and the block that reads there."""
    found: dict[Door, Where] = {}
    for declared in declared_in(project.root):
        backend = declared.block.table.get("backend") if declared.reads_state else None
        held = backend_settings(backend) if isinstance(backend, Mapping) else ""
        door = None if isinstance(held, str) else place_door(held, project.folders.project)
        if door is not None:
            found.setdefault(door, declared.block.where(("backend",)))
    return found


def untrusted(project: Loaded, providers: Iterable[str]) -> tuple[Door, ...]:
    """The doors that have to be open before these providers are asked, and are not."""
    asked = tuple(providers)
    names = [one.name for one in _declared(project, asked) if one.type.leaves]
    doors = project.reach.doors(names) if names else ()
    read = upstream_doors(project) if ELSEWHERE.name in asked else ()
    workers = project.executor
    if workers is None or not any(map(workers.sends_for, _declared(project, asked))):
        workers = None
    return still_closed(project, (*doors, *read, *_cluster(workers)))


def _cluster(executor: ExecutorSettings | None) -> tuple[Door, ...]:
    door = None if executor is None else executor.door
    return () if door is None else (door,)


def _declared(project: Loaded, names: Iterable[str]) -> Iterator[DeclaredProvider]:
    """Those that there are; a name that is none is told where it is named."""
    return (project.declared[name] for name in names if name in project.declared)


def still_closed(project: Loaded, doors: Iterable[Door]) -> tuple[Door, ...]:
    """Those of some doors that the user has to say yes to first, and has not."""
    asked = [door for door in doors if needs_asking(door, project.reach.own)]
    return tuple(door for door in asked if not project.trust.opens(door))


def admit(project: Loaded, providers: Set[str]) -> None:
    """Untrusted, unless all that has to be sent to these providers may go there; a person is asked,
    where there is one, and the answer is kept for this project.
    """
    closed = untrusted(project, providers)
    if closed:
        admit_doors(project, closed)


def admit_doors(project: Loaded, closed: tuple[Door, ...]) -> None:
    """As `admit`, for doors that are closed."""
    if project.ask is None:
        raise refusal(project, closed)
    if not project.ask(closed):
        again = f"`{same_place(project.options.place)} trust`"
        said = f'You did not say "yes", so nothing was sent. {again} asks again.'
        raise Untrusted(Problem("Not trusted", said, _where(project, closed)))
    project.open(closed)
    try:
        keep(project)
    except RunnerError as exc:
        project.warnings.extend(
            Problem("Trust is not kept", p.detail, p.where, "warning") for p in exc.problems
        )


def trusted_projects() -> Iterator[tuple[str, tuple[Door, ...], int]]:
    """Every project that is trusted, with what, and with how much that only newer versions know."""
    for name, tables in all_trusted():
        doors = [door for door in map(from_table, tables) if door is not None]
        yield name, ordered(doors), len(tables) - len(doors)


def trust_no_more(place: ProjectPlace) -> bool:
    """Forget what a project is trusted with; whether it was."""
    return revoke(project_directory(place))


def keep(project: Loaded) -> None:
    """Record what is trusted now, beside what was recorded meanwhile."""
    keep_open(project.folders.project, project.trust.doors)


def listed(doors: Iterable[Door], mark: str = "-") -> Iterator[str]:
    """A line for each door."""
    return (f"  {mark} {in_words(door)}" for door in doors)


def refusal(project: Loaded, closed: tuple[Door, ...]) -> Untrusted:
    """Why nothing was sent, and the two commands that change it."""
    said = (
        "Nobody has said yet that this project may\n\n"
        + "\n".join(listed(closed))
        + f"\n\nNothing was {_not_done(closed)}. "
        + f"{''.join(_misnamed(project))}{ways(project, closed)}"
    )
    return Untrusted(Problem("Not trusted", said, _where(project, closed)))


def _not_done(closed: Iterable[Door]) -> str:
    return "started" if all(isinstance(one, ProgramDoor) for one in closed) else "sent there"


def _misnamed(project: Loaded) -> Iterator[str]:
    """The hosts of --trust that nothing is sent to: one may be misspelt, or lack its port."""
    asked = {going.host for each in project.reach.destinations.values() for going in each}
    asked.update(map(host_of, _besides(project)))
    near = [*asked, *(host.partition("://")[2] for host in asked)]
    for name in (part.strip() for text in project.options.trust for part in text.split(",")):
        if name and not is_no_host(name) and asked.isdisjoint(named_hosts(name)):
            hint = did_you_mean(name, near)
            yield f"--trust {name} names no host that this project asks for.{hint} "


def ways(project: Loaded, closed: Iterable[Door]) -> str:
    """The commands by which a person, or a job without one, says that doors may be open."""
    hosts = shlex.quote(",".join(dict.fromkeys(host_of(door) for door in closed)))
    again = same_place(project.options.place)
    return (
        f"If you trust it with that, say so once, at a terminal: {again} trust. Without a "
        f"terminal (in CI), for one run: --trust {hosts}, or RUNNER_TRUST={hosts} in the "
        "environment."
    )


def _where(project: Loaded, closed: Iterable[Door]) -> Where | None:
    """The block of whoever leads to the first of these hosts."""
    host = next((host_of(door) for door in closed), None)
    for name, servers in project.reach.destinations.items():
        block = project.declared[name].block
        hosts = [going.host for going in servers]
        if host in hosts and block is not None:
            several: Path = ("base_urls", hosts.index(host))
            paths: tuple[Path, ...] = (("base_url",), several, ("resource",))
            return block.where(next((path for path in paths if path[0] in block.table), ()))
    if any(isinstance(door, ClusterDoor) for door in closed):
        return project.executor_at(("address",))
    read = upstream_doors(project)
    return next((read[door] for door in closed if door in read), None)
