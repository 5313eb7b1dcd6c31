"""One completion, filled: the body that would be sent, the one that is recorded, the digest."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

from runner.core.digest import canonical, fingerprint, normalise
from runner.core.expand import Instance, Names
from runner.core.functions import World
from runner.core.media import inline_files
from runner.core.names import PARAMETERS, TRANSPORT
from runner.core.state import Record
from runner.core.template import Constant, Expression, Hole, Items, Node, Table, holes
from runner.core.values import MASK, NotKnown, Path, TemplateError, kind_of, plain, present, to_text
from runner.errors import Problem, RunnerError

_REWRITTEN = frozenset(("functions", "function_call", "tools", "tool_choice", "response_format"))


@dataclass(frozen=True, slots=True)
class Provider:
    """What a request needs to know of its provider.

    `identity` is what answers: a type and a declared base URL, or a model file's digest.
    `recorded_defaults` are the defaults with sensitive values masked; `secrets` what sensitive
    expressions in its block yield.
    """

    name: str
    type: str
    identity: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    recorded_defaults: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    identity_json: bytes = b""

    @classmethod
    def of(
        cls,
        name: str,
        kind: str,
        identity: Mapping[str, str],
        defaults: Mapping[str, Any],
        recorded_defaults: Mapping[str, Any],
        secrets: tuple[str, ...] = (),
    ) -> "Provider":
        """A provider by the parts of its identity."""
        shown = " ".join([kind, *identity.values()])
        held = canonical({"type": kind, **identity})
        return cls(name, kind, shown, defaults, recorded_defaults, secrets, held)


@dataclass(frozen=True, slots=True)
class Request:
    """What one completion asks. `body` is sent byte for byte; `recorded` is the same with
    sensitive values masked, as are the `triggers`; all are canonical JSON. `secrets` are the texts
    in place of the masks: what the server may repeat and nobody may keep.
    """

    provider: str
    identity: str
    fingerprint: str
    body: bytes
    recorded: bytes
    triggers: bytes | None
    headers: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()

    @property
    def stream(self) -> bool:
        """Whether the answer comes as server-sent events."""
        return b'"stream":true' in self.body and orjson.loads(self.body).get("stream") is True


@dataclass(slots=True)
class Drafts:
    """Requests that a decision has filled and that are still to be sent.

    As many as `room` bytes of bodies hold; the others are filled once more when their turn comes.
    """

    room: int = 16 << 20
    _held: dict[str, Request] = field(default_factory=dict)

    def keep(self, address: str, request: Request) -> None:
        """Hold it if there is room."""
        if len(request.body) <= self.room:
            self.room -= len(request.body)
            self._held[address] = request

    def held(self, address: str) -> Request | None:
        """The request, if it is held; it stays so."""
        return self._held.get(address)

    def take(self, address: str) -> Request | None:
        """The request that is held, once."""
        request = self._held.pop(address, None)
        if request is not None:
            self.room += len(request.body)
        return request


def build(instance: Instance, provider: Provider, record: Record | None = None) -> Request:
    """The request of a completion; NotKnown while an answer it needs has not come, RunnerError
    where a filled value cannot be sent. `record` has the last request, for ignore_changes.
    """
    shape = _shape(instance, provider)
    names = instance.names()
    try:
        body = _filled(instance, shape, names, provider.defaults)
        shown = body
        if shape.masked:
            shown = _filled(instance, shape, names, provider.recorded_defaults, masked=True)
        triggers = _triggers(instance, names)
        shown_triggers = _triggers(instance, names, masked=True) if shape.masked else triggers
        headers = _headers(instance, names)
        secrets = _secrets(shape, names, provider)
    except TemplateError as exc:
        raise instance.fault(exc) from exc
    ignored = _ignored(instance)
    if ignored and record is not None:
        body = _keep(body, ignored, record.request)
        shown = body if not shape.masked else _keep(shown, ignored, record.request)
        if "triggers" in ignored and not _is_masked(record.triggers or b""):
            triggers = shown_triggers = record.triggers
    if not body.get("model") and provider.type != "embedded":
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
    )


def streaming(body: bytes) -> bytes:
    """The same request, answered piece by piece and with its usage: how an answer travels is no
    part of what is asked, so neither fingerprint nor record know of it.
    """
    held = orjson.loads(body)
    options = {**(held.get("stream_options") or {}), "include_usage": True}
    return canonical({**held, "stream": True, "stream_options": options})


def transport(body: bytes) -> dict[str, Any]:
    """The transport fields of a recorded body."""
    held = orjson.loads(body)
    return {key: held[key] for key in sorted(TRANSPORT) if key in held}


def is_stored(record: Record | Request) -> bool:
    """Whether the server keeps this completion. The model in this process has no store."""
    body = record.request if isinstance(record, Record) else record.body
    if b'"store":true' not in body or record.identity.startswith("embedded "):
        return False
    return orjson.loads(body).get("store") is True


def keeper(record: Record, providers: Mapping[str, Provider]) -> str | None:
    """The name of the provider that has what it stored for this record; None if none leads there.

    It is one of the same identity, which may have another name by now, or no block any more.
    """
    own = providers.get(record.provider)
    if own is not None and own.identity == record.identity:
        return own.name
    # What has no block comes first, and is the last resort.
    named = reversed(list(providers.values()))
    return next((one.name for one in named if one.identity == record.identity), None)


def stored_id(record: Record) -> str:
    """The id under which the server keeps it."""
    return str(orjson.loads(record.response).get("id"))


@dataclass(frozen=True, slots=True)
class _Shape:
    """A block's parameters, ready to be filled: what is constant is normalised once.

    `masked` says whether something in the body or the triggers is; `secret` are all the holes that
    show something sensitive to the server, those of headers too.
    """

    constant: dict[str, Any]
    filled: tuple[tuple[str, Node], ...]
    masked: bool
    secret: tuple[Hole, ...]
    checked: dict[tuple[str, bytes], None]


def _shape(instance: Instance, provider: Provider) -> _Shape:
    held = instance.scope.shapes.get((instance.declared.address, provider.name))
    if isinstance(held, _Shape):
        return held
    constant: dict[str, Any] = {}
    filled: list[tuple[str, Node]] = []
    problems: list[Problem] = []
    for name, node in instance.declared.params.items():
        try:
            node = _normal(node, (name,))  # noqa: PLW2901  # the same value, its numbers settled
        except ValueError as exc:
            problem = instance.declared.block.problem("Invalid value", f"{exc}.", (name,))
            problems.append(problem)
        if isinstance(node, Constant):
            constant[name] = node.value
        else:
            filled.append((name, node))
    if problems:
        raise RunnerError(*problems)
    meta = instance.declared.meta
    nodes = [*instance.declared.params.values()]
    nodes += [meta[name] for name in ("extra_body", "triggers") if name in meta]
    masked = any(instance.scope.masks_any(node) for node in nodes)
    masked = masked or provider.defaults != provider.recorded_defaults
    sent = [*instance.declared.params.values()]
    sent += [meta[name] for name in ("extra_body", "extra_headers") if name in meta]
    secret = [hole for node in sent for hole in holes(node) if instance.scope.masks(hole)]
    shape = _Shape(constant, tuple(filled), masked, tuple(secret), {})
    instance.scope.shapes[instance.declared.address, provider.name] = shape
    return shape


def _normal(node: Node, path: Path) -> Node:
    match node:
        case Constant(value):
            return Constant(normalise(value, path))
        case Table(items):
            return Table(tuple((key, _normal(inner, (*path, key))) for key, inner in items))
        case Items(items):
            return Items(tuple(_normal(inner, (*path, i)) for i, inner in enumerate(items)))
    return node


def _filled(
    instance: Instance,
    shape: _Shape,
    names: Names,
    defaults: Mapping[str, Any],
    *,
    masked: bool = False,
) -> dict[str, Any]:
    masks = instance.scope.masks if masked else None
    body = {**defaults, **shape.constant}
    problems: list[Problem] = []
    waits: NotKnown | None = None
    for name, node in shape.filled:
        try:
            value = body[name] = _parameter(instance, name, node.render(names, masks))
            if value is None:
                del body[name]
            elif not masked:
                _check(instance, shape, name, node, value)
        except (TemplateError, RunnerError) as exc:
            own = exc if isinstance(exc, RunnerError) else instance.fault(exc)
            problems += [*_faults(instance, node, names)] or own.problems
        except NotKnown as exc:  # what is wrong besides is told now, not after that answer
            waits = waits or exc
            problems += _faults(instance, node, names)
    if problems:
        raise RunnerError(*problems)
    if waits is not None:
        raise waits
    world = instance.scope.session.world
    body = _rewrite(body, world, instance)
    extra = instance.declared.meta.get("extra_body")
    if extra is not None:
        more = _value("extra_body", extra.render(names, masks))
        if masked and more == MASK:
            more = {"extra_body": MASK}
        if not isinstance(more, dict):
            said = f"extra_body is a table, and the expression yields a {kind_of(more)}"
            raise TemplateError(said, ("extra_body",))
        body.update(more)
    return body


_MAY_BE_NULL = frozenset(("audio", "content", "function_call", "refusal"))
"""What a message may hold as null, and has so where it is an answer that is sent back."""


def _faults(instance: Instance, node: Node, names: Names) -> Iterator[Problem]:
    """What is wrong with each hole by itself."""
    for hole in holes(node):
        with suppress(NotKnown):
            try:
                hole.value(names)
            except TemplateError as exc:
                yield from instance.fault(exc).problems
            except RunnerError as exc:  # in a local value
                yield from exc.problems


def _parameter(instance: Instance, name: str, value: Any) -> Any:
    if not instance.declared.uses_text_only:
        return present(_value(name, value), _MAY_BE_NULL if name == "messages" else frozenset())
    _texts(value)
    return value if type(value) is list else _value(name, value)


def _texts(messages: Any) -> None:
    """Numbers that an expression yielded as the content of a message become text."""
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content")
        if isinstance(content, int | float):
            message["content"] = to_text(content)
        elif content is not None and not isinstance(content, str):
            message["content"] = _value("messages", content)


def _value(name: str, value: Any) -> Any:
    try:
        return normalise(plain(value), (name,))
    except ValueError as exc:
        raise TemplateError(str(exc), (name,)) from exc


def _check(instance: Instance, shape: _Shape, name: str, node: Node, value: Any) -> None:
    """The filled value has the parameter's type; each distinct value is looked at once."""
    if instance.declared.uses_text_only and all(
        isinstance(message.get("content"), str) for message in value
    ):
        return
    held = (name, canonical(value))
    if held in shape.checked:
        return
    from runner.core.checks import check_parameter  # noqa: PLC0415  # pydantic, 50 ms

    problems = [
        instance.declared.block.problem(
            found.summary, f"In {instance.address}: {found.detail}", _place(node, found.path, name)
        )
        for found in check_parameter(name, value, sensitive=instance.scope.masks_any(node))
        if found.severity == "error"
    ]
    if problems:
        raise RunnerError(*problems)
    shape.checked[held] = None


