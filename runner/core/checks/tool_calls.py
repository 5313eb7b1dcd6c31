"""Which tools an answer calls, and whether with the arguments that were expected."""

from typing import Any

import orjson

from runner.core.api.answer import Answer
from runner.core.checks.json_texts import fault_against
from runner.core.checks.matchers import CallMatcher
from runner.core.checks.telling import as_json_text, expected_text
from runner.core.checks.verdicts import CheckVerdict, DoesNot, Holds, Mismatch, Unscored
from runner.core.received import json_of, table_of
from runner.core.state.records import Record

Call = tuple[str, str]
"""The name of a tool, and its arguments as the model wrote them."""


def calls_of(answer: Answer) -> tuple[Call, ...]:
    """The tools that an answer calls."""
    held = [call.get("function") for call in answer["tool_calls"] or () if _is_table(call)]
    held.append(answer["function_call"])
    return tuple(
        (str(one.get("name")), str(one.get("arguments"))) for one in held if _is_table(one)
    )


def call_verdict(matcher: CallMatcher, calls: tuple[Call, ...], record: Record) -> CheckVerdict:
    """Whether one of the calls is as expected, with arguments that fit the tool's own schema."""
    shown = ", ".join(f"{name}({arguments})" for name, arguments in calls) or "no call"
    called = [arguments for name, arguments in calls if name == matcher.name]
    try:
        faults = [_fault_of_call(matcher, arguments, record) for arguments in called]
    except ValueError:  # of the schema: the request was recorded, whatever it says of its tools
        return Unscored(f"the request's own schema of {matcher.name} is no JSON Schema")
    if not faults:
        return DoesNot((Mismatch(expected_text(matcher), shown),))
    if None in faults:
        return Holds()
    return DoesNot((Mismatch(expected_text(matcher), str(faults[0])),))


def _fault_of_call(matcher: CallMatcher, arguments: str, record: Record) -> str | None:
    try:
        given = json_of(arguments)
    except ValueError as exc:
        return f"arguments that are no JSON: {exc}"
    schema = _schema_of(matcher.name, record)
    broken = None if schema is None else fault_against(schema, arguments)
    if broken is not None:
        return f"arguments that do not fit the tool's schema {broken}"
    if matcher.arguments is None or given == matcher.arguments:
        return None
    if not matcher.exact and _is_table(given) and _within(matcher.arguments, given):
        return None
    return as_json_text(given)


def _within(wanted: Any, given: Any) -> bool:
    """Whether a table has at least these values, in tables inside it as well."""
    if not (isinstance(wanted, dict) and isinstance(given, dict)):
        return bool(wanted == given)
    return all(key in given and _within(value, given[key]) for key, value in wanted.items())


def _schema_of(name: str, record: Record) -> bytes | None:
    request = table_of(record.request)
    tools = [tool.get("function") for tool in request.get("tools") or () if _is_table(tool)]
    for function in (*tools, *(request.get("functions") or ())):
        if _is_table(function) and function.get("name") == name:
            schema = function.get("parameters")
            return orjson.dumps(schema, option=orjson.OPT_SORT_KEYS) if schema else None
    return None


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)
