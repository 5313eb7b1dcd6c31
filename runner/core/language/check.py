"""A block as it was written, checked: what is wrong in it, for people."""

from collections import ChainMap
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from msgspec.structs import replace
from pydantic import TypeAdapter, ValidationError

from runner.core.address import Path, each_target
from runner.core.api.parameters import PARAMETERS, Parameters
from runner.core.canonical import dotted
from runner.core.language import blocks, check_blocks, file_names
from runner.core.language.check_rules import (
    check_findings,
    compare_findings,
    entry_findings,
)
from runner.core.language.completion_rules import local_findings, pair_findings
from runner.core.language.findings import (
    BESIDES,
    Finding,
    IsHole,
    contains,
    has_hole,
    in_short,
    no_hole,
    unsaid,
)
from runner.core.language.header_names import header_findings, key_fault
from runner.core.language.instance_rules import instance_findings
from runner.core.language.json_schemas import json_findings
from runner.core.language.judge_rules import usual_findings
from runner.core.language.names import META, PRESETS, PROVIDERS
from runner.core.language.pasted_keys import key_findings
from runner.core.language.pydantic_errors import finding, is_foreign
from runner.core.language.type_syntax import as_type, parse_type, with_nulls
from runner.core.suggest import did_you_mean
from runner.core.values import present

__all__ = ["KINDS", "Finding", "check", "check_entry", "check_parameter", "check_source"]

_MODELS: dict[str, Any] = {
    "runner": blocks.Runner,
    "provider.openai": blocks.OpenAISettings,
    "provider.embedded": blocks.EmbeddedSettings,
    "variable": blocks.Variable,
    "locals": blocks.Locals,
    "parameters": Parameters,
    "meta": blocks.Meta,
    "data.chat_completion": blocks.ChatCompletion,
    "data.chat_completions": blocks.ChatCompletions,
    "data.chat_completion_messages": blocks.ChatCompletionMessages,
    "data.runner_state": blocks.RunnerState,
    "module": blocks.Module,
    "output": blocks.Output,
    "moved": blocks.Moved,
    "removed": blocks.Removed,
    "import": blocks.Import,
    "check": check_blocks.Check,
    "compare": check_blocks.Compare,
    "telemetry": blocks.TelemetryTable,
    "expect": check_blocks.Expect,
}
_PARTS = frozenset(("expect", "parameters", "meta", "provider.openai", "provider.embedded"))

KINDS = (*(kind for kind in _MODELS if kind not in _PARTS), "completion", "provider")
"""Kinds of block that can be checked."""

_STATIC: dict[str, tuple[Path, ...]] = {
    "runner": ((),),
    "provider": (("type",), ("api_key_env",)),
    "variable": (("type",), ("description",), ("sensitive",), ("nullable",), ("required_in",)),
    "completion": (
        ("depends_on",),
        ("lifecycle", "prevent_destroy"),
        ("lifecycle", "ignore_changes"),
    ),
    "data": (("depends_on",), ("backend",)),
    "module": (("source",), ("depends_on",)),
    "output": (("description",), ("sensitive",), ("overwrite",)),
    "moved": ((),),
    "removed": ((),),
    "import": (("to",),),
    "check": tuple(
        (name,)
        for name in (
            *("of", "description", "at_least", "gate", "severity", "missing", "unscored", "tags"),
        )
    ),
    "compare": ((),),
    "telemetry": ((),),
}
"""Where no template may stand, because the value is needed before anything is known."""


