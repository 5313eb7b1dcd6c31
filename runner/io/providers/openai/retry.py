"""What an outcome asks for: try again, wait, give up on the request, or stop the run."""

import re
from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

from runner.io.providers.openai.bodies import Said
from runner.io.providers.openai.waits import named_wait, reset_wait, worded_wait

FIRST_DELAY = 0.5
LONGEST_DELAY = 60.0

_Kind = Literal["money", "access", "limited", "busy", "refused"]

_MONEY = {
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
}
_MONEY_ENDS = ("spend_limit_exceeded", "usage_limit_exceeded")
_WORDS: dict[str, _Kind] = {
    "invalid_api_key": "access",
    "account_deactivated": "access",
    "invalid_organization": "access",
    "authentication_error": "access",
    "rate_limit_exceeded": "limited",
    "rate_limit_error": "limited",
    "slow_down": "limited",
    "too_many_requests": "limited",
    "server_error": "busy",
    "internal_error": "busy",
    "internal_server_error": "busy",
    "server_is_overloaded": "busy",
    "service_unavailable": "busy",
    "service_unavailable_error": "busy",
    "overloaded_error": "busy",
    "timeout": "busy",
    "model_not_found": "refused",
    "deploymentnotfound": "refused",
    "context_length_exceeded": "refused",
    "exceed_context_size_error": "refused",
    "content_filter": "refused",
    "content_policy_violation": "refused",
    "invalid_value": "refused",
    "unsupported_value": "refused",
    "unsupported_parameter": "refused",
    "unknown_parameter": "refused",
    "invalid_image_url": "refused",
    "invalid_image_format": "refused",
    "tool_use_failed": "refused",
}
_NEVER_FITS = re.compile(r"request too large|too large for", re.IGNORECASE)
_NEVER_WORKS = re.compile(r"\b(not supported|unsupported|not implemented)\b", re.IGNORECASE)


class Verdict(Struct, frozen=True):
    """What to do with a request after an error.

    retry: send it again, counted against max_retries. wait: send it again after `wait` seconds,
    not counted. fail: this request has no answer. fatal: no request would have one. `wait` is the
    time named by the server, if it named one; `hold`, that it is meant for every request;
    `limited`, that fewer requests should be sent at a time.
    """

    action: Literal["retry", "wait", "fail", "fatal"]
    wait: float | None = None
    hold: bool = False
    limited: bool = False


def classify(said: Said, headers: Mapping[str, str], wall: float) -> Verdict:
    """The verdict on a server's error; `headers` in any letter case, or lower case in a dict.

    The error's code is read before its type, and its type before the status;
    `x-should-retry` goes before all but the lack of money. `wall` as in `named_wait`.
    """
    kind = _kind(said)
    wait = named_wait(headers, wall)
    if kind == "money":
        if said.status == 402 and wait is not None:
            return Verdict("wait", wait, hold=True)
        return Verdict("fatal")
    if kind in ("limited", "busy"):
        wait = _longest(wait, said)
    if kind == "limited" and wait is None:
        wait = reset_wait(headers)
    hold = wait is not None and (kind == "limited" or said.status in (429, 503, 529))
    return Verdict(_action(kind, wait, headers), wait, hold, limited=kind == "limited")


def delay(retry: int, jitter: Callable[[], float], wait: float | None = None) -> float:
    """Seconds before a counted retry (the first is 0): full jitter, never less than `wait`."""
    spread = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(retry, 16))
    return max(jitter() * spread, wait or 0.0)


def _longest(named: float | None, said: Said) -> float | None:
    """Before the end of the longest wait that it names, in whatever way, a server answers nobody
    (Azure's headers say one second where its words say sixty).
    """
    waits = (named, said.wait, worded_wait(said.message))
    return max((wait for wait in waits if wait is not None), default=None)


def _action(
    kind: _Kind, wait: float | None, headers: Mapping[str, str]
) -> Literal["retry", "wait", "fail", "fatal"]:
    again = headers.get("x-should-retry", "").strip().lower()
    if kind in ("limited", "busy"):
        if again == "false":
            return "fail"
        return "wait" if kind == "limited" and wait is not None else "retry"
    if again == "true":
        return "retry"
    return "fatal" if kind == "access" else "fail"


def _kind(said: Said) -> _Kind:
    code, kind = (said.code or "").lower(), (said.type or "").lower()
    if _is_money(code) or _is_money(kind):
        return "money"
    found = _WORDS.get(code) or _WORDS.get(kind) or _by_status(said, kind)
    if found == "limited" and _NEVER_FITS.search(said.message):
        return "refused"
    if found == "busy" and said.status == 500 and _NEVER_WORKS.search(said.message):
        return "refused"
    return found


def _is_money(word: str) -> bool:
    return word in _MONEY or word.endswith(_MONEY_ENDS)


def _by_status(said: Said, kind: str) -> _Kind:
    match said.status:
        case 401:
            return "access"
        case 402:
            return "money"
        case 403:
            return "refused" if said.moderated else "access"
        case 429:
            return "limited"
        case 408 | 409:
            return "busy"
        case 501 | 505:
            return "refused"
        case status if status >= 500 or (status < 300 and kind != "invalid_request_error"):
            return "busy"
        case _:
            return "refused"
