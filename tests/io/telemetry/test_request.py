"""What is told of one request, attempt by attempt."""

from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from runner.core.api.exchange import Failure
from runner.core.plan.actions import Issue
from runner.core.plan.walk import Vertex
from runner.core.request.build import Request
from runner.io.telemetry.conventions import USUAL_METRICS
from runner.io.telemetry.exporting import Signals
from runner.io.telemetry.metrics import Measured
from runner.io.telemetry.request import WatchedRequest
from runner.io.telemetry.scene import Observed, Scene
from runner.io.telemetry.spans import first_span

ONE, OTHER = "https://one.example/v1/chat/completions", "http://other.example:8080/v1"
BODY = b'{"model":"m"}'


class Sent(list[trace_pb2.Span]):
    """The spans that ended."""

    def watched(self, identity: str = "openai https://one.example/v1") -> WatchedRequest:
        """A request that begins now."""
        root = first_span("runner apply", {}, ALWAYS_ON, self.append)
        signals = Signals("x", None)
        run = Observed("runner apply", signals, lambda _: None, lambda text: text)
        scene = Scene(run, Measured(USUAL_METRICS), root)
        request = Request("mine", identity, "f" * 64, BODY, BODY, None)
        made = Issue("f" * 64, 0, None, "new")
        return WatchedRequest(scene, Vertex('completion.x["a.b"]', "completion", ()), made, request)


def test_what_was_not_sent_after_all_is_no_attempt() -> None:
    sent = Sent()
    request = sent.watched()
    request.sends(ONE)
    request.ended(None, None)
    request.sends(ONE)
    request.ended(200, None)
    assert request.attempts == 1
    (attempt,) = sent
    assert "http.request.resend_count" not in {pair.key for pair in attempt.attributes}


def test_the_server_that_is_told_is_the_last_one() -> None:
    request = Sent().watched()
    for at in (ONE, OTHER):
        request.sends(at)
        request.ended(None, "no_response")
    span = request.over(0, None, Failure("no", attempts=2))
    assert (span.about["server.address"], span.about["server.port"]) == ("other.example", 8080)
    assert (span.is_error, span.about["error.type"]) == (True, "no_response")
    assert span.about["gen_ai.prompt.name"] == "completion.x"


def test_a_model_in_this_process_is_asked_inside() -> None:
    sent = Sent()
    for identity in ("embedded " + "0" * 64, "openai https://one.example/v1"):
        request = sent.watched(identity)
        request.sends(ONE)
        request.over(0, None, None).end()
    kinds = [trace_pb2.Span.SpanKind.Name(span.kind) for span in sent]
    assert kinds == ["SPAN_KIND_INTERNAL", "SPAN_KIND_CLIENT"]
