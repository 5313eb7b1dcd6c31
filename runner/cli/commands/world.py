"""What a verb starts from: the configuration, the state and the settings, read once."""

import argparse
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner import __version__
from runner.cli.arguments import VAR, VAR_FILE
from runner.cli.views.problems import hide, report
from runner.core.address import covers, selects
from runner.core.choice import Choice
from runner.core.compile import compile_root
from runner.core.config import Block, values_of
from runner.core.config import load as load_blocks
from runner.core.expand import Scope, Session
from runner.core.functions import World
from runner.core.graph import Walk
from runner.core.known import Known, Lookup, unknown_provider
from runner.core.module import Module
from runner.core.moves import declared_moves, forgotten, move_records
from runner.core.plan import Inputs
from runner.core.provider import Provider
from runner.core.providers import Declared, declared, known
from runner.core.samples import Samples
from runner.core.sensitive import sensitive_texts
from runner.core.state import Record, State, empty
from runner.core.toml import source
from runner.core.variables import Given, from_file, resolve, sensitive_values
from runner.errors import Problem, RunnerError, Where, error
from runner.shell import files
from runner.shell.project import Folders
from runner.shell.settings import Settings, environment, settings
from runner.shell.store import Store

PREFIX = "RUNNER_VAR_"
_SHORTEST_KEY = 16


@dataclass(slots=True)
class Project:
    """Everything that was read. `secrets` grows as expressions read the environment, and as
    modules are given what they declare sensitive; `imported` are the records that [[import]]
    blocks bring, fetched while planning; `flagged` are the texts of the variables that have
    their value from --var.
    """

    arguments: argparse.Namespace
    directory: Path
    folders: Folders
    root: Module
    world: World
    values: Mapping[str, Any]
    settings: Settings
    providers: Mapping[str, Provider]
    declared: Mapping[str, Declared]
    environment: Mapping[str, str]
    store: Store
    state: State
    warnings: list[Problem] = field(default_factory=list)
    read_secrets: set[str] = field(default_factory=set)
    imported: dict[str, Record] = field(default_factory=dict)
    flagged: Mapping[str, str] = field(default_factory=dict)
    _secrets: tuple[int, tuple[str, ...]] | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that nothing may show."""
        if self._secrets is None or self._secrets[0] != len(self.read_secrets):
            held = sensitive_values(self.root, self.values)
            found = sensitive_texts([*held, *self.read_secrets, *self._keys()])
            self._secrets = (len(self.read_secrets), found)
        return self._secrets[1]

    def _keys(self) -> Iterator[str]:
        """The providers' keys: a server may repeat a header. A short one is a word that stands for
        no key, as local servers want it, and an answer may have that word.
        """
        for provider in self.declared.values():
            key = self.environment.get(str(provider.table.get("api_key_env") or "OPENAI_API_KEY"))
            if key and len(key) >= _SHORTEST_KEY:
                yield key

    @property
    def default_provider(self) -> str:
        """The provider of completions that name none."""
        if self.settings.provider:
            return self.settings.provider
        blocks = self.root.blocks.of("provider")
        return next(iter(blocks)) if len(blocks) == 1 else "openai"

    def moved(self) -> tuple[Mapping[str, Record], tuple[tuple[str, str], ...]]:
        """The records after the [[moved]] blocks, with those that [[import]] blocks brought."""
        moves = declared_moves(self.root, self.state.records)
        if not moves and not self.imported:
            return self.state.records, ()
        held, renamed = move_records(self.state.records, moves)
        return {**self.imported, **held}, renamed

    def inputs(
        self,
        lookup: Lookup,
        records: Mapping[str, Record],
        choice: Choice,
        reads: Mapping[str, Record] | None,
    ) -> Inputs:
        """What a plan is made from."""

        def start(samples: Samples) -> tuple[Walk, Known]:
            session = Session(self.root, self.world, self.values)
            Scope(session, self.root)
            replaces = choice.replaces
            facts = Known(
                session,
                records,
                self.providers,
                self.default_provider,
                lookup,
                samples,
                lambda address: any(selects(pattern, address) for pattern in replaces),
                reads,
            )
            return Walk(session), facts

        kept = forgotten(self.root, records)

        def forgets(address: str) -> bool:
            return any(covers(name, address) for name in kept)

        return Inputs(start, records, choice, forgets=forgets)


def store_of(arguments: argparse.Namespace) -> Store:
    """The state that the command line means, its workspace included; not yet read."""
    return workspace_store(arguments, settings_of(arguments).workspace)


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings alone, [runner] included; a configuration that is not whole will do."""
    directory = project_directory(arguments)
    folders = Folders(directory, Path(arguments.config))
    blocks = load_blocks(folders.root, folders.read_folder, [])
    return _settings(blocks.of("runner").get("runner"), arguments, directory)


def workspace_store(arguments: argparse.Namespace, workspace: str) -> Store:
    """The state of a workspace; the cache is one for all of them."""
    directory = project_directory(arguments)
    shared = state_directory(arguments, directory, "default") / "cache"
    return Store(
        state_directory(arguments, directory, workspace), shared, _again(arguments, workspace)
    )


def _again(arguments: argparse.Namespace, workspace: str) -> str:
    """How the next command about this state begins."""
    given = (
        ("-C", arguments.chdir, "."),
        ("--config", arguments.config, "configs"),
        ("--state", arguments.state, "state"),
        ("--workspace", workspace, "default"),
    )
    flags = [f"{flag} {shlex.quote(value)}" for flag, value, usual in given if value != usual]
    return " ".join(["runner", *flags])


