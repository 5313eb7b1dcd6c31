"""One completion, filled: the body that would be sent, the one that is recorded, the digest."""

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any

import orjson
from msgspec import Struct

from runner.core.api.names import TRANSPORT
from runner.core.canonical import canonical, fingerprint
from runner.core.expansion.session import Instance
from runner.core.expressions.template import Hole, follow
from runner.core.language.header_names import fault
from runner.core.received import table_of
from runner.core.request.body import Shape, fill, json_value, shape_of
from runner.core.request.outline import Outline
from runner.core.request.provider import Provider
from runner.core.request.text_body import TextBody
from runner.core.secrets.texts import sensitive_texts
from runner.core.state.records import Record
from runner.core.values import MASK, Names, TemplateError, to_text
from runner.errors import Problem, RunnerError


class Request(Struct, frozen=True):
    """What one completion asks. `body` is sent byte for byte; `recorded` is the same with
    sensitive values masked, as are the `triggers`; all are canonical JSON. `plain_triggers` are
    without masks; `secrets` are the texts in their place: what the server may repeat and nobody may
    keep. `texts` are what its `outline` leaves empty.
    """

    provider: str
    identity: str
    fingerprint: str
    body: bytes
    recorded: bytes
    triggers: bytes | None
    headers: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    plain_triggers: bytes | None = None
    outline: Outline | None = None
    texts: tuple[str, ...] = ()

    @property
    def stream(self) -> bool:
        """Whether the answer comes as server-sent events."""
        return b'"stream":true' in self.body and orjson.loads(self.body).get("stream") is True


def build(instance: Instance, provider: Provider, record: Record | None = None) -> Request:
    """The request of a completion; NotKnown while an answer it needs has not come, RunnerError
    where a filled value cannot be sent. `record` has the last request, for ignore_changes.
    """
    shape = shape_of(instance, provider)
    names = instance.names()
    ignored = _ignored(instance)
    if shape.texts is not None and not ignored:
        made = _of_texts(instance, provider, shape, names, shape.texts)
        if made is not None:
            return made
    try:
        body = fill(instance, shape, names, provider.defaults)
        shown = body
        if shape.masked:
            shown = fill(instance, shape, names, provider.recorded_defaults, masked=True)
        triggers = _triggers(instance, names)
        shown_triggers = _triggers(instance, names, masked=True) if shape.masked else triggers
        headers = _headers(instance, names)
        secrets = _secrets(instance, shape, names, provider)
    except TemplateError as exc:
        raise instance.fault(exc) from exc
    if ignored and record is not None:
        body = _keep(body, ignored, record.request)
        shown = body if not shape.masked else _keep(shown, ignored, record.request)
        if "triggers" in ignored and not _is_masked(record.triggers or b""):
            triggers = shown_triggers = record.triggers
    if provider.needs_model and not body.get("model"):
        raise RunnerError(_no_model(instance))
    sent = canonical(body)
    asked = sent
    if not TRANSPORT.isdisjoint(body):
        asked = canonical({key: value for key, value in body.items() if key not in TRANSPORT})
    return Request(
        provider.name,
        provider.identity,
        fingerprint(asked, provider.identity_json, triggers),
        sent,
        canonical(shown) if shape.masked else sent,
        shown_triggers,
        headers,
        secrets,
        triggers,
    )


def _of_texts(
    instance: Instance, provider: Provider, shape: Shape, names: Names, body: TextBody
) -> Request | None:
    """The request with a body that is sent, and recorded, as it is."""
    filled = body.filled(names)
    if filled is None:
        return None
    sent, texts = filled
    try:
        triggers = _triggers(instance, names)
        headers = _headers(instance, names)
        secrets = _secrets(instance, shape, names, provider)
    except TemplateError as exc:
        raise instance.fault(exc) from exc
    digest = fingerprint(sent, provider.identity_json, triggers)
    name, identity, outline = provider.name, provider.identity, body.outline
    held = digest, sent, sent, triggers, headers, secrets, triggers
    return Request(name, identity, *held, outline, texts)


