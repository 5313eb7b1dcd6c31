"""Requests that are filled, held until they are sent."""

from msgspec import Struct

from runner.core.request.build import Request

_BESIDE = 440  # bytes of a request besides its bodies and texts


class Drafts(Struct):
    """Requests that a decision has filled and that are still to be sent.

    As many as `room` bytes hold: 100,000 of a usual prompt. The others are filled once more when
    their turn comes.
    """

    room: int = 96 << 20
    _held: dict[str, Request] = {}

    def keep(self, address: str, request: Request) -> None:
        """Hold it if there is room."""
        size = _size(request)
        if size <= self.room:
            self.room -= size
            self._held[address] = request

    def held(self, address: str) -> Request | None:
        """The request, if it is held; it stays so."""
        return self._held.get(address)

    def take(self, address: str) -> Request | None:
        """The request that is held, once."""
        request = self._held.pop(address, None)
        if request is not None:
            self.room += _size(request)
        return request


def _size(request: Request) -> int:
    masked = 0 if request.recorded is request.body else len(request.recorded)
    texts = sum(map(str.__sizeof__, request.texts))
    return len(request.body) + masked + texts + _BESIDE
