"""What must hold: the rules of variables and lifecycles, and the types of variables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from runner.core.address import Path
from runner.core.expressions.template import Hole, Masked, holes
from runner.core.language.findings import in_short
from runner.core.language.type_syntax import as_type, parse_type
from runner.core.modules.module import NamedValue, Rule
from runner.core.values import TemplateError, kind_of, plain, to_text
from runner.errors import RunnerError


def check_conditions(
    conditions: Iterable[Rule], names: Mapping[str, Any], masks: Masked
) -> Iterator[tuple[Path, str, TemplateError | None]]:
    """The conditions that do not hold: their place, their message with what is sensitive masked,
    and why they could not be evaluated, if so.
    """
    for rule in conditions:
        try:
            said = _broken(rule, names, masks)
            if said is not None:
                yield rule.path, said, None
        except TemplateError as exc:
            yield rule.path, exc.message, exc
        except RunnerError as exc:  # a local value or an output that cannot be evaluated
            said = " ".join(problem.detail for problem in exc.problems)
            yield rule.path, said, TemplateError(said)


def _broken(rule: Rule, names: Mapping[str, Any], masks: Masked) -> str | None:
    """What is to be said where a rule does not hold; of the first item of which it does not."""
    if rule.each is None:
        holds = rule.condition.render(names) is True
        return None if holds else to_text(rule.message.render(names, masks))
    hidden = any(masks(hole) for hole in holes(rule.each))
    broken = [
        each
        for each in _items(rule.each.render(names))
        if _holds_not(rule, names, each, hidden=hidden)
    ]
    if not broken:
        return None

    def masked(hole: Hole) -> bool:
        return masks(hole) or (hidden and any(ref[0] == "each" for ref in hole.refs))

    said = to_text(rule.message.render({**names, "each": broken[0]}, masked))
    more = [f"{len(broken) - 1:,} more like it"] if len(broken) > 1 else []
    found = (
        [] if hidden else [f"{name} is {in_short(plain(broken[0][name[5:]]))}" for name in _EACH]
    )
    return f"{said} ({', '.join([*found, *more])})" if found or more else said


def _holds_not(
    rule: Rule, names: Mapping[str, Any], each: Mapping[str, Any], *, hidden: bool
) -> bool:
    try:
        return rule.condition.render({**names, "each": each}) is not True
    except TemplateError as exc:
        at = "" if hidden else f" (each.key is {in_short(plain(each['key']))})"
        raise TemplateError(f"{exc.message}{at}", exc.path, exc.at) from exc


def _items(value: Any) -> list[dict[str, Any]]:
    """Each item of a value: of a list by its index, of a map by its key."""
    if isinstance(value, Mapping):
        return [{"key": key, "value": value[key]} for key in value]
    if isinstance(value, Sequence | range) and not isinstance(value, str):
        return [{"key": index, "value": item} for index, item in enumerate(value)]
    raise TemplateError(
        f"for_each of a condition wants a list or a map; this is a {kind_of(value)}", ("for_each",)
    )


_EACH = ("each.key", "each.value")


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
