"""Whether a run is told to a collector, by the standard variables and by what a project says."""

import os
from collections.abc import Iterator, Mapping

from msgspec import Struct

from runner.core.modules.folder import Block, Blocks
from runner.core.secrets.trust import Door, TelemetryDoor, origin
from runner.errors import RunnerError, error

_USUAL = "http://localhost:4318"
_GENERAL = "OTEL_EXPORTER_OTLP_ENDPOINT"
_CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_WITH_CONTENT = ("true", "span_only", "span_and_event")
_NEWEST = "gen_ai_latest_experimental"


class TelemetrySettings(Struct, frozen=True):
    """What is sent of a run: to which host traces and metrics go, None for what is not sent;
    whether contents are, `by_project` if only its configuration says so. `told` is the block that
    turns telemetry on, if variables do not; `fault` is what of the variables cannot be done.
    """

    traces: str | None
    metrics: str | None
    content: bool
    by_project: bool
    propagate: bool
    newest: bool
    told: Block | None
    fault: str | None

    @property
    def door(self) -> TelemetryDoor | None:
        """What has to be trusted first: that a configuration has contents told."""
        is_asked = self.content and self.by_project and self.traces is not None
        return TelemetryDoor(self.traces or "") if is_asked else None

    def refused(self, why: str) -> RunnerError:
        """The error for what cannot be done."""
        where = None if self.told is None else self.told.where(("enabled",))
        return error("Telemetry is not possible", why, where)


def telemetry_settings(blocks: Blocks) -> TelemetrySettings | None:
    """What a run sends; None where it sends nothing. The environment is the shell's alone: no file
    of the project says where anything goes.
    """
    held = os.environ
    block = blocks.of("telemetry").get("telemetry")
    table = {} if block is None else block.table
    if held.get("OTEL_SDK_DISABLED", "").lower() == "true" or table.get("enabled") is False:
        return None
    enabled = table.get("enabled") is True
    traces, metrics = (_goes_to(held, kind, enabled=enabled) for kind in ("TRACES", "METRICS"))
    faults = [*_faults(held, {"TRACES": traces, "METRICS": metrics})]
    if traces is None and metrics is None and not faults:
        return None
    by_variable = held.get(_CONTENT, "").lower() in _WITH_CONTENT
    opted = held.get("OTEL_SEMCONV_STABILITY_OPT_IN", "").split(",")
    return TelemetrySettings(
        traces,
        metrics,
        by_variable or table.get("content") is True,
        not by_variable,
        table.get("propagate") is True,
        _NEWEST in (name.strip() for name in opted),
        block if enabled else None,
        next(iter(faults), None),
    )


def telemetry_doors(blocks: Blocks) -> Iterator[Door]:
    """What the user has to say yes to before a run is told, if anything."""
    settings = telemetry_settings(blocks)
    if settings is not None and settings.door is not None:
        yield settings.door


def _goes_to(held: Mapping[str, str], kind: str, *, enabled: bool) -> str | None:
    """The host that one kind of it goes to, if anything or anybody turns it on."""
    named = held.get(f"OTEL_EXPORTER_OTLP_{kind}_ENDPOINT") or held.get(_GENERAL)
    exporter = held.get(f"OTEL_{kind}_EXPORTER", "").lower()
    if exporter not in ("", "otlp") or not (enabled or named or exporter):
        return None
    return origin(named or _USUAL) or ""


def _faults(held: Mapping[str, str], hosts: Mapping[str, str | None]) -> Iterator[str]:
    """What the variables ask for and is not done here."""
    for name in (_GENERAL, *(f"OTEL_EXPORTER_OTLP_{kind}_ENDPOINT" for kind in hosts)):
        if held.get(name) and origin(held[name]) is None:
            yield f"{name} is no address of a collector, such as {_USUAL}."
    for kind, host in hosts.items():
        exporter = held.get(f"OTEL_{kind}_EXPORTER", "").lower()
        if exporter not in ("", "otlp", "none"):
            yield f'OTEL_{kind}_EXPORTER is "{exporter}"; otlp and none are what is known here.'
        names = (f"OTEL_EXPORTER_OTLP_{kind}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
        name = next((one for one in names if held.get(one)), "")
        if host is not None and held.get(name, "http/protobuf") != "http/protobuf":
            yield (
                f'{name} is "{held[name]}"; what is spoken here is http/protobuf, which collectors '
                "take at port 4318."
            )
