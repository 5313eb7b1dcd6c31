"""A stored completion taken into the state, as a person names it: by address and id."""

from dataclasses import replace

from msgspec import Struct

from runner.core.address import blocks_of, module_of
from runner.core.plan.known import provider_of
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.targets import Choice
from runner.core.request.adoption import block_of
from runner.core.request.provider import Provider
from runner.core.state.records import Record
from runner.errors import Problem, error
from runner.operations.applying.finish import refresh_outputs
from runner.operations.blocking import run_to_end
from runner.operations.connecting.connections import connections, prepare
from runner.operations.planning.imports import fetched, instance_of, provider_named
from runner.operations.planning.plan import planned
from runner.operations.reading.load import load
from runner.operations.reading.loaded import Loaded


class Adopted(Struct, frozen=True):
    """The record as it is in the state now, and its block as a configuration has it. `declared`
    says whether that has one of its address already; `problems` and `unsaved` are of the outputs
    that were written anew.
    """

    project: Loaded
    record: Record
    block: str
    declared: bool
    problems: tuple[Problem, ...] = ()
    unsaved: tuple[bytes, ...] = ()


def adopt(project: Loaded, address: str, identifier: str, named: str | None) -> Adopted:
    """Fetch a stored completion from the provider that is `named`, or its block's, and record it.

    RunnerError where there is a record already, or the server does not have it.
    """
    _check(address)
    if project.settings.offline:
        raise error("Nothing to import offline", "An import has to ask the server.")
    with project.store.lock("runner import", project.settings.lock_timeout):
        project = load(project.options, project.secrets, project.ask)
        project.shares = False
        plan = planned(project, choice=Choice()).plan
        _refuse_known(plan, address)
        provider = _provider(project, plan, address, named)
        prepare(project, {provider.name})
        record = run_to_end(_fetch(project, plan, address, identifier, provider))
        records = {**plan.known.records, address: record}
        project.state = project.store.write(replace(project.state, records=records))
        usual = record.provider == project.default_provider
        block = block_of(record, provider=None if usual else record.provider)
        if instance_of(plan, address) is None:
            return Adopted(project, record, block, declared=False)
        told = refresh_outputs(project)
        errors = tuple(problem for problem in told.problems if problem.severity == "error")
        return Adopted(project, record, block, declared=True, problems=errors, unsaved=told.unsaved)


def _check(address: str) -> None:
    try:
        kind = blocks_of(address)[-1][0]
    except (ValueError, IndexError):
        kind = ""
    if kind != "completion":
        raise error(
            "Invalid address",
            f'"{address}" is no address of a completion, such as completion.chat or '
            "'completion.review[\"alice\"]'.",
        )


def _refuse_known(plan: PlannedSteps, address: str) -> None:
    record = plan.known.records.get(address)
    if record is not None:
        raise error(
            "Address has a record",
            f"{address} has an answer already, of {record.issued_at}. An import never replaces "
            f"one: forget it first with `runner state rm '{address}'`, or import to another name.",
        )
    if module_of(address) and instance_of(plan, address) is None:
        raise error(
            "Unknown address",
            f"The configuration has no {address}, and a module's block cannot be added from "
            "outside. Import to a completion of the root module.",
        )


def _provider(project: Loaded, plan: PlannedSteps, address: str, named: str | None) -> Provider:
    if named is not None:
        return provider_named(plan, named)
    instance = instance_of(plan, address)
    if instance is not None:
        return provider_of(instance, plan.known)
    return provider_named(plan, project.default_provider)


async def _fetch(
    project: Loaded, plan: PlannedSteps, address: str, identifier: str, provider: Provider
) -> Record:
    async with connections(project) as doors:
        return await fetched(doors, project, plan, address, identifier, provider)
