"""One name, one thing: no public name of a module stands for something else in another one."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from runner.core.plan.actions import Action, Decision

RUNNER = Path(__file__).parent.parent / "runner"
SAME_VERB = {"run", "read", "write", "update", "remove", "delete", "check"}
"""Verbs that only their module's name completes: commands are run, files and stores read."""


def public(module: ast.Module) -> Iterator[str]:
    """The classes, functions and constants of a module that others may name."""
    for node in module.body:
        match node:
            case ast.ClassDef(name) | ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
                yield name
            case ast.Assign(targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(ast.Name(name)):
                yield name
            case _:
                pass


def test_no_public_name_stands_in_two_modules() -> None:
    homes: dict[str, set[Path]] = defaultdict(set)
    for path in RUNNER.rglob("*.py"):
        for name in public(ast.parse(path.read_text())):
            if not name.startswith("_"):
                homes[name].add(path)
    twice = {name for name, paths in homes.items() if len(paths) > 1}
    assert twice == SAME_VERB


def test_every_action_is_named_wherever_one_is_told_asked_for_or_done() -> None:
    """mypy holds that each match is exhaustive; this, that the matches are there."""
    places = {
        "core/plan/words.py": Action,  # symbol and words
        "operations/reading/trust.py": Action,  # whether it may send
        "io/apply/loop.py": Decision,  # what is done
    }
    for file, union in places.items():
        classes = [
            node.cls.id
            for node in ast.walk(ast.parse((RUNNER / file).read_text()))
            if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name)
        ]
        assert {kind.__name__ for kind in get_args(union)} <= set(classes), file
