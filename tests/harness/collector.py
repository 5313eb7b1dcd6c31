"""A collector of OpenTelemetry on 127.0.0.1: what it is sent is read by the official protobufs."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """Something that happened in a span."""

    name: str
    about: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToldSpan:
    """A span as it came; times in nanoseconds, ids as they are, empty for none."""

    name: str
    kind: str
    trace: bytes
    id: bytes
    parent: bytes
    began: int
    ended: int
    about: dict[str, Any]
    events: tuple[ToldEvent, ...]
    links: tuple[bytes, ...]
    is_error: bool
    said: str


@dataclass(frozen=True, slots=True)
class Point:
    """A number of a metric: its sum, and of how many."""

    about: dict[str, Any]
    total: float
    count: int


@dataclass
class Collector:
    """What came. `status` is what requests are answered with from now on; while it is None they are
    held, until it is one again or the end; `answer` is the body of what is answered.
    """

    url: str = ""
    status: int | None = 200
    answer: bytes = b""
    asked: int = 0
    resources: list[dict[str, Any]] = field(default_factory=list)
    spans: list[ToldSpan] = field(default_factory=list)
    metrics: dict[str, list[Point]] = field(default_factory=dict)
    temporalities: set[int] = field(default_factory=set)
    raw: list[bytes] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def named(self, name: str) -> list[ToldSpan]:
        """The spans of this name."""
        return [span for span in self.spans if span.name == name]

    @property
    def root(self) -> ToldSpan:
        """The one that all others are below."""
        (found,) = (span for span in self.spans if span.name.startswith("runner "))
        return found

    @property
    def chats(self) -> dict[str, ToldSpan]:
        """The spans of completions, by their addresses."""
        found = [span for span in self.spans if span.name.startswith("chat")]
        by_address = {span.about["runner.address"]: span for span in found}
        assert len(by_address) == len(found)
        return by_address

    def below(self, span: ToldSpan) -> list[ToldSpan]:
        """The spans that have this parent, in their order."""
        found = (one for one in self.spans if one.parent == span.id)
        return sorted(found, key=lambda one: one.began)

    def take(self, path: str, body: bytes) -> None:
        """A request came."""
        self.raw.append(body)
        match path:
            case "/v1/traces":
                traces = ExportTraceServiceRequest.FromString(body)
                for resource in traces.resource_spans:
                    self.resources.append(_table(resource.resource.attributes))
                    for scope in resource.scope_spans:
                        self.spans.extend(map(_span, scope.spans))
            case "/v1/metrics":
                metrics = ExportMetricsServiceRequest.FromString(body)
                for held in metrics.resource_metrics:
                    for of_scope in held.scope_metrics:
                        for metric in of_scope.metrics:
                            self.metrics[metric.name] = [*_points(metric)]
                            held_in = getattr(metric, metric.WhichOneof("data"))
                            self.temporalities.add(held_in.aggregation_temporality)
            case _:
                raise AssertionError(f"{path} is not asked of a collector")


@contextmanager
def collecting(port: int = 0) -> Iterator[Collector]:
    """One that listens."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            collector.asked += 1
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers["content-encoding"] == "gzip":
                body = gzip.decompress(body)
            while collector.status is None and not collector.over.wait(0.01):
                pass
            if collector.status == 200:
                collector.take(self.path, body)
            self.send_response(collector.status or 503)
            self.send_header("content-length", str(len(collector.answer)))
            self.end_headers()
            self.wfile.write(collector.answer)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Whoever asked is gone."""

    server = Server(("127.0.0.1", port), Handler)
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _span(span: trace_pb2.Span) -> ToldSpan:
    return ToldSpan(
        span.name,
        trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _table(span.attributes),
        tuple(ToldEvent(one.name, _table(one.attributes)) for one in span.events),
        tuple(link.span_id for link in span.links),
        span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        span.status.message,
    )


def _points(metric: Any) -> Iterator[Point]:
    if metric.HasField("histogram"):
        for point in metric.histogram.data_points:
            yield Point(_table(point.attributes), point.sum, point.count)
    else:
        for point in metric.sum.data_points:
            value = point.as_int if point.HasField("as_int") else point.as_double
            yield Point(_table(point.attributes), value, 1)


def _table(pairs: Any) -> dict[str, Any]:
    held: list[KeyValue] = [*pairs]
    return {pair.key: _value(pair.value) for pair in held}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return None if kind is None else getattr(value, kind)
