"""What servers admit: which model says that it gave the recorded answers."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from runner.core.api.usage import asked_model
from runner.core.state.records import Record


class AskedOf(Struct, frozen=True, order=True):
    """Whom a request went to: a provider, and the model that is asked for."""

    provider: str
    model: str


class ServedBy(Struct, frozen=True):
    """A model as it calls itself, with its `system_fingerprint` where it tells one: so many answers
    of it, the first and the last of them at these times.
    """

    model: str
    fingerprint: str | None
    answers: int
    first: str
    last: str


class _Admitted(msgspec.Struct):
    model: str | None = None
    system_fingerprint: str | None = None


_ADMITTED = msgspec.json.Decoder(_Admitted)


def model_asked(record: Record) -> AskedOf:
    """Whom the request of a record went to."""
    return AskedOf(record.provider, asked_model(record.request))


def served(records: Iterable[Record], earlier: Iterable[Record] = ()) -> tuple[ServedBy, ...]:
    """Each model that says it answered, the one with the latest answer first. Of `earlier` records
    it is only asked since when it does.
    """
    times: dict[tuple[str, str | None], list[str]] = {}
    for record in records:
        times.setdefault(_admitted(record), []).append(record.issued_at)
    since = {admitted: min(at) for admitted, at in times.items()}
    for record in earlier:
        admitted = _admitted(record)
        if admitted in since and record.issued_at:
            since[admitted] = min(since[admitted], record.issued_at)
    found = [
        ServedBy(model, fingerprint, len(at), since[model, fingerprint], max(at))
        for (model, fingerprint), at in times.items()
    ]
    return tuple(sorted(found, key=_latest, reverse=True))


def _latest(one: ServedBy) -> tuple[str, int, str, str]:
    return one.last, one.answers, one.model, one.fingerprint or ""


def _admitted(record: Record) -> tuple[str, str | None]:
    try:
        told = _ADMITTED.decode(record.response)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return "", None  # whatever came, it names no model
    return told.model or "", told.system_fingerprint or None
