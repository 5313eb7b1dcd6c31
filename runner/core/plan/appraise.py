"""Whether an answer is what was asked for: its schema, its postconditions, its end."""

from functools import lru_cache
from typing import Any

import orjson
from msgspec import Struct

from runner.core.api.answer import Answer, message_text, shortcoming, warning
from runner.core.canonical import dotted
from runner.core.expansion.session import Instance
from runner.core.modules.conditions import check_conditions
from runner.core.received import json_of
from runner.core.state.records import Status


class Appraisal(Struct, frozen=True):
    """`status` is the record's; `fault` says why the answer is not accepted, if it is not."""

    status: Status
    fault: str | None = None
    warning: str | None = None


def appraise(
    instance: Instance, body: bytes, response: bytes, *, mended: bool = False, value: Any = None
) -> Appraisal:
    """What an answer is worth. It was paid for: whatever is wrong with it, it is kept. A verdict
    that nobody can read is one all the same: it tells nothing, and is not asked for again. `value`
    is what the response says, where somebody has read it.
    """
    answer = Answer(response, body, value)
    is_read = value is not None and not mended
    said = shortcoming(answer) if is_read else warning(response, mended=mended)
    if instance.judged is None and b'"json_schema"' in body and said is None:
        broken = _against_schema(orjson.loads(body), answer)
        if broken is not None:
            return Appraisal("invalid", broken)
    rules = instance.declared.postconditions
    if rules:
        names = {**instance.names(), "self": answer}
        for _, message, _ in check_conditions(rules, names, instance.scope.masks):
            return Appraisal("failed_check", f"postcondition: {message}")
    return Appraisal("incomplete" if said else "complete", None, said)


def _against_schema(body: dict[str, Any], answer: Answer) -> str | None:
    wanted = body.get("response_format")
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return None
    schema = wanted.get("json_schema", {}).get("schema")
    if not isinstance(schema, dict):
        return None
    for index, choice in enumerate(answer["choices"] or ()):
        message = choice.get("message") if isinstance(choice, dict) else None
        content = message_text(message) if isinstance(message, dict) else None
        if content is not None:
            broken = _breaks(orjson.dumps(schema), content)
            if broken is not None:
                return f"choices[{index}] {broken}"
    return None


def _breaks(schema: bytes, content: str) -> str | None:
    try:
        value = json_of(content)
    except ValueError as exc:
        return f"is not JSON: {exc}; it begins {content[:60]!r}"
    found = next(iter(_validator(schema).iter_errors(value)), None)
    if found is None:
        return None
    place = dotted(tuple(found.instance_path)) or "the whole"
    return f"does not fit the schema at {place}: {found.message}"


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> Any:
    import jsonschema_rs  # noqa: PLC0415  # only where an answer has a schema

    return jsonschema_rs.validator_for(orjson.loads(schema), offline=True)
