"""The settings of a run: flag, then RUNNER_* variable, then .env, then [runner], then default."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from runner.errors import Problem, RunnerError, Where

LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(BaseSettings):
    """What a run goes by, besides its configuration. Times are in seconds."""

    model_config = SettingsConfigDict(env_prefix="RUNNER_", extra="ignore")

    provider: str | None = None
    concurrency: int = Field(default=32, ge=1, le=10_000)
    lock_timeout: float = Field(default=0.0, ge=0)
    max_cost: float | None = Field(default=None, ge=0)
    max_requests: int | None = Field(default=None, ge=0)
    offline: bool = False
    log_level: LogLevel = "warning"
    workspace: str = Field(default="default", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")


class _Table(PydanticBaseSettingsSource):
    """The [runner] table, below every other source."""

    def __init__(self, kind: type[BaseSettings], table: Mapping[str, Any]) -> None:
        super().__init__(kind)
        self._table = table

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """One field of the table."""
        return self._table.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        known = self.settings_cls.model_fields
        return {name: value for name, value in self._table.items() if name in known}


def settings(
    table: Mapping[str, Any], flags: Mapping[str, Any], project: Path, where: Where | None = None
) -> Settings:
    """The settings; RunnerError names each that does not fit and where it was set."""

    class Sourced(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (init_settings, env_settings, dotenv_settings, _Table(settings_cls, table))

    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Sourced(_env_file=project / ".env", **given)  # type: ignore[call-arg]
    except ValidationError as exc:
        raise RunnerError(*(_problem(fault, given, where) for fault in exc.errors())) from exc


def environment(project: Path) -> dict[str, str]:
    """The environment as expressions and providers see it: the process's own before .env's."""
    import os  # noqa: PLC0415  # the one place that reads it

    held = {name: value for name, value in dotenv_values(project / ".env").items() if value}
    return {**held, **os.environ}


def _problem(fault: Any, flags: Mapping[str, Any], where: Where | None) -> Problem:
    name = ".".join(str(part) for part in fault["loc"])
    source = f"--{name.replace('_', '-')}" if name in flags else f"RUNNER_{name.upper()}"
    detail = f"The setting {name} ({source}, or {name} in [runner]): {fault['msg']}."
    return Problem("Invalid setting", detail, where)
