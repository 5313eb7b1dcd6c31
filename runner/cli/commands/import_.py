"""`runner import`: a stored completion into the state, and its block on stdout."""

import argparse
import sys
from dataclasses import replace

from runner.cli.commands.reading import read
from runner.cli.streams import put
from runner.cli.views.problems import report, tell_warnings
from runner.core.address import blocks_of, module_of
from runner.core.plan.known import provider_of
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.targets import Choice
from runner.core.request.adoption import block_of
from runner.core.request.provider import Provider
from runner.core.state.records import Record
from runner.errors import error
from runner.operations.blocking import run_to_end
from runner.operations.connections import connections, prepare
from runner.operations.finish import refresh_outputs
from runner.operations.imports import fetched, instance_of, provider_named
from runner.operations.loaded import Loaded
from runner.operations.plan import planned


def run(arguments: argparse.Namespace) -> int:
    """Fetch, record, print the block."""
    address, identifier = arguments.address, arguments.id
    _check(address)
    project = read(arguments)
    if project.settings.offline:
        raise error("Nothing to import offline", "An import has to ask the server.")
    with project.store.lock("runner import", project.settings.lock_timeout):
        project = read(arguments)
        plan = planned(project, choice=Choice()).plan
        _refuse_known(plan, address)
        provider = _provider(project, plan, address, arguments.provider)
        prepare(project, {provider.name})
        record = run_to_end(_fetch(project, plan, address, identifier, provider))
        records = {**plan.known.records, address: record}
        project.state = project.store.write(replace(project.state, records=records))
        if instance_of(plan, address) is not None:
            told = refresh_outputs(project)
            for content in told.unsaved:
                put(content)
            errors = [problem for problem in told.problems if problem.severity == "error"]
            report(errors, project.secrets)
    _tell(project, plan, record)
    return 0


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


def _tell(project: Loaded, plan: PlannedSteps, record: Record) -> None:
    tell_warnings(project)
    name = None if record.provider == project.default_provider else record.provider
    sys.stdout.write(block_of(record, provider=name))
    said = "Its block is above: in a file of the configuration, it plans as unchanged."
    if instance_of(plan, record.address) is not None:
        said = "The configuration has its block; `runner plan` shows whether they differ."
    sys.stderr.write(f"Imported {record.address}. {said}\n")
