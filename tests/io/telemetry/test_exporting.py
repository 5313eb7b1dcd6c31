"""Nothing is dropped on the way to a collector, and nobody waits for one that is gone."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler

from runner.io.telemetry.conventions import INPUT_TOKENS, NEWEST_METRICS, USUAL_METRICS
from runner.io.telemetry.exporting import ExportBounds, Exporting, Signals
from runner.io.telemetry.metrics import Measured
from runner.io.telemetry.spans import OpenSpan, first_span
from tests.harness.collector import Collector, collecting
from tests.harness.project import HANG, wait_until

MANY = 20_000
PATIENT = ExportBounds(trouble=HANG, patience=HANG, slow=HANG, longest=HANG)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        yield found


def exporting(collector: Collector, bounds: ExportBounds | None = None) -> Exporting:
    signals = Signals(collector.url, None)
    return Exporting(signals, Measured(USUAL_METRICS), bounds or PATIENT)


def end_spans(sent: Exporting, number: int, sampler: Sampler = ALWAYS_ON) -> None:
    root = first_span("runner apply", {}, sampler, sent.spans.add)
    for at in range(number):
        OpenSpan(root.trace, f"span {at}", root.id).end()


def test_all_spans_arrive_however_many_there_are(collector: Collector) -> None:
    sent = exporting(collector)
    end_spans(sent, MANY)
    assert sent.end() is None
    assert {span.name for span in collector.spans} == {f"span {at}" for at in range(MANY)}
    assert len(collector.spans) == MANY


def test_a_collector_that_comes_late_gets_all_of_it(collector: Collector) -> None:
    collector.status = 503
    sent = exporting(collector, replace(PATIENT, rest=0.01))
    end_spans(sent, 600)
    wait_until(lambda: collector.asked > 0, "a first attempt")
    collector.status = 200
    assert sent.end() is None
    assert len(collector.spans) == 600


def test_what_there_is_no_room_for_is_counted(collector: Collector) -> None:
    collector.status = None
    sent = exporting(collector, replace(PATIENT, most=1_000))
    end_spans(sent, 3_000)
    collector.status = 200
    said = sent.end()
    taken = len(collector.spans)
    assert 1_000 <= taken < 3_000
    assert said is not None
    assert said.startswith(f"{3_000 - taken:,} of 3,000 spans were not taken")


def test_what_is_refused_is_not_sent_again(collector: Collector) -> None:
    collector.status = 400
    sent = exporting(collector)
    end_spans(sent, 5)
    assert sent.end() == f"5 of 5 spans were not taken by {collector.url}: status 400 Bad Request"
    assert collector.asked == 1


def test_a_collector_that_says_who_else_takes_it_has_not_taken_it(collector: Collector) -> None:
    collector.status = 302
    sent = exporting(collector)
    end_spans(sent, 5)
    assert sent.end() == f"5 of 5 spans were not taken by {collector.url}: status 302 Found"


def test_what_a_collector_took_and_threw_away_is_told(collector: Collector) -> None:
    partial = ExportTraceServiceResponse()
    partial.partial_success.rejected_spans = 2
    partial.partial_success.error_message = "no room.\nNone at all."
    collector.answer = partial.SerializeToString()
    sent = exporting(collector)
    end_spans(sent, 5)
    assert sent.end() == f"2 of 5 spans were not taken by {collector.url}: no room"


@pytest.mark.parametrize("answer", [b"OK", b"{}"])
def test_an_answer_that_is_no_message_is_one_that_took_it(
    collector: Collector, answer: bytes
) -> None:
    collector.answer = answer
    sent = exporting(collector)
    end_spans(sent, 5)
    assert sent.end() is None


def test_numbers_grow_beyond_what_an_integer_holds() -> None:
    measured = Measured(NEWEST_METRICS)
    for _ in range(2):
        measured.called({INPUT_TOKENS: 2**63 - 1}, None)
    (metric,) = measured.so_far(anew=False)
    (point,) = metric.sum.data_points
    assert point.as_double == 2.0**64


def test_what_the_sampler_does_not_want_is_not_sent(collector: Collector) -> None:
    sent = exporting(collector)
    end_spans(sent, 5, ALWAYS_OFF)
    assert sent.end() is None
    assert collector.asked == 0
