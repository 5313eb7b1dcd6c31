"""A run that is told to a collector, for whoever turned that on; nothing of it depends on that."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runner.core.address import selects
from runner.errors import Problem, sentence, to_install
from runner.operations.project.telemetry import TelemetrySettings, telemetry_settings
from runner.operations.reading.loaded import Loaded
from runner.operations.reading.trust import admit_doors, still_closed
from runner.operations.spending import costs

if TYPE_CHECKING:
    from runner.io.telemetry.run import Telemetry

_PARENT = ("TRACEPARENT", "TRACESTATE")  # the variables of the convention for what a job starts


def admit_telemetry(project: Loaded) -> None:
    """RunnerError if a run is to be told and cannot be, by what the project says; Untrusted, unless
    the user says that its contents may be.
    """
    settings = telemetry_settings(project.root.blocks)
    if settings is None:
        return
    door = settings.door
    if door is not None and (closed := still_closed(project, (door,))):
        admit_doors(project, closed)
    if settings.told is not None and (fault := _fault(settings)) is not None:
        raise settings.refused(fault)


@contextmanager
def observed(project: Loaded, command: str, *, checks: bool = False) -> Iterator[None]:
    """As long as this lasts, what is done is told. With `checks`, the project's are evaluated
    before its end. What only the user's environment asks for and cannot be is a warning, and so is
    what a collector did not take.
    """
    admit_telemetry(project)
    settings = telemetry_settings(project.root.blocks)
    telemetry = None if settings is None else _opened(project, settings, command, checks=checks)
    if telemetry is None:
        yield
        return
    project.telemetry, failed = telemetry, True
    try:
        yield
        failed = False
    finally:
        project.telemetry = None
        said = telemetry.end(failed=failed)
        if said is not None:
            project.warnings.append(Problem("Telemetry was not taken", said, None, "warning"))


def _opened(
    project: Loaded, settings: TelemetrySettings, command: str, *, checks: bool
) -> "Telemetry | None":
    from runner.io.telemetry.overhearing import overheard  # noqa: PLC0415  # logging

    fault = _fault(settings)
    if fault is None:
        try:
            with overheard() as said:
                telemetry = _begun(project, settings, command, checks=checks)
        except (ImportError, OSError, RuntimeError, ValueError) as exc:
            fault = f"A variable of OpenTelemetry says what it cannot be: {sentence(str(exc))}"
        else:
            project.warnings.extend(
                Problem("Telemetry is not quite as asked for", sentence(each), None, "warning")
                for each in said
            )
            return telemetry
    if settings.told is not None:
        raise settings.refused(fault)
    project.warnings.append(Problem("Telemetry is not possible", fault, None, "warning"))
    return None


def _begun(
    project: Loaded, settings: TelemetrySettings, command: str, *, checks: bool
) -> "Telemetry":
    from runner.io.telemetry.exporting import Signals  # noqa: PLC0415  # opentelemetry
    from runner.io.telemetry.run import Telemetry  # noqa: PLC0415
    from runner.io.telemetry.scene import Observed  # noqa: PLC0415

    looked_at = [one for check in project.root.checks.values() for one in check.of if checks]
    run = Observed(
        command,
        Signals(settings.traces, settings.metrics),
        costs(project.prices),
        project.secrets.text,
        settings.content,
        settings.propagate,
        settings.newest,
        lambda address: any(selects(one, address) for one in looked_at),
        {name.lower(): os.environ[name] for name in _PARENT if os.environ.get(name)},
    )
    return Telemetry(run)


def _fault(settings: TelemetrySettings) -> str | None:
    if settings.fault is not None:
        return settings.fault
    from runner.io.telemetry.overhearing import overheard  # noqa: PLC0415  # logging

    with overheard():  # what it says of variables now, it says again when it begins
        try:
            import runner.io.telemetry.run  # noqa: F401, PLC0415
        except ImportError as cause:
            said = f"A run is told to a collector by packages that are missing or too old ({cause})"
            return f"{said}. Install them with: {to_install('otel')}"
    return None
