"""A body in which only texts of messages are filled: all the rest of it is written once."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from msgspec import Struct

from runner.core.budget import Rendering
from runner.core.canonical import canonical
from runner.core.expressions.template import (
    Constant,
    Expression,
    ItemsNode,
    Node,
    TableNode,
    TextNode,
)
from runner.core.request.outline import Outline
from runner.core.values import Names, NotKnown, TemplateError
from runner.errors import RunnerError

_Text = TextNode | Expression


class TextBody(Struct, frozen=True):
    """The canonical JSON of a block's body, in pieces around its texts; and its outline, if these
    are the contents of messages.
    """

    first: bytes
    rest: tuple[tuple[_Text, bytes], ...]
    outline: Outline | None

    def filled(self, names: Names) -> tuple[bytes, tuple[str, ...]] | None:
        """The body, and what its outline leaves empty; None where a text is wrong, no text or not
        known yet: whoever fills it as any other body tells of that.
        """
        pieces = [self.first]
        texts: list[str] = []
        try:
            with Rendering():
                for node, after in self.rest:
                    text = node.render(names)
                    if type(text) is not str:
                        return None
                    pieces += orjson.dumps(text), after
                    texts.append(text)
        except (TemplateError, NotKnown, RunnerError, orjson.JSONEncodeError):
            return None
        return b"".join(pieces), () if self.outline is None else tuple(texts)


def text_body(
    messages: Node, body_with: Callable[[list[Any]], Mapping[str, Any]]
) -> TextBody | None:
    """The body of a block of which nothing but the content of `messages` is filled; `body_with`
    gives it as it is sent with these. None where it says itself what stands in a text's place here.
    """
    texts: list[_Text] = []
    if not isinstance(messages, ItemsNode):
        return None
    placed = [_placed(message, texts).render({}) for message in messages.items]
    sent = canonical(body_with(placed))
    pieces = [sent]
    for number in range(len(texts)):
        split = pieces.pop().split(orjson.dumps(_place(number)))
        if len(split) != 2:
            return None
        pieces += split
    rest = tuple(zip(texts, pieces[1:], strict=True))
    return TextBody(pieces[0], rest, _outline(sent, len(texts)))


def _outline(sent: bytes, number: int) -> Outline | None:
    """The outline of a body with so many marks; None where one is no content of a message."""
    body = orjson.loads(sent)
    marks = [_place(one) for one in range(number)]
    messages = body["messages"]
    if not all(isinstance(message, dict) for message in messages):
        return None
    places = [at for at, message in enumerate(messages) if message.get("content") in marks]
    if len(places) != number:
        return None
    for at in places:
        messages[at]["content"] = ""
    return Outline(body, tuple(places))


def _placed(message: Node, texts: list[_Text]) -> Node:
    """The message with a mark in place of the text that is filled."""
    if not isinstance(message, TableNode):
        return message
    items: list[tuple[str, Node]] = []
    for key, node in message.items:
        if isinstance(node, _Text):
            items.append((key, Constant(_place(len(texts)))))
            texts.append(node)
        else:
            items.append((key, node))
    return TableNode(tuple(items))


def _place(number: int) -> str:
    return f"\ue000{number}\ue001"
