"""`runner apply`: shows the plan, asks, carries it out, and keeps every answer."""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from dataclasses import replace

from runner.cli.commands import plan as plan_verb
from runner.cli.parser.arguments import INTERRUPTED
from runner.cli.terminal.asking import says_yes
from runner.cli.terminal.interrupting import Interrupts
from runner.cli.views.progress import Progress, progress
from runner.core.address import first_few
from runner.core.state.line import encode_record
from runner.core.state.records import Record
from runner.errors import error
from runner.io.apply.loop import Apply
from runner.io.apply.ports import Doors, Limits, Outcome
from runner.io.cache.lookup import Lookup
from runner.io.cache.writer import Cache
from runner.operations.finish import Finished, finish
from runner.operations.load import load, reload_state
from runner.operations.plan import Planned, cached_answers, whole_plan
from runner.operations.project import Project
from runner.operations.spending import Purse, cost_of
from runner.operations.trust import asked_by, asks


def run(arguments: argparse.Namespace) -> int:
    """Plan, ask, apply."""
    if getattr(arguments, "plan", None):
        from runner.operations.saved_plan.file import open_plan  # noqa: PLC0415

        saved = open_plan(arguments)
    else:
        saved = None
    project = load(arguments)
    command = f"runner {'destroy' if arguments.destroy else 'apply'}"
    # Where there is no folder to lock, a mistake that only planning finds makes none.
    early = None if project.store.directory.exists() else whole_plan(project, arguments)
    with project.store.lock(command, project.settings.lock_timeout):
        read_again = reload_state(project)
        made = whole_plan(project, arguments) if early is None or read_again else early
        if saved is not None:
            saved.check(project, made)
        else:
            plan_verb.show(project, made, arguments)
        if made.empty:
            return finish(project, made, None, arguments).status
        if getattr(arguments, "stream", False):
            _check_stream(made)
        _check(project, made)
        writes = not made.plan.empty or made.files
        if writes and saved is None and not _approved(arguments):
            sys.stderr.write("\nApply cancelled.\n")
            return 1
        return _carry_out(project, made, arguments).status


def _check_stream(made: Planned) -> None:
    issued = [step.address for step in made.plan.steps if asks(step.action)]
    if len(issued) > 1:
        raise error(
            "More than one answer to stream",
            f"--stream shows one answer as it is written, and this plan may issue {len(issued)}: "
            f"{', '.join(issued[:5])}. Name one with --target.",
        )


def _check(project: Project, made: Planned) -> None:
    """What must hold before the first request: keys, a place to write, no spending offline."""
    spends = [step for step in made.plan.steps if asks(step.action)]
    if spends and project.settings.offline:
        listed = first_few([step.address for step in spends], 5)
        raise error(
            "Requests needed while offline",
            f"--offline sends nothing, and these would need a request: {listed}. Apply "
            "without --offline first, and commit the state.",
        )
    from runner.operations.connections import prepare  # noqa: PLC0415  # aiohttp

    prepare(project, *asked_by(project, made.plan))
    project.store.probe()


def _approved(arguments: argparse.Namespace) -> bool:
    if arguments.auto_approve:
        return True
    if not sys.stdin.isatty():
        raise error(
            "Nobody to ask",
            "There is no terminal to ask for approval. Give --auto-approve, or apply a saved "
            "plan: runner plan --out FILE, then runner apply FILE.",
        )
    return says_yes(
        "\nDo you want to perform these actions?",
        "runner will perform the actions described above.",
    )


def _carry_out(project: Project, made: Planned, arguments: argparse.Namespace) -> Finished:
    interrupts = Interrupts()
    with interrupts.heard():
        with progress(arguments, len(made.plan.steps), cost_of) as told:
            outcome = asyncio.run(_apply(project, made, arguments, told, interrupts))
        finished = finish(project, made, outcome, arguments)
    return replace(finished, status=INTERRUPTED) if interrupts.pressed else finished


async def _apply(
    project: Project,
    made: Planned,
    arguments: argparse.Namespace,
    told: Progress,
    interrupts: Interrupts,
) -> Outcome:
    from runner.operations.connections import connections  # noqa: PLC0415  # aiohttp

    with Lookup(project.store.cache) as lookup:
        walk, known = made.inputs.start(made.plan.known.samples)
        known = replace(known, lookup=cached_answers(project, lookup))
        if made.plan.known.reads is not None:
            known = replace(known, reads=made.plan.known.reads)
        on_text = told.text if getattr(arguments, "stream", False) else None
        async with (
            Cache(project.store.cache) as cache,
            connections(project, told.say, on_text) as held,
        ):
            purse = Purse(project.settings.max_cost, project.settings.max_requests)
            doors = Doors(
                connect=held.client,
                save=cache.save,
                rescue=lambda records: _rescue(project, records),
                read=held.read,
                update=held.update,
                delete=held.delete,
                checkpoint=lambda records: _checkpoint(project, records),
                now=held.now,
                tell=told.tell,
                may_start=purse.may_start,
                settled=purse.settled,
                begin=lambda: _begin(project),
                lost=project.store.lost,
            )
            limits = Limits(
                project.settings.concurrency,
                getattr(arguments, "fail_fast", False),
                lambda: project.secrets,
                stream=getattr(arguments, "stream", False),
            )
            run = Apply(made.plan, walk, known, doors, limits)
            told.watch(run, held)
            clock = asyncio.create_task(_tick(told))
            try:
                with interrupts.during(run, told):
                    return await run.run()
            finally:
                clock.cancel()


async def _tick(told: Progress) -> None:
    while True:
        await asyncio.sleep(1)
        told.tick()


def _begin(project: Project) -> None:
    """A new state gets its lineage on the disk, which what servers store belongs to from now on."""
    if not project.state.serial:
        project.state = project.store.write(project.state)


async def _checkpoint(project: Project, records: Mapping[str, Record]) -> None:
    """The state as it is now, written while the run goes on."""
    state = replace(project.state, records=dict(records))
    project.state = await asyncio.to_thread(project.store.write, state)


def _rescue(project: Project, records: list[Record]) -> str:
    return str(project.store.rescue(encode_record(record) for record in records))
