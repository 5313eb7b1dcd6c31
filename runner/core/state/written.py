"""A record as JSON: its fields, their order and their types are read off Record itself."""

from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, fields
from itertools import repeat
from operator import attrgetter
from typing import Any, get_type_hints

import msgspec

from runner.core.state.records import SPARSE, Record

UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
_TYPES = get_type_hints(Record, include_extras=True)
_RAW = {bytes: msgspec.Raw, bytes | None: msgspec.Raw}
_ENCODE = msgspec.json.Encoder().encode


class Form:
    """The JSON of records without the fields `left_out` and with `more` after the others."""

    def __init__(self, *left_out: str, more: Iterable[tuple[str, Any]] = ()) -> None:
        besides = {"line", "unread", *left_out}
        held = [field for field in fields(Record) if field.name not in besides]
        always = [field for field in held if field.metadata != SPARSE]
        sparse = [field for field in held if field.metadata == SPARSE]
        self.sparse = tuple(field.name for field in sparse)
        self._names = tuple(field.name for field in (*always, *sparse))
        self._bodies = [i for i, field in enumerate(always) if _TYPES[field.name] in _RAW]
        self._always: Callable[[Any], tuple[Any, ...]] = attrgetter(*(f.name for f in always))
        self._body_names = [always[index].name for index in self._bodies]
        self._sparse: Callable[[Any], tuple[Any, ...]] = attrgetter(*self.sparse)
        self._empty = tuple(field.default for field in sparse)
        self._unset = (msgspec.UNSET,) * len(sparse)
        last = [(name, kind | msgspec.UnsetType, msgspec.UNSET) for name, kind in more]
        columns = [*map(_column, always), *map(_column, sparse), *last]
        self._struct = msgspec.defstruct("Written", columns, gc=False)
        self._decode = msgspec.json.Decoder(self._struct).decode

    def encode(self, record: Record, *more: Any, body: Callable[[bytes], bytes] = bytes) -> bytes:
        """The record's JSON. What is sparse and empty is left out. `body` makes what is written of
        a JSON body.
        """
        values, sparse = list(self._always(record)), self._sparse(record)
        for index in self._bodies:
            values[index] = msgspec.Raw(body(values[index]))
        late = (
            self._unset if sparse == self._empty else map(_set, sparse, self._empty, repeat(body))
        )
        return _ENCODE(self._struct(*values, *late, *more))

    def check(self, data: bytes) -> Any:
        """The JSON parsed, bodies included: only their UTF-8 is not msgspec's business. One of
        UNREADABLE is raised if it is no record.
        """
        if not data.isascii():
            data.decode()
        return self._decode(data)

    def parsed(self, data: bytes) -> Any:
        """A record's JSON, parsed; one of UNREADABLE is raised if it is none."""
        parsed = self.check(data)
        for name in self._body_names:
            if bytes(getattr(parsed, name))[:1] != b"{":  # their readers count on tables
                raise msgspec.ValidationError("`request` and `response` have to be JSON objects")
        return parsed

    def parsed_again(self, data: bytes) -> Any:
        """As `parsed`, of JSON that was parsed once."""
        return self._decode(data)

    def is_as_written(self, parsed: Any, data: bytes) -> bool:
        """Whether the JSON that was parsed is as `encode` writes it."""
        return _ENCODE(parsed) == data

    def values(self, parsed: Any) -> tuple[Any, ...]:
        """The values of a record's fields, in their order."""
        values, sparse = list(self._always(parsed)), self._sparse(parsed)
        for index in self._bodies:
            values[index] = bytes(values[index])
        late = self._empty if sparse == self._unset else tuple(map(_got, sparse, self._empty))
        return (*values, *late)

    def named(self, values: Iterable[Any]) -> dict[str, Any]:
        """The values by the names of their fields."""
        return dict(zip(self._names, values, strict=True))


def _set(value: Any, empty: Any, body: Callable[[bytes], bytes]) -> Any:
    if value == empty:
        return msgspec.UNSET
    return msgspec.Raw(body(value)) if isinstance(value, bytes) else value


def _got(value: Any, empty: Any) -> Any:
    if value is msgspec.UNSET:
        return empty
    return bytes(value) if isinstance(value, msgspec.Raw) else value


def _column(field: Field[Any]) -> tuple[Any, ...]:
    kind = _RAW.get(_TYPES[field.name], _TYPES[field.name])
    if field.metadata == SPARSE:
        return field.name, kind | msgspec.UnsetType, msgspec.UNSET
    return (field.name, kind) if field.default is MISSING else (field.name, kind, field.default)
