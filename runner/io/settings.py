"""The settings of a run: flag, then RUNNER_* variable, then .env, then [runner], then default.

A variable that is empty is none.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from runner.core.language.names import ExecutorType
from runner.errors import Problem, RunnerError, Where
from runner.io import files, links

LogLevel = Literal["debug", "info", "warning", "error"]

_PREFIX = "RUNNER_"
_SHAPE = "This is neither NAME=VALUE nor a comment; a quote that is opened has to be closed."
_OWN = "and that is for the user to say, never for a file of the project."
# What decides where a request, a key, a trace or an answer goes, or whose certificate counts.
_NOT_HERE = frozenset(
    ("RUNNER_TRUST", "RUNNER_CACHE", "OPENAI_BASE_URL", "OLLAMA_BASE_URL", "VLLM_BASE_URL",
     "LM_STUDIO_API_BASE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
     "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
)  # fmt: skip
_NONE_HERE = ("RUNNER_BACKEND_", "RUNNER_CACHE_", "OTEL_")
_FILLED = re.compile(r"\$\{([^}:]*)(?::-[^}]*)?\}")  # as the library reads it


class Settings(Struct):
    """What a run goes by, besides its configuration. Times are in seconds."""

    provider: str | None = None
    concurrency: Annotated[int, Meta(ge=1, le=10_000)] = 32
    lock_timeout: Annotated[float, Meta(ge=0)] = 0.0
    max_cost: Annotated[float, Meta(ge=0)] | None = None
    max_requests: Annotated[int, Meta(ge=0)] | None = None
    offline: bool = False
    executor: ExecutorType = "local"
    log_level: LogLevel = "warning"
    workspace: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")] = "default"


_NAMES = frozenset(Settings.__struct_fields__)


def settings(
    table: Mapping[str, Any],
    flags: Mapping[str, Any],
    project: Path,
    where: Callable[[tuple[str]], Where] | None = None,
) -> Settings:
    """The settings; RunnerError names each that does not fit and where it was set.

    `where` has the place of each key of the table, asked only for those that do not fit.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    known = {name: value for name, value in table.items() if name in _NAMES}
    if isinstance(known.get("executor"), Mapping):  # the rest of its table is about how
        known["executor"] = known["executor"].get("type")
    if not _sets_any([*_dotenv(project), *os.environ]):
        with suppress(msgspec.ValidationError):  # what is read as it is meant is left to the other
            return msgspec.convert({**known, **given}, Settings)
    return _sourced(known, given, project, where)


def environment(project: Path) -> dict[str, str]:
    """The environment as expressions and providers see it: the process's own before .env's."""
    held = {name: value for name, value in _dotenv(project).items() if value}
    return {**held, **os.environ}


def _dotenv(project: Path) -> Mapping[str, str | None]:
    path = project / ".env"
    if not path.is_file():
        return {}
    links.refuse_leaving(project, path, "Copy it here, or set the variables in the environment.")
    text = files.text_of(str(path), files.read(path) or b"")
    from dotenv import dotenv_values  # noqa: PLC0415  # most projects have no such file
    from dotenv.parser import parse_stream  # noqa: PLC0415

    problems: list[Problem] = []
    held: dict[str, str | None] = {}
    for line in parse_stream(StringIO(text)):
        said = _SHAPE if line.error else _refused(line.key, line.value, held)
        if said is not None:  # the line itself may hold a key, and is not shown
            problems.append(Problem("Invalid .env", said, Where(str(path), line.original.line)))
        elif line.key is not None:
            held[line.key] = line.value
    if problems:
        raise RunnerError(*problems)
    return dotenv_values(path)


def _refused(name: str | None, value: str | None, before: Mapping[str, object]) -> str | None:
    """Why a file that comes with a project may not say this. `before` is what it said so far."""
    if name is None:
        return None
    if name.upper() in _NOT_HERE or name.upper().startswith(_NONE_HERE):
        mended = (
            "Set it in the environment of the shell"
            if not name.upper().endswith(("_BASE_URL", "_API_BASE"))
            else "Set it in the environment of the shell, or declare the provider's base_url"
        )
        return f"{name} says where things are sent or kept, or who may be trusted, {_OWN} {mended}."
    for inner in _FILLED.findall(value or ""):
        if inner not in before:
            return (
                f"The value of {name} would be filled with the variable {inner} of your "
                f"environment. Only what stands above in this file can be put in by ${{{inner}}}; "
                "write the value itself."
            )
    return None


def _sets_any(names: Iterable[str]) -> bool:
    """Whether a variable is a setting, in any letter case."""
    return any(
        name[: len(_PREFIX)].upper() == _PREFIX and name[len(_PREFIX) :].lower() in _NAMES
        for name in names
    )


def _sourced(
    table: Mapping[str, Any],
    flags: Mapping[str, Any],
    project: Path,
    where: Callable[[tuple[str]], Where] | None,
) -> Settings:
    """With what the environment says, read by a library that takes 0.1 s to import."""
    from pydantic import Field, ValidationError, create_model  # noqa: PLC0415
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

    class Sourced(BaseSettings):
        model_config = SettingsConfigDict(
            env_prefix=_PREFIX, env_ignore_empty=True, extra="ignore", regex_engine="python-re"
        )

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

    fields: dict[str, Any] = {
        name: (kind, Field(getattr(Settings(), name), **_bounds(Settings.__annotations__[name])))
        for name, kind in get_type_hints(Settings).items()
    }
    try:
        model = create_model("Settings", __base__=Sourced, **fields)
        found = model(_env_file=project / ".env", **flags)  # type: ignore[call-arg]
        return Settings(**found.model_dump())
    except ValidationError as exc:
        faults = exc.errors()
        raise RunnerError(*(_problem(fault, flags, project, where) for fault in faults)) from exc


def _bounds(hint: Any) -> dict[str, Any]:
    """What is allowed of a setting, as pydantic is told."""
    metas = [held for part in (hint, *get_args(hint)) for held in getattr(part, "__metadata__", ())]
    said = {name: getattr(one, name) for one in metas for name in ("ge", "le", "pattern")}
    return {name: value for name, value in said.items() if value is not None}


def _problem(
    fault: Any,
    flags: Mapping[str, Any],
    project: Path,
    where: Callable[[tuple[str]], Where] | None,
) -> Problem:
    name = ".".join(str(part) for part in fault["loc"])
    outside = f"--{name.replace('_', '-')}" if name in flags else variable_of(name, project)
    source = outside or f"{name} in [runner]"
    detail = f"The setting {name} ({source}) is {fault['input']!r}: {fault['msg']}."
    place = where((name,)) if outside is None and where is not None else None
    return Problem("Invalid setting", detail, place)


def variable_of(name: str, project: Path) -> str | None:
    """The variable that a setting comes from, in the letter case it has; None if from none."""
    for place, held in (("", os.environ), (" in .env", _dotenv(project))):
        for variable, value in held.items():
            if value and variable.upper() == f"{_PREFIX}{name.upper()}":
                return f"{variable}{place}"
    return None
