"""Every module call gives the variables that its module has, and no others."""

from runner.core.expressions.template import Constant
from runner.core.modules.conditions import typed
from runner.core.modules.module import Declared, Module
from runner.core.suggest import did_you_mean
from runner.errors import Problem


def check_call(call: Declared, module: Module, problems: list[Problem]) -> None:
    """Append a problem for each variable that a call names wrongly, leaves out, or gives a value
    of another type (of what is written as it is; an expression's value is checked once known).
    """
    unknown = [name for name in call.params if name not in module.variables]
    problems += [_unknown(call, module, name) for name in unknown]
    for name, declared in module.variables.items():
        node = call.params.get(name)
        if node is None:
            table = declared.block.table
            if "default" not in table and table.get("nullable") is not True:
                problems.append(_missing(call, module, name))
        elif isinstance(node, Constant):
            try:
                typed(declared, node.value)
            except ValueError as exc:
                said = f"var.{name} of {call.address} does not fit: {exc}."
                problems.append(call.block.problem("Wrong type", said, (name,)))


def _unknown(call: Declared, module: Module, name: str) -> Problem:
    known = ", ".join(module.variables) or "none"
    hint = did_you_mean(name, module.variables, f" It has {known}.")
    said = f'The module "{module.folder}" has no variable "{name}".{hint}'
    where = call.block.where((name,), on="key")
    return Problem("Unknown variable", said, where)


def _missing(call: Declared, module: Module, name: str) -> Problem:
    declared = module.variables[name].block
    about = declared.table.get("description")
    shown = f" ({about})" if about else ""
    said = (
        f'{call.address} gives no value for "{name}"{shown}, and the variable has no default '
        f"({declared.where()}). Write {name} = .. in this block."
    )
    return call.block.problem("Missing variable", said)
