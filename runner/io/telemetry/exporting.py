"""Spans and numbers on their way to a collector: nothing is dropped while there is room, and nobody
waits for one that does not answer.

The library's own queue drops what comes faster than it is sent, and its end takes seconds where
nobody answers; so the queue and the end are ours. Where a collector is, with which headers,
certificates and compression, and what this process is called, is read and done by the library.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import TIMEOUT_MAX, Event, Thread, get_ident
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from google.protobuf.message import DecodeError
from msgspec import Struct
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from opentelemetry.sdk.resources import Resource

from runner import __version__
from runner.io.telemetry.metrics import Measured
from runner.io.telemetry.wire import pairs

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.common.http import _ExportResult, _OTLPHTTPClient
    from requests import Response, Session

_BATCH_BYTES = 4_000_000
_AGAIN = (429, 502, 503, 504)  # statuses of a collector that may take it another time
_ANEW = ("delta", "lowmemory")
_ELSEWHERE = 300  # the first of the statuses by which nothing was taken
_SILENT = "it did not answer in time"
_LONGEST = 200  # characters of what others say
_PLAIN = ("builtins", "http.client")
_TALKING = (
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
)


class ExportBounds(Struct, frozen=True):
    """How many spans may wait: only as many take memory as do. In seconds: for how long the end
    waits where attempts go wrong, where nobody has taken any, and where somebody did who is slow
    now; how long it waits at most; and after which rest a collector is tried again.
    """

    most: int = 65_536
    trouble: float = 1.0
    patience: float = 1.8
    slow: float = 10.0
    longest: float = 30.0
    rest: float = 5.0

    @classmethod
    def usual(cls) -> "ExportBounds":
        """These, unless the variable for that says how long the end may take."""
        longest = _seconds("OTEL_BSP_EXPORT_TIMEOUT", 0.0)
        if not longest:
            return cls()
        return cls(trouble=longest, patience=longest, slow=longest, longest=longest)


class Signals(Struct, frozen=True):
    """What is sent, and where as others may see it; None for what is not."""

    traces: str | None
    metrics: str | None


class Taken(Struct, frozen=True):
    """Whether a collector took something; if not, why, and whether it never will. Of what it took
    it may have thrown `lost` spans or numbers away.
    """

    why: str | None = None
    is_final: bool = False
    lost: int = 0


class MessagePost(Protocol):
    """Who sends a message of the protocol."""

    def post(self, message: bytes) -> Taken:
        """Send it, again if that may help, as long as an attempt may last."""

    def shutdown(self) -> None:
        """Send nothing more, and end what is under way."""


class Exporting:
    """Open until `end`, which says what was not taken."""

    def __init__(
        self, signals: Signals, measured: Measured, bounds: ExportBounds | None = None
    ) -> None:
        bounds = bounds or ExportBounds.usual()
        self._signals, self._measured, self._bounds = signals, measured, bounds
        spans = metrics = None
        if signals.traces is not None:
            spans = _SpanPost()
        if signals.metrics is not None:
            metrics = _MetricPost()
        self._resource = _resource()
        self.spans = WaitingSpans(spans, self._resource, bounds)
        self._metrics: MessagePost | None = metrics
        preferred = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "")
        self._anew = preferred.lower() in _ANEW
        self._refused: str | None = None  # why not all metrics were taken
        self._every = _seconds("OTEL_METRIC_EXPORT_INTERVAL", 60.0)
        self._closed: float | None = None
        self._over = Event()
        Thread(target=self._run, name="telemetry", daemon=True).start()

    def end(self) -> str | None:
        """Send what is left, for as long as it is taken; what was not, and why, in a sentence."""
        closed = self._closed = monotonic()
        self.spans.wake.set()
        while not self._over.wait(0.05):
            now = monotonic()
            moved = max(closed, self.spans.moved)
            if now - moved > self._patience() or now - closed > self._bounds.longest:
                self.spans.leave()
                self._refused = self._refused or _SILENT
                break
        return self._said()

    def _patience(self) -> float:
        """Seconds for which somebody is waited for who takes nothing."""
        if self.spans.troubled:
            return self._bounds.trouble
        return self._bounds.slow if self.spans.taken else self._bounds.patience

    def _said(self) -> str | None:
        ended, taken = self.spans.ended, self.spans.taken
        if taken < ended:
            of = f"{ended - taken:,} of {ended:,} spans"
            return f"{of} were not taken by {self._signals.traces}: {self.spans.why or _SILENT}"
        if self._metrics is not None and self._refused is not None:
            return f"The metrics were not taken by {self._signals.metrics}: {self._refused}"
        return None

    def _run(self) -> None:
        """The thread that sends."""
        due, is_last = monotonic() + self._every, False
        with _unheard(self.spans.trouble):
            while not is_last:
                self.spans.pause()
                is_last = self._closed is not None
                self.spans.send(to_the_end=is_last)
                if is_last or monotonic() >= due:
                    self._send_metrics()
                    due = monotonic() + self._every
            self.spans.leave()
            if self._metrics is not None:
                self._metrics.shutdown()
        self._over.set()

    def _send_metrics(self) -> None:
        """As they stand; not where nobody takes spans either."""
        is_dead = self.spans.resting and self._signals.traces == self._signals.metrics
        if self._metrics is None or is_dead:
            return
        found = self._measured.so_far(anew=self._anew)
        if not found:
            return
        held = ScopeMetrics(scope=_SCOPE, metrics=found)
        told = ResourceMetrics(resource=self._resource, scope_metrics=[held])
        message = ExportMetricsServiceRequest(resource_metrics=[told])
        taken = self._metrics.post(message.SerializeToString())
        if taken.why is not None or not self._anew:  # what is told but once is lost for good
            self._refused = taken.why


class WaitingSpans:
    """Those that have ended, until somebody took them; `moved` is when that was the last time, and
    it is `resting` where nobody does, for what `why` says. It is `troubled` from when an attempt
    went wrong until one goes well.
    """

    def __init__(
        self, post: MessagePost | None, resource: resource_pb2.Resource, bounds: ExportBounds
    ) -> None:
        self.wake = Event()
        self.ended = self.taken = 0
        self.moved = 0.0
        self.resting = self.troubled = False
        self.why: str | None = None
        self._post, self._resource, self._bounds = post, resource, bounds
        self._waiting: deque[Span] = deque()
        self._batch = _whole("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)
        self._delay = _seconds("OTEL_BSP_SCHEDULE_DELAY", 5.0)

    def add(self, span: Span) -> None:
        """One more, from the thread that the run is in."""
        if self._post is None:
            return
        self.ended += 1
        if len(self._waiting) < self._bounds.most:
            self._waiting.append(span)
        if len(self._waiting) >= self._batch and not self.resting:
            self.wake.set()

    def pause(self) -> None:
        """Until there is a batch, or some have waited for long."""
        self.wake.wait(self._bounds.rest if self.resting else self._delay)
        self.wake.clear()

    def send(self, *, to_the_end: bool) -> None:
        """Whatever waits. What a collector refuses is given up; where there is none, it waits on,
        unless this is the end.
        """
        while self._waiting and (post := self._post) is not None:
            batch = [*self._next()]
            taken = post.post(self._message(batch))
            self.why = taken.why or self.why
            if taken.why is None or taken.lost:
                self.taken += max(0, len(batch) - taken.lost)
                self.moved, self.resting, self.troubled = monotonic(), False, False
                continue
            if not taken.is_final:
                self.resting = True
                if not to_the_end:
                    self._waiting.extendleft(reversed(batch))
                return

    def trouble(self, record: logging.LogRecord) -> None:
        """Something went wrong, as the library logs it, which may try again."""
        self.troubled = True
        first = record.args[0] if isinstance(record.args, tuple) and record.args else None
        if isinstance(first, BaseException):
            self.why = _of_system(first)
        elif isinstance(first, str) and record.levelno == logging.WARNING:
            self.why = first.lower()  # the reason that came with a status

    def leave(self) -> None:
        """Send nothing more, and end an attempt that is under way."""
        post, self._post = self._post, None
        if post is not None:
            post.shutdown()

    def _message(self, batch: list[Span]) -> bytes:
        held = ScopeSpans(scope=_SCOPE, spans=batch)
        told = ResourceSpans(resource=self._resource, scope_spans=[held])
        message: bytes = ExportTraceServiceRequest(resource_spans=[told]).SerializeToString()
        return message

    def _next(self) -> Iterator[Span]:
        """A batch, smaller where contents make it large."""
        size = 0
        for _ in range(min(self._batch, len(self._waiting))):
            span = self._waiting.popleft()
            yield span
            size += span.ByteSize()
            if size > _BATCH_BYTES:
                return


class _SpanPost(OTLPSpanExporter):
    def post(self, message: bytes) -> Taken:
        """As `export`, of what is a message already."""
        return _posted(self._client, message, _lost_spans)


class _MetricPost(OTLPMetricExporter):
    def post(self, message: bytes) -> Taken:
        """As `export`, of what is a message already."""
        return _posted(self._client, message, _lost_numbers)


def _posted(
    client: "_OTLPHTTPClient", message: bytes, lost: Callable[[bytes], tuple[int, str]]
) -> Taken:
    """What became of a message: a collector that took it may say in its answer that it threw some
    of it away.
    """
    heard: list[Response] = []
    session: Session = client._transport._session  # type: ignore[attr-defined]  # noqa: SLF001
    session.hooks["response"] = [lambda answer, **_: heard.append(answer)]
    taken = _taken(client.export(message))
    if taken.why is not None or not heard:
        return taken
    try:
        number, why = lost(heard[-1].content)
    except DecodeError:  # some answer by other bytes than the protocol's
        return taken
    return Taken(_brief(why) or "it does not say why", lost=number) if number else taken


def _lost_spans(answer: bytes) -> tuple[int, str]:
    said = ExportTraceServiceResponse.FromString(answer).partial_success
    return said.rejected_spans, said.error_message


def _lost_numbers(answer: bytes) -> tuple[int, str]:
    said = ExportMetricsServiceResponse.FromString(answer).partial_success
    return said.rejected_data_points, said.error_message


def _taken(answer: "_ExportResult") -> Taken:
    status = answer.status_code
    if answer.success and (status is None or status < _ELSEWHERE):
        return Taken()
    if status is not None:
        return Taken(f"status {status} {answer.reason or ''}".strip(), status not in _AGAIN)
    return Taken(_SILENT if answer.error is None else _of_system(answer.error))


def _of_system(fault: BaseException) -> str:
    """In the system's own words why there was no connection."""
    seen = fault
    for _ in range(10):
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror.lower()
        inner = next((one for one in seen.args if isinstance(one, BaseException)), None)
        further = (inner, getattr(seen, "reason", None), seen.__cause__, seen.__context__)
        nearer = next((one for one in further if isinstance(one, BaseException)), None)
        if nearer is None:
            break
        seen = nearer
    if "Timeout" in type(seen).__name__:
        return _SILENT
    is_plain = type(seen).__module__ in _PLAIN  # what others say may quote an address or a header
    return (_brief(str(seen)) if is_plain else "") or type(seen).__name__


