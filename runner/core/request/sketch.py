"""A request while answers that it needs have yet to come: what is known of it."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct

from runner.core.budget import Rendering
from runner.core.expansion.session import Instance
from runner.core.expressions.template import (
    Constant,
    Expression,
    Hole,
    ItemsNode,
    Masked,
    Node,
    TableNode,
    TextNode,
)
from runner.core.request.body import Shape, as_parameter, json_value, shape_of
from runner.core.request.build import as_recorded
from runner.core.request.provider import Provider
from runner.core.request.spelling import spelled
from runner.core.state.records import Record
from runner.core.values import MASK, Names, NotKnown, TemplateError, to_text
from runner.errors import RunnerError

UNKNOWN = "(known after apply)"


class Sketch(Struct, frozen=True):
    """A body as far as it is known, UNKNOWN in place of each value that hangs on an answer. `sent`
    is for counting, with what is sensitive in it; `shown` is as it would be recorded. An extra_body
    that hangs on an answer as a whole stands under its own name: it may replace all the rest.
    """

    sent: dict[str, Any]
    shown: dict[str, Any]


def sketch(instance: Instance, provider: Provider, record: Record | None = None) -> Sketch:
    """The request of a completion that waits for an answer. `record` has the last one, for
    ignore_changes.
    """
    shape, names = shape_of(instance, provider), instance.names()
    sent = _body(instance, shape, names, provider.defaults, _nothing)
    shown = sent
    if shape.masked:
        shown = _body(instance, shape, names, provider.recorded_defaults, instance.scope.masks)
    if record is not None:
        sent, shown = (as_recorded(instance, body, record) for body in (sent, shown))
    return Sketch(sent, shown)


def known_headers(instance: Instance) -> dict[str, Any]:
    """The headers that a completion adds, as far as they are known."""
    node = instance.declared.meta.get("extra_headers")
    if node is None:
        return {}
    with Rendering():
        table = _known(node, instance.names(), _nothing)
    return table if isinstance(table, dict) else {UNKNOWN: UNKNOWN}


def as_before(old: Any, new: Any) -> Any:
    """What is known of a request, with what was recorded in place of all that may be the same once
    it is known.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        if new.get("extra_body") == UNKNOWN:
            return old
        return {
            key: as_before(old.get(key), value)
            for key, value in sorted(new.items())  # as they are recorded
            if key in old or value != UNKNOWN
        }
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [as_before(one, other) for one, other in zip(old, new, strict=True)]
    if isinstance(new, str) and (new == UNKNOWN or (isinstance(old, str) and _may_be(new, old))):
        return old
    return new


def _may_be(known: str, text: str) -> bool:
    """Whether a text has the known parts of another one, in their order."""
    first, *others = known.split(UNKNOWN)
    if not others or not text.startswith(first):
        return False
    at = len(first)
    for part in others[:-1]:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - at >= len(others[-1]) and text.endswith(others[-1])


def _nothing(_: Hole) -> bool:
    return False


def _body(
    instance: Instance, shape: Shape, names: Names, defaults: Mapping[str, Any], masks: Masked
) -> dict[str, Any]:
    body = {**defaults, **shape.constant}
    with Rendering():
        for name, node in shape.filled:
            value = _known(node, names, masks)
            with suppress(TemplateError):  # it is shown as it is; what is wrong is told elsewhere
                value = as_parameter(instance, name, value)
            body[name] = value
            if value is None:
                del body[name]
        more = _beside(instance, names, masks)
    with suppress(TemplateError, RunnerError):  # a file that is not known yet, or none
        body = spelled(body, more, instance.scope.session.world, instance.scope.module.folder)
    return dict(sorted({**body, **more}.items()))


def _beside(instance: Instance, names: Names, masks: Masked) -> dict[str, Any]:
    node = instance.declared.meta.get("extra_body")
    value = None if node is None else _known(node, names, masks)
    with suppress(TemplateError):
        value = json_value("extra_body", value)
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"extra_body": value}


def _known(node: Node, names: Names, masks: Masked) -> Any:
    match node:
        case Constant(value):
            return value
        case Expression(hole):
            return _value(hole, names, masks)
        case TextNode(parts):
            return "".join(
                part if isinstance(part, str) else _text(_value(part, names, masks))
                for part in parts
            )
        case TableNode(items):
            return {key: _known(inner, names, masks) for key, inner in items}
        case ItemsNode(items):
            return [_known(inner, names, masks) for inner in items]


def _value(hole: Hole, names: Names, masks: Masked) -> Any:
    if masks(hole):
        return MASK
    try:
        return json_value("value", hole.value(names))
    except (NotKnown, TemplateError):  # whatever is wrong with it has been told before
        return UNKNOWN


def _text(value: Any) -> str:
    try:
        return value if isinstance(value, str) else to_text(value)
    except TemplateError:
        return UNKNOWN
