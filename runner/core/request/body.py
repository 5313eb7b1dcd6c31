"""The parameters of one completion, filled: the body as it is sent, or with masks as recorded."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from runner.core.address import Path
from runner.core.api.names import TRANSPORT
from runner.core.budget import Rendering, current
from runner.core.canonical import canonical, normalise
from runner.core.expansion.session import Instance
from runner.core.expressions.template import (
    Constant,
    Expression,
    Hole,
    ItemsNode,
    Node,
    TableNode,
    TextNode,
    follow,
    holes,
    holes_in_text,
)
from runner.core.language.completion_rules import LINKED, pair_findings
from runner.core.language.findings import Finding, no_hole, settled, unsaid
from runner.core.request.provider import Provider
from runner.core.request.spelling import spelled
from runner.core.request.text_body import TextBody, text_body
from runner.core.values import (
    MASK,
    Names,
    NotKnown,
    Parts,
    TemplateError,
    kind_of,
    plain,
    present,
    text_among,
    to_text,
)
from runner.errors import Problem, RunnerError

_MAY_BE_NULL = frozenset(("audio", "content", "function_call", "refusal"))
"""What a message of the model's may hold as null."""


class Shape(Struct, frozen=True):
    """A block's parameters, ready to be filled: what is constant is normalised once.

    `masked` says whether something in the body or the triggers is; `secret` are all the holes that
    show something sensitive to the server, those of headers too. `strict` is the `provider`'s;
    `linked`: what has to agree with each other is known only when it is filled. Where nothing but
    texts of messages is filled, `texts` is all of the body.
    """

    constant: dict[str, Any]
    filled: tuple[tuple[str, Node], ...]
    masked: bool
    secret: tuple[Hole, ...]
    provider: str
    strict: bool
    linked: bool
    checked: dict[tuple[str, bytes], None]
    texts: TextBody | None


def shape_of(instance: Instance, provider: Provider) -> Shape:
    """The shape of an instance's block at this provider, made once for all its instances;
    RunnerError where a written value cannot be sent.
    """
    held = instance.scope.shapes.get((instance.declared.address, provider.name))
    if isinstance(held, Shape):
        return held
    shape = _shape(instance, provider)
    instance.scope.shapes[instance.declared.address, provider.name] = shape
    return shape


def _shape(instance: Instance, provider: Provider) -> Shape:
    constant: dict[str, Any] = {}
    filled: list[tuple[str, Node]] = []
    problems: list[Problem] = []
    for name, node in _params(instance, provider):
        try:
            node = _normal(node, (name,))  # noqa: PLW2901  # the same value, its numbers settled
        except ValueError as exc:
            problem = instance.declared.block.problem("Invalid value", f"{exc}.", (name,))
            problems.append(problem)
        if isinstance(node, Constant):
            constant[name] = node.value
        else:
            filled.append((name, node))
    problems += _foreign(instance, provider)
    if problems:
        raise RunnerError(*problems)
    meta = instance.declared.meta
    in_body = _sensitive(instance, *instance.declared.params.values(), meta.get("extra_body"))
    masked = bool(in_body or _sensitive(instance, meta.get("triggers")))
    masked = masked or provider.defaults != provider.recorded_defaults
    secret = (*in_body, *_sensitive(instance, meta.get("extra_headers")))
    extra = meta.get("extra_body", _NOTHING)
    linked = any(name in LINKED or isinstance(node, Expression) for name, node in filled)
    linked = linked or not isinstance(extra, Constant)
    strict = provider.strict
    texts = None
    if instance.declared.uses_text_only and not (masked or linked or "extra_body" in meta):
        texts = _texts_alone(instance, provider, constant, filled)
    return Shape(constant, tuple(filled), masked, secret, provider.name, strict, linked, {}, texts)


_NOTHING = Constant(None)


def _texts_alone(
    instance: Instance,
    provider: Provider,
    constant: Mapping[str, Any],
    filled: Sequence[tuple[str, Node]],
) -> TextBody | None:
    """A body that is sent as it is written, but for texts; what travels with it is no part of its
    fingerprint, and there is none here.
    """
    rest = {**provider.defaults, **constant}
    if [name for name, _ in filled] != ["messages"] or not TRANSPORT.isdisjoint(rest):
        return None
    if provider.needs_model and not rest.get("model"):
        return None
    world, folder = instance.scope.session.world, instance.scope.module.folder
    with suppress(TemplateError, RunnerError):
        return text_body(
            filled[0][1], lambda placed: spelled({**rest, "messages": placed}, {}, world, folder)
        )
    return None


