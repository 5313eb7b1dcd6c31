"""A request while answers that it needs have yet to come: what is known of it."""

from typing import Any

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
from runner.core.request.body import json_value, shape_of
from runner.core.request.provider import Provider
from runner.core.values import MASK, Names, NotKnown, TemplateError, to_text

UNKNOWN = "(known after apply)"


def sketch(instance: Instance, provider: Provider) -> dict[str, Any]:
    """The body with what is known of it, masked as it would be recorded; UNKNOWN stands for each
    value that hangs on an answer.
    """
    shape, names, masks = shape_of(instance, provider), instance.names(), instance.scope.masks
    body = {**provider.recorded_defaults, **shape.constant}
    with Rendering():
        for name, node in shape.filled:
            value = _known(node, names, masks)
            if value is None:
                body.pop(name, None)
            else:
                body[name] = value
    return dict(sorted(body.items()))


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
