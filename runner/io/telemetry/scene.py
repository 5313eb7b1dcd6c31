"""What all spans of a run share: where they belong, what may be told in them, and one another."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from runner.core.address import around
from runner.core.state.records import Record
from runner.io.telemetry import conventions as names
from runner.io.telemetry.attributes import Attributes, AttributeValue
from runner.io.telemetry.exporting import Signals
from runner.io.telemetry.metrics import Measured
from runner.io.telemetry.spans import MOST_LINKS, OpenSpan


class Observed(Struct, frozen=True):
    """What is told of a run, and by which means. `hide` takes out of a text what nobody may see;
    with `content`, what was asked and answered is told; `propagates` whether providers are told of
    the trace; `newest` which names metrics have; `later` says of an address whether checks look at
    its answer before the run is over. `parent` holds the variables that say which trace this
    belongs to.
    """

    command: str
    signals: Signals
    cost: Callable[[Record], float | None]
    hide: Callable[[str], str]
    content: bool = False
    propagates: bool = False
    newest: bool = False
    later: Callable[[str], bool] = lambda _: False
    parent: Mapping[str, str] = {}


class AskedServer(Struct, frozen=True):
    """What is told of a server, and what of an attempt there."""

    about: Attributes
    attempt: Attributes


class Scene:
    """One run: its spans are below that of `root`."""

    def __init__(self, run: Observed, measured: Measured, root: OpenSpan) -> None:
        self.run, self.measured, self.root = run, measured, root
        self._servers: dict[str, AskedServer] = {}
        self._of: dict[str, bytes] = {}
        self._inside: dict[str, list[bytes]] = {}  # of each block, its first answers

    def hidden(self, told: Attributes) -> Attributes:
        """What may be told of some attributes: looked for in all of them at once, since there is
        something to hide in hardly any.
        """
        texts = [value for value in told.values() if isinstance(value, str)]
        texts += [one for value in told.values() if isinstance(value, list) for one in value]
        joined = "\n".join(texts)
        if self.run.hide(joined) == joined:
            return told
        return {key: self._hidden(value) for key, value in told.items()}

    def server(self, at: str) -> "AskedServer":
        """Who is asked at an address, and what is told of each attempt there."""
        if at not in self._servers:
            parts = urlsplit(at)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            about: Attributes = {
                names.SERVER_ADDRESS: parts.hostname or "",
                names.SERVER_PORT: port,
            }
            if not at:
                about = {}
            attempt = {names.METHOD: "POST", names.URL_FULL: at, **about}
            self._servers[at] = AskedServer(self.hidden(about), self.hidden(attempt))
        return self._servers[at]

    def note(self, address: str, span: OpenSpan) -> None:
        """The span in which an address was asked."""
        self._of[address] = span.id
        for block in around(address):
            of_block = self._inside.setdefault(block, [])
            if len(of_block) < MOST_LINKS:
                of_block.append(span.id)

    def links(self, needs: tuple[str, ...]) -> tuple[bytes, ...]:
        """The spans of what is quoted, as far as it was asked in this run."""
        if not needs:
            return ()
        known = ((need, self._of.get(need)) for need in needs)
        found = (self._inside.get(need, ()) if one is None else (one,) for need, one in known)
        return tuple(one for several in found for one in several)

    def headers(self, span: OpenSpan) -> Mapping[str, str]:
        """What tells a provider which trace a request belongs to, if it is to know."""
        return self.root.trace.headers(span) if self.run.propagates else {}

    def _hidden(self, value: AttributeValue) -> AttributeValue:
        if isinstance(value, str):
            return self.run.hide(value)
        return [self.run.hide(one) for one in value] if isinstance(value, list) else value
