"""What must hold: the rules of variables and lifecycles, and the types of variables."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runner.core.address import Path
from runner.core.expressions.template import Masked
from runner.core.language.type_syntax import as_type, parse_type
from runner.core.modules.module import NamedValue, Rule
from runner.core.values import TemplateError, to_text
from runner.errors import RunnerError


def check_conditions(
    conditions: Iterable[Rule], names: Mapping[str, Any], masks: Masked
) -> Iterator[tuple[Path, str, TemplateError | None]]:
    """The conditions that do not hold: their place, their message with what is sensitive masked,
    and why they could not be evaluated, if so.
    """
    for rule in conditions:
        try:
            if rule.condition.render(names) is not True:
                yield rule.path, to_text(rule.message.render(names, masks)), None
        except TemplateError as exc:
            yield rule.path, exc.message, exc
        except RunnerError as exc:  # a local value or an output that cannot be evaluated
            said = " ".join(problem.detail for problem in exc.problems)
            yield rule.path, said, TemplateError(said)


def default_of(declared: NamedValue) -> Any:
    """The value of a variable where none is given; None too where there is no default."""
    return declared.node.render({})


def as_declared(declared: NamedValue, value: Any) -> Any:
    """A value as its variable's type; ValueError, or RunnerError where a validation says no."""
    table = declared.block.table
    if value is None and table.get("nullable") is False:
        value = default_of(declared)
        if value is None:
            raise ValueError("null is not allowed: nullable = false")
    return as_type(value, parse_type(str(table.get("type", "any"))))
