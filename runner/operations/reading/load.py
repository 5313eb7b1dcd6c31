"""Reads what a verb starts from: configuration, variables and state, once."""

from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from typing import Any

from msgspec import Struct

from runner import __version__
from runner.core.expansion.scope import Scope
from runner.core.expansion.session import Session
from runner.core.expressions.functions import World
from runner.core.modules.compile import compile_root
from runner.core.modules.folder import Block, Blocks
from runner.core.modules.module import CompiledModule, named_providers
from runner.core.modules.variables import check_other_workspaces, resolve, sensitive_values
from runner.core.plan.known import unknown_provider
from runner.core.request.declared_prices import declared_prices
from runner.core.request.foreign import foreign_problems
from runner.core.request.lanes import batch_discounts
from runner.core.request.provider import Provider
from runner.core.request.provider_blocks import (
    DeclaredProvider,
    declared,
    known,
    providers_as_written,
    usual_provider,
)
from runner.core.secrets.secrets import Secrets
from runner.core.state.records import State, empty
from runner.errors import Problem, RunnerError, error
from runner.io.faultless import Faultless
from runner.io.folders import Folders
from runner.io.presets import preset
from runner.io.price_list import PriceList
from runner.io.prices import Prices
from runner.io.providers.endpoint import Connect, url_secrets
from runner.io.settings import Settings, environment
from runner.io.state.store import Store
from runner.operations.options import Options
from runner.operations.project.hosts import trusted_hosts
from runner.operations.project.places import (
    backend_of,
    chosen_states,
    folders_of,
    project_directory,
    settings_in,
    store_in,
    workspace_store,
)
from runner.operations.reading.fetched_modules import FetchedModules
from runner.operations.reading.given_variables import all_given, flagged
from runner.operations.reading.loaded import Ask, Loaded

_SHORTEST_KEY = 16


def load(
    options: Options,
    secrets: Secrets,
    ask: Ask | None = None,
    connect: Connect | None = None,
    folders: Folders | None = None,
) -> Loaded:
    """Read configuration, variables and state, by way of `folders` if somebody wants to know which
    files that takes; RunnerError with every mistake of a stage.

    `secrets` is filled with what nobody may see, also where this ends with an error.
    """
    folders = folders or folders_of(options.place)
    surroundings = environment(project_directory(options.place))
    problems: list[Problem] = []
    made = _configured(folders, options, surroundings, secrets, problems)
    root, held = made.root, made.settings
    store, state = _stored(root.blocks, held, options, folders.root)
    world = _world(folders, surroundings, secrets)
    scope = Scope(Session(root, world, made.values, held.workspace), root)
    named = {held.provider or "openai", *named_providers(root)}
    providers, blocks = _providers(scope, folders, named, problems, surroundings)
    prices = Prices(
        declared_prices(blocks.values(), problems, surroundings),
        PriceList(folders.project),
        batch_discounts(blocks.values()),
    )
    usual = usual_provider(held.provider, root)
    problems.extend(foreign_problems(root, blocks, usual, surroundings))
    secrets.add(_keys(blocks, surroundings))
    _raise_errors(problems)
    _check_default(held.provider, providers, root)
    project = Loaded(
        options, secrets, folders, root, world, made.values, held, providers, blocks,
        surroundings, store, state, problems, flagged=made.flagged, hosts=made.hosts, ask=ask,
        connect=connect, prices=prices,
    )  # fmt: skip
    project.warnings.extend(store.warnings)
    return project


class _Configured(Struct, frozen=True):
    """What is read before the state: the modules, the settings, and the values of variables."""

    root: CompiledModule
    settings: Settings
    hosts: frozenset[str]
    values: Mapping[str, Any]
    flagged: Mapping[str, str]


def _configured(
    folders: Folders,
    options: Options,
    surroundings: Mapping[str, str],
    secrets: Secrets,
    problems: list[Problem],
) -> _Configured:
    faultless = Faultless(folders.project)
    root = _compiled(folders, options, problems, faultless)
    _raise_early(problems, root, options, surroundings)
    _check_required(root, faultless)
    held = settings_in(root.blocks, options.place, options.overrides)
    given = all_given(root, options.variables, surroundings, held.workspace, problems)
    hosts = trusted_hosts(options.trust)
    values = resolve(root, given, problems, held.workspace)
    check_other_workspaces(root, held.workspace, problems)
    secrets.add(sensitive_values(root, values))
    _raise_early(problems, root, options, surroundings)
    return _Configured(root, held, hosts, values, flagged(given))


def _world(folders: Folders, surroundings: Mapping[str, str], secrets: Secrets) -> World:
    """What functions of expressions reach; what comes from the environment is secret."""

    def env(name: str) -> str | None:
        value = surroundings.get(name)
        if value:
            secrets.add([value])
        return value

    return World(folders.read, env, folders.matching, lambda value: secrets.add([value]))


