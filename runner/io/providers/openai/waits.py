"""The waits that a server names, in headers, in its error or in words; in seconds."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|μs|ns)")
_WORDED = (
    r"(?i)(?:try again|retry|retrying|wait|resets?)(?:\s+(?:in|after|for|at least|another))*\s+"
    r"((?:\d+(?:\.\d+)?\s*(?:milliseconds?|ms|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|[dhms])"
    r"\b[\s,]*(?:and\s+)?|\d+(?:\.\d+)?[dhms](?=\d))+)"
)
_AMOUNT = r"(?i)(\d+(?:\.\d+)?)\s*([a-z]+)"
_IN_ERROR = ("retryDelay", "retry_after", "retryAfter", "retry_after_seconds")
_LONGEST_GROWN = 60.0
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6}


def named_wait(headers: Mapping[str, str], wall: float) -> float | None:
    """The wait named by `retry-after-ms`, else `retry-after`; None if none above zero is named.

    A date is read against the response's own `Date`, so that the clocks need not agree; without
    one, against `wall`, the time here in seconds since the epoch.
    """
    milliseconds = _positive(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if value is None:
        return None
    seconds = _positive(value)
    if seconds is not None:
        return seconds
    at = _epoch(value)
    if at is None:
        return None
    since = _epoch(headers.get("date", ""))
    wait = at - (wall if since is None else since)
    return wait if wait > 0 else None


def reset_wait(headers: Mapping[str, str]) -> float | None:
    """The time until a used-up `x-ratelimit-*` is whole again; None if none is used up."""
    waits = [
        wait
        for kind in ("requests", "tokens")
        if _used_up(headers.get(f"x-ratelimit-remaining-{kind}"))
        and (wait := go_duration(headers.get(f"x-ratelimit-reset-{kind}", "")))
    ]
    return max(waits, default=None)


def worded_wait(text: str) -> float | None:
    """The wait in the words of a message: `Please try again in 7m12s`, `retry after 26 seconds`."""
    found = re.search(_WORDED, text)
    if found is None:
        return None
    total = sum(float(amount) * _seconds(unit) for amount, unit in re.findall(_AMOUNT, found[1]))
    return total if 0 < total < math.inf else None


def wait_in(error: Mapping[str, Any]) -> float | None:
    """The wait in a member of an error, or of the tables in it (Gemini's `details`)."""
    inner = [error.get("metadata"), *_listed(error.get("details"))]
    for table in (error, *(held for held in inner if isinstance(held, Mapping))):
        for name in _IN_ERROR:
            wait = go_duration(str(table.get(name, "")))
            if wait:
                return wait
    return None


def grown(wait: float, times: int) -> float:
    """A wait that is named for the so-manieth time, and nothing was answered in between: the first
    two as they are, then twice as long each time, to a minute.
    """
    longer = wait * 2.0 ** min(max(0, times - 2), 16)
    return max(wait, min(longer, _LONGEST_GROWN))


def go_duration(text: str) -> float | None:
    """Seconds in a duration as Go prints it (`6m0s`, `17.4s`, `2ms`) or in a bare number."""
    text = text.strip()
    total, at = 0.0, 0
    while part := _DURATION.match(text, at):
        total += float(part[1]) * _UNITS.get(part[2], 1e-9)
        at = part.end()
    if at and at == len(text):
        return total if math.isfinite(total) else None
    number = _number(text)
    return number if number is not None and number >= 0 else None


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _seconds(unit: str) -> float:
    unit = unit.lower()
    if unit.startswith(("ms", "milli")):
        return 1e-3
    return {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}[unit[0]]


def _used_up(remaining: str | None) -> bool:
    """Some servers send -1 where they do not know."""
    return remaining is not None and _number(remaining) == 0


def _positive(text: str | None) -> float | None:
    number = None if text is None else _number(text)
    return number if number is not None and number > 0 else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _epoch(text: str) -> float | None:
    try:
        moment: datetime = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