def _params(instance: Instance, provider: Provider) -> Iterator[tuple[str, Node]]:
    """The parameters of a block. A judge asks for JSON in words as well: where a server cannot be
    held to a schema that nobody wrote, the words are all.
    """
    declared = instance.declared
    for name, node in declared.params.items():
        own = declared.judging is None or name in declared.block.table
        if name != "response_format" or own or provider.takes_schema:
            yield name, node


def _foreign(instance: Instance, provider: Provider) -> Iterator[Problem]:
    """What the provider does not take, where an expression says which one it is."""
    declared = instance.declared
    if provider.strict and not isinstance(declared.meta.get("provider", _NOTHING), Constant):
        for each in instance.scope.module.foreign.get(declared.address, ()):
            problem = each.problem(f"provider.{provider.name}", strict=True)
            if problem.severity == "error":
                yield problem


def _sensitive(instance: Instance, *nodes: Node | None) -> list[Hole]:
    """The holes of values that show something sensitive."""
    masks = instance.scope.masks
    return [hole for node in nodes if node is not None for hole in holes(node) if masks(hole)]


def _normal(node: Node, path: Path) -> Node:
    match node:
        case Constant(value):
            return Constant(normalise(value, path))
        case TableNode(items):
            return TableNode(tuple((key, _normal(inner, (*path, key))) for key, inner in items))
        case ItemsNode(items):
            return ItemsNode(tuple(_normal(inner, (*path, i)) for i, inner in enumerate(items)))
        case Expression() | TextNode():
            return node


def fill(
    instance: Instance,
    shape: Shape,
    names: Names,
    defaults: Mapping[str, Any],
    *,
    masked: bool = False,
) -> dict[str, Any]:
    """The body that a shape gives with these names; NotKnown while an answer has not come,
    TemplateError or RunnerError where a value cannot be sent. All of it is one rendering.
    """
    with Rendering():
        return _filled(instance, shape, names, defaults, masked=masked)


def _filled(
    instance: Instance, shape: Shape, names: Names, defaults: Mapping[str, Any], *, masked: bool
) -> dict[str, Any]:
    masks = instance.scope.masks if masked else None
    body = {**defaults, **shape.constant}
    problems: list[Problem] = []
    waits: NotKnown | None = None
    for name, node in shape.filled:
        try:
            value = body[name] = as_parameter(instance, name, node.render(names, masks))
            if value is None:
                del body[name]
            elif not masked:
                _check(instance, shape, name, node, value)
        except (TemplateError, RunnerError) as exc:
            own = exc if isinstance(exc, RunnerError) else instance.fault(exc)
            each = () if current().is_spent else _faults(instance, node, names)
            problems += [*each] or own.problems
        except NotKnown as exc:  # what is wrong besides is told now, not after that answer
            waits = waits or exc
            problems += _faults(instance, node, names)
    if waits is not None:
        for name in _BESIDES:
            problems += _faults(instance, instance.declared.meta.get(name, _NOTHING), names)
    if problems:
        raise RunnerError(*problems)
    if waits is not None:
        raise waits
    extra = instance.declared.meta.get("extra_body", _NOTHING).render(names, masks)
    more = {} if extra is None else _extra(extra, masked=masked)
    if shape.linked and not masked:
        _agree(instance, shape, body, {**body, **more})
    folder = instance.scope.module.folder
    return {**spelled(body, more, instance.scope.session.world, folder), **more}


def _agree(
    instance: Instance, shape: Shape, body: Mapping[str, Any], merged: Mapping[str, Any]
) -> None:
    """RunnerError where what an expression gave does not agree with what stands beside it."""
    own = {name: body[name] for name in instance.declared.params if name in body}
    problems = [
        _problem(instance, shape, found, str(found.path[0]) if found.path else "")
        for found in pair_findings(own, merged, no_hole)
    ]
    _raise_errors(instance, problems)


def _problem(instance: Instance, shape: Shape, found: Finding, name: str) -> Problem:
    """What is wrong with the value of a parameter, or of none, at its place in the block."""
    node = instance.declared.params.get(name, _NOTHING)
    if instance.scope.masks_any(node):
        found = replace(found, detail=unsaid(found), hint="")
    found = settled(found, f"provider.{shape.provider}", strict=shape.strict)
    said = f"In {instance.address}: {found.detail}"
    path = _place(node, found.path, name) if name else ()
    warning = found.severity == "warning"
    return instance.declared.block.problem(found.summary, said, path, warning=warning)