def _keys(blocks: Mapping[str, DeclaredProvider], surroundings: Mapping[str, str]) -> Iterator[str]:
    """The providers' keys, those in their addresses too: a server may repeat a header. A short one
    is a word that stands for no key, as local servers want it, and an answer may have that word.
    """
    for provider in blocks.values():
        named = provider.table.get("api_key_env")
        for name in (str(named),) if named else provider.preset.keys:
            key = surroundings.get(name)
            if key and len(key) >= _SHORTEST_KEY:
                yield key
        for url in provider.asked_at(surroundings):
            yield from url_secrets(url)


def reload_state(project: Loaded) -> bool:
    """Read the state again if it was written since: whoever held the lock may have done so."""
    changed = project.store.changed()
    if changed:
        project.state = _state(project.store, project.folders.root)
    return changed


def _compiled(
    folders: Folders, options: Options, problems: list[Problem], faultless: Faultless
) -> CompiledModule:
    if not folders.config.is_dir():
        raise error(
            "No configuration",
            f'There is no folder "{options.place.config}" in {folders.project.name}/. Planning '
            "without a configuration would mark every answer for removal. `runner init` writes a "
            "small project; -C DIR works in another one.",
        )
    return compile_root(
        folders.root,
        folders.read_folder,
        problems,
        may_be_empty=options.choice.destroy,
        checked=faultless,
        fetched=FetchedModules(folders, options.place).folder,
    )


def _named_provider(root: CompiledModule, options: Options) -> str | None:
    """The provider that the settings name; None where they are wrong, too."""
    with suppress(RunnerError):
        return settings_in(root.blocks, options.place, options.overrides).provider
    return None


def _check_required(root: CompiledModule, faultless: Faultless) -> None:
    """RunnerError if the project wants another version; what fitted this one before still does."""
    block = root.blocks.of("runner").get("runner")
    wanted = block.table.get("required_version") if block is not None else None
    if block is None or not isinstance(wanted, str):
        return
    told = f"required_version = {wanted}".encode(errors="surrogatepass")
    if not faultless.has(told):
        _check_version(wanted, block)
        faultless.add(told)


def _check_version(wanted: str, block: Block) -> None:
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415  # 4 ms

    try:
        fits = SpecifierSet(wanted).contains(__version__, prereleases=True)
    except ValueError as exc:
        said = f'"{wanted}" is no version range such as ">=0.1".'
        raise error("Invalid version", said, block.where(("required_version",))) from exc
    if not fits:
        said = f"This project wants runner {wanted}; this is {__version__}."
        where = block.where(("required_version",))
        raise error("Unsupported runner version", said, where)


def _stored(blocks: Blocks, held: Settings, options: Options, root: str) -> tuple[Store, State]:
    place = options.place
    if not options.asks_backend and backend_of(place, blocks).now is not None:
        return workspace_store(place, held.workspace, chosen_states(place, None)), empty("", root)
    store = store_in(blocks, held, place)
    return store, _state(store, root)


def _state(store: Store, root: str) -> State:
    state = store.load()
    if state is None:
        from uuid import uuid4  # noqa: PLC0415  # a new lineage is rare

        return empty(str(uuid4()), root)
    if state.root not in (root, ""):
        raise error(
            "State of another root module",
            f'{store.name} was made from the root module "{state.root}", and this is "{root}": '
            "planning would mark all its answers for removal. If it is that configuration, which "
            f'stands here now, write "root":"{root}" in the first line of {store.name}. Another '
            "one has a state of its own: --state DIR",
        )
    return state


def _providers(
    scope: Scope,
    folders: Folders,
    named: Set[str],
    problems: list[Problem],
    surroundings: Mapping[str, str],
) -> tuple[dict[str, Provider], dict[str, DeclaredProvider]]:
    blocks = declared(scope, problems, preset, named)

    def digest(path: str | None) -> str:
        from runner.io.providers.embedded.model_file import model_digest  # noqa: PLC0415  # seldom

        return model_digest(None if path is None else folders.path(scope.module.folder, path))

    return known(blocks, scope, digest, problems, surroundings), blocks


def _check_default(
    name: str | None, providers: Mapping[str, Provider], root: CompiledModule
) -> None:
    """One error where the project's own provider is named, not one for each completion."""
    if name is None or name in providers:
        return
    block = root.blocks.of("runner").get("runner")
    named = block is not None and block.table.get("provider") == name
    where = block.where(("provider",)) if block is not None and named else None
    source = "" if named else "RUNNER_PROVIDER: "
    raise error("Unknown provider", source + unknown_provider(name, providers), where)


def _raise_early(
    problems: list[Problem],
    root: CompiledModule,
    options: Options,
    surroundings: Mapping[str, str],
) -> None:
    """As `_raise_errors`, with what hangs on the providers, whose values are not known yet."""
    if any(problem.severity == "error" for problem in problems):
        usual = usual_provider(_named_provider(root, options), root)
        written = providers_as_written(root, preset, {usual, *named_providers(root)})
        raise RunnerError(*problems, *foreign_problems(root, written, usual, surroundings))


def _raise_errors(problems: list[Problem]) -> None:
    """Every mistake of the stage at once; warnings alone are kept for later."""
    if any(problem.severity == "error" for problem in problems):
        raise RunnerError(*problems)
