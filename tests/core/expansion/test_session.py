import pytest

from runner.core.expansion.scope import Scope
from runner.core.expansion.session import Session
from runner.core.expressions.functions import World
from runner.core.modules.compile import compile_root
from runner.errors import RunnerError

TEXT = b'[completion.a]\nmodel = "m"\nmessages = []\ncount = 2\n'


@pytest.fixture
def scope() -> Scope:
    root = compile_root("configs", lambda _: [("configs/main.toml", TEXT)], [])
    session = Session(root, World(lambda _folder, _path: b"", lambda _: None), {})
    return Scope(session, root)


def test_a_project_has_no_more_instances_than_can_be_planned(scope: Scope) -> None:
    """Those of modules multiply: four short blocks could stand for more than any machine holds."""
    declared = scope.module.completions["a"]
    scope.session.admit(declared, 1_999_999)
    with pytest.raises(RunnerError) as caught:
        list(scope.instances(declared))
    (problem,) = caught.value.problems
    assert problem.summary == "Too many instances"
    assert problem.where is not None
    assert problem.where.line == 4


def test_as_many_as_can_be_planned_are_none_too_many(scope: Scope) -> None:
    declared = scope.module.completions["a"]
    scope.session.admit(declared, 1_999_998)
    assert len(list(scope.instances(declared))) == 2
