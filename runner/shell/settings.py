"""The settings of a run: flag, then RUNNER_* variable, then .env, then [runner], then default."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runner.errors import Problem, RunnerError, Where
from runner.shell import files

LogLevel = Literal["debug", "info", "warning", "error"]

_PREFIX = "RUNNER_"


class Settings(BaseModel):
    """What a run goes by, besides its configuration. Times are in seconds."""

    model_config = ConfigDict(extra="ignore")

    provider: str | None = None
    concurrency: int = Field(default=32, ge=1, le=10_000)
    lock_timeout: float = Field(default=0.0, ge=0)
    max_cost: float | None = Field(default=None, ge=0)
    max_requests: int | None = Field(default=None, ge=0)
    offline: bool = False
    log_level: LogLevel = "warning"
    workspace: str = Field(default="default", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")


def settings(
    table: Mapping[str, Any], flags: Mapping[str, Any], project: Path, where: Where | None = None
) -> Settings:
    """The settings; RunnerError names each that does not fit and where it was set."""
    given = {name: value for name, value in flags.items() if value is not None}
    known = {name: value for name, value in table.items() if name in Settings.model_fields}
    try:
        if _sets_any([*_dotenv(project), *os.environ]):
            return _sourced(known, given, project)
        return Settings(**{**known, **given})
    except ValidationError as exc:
        found = [_problem(fault, given, known, where) for fault in exc.errors()]
        raise RunnerError(*found) from exc


def environment(project: Path) -> dict[str, str]:
    """The environment as expressions and providers see it: the process's own before .env's."""
    held = {name: value for name, value in _dotenv(project).items() if value}
    return {**held, **os.environ}


def _dotenv(project: Path) -> Mapping[str, str | None]:
    path = project / ".env"
    if not path.is_file():
        return {}
    files.read_text(path)  # says which line is not UTF-8, if one is not
    from dotenv import dotenv_values  # noqa: PLC0415  # most projects have no such file

    return dotenv_values(path)


def _sets_any(names: Iterable[str]) -> bool:
    """Whether a variable is a setting, in any letter case."""
    return any(
        name[: len(_PREFIX)].upper() == _PREFIX
        and name[len(_PREFIX) :].lower() in Settings.model_fields
        for name in names
    )


def _sourced(table: Mapping[str, Any], flags: Mapping[str, Any], project: Path) -> Settings:
    """With what the environment says, read by a library that takes 0.1 s to import."""
    from pydantic_settings import (  # noqa: PLC0415
        BaseSettings,
        PydanticBaseSettingsSource,
        SettingsConfigDict,
    )

    class Table(PydanticBaseSettingsSource):
        """The [runner] table, below every other source."""

        def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
            return table.get(field_name), field_name, False

        def __call__(self) -> dict[str, Any]:
            return dict(table)

    class Sourced(Settings, BaseSettings):
        model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="ignore")

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (init_settings, env_settings, dotenv_settings, Table(settings_cls))

    return Sourced(_env_file=project / ".env", **flags)  # type: ignore[call-arg]


def _problem(
    fault: Any, flags: Mapping[str, Any], table: Mapping[str, Any], where: Where | None
) -> Problem:
    """What is wrong, by the name under which it was set; `where` is the table's place."""
    name = ".".join(str(part) for part in fault["loc"])
    if name in flags:
        source, where = f"--{name.replace('_', '-')}", None
    elif name in table and table[name] == fault["input"]:
        source = f"{name} in [runner]"
    else:
        source, where = f"RUNNER_{name.upper()}", None
    return Problem("Invalid setting", f"The setting {name} ({source}): {fault['msg']}.", where)
