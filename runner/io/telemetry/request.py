"""One request that is carried out: its span, from its first attempt on, and a span for each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import time_ns
from typing import Any

from runner.core.address import split_key
from runner.core.api.exchange import Failure
from runner.core.plan.actions import Issue
from runner.core.plan.walk import Vertex, address_of
from runner.core.received import table_of
from runner.core.request.build import Request
from runner.core.request.provider_types import type_of
from runner.core.state.records import Record
from runner.io.telemetry import conventions as names
from runner.io.telemetry.attributes import (
    Attributes,
    answered_attributes,
    asked_attributes,
    content_attributes,
    error_type,
)
from runner.io.telemetry.scene import Scene
from runner.io.telemetry.spans import OpenSpan

_BILLION = 1_000_000_000


@dataclass(slots=True)
class WatchedRequest:
    """A request and its attempts, as they are told of it. `attempts` were sent."""

    scene: Scene
    vertex: Vertex
    made: Issue
    request: Request
    attempts: int = 0
    _at: str = ""
    _asked: Mapping[str, Any] = field(default_factory=dict)
    _idle_since: int = field(default_factory=time_ns)
    _waited: int = 0  # nanoseconds in which it was with nobody
    _span: OpenSpan | None = None
    _attempt: OpenSpan | None = None
    _fault: str | None = None

    @property
    def decision(self) -> str:
        """Whether it was asked before."""
        return "issue" if self.made.old is None else "re-issue"

    def sends(self, at: str) -> Mapping[str, str]:
        """An attempt goes out; the first one begins the span."""
        now, self._at = time_ns(), at
        self._waited += now - self._idle_since
        span = self._span or self._begin(now)
        told = self.scene.server(at).attempt
        if self.attempts:
            told = {**told, names.RESEND_COUNT: self.attempts}
        self.attempts += 1
        self._attempt = OpenSpan(span.trace, "POST", span.id, "client", told, began=now)
        return self.scene.headers(self._attempt)

    def ended(self, status: int | None, fault: str | None) -> None:
        """The attempt is over."""
        self._idle_since, self._fault = time_ns(), fault
        span, self._attempt = self._attempt, None
        assert span is not None  # noqa: S101  # it was sent
        if status is None and fault is None:  # it was not, and a span that does not end is none
            self.attempts -= 1
            return
        if status is not None:
            span.about = {**span.about, names.STATUS_CODE: status}
        if fault is not None:
            span.about = {**span.about, names.ERROR_TYPE: fault}
            span.is_error = True
        span.end(self._idle_since)

    def over(self, now: int, record: Record | None, failure: Failure | None) -> OpenSpan:
        """The request came to its end, with an answer, or none, or one that is not accepted; its
        span, which has still to be ended.
        """
        span = self._span or self._begin(self._idle_since)
        span.about = {**span.about, **self.scene.hidden(self._told(span, record, failure))}
        if failure is not None:
            span.is_error = True
            span.said = self.scene.run.hide(failure.message) if self.scene.run.content else ""
        seconds = (now - span.began) / _BILLION if self.attempts else None
        self.scene.measured.called(span.about, seconds)
        return span

    def _begin(self, at: int) -> OpenSpan:
        self._asked = table_of(self.request.recorded)
        about = self.scene.hidden(self._known())
        model, root = about.get(names.REQUEST_MODEL), self.scene.root
        self._span = OpenSpan(
            root.trace,
            "chat" if model is None else f"chat {model}",
            root.id,
            "client" if type_of(self.request.identity).leaves else "internal",
            about,
            self.scene.links(tuple(map(address_of, self.vertex.needs))),
            at,
        )
        self.scene.note(self.vertex.address, self._span)
        return self._span

    def _known(self) -> Attributes:
        """What is known of it before it is answered."""
        provider = names.provider_at(
            self._at or self.request.identity.partition(" ")[2], self.request.provider
        )
        told: Attributes = {
            names.OPERATION: "chat",
            names.PROVIDER_NAME: provider,
            names.PROMPT_NAME: split_key(self.vertex.address)[0],
            names.PROMPT_VERSION: self.made.fingerprint[:12],
            names.RUNNER_ADDRESS: self.vertex.address,
            names.SAMPLE: self.made.sample,
            names.DECISION: self.decision,
            names.WHY_ISSUED: self.made.reason or "the request changed",
        }
        of_openai = provider in names.OPENAI_KIND
        return told | asked_attributes(self._asked, of_openai=of_openai)

    def _told(self, span: OpenSpan, record: Record | None, failure: Failure | None) -> Attributes:
        """What is known once it is over."""
        response = None if record is None else table_of(record.response)
        told: Attributes = {
            names.ATTEMPTS: self.attempts,
            names.WAITED: self._waited / _BILLION,
            **self.scene.server(self._at).about,  # the last one
        }
        if record is not None and response is not None:
            of_openai = span.about.get(names.PROVIDER_NAME) in names.OPENAI_KIND
            told |= answered_attributes(response, of_openai=of_openai) | _took(record)
            cost = self.scene.run.cost(record)
            if cost is not None:
                told[names.COST] = cost
        if failure is not None:
            rejected = None if record is None else record.status
            told[names.ERROR_TYPE] = rejected or error_type(failure, self._fault)
        if self.scene.run.content:
            told |= content_attributes(self._asked, response)
        return told


def _took(record: Record) -> Attributes:
    told: Attributes = {}
    if record.first_ms is not None:
        told[names.FIRST_CHUNK] = record.first_ms / 1000
    if record.batch is not None:
        told[names.BATCH] = record.batch
    return told
