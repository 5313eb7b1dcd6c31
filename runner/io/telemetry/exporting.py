"""Spans and metrics on their way to a collector: nothing is dropped while there is room, and nobody
waits for one that does not answer.

The library's own queue drops what comes faster than it is sent, and its end takes seconds where
nobody answers; so the queue and the end are ours, and all else (what a span is, how it is sampled,
written and sent, and every OTEL_ variable) is the library's.
"""

import logging
import math
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread, get_ident
from time import monotonic
from typing import Any

from msgspec import Struct
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Meter, NoOpMeter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import NoOpTracer, Tracer

from runner import __version__

_BATCH_BYTES = 4_000_000
_LONG = 1_000  # characters from which a text counts
_GIVEN_UP = ("Failed to encode", "Dropping")  # as the library says that it did not even send
_TALKING = (
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk.metrics._internal.export",
)


class ExportBounds(Struct, frozen=True):
    """How many spans may wait: only as many take memory as do. In seconds: for how long an attempt,
    and the end, wait where nothing is taken, how long the end waits at most, and after which rest
    a collector is tried again.
    """

    most: int = 65_536
    patience: float = 2.0
    longest: float = 30.0
    rest: float = 5.0


class Signals(Struct, frozen=True):
    """What is sent, and where as others may see it; None for what is not."""

    traces: str | None
    metrics: str | None


_USUAL = ExportBounds()


class Exporting:
    """Open until `end`, which says what was not taken."""

    def __init__(self, signals: Signals, bounds: ExportBounds = _USUAL) -> None:
        resource = _resource()
        self.tracer: Tracer = NoOpTracer()
        self.meter: Meter = NoOpMeter("runner")
        self._signals, self._bounds = signals, bounds
        self._why = _Reasons()
        self._spans = _Spans(None, self._why, bounds)
        self._reader: PeriodicExportingMetricReader | None = None
        self._metrics: _Metrics | None = None
        if signals.traces is not None:
            self._spans = _Spans(
                OTLPSpanExporter(timeout=self._timeout("TRACES")), self._why, bounds
            )
            traces = TracerProvider(resource=resource, shutdown_on_exit=False)
            traces.add_span_processor(self._spans)
            self.tracer = traces.get_tracer("runner", __version__)
        if signals.metrics is not None:
            self._metrics = _Metrics(timeout=self._timeout("METRICS"))
            self._reader = PeriodicExportingMetricReader(self._metrics, math.inf)
            metrics = MeterProvider([self._reader], resource, shutdown_on_exit=False)
            self.meter = metrics.get_meter("runner", __version__)
        self._every = _seconds("OTEL_METRIC_EXPORT_INTERVAL", 60.0)
        self._closed: float | None = None
        self._over = Event()
        Thread(target=self._run, name="telemetry", daemon=True).start()

    def end(self) -> str | None:
        """Send what is left, for as long as it is taken; what was not, and why, in a sentence."""
        closed = self._closed = monotonic()
        self._spans.wake.set()
        while not self._over.wait(0.05):
            now = monotonic()
            moved = max(closed, self._spans.moved)
            if now - moved > self._bounds.patience or now - closed > self._bounds.longest:
                self._leave()
                break
        return self._said()

    def _timeout(self, kind: str) -> float | None:
        """Seconds for one attempt, unless the user says another number."""
        names = ("OTEL_EXPORTER_OTLP_TIMEOUT", f"OTEL_EXPORTER_OTLP_{kind}_TIMEOUT")
        return None if any(os.environ.get(name) for name in names) else self._bounds.patience

    def _leave(self) -> None:
        """Nobody waits for an attempt any more; the thread ends with the process."""
        self._spans.leave()
        if self._metrics is not None:
            self._metrics.taken = False

    def _said(self) -> str | None:
        ended, taken = self._spans.ended, self._spans.taken
        why = self._why.last or "it did not answer in time"
        if taken < ended:
            return (
                f"{ended - taken:,} of {ended:,} spans were not taken by {self._signals.traces}: "
                f"{why}"
            )
        if self._metrics is not None and not self._metrics.taken:
            return f"The metrics were not taken by {self._signals.metrics}: {why}"
        return None

    def _run(self) -> None:
        """The thread that sends: what the library says in it is kept for the end."""
        due, is_last = monotonic() + self._every, False
        with self._why.heard():
            while not is_last:
                self._spans.pause()
                is_last = self._closed is not None
                self._spans.send(to_the_end=is_last)
                if is_last or monotonic() >= due:
                    self._send_metrics()
                    due = monotonic() + self._every
            self._spans.leave()
            if self._reader is not None:
                self._reader.shutdown()
        self._over.set()

    def _send_metrics(self) -> None:
        """As they stand; not where nobody takes spans either."""
        is_dead = self._spans.resting and self._signals.traces == self._signals.metrics
        if self._reader is not None and not is_dead:
            self._reader.collect(timeout_millis=self._bounds.patience * 1000)


