"""What expressions see before it is evaluated: names whose values come when they are asked for."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from runner.core.address import Key, with_key
from runner.core.api.names import ASKABLE, ATTRIBUTES
from runner.core.values import NotKnown


class KnownAnswers(Protocol):
    """Where answers and instances are looked up."""

    answers: dict[str, Any]

    def is_there(self, block: str, address: str) -> bool:
        """Whether an instance of a block is enabled; NotKnown while that hangs on an answer."""

    def answer(self, address: str) -> Any:
        """The answer at an address; NotKnown while it has not come."""

    def known_keys(self, block: str) -> Collection[Key]:
        """The instances of a block; NotKnown while they hang on an answer."""


class Lazy(Mapping[str, Any]):
    """A table of names; `value` gives what a name stands for."""

    __slots__ = ("_known", "_value")

    def __init__(self, known: Iterable[str], value: Callable[[str], Any]) -> None:
        self._known = known if isinstance(known, Mapping) else dict.fromkeys(known)
        self._value = value

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            raise KeyError(name)
        return self._value(name)

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class ByKey(Mapping[str, Any]):
    """All instances of a block whose keys are texts; each answer is looked up when it is asked for.
    `axes` are those of its matrix, if it has one: by a cell, it gives the instance there.
    """

    __slots__ = ("_address", "_axes", "_session")

    def __init__(self, session: KnownAnswers, address: str, axes: Iterable[str] = ()) -> None:
        self._session, self._address, self._axes = session, address, tuple(axes)

    def __getitem__(self, key: "str | MatrixCell") -> Any:
        if isinstance(key, MatrixCell):
            key = key.key_on(self._axes)
        address = with_key(self._address, key)
        if address in self._session.answers:
            return self._session.answers[address]
        if key not in self._session.known_keys(self._address):
            raise KeyError(key)
        raise NotKnown(address)

    def __iter__(self) -> Iterator[str]:
        return (
            str(key)
            for key in self._session.known_keys(self._address)
            if self._session.is_there(self._address, with_key(self._address, key))
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def later(self, key: str) -> "Later":
        """The answer of one of them, whether it has come or not."""
        return Later(with_key(self._address, key))


class Later(Struct, frozen=True):
    """In place of an answer that is looked up when it is asked for."""

    address: str


class EachLater(Lazy):
    """`each` where its value is an answer that may have yet to come."""

    __slots__ = ("address",)

    def __init__(self, session: KnownAnswers, key: Key, later: Later) -> None:
        self.address = later.address
        names = ("key", "value")
        super().__init__(names, lambda name: key if name == "key" else session.answer(self.address))


class AxisValue(Struct, frozen=True):
    """A place on one axis of a matrix: its key, and the value there. `named` is both as they stand
    in the key of an instance: `model=gpt-4o`.
    """

    axis: str
    key: str
    value: Any
    named: str


class MatrixCell(Lazy):
    """`matrix` in one instance: the value on each axis, and its key."""

    __slots__ = ("_places", "_session")

    def __init__(self, session: KnownAnswers, places: Iterable[AxisValue]) -> None:
        self._session = session
        self._places = {place.axis: place for place in places}
        names = (*self._places, *(f"{axis}_key" for axis in self._places))
        super().__init__(names, self._named)

    def needs(self, axis: str | None = None) -> tuple[str, ...]:
        """The answers on an axis, or on all of them, that are looked up when they are asked for."""
        values = (place.value for place in self._places.values() if axis in (None, place.axis))
        return tuple(value.address for value in values if isinstance(value, Later))

    def __str__(self) -> str:
        return self.key_on(sorted(self._places))

    def key_on(self, axes: Iterable[str]) -> str:
        """The key that an instance with these axes has where this one stands."""
        return ",".join(self._places[axis].named for axis in axes if axis in self._places)

    def _named(self, name: str) -> Any:
        if name not in self._places:
            return self._places[name.removesuffix("_key")].key
        value = self._places[name].value
        return self._session.answer(value.address) if isinstance(value, Later) else value


class ByCell(Lazy):
    """A table by the keys of a matrix's instances, or by a cell."""

    __slots__ = ("_axes",)

    def __init__(self, held: Mapping[str, Any], axes: Iterable[str]) -> None:
        self._axes = tuple(axes)
        super().__init__(held, held.__getitem__)

    def __getitem__(self, name: "str | MatrixCell") -> Any:
        return super().__getitem__(
            name.key_on(self._axes) if isinstance(name, MatrixCell) else name
        )


class JudgedAnswer(Lazy):
    """`self` where an answer is judged, which may have yet to come."""

    __slots__ = ("_session", "address")

    def __init__(self, session: KnownAnswers, address: str) -> None:
        self._session, self.address = session, address
        super().__init__(ASKABLE, lambda name: session.answer(self.address)[name])

    def __iter__(self) -> Iterator[str]:
        return iter(ATTRIBUTES)

    @property
    def request(self) -> bytes:
        """What it answers, as it was recorded."""
        request: bytes = self._session.answer(self.address).request
        return request


class ByIndex(Sequence[Any]):
    """All instances of a block with count."""

    __slots__ = ("_address", "_session")

    def __init__(self, session: KnownAnswers, address: str) -> None:
        self._session, self._address = session, address

    def __getitem__(self, index: Any) -> Any:
        numbers = range(len(self))
        if isinstance(index, slice):
            return [self._session.answer(with_key(self._address, key)) for key in numbers[index]]
        return self._session.answer(with_key(self._address, numbers[index]))

    def __len__(self) -> int:
        return len(self._session.known_keys(self._address))
