"""Expressions and outputs over what is recorded, without planning anything."""

from collections.abc import Mapping

from runner.core.expansion.outputs import OutputValue, learn, outputs
from runner.core.expansion.scope import Scope
from runner.core.expansion.session import Session
from runner.core.plan.walk import Walk
from runner.core.values import NotKnown
from runner.errors import Problem, RunnerError
from runner.operations.loaded import Loaded


def recorded_session(project: Loaded, *, rejected: bool = False) -> Session:
    """Every instance that the configuration and the recorded answers give; with `rejected`, those
    that were not accepted as well.
    """
    session = Session(project.root, project.world, project.values)
    Scope(session, project.root)
    records, _ = project.moved()
    learn(session, records, rejected=rejected)
    walk = Walk(session)
    while walk.ready:
        vertex = walk.ready.popleft()
        if vertex.kind == "expand":
            try:
                walk.expand(vertex)
            except (NotKnown, RunnerError):
                continue  # its instances are not known; what needs them says so
        walk.settle(vertex)
    return session


def all_outputs(project: Loaded) -> Mapping[str, OutputValue]:
    """Every output as the records give it; RunnerError for an expression that fails."""
    session = recorded_session(project)
    records, _ = project.moved()
    problems: list[Problem] = []
    found = outputs(session, records, problems)
    if problems:
        raise RunnerError(*problems)
    return found
