"""Reads what a verb starts from: configuration, variables and state, once."""

import argparse
from collections.abc import Mapping
from typing import Any

from runner import __version__
from runner.cli.views.problems import hide
from runner.core.expansion.scope import Scope
from runner.core.expansion.session import Session
from runner.core.expressions.functions import World
from runner.core.modules.compile import compile_root
from runner.core.modules.folder import Block
from runner.core.modules.module import Module
from runner.core.modules.variables import resolve, sensitive_values
from runner.core.plan.known import unknown_provider
from runner.core.request.provider import Provider
from runner.core.request.provider_blocks import Declared, declared, known
from runner.core.secrets.texts import sensitive_texts
from runner.core.state.records import State, empty
from runner.errors import Problem, RunnerError, error
from runner.io.folders import Folders
from runner.io.settings import environment
from runner.io.state.local import Store
from runner.operations.given_variables import all_given, flagged, trusted_hosts
from runner.operations.places import (
    folders_of,
    project_directory,
    settings_in,
    store_in,
)
from runner.operations.project import Project


def load(arguments: argparse.Namespace) -> Project:
    """Read configuration, variables and state; RunnerError with every mistake of a stage."""
    folders = folders_of(arguments)
    surroundings = environment(project_directory(arguments))
    read_secrets: set[str] = set()

    def keep_secret(value: object) -> None:
        texts = sensitive_texts([value])
        read_secrets.update(texts)
        hide(texts)

    def env(name: str) -> str | None:
        value = surroundings.get(name)
        if value:
            keep_secret(value)
        return value

    world = World(folders.read, env, keep_secret)
    problems: list[Problem] = []
    root = _root(folders, arguments, problems)
    held = settings_in(root.blocks, arguments)
    if held.log_level in ("debug", "info"):
        from runner.cli.views.logs import turn_on  # noqa: PLC0415  # only who asks pays for it

        turn_on(held.log_level)
    given = all_given(root, arguments, surroundings, problems)
    hosts = trusted_hosts(arguments)
    values = resolve(root, given, problems)
    hide(sensitive_texts(sensitive_values(root, values)))
    _raise_errors(problems)
    store = store_in(root.blocks, held, arguments)
    state = _state(store, folders.root)
    providers, blocks = _providers(root, world, values, folders, problems)
    _raise_errors(problems)
    _check_default(held.provider, providers, root)
    project = Project(
        arguments, folders, root, world, values, held, providers, blocks,
        surroundings, store, state, problems, read_secrets, flagged=flagged(given), hosts=hosts,
    )  # fmt: skip
    project.warnings.extend(store.warnings)
    return project


def reload_state(project: Project) -> bool:
    """Read the state again if it was written since: whoever held the lock may have done so."""
    changed = project.store.changed()
    if changed:
        project.state = _state(project.store, project.folders.root)
    return changed


def _root(folders: Folders, arguments: argparse.Namespace, problems: list[Problem]) -> Module:
    if not folders.config.is_dir():
        raise error(
            "No configuration",
            f'There is no folder "{arguments.config}" in {folders.project.name}/. Planning '
            "without a configuration would mark every answer for removal. `runner init` writes a "
            "small project; -C DIR works in another one.",
        )
    destroys = bool(getattr(arguments, "destroy", False))
    root = compile_root(folders.root, folders.read_folder, problems, may_be_empty=destroys)
    _raise_errors(problems)
    block = root.blocks.of("runner").get("runner")
    wanted = block.table.get("required_version") if block is not None else None
    if block is not None and isinstance(wanted, str):
        _check_version(wanted, block)
    return root


def _check_version(wanted: str, block: Block) -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415

    try:
        fits = SpecifierSet(wanted).contains(__version__, prereleases=True)
    except InvalidSpecifier as exc:
        said = f'"{wanted}" is no version range such as ">=0.1".'
        raise error("Invalid version", said, block.where(("required_version",))) from exc
    if not fits:
        said = f"This project wants runner {wanted}; this is {__version__}."
        where = block.where(("required_version",))
        raise error("Unsupported runner version", said, where)


def _state(store: Store, root: str) -> State:
    state = store.load()
    if state is None:
        from uuid import uuid4  # noqa: PLC0415  # a new lineage is rare

        return empty(str(uuid4()), root)
    if state.root not in (root, ""):
        raise error(
            "State of another root module",
            f'{store.path} was made from the root module "{state.root}", and this is "{root}": '
            "planning would mark all its answers for removal. If it is that configuration, which "
            f'stands here now, write "root":"{root}" in the first line of {store.path}. Another '
            "one has a state of its own: --state DIR",
        )
    return state


def _providers(
    root: Module,
    world: World,
    values: Mapping[str, Any],
    folders: Folders,
    problems: list[Problem],
) -> tuple[dict[str, Provider], dict[str, Declared]]:
    from runner.io.providers.embedded.model_file import model_digest  # noqa: PLC0415

    scope = Scope(Session(root, world, values), root)
    blocks = declared(scope, problems)

    def digest(path: str | None) -> str:
        return model_digest(None if path is None else folders.path(root.folder, path))

    return known(blocks, scope, digest, problems), blocks


def _check_default(name: str | None, providers: Mapping[str, Provider], root: Module) -> None:
    """One error where the project's own provider is named, not one for each completion."""
    if name is None or name in providers:
        return
    block = root.blocks.of("runner").get("runner")
    named = block is not None and block.table.get("provider") == name
    where = block.where(("provider",)) if block is not None and named else None
    source = "" if named else "RUNNER_PROVIDER: "
    raise error("Unknown provider", source + unknown_provider(name, providers), where)


def _raise_errors(problems: list[Problem]) -> None:
    """Every mistake of the stage at once; warnings alone are kept for later."""
    if any(problem.severity == "error" for problem in problems):
        raise RunnerError(*problems)
