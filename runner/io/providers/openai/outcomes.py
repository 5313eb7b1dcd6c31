"""What a response is worth: an answer, or the server's error."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from yarl import URL

from runner.core.api.answer import has_choices
from runner.core.api.exchange import Failure
from runner.core.received import received
from runner.io.providers.openai import bodies
from runner.io.providers.openai.bodies import Said
from runner.io.providers.openai.stream import Assembled, Cut, Refused, Stream
from runner.io.providers.openai.wire import Broken, Reply

_GOOD = 200  # the status of a stream whose connection broke


class Good(Struct, frozen=True):
    """An answer: its body, that body parsed, and the headers it came with.

    `mended` says that the body is not as it was sent, since nothing could hold it so.
    """

    body: bytes
    value: Any
    headers: Mapping[str, str]
    mended: bool = False


class Bad(Struct, frozen=True):
    """The server's error; `billed` says that the attempt may have been paid for all the same."""

    said: Said
    headers: Mapping[str, str]
    billed: bool = False


def judged(reply: Reply, stream: Stream | None, *, chat: bool) -> Good | Bad:
    """What a response with a good status is worth: it may hold an error, a page, or nothing."""
    body = reply.body
    if stream is not None and body.lstrip()[:5] in (b"data:", b"event"):
        stream.feed(body)
        return _events(stream, reply)
    if not body and not chat:
        return Good(body, None, reply.headers)
    try:
        got = received(body)
    except ValueError:
        said = bodies.said(reply.status, body, "the response is empty")
        page = said.message.startswith("an HTML page")
        return Bad(said, reply.headers, billed=not page)
    problem = bodies.error_in(got.value)
    if problem is not None:
        begun = not (isinstance(got.value, dict) and got.value.get("error"))
        return Bad(bodies.said_by(reply.status, problem), reply.headers, billed=begun)
    if chat and not has_choices(got.value):
        said = Said(reply.status, "the response is no completion: it has no choices")
        return Bad(said, reply.headers, billed=True)
    return Good(got.text, got.value, reply.headers, got.mended)


def streamed(stream: Stream, reply: Reply | Broken) -> Good | Bad | Broken:
    """An answer that was whole before its connection broke is an answer."""
    if isinstance(reply, Reply):
        return _events(stream, reply)
    end = stream.finish()
    return reply if isinstance(end, Cut) else _ended(end, _GOOD, {})


def _events(stream: Stream, reply: Reply) -> Good | Bad:
    return _ended(stream.finish(), reply.status, reply.headers)


def _ended(end: Assembled | Refused | Cut, status: int, headers: Mapping[str, str]) -> Good | Bad:
    match end:
        case Assembled(response, text, mended):
            return Good(text, response, headers, mended)
        case Refused(problem, begun):
            return Bad(bodies.said_by(status, problem), headers, billed=begun)
        case Cut(reason):
            return Bad(Said(status, reason), headers, billed=True)


def redirected(reply: Reply) -> Failure:
    """The failure of a redirect that is not followed."""
    return Failure(
        f"the server redirects to {_target(reply) or 'nowhere'}, and the key is sent to no other "
        "host: if that is the right one, make it the base_url",
        status=reply.status,
        fatal=True,
    )


def _target(reply: Reply) -> URL | None:
    try:
        return URL(reply.headers.get("location", "")).with_query(None).with_user(None)
    except ValueError:
        return None


def request_id(headers: Mapping[str, str]) -> str | None:
    """The id by which the server knows a request: OpenAI's name for it first, then others'."""
    return (
        headers.get("x-request-id") or headers.get("request-id") or headers.get("apim-request-id")
    )
