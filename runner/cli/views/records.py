"""Records and the state as a person or a program reads them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson

from runner.cli.streams import on_one_line
from runner.cli.views.values import short
from runner.core.address import is_data
from runner.core.api.answer import recorded_answer, warning
from runner.core.api.usage import usage_of
from runner.core.plan.diff import leaves, lines_of
from runner.core.plan.estimate import compact, dollars
from runner.core.received import table_of, value_of
from runner.core.state.records import Record, State
from runner.errors import counted

Cost = Callable[[Record], float | None]


def record_json(record: Record, cost: Cost) -> dict[str, Any]:
    """Everything that is known of one record; `cost` is in USD, null where it is not known."""
    return {
        "address": record.address,
        "status": record.status,
        "provider": record.provider,
        "identity": record.identity,
        "fingerprint": record.fingerprint,
        "sample": record.sample,
        "issued_at": record.issued_at,
        "duration_ms": record.duration_ms,
        "first_ms": record.first_ms,
        "attempts": record.attempts,
        "maybe_billed": record.maybe_billed,
        "mended": record.mended,
        "depends_on": list(record.depends_on),
        "triggers": None if record.triggers is None else value_of(record.triggers),
        "usage": _usage(record),
        "cost": _cost(record, cost),
        "request": value_of(record.request),
        "response": value_of(record.response),
    }


def records_json(records: Iterable[Record], cost: Cost, pad: str = "") -> Iterator[str]:
    """A list of records in pieces, one after the other: all of them may be more than memory holds.
    Its lines but the first begin with `pad`.
    """
    begin = "["
    for record in records:
        text = orjson.dumps(record_json(record, cost), option=orjson.OPT_INDENT_2).decode()
        yield f"{begin}\n{pad}  " + text.replace("\n", f"\n{pad}  ")
        begin = ","
    yield "[]" if begin == "[" else f"\n{pad}]"


def state_json(state: State, records: Iterable[Record], cost: Cost) -> Iterator[str]:
    """The state's header, and its records, in pieces."""
    header = {
        "version": state.version,
        "lineage": state.lineage,
        "serial": state.serial,
        "runner_version": state.runner_version,
        "root": state.root,
        "records": [],
    }
    whole = orjson.dumps(header, option=orjson.OPT_INDENT_2).decode()
    yield whole.removesuffix("[]\n}")
    yield from records_json(records, cost, "  ")
    yield "\n}"


def state_text(state: State, records: list[Record], path: str) -> Iterator[str]:
    """The state in lines: what it is, then a line for each record."""
    number = counted(len(records), "record")
    yield f"{path}: serial {state.serial}, {number}, root module {state.root}"
    yield f"lineage {state.lineage}, written by runner {state.runner_version}"
    if not records:
        return
    yield ""
    width = max(len(record.address) for record in records)
    for record in records:
        used = usage_of(record.response)
        tokens = f"{compact(used.total)} tokens" if used else ""
        facts = [record.status, _model(record), tokens, record.issued_at]
        yield f"  {record.address:<{width}}  {'  '.join(fact for fact in facts if fact)}"


def record_text(record: Record, cost: Cost | None) -> Iterator[str]:
    """One record in lines: facts first, then what was asked, then what was answered. Without
    `cost`, only what it says itself: the same today and tomorrow.
    """
    yield f"# {record.address}:"
    for name, value in _facts(record, cost):
        yield f"  {name + ':':<13} {value}"
    yield "  request:"
    body = table_of(record.request)
    messages = body.pop("messages", None)
    yield from _leaves(body, ())
    if messages is not None:
        yield from _leaves(messages, ("messages",))
    yield "  response:"
    yield from _answer(record)


def values_text(values: Mapping[str, Any]) -> Iterator[str]:
    """Outputs in lines, each text as it is."""
    for name, value in values.items():
        yield f"# {on_one_line(name)}:"
        yield from _leaves(value, (name,))


def _facts(record: Record, cost: Cost | None) -> Iterator[tuple[str, str]]:
    yield "status", record.status
    said = None if is_data(record.address) else warning(record.response, mended=record.mended)
    if said is not None:
        yield "warning", said
    kind, _, which = record.identity.partition(" ")
    yield "provider", f"{record.provider} ({which or kind})"
    model = _model(record)
    if model:
        yield "model", model
    if record.issued_at:
        attempts = "" if record.attempts == 1 else f", {record.attempts} attempts"
        if record.maybe_billed:
            attempts += f", {record.maybe_billed} without an answer that may have been billed"
        took = f"{record.duration_ms / 1000:.1f} s"
        if record.first_ms is not None:
            took += f", first token after {record.first_ms / 1000:.2f} s"
        yield "issued", f"{record.issued_at} ({took}{attempts})"
    used = usage_of(record.response)
    if used is not None:
        yield "usage", f"{used.prompt} tokens in, {used.completion} out"
    if cost is not None and not is_data(record.address):
        found = _cost(record, cost)
        yield "cost", "unknown" if found is None else dollars(found) if found else "none"
    if record.depends_on:
        yield "depends on", ", ".join(record.depends_on)
    if record.triggers is not None:
        yield "triggers", record.triggers.decode()
    yield "fingerprint", record.fingerprint
    yield "sample", str(record.sample)


def _answer(record: Record) -> Iterator[str]:
    answer = recorded_answer(record.address, record.response)
    if is_data(record.address):
        yield from _leaves(value_of(record.response), ())
        return
    for name in ("id", "finish_reason", "content", "refusal", "tool_calls", "function_call"):
        value = answer[name]
        if value is not None:
            yield from _leaves(value, (name,))


def _leaves(value: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    for where, leaf in leaves(value, path):
        name = on_one_line(_dotted(where))
        if isinstance(leaf, str) and "\n" in leaf:
            yield f"    {name}:"
            yield from (f"      {line}".rstrip(" ") for line in lines_of(leaf))
        elif isinstance(leaf, str):
            yield f"    {name}: {leaf}"
        else:
            yield f"    {name}: {short(leaf)}"


def _dotted(path: tuple[str | int, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _model(record: Record) -> str:
    for body in (record.response, record.request):
        model = table_of(body).get("model")
        if isinstance(model, str):
            return model
    return ""


def _usage(record: Record) -> dict[str, int] | None:
    used = usage_of(record.response)
    return None if used is None else used.table


def _cost(record: Record, cost: Cost) -> float | None:
    return None if usage_of(record.response) is None else cost(record)
