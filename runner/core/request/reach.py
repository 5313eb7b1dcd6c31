"""What a configuration may reach: from its blocks to the doors that have to be open for them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from runner.core.expressions.template import Constant, compile_value
from runner.core.modules.dependencies import BlockGraph, block_graph, needs_of, reads_environment
from runner.core.modules.folder import Block
from runner.core.modules.module import CompiledModule, Declared, declared_at
from runner.core.request.provider_blocks import OPENAI_URL
from runner.core.request.provider_blocks import DeclaredProvider as Provider
from runner.core.secrets.trust import (
    OPENAI_HOST,
    OPENAI_KEY,
    Door,
    KeyDoor,
    VariableDoor,
    ordered,
    origin,
    place,
)
from runner.core.values import TemplateError
from runner.errors import error

BASE_URL = "OPENAI_BASE_URL"  # of the user's own environment, and of no file


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a provider's requests go, and the variable whose key goes with them, if any. `own` says
    that OPENAI_API_KEY, and what is set beside it, belong there.
    """

    base_url: str
    host: str
    credential: str | None
    own: bool

    @property
    def door(self) -> KeyDoor:
        """What the user has to say yes to; a gateway has many accounts, one a path, and the one
        that is the user's own is named with its path.
        """
        is_own = self.own and self.credential == OPENAI_KEY and self.host != OPENAI_HOST
        return KeyDoor(place(self.base_url) or self.host if is_own else self.host, self.credential)


@dataclass(frozen=True, slots=True)
class Reach:
    """What the providers of a project reach: `used` are those that a block may ask; `variables`
    are those that env() reads for a host, `own` the places that OPENAI_API_KEY is for. A provider
    that stays in this process has no destination.
    """

    destinations: Mapping[str, Destination]
    used: tuple[str, ...]
    variables: Mapping[str, frozenset[str]]
    own: frozenset[str]

    def doors(self, providers: Iterable[str]) -> tuple[Door, ...]:
        """The doors that have to be open before any of these providers is asked for anything."""
        return ordered(door for name in providers for door in self._doors(name))

    def _doors(self, provider: str) -> Iterator[Door]:
        going = self.destinations.get(provider)
        if going is not None:
            yield going.door
            for name in self.variables.get(going.host, ()):
                yield VariableDoor(name, going.host)


def own_places(environment_url: str | None) -> frozenset[str]:
    """Where OPENAI_API_KEY belongs: a host, and the OPENAI_BASE_URL of the user's own environment,
    with its path.
    """
    named = place(environment_url) if environment_url else None
    return frozenset((OPENAI_HOST,)) if named is None else frozenset((OPENAI_HOST, named))


def _is_own(url: str, host: str, environment_url: str | None) -> bool:
    """Whether it is the very address that the user's environment names. Another path of that host,
    or another query, may be somebody else's.
    """
    if host == OPENAI_HOST:
        return True
    if environment_url is None or "?" in url or "@" in url:
        return environment_url is not None and url == environment_url.rstrip("/")
    return "?" not in environment_url and place(url) == place(environment_url)


def destination(provider: Provider, environment_url: str | None) -> Destination:
    """Where an OpenAI-compatible provider's requests go; RunnerError if that is no address.

    A key goes only where its owner sends it: an address that the configuration names gets the key
    whose variable the configuration names beside it, or none.
    """
    url = str(provider.table.get("base_url") or environment_url or OPENAI_URL).rstrip("/")
    host = origin(url)
    if host is None:
        raise error(
            "Invalid base_url",
            f'The base_url of the provider "{provider.name}" is not an address that requests can '
            "be sent to. Write one such as https://api.openai.com/v1, to which /chat/completions "
            "is appended.",
            provider.block.where(("base_url",)) if provider.block is not None else None,
        )
    named = provider.table.get("api_key_env")
    own = _is_own(url, host, environment_url)
    key = OPENAI_KEY if own else None
    return Destination(url, host, key if named is None else str(named), own)


def _destination(provider: Provider, environment_url: str | None) -> Destination | None:
    """None for a type that leads nowhere: no door is asked for, so nothing of it may leave."""
    match provider.type.name:
        case "openai":
            return destination(provider, environment_url)
        case "embedded":
            return None


def reach(
    root: CompiledModule,
    providers: Mapping[str, Provider],
    default: str,
    environment_url: str | None,
) -> Reach:
    """What a project may reach."""
    going = {name: _destination(held, environment_url) for name, held in providers.items()}
    destinations = {name: found for name, found in going.items() if found is not None}
    reads = _reads(root, providers)
    asks = _asks(root, providers, default, reads)
    used = dict.fromkeys([name for names, _ in asks for name in names])
    variables: dict[str, set[str]] = defaultdict(set)
    for names, values in (*asks, *(((name,), values) for name, values in reads.items())):
        for name in names:
            if values and name in destinations:
                variables[destinations[name].host].update(values)
    kept = {host: frozenset(values) for host, values in variables.items()}
    return Reach(destinations, tuple(used), kept, own_places(environment_url))


def providers_of(declared: Declared, default: str, known: Iterable[str]) -> tuple[str, ...]:
    """The providers that a completion or a data source may ask: one, or any of the known ones
    where an expression says which.
    """
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
        target = declared_at(root, str(block.table.get("to")))
        return (default,) if target is None else providers_of(target, default, known)
    node = compile_value(named)
    return (str(node.value),) if isinstance(node, Constant) else tuple(known)