def check(
    kind: str,
    value: object,
    *,
    name: str | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> list[Finding]:
    """Everything wrong in a block's table, as the TOML parser gave it.

    `kind` is one of KINDS (`completion`, `data.chat_completion`, ...); `name` is the block's
    name, from which a provider takes its type; `defaults` are the parameters a completion gets
    from its provider. What depends on a template is not decided here: `check_parameter` does
    it once the value is known.
    """
    if not isinstance(value, dict):
        detail = f"The {kind} block must be a table, but it is {in_short(value)}."
        return [Finding((), "Wrong type", detail)]
    try:
        return _checked(kind, value, name, defaults or {})
    except RecursionError:
        return [Finding((), "Nesting too deep", f"The {kind} block is nested too deeply.")]


def check_parameter(name: str, value: object, *, sensitive: bool = False) -> list[Finding]:
    """What is wrong with one parameter or meta-argument whose value is now known.

    None means absent, at the top and inside. What an answer's message has beyond the API's
    request is let through, so that it can be sent back as it came. No finding says a sensitive
    value.
    """
    if name not in PARAMETERS and name not in META:
        return [_unknown_parameter(name)]
    if value is None:
        return []
    table = {name: present(value)}
    found = _shape("parameters" if name in PARAMETERS else "meta", table, no_hole)
    found += [f for f in local_findings(table, no_hole) if f.severity == "error"]
    found += instance_findings(table, no_hole)
    if name == "extra_body":
        found += json_findings((name,), table[name])
    found = [f for f in found if not _is_of_an_answer(f, table)]
    return [hidden(f) for f in found] if sensitive else found


def check_source(kind: str, asked: dict[str, Any]) -> list[Finding]:
    """What is wrong with what a data source asks for, whose values are now known. None means
    absent, at the top and inside.
    """
    return _shape(f"data.{kind}", present(asked), no_hole)


def check_entry(path: Path, table: dict[str, Any], *, is_score: bool = False) -> list[Finding]:
    """What is wrong with an entry of a check that stands at a path and whose values are now known:
    the same as if they had been written there.
    """
    found = _shape("expect", table, no_hole, path)
    return [*found, *entry_findings(path, table, no_hole, is_score=is_score)]


def _checked(
    kind: str, table: dict[str, Any], name: str | None, defaults: Mapping[str, Any]
) -> list[Finding]:
    keys = key_findings(kind, table)
    static = list(_static(kind, table))
    found = list(_findings(kind, table, name, defaults))
    found = [f for f in found if not any(_within(f.path, s.path) for s in static)] + static
    pasted = {f.path for f in keys}
    return [f for f in found if f.path not in pasted] + keys


def _findings(
    kind: str, table: dict[str, Any], name: str | None, defaults: Mapping[str, Any]
) -> Iterator[Finding]:
    match kind:
        case "completion":
            yield from _completion(table, defaults)
            return
        case "provider":
            yield from _provider(table, name)
            return
        case "variable":
            yield from _default(table)
        case "runner":
            yield from usual_findings(table)
        case _ if kind == "module" or kind.startswith("data."):
            yield from instance_findings(table, has_hole)
        case "check":
            yield from check_findings(table)
        case "compare":
            yield from compare_findings(table)
        case "output":
            yield from _output(table)
        case "import":
            yield from _import(table)
        case "moved" if "to" in table and table.get("from") == table["to"]:
            yield Finding(("to",), "Conflicting keys", "from and to are the same address.")
        case _:
            pass
    yield from _shape(kind, table, has_hole)


def _output(table: dict[str, Any]) -> Iterator[Finding]:
    file = table.get("file")
    if table.get("sensitive") is True and "file" in table:
        detail = "A sensitive output is written to no file. Remove file, or sensitive."
        yield Finding(("file",), "Conflicting keys", detail)
    elif isinstance(file, str) and not has_hole(file):
        path = None if file.startswith("/") else file_names.normalised(file)
        if path is not None and (said := file_names.name_fault(path)) is not None:
            yield Finding(("file",), "Output cannot be written", said)


def _import(table: dict[str, Any]) -> Iterator[Finding]:
    named = each_target(str(table.get("to")))[1]
    if ("for_each" in table) != (named is not None):
        said = (
            "Each item of for_each is imported under an address of its own: write to = "
            '"completion.NAME[each.key]" or [each.value]. Without for_each, to is one address.'
        )
        yield Finding(("to",), "Invalid import", said)


def _completion(table: dict[str, Any], defaults: Mapping[str, Any]) -> Iterator[Finding]:
    """`template = false` is about what is sent: meta-arguments stay expressions."""
    sent: IsHole = no_hole if table.get("template") is False else has_hole
    parameters = {k: v for k, v in table.items() if k in _PARAMETERS}
    meta = {k: v for k, v in table.items() if k not in _PARAMETERS}
    for f in _shape("parameters", parameters, sent):
        yield _sent_back(f) if _is_of_an_answer(f, parameters) else f
    yield from _shape("meta", meta, has_hole)
    yield from local_findings(parameters, sent)
    extra = meta.get("extra_body", {})
    if isinstance(extra, dict):  # what an expression yields is looked at when it is filled
        merged = ChainMap(extra, parameters, dict(defaults))
        yield from pair_findings(parameters, merged, sent)
    yield from instance_findings(meta, has_hole)
    if "extra_body" in meta:
        yield from json_findings(("extra_body",), extra)
    yield from header_findings(("extra_headers",), meta.get("extra_headers"))
    yield from _in_batch(meta)
    yield from _ignored(meta)


_PARAMETERS = frozenset(PARAMETERS)


def _in_batch(meta: dict[str, Any]) -> Iterator[Finding]:
    if meta.get("batch") is True and "extra_headers" in meta:
        said = "A request in a batch has no headers of its own. Remove extra_headers, or batch."
        yield Finding(("batch",), "Not in a batch", said)


def _ignored(meta: dict[str, Any]) -> Iterator[Finding]:
    lifecycle = meta.get("lifecycle")
    names = lifecycle.get("ignore_changes") if isinstance(lifecycle, dict) else None
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(name, str) and name not in blocks.IGNORABLE:
            path = ("lifecycle", "ignore_changes", index)
            detail = f"{dotted(path)} must be the name of a parameter, but it is {in_short(name)}."
            yield Finding(path, "Unknown value", detail + did_you_mean(name, blocks.IGNORABLE))


def _provider(table: dict[str, Any], name: str | None) -> Iterator[Finding]:
    kind = table.get("type", name)
    if kind not in PROVIDERS and kind not in PRESETS:
        if not has_hole(kind):
            yield _unknown_provider(table, kind)
        return
    if kind not in (name, "openai") and (name in PROVIDERS or name in PRESETS):
        detail = (
            f'This block is called "{name}", as a provider that is known by name, and asks {kind}: '
            "whoever reads a plan takes it for the one it is called. Give it another name."
        )
        yield Finding(("type",), "Misleading name", detail, severity="warning")
    settings = {k: v for k, v in table.items() if k != "defaults"}
    kind = kind if kind in PROVIDERS else "openai"
    yield from _shape(f"provider.{kind}", {**settings, "type": kind}, has_hole)
    if "base_url" in table and "base_urls" in table:
        detail = "base_url and base_urls exclude each other: write all of them into base_urls."
        yield Finding(("base_url",), "Conflicting keys", detail)
    yield from _prices(table)
    yield from header_findings(("headers",), table.get("headers"))
    key = table.get("auth_header")
    if isinstance(key, str) and not has_hole(key) and (said := key_fault(key)) is not None:
        yield Finding(("auth_header",), "Invalid header", f'auth_header: "{key}" {said}')
    if "defaults" in table:
        yield from _defaults(table["defaults"])


def _prices(table: dict[str, Any]) -> Iterator[Finding]:
    """What was cached never costs more: limits count all of a prompt at the price of the rest."""
    models = table.get("models")
    held: dict[Path, Any] = {("price",): table.get("price")}
    for name, settings in models.items() if isinstance(models, dict) else ():
        held["models", name, "price"] = (
            settings.get("price") if isinstance(settings, dict) else None
        )
    for path, price in held.items():
        table = price if isinstance(price, dict) else {}
        read, cached = table.get("input"), table.get("cached_input")
        if not isinstance(read, int | float) or not isinstance(cached, int | float):
            continue
        if cached > read:
            detail = (
                f"{dotted(path)}: cached_input ({cached:g}) is above input ({read:g}). What was "
                "cached costs no more than the rest; are the two the other way round?"
            )
            yield Finding((*path, "cached_input"), "Invalid value", detail)


def _defaults(defaults: object) -> Iterator[Finding]:
    if not isinstance(defaults, dict):
        if not has_hole(defaults):
            detail = f"defaults must be a table, but it is {in_short(defaults)}."
            yield Finding(("defaults",), "Wrong type", detail)
        return
    yield from _shape("parameters", defaults, has_hole, ("defaults",))
    for f in local_findings(defaults, has_hole):
        yield replace(f, path=("defaults", *f.path))


def _unknown_provider(table: dict[str, Any], kind: object) -> Finding:
    types = " or ".join(f'"{t}"' for t in PROVIDERS)
    if "type" not in table:
        near = did_you_mean(str(kind), PRESETS)
        detail = (
            f"The block's name is no provider that is known by name (`runner providers`).{near} "
            f"Any other needs a type: {types}."
        )
        return Finding((), "Missing key", detail)
    near = did_you_mean(kind, (*PROVIDERS, *PRESETS)) if isinstance(kind, str) else ""
    summary = "Unknown value" if isinstance(kind, str) else "Wrong type"
    types = ", ".join(f'"{t}"' for t in PROVIDERS)
    known = "or a provider that is known by name (`runner providers`)"
    detail = f"type must be {types} {known}, but it is {in_short(kind)}.{near}"
    return Finding(("type",), summary, detail)


def _default(table: dict[str, Any]) -> Iterator[Finding]:
    text = table.get("type", "any")
    if not isinstance(text, str) or has_hole(text):
        return
    try:
        kind = parse_type(text)
    except ValueError as error:
        yield Finding(("type",), "Unknown value", f"type must name a type: {error}.")
        return
    default = with_nulls(table.get("default"))
    if default is None and "default" in table and table.get("nullable") is False:
        said = (
            "default is null, and nullable = false says that null is no value of it. Take one out."
        )
        yield Finding(("default",), "Null not allowed", said)
    try:
        as_type(default, kind)
    except ValueError as error:
        said = f"a {kind} is required" if table.get("sensitive") else str(error)
        yield Finding(("default",), "Wrong type", f"default does not fit type {kind}: {said}.")


def _shape(kind: str, table: dict[str, Any], hole: IsHole, within: Path = ()) -> list[Finding]:
    """What pydantic finds, less what a template leaves open."""
    try:
        _adapter(kind).validator.validate_python(table)
    except ValidationError as error:
        mistakes = error.errors(include_url=False)
        told = [(finding(_known(kind), m, table, hole, within), m) for m in mistakes]
        found = [(f, m) for f, m in told if f is not None]
        if kind == "parameters":
            start = len(within)
            return _of_known_type(
                [replace(f, foreign=is_foreign(f, m, f.path[start:])) for f, m in found]
            )
        return _of_known_type([f for f, _ in found])
    return []


def _of_known_type(found: list[Finding]) -> list[Finding]:
    """Less what is said of the keys of a table whose `type` is not known."""
    unknown = [
        f.path[:-1] for f in found if f.path[-1:] == ("type",) and f.summary == "Unknown value"
    ]
    return [
        f
        for f in found
        if f.path[-1:] == ("type",) or not any(_within(f.path, outer) for outer in unknown)
    ]


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    """Built when a block of this kind is first seen: building costs 30 ms for a completion."""
    return TypeAdapter(_MODELS[kind])


def _known(kind: str) -> tuple[str, Any]:
    """What a block is called, and the model with all its keys, for unknown ones."""
    owner, _, name = kind.partition(".")
    if kind in ("parameters", "meta"):
        return "completion", blocks.Completion
    if owner == "provider":
        return f"provider of type {name}", _MODELS[kind]
    return f"{name or owner} block", _MODELS[kind]


def _static(kind: str, table: dict[str, Any]) -> Iterator[Finding]:
    for path in _STATIC.get(kind.partition(".")[0], ()):
        value: object = table
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if contains(value, has_hole):
            what = f"{dotted(path)} is" if path else f"The values of a {kind} block are"
            detail = f"{what} needed before any expression is evaluated: write the value itself."
            yield Finding(path, "Expression not allowed", detail)


def _within(path: Path, outer: Path) -> bool:
    return path[: len(outer)] == outer


def _is_of_an_answer(found: Finding, table: dict[str, Any]) -> bool:
    if found.summary != "Unknown key" or len(found.path) < 3 or found.path[0] != "messages":
        return False
    message = table["messages"][found.path[1]]
    return isinstance(message, dict) and message.get("role") == "assistant"


def _sent_back(found: Finding) -> Finding:
    """What an answer's message may have, written out."""
    detail = f"{found.detail} It is sent as written, as is an answer that is sent back."
    return replace(found, detail=detail, severity="warning", foreign=True)


def hidden(found: Finding) -> Finding:
    """The same of a sensitive value, which is not shown."""
    return replace(found, detail=unsaid(found), hint="")


def _unknown_parameter(name: str) -> Finding:
    hint = did_you_mean(name, (*PARAMETERS, *META), f" {BESIDES}")
    return Finding((name,), "Unknown key", f'There is no key "{name}" in a completion.{hint}')