def _brief(text: str) -> str:
    return text.strip().partition("\n")[0][:_LONGEST].rstrip(".")


@contextmanager
def _unheard(trouble: Callable[[logging.LogRecord], None]) -> Iterator[None]:
    """What the library logs in this thread is `trouble`, and said at the end in our words; whatever
    else in this process uses it is heard as before.
    """
    here = get_ident()

    def is_of_others(record: logging.LogRecord) -> bool:
        if record.thread == here:
            trouble(record)
        return record.thread != here

    loggers = [logging.getLogger(name) for name in _TALKING]
    for logger in loggers:
        logger.addFilter(is_of_others)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_of_others)


_SCOPE = InstrumentationScope(name="runner", version=__version__)


def _resource() -> resource_pb2.Resource:
    """What the environment says of this process, and a name where it says none."""
    held = dict(Resource.create().attributes)
    if str(held.get("service.name", "")).startswith("unknown_service"):
        held["service.name"] = "runner"
    held.setdefault("service.version", __version__)
    told = {key: value for key, value in held.items() if isinstance(value, str | int | float)}
    return resource_pb2.Resource(attributes=pairs(told))


def _seconds(name: str, usual: float) -> float:
    """Of a variable in milliseconds; ValueError unless it is some."""
    said = os.environ.get(name)
    if not said:
        return usual
    try:
        seconds = float(said) / 1000
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < TIMEOUT_MAX:
        raise ValueError(f'{name} is "{said}"; it is a number of milliseconds, more than 0.')
    return seconds


def _whole(name: str, usual: int) -> int:
    """Of a variable; ValueError unless it is a whole number from 1 on."""
    said = os.environ.get(name) or str(usual)
    if not (said.isascii() and said.isdigit() and int(said)):
        raise ValueError(f'{name} is "{said}"; it is a whole number, 1 or more.')
    return int(said)
