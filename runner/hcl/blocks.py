"""The bodies of Terraform's blocks as keys of the runner's tables."""

from collections.abc import Sequence
from dataclasses import replace

from runner.core.toml.write import Entry, Remark
from runner.hcl.context import Context, Items, Rules, as_written, note, remark
from runner.hcl.keys import LIFECYCLE
from runner.hcl.repeated import LISTED_INSIDE, list_of, made_kind, one_of
from runner.hcl.scope import Untranslatable
from runner.hcl.tree import Attribute, Body, Nested, comments
from runner.hcl.values import NULL, tables_value, value

_RULES = ("validation", "precondition", "postcondition")
_NO_COUNTERPART = {
    "connection": "the runner runs nothing on machines",
    "content": "it belongs to a dynamic block",
    "dynamic": "its label says what it makes",
    "provisioner": "the runner runs nothing but completions",
    "timeouts": "set timeout in the provider's block",
}


def items(context: Context, body: Body, rules: Rules, keys: frozenset[str] | None = None) -> Items:
    """The keys of a body. `rules` converts those that are more than a value; one that is none of
    `keys`, where those are given, is named.
    """
    found: Items = []
    places: dict[str, int] = {}
    groups = _groups(body)
    for element in body.elements:
        if isinstance(element, Attribute):
            new = _attribute(context, element, rules)
        elif (group := groups.get(made_kind(element))) is None:
            new = _nested(context, element, rules)
        else:
            new = _repeated(context, group) if element is group[0] else []
        for item in new:
            if isinstance(item, Entry) and keys is not None and item.key not in keys:
                found.append(_unknown(context, element, keys))
                continue
            _add(context, found, places, item, element)
    return found


def _attribute(context: Context, attribute: Attribute, rules: Rules) -> Items:
    try:
        return rules.get(attribute.name, as_written)(context, attribute)
    except Untranslatable as exc:
        context.error(f"{attribute.name}: {exc.why}.", exc.node)
        return [remark(attribute)]


def _groups(body: Body) -> dict[str, list[Nested]]:
    """The blocks of each name that a dynamic one makes: together they are one list."""
    blocks = [each for each in body.elements if isinstance(each, Nested)]
    made = {made_kind(each) for each in blocks if each.kind == "dynamic" and each.labels}
    return {name: [each for each in blocks if made_kind(each) == name] for name in made}


def _repeated(context: Context, group: Sequence[Nested]) -> Items:
    """The list that blocks and dynamic blocks make, or the table of one that stands once."""
    name, scope = made_kind(group[0]), context.scope()
    list_key = context.listed.get(name)
    key = list_key or name
    above = tuple(line for block in group for line in comments(block))
    try:
        made = list_of(group, scope)
        held = tables_value(made, scope, key) if list_key else value(one_of(made), scope, key)
    except Untranslatable as exc:
        context.error(f'dynamic "{name}": {exc.why}.', exc.node)
        return [_left_out(block) for block in group]
    if held in (NULL, []):
        return [Remark(above)] if above else []
    return [Entry(key, held, above)]


def _nested(context: Context, nested: Nested, rules: Rules) -> Items:
    """A block in a block: an entry of a list of tables, or a table."""
    why = _NO_COUNTERPART.get(nested.kind) or ("it has labels" if nested.labels else None)
    if why is not None:
        context.error(f"A {nested.kind} block has no counterpart: {why}.", nested)
        return [_left_out(nested)]
    if nested.kind == "lifecycle":
        rules = LIFECYCLE
    elif nested.kind in _RULES:
        rules = {}
    inner = items(replace(context, listed=LISTED_INSIDE), nested.body, rules)
    table = {item.key: item.value for item in inner if isinstance(item, Entry)}
    notes = [line for item in inner for line in _notes(item)]
    above = (*nested.above, *notes, *nested.body.below)
    key = context.listed.get(nested.kind, nested.kind)
    if key in _RULES or nested.kind in context.listed:
        return [Entry(key, [table], above)]
    return [Entry(key, table, above)] if table else [Remark(above)]


def _unknown(context: Context, element: Attribute | Nested, keys: frozenset[str]) -> Remark:
    more = " What another server needs besides goes into extra_body." * ("extra_body" in keys)
    if isinstance(element, Attribute):
        context.error(f"The runner's block has no key {element.name}.{more}", element)
        return remark(element)
    context.error(f"The runner's block has no {made_kind(element)} in it.{more}", element)
    return _left_out(element)


def _left_out(nested: Nested) -> Remark:
    shown = " ".join((nested.kind, *nested.labels))
    return Remark((*nested.above, note(f"{shown} {{ .. }}")))


def _notes(item: Entry | Remark) -> tuple[str, ...]:
    if isinstance(item, Remark):
        return item.lines
    return (*item.above, item.beside) if item.beside else item.above


def _add(
    context: Context,
    found: Items,
    places: dict[str, int],
    item: Entry | Remark,
    at: Attribute | Nested,
) -> None:
    """One more item; blocks of one kind are entries of one list, any other key stands once.
    `places` says where each key stands.
    """
    held = found[places[item.key]] if isinstance(item, Entry) and item.key in places else None
    if not isinstance(item, Entry) or not isinstance(held, Entry):
        if isinstance(item, Entry):
            places[item.key] = len(found)
        found.append(item)
    elif isinstance(at, Nested) and isinstance(held.value, list) and isinstance(item.value, list):
        held.value.extend(item.value)
        if item.above:
            found[places[item.key]] = replace(held, above=(*held.above, *item.above))
    else:
        context.error(f"{item.key} is set twice; the first one is kept.", at)
        name = at.name if isinstance(at, Attribute) else at.kind
        found.append(Remark((note(f"{name}, set twice"),)))
