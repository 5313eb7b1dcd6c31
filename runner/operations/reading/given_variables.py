"""What the user gives besides the configuration: values of variables."""

from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import Any, assert_never

from runner.core.modules.folder import values_of
from runner.core.modules.module import CompiledModule
from runner.core.modules.variables import Given, from_file
from runner.core.toml.source import source
from runner.core.values import is_text
from runner.errors import Problem, RunnerError
from runner.io import files
from runner.operations.options import GivenVariable, VariableFile, VariableText, VariableValue

_PREFIX = "RUNNER_VAR_"
_FLAG = "--var"


def all_given(
    root: CompiledModule,
    variables: Iterable[GivenVariable],
    surroundings: Mapping[str, str],
    workspace: str,
    problems: list[Problem],
) -> list[Given]:
    """Terraform's order: environment, vars.toml, *.auto.vars.toml; then that of the workspace, and
    what this run is given.
    """
    given = [
        Given(name[len(_PREFIX) :], name, text)
        for name, text in surroundings.items()
        if name.startswith(_PREFIX) and name[len(_PREFIX) :] in root.variables
    ]
    given += from_file(root.blocks.values)
    given += from_file(root.blocks.values_of.get(workspace, {}))
    for variable in variables:
        match variable:
            case VariableText(name, None):
                said = f'{_FLAG} wants NAME=VALUE, got "{name}".'
                problems.append(Problem("Invalid --var", said))
            case VariableText(name, text):
                given.append(Given(name, f"{_FLAG} {name}=..", text))
            case VariableValue(name, value):
                given += _from_value(name, value, problems)
            case VariableFile(path):
                given += _from_file(path, problems)
            case _:
                assert_never(variable)
    return given


def _from_value(name: str, value: object, problems: list[Problem]) -> list[Given]:
    try:
        return [Given(name, "variables", value=_as_in_toml(value))]
    except (TypeError, RecursionError) as exc:
        said = (
            f"variables: the value of {name!r} holds {exc}. It may hold texts, numbers, truth "
            "values, None, dates, lists and dictionaries with texts as keys."
        )
        problems.append(Problem("Wrong type", said))
        return []


def _as_in_toml(value: object) -> Any:
    """The value in the types that a file of values has; TypeError names what none has."""
    match value:
        case str() if not is_text(value):
            raise TypeError("half of a character")
        case str() | int() | float() | date() | time() | None:
            return value
        case list() | tuple():
            return [_as_in_toml(item) for item in value]
        case dict() if all(isinstance(key, str) and is_text(key) for key in value):
            return {key: _as_in_toml(item) for key, item in value.items()}
        case dict():
            raise TypeError("a dictionary with another key than a text")
        case _:
            raise TypeError(f"a value of the type {type(value).__name__}")


def _from_file(file: str, problems: list[Problem]) -> list[Given]:
    try:
        return from_file(values_of(source(file, files.read_named(file))))
    except RunnerError as exc:
        problems.extend(exc.problems)
    return []


def flagged(given: list[Given]) -> dict[str, str]:
    """The texts of the variables that have their value from --var."""
    last = {one.name: one for one in given}
    return {
        name: one.text
        for name, one in last.items()
        if one.text is not None and one.source.startswith(f"{_FLAG} ")
    }
