"""One answer with all that is known of it: what was asked, what came, and how it came to be."""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import orjson
from msgspec import Struct

from runner.core.address import axes_of, is_address, split_key
from runner.core.api.answer import warning
from runner.core.api.usage import cached_tokens, usage_of
from runner.core.plan.conversation import Turn, text_or_json, turn_of, turns_of
from runner.core.received import table_of, value_of
from runner.core.state.line import encode_record
from runner.core.state.records import Record
from runner.core.viewing.answer_columns import AnswerKind, kind_of_address

_APART = ("messages", "tools", "functions")
_LOGPROBS = 5_000  # tokens of an answer that are shaded


class ShownToken(Struct, frozen=True):
    """A piece of an answer, and the natural logarithm of how likely it was."""

    text: str
    logprob: float


class ShownChoice(Struct, frozen=True):
    """One choice of an answer; `json` is its text laid out, where that is JSON."""

    finish_reason: str
    turn: Turn
    json: str | None
    tokens: tuple[ShownToken, ...] = ()


class AnswerPage(Struct, frozen=True):
    """`parameters` are those of the request that are neither messages nor tools, as JSON texts;
    `line` is the record as the state holds it, `curl` a command that asks the same, without the
    key. `cost` is in USD; what is not known is None. `dependents` are the addresses that used the
    answer.
    """

    address: str
    block: str
    kind: AnswerKind
    axes: Mapping[str, str]
    status: str
    warning: str | None
    provider: str
    identity: str
    model: str
    issued_at: str
    seconds: float
    attempts: int
    maybe_billed: int
    sample: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int
    cost: float | None
    fingerprint: str
    triggers: str | None
    asked: tuple[Turn, ...]
    parameters: Mapping[str, str]
    tools: tuple[tuple[str, str], ...]
    choices: tuple[ShownChoice, ...]
    depends_on: tuple[str, ...]
    dependents: tuple[str, ...]
    line: str
    curl: str | None


def answer_page(
    record: Record, cost: float | None, dependents: Iterable[str] = (), *, to_copy: bool = True
) -> AnswerPage:
    """Everything that is known of one record, with what is there `to_copy`: its line and the
    command.
    """
    kind = kind_of_address(record.address)
    block, key = split_key(record.address) if is_address(record.address) else (record.address, None)
    request, response = table_of(record.request), value_of(record.response)
    used = usage_of(record.response)
    answered = response if isinstance(response, dict) else {}
    return AnswerPage(
        address=record.address,
        block=block,
        kind=kind,
        axes=axes_of(key),
        status=record.status,
        warning=None if kind == "data" else warning(record.response, mended=record.mended),
        provider=record.provider,
        identity=record.identity,
        model=str(answered.get("model") or request.get("model") or ""),
        issued_at=record.issued_at,
        seconds=record.duration_ms / 1000,
        attempts=record.attempts,
        maybe_billed=record.maybe_billed,
        sample=record.sample,
        prompt_tokens=None if used is None else used.prompt,
        completion_tokens=None if used is None else used.completion,
        cached_tokens=cached_tokens(record.response),
        cost=None if used is None else cost,
        fingerprint=record.fingerprint,
        triggers=None if record.triggers is None else record.triggers.decode("utf-8", "replace"),
        asked=turns_of(request["messages"]) if "messages" in request else (),
        parameters={
            name: text_or_json(value) for name, value in request.items() if name not in _APART
        },
        tools=tuple(_tools(request)),
        choices=tuple(_choices(answered.get("choices"), response)),
        depends_on=record.depends_on,
        dependents=tuple(dependents),
        line=encode_record(record).decode("utf-8", "replace") if to_copy else "",
        curl=_curl(record) if to_copy and kind != "data" else None,
    )


def _tools(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each tool by its name, as JSON in lines."""
    for key in ("tools", "functions"):
        held = request.get(key)
        for tool in held if isinstance(held, list) else ():
            function = tool.get("function", tool) if isinstance(tool, dict) else {}
            name = function.get("name") if isinstance(function, dict) else None
            yield name if isinstance(name, str) else key, _laid_out(tool)


def _choices(choices: Any, response: Any) -> Iterator[ShownChoice]:
    if not isinstance(choices, list) or not choices:
        yield ShownChoice("", turn_of({"role": "", "content": _laid_out(response)}), None)
        return
    for choice in choices:
        held = choice if isinstance(choice, dict) else {}
        message = held.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        yield ShownChoice(
            text_or_json(held.get("finish_reason") or ""),
            turn_of(message if message is not None else choice),
            _json_in(content),
            tuple(_tokens(held.get("logprobs"))),
        )


def _json_in(content: Any) -> str | None:
    """A text that is a JSON object or list, in lines."""
    if not isinstance(content, str) or content.strip()[:1] not in ("{", "["):
        return None
    try:
        return _laid_out(orjson.loads(content))
    except orjson.JSONDecodeError:
        return None


def _tokens(logprobs: Any) -> Iterator[ShownToken]:
    held = logprobs.get("content") if isinstance(logprobs, dict) else None
    for one in held[:_LOGPROBS] if isinstance(held, list) else ():
        match one:
            case {"token": str(text), "logprob": int() | float() as number}:
                yield ShownToken(text, float(number))
            case _:
                return  # no such list: the text is shown without


def _laid_out(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _curl(record: Record) -> str | None:
    """A command that asks the same; None where nobody is asked over HTTP at a known address."""
    _, _, base = record.identity.partition(" ")
    if not base.startswith(("http://", "https://")):
        return None
    body = msgspec.json.format(record.request, indent=2).decode("utf-8", "replace")
    return " \\\n  ".join(
        [
            f"curl {shlex.quote(base.rstrip('/') + '/chat/completions')}",
            '-H "Authorization: Bearer $OPENAI_API_KEY"',
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(body)}",
        ]
    )
