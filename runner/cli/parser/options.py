"""From arguments to what an operation is asked for: nobody further down sees a command line."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from runner.cli.parser.flags import VAR_FILE
from runner.operations.options import (
    ApplyOptions,
    GivenVariable,
    Options,
    Overrides,
    ProjectPlace,
    VariableFile,
    VariableText,
)

if TYPE_CHECKING:
    from runner.core.secrets.secrets import Secrets


def place_of(arguments: argparse.Namespace) -> ProjectPlace:
    """The project, configuration, state and workspace that the command line means."""
    return ProjectPlace(
        arguments.chdir,
        arguments.config,
        arguments.state,
        arguments.workspace,
        tuple(getattr(arguments, "trust", ())),
    )


def options_of(arguments: argparse.Namespace) -> Options:
    """What the command line asks for."""
    from runner.core.plan.targets import Choice  # noqa: PLC0415  # `state list` chooses nothing

    return Options(
        place_of(arguments),
        Choice(
            tuple(getattr(arguments, "target", ())),
            tuple(getattr(arguments, "exclude", ())),
            tuple(getattr(arguments, "replace", ())),
            bool(getattr(arguments, "destroy", False)),
            bool(getattr(arguments, "checks", True)),
        ),
        tuple(_variables(getattr(arguments, "given", []))),
        overrides_of(arguments),
        tuple(getattr(arguments, "trust", ())),
        bool(getattr(arguments, "batch", False)),
    )


def secrets_of(arguments: argparse.Namespace) -> "Secrets":
    """What the project keeps secret: empty until it is read, and not shown whatever goes wrong."""
    from runner.core.secrets.secrets import Secrets  # noqa: PLC0415  # `state list` reads none

    arguments.secrets = Secrets()
    made: Secrets = arguments.secrets
    return made


def overrides_of(arguments: argparse.Namespace) -> Overrides:
    """The settings that the command line sets."""
    names = Overrides.__dataclass_fields__
    given = {name: getattr(arguments, name, None) for name in names}
    if getattr(arguments, "quiet", False):
        given["log_level"] = given["log_level"] or "error"
    return Overrides(**given)


def apply_options_of(arguments: argparse.Namespace) -> ApplyOptions:
    """How an apply is to run."""
    stream = getattr(arguments, "stream", None)  # an empty text is all of them
    return ApplyOptions(
        getattr(arguments, "fail_fast", False),
        stream or stream is not None,
        not getattr(arguments, "no_wait", False),
        getattr(arguments, "ignore_batches", False),
    )


def _variables(given: list[tuple[str, str]]) -> Iterator[GivenVariable]:
    for flag, text in given:
        name, equals, value = text.partition("=")
        yield (
            VariableFile(text)
            if flag == VAR_FILE
            else VariableText(name, value if equals else None)
        )
