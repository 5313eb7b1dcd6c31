"""Batches under way, as a table and as JSON."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from runner.cli.streams import harmless, on_one_line
from runner.operations.batches.listing import ListedBatch

_HEAD = ("BATCH", "PROVIDER", "STATUS", "DONE", "AGE", "EXPIRES IN")


def batches_text(found: Iterable[ListedBatch], now: float) -> str:
    """A line each, below what its columns are."""
    rows = [_HEAD, *(_row(one, now) for one in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return harmless("".join(f"{line}\n" for line in lines))


def batches_json(found: Iterable[ListedBatch], now: float) -> str:
    """One JSON object."""
    told = {"format": "1.0", "batches": [_told(one, now) for one in found]}
    return orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n"


def lasted(seconds: float) -> str:
    """A time in its two largest units."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{rest} s"


def _row(one: ListedBatch, now: float) -> tuple[str, ...]:
    done = "?" if one.done is None else str(one.done)
    return (
        on_one_line(one.name),
        on_one_line(one.sent.provider),
        on_one_line(one.status),
        f"{done} of {one.sent.requests}",
        lasted(now - one.sent.at),
        "" if one.expires is None else lasted(one.expires - now),
    )


def _told(one: ListedBatch, now: float) -> dict[str, Any]:
    sent = one.sent
    return {
        "id": sent.batch or None,
        "key": sent.key,
        "provider": sent.provider,
        "identity": sent.identity,
        "status": one.status,
        "requests": sent.requests,
        "done": one.done,
        "created_at": _moment(sent.at),
        "age_seconds": max(0, round(now - sent.at)),
        "expires_at": None if one.expires is None else _moment(one.expires),
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