class _Spans(SpanProcessor):
    """Those that have ended, until somebody took them; `moved` is when that was the last time, and
    it is `resting` where nobody does.
    """

    def __init__(
        self, exporter: SpanExporter | None, why: "_Reasons", bounds: ExportBounds
    ) -> None:
        self.wake = Event()
        self.ended = self.taken = 0
        self.moved = 0.0
        self._exporter, self._why, self._bounds = exporter, why, bounds
        self._waiting: deque[ReadableSpan] = deque()
        self._batch = int(os.environ.get("OTEL_BSP_MAX_EXPORT_BATCH_SIZE") or 512)
        self._delay = _seconds("OTEL_BSP_SCHEDULE_DELAY", 5.0)
        self.resting = False

    def on_end(self, span: ReadableSpan) -> None:
        """Called where it ended: it waits for the thread that sends."""
        if span.context is None or not span.context.trace_flags.sampled:
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
        while self._waiting and (exporter := self._exporter) is not None:
            batch = [*self._next()]
            self._why.refused = False
            if exporter.export(batch) is SpanExportResult.SUCCESS:
                self.taken += len(batch)
                self.moved, self.resting = monotonic(), False
            elif not self._why.refused:
                self.resting = True
                if not to_the_end:
                    self._waiting.extendleft(reversed(batch))
                return

    def leave(self) -> None:
        """Send nothing more, and end an attempt that is under way."""
        exporter, self._exporter = self._exporter, None
        if exporter is not None:
            exporter.shutdown()

    def _next(self) -> Iterator[ReadableSpan]:
        """A batch, smaller where contents make it large."""
        size = 0
        for _ in range(min(self._batch, len(self._waiting))):
            span = self._waiting.popleft()
            yield span
            size += _size(span)
            if size > _BATCH_BYTES:
                return


class _Metrics(OTLPMetricExporter):
    """Knows whether what it sent last was taken."""

    taken = True

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """As the library does."""
        result = super().export(metrics_data, timeout_millis, **kwargs)
        self.taken = result is MetricExportResult.SUCCESS
        return result


class _Reasons(logging.Filter):
    """What the library logs while we send: the last reason, and no line of its own. Whatever else
    in this process uses that library is heard as before.
    """

    last: str | None = None
    refused = False  # by a collector that will not take it another time either
    _thread = 0

    @contextmanager
    def heard(self) -> Iterator[None]:
        """For as long as this thread sends."""
        self._thread = get_ident()
        loggers = [logging.getLogger(name) for name in _TALKING]
        for logger in loggers:
            logger.addFilter(self)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is somebody else's."""
        if record.thread != self._thread:
            return True
        self.last = _reason(record) or self.last
        self.refused = record.msg.startswith(_GIVEN_UP) or _status(record) is not None
        return False


def _reason(record: logging.LogRecord) -> str | None:
    """In a few words what a record says went wrong: what the system says of a connection, or what a
    response does; None where it says neither.
    """
    args, status = _args(record), _status(record)
    fault = next((one for one in args if isinstance(one, BaseException)), None)
    if fault is None and record.exc_info is not None:
        fault = record.exc_info[1]
    if fault is not None:
        return _of_system(fault)
    if record.msg.startswith(_GIVEN_UP):
        return record.getMessage()
    if status is not None:
        return f"status {status} {args[-1]}"
    first = args[0] if record.msg.startswith("Transient") else None
    return first if isinstance(first, str) else None


def _status(record: logging.LogRecord) -> int | None:
    """The status of a response after which it is not sent again."""
    if not record.msg.startswith("Failed to export"):
        return None
    return next((one for one in _args(record) if isinstance(one, int)), None)


def _args(record: logging.LogRecord) -> Sequence[object]:
    return record.args if isinstance(record.args, Sequence) else ()


def _of_system(fault: BaseException) -> str:
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
    return "it did not answer in time" if "Timeout" in type(seen).__name__ else type(seen).__name__


def _size(span: ReadableSpan) -> int:
    held = span.attributes or {}
    return sum(len(one) for one in held.values() if isinstance(one, str) and len(one) > _LONG)


def _resource() -> Resource:
    """What the environment says of this process, and a name where it says none."""
    found = Resource.create()
    if str(found.attributes.get("service.name", "")).startswith("unknown_service"):
        found = found.merge(Resource({"service.name": "runner"}))
    return Resource({"service.version": __version__}).merge(found)


def _seconds(name: str, usual: float) -> float:
    """Of a variable in milliseconds."""
    return float(os.environ.get(name) or usual * 1000) / 1000