def project_directory(arguments: argparse.Namespace) -> Path:
    """The project's folder, which must be there."""
    directory = Path(arguments.chdir)
    if not directory.is_dir():
        raise error("No such directory", f'"{directory}" is no directory.')
    return directory


def state_directory(arguments: argparse.Namespace, directory: Path, workspace: str) -> Path:
    """Where the state of a workspace is."""
    state: Path = directory / arguments.state
    return state if workspace == "default" else state / "workspaces" / workspace


def load(arguments: argparse.Namespace) -> Project:
    """Read configuration, variables and state; RunnerError with every mistake of a stage."""
    directory = project_directory(arguments)
    folders = Folders(directory, Path(arguments.config))
    surroundings = environment(directory)
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
    root = _root(folders, directory, arguments, problems)
    held = _settings(root.blocks.of("runner").get("runner"), arguments, directory)
    if held.log_level in ("debug", "info"):
        from runner.cli.views.logs import turn_on  # noqa: PLC0415  # only who asks pays for it

        turn_on(held.log_level)
    given = _given(root, arguments, surroundings, problems)
    values = resolve(root, given, problems)
    hide(sensitive_texts(sensitive_values(root, values)))
    _raise_errors(problems)
    store = workspace_store(arguments, held.workspace)
    state = _state(store, folders.root)
    providers, blocks = _providers(root, world, values, folders, problems)
    _raise_errors(problems)
    _check_default(held.provider, providers, root)
    project = Project(
        arguments, directory, folders, root, world, values, held, providers, blocks,
        surroundings, store, state, problems, read_secrets, flagged=_flagged(given),
    )  # fmt: skip
    project.warnings.extend(store.warnings)
    return project


def reload_state(project: Project) -> bool:
    """Read the state again if it was written since: whoever held the lock may have done so."""
    changed = project.store.changed()
    if changed:
        project.state = _state(project.store, project.folders.root)
    return changed


def _root(
    folders: Folders, directory: Path, arguments: argparse.Namespace, problems: list[Problem]
) -> Module:
    if not folders.config.is_dir():
        raise error(
            "No configuration",
            f'There is no folder "{arguments.config}" in {directory.resolve().name}/. Planning '
            "without a configuration would mark every answer for removal. `runner init` writes a "
            "small project; -C DIR works in another one.",
        )
    destroys = bool(getattr(arguments, "destroy", False))
    root = compile_root(folders.root, folders.read_folder, problems, may_be_empty=destroys)
    _raise_errors(problems)
    block = root.blocks.of("runner").get("runner")
    wanted = block.table.get("required_version") if block is not None else None
    if block is not None and isinstance(wanted, str):
        _check_version(wanted, block.where(("required_version",)))
    return root


def _check_version(wanted: str, where: Where) -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415

    try:
        fits = SpecifierSet(wanted).contains(__version__, prereleases=True)
    except InvalidSpecifier as exc:
        raise error(
            "Invalid version", f'"{wanted}" is no version range such as ">=0.1".', where
        ) from exc
    if not fits:
        said = f"This project wants runner {wanted}; this is {__version__}."
        raise error("Unsupported runner version", said, where)


def _settings(block: Block | None, arguments: argparse.Namespace, directory: Path) -> Settings:
    names = ("concurrency", "lock_timeout", "max_cost", "max_requests", "offline", "workspace")
    flags = {name: getattr(arguments, name, None) for name in (*names, "log_level")}
    where = block.where() if block is not None else None
    return settings(block.table if block is not None else {}, flags, directory, where)


def _given(
    root: Module,
    arguments: argparse.Namespace,
    surroundings: Mapping[str, str],
    problems: list[Problem],
) -> list[Given]:
    """Terraform's order: environment, vars.toml, *.auto.vars.toml, then flags as they come."""
    given = [
        Given(name[len(PREFIX) :], name, text)
        for name, text in surroundings.items()
        if name.startswith(PREFIX) and name[len(PREFIX) :] in root.variables
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


def _flagged(given: list[Given]) -> dict[str, str]:
    last = {one.name: one for one in given}
    return {
        name: one.text
        for name, one in last.items()
        if one.text is not None and one.source.startswith(f"{VAR} ")
    }


def _state(store: Store, root: str) -> State:
    state = store.load()
    if state is None:
        from uuid import uuid4  # noqa: PLC0415  # a new lineage is rare

        return empty(str(uuid4()), root)
    if state.root not in (root, ""):
        raise error(
            "State of another root module",
            f'{store.path} was made from the root module "{state.root}", and this is "{root}": '
            "planning would mark all its answers for removal. Give this configuration a state of "
            "its own with --state DIR.",
        )
    return state


def _providers(
    root: Module,
    world: World,
    values: Mapping[str, Any],
    folders: Folders,
    problems: list[Problem],
) -> tuple[dict[str, Provider], dict[str, Declared]]:
    from runner.shell.providers.model_file import model_digest  # noqa: PLC0415

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


def tell_warnings(project: Project) -> None:
    """Warnings, once, to stderr (with --json, as events on stdout); none at log level error."""
    as_json = getattr(project.arguments, "json", False)
    if project.warnings and (as_json or project.settings.log_level != "error"):
        report(project.warnings, as_json=as_json)
        project.warnings.clear()
