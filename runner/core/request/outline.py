"""A body but for the texts in which the requests of its block differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct


class Outline(Struct, frozen=True, eq=False):
    """A body, parsed, and the messages whose contents are left empty in it. It is one object for
    all requests that have nothing but these of their own, so that whoever looks at the rest looks
    once. A body that is like no other is its own outline, with nothing left empty.
    """

    body: Mapping[str, Any]
    places: tuple[int, ...] = ()

    def whole(self, texts: Sequence[str]) -> Mapping[str, Any]:
        """The body with these contents in their places."""
        if not self.places:
            return self.body
        messages = [*self.body["messages"]]
        for at, text in zip(self.places, texts, strict=True):
            messages[at] = {**messages[at], "content": text}
        return {**self.body, "messages": messages}
