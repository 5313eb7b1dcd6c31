"""The values of the root module's variables: from where, of what type, and whether they pass."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from runner.core.language.names import BLOCKS
from runner.core.language.type_syntax import parse_input, parse_type, with_nulls
from runner.core.modules.conditions import as_declared, check_conditions, default_of
from runner.core.modules.folder import FileValues
from runner.core.modules.module import CompiledModule, NamedValue
from runner.core.suggest import did_you_mean
from runner.core.values import is_text
from runner.errors import Problem, Where


class Given(Struct, frozen=True):
    """A value somebody gave: `text` from a command line or the environment, else `value` from a
    file; `source` names where it came from.
    """

    name: str
    source: str
    text: str | None = None
    value: Any = None
    where: Where | None = None


def from_file(values: FileValues) -> list[Given]:
    """The values of a vars file."""
    return [
        Given(name, block.source.file, None, with_nulls(value), block.source.where((name,)))
        for name, (value, block) in values.items()
    ]


def resolve(
    root: CompiledModule, given: Iterable[Given], problems: list[Problem], workspace: str = ""
) -> dict[str, Any]:
    """Every variable's value; what comes later in `given` wins. Mistakes go to `problems`."""
    held: dict[str, Given] = {}
    for one in given:
        if one.name not in root.variables:
            problems.append(_undeclared(one, root))
        else:
            held[one.name] = one
    values: dict[str, Any] = {}
    for name, declared in root.variables.items():
        if name not in held and workspace in required_in(declared):
            problems.append(_required(name, declared, workspace))
            values[name] = None
        else:
            values[name] = _value(name, declared, held.get(name), problems)
    for name, declared in root.variables.items():
        _validate(name, declared, values, workspace, problems)
    return values


def check_other_workspaces(root: CompiledModule, workspace: str, problems: list[Problem]) -> None:
    """What is wrong in the files of values of other workspaces, before somebody works there."""
    for other, values in root.blocks.values_of.items():
        for one in from_file(values) if other != workspace else ():
            if one.name in root.variables:
                _value(one.name, root.variables[one.name], one, problems)
            else:
                problems.append(_undeclared(one, root))


def required_in(declared: NamedValue) -> Sequence[str]:
    """The workspaces in which a variable has to be given, whatever its default."""
    named = declared.block.table.get("required_in")
    return named if isinstance(named, list) else ()


def missing_there(name: str, workspace: str, advice: str) -> str:
    """That a variable has to be given in a workspace."""
    return (
        f'var.{name} has to be given in the workspace "{workspace}" (required_in): its default '
        f"does not count there. {advice}"
    )


def sensitive_values(root: CompiledModule, values: Mapping[str, Any]) -> list[Any]:
    """The values of the variables declared sensitive."""
    return [
        values[name]
        for name, declared in root.variables.items()
        if declared.block.table.get("sensitive") is True
    ]


def _value(name: str, declared: NamedValue, given: Given | None, problems: list[Problem]) -> Any:
    table = declared.block.table
    if given is None:
        if "default" not in table:
            if table.get("nullable") is True:
                return None
            problems.append(_unset(name, declared))
            return None
        given = Given(name, "its default", None, default_of(declared))
    try:
        if given.text is not None:
            if not is_text(given.text):
                raise ValueError("it is not UTF-8 text")
            value = parse_input(given.text, parse_type(str(table.get("type", "any"))))
        else:
            value = given.value
        return as_declared(declared, value)
    except ValueError as exc:
        secret = table.get("sensitive") is True
        shown = "" if secret else f", got {_short(given.text or given.value)}"
        said = str(exc) if not secret else "its value does not have the declared type"
        detail = f"var.{name}, set by {given.source}: {said}{shown if shown not in said else ''}."
        where = given.where or declared.block.where(("default",))
        problems.append(Problem("Wrong type", detail, where))
        return None


def _validate(
    name: str,
    declared: NamedValue,
    values: Mapping[str, Any],
    workspace: str,
    problems: list[Problem],
) -> None:
    names = {"var": {name: values[name]}, "workspace": workspace}
    secret = declared.block.table.get("sensitive") is True
    for path, message, _ in check_conditions(declared.conditions, names, lambda _: secret):
        shown = "" if secret else f" var.{name} is {_short(values[name])}."
        problems.append(
            declared.block.problem("Invalid value for variable", f"{message}.{shown}", path)
        )


def _undeclared(given: Given, root: CompiledModule) -> Problem:
    if given.where is not None and given.name in BLOCKS and isinstance(given.value, dict):
        said = (
            f'{given.source} has values of variables, by its name, and "{given.name}" is a table '
            "of the language: give a file with blocks another name."
        )
        return Problem("Block among values", said, given.where)
    hint = did_you_mean(
        given.name, list(root.variables), f" Declare it as [variable.{given.name}]."
    )
    detail = f'{given.source} sets "{given.name}", and there is no variable of this name.{hint}'
    return Problem("Undeclared variable", detail, given.where)


def _unset(name: str, declared: NamedValue) -> Problem:
    about = declared.block.table.get("description")
    detail = (
        f"var.{name} has no default and no value{f' ({about})' if about else ''}. Give one with "
        f"--var {name}=VALUE, in vars.toml, or as RUNNER_VAR_{name}."
    )
    return declared.block.problem("No value for variable", detail)


def _required(name: str, declared: NamedValue, workspace: str) -> Problem:
    folder = declared.block.source.file.rpartition("/")[0]
    advice = (
        f"Write it into {folder}/vars.{workspace}.toml, or give it by --var {name}=VALUE or "
        f"RUNNER_VAR_{name}."
    )
    said = missing_there(name, workspace, advice)
    return declared.block.problem("No value for variable", said, ("required_in",))


def _short(value: Any) -> str:
    shown = value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
    text = repr(value) if not isinstance(value, str) else f'"{shown}"'
    return text if len(text) <= 60 else f"{text[:57]}.."