def _place(node: Node, path: Path, name: str) -> Path:
    if isinstance(node, Expression):
        return node.hole.path
    return path if path[:1] == (name,) else (name, *path)


def _rewrite(body: dict[str, Any], world: World, instance: Instance) -> dict[str, Any]:
    """What the language allows and the API spells in another way."""
    messages = body.get("messages")
    has_parts = any(
        isinstance(message, dict) and isinstance(message.get("content"), list)
        for message in (messages if isinstance(messages, list) else ())
    )
    if not has_parts and _REWRITTEN.isdisjoint(body):
        return body
    body = dict(body)
    folder = instance.scope.module.folder
    for name, key in (("functions", None), ("tools", "function")):
        if isinstance(body.get(name), list):  # and no mask
            body[name] = [_with_schema(entry, key) for entry in body[name]]
    choice = body.get("function_call")
    if isinstance(choice, str) and choice not in {"auto", "none"}:
        body["function_call"] = {"name": choice}
    choice = body.get("tool_choice")
    if isinstance(choice, str) and choice not in {"auto", "none", "required"}:
        body["tool_choice"] = {"type": "function", "function": {"name": choice}}
    return inline_files(body, lambda path: world.read(folder, path))


def _with_schema(entry: Any, key: str | None) -> Any:
    if not isinstance(entry, dict):
        return entry
    if key is not None:
        if key not in entry:
            return entry
        return {**entry, key: _with_schema(entry[key], None)}
    parameters = entry.get("parameters")
    if not isinstance(parameters, str) or parameters == MASK:
        return entry
    try:
        return {**entry, "parameters": normalise(orjson.loads(parameters))}
    except ValueError as exc:
        raise TemplateError(f'parameters of "{entry.get("name")}" are not JSON: {exc}') from exc


