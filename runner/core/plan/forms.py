"""What requests have to have in common to be told of as one: all but the texts of messages."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from msgspec import Struct

from runner.core.canonical import digest
from runner.core.plan.conversation import turn_of
from runner.core.request.build import Request
from runner.core.request.outline import Outline

_LONGEST = 64  # bytes of a value that is held itself
_MAY_DIFFER = frozenset(("", "image", "audio", "file", "refusal", "calls", "for"))


Headers = tuple[tuple[str, str], ...]


class RequestForm(NamedTuple):
    """Whom a request asks, and how: each parameter with its JSON, or the digest of a long one; of
    messages the roles, and what is in them besides texts. `before` is a digest of all messages but
    the last, where those have to be the same as well.
    """

    provider: str
    headers: Headers
    parameters: tuple[tuple[str, bytes], ...]
    turns: tuple[Any, ...]
    before: str = ""


class Forms(Struct):
    """The form of each request that may be sent, by its address: two of one form have the same
    object.
    """

    _of: dict[str, RequestForm] = {}
    _held: dict[RequestForm, RequestForm] = {}

    def of(self, address: str) -> RequestForm | None:
        """The form that was noted for an address."""
        return self._of.get(address)

    def note(self, address: str, form: RequestForm) -> None:
        """Keep the form of what will be sent for an address."""
        self._of[address] = self.only(form)

    def only(self, form: RequestForm) -> RequestForm:
        """The one object that stands for all that are equal to it."""
        return self._held.setdefault(form, form)


def form_of(
    provider: str, headers: Headers, body: Mapping[str, Any], *, is_alone: bool = False
) -> RequestForm:
    """The form of a body; `is_alone` says that no block repeats it, so that its texts but the last
    are no instances of one.
    """
    messages = body.get("messages")
    messages = messages if isinstance(messages, list) else []
    turns = tuple(map(_turn, messages))
    parameters = tuple(
        [
            (name, _short(orjson.dumps(value)))
            for name, value in body.items()
            if name != "messages" or not turns
        ]
    )
    before = ""
    if is_alone and turns:
        before = digest(orjson.dumps(messages[:-1] if len(turns) > 1 else messages))
    return RequestForm(provider, headers, parameters, turns, before)


def request_form(request: Request, outline: Outline, *, is_alone: bool) -> RequestForm:
    """The form of what is sent. It hangs on texts where no block repeats them; all others of an
    outline have one.
    """
    if is_alone:
        whole = outline.whole(request.texts)
        return form_of(request.provider, request.headers, whole, is_alone=True)
    return _of_outline(request.provider, request.headers, outline)


@lru_cache(maxsize=1)  # requests of one outline come one after the other
def _of_outline(provider: str, headers: Headers, outline: Outline) -> RequestForm:
    return form_of(provider, headers, outline.body)


def _short(data: bytes) -> bytes:
    return data if len(data) <= _LONGEST else digest(data).encode()


def _turn(message: Any) -> Any:
    if type(message) is dict and len(message) == 2 and type(message.get("content")) is str:
        role = message.get("role")
        if type(role) is str:
            return role
    turn = turn_of(message)
    parts = [
        part.label if part.label in _MAY_DIFFER else (part.label, digest(part.text.encode()))
        for part in turn.parts
    ]
    return turn.role, *parts
