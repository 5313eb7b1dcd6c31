"""All answers as columns: what a table of them shows, filters and sorts by."""

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

AnswerKind = Literal["completion", "data", "verdict"]


class Coded(Struct):
    """A column of few different values: each once, and for each row which of them it is."""

    values: list[str]
    at: list[int]


class AnswerColumns(Struct):
    """Every recorded answer, a row each, in the order of its state, and from which state it is;
    `axes` are those of matrices, -1 where a row is on none. `same` is one number for all rows of
    the same text, `asked` one for all of the same request. `cost` is in USD; what is not known is
    None.
    """

    address: list[str]
    source: Coded
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
    sources: Iterable[tuple[str, Iterable[Record]]], cost: Callable[[Record], float | None]
) -> AnswerColumns:
    """The columns of the records of some states, by what each is called; no record is kept."""
    made = _Making()
    for name, records in sources:
        for record in records:
            made.source.add(name)
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
    """The columns as far as there are rows."""

    def __init__(self) -> None:
        self.address: list[str] = []
        self.source, self.kind = _Coding(), _Coding()
        self.block, self.model = _Coding(), _Coding()
        self.status, self.provider, self.finish = _Coding(), _Coding(), _Coding()
        self.prompt_tokens: list[int | None] = []
        self.completion_tokens: list[int | None] = []
        self.cost: list[float | None] = []
        self.seconds: list[float] = []
        self.issued_at: list[str] = []
        self.first_line: list[str] = []
        self.same: list[int] = []
        self.asked: list[int] = []
        self.axes: dict[str, _Coding] = {}
        self._texts: dict[int, int] = {}
        self._requests: dict[str, int] = {}

    def add(self, record: Record, cost: Callable[[Record], float | None]) -> None:
        kind = kind_of_address(record.address)
        block, key = _split(record.address)
        self._add_axes(axes_of(key) if isinstance(key, str) and "=" in key else {})
        self.address.append(record.address)
        self.kind.add(kind)
        self.block.add(block)
        self.status.add(record.status)
        self.provider.add(record.provider)
        self.seconds.append(record.duration_ms / 1000)
        self.issued_at.append(record.issued_at)
        self.asked.append(self._requests.setdefault(record.fingerprint, len(self._requests)))
        self._add_answer(record)
        used = usage_of(record.response)
        asked = "" if kind == "data" else asked_model(record.request)
        self.model.add(asked or (used.model if used is not None and used.model else ""))
        self.prompt_tokens.append(None if used is None else used.prompt)
        self.completion_tokens.append(None if used is None else used.completion)
        self.cost.append(None if used is None else cost(record))

    def _add_answer(self, record: Record) -> None:
        text, finish = shown_text(record)
        self.finish.add(finish)
        self.first_line.append(first_line_of(text))
        self.same.append(self._texts.setdefault(hash(text.strip()), len(self._texts)))

    def _add_axes(self, held: dict[str, str]) -> None:
        for axis in [axis for axis in held if axis not in self.axes]:
            self.axes[axis] = _Coding()
            self.axes[axis].at = [-1] * len(self.address)
        for axis, column in self.axes.items():
            if axis in held:
                column.add(held[axis])
            else:
                column.at.append(-1)

    def columns(self) -> AnswerColumns:
        return AnswerColumns(
            self.address,
            self.source.coded(),
            self.kind.coded(),
            self.block.coded(),
            self.model.coded(),
            self.status.coded(),
            self.provider.coded(),
            self.finish.coded(),
            self.prompt_tokens,
            self.completion_tokens,
            self.cost,
            self.seconds,
            self.issued_at,
            self.first_line,
            self.same,
            self.asked,
            {axis: column.coded() for axis, column in self.axes.items()},
        )


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
    return " ".join(text[: 2 * _FIRST].split())[:_FIRST]


def _split(address: str) -> tuple[str, Key | None]:
    try:
        return split_key(address)
    except ValueError:  # a state from elsewhere may hold any text
        return address, None