def outline_of(request: Request) -> Outline:
    """That of its block, or the request's own: its body as a whole."""
    return request.outline or Outline(orjson.loads(request.body))


def streaming(body: bytes) -> bytes:
    """The same request, answered piece by piece and with its usage: how an answer travels is no
    part of what is asked, so neither fingerprint nor record know of it. One that says stream =
    false, as for a server that cannot, stays as it is.
    """
    held = orjson.loads(body)
    if held.get("stream") is False:
        return body
    options = {**(held.get("stream_options") or {}), "include_usage": True}
    return canonical({**held, "stream": True, "stream_options": options})


def _secrets(instance: Instance, shape: Shape, names: Names, provider: Provider) -> tuple[str, ...]:
    if not shape.secret:
        return provider.secrets
    values = [value for hole in shape.secret for value in _sensitive_in(instance, hole, names)]
    return (*sensitive_texts(values), *provider.secrets)


def _sensitive_in(instance: Instance, hole: Hole, names: Names) -> list[Any]:
    """The sensitive values of a hole. A transcript is none as a whole, with its roles and what the
    model said: what is secret in it was known when it was asked.
    """
    of = instance.scope.sensitivity.of
    own = [ref for ref in hole.refs if of(ref, quoted=False)]
    if own == [ref for ref in hole.refs if of(ref)]:
        return [hole.value(names)]
    paths = [tuple(takewhile(lambda part: part is not None, ref)) for ref in own]
    return [follow(names, path) for path in paths if path[0] != "env"]


def _triggers(instance: Instance, names: Names, *, masked: bool = False) -> bytes | None:
    node = instance.declared.meta.get("triggers")
    if node is None:
        return None
    masks = instance.scope.masks if masked else None
    held = json_value("triggers", node.render(names, masks))
    return None if held is None else canonical(held)


def _headers(instance: Instance, names: Names) -> tuple[tuple[str, str], ...]:
    node = instance.declared.meta.get("extra_headers")
    if node is None:
        return ()
    table = node.render(names)
    pairs = table.items() if isinstance(table, Mapping) else ()
    for key, _ in pairs:
        said = fault(str(key))
        if said is not None:
            raise TemplateError(f'the header "{key}" {said}', ("extra_headers",))
    return tuple((str(key), to_text(value)) for key, value in pairs)


def _ignored(instance: Instance) -> tuple[str, ...]:
    lifecycle = instance.declared.block.table.get("lifecycle")
    return tuple(lifecycle.get("ignore_changes", ())) if isinstance(lifecycle, dict) else ()


def as_recorded(instance: Instance, body: dict[str, Any], record: Record) -> dict[str, Any]:
    """A body with what was recorded for all whose changes its block ignores."""
    ignored = _ignored(instance)
    return _keep(body, ignored, record.request) if ignored else body


def _keep(body: dict[str, Any], ignored: Iterable[str], recorded: bytes) -> dict[str, Any]:
    """The body with what was recorded for the parameters whose changes do not count.

    What was masked is not known any more: there the change counts.
    """
    held = table_of(recorded)
    names = set(ignored)
    if "extra_body" in names:
        from runner.core.api.parameters import PARAMETERS  # noqa: PLC0415  # pydantic, 50 ms

        names |= {key for key in (*body, *held) if key not in PARAMETERS}
    names -= {key for key in names & held.keys() if _is_masked(canonical(held[key]))}
    kept = {key: value for key, value in body.items() if key not in names}
    kept.update({key: held[key] for key in names if key in held})
    return kept


def _is_masked(recorded: bytes) -> bool:
    return MASK.encode() in recorded


def _no_model(instance: Instance) -> Problem:
    return instance.declared.block.problem(
        "Missing key",
        f'{instance.address} names no model. Write model = "..", here or in the defaults of its '
        "provider; or model_required = false in its provider, where the server needs none.",
    )
