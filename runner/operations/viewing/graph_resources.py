"""What waits for what, and how far each block is."""

from collections.abc import Iterator, Mapping

from runner.core.address import blocks_of
from runner.core.plan.actions import Absent, Await, Instances, Issue, Keep, Read, Reuse, Update
from runner.core.viewing.graph_page import BlockStanding, GraphPage, graph_page
from runner.operations.viewing.project_view import ProjectView


def graph(view: ProjectView, query: Mapping[str, str]) -> GraphPage:
    """The graph with the module `in` opened."""
    return graph_page(view.project.graph, _counted(view), query.get("in", ""))


def _counted(view: ProjectView) -> dict[str, dict[BlockStanding, int]]:
    counts: dict[str, dict[BlockStanding, int]] = {}
    for address, standing in _standings(view):
        try:
            block = ".".join(f"{kind}.{name}" for kind, name in blocks_of(address))
        except ValueError:  # no address of this version
            continue
        held = counts.setdefault(block, {})
        held[standing] = held.get(standing, 0) + 1
    return counts


def _standings(view: ProjectView) -> Iterator[tuple[str, BlockStanding]]:
    """How far each instance is: by the run, if that says it, else by the plan."""
    run = view.run.page()
    told: dict[str, BlockStanding] = {each.address: "failed" for each in run.failures}
    told |= {each.address: "done" for each in run.ended if each.how == "issued"}
    told |= {each.address: "in flight" for each in run.in_flight}
    plan = view.planned.plan
    for address, decision in plan.decisions.items():
        match decision:
            case Keep() | Update() | Reuse():
                yield address, "done"
            case Issue() | Await() | Read():
                yield address, told.get(address, "waiting")
            case Absent():
                pass
    for step, _ in plan.of(Instances):
        yield step.address, "waiting"
