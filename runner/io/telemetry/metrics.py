"""What a run did in numbers: no address is an attribute of one, so that there are few of each."""

from collections.abc import Mapping

from opentelemetry.metrics import Meter

from runner.io.telemetry import conventions as names
from runner.io.telemetry.attributes import Attributes, AttributeValue

_OF_A_CALL = (
    names.OPERATION,
    names.PROVIDER_NAME,
    names.REQUEST_MODEL,
    names.RESPONSE_MODEL,
    names.SERVER_ADDRESS,
    names.SERVER_PORT,
)
_DIRECTIONS = {names.INPUT_TOKENS: "input", names.OUTPUT_TOKENS: "output"}


class Measured:
    """The instruments of a run."""

    def __init__(self, meter: Meter, called: names.MetricNames) -> None:
        seconds, tokens = list(names.SECONDS), list(names.TOKENS)
        self._duration = meter.create_histogram(
            called.duration, "s", "How long a request took.",
            explicit_bucket_boundaries_advisory=seconds,
        )  # fmt: skip
        self._first = meter.create_histogram(
            called.first_chunk, "s", "How long the first of an answer took.",
            explicit_bucket_boundaries_advisory=seconds,
        )  # fmt: skip
        self._tokens = None
        if called.tokens is not None:
            self._tokens = meter.create_histogram(
                called.tokens, "{token}", "Tokens of a request, and of its answer.",
                explicit_bucket_boundaries_advisory=tokens,
            )  # fmt: skip
        self._counters = {
            key: meter.create_counter(name, "{token}", "Tokens that were used.")
            for key, name in called.counters.items()
        }
        self._completions = meter.create_counter(
            "runner.completions", "{completion}", "What was decided of them, and what came of it."
        )
        self._cost = meter.create_counter("runner.cost", "USD", "What answers cost.")
        self._hits = meter.create_counter(
            "runner.cache.hits", "{answer}", "Answers that were at hand."
        )
        self._wait = meter.create_histogram(
            "runner.limiter.wait", "s", "How long a request waited until it might be sent.",
            explicit_bucket_boundaries_advisory=seconds,
        )  # fmt: skip

    def called(self, span: Attributes, seconds: float | None) -> None:
        """A request came to an end: what its span says of it, and how long it took; None for one
        that waited at the server, for hours perhaps.
        """
        call = _chosen(span, _OF_A_CALL)
        for key, kind in _DIRECTIONS.items():
            if self._tokens is not None and isinstance(span.get(key), int):
                self._tokens.record(_number(span[key]), {**call, names.TOKEN_TYPE: kind})
        for key, counter in self._counters.items():
            if key in span:
                counter.add(_number(span[key]), call)
        if names.COST in span:
            self._cost.add(_number(span[names.COST]), call)
        if names.FIRST_CHUNK in span:
            self._first.record(_number(span[names.FIRST_CHUNK]), call)
        if seconds is not None:
            ended = _chosen(span, (*_OF_A_CALL, names.ERROR_TYPE))
            self._duration.record(seconds, ended)
            self._wait.record(_number(span[names.WAITED]), _chosen(span, (names.PROVIDER_NAME,)))

    def completed(self, decision: str, outcome: str) -> None:
        """A completion was carried out, or not."""
        self._completions.add(1, {names.DECISION: decision, names.OUTCOME: outcome})

    def at_hand(self) -> None:
        """An answer was taken from those that are there."""
        self._hits.add(1)


def _chosen(span: Attributes, keys: tuple[str, ...]) -> Mapping[str, AttributeValue]:
    return {key: span[key] for key in keys if key in span}


def _number(value: AttributeValue) -> float:
    return value if isinstance(value, int | float) else 0
