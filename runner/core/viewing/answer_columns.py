"""All answers as columns: what a table of them shows, filters and sorts by."""

import re
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec
from msgspec import Struct

from runner.core.address import Key, axes_of, is_verdict, split_key
from runner.core.api.answer import Answer, recorded_answer
from runner.core.api.usage import asked_model, usage_of
from runner.core.state.records import Record
from runner.core.viewing.answers import answer_text_of

_FIRST = 160  # characters of an answer that a row shows
_SPACE = re.compile(r"\s+")

AnswerKind = Literal["completion", "data", "verdict"]


class Coded(Struct):
    """A column of few different values: each once, and for each row which of them it is."""

    values: list[str]
    at: list[int]


class AnswerColumns(Struct):
    """Every recorded answer, a row each, in the order of the state; `axes` are those of matrices,
    -1 where a row is on none. `same` is one number for all rows of the same text, `asked` one for
    all of the same request. `cost` is in USD; what is not known is None.
    """

    address: list[str]
    kind: Coded
    block: Coded
    model: Coded
    status: Coded
    provider: Coded
    finish: Coded
    prompt_tokens: list[int | None]
    completion_tokens: list[int | None]
    cost: list[float | None]
    seconds: list[float]
    issued_at: list[str]
    first_line: list[str]
    same: list[int]
    asked: list[int]
    axes: dict[str, Coded]


def answer_columns(
    records: Iterable[Record], cost: Callable[[Record], float | None]
) -> AnswerColumns:
    """The columns of some records; none of them is kept."""
    made = _Making()
    for record in records:
        made.add(record, cost)
    return made.columns()


class _Coding:
    """A coded column in the making."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self.at: list[int] = []

    def add(self, value: str) -> None:
        self.at.append(self.known.setdefault(value, len(self.known)))

    def coded(self) -> Coded:
        return Coded(list(self.known), self.at)


class _Message(Struct):
    content: str


class _Choice(Struct):
    message: _Message
    finish_reason: str | None = None


class _Usual(Struct):
    """An answer as most are: read without making anything of the rest."""

    choices: list[_Choice]


_USUAL = msgspec.json.Decoder(_Usual)


class _Making:
    def __init__(self) -> None:
        self.lists: dict[str, list[object]] = {
            name: []
            for name in (
                *("address", "prompt_tokens", "completion_tokens", "cost", "seconds"),
                *("issued_at", "first_line", "same", "asked"),
            )
        }
        self.coded = {
            name: _Coding() for name in ("kind", "block", "model", "status", "provider", "finish")
        }
        self.axes: dict[str, _Coding] = {}
        self.texts: dict[int, int] = {}
        self.requests: dict[str, int] = {}
        self.rows = 0

    def add(self, record: Record, cost: Callable[[Record], float | None]) -> None:
        kind = kind_of_address(record.address)
        block, key = _split(record.address)
        used = usage_of(record.response)
        text, finish = shown_text(record)
        asked = "" if kind == "data" else asked_model(record.request)
        plain = {
            "address": record.address,
            "prompt_tokens": None if used is None else used.prompt,
            "completion_tokens": None if used is None else used.completion,
            "cost": None if used is None else cost(record),
            "seconds": record.duration_ms / 1000,
            "issued_at": record.issued_at,
            "first_line": first_line_of(text),
            "same": self.texts.setdefault(hash(text.strip()), len(self.texts)),
            "asked": self.requests.setdefault(record.fingerprint, len(self.requests)),
        }
        for name, value in plain.items():
            self.lists[name].append(value)
        told = used.model if used is not None and used.model else asked
        words = {
            "kind": kind,
            "block": block,
            "model": asked or told,
            "status": record.status,
            "provider": record.provider,
            "finish": finish,
        }
        for name, word in words.items():
            self.coded[name].add(word)
        self._add_axes(axes_of(key))
        self.rows += 1

    def _add_axes(self, held: dict[str, str]) -> None:
        for axis in held.keys() - self.axes.keys():
            self.axes[axis] = _Coding()
            self.axes[axis].at = [-1] * self.rows
        for axis, column in self.axes.items():
            if axis in held:
                column.add(held[axis])
            else:
                column.at.append(-1)

    def columns(self) -> AnswerColumns:
        coded = {name: column.coded() for name, column in self.coded.items()}
        axes = {name: column.coded() for name, column in self.axes.items()}
        return msgspec.convert({**self.lists, **coded, "axes": axes}, AnswerColumns)


def kind_of_address(address: str) -> AnswerKind:
    """What is recorded there."""
    if is_verdict(address):
        return "verdict"
    return "data" if address.startswith("data.") or ".data." in address else "completion"


def shown_text(record: Record) -> tuple[str, str]:
    """The text that an answer is worth, or its JSON, and how it ended."""
    try:
        first = _USUAL.decode(record.response).choices
        if len(first) == 1 and first[0].message.content.strip():
            return first[0].message.content, first[0].finish_reason or ""
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass  # one of the others, which is read as a whole
    answer = recorded_answer(record.address, record.response)
    finish = answer["finish_reason"] if isinstance(answer, Answer) else None
    return answer_text_of(record), finish or ""


def first_line_of(text: str) -> str:
    """The beginning of a text on one line."""
    return _SPACE.sub(" ", text[: 2 * _FIRST]).strip()[:_FIRST]


def _split(address: str) -> tuple[str, Key | None]:
    try:
        return split_key(address)
    except ValueError:  # a state from elsewhere may hold any text
        return address, None
