"""What a response body says: an answer, the server's error, or neither."""

import json
import re
from typing import Any

from msgspec import Struct

from runner.core.received import value_of
from runner.core.secrets.redact import redact_text
from runner.io.providers.openai.waits import wait_in

_SHOWN = 500
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_SILENT = re.compile(r"<(script|style|head)\b.*?</\1>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_MODERATED = re.compile(
    r"moderat|content_policy|content_filter|content policy|flagged", re.IGNORECASE
)


class Said(Struct, frozen=True):
    """The server's words for an error.

    `status` is the one that counts: a number in the error's `code` or `status` goes before the
    status of the response. `moderated` says that this one request's content was refused; `wait`
    is what a member of the error names, in seconds, `param` the part of the request that it is of.
    """

    status: int
    message: str
    type: str | None = None
    code: str | None = None
    moderated: bool = False
    wait: float | None = None
    param: str | None = None


def error_in(value: object) -> object | None:
    """The error that a parsed body carries in itself or in one of its choices, or None."""
    if not isinstance(value, dict):
        return None
    error: object | None = value.get("error")
    if error:
        return error
    choices = value.get("choices")
    if isinstance(choices, list):
        for choice in choices:
            if isinstance(choice, dict) and choice.get("error"):
                return choice["error"]  # type: ignore[no-any-return]
    return None


def said(status: int, body: bytes, reason: str | None = None) -> Said:
    """The server's error out of the body of a response with this status."""
    value = value_of(body)
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        error = error_in(value) or value
        return said_by(status, error)
    return Said(status, _prose(body) or reason or "the response has no body")


def said_by(status: int, error: object) -> Said:
    """The server's error out of an `error` member, which need not be an object."""
    if not isinstance(error, dict):
        return Said(status, str(error))
    code = error.get("code")
    inner = _status(code) or _status(error.get("status_code")) or _status(error.get("status"))
    kind, param = error.get("type"), error.get("param")
    flagged = bool(error.get("metadata")) and _flagged(error["metadata"])
    return Said(
        status=inner or status,
        message=_message(error),
        type=kind if isinstance(kind, str) else None,
        code=None if code is None else str(code),
        moderated=flagged or bool(_MODERATED.search(f"{code} {kind} {error.get('message')}")),
        wait=wait_in(error),
        param=param if isinstance(param, str) else None,
    )


def _message(error: dict[str, Any]) -> str:
    metadata = error.get("metadata")
    text = error.get("message") or error.get("detail") or error.get("error")
    if not isinstance(text, str):
        return json.dumps(text or error, ensure_ascii=False)
    if isinstance(error.get("n_prompt_tokens"), int) and "n_ctx" in error:  # llama.cpp
        text += f" (n_prompt_tokens {error['n_prompt_tokens']}, n_ctx {error['n_ctx']})"
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return f"{text}: {raw}" if isinstance(raw, str) and raw not in text else text


def _flagged(metadata: object) -> bool:
    return isinstance(metadata, dict) and bool(
        metadata.get("reasons") or metadata.get("flagged_input")
    )


def _status(value: object) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) == 3:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
        return value
    return None


def _prose(body: bytes) -> str:
    """The text of a body that is not JSON; of a page, its title and its words."""
    text = body.decode("utf-8", "replace")
    if "<" not in text[:500]:
        return text.strip()
    title = _TITLE.search(text)
    import html  # noqa: PLC0415  # only of a page that stands in place of an answer

    words = _TAG.sub(" ", _SILENT.sub(" ", text))
    shown = words if title is None else f"{title[1]} {words}"
    return "an HTML page, not JSON: " + " ".join(html.unescape(shown).split())


def readable(text: str, secrets: tuple[str, ...]) -> str:
    """One line of text without the secrets, cut to a length that a person reads."""
    text = " ".join(redact_text(text, filter(None, secrets)).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
