"""The whole plan: with what [[import]] blocks bring and what data sources say, read now."""

from collections.abc import Iterator
from dataclasses import replace

from runner.core.address import each_target, split_key
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.targets import Choice
from runner.core.state.records import Record
from runner.errors import Problem, RunnerError
from runner.operations.planning.plan import Planned, planned
from runner.operations.planning.sources import read_sources
from runner.operations.reading.loaded import Loaded


def whole_plan(project: Loaded, *, recalls: bool = False) -> Planned:
    """The plan, with what [[import]] blocks bring and what data sources say, read now; what cannot
    be read for want of a key is as it was read last, if the plan `recalls`.
    """
    made = planned(project)
    if project.settings.offline:
        project.warnings.extend(_not_imported(project, made.plan))
    if project.settings.offline or made.choice.destroy:
        return made
    reads: dict[str, Record] = {}
    if project.root.blocks.lists["import"]:
        if made.plan.reads:  # what is imported may hang on what is stored
            reads = read_sources(project, made, recalls=recalls)
            made = planned(project, reads=reads)
        from runner.operations.planning.imports import bring, pending  # noqa: PLC0415  # aiohttp

        wanted = pending(project, made.plan)
        if wanted:
            bring(project, made.plan, wanted)
            made = planned(project, reads=reads or None)
    if any(address not in reads for address in made.plan.reads):
        reads = read_sources(project, made, recalls=recalls, found=reads)
        made = planned(project, reads=reads)
    return made


def _not_imported(project: Loaded, plan: PlannedSteps) -> Iterator[Problem]:
    for block in project.root.blocks.lists["import"]:
        target, named = each_target(str(block.table.get("to")))
        held = plan.known.records
        if target not in ({split_key(at)[0] for at in held} if named else held):
            said = (
                f"{block.table.get('to')} has to be asked for at its server; this run is offline."
            )
            yield block.problem("Not imported", said, ("to",), warning=True)


def validated(project: Loaded) -> Planned:
    """The plan of everything, as if nothing was recorded, without asking anybody; RunnerError for
    what is wrong.
    """
    from runner.operations.reading.check_programs import program_problems  # noqa: PLC0415  # of checks

    project.settings.offline = True
    project.state = replace(project.state, records={})
    checks = project.root.checks.values()
    wrong = [problem for check in checks for problem in program_problems(project, check)]
    try:
        made = planned(project, choice=Choice(), answers=False)
    except RunnerError as exc:
        raise RunnerError(*exc.problems, *wrong) from exc
    if wrong:
        raise RunnerError(*wrong)
    return made