def _raise_errors(instance: Instance, problems: list[Problem]) -> None:
    """RunnerError with the errors; what is none to this provider is told by the plan, once for
    all instances of a block.
    """
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise RunnerError(*errors)
    for problem in problems:
        instance.scope.session.warnings.setdefault((problem.summary, problem.where), problem)


_BESIDES = ("extra_body", "extra_headers", "triggers")


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
    for hole in holes_in_text(node):
        named = _whole_answer(hole, names)
        if named is not None:
            said = f"{named} is map: an answer as a whole is no text; write {named}.content"
            yield from instance.fault(TemplateError(said, hole.path, hole.at)).problems


def _whole_answer(hole: Hole, names: Names) -> str | None:
    """The name of an answer that a hole yields and that has yet to come, if it does: what it will
    be is known before what it says.
    """
    ref = hole.plain_path()
    if ref is None or ref[0] not in _ANSWERS:
        return None
    with suppress(TemplateError, NotKnown):
        holder = follow(names, ref[:-1])
        try:
            follow({"": holder}, ("", ref[-1]))
        except NotKnown:
            return hole.source.strip()
    return None


_ANSWERS = frozenset(("completion", "each", "matrix"))


def as_parameter(instance: Instance, name: str, value: Any) -> Any:
    """What a parameter's value is as it is sent; TemplateError where it cannot be."""
    if name == "messages" and isinstance(value, list):
        value = [_quoted(message) for message in value]
    if not instance.declared.uses_text_only:
        held = json_value(name, value)
        if name != "messages" or not isinstance(held, list):
            return present(held)
        return [present(message, _null_in(message)) for message in held]
    _texts(value)
    return value if type(value) is list else json_value(name, value)


def _quoted(message: Any) -> Any:
    """An answer's content with parts that no request has (thinking) is quoted as its text."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, Parts) or not any(map(_is_no_text, content)):
        return message
    text = text_among(content)
    return message if text is None else {**message, "content": text}


def _is_no_text(part: Any) -> bool:
    return not isinstance(part, dict) or part.get("type") != "text"


def _null_in(message: Any) -> frozenset[str]:
    """What a message may hold as null: one of the model's own, which is sent back, has it so."""
    is_answer = isinstance(message, dict) and message.get("role") == "assistant"
    return _MAY_BE_NULL if is_answer else frozenset()


def _texts(messages: Any) -> None:
    """Numbers that an expression yielded as the content of a message become text."""
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content")
        if isinstance(content, int | float):
            message["content"] = to_text(content)
        elif content is not None and not isinstance(content, str):
            message["content"] = json_value("messages", content)


def json_value(name: str, value: Any) -> Any:
    """What an expression yielded for `name`, as it is sent; TemplateError if it cannot be."""
    try:
        return normalise(plain(value), (name,))
    except ValueError as exc:
        raise TemplateError(str(exc), (name,)) from exc


def _extra(value: Any, *, masked: bool) -> dict[str, Any]:
    more = json_value("extra_body", value)
    if masked and more == MASK:
        return {"extra_body": MASK}
    if not isinstance(more, dict):
        said = f"extra_body is a table, and the expression yields a {kind_of(more)}"
        raise TemplateError(said, ("extra_body",))
    return more


def _check(instance: Instance, shape: Shape, name: str, node: Node, value: Any) -> None:
    """The filled value has the parameter's type; each distinct value is looked at once."""
    if instance.declared.uses_text_only and all(
        isinstance(message.get("content"), str) for message in value
    ):
        return
    held = (name, canonical(value))
    if held in shape.checked:
        return
    from runner.core.language.check import check_parameter  # noqa: PLC0415  # pydantic, 50 ms

    sensitive = instance.scope.masks_any(node)
    written = instance.scope.module.foreign.get(instance.declared.address, ())
    said = {(each.finding.summary, each.finding.path) for each in written}
    problems = [
        _problem(instance, shape, found, name)
        for found in check_parameter(name, value, sensitive=sensitive)
        if found.severity == "error" and (found.summary, found.path) not in said
    ]
    _raise_errors(instance, problems)
    shape.checked[held] = None


def _place(node: Node, path: Path, name: str) -> Path:
    if isinstance(node, Expression):
        return node.hole.path
    return path if path[:1] == (name,) else (name, *path)
