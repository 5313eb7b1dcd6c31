"""What a run did in numbers: no address is an attribute of one, so that there are few of each."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from time import time_ns

from msgspec import Struct
from opentelemetry.proto.metrics.v1 import metrics_pb2

from runner.io.telemetry import conventions as names
from runner.io.telemetry.attributes import Attributes, AttributeValue
from runner.io.telemetry.wire import pairs

_OF_A_CALL = (
    names.OPERATION,
    names.PROVIDER_NAME,
    names.REQUEST_MODEL,
    names.RESPONSE_MODEL,
    names.SERVER_ADDRESS,
    names.SERVER_PORT,
)
_DIRECTIONS = {names.INPUT_TOKENS: "input", names.OUTPUT_TOKENS: "output"}
_WORD = 2**63  # what an integer of the protocol is less than
_Key = tuple[tuple[str, AttributeValue], ...]


class Instrument(Struct, frozen=True):
    """What is measured. With `bounds`, how often a number was between two of them; without, their
    sum.
    """

    name: str
    unit: str
    about: str
    bounds: tuple[float, ...] = ()


@dataclass(slots=True)
class _Held:
    """Numbers with the same attributes."""

    buckets: list[int]
    total: float = 0
    least: float = float("inf")
    most: float = float("-inf")


class Measured:
    """The numbers of a run so far."""

    def __init__(self, called: names.MetricNames) -> None:
        seconds, tokens = names.SECONDS, names.TOKENS
        self._duration = Instrument(called.duration, "s", "How long a request took.", seconds)
        self._first = Instrument(
            called.first_chunk, "s", "When the first of an answer came.", seconds
        )
        self._tokens = None
        if called.tokens is not None:
            about = "Tokens of a request, and of its answer."
            self._tokens = Instrument(called.tokens, "{token}", about, tokens)
        self._counters = {
            key: Instrument(name, "{token}", "Tokens that were used.")
            for key, name in called.counters.items()
        }
        self._held: dict[Instrument, dict[_Key, _Held]] = {}
        self._since = time_ns()
        self._lock = Lock()

    def called(self, span: Attributes, seconds: float | None) -> None:
        """A request came to an end: what its span says of it, and how long it took; None for one
        that waited at the server, for hours perhaps.
        """
        call = _chosen(span, _OF_A_CALL)
        for key, kind in _DIRECTIONS.items():
            if self._tokens is not None and key in span:
                self._add(self._tokens, span[key], (*call, (names.TOKEN_TYPE, kind)))
        for key, counter in self._counters.items():
            if key in span:
                self._add(counter, span[key], call)
        if names.COST in span:
            self._add(_COST, span[names.COST], call)
        if names.FIRST_CHUNK in span:
            self._add(self._first, span[names.FIRST_CHUNK], call)
        if seconds is not None:
            self._add(self._duration, seconds, (*call, *_chosen(span, (names.ERROR_TYPE,))))
            self._add(_WAIT, span[names.WAITED], _chosen(span, (names.PROVIDER_NAME,)))

    def completed(self, decision: str, outcome: str) -> None:
        """A completion was carried out, or not."""
        self._add(_DONE, 1, ((names.DECISION, decision), (names.OUTCOME, outcome)))

    def at_hand(self) -> None:
        """An answer was taken from those that are there."""
        self._add(_HITS, 1, ())

    def so_far(self, *, anew: bool) -> list[metrics_pb2.Metric]:
        """As the protocol has it. With `anew`, what was told now is told no more."""
        with self._lock:
            now, since, held = time_ns(), self._since, self._held
            made = [_metric(one, points, (since, now), anew) for one, points in held.items()]
            if anew:
                self._held, self._since = {}, now
            return made

    def _add(self, to: Instrument, value: AttributeValue, about: _Key) -> None:
        number = value if isinstance(value, int | float) else 0
        with self._lock:
            points = self._held.setdefault(to, {})
            held = points.get(about)
            if held is None:
                held = points[about] = _Held([0] * (len(to.bounds) + 1))
            held.buckets[bisect_left(to.bounds, number)] += 1
            held.total += number
            held.least, held.most = min(held.least, number), max(held.most, number)


_DONE = Instrument(
    "runner.completions", "{completion}", "What was decided of them, and what came of it."
)
_COST = Instrument("runner.cost", "USD", "What answers cost.")
_HITS = Instrument("runner.cache.hits", "{answer}", "Answers that were at hand.")
_WAIT = Instrument(
    "runner.limiter.wait", "s", "How long a request waited until it might be sent.", names.SECONDS
)


def _chosen(span: Attributes, keys: Iterable[str]) -> _Key:
    return tuple((key, span[key]) for key in keys if key in span)


def _metric(
    of: Instrument, points: dict[_Key, _Held], span: tuple[int, int], anew: bool
) -> metrics_pb2.Metric:
    made = metrics_pb2.Metric(name=of.name, unit=of.unit, description=of.about)
    how = (
        metrics_pb2.AGGREGATION_TEMPORALITY_DELTA
        if anew
        else metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
    )
    if of.bounds:
        made.histogram.data_points.extend(_buckets(of, points, *span))
        made.histogram.aggregation_temporality = how
    else:
        made.sum.data_points.extend(_sums(points, *span))
        made.sum.aggregation_temporality = how
        made.sum.is_monotonic = True
    return made


def _buckets(
    of: Instrument, points: dict[_Key, _Held], since: int, now: int
) -> Iterator[metrics_pb2.HistogramDataPoint]:
    for key, held in points.items():
        yield metrics_pb2.HistogramDataPoint(
            attributes=pairs(dict(key)),
            start_time_unix_nano=since,
            time_unix_nano=now,
            count=sum(held.buckets),
            sum=held.total,
            bucket_counts=held.buckets,
            explicit_bounds=of.bounds,
            min=held.least,
            max=held.most,
        )


def _sums(points: dict[_Key, _Held], since: int, now: int) -> Iterator[metrics_pb2.NumberDataPoint]:
    for key, held in points.items():
        made = metrics_pb2.NumberDataPoint(
            attributes=pairs(dict(key)), start_time_unix_nano=since, time_unix_nano=now
        )
        if isinstance(held.total, int) and held.total < _WORD:
            made.as_int = held.total
        else:
            made.as_double = held.total
        yield made