def _secrets(shape: _Shape, names: Names, provider: Provider) -> tuple[str, ...]:
    if not shape.secret:
        return provider.secrets
    return (*sensitive_texts([hole.value(names) for hole in shape.secret]), *provider.secrets)


def _triggers(instance: Instance, names: Names, *, masked: bool = False) -> bytes | None:
    node = instance.declared.meta.get("triggers")
    if node is None:
        return None
    masks = instance.scope.masks if masked else None
    return canonical(_value("triggers", node.render(names, masks)))


def _headers(instance: Instance, names: Names) -> tuple[tuple[str, str], ...]:
    node = instance.declared.meta.get("extra_headers")
    if node is None:
        return ()
    table = node.render(names)
    pairs = table.items() if isinstance(table, Mapping) else ()
    return tuple((str(key), to_text(value)) for key, value in pairs)


def _ignored(instance: Instance) -> tuple[str, ...]:
    lifecycle = instance.declared.block.table.get("lifecycle")
    return tuple(lifecycle.get("ignore_changes", ())) if isinstance(lifecycle, dict) else ()


def _keep(body: dict[str, Any], ignored: Iterable[str], recorded: bytes) -> dict[str, Any]:
    """The body with what was recorded for the parameters whose changes do not count.

    What was masked is not known any more: there the change counts.
    """
    held = orjson.loads(recorded)
    names = set(ignored)
    if "extra_body" in names:
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
        "provider.",
    )


def sensitive_texts(values: Iterable[Any]) -> tuple[str, ...]:
    """The texts that no file may show: the leaves of sensitive values, longest first."""
    found: set[str] = set()
    for value in values:
        _leaves(value, found)
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


def _leaves(value: Any, found: set[str]) -> None:
    if isinstance(value, Mapping):
        for inner in value.values():
            _leaves(inner, found)
    elif isinstance(value, list | tuple):
        for inner in value:
            _leaves(inner, found)
    elif value is not None and not isinstance(value, bool) and len(str(value)) >= _SHORTEST:
        found.add(to_text(value))


_SHORTEST = 4  # a shorter value is part of too many words to be looked for in an answer
