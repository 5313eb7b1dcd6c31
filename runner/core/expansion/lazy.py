"""What expressions see before it is evaluated: names whose values come when they are asked for."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from runner.core.address import Key, with_key
from runner.core.values import NotKnown


class KnownAnswers(Protocol):
    """Where answers and instances are looked up."""

    answers: dict[str, Any]

    def answer(self, address: str) -> Any:
        """The answer at an address; NotKnown while it has not come."""

    def known_keys(self, block: str) -> tuple[Key, ...]:
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
    """All instances of a block with for_each; each answer is looked up when it is asked for."""

    __slots__ = ("_address", "_session")

    def __init__(self, session: KnownAnswers, address: str) -> None:
        self._session, self._address = session, address

    def __getitem__(self, key: str) -> Any:
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
            if self._session.answers.get(with_key(self._address, key), ...) is not None
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)


class ByIndex(Sequence[Any]):
    """All instances of a block with count."""

    __slots__ = ("_address", "_session")

    def __init__(self, session: KnownAnswers, address: str) -> None:
        self._session, self._address = session, address

    def __getitem__(self, index: Any) -> Any:
        keys = self._session.known_keys(self._address)
        if isinstance(index, slice):
            return [self._session.answer(with_key(self._address, key)) for key in keys[index]]
        return self._session.answer(with_key(self._address, keys[index]))

    def __len__(self) -> int:
        return len(self._session.known_keys(self._address))
