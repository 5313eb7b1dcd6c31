"""What a project may send where: asked once at a terminal, an error of its own kind without one."""

import shlex
import sys
from collections.abc import Iterable, Iterator, Set

from runner.cli.terminal.asking import says_yes
from runner.cli.views.problems import report
from runner.core.modules.module import declared_at
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
from runner.core.plan.plan import Plan
from runner.core.request.reach import providers_of
from runner.core.request.server_store import is_stored, keeper
from runner.core.secrets.trust import (
    Door,
    decoded,
    encoded,
    host_of,
    in_words,
    needs_asking,
    ordered,
)
from runner.core.values import NotKnown
from runner.errors import Problem, RunnerError, Untrusted, Where
from runner.io.trust import trust, trusted
from runner.operations.places import same_place
from runner.operations.project import Project


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


def asked_by(project: Project, plan: Plan) -> tuple[set[str], set[str]]:
    """The providers that carrying out a plan asks, and those that it may ask besides, once an
    answer is known.
    """
    known: set[str] = set()
    perhaps: set[str] = set()
    for step in plan.steps:
        if not asks(step.action):
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
    return known, perhaps


def _asked_by(plan: Plan, step: Step) -> str:
    if step.instance is None:
        raise NotKnown(step.address)
    return provider_of(step.instance, plan.known).name


def _may_be_asked(project: Project, step: Step) -> tuple[str, ...]:
    declared = declared_at(project.root, step.address)
    if declared is None or declared.kind == "module":
        return project.reach.used
    return providers_of(declared, project.default_provider, project.providers)


def untrusted(project: Project, providers: Iterable[str]) -> tuple[Door, ...]:
    """The doors that have to be open before these providers are asked, and are not."""
    names = [name for name in providers if _leaves(project, name)]
    return still_closed(project, project.reach.doors(names) if names else ())


def still_closed(project: Project, doors: Iterable[Door]) -> tuple[Door, ...]:
    """Those of some doors that the user has to say yes to first, and has not."""
    asked = [door for door in doors if needs_asking(door, project.reach.own)]
    return tuple(door for door in asked if not project.trust.opens(door))


def admit(project: Project, providers: Set[str]) -> None:
    """Untrusted, unless all that has to be sent to these providers may go there; a person at a
    terminal is asked, and the answer is kept for this project.
    """
    closed = untrusted(project, providers)
    if closed:
        admit_doors(project, closed)


def admit_doors(project: Project, closed: tuple[Door, ...], *, shown: bool = False) -> None:
    """As `admit`, for doors that are closed; `shown` if the person has just seen them."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise refusal(project, closed)
    if not _agreed(() if shown else closed):
        raise Untrusted(Problem("Not trusted", "Nothing was sent.", _where(project, closed)))
    project.open(closed)
    try:
        keep(project)
    except RunnerError as exc:
        report(Problem("Trust is not kept", p.detail, p.where, "warning") for p in exc.problems)


def keep(project: Project) -> None:
    """Record what is trusted now, beside what was recorded meanwhile or by a newer version."""
    before = trusted(project.folders.project)
    foreign = [table for table in before if decoded(table) is None]
    meanwhile = [door for door in map(decoded, before) if door is not None]
    held = [encoded(door) for door in ordered([*project.trust.doors, *meanwhile])]
    trust(project.folders.project, [*held, *foreign])


def listed(doors: Iterable[Door], mark: str = "-") -> Iterator[str]:
    """A line for each door."""
    return (f"  {mark} {in_words(door)}" for door in doors)


def refusal(project: Project, closed: tuple[Door, ...]) -> Untrusted:
    """Why nothing was sent, and the two commands that change it."""
    said = (
        "Nobody has said yet that this project may\n\n"
        + "\n".join(listed(closed))
        + f"\n\nNothing was sent there. {ways(project, closed)}"
    )
    return Untrusted(Problem("Not trusted", said, _where(project, closed)))


def ways(project: Project, closed: Iterable[Door]) -> str:
    """The commands by which a person, or a job without one, says that doors may be open."""
    hosts = shlex.quote(",".join(dict.fromkeys(host_of(door) for door in closed)))
    return (
        f"If you trust it with that, say so once, at a terminal: {same_place(project.arguments)} "
        f"trust. Where there is none, for one run: --trust {hosts}, or RUNNER_TRUST={hosts} in "
        "the environment."
    )


def _agreed(closed: tuple[Door, ...]) -> bool:
    if closed:
        lines = "\n".join(listed(closed))
        sys.stderr.write(f"\nThis project is not trusted yet to\n\n{lines}\n\n")
    return says_yes(
        "Do you trust this project with that?",
        "A yes is kept in your own configuration folder, until `runner trust --revoke`.",
    )


def _leaves(project: Project, name: str) -> bool:
    """Whether a provider is another process; a name that is none is told where it is named."""
    declared = project.declared.get(name)
    return declared is not None and declared.type != "embedded"


def _where(project: Project, closed: Iterable[Door]) -> Where | None:
    """The block of a provider that leads to the first of these hosts."""
    host = next((host_of(door) for door in closed), None)
    for name, going in project.reach.destinations.items():
        block = project.declared[name].block
        if going.host == host and block is not None:
            return block.where(("base_url",) if "base_url" in block.table else ())
    return None
