"""Requests that are filled, held until they are sent."""

from dataclasses import dataclass, field

from runner.core.request.build import Request


@dataclass(slots=True)
class Drafts:
    """Requests that a decision has filled and that are still to be sent.

    As many as `room` bytes of bodies hold; the others are filled once more when their turn comes.
    """

    room: int = 16 << 20
    _held: dict[str, Request] = field(default_factory=dict)

    def keep(self, address: str, request: Request) -> None:
        """Hold it if there is room."""
        if len(request.body) <= self.room:
            self.room -= len(request.body)
            self._held[address] = request

    def held(self, address: str) -> Request | None:
        """The request, if it is held; it stays so."""
        return self._held.get(address)

    def take(self, address: str) -> Request | None:
        """The request that is held, once."""
        request = self._held.pop(address, None)
        if request is not None:
            self.room += len(request.body)
        return request
