"""Data sources read while planning, and read again as more of them are known."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from runner.core.address import first_few
from runner.core.api.exchange import Failure
from runner.core.plan.data_sources import data_record, unless_same
from runner.core.plan.known import provider_of
from runner.core.plan.plan import PlannedSteps
from runner.core.request.provider import ELSEWHERE
from runner.core.state.records import Record
from runner.errors import Problem, RunnerError
from runner.operations.blocking import run_to_end
from runner.operations.planning.plan import Planned, planned
from runner.operations.reading.loaded import Loaded


def read_sources(
    project: Loaded,
    made: Planned,
    *,
    recalls: bool = False,
    found: Mapping[str, Record] | None = None,
    answers: bool = True,
) -> dict[str, Record]:
    """The data sources whose arguments are known, read now; again until no new one is known.
    Without `answers`, those that the cache holds make none known.
    """
    from runner.operations.connecting.connections import prepare  # noqa: PLC0415  # aiohttp

    found = dict(found or {})
    plan = made.plan
    while any(address not in found for address in plan.reads):
        if recalls:
            found |= _recalled(project, plan, found)
        stores = {name for address, name in _stores(plan) if address not in found}
        if stores:
            prepare(project, stores)
            run_to_end(_read(project, plan, found))
        plan = planned(project, reads=found, choice=made.choice, answers=answers).plan
    return found


async def _read(project: Loaded, plan: PlannedSteps, found: dict[str, Record]) -> None:
    """Into `found` what it lacks of the data sources of a plan; RunnerError at the first that
    cannot be read.
    """
    from runner.operations.connecting.connections import connections  # noqa: PLC0415  # aiohttp

    async with connections(project) as doors:
        for address, read in plan.reads.items():
            instance = plan.walk.vertices[address].instance
            if instance is None or address in found:
                continue
            provider = provider_of(instance, plan.known)
            kind = instance.declared.name.split(".", 1)[0]
            got = await doors.read(provider.name, kind, read.arguments)
            if isinstance(got, Failure):
                said = f"{address} could not be read: {got.in_full}"
                raise RunnerError(instance.declared.block.problem("Cannot read data source", said))
            made = data_record(instance, provider, read, got, project.secrets.texts)
            read_now = replace(made, issued_at=doors.now())
            found[address] = unless_same(project.state.records.get(address), read_now)


def _recalled(
    project: Loaded, plan: PlannedSteps, found: Mapping[str, Record]
) -> dict[str, Record]:
    """What was read last for the same arguments, of the data sources that lack a key now."""
    from runner.operations.connecting.connections import lacks_key  # noqa: PLC0415  # aiohttp

    recalled: dict[str, Record] = {}
    for address, provider in _stores(plan):
        record = plan.known.records.get(address)
        same = record is not None and record.fingerprint == plan.reads[address].fingerprint
        same = same and provider != ELSEWHERE.name
        if record is not None and same and address not in found and lacks_key(project, provider):
            recalled[address] = record
    if recalled:
        said = (
            f"{first_few([*recalled], 3)}: the key of the provider is not set, so this is as it "
            "was read last, and may have changed at the server. An apply that sends nothing takes "
            "it as well: --offline."
        )
        project.warnings.append(Problem("Read from the state", said, None, "warning"))
    return recalled


def _stores(plan: PlannedSteps) -> Iterator[tuple[str, str]]:
    """The data sources that a plan reads now, and the provider of each."""
    for address in plan.reads:
        instance = plan.walk.vertices[address].instance
        if instance is not None:
            yield address, provider_of(instance, plan.known).name
