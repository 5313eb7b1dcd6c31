"""What two answers have to say against each other: texts word by word, JSON path by path."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
from msgspec import Struct

from runner.core.api.answer import Answer, output_value, recorded_answer
from runner.core.plan.conversation import text_or_json
from runner.core.plan.diff import ABSENT, Change, changes_of
from runner.core.plan.words import Asked
from runner.core.received import json_of, table_of, value_of
from runner.core.state.records import Record
from runner.core.viewing.words import DiffLine, text_diff


class TextDiff(Struct, frozen=True):
    """Two texts, line by line; no line where they are the same."""

    lines: tuple[DiffLine, ...]


class PathDiff(Struct, frozen=True):
    """Two values, by the paths that differ in them."""

    changes: tuple[Change, ...]


AnswerDiff = TextDiff | PathDiff


def answer_of(record: Record) -> Any:
    """What a record's answer says: a text, or a JSON value of another kind; of several choices, a
    list of what each says.
    """
    answer = recorded_answer(record.address, record.response)
    if not isinstance(answer, Answer):
        return table_of(record.response)
    choices = answer["choices"] or []
    if len(choices) > 1:
        return [output_value(Answer(_alone(choice))) for choice in choices]
    return output_value(answer)


def answer_text_of(record: Record) -> str:
    """The same as a text."""
    said = answer_of(record)
    return "" if said is None else text_or_json(said)


def answer_diff(before: Record, after: Record) -> AnswerDiff:
    """How two answers differ in what they say."""
    old, new = answer_of(before), answer_of(after)
    one, other = _structure(old), _structure(new)
    if one is not None and other is not None and type(one) is type(other):
        return PathDiff(tuple(changes_of(one, other)))
    if old == new:
        return TextDiff(())
    return TextDiff(text_diff(*("" if one is None else text_or_json(one) for one in (old, new))))


def recorded_request(before: Record | None, after: Record) -> Asked:
    """What a record asked, and what was asked before it."""
    new = table_of(after.request)
    if before is None:
        return Asked(after.provider, new, None)
    who = before.identity != after.identity
    moved = (Change(("provider",), before.identity, after.identity),) if who else ()
    triggers = changes_of(_loaded(before.triggers), _loaded(after.triggers), ("triggers",))
    return Asked(after.provider, new, table_of(before.request), (*moved, *triggers))


def recorded_changes(before: Record, after: Record) -> Iterator[Change]:
    """Where two requests differ, who is asked first."""
    made = recorded_request(before, after)
    yield from made.besides
    yield from changes_of(made.old or {}, made.new)


class ServedFact(Struct, frozen=True):
    """Something about how an answer came to be that is another thing on both sides; None where it
    is not known.
    """

    name: str
    before: str | None
    after: str | None


def served_differently(before: Record, after: Record) -> tuple[ServedFact, ...]:
    """What is another than before of who served an answer, and how it ended."""
    old, new = Answer(before.response), Answer(after.response)
    facts: Mapping[str, Callable[[Answer, Record], Any]] = {
        "model served": lambda answer, _: answer["model"],
        "system_fingerprint": lambda answer, _: answer["system_fingerprint"],
        "finish_reason": lambda answer, _: answer["finish_reason"],
        "status": lambda _, record: record.status,
    }
    found = (ServedFact(name, fact(old, before), fact(new, after)) for name, fact in facts.items())
    return tuple(one for one in found if one.before != one.after)


def _loaded(data: bytes | None) -> Any:
    return ABSENT if data is None else value_of(data)


def _alone(choice: Any) -> bytes:
    return orjson.dumps({"choices": [choice]})


def _structure(said: Any) -> Any:
    """A table or a list, be it as JSON in a text; None for anything else."""
    if isinstance(said, str):
        if said.lstrip()[:1] not in ("{", "["):
            return None
        try:
            said = json_of(said)
        except ValueError:
            return None
    return said if isinstance(said, dict | list) and said else None
