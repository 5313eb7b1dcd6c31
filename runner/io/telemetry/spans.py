"""The spans of one run, made as the protocol has them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import time_ns
from typing import Literal

from msgspec import Struct
from opentelemetry.context import Context
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from runner.io.telemetry.attributes import Attributes, AttributeValue
from runner.io.telemetry.wire import pairs

SpanPlace = Literal["internal", "client"]

_KINDS = {
    "internal": trace_pb2.Span.SPAN_KIND_INTERNAL,
    "client": trace_pb2.Span.SPAN_KIND_CLIENT,
}
_ERROR = trace_pb2.Status.STATUS_CODE_ERROR
_SAMPLED, _KNOWN, _REMOTE = 0x1, 0x100, 0x200
_IDS = RandomIdGenerator()
MOST_LINKS = _EVENTS = 128  # of a span, as the specification has it


class Trace(Struct, frozen=True):
    """Which one: its id, what other systems say of it, and who takes its spans; `longest` is the
    most characters of a text in one.
    """

    id: bytes
    state: str
    is_sampled: bool
    take: Callable[[trace_pb2.Span], None]
    longest: int | None = None

    def headers(self, span: "OpenSpan") -> dict[str, str]:
        """What tells another system that it works for a span. What others say of the trace is in
        the user's environment, and no affair of whoever a project asks.
        """
        flags = f"{_SAMPLED if self.is_sampled else 0:02x}"
        return {"traceparent": f"00-{self.id.hex()}-{span.id.hex()}-{flags}"}


@dataclass(slots=True)
class OpenSpan:
    """One that has begun. It is sent once it has ended, and never if it does not; times are in
    nanoseconds.
    """

    trace: Trace
    name: str
    parent: bytes = b""
    place: SpanPlace = "internal"
    about: Attributes = field(default_factory=dict)
    links: tuple[bytes, ...] = ()
    began: int = field(default_factory=time_ns)
    is_below_another_system: bool = False
    is_error: bool = False
    said: str = ""
    id: bytes = field(default_factory=lambda: _IDS.generate_span_id().to_bytes(8, "big"))
    _events: list[trace_pb2.Span.Event] = field(default_factory=list)
    _passed_over: int = 0

    def event(self, name: str, about: Attributes) -> None:
        """Something happens now."""
        if len(self._events) >= _EVENTS:
            self._passed_over += 1
            return
        held = pairs(self._short(about))
        made = trace_pb2.Span.Event(name=name, time_unix_nano=time_ns(), attributes=held)
        self._events.append(made)

    def end(self, at: int | None = None) -> None:
        """It is over, since then."""
        if not self.trace.is_sampled:
            return
        flags = _SAMPLED | _KNOWN | (_REMOTE if self.is_below_another_system else 0)
        made = trace_pb2.Span(
            trace_id=self.trace.id,
            span_id=self.id,
            trace_state=self.trace.state,
            parent_span_id=self.parent,
            flags=flags,
            name=self.name,
            kind=_KINDS[self.place],
            start_time_unix_nano=self.began,
            end_time_unix_nano=at or time_ns(),
            attributes=pairs(self._short(self.about)),
            events=self._events,
            dropped_events_count=self._passed_over,
        )
        if self.links:
            made.links.extend(self._links())
        if self.is_error:
            made.status.CopyFrom(trace_pb2.Status(code=_ERROR, message=self.said))
        self.trace.take(made)

    def _links(self) -> Iterable[trace_pb2.Span.Link]:
        for one in self.links[:MOST_LINKS]:
            yield trace_pb2.Span.Link(trace_id=self.trace.id, span_id=one, flags=_SAMPLED | _KNOWN)

    def _short(self, about: Attributes) -> Attributes:
        longest = self.trace.longest
        return about if longest is None else {k: _cut(v, longest) for k, v in about.items()}


def first_span(
    name: str,
    variables: Mapping[str, str],
    sampler: Sampler,
    take: Callable[[trace_pb2.Span], None],
) -> OpenSpan:
    """The one that all others of a run are below. Its own parent is the span that this thread is
    in, or else what `variables` name; whether the trace is taken is for the sampler to say.
    """
    context = _around(variables)
    above = get_current_span(context).get_span_context()
    number = above.trace_id if above.is_valid else _IDS.generate_trace_id()
    found = sampler.should_sample(context, number, name)
    state = found.trace_state.to_header() if found.trace_state else ""
    longest = SpanLimits().max_span_attribute_length
    trace = Trace(
        number.to_bytes(16, "big"),
        state,
        found.decision is Decision.RECORD_AND_SAMPLE,
        take,
        longest,
    )
    if not above.is_valid:
        return OpenSpan(trace, name)
    return OpenSpan(trace, name, _id(above), is_below_another_system=above.is_remote)


def _around(variables: Mapping[str, str]) -> Context | None:
    if get_current_span().get_span_context().is_valid or not variables:
        return None
    return TraceContextTextMapPropagator().extract(variables)


def _id(context: SpanContext) -> bytes:
    return context.span_id.to_bytes(8, "big")


def _cut(value: AttributeValue, longest: int) -> AttributeValue:
    if isinstance(value, str):
        return value[:longest]
    return [one[:longest] for one in value] if isinstance(value, list) else value
