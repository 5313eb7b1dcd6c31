"""What a configuration may reach: from its blocks to the doors that have to be open for them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from runner.core.address import Path, each_target
from runner.core.expressions.template import Constant, compile_value
from runner.core.modules.dependencies import BlockGraph, block_graph, needs_of, reads_environment
from runner.core.modules.folder import Block
from runner.core.modules.module import CompiledModule, Declared, declared_at
from runner.core.request.presets import Preset
from runner.core.request.provider import ELSEWHERE
from runner.core.request.provider_blocks import DeclaredProvider as Provider
from runner.core.secrets.trust import (
    Door,
    KeyDoor,
    VariableDoor,
    ordered,
    origin,
    place,
)
from runner.core.values import TemplateError
from runner.errors import RunnerError, error


class Destination(Struct, frozen=True):
    """Where a provider's requests go, and the variable whose key goes with them, if any. `own` says
    that the provider's usual key, and what is set beside it, belong there; `usual` that the user
    need not say yes to it, `door` what there is to say yes to.
    """

    base_url: str
    host: str
    credential: str | None
    own: bool
    usual: bool
    door: KeyDoor


class Reach(Struct, frozen=True):
    """What the providers of a project reach: `used` are those that a block may ask; `variables`
    are those that env() reads for a host, `own` the doors that nobody need say yes to. A provider
    has a destination for each of its servers, and none if it stays in this process.
    """

    destinations: Mapping[str, tuple[Destination, ...]]
    used: tuple[str, ...]
    variables: Mapping[str, frozenset[str]]
    own: frozenset[Door]

    def doors(self, providers: Iterable[str]) -> tuple[Door, ...]:
        """The doors that have to be open before any of these providers is asked for anything."""
        return ordered(door for name in providers for door in self._doors(name))

    def _doors(self, provider: str) -> Iterator[Door]:
        for going in self.destinations.get(provider, ()):
            yield going.door
            for name in self.variables.get(going.host, ()):
                yield VariableDoor(name, going.host)


def destinations(provider: Provider, environment: Mapping[str, str]) -> tuple[Destination, ...]:
    """Where a provider's requests go; none for a type that leads nowhere: no door is asked for, so
    nothing of it may leave. RunnerError for what is no address.

    A key goes only where its owner sends it: an address that the configuration names gets the key
    whose variable the configuration names beside it, or none, unless it is the provider's own host.
    """
    match provider.type.name:
        case "openai":
            preset = provider.preset
            named = environment.get(preset.base_url_env or "") or None
            return tuple(
                _destination(provider, url.rstrip("/"), index, named, environment)
                for index, url in enumerate(provider.asked_at(environment))
            )
        case "embedded":
            return ()


def _destination(
    provider: Provider, url: str, index: int, named: str | None, environment: Mapping[str, str]
) -> Destination:
    preset = provider.preset
    host = origin(url)
    if host is None:
        raise _no_address(provider, index)
    fixed = host == origin(provider.preset_url)
    own = fixed or _is_named(url, named)
    key = _usual_key(preset, environment) if own else None
    written = provider.table.get("api_key_env")
    credential = key if written is None else str(written)
    usual = credential in (*preset.keys, None) and own and not (fixed and preset.needs_resource)
    # A gateway has many accounts, one a path: the one that is the user's own is named with it.
    at = host if fixed or not usual else place(url) or host
    return Destination(url, host, credential, own, usual, KeyDoor(at, credential))


def _usual_key(preset: Preset, environment: Mapping[str, str]) -> str | None:
    """The first variable with a key that is set; where none is, the one to be told of."""
    held = [name for name in preset.keys if environment.get(name)]
    return next(iter(held or (preset.keys if preset.key_required else ())), None)


def _is_named(url: str, named: str | None) -> bool:
    """Whether it is the very address that the user's environment names. Another path of that host,
    or another query, may be somebody else's.
    """
    if named is None or "?" in url or "@" in url:
        return named is not None and url == named.rstrip("/")
    return "?" not in named and place(url) == place(named)


def _no_address(provider: Provider, index: int) -> RunnerError:
    path: Path = ("base_urls", index) if "base_urls" in provider.table else ("base_url",)
    said = (
        f'The {path[0]} of the provider "{provider.name}" is not an address that requests can '
        "be sent to. Write one such as https://api.openai.com/v1, to which /chat/completions "
        "is appended."
    )
    where = provider.block.where(path) if provider.block is not None else None
    return error("Invalid base_url", said, where)


def reach(
    root: CompiledModule,
    providers: Mapping[str, Provider],
    default: str,
    environment: Mapping[str, str],
) -> Reach:
    """What a project may reach."""
    going = {name: destinations(provider, environment) for name, provider in providers.items()}
    going = {name: servers for name, servers in going.items() if servers}
    reads = _reads(root, providers)
    asks = _asks(root, providers, default, reads)
    used = dict.fromkeys([name for names, _ in asks for name in names])
    variables: dict[str, set[str]] = defaultdict(set)
    for names, values in (*asks, *(((name,), values) for name, values in reads.items())):
        for name in names:
            for one in going.get(name, ()) if values else ():
                variables[one.host].update(values)
    kept = {host: frozenset(values) for host, values in variables.items()}
    own = frozenset[Door](one.door for each in going.values() for one in each if one.usual)
    return Reach(going, tuple(used), kept, own)


def providers_of(declared: Declared, default: str, known: Iterable[str]) -> tuple[str, ...]:
    """The providers that a completion or a data source may ask: one, or any of the known ones
    where an expression says which.
    """
    if declared.reads_state:
        return (ELSEWHERE.name,)
    node = declared.meta.get("provider")
    if node is None:
        return (default,)
    if isinstance(node, Constant):
        return (str(node.value),)
    return tuple(known)


def _reads(root: CompiledModule, providers: Mapping[str, Provider]) -> dict[str, set[str]]:
    """What the blocks of providers read of the environment: headers, queries and defaults."""
    return {
        name: needs_of(root, [compile_value(provider.block.table, (), _told)]).variables
        for name, provider in providers.items()
        if provider.block is not None
    }


def _told(_: TemplateError) -> None:
    """What is no expression reads nothing; that it is none is said where it is filled."""


_Asks = list[tuple[tuple[str, ...], set[str]]]  # some providers, and what may be said to them


def _asks(
    root: CompiledModule,
    providers: Mapping[str, Provider],
    default: str,
    reads: Mapping[str, set[str]],
) -> _Asks:
    """Every block that asks anybody, and every import."""
    graph = block_graph(root, needs=reads_environment(root) or any(reads.values()))
    asked = {
        address: providers_of(declared, default, providers)
        for address, declared in graph.declared.items()
    }
    held = {
        address: graph.variables.get(address, set()).union(
            *(reads[name] for name in names if name in reads)
        )
        for address, names in asked.items()
    }
    _spread(graph, held)
    found = [(names, held[address]) for address, names in asked.items()]
    for block in root.blocks.lists["import"]:
        needs = needs_of(root, [compile_value(block.table, (), _told)])
        values = needs.variables.union(*(held[address] for address in needs.blocks))
        found.append((_of_import(block, root, default, providers), values))
    return found


def _spread(graph: BlockGraph, held: dict[str, set[str]]) -> None:
    """What a block holds of the environment, also by the answers that it hangs on: an answer may
    repeat in other words what was asked.
    """
    waiting: dict[str, list[str]] = defaultdict(list)
    for address, need in graph.edges:
        waiting[need].append(address)
    todo = [address for address, values in held.items() if values]
    while todo:
        source = todo.pop()
        for address in waiting[source]:
            if not held[source] <= held[address]:
                held[address] = held[address] | held[source]
                todo.append(address)


def _of_import(
    block: Block, root: CompiledModule, default: str, known: Iterable[str]
) -> tuple[str, ...]:
    named = block.table.get("provider")
    if named is None:
        target = declared_at(root, each_target(str(block.table.get("to")))[0])
        return (default,) if target is None else providers_of(target, default, known)
    node = compile_value(named)
    return (str(node.value),) if isinstance(node, Constant) else tuple(known)
