"""What the user gives besides the configuration: values of variables, and hosts to be trusted."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from runner.cli.parser.flags import VAR, VAR_FILE
from runner.core.modules.folder import values_of
from runner.core.modules.module import Module
from runner.core.modules.variables import Given, from_file
from runner.core.secrets.trust import named_hosts
from runner.core.toml.source import source
from runner.errors import Problem, RunnerError, error
from runner.io import files

TRUST = "RUNNER_TRUST"
_PREFIX = "RUNNER_VAR_"


def trusted_hosts(arguments: argparse.Namespace) -> frozenset[str]:
    """The hosts that --trust and RUNNER_TRUST name: those of the user's own environment, no file's.

    RunnerError for one that is no host.
    """
    given = [("--trust", text) for text in getattr(arguments, "trust", ())]
    given.append((TRUST, os.environ.get(TRUST, "")))
    found: set[str] = set()
    for source_of, text in given:
        try:
            found |= named_hosts(text)
        except ValueError as exc:
            said = (
                f'{source_of}: "{exc}" is no host. Write one such as api.groq.com, '
                "localhost:8000 or http://gpu-box:8000; several with commas."
            )
            raise error("Invalid host", said) from exc
    return frozenset(found)


def all_given(
    root: Module,
    arguments: argparse.Namespace,
    surroundings: Mapping[str, str],
    problems: list[Problem],
) -> list[Given]:
    """Terraform's order: environment, vars.toml, *.auto.vars.toml, then flags as they come."""
    given = [
        Given(name[len(_PREFIX) :], name, text)
        for name, text in surroundings.items()
        if name.startswith(_PREFIX) and name[len(_PREFIX) :] in root.variables
    ]
    given += from_file(root.blocks.values)
    for flag, text in getattr(arguments, "given", ()):
        given += _from_file(text, problems) if flag == VAR_FILE else _from_pair(text, problems)
    return given


def _from_file(file: str, problems: list[Problem]) -> list[Given]:
    try:
        data = files.read(Path(file))
        if data is not None:
            return from_file(values_of(source(file, data)))
        problems.append(Problem("No such file", f'{VAR_FILE}: there is no file "{file}".'))
    except RunnerError as exc:
        problems.extend(exc.problems)
    return []


def _from_pair(pair: str, problems: list[Problem]) -> list[Given]:
    name, equals, text = pair.partition("=")
    if not equals:
        problems.append(Problem("Invalid --var", f'{VAR} wants NAME=VALUE, got "{pair}".'))
        return []
    return [Given(name, f"{VAR} {name}=..", text)]


def flagged(given: list[Given]) -> dict[str, str]:
    """The texts of the variables that have their value from --var."""
    last = {one.name: one for one in given}
    return {
        name: one.text
        for name, one in last.items()
        if one.text is not None and one.source.startswith(f"{VAR} ")
    }
