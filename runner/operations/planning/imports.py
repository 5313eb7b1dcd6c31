"""Stored completions brought into the state: asked for while planning, or by `runner import`."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
from msgspec import Struct

from runner.core.address import each_target, with_key
from runner.core.api.exchange import Failure
from runner.core.expansion.instances import each_pairs
from runner.core.expansion.lazy import Later
from runner.core.expansion.session import Instance
from runner.core.expressions.template import compile_value
from runner.core.modules.folder import Block
from runner.core.plan.known import provider_of, request_of, unknown_provider
from runner.core.plan.plan import PlannedSteps
from runner.core.request.adoption import Stored, adopted
from runner.core.request.build import Request
from runner.core.request.provider import Provider
from runner.core.state.records import Record, time_of_record
from runner.core.values import Names, NotKnown, TemplateError, plain
from runner.errors import Problem, RunnerError, Where, error, sentence
from runner.operations.blocking import run_to_end
from runner.operations.connecting.connections import Connections, connections, prepare
from runner.operations.reading.loaded import Loaded


class WantedImport(Struct, frozen=True):
    """An [[import]] block, or one item of its for_each, and what its texts may name."""

    block: Block
    names: Names


def pending(project: Loaded, plan: PlannedSteps) -> dict[str, WantedImport]:
    """What [[import]] blocks bring to an address that has no record yet, by that address."""
    found: dict[str, WantedImport] = {}
    for block in project.root.blocks.lists["import"]:
        for address, names in _targets(plan, block):
            if address in found:
                said = f"{address} is the target of two imports; it has one answer."
                raise RunnerError(block.problem("Invalid import", said, ("to",)))
            if address not in plan.known.records and plan.chosen(address):
                found[address] = WantedImport(block, names)
    return found


def _targets(plan: PlannedSteps, block: Block) -> Iterator[tuple[str, Names]]:
    session = plan.walk.session
    names = session.scopes[""].names
    target, named = each_target(str(block.table.get("to")))
    if named is None:
        yield target, names
        return
    try:
        node = compile_value(block.table.get("for_each"), ("for_each",))
        pairs = each_pairs(node.render(names))
        items = [
            {"key": key, "value": session.answer(held.address) if isinstance(held, Later) else held}
            for key, held in pairs
        ]
    except TemplateError as exc:
        said = f"In the import to {target}: {sentence(exc.message)}"
        problem = block.problem("Invalid for_each", said, exc.path or ("for_each",), at=exc.at)
        raise RunnerError(problem) from exc
    except NotKnown as exc:
        said = f"What is imported must be known before the plan, and {exc.address} is not."
        raise RunnerError(block.problem("Invalid import", said, ("for_each",))) from exc
    for each in items:
        yield with_key(target, str(each[named])), {**names, "each": each}


def bring(project: Loaded, plan: PlannedSteps, wanted: Mapping[str, WantedImport]) -> None:
    """Fetch what is wanted into `project.imported`; RunnerError with all that is missing."""
    problems: list[Problem] = []
    asked = [_asked(plan, address, one) for address, one in wanted.items()]
    prepare(project, {provider.name for _, _, provider, _ in asked})

    async def fetch_all() -> None:
        async with connections(project) as doors:
            for address, identifier, provider, block in asked:
                try:
                    record = await fetched(doors, project, plan, address, identifier, provider)
                    project.imported[address] = record
                except RunnerError as exc:
                    problems.extend(replace(p, where=block.where(("id",))) for p in exc.problems)

    run_to_end(fetch_all())
    if problems:
        raise RunnerError(*problems)


async def fetched(
    doors: Connections,
    project: Loaded,
    plan: PlannedSteps,
    address: str,
    identifier: str,
    provider: Provider,
) -> Record:
    """The record of a stored completion; RunnerError if the server does not have it."""
    if not provider.type.stores:
        raise error(
            "Cannot import",
            f"The provider {provider.name} is the model in this process, which stores no "
            "completions. Name the provider that does.",
            Where(block=address),
        )
    got = await doors.fetch(provider.name, identifier)
    if isinstance(got, Failure):
        missing = (
            " Only completions that were asked for with store = true are kept."
            if got.status == 404
            else ""
        )
        raise error(
            "Cannot import",
            f"{identifier} could not be read from the provider {provider.name}: {got.in_full}"
            f"{missing}",
            Where(block=address),
        )
    response, messages = got
    stored = Stored(response, messages, _time(orjson.loads(response).get("created")))
    record = adopted(address, stored, provider, _wanted(plan, address), project.secrets.texts)
    held = {
        (r.fingerprint, r.sample)
        for r in (*plan.known.records.values(), *project.imported.values())
    }
    while (record.fingerprint, record.sample) in held:
        record = replace(record, sample=record.sample + 1)
    return record


def instance_of(plan: PlannedSteps, address: str) -> Instance | None:
    """The completion that the configuration has at an address."""
    vertex = plan.walk.vertices.get(address)
    return vertex.instance if vertex is not None and vertex.kind == "completion" else None


def provider_named(plan: PlannedSteps, name: str, where: Where | None = None) -> Provider:
    """A provider by its name; RunnerError if there is none."""
    known = plan.known.providers
    if name in known:
        return known[name]
    raise error("Unknown provider", unknown_provider(name, known), where)


def _asked(
    plan: PlannedSteps, address: str, wanted: WantedImport
) -> tuple[str, str, Provider, Block]:
    block = wanted.block
    instance = instance_of(plan, address)
    if instance is None:
        said = (
            f"There is no {address} in the configuration. `runner import {address} ID` prints the "
            "block of a stored completion, to be put there."
        )
        raise RunnerError(block.problem("Invalid import", said, ("to",)))
    identifier = _text(wanted, "id")
    if "provider" in block.table:
        name = _text(wanted, "provider")
        provider = provider_named(plan, name, block.where(("provider",)))
    else:
        provider = provider_of(instance, plan.known)
    return address, identifier, provider, block


def _text(wanted: WantedImport, key: str) -> str:
    block = wanted.block
    try:
        value: Any = plain(compile_value(block.table.get(key), (key,)).render(wanted.names))
    except TemplateError as exc:
        said = f"In the import of {block.table.get('to')}: {sentence(exc.message)}"
        raise RunnerError(block.problem("Invalid expression", said, (key,))) from exc
    except NotKnown as exc:
        said = f"The {key} of an import must be known before the plan, and {exc.address} is not."
        raise RunnerError(block.problem("Invalid import", said, (key,))) from exc
    if not isinstance(value, str) or not value:
        raise RunnerError(block.problem("Wrong type", f"{key} is text.", (key,)))
    return value


def _wanted(plan: PlannedSteps, address: str) -> Request | None:
    instance = instance_of(plan, address)
    if instance is not None:
        with suppress(NotKnown):
            return request_of(instance, plan.known)
    return None


def _time(created: object) -> str:
    try:
        at = datetime.fromtimestamp(created if isinstance(created, int | float) else 0, UTC)
    except (OverflowError, OSError, ValueError):  # no time that a calendar has
        at = datetime.fromtimestamp(0, UTC)
    return time_of_record(at)
