"""From declared providers to open connections: keys from the environment, one client each."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Set
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from runner.core.api.exchange import Answered, Failure
from runner.core.plan.events import Writing
from runner.core.request.executors import ExecutorSettings
from runner.core.request.presets import OPENAI_PRESET
from runner.core.request.provider import ELSEWHERE
from runner.core.request.provider_blocks import DeclaredProvider
from runner.core.request.reach import Destination, destinations
from runner.core.secrets.trust import is_loopback
from runner.core.state.records import Lane, time_of_record
from runner.core.suggest import closest
from runner.core.values import to_text
from runner.errors import Problem, RunnerError, error, gathering
from runner.io.apply.ports import AnyClient
from runner.io.providers.batching import Batching, BatchOf, BatchRun
from runner.io.providers.endpoint import MAX_RESPONSE_BYTES, Endpoint, OpenEndpoint, Say
from runner.io.providers.openai import server_store
from runner.io.providers.openai.client import connect
from runner.io.providers.openai.wire import sent_to
from runner.operations.connecting.upstream import read_upstream
from runner.operations.reading.loaded import Loaded
from runner.operations.reading.trust import admit, refusal, untrusted

if TYPE_CHECKING:
    from runner.io.providers.openai.batch_api import BatchAPI
    from runner.io.providers.openai.batch_client import BatchClient
    from runner.io.providers.ray.pool import Pool


class Connections(Struct):
    """Every provider of a run, connected when its first request is due."""

    project: Loaded
    stack: AsyncExitStack
    say: Say
    tell: Callable[[Writing], None] | None = None
    how: BatchRun | None = None
    pool: "Pool | None" = None
    batches: "dict[str, BatchClient]" = {}
    clients: dict[str, OpenEndpoint] = {}
    besides: Callable[[], str | None] = lambda: None
    _opening: dict[str, asyncio.Lock] = {}

    async def client(self, name: str) -> OpenEndpoint:
        """The client of a provider; RunnerError if it cannot be opened (no key, no model), and
        Untrusted if nobody has said that what goes there may. There is no other way to one.
        """
        lock = self._opening.setdefault(name, asyncio.Lock())
        async with lock:
            if name not in self.clients:
                opened = await self._opened(self.project.declared[name])
                self.clients[name] = await self.stack.enter_async_context(opened)
        return self.clients[name]

    async def of_lane(self, name: str, lane: Lane) -> AnyClient:
        """The client of a provider whose requests travel so."""
        match lane:
            case "live":
                return await self.client(name)
            case "batch":
                return await self._batches(name)

    async def batch_api(self, name: str) -> "tuple[BatchAPI, float]":
        """A provider's Batch API, and the seconds by which its lists may lag."""
        from runner.io.providers.openai.batch_api import BatchAPI  # noqa: PLC0415  # seldom

        settings = _batching(self.project.declared[name])
        return BatchAPI((await self.client(name)).ask, settings), settings.settle

    async def _batches(self, name: str) -> "BatchClient":
        from runner.io.providers.openai.batch_client import BatchClient  # noqa: PLC0415

        async with self._opening.setdefault(f"batches of {name}", asyncio.Lock()):
            if name not in self.batches:
                declared, project = self.project.declared[name], self.project
                api, _ = await self.batch_api(name)
                retries = int(declared.table.get("max_retries", 5))
                assert self.how is not None  # noqa: S101  # no lane leads here without
                of = BatchOf(name, project.providers[name].identity, retries)
                opened = BatchClient(api, _batching(declared), of, self.how, self.say)
                self.batches[name] = await self.stack.enter_async_context(opened)
        return self.batches[name]

    @property
    def waiting(self) -> str | None:
        """What requests wait for, in words, if they do; else what is waited for besides."""
        said = [client.waiting for client in self.batches.values()]
        said += [client.waiting for client in self.clients.values()]
        return next(filter(None, said), None) or self.besides()

    async def _opened(
        self, declared: DeclaredProvider
    ) -> AbstractAsyncContextManager[OpenEndpoint]:
        """Who speaks as servers of this type do."""
        speak = self.project.connect or connect
        executor = self.project.executor
        if executor is not None and executor.sends_for(declared) and self.project.connect is None:
            return await self._by_workers(executor, declared)
        match declared.type.name:
            case "openai":
                return speak(_trusted(self.project, declared), tell=self.tell)
            case "embedded":
                return speak(await self._embedded(declared), tell=self.tell)

    async def _by_workers(
        self, executor: ExecutorSettings, declared: DeclaredProvider
    ) -> AbstractAsyncContextManager[OpenEndpoint]:
        """A client whose requests are sent by workers: all that it decides stays here."""
        from runner.io.providers.ray.wires import remote_wires  # noqa: PLC0415  # seldom
        from runner.operations.connecting import workers  # noqa: PLC0415

        async with self._opening.setdefault("the workers", asyncio.Lock()):
            if self.pool is None:
                opened = workers.open_pool(executor, self.say)
                self.pool = await self.stack.enter_async_context(opened)
        match declared.type.name:
            case "openai":
                made = _trusted(self.project, declared, keys_elsewhere=executor.address is not None)
                server = workers.remote_server(self.project, declared)
                return connect(made, tell=self.tell, wires=remote_wires(self.pool, server))
            case "embedded":
                model = await workers.remote_model(self.project, declared, executor, self.say)
                made = workers.model_endpoint(model, self.pool)
                return connect(made, tell=self.tell, wires=remote_wires(self.pool, lambda _: model))

    async def _embedded(self, declared: DeclaredProvider) -> Endpoint:
        from runner.io.providers.embedded.server import open_embedded  # noqa: PLC0415  # ctypes, zipfile

        model = declared.table.get("model_path")
        path = None
        if isinstance(model, str):
            path = self.project.folders.path(self.project.root.folder, model)
        return await self.stack.enter_async_context(
            open_embedded(declared.name, path, offline=self.project.settings.offline, say=self.say)
        )

    async def read(
        self, provider: str, kind: str, arguments: bytes, fresh: bool = False
    ) -> Answered | Failure:
        """A data source, all pages of it; `fresh`: it was stored a moment ago."""
        if provider == ELSEWHERE.name:
            return await asyncio.to_thread(read_upstream, self.project, arguments)
        return await server_store.read(await self.client(provider), kind, arguments, fresh=fresh)

    async def fetch(self, provider: str, identifier: str) -> tuple[bytes, list[Any]] | Failure:
        """A stored completion's body and messages."""
        return await server_store.fetch(await self.client(provider), identifier)

    async def look(self, provider: str, identifier: str) -> Answered | Failure:
        """A stored completion, or why it cannot be read."""
        return await server_store.look(await self.client(provider), identifier)

    async def update(self, provider: str, identifier: str, body: bytes) -> Answered | Failure:
        """New metadata for a stored completion."""
        return await server_store.update(await self.client(provider), identifier, body)

    async def delete(self, provider: str, identifier: str) -> Answered | Failure:
        """A stored completion, gone."""
        return await server_store.delete(await self.client(provider), identifier)

    def now(self) -> str:
        """The time, RFC 3339 in UTC."""
        return _time_of(time.time_ns() // 1_000_000)


@lru_cache(maxsize=1)
def _time_of(millisecond: int) -> str:
    """Many answers come in one."""
    return time_of_record(datetime.fromtimestamp(millisecond / 1000, UTC))


@asynccontextmanager
async def connections(
    project: Loaded,
    say: Say = lambda _: None,
    tell: Callable[[Writing], None] | None = None,
    batches: BatchRun | None = None,
) -> AsyncIterator[Connections]:
    """The providers of a project; closed, and the model stopped, at the end. Without `batches`,
    nothing goes in one.
    """
    async with AsyncExitStack() as stack:
        yield Connections(project, stack, say, tell, batches)


def _batching(declared: DeclaredProvider) -> Batching:
    table = declared.table.get("batch")
    known = Batching.__struct_fields__
    held = table if isinstance(table, Mapping) else {}
    return Batching(**{name: held[name] for name in known if name in held})


def _trusted(
    project: Loaded, declared: DeclaredProvider, *, keys_elsewhere: bool = False
) -> Endpoint:
    """The endpoint of a provider that leaves this process, if what goes there may."""
    closed = untrusted(project, (declared.name,))
    if closed:
        raise refusal(project, closed)
    made = endpoint(
        declared,
        project.environment,
        project.settings.concurrency,
        keys_elsewhere=keys_elsewhere,
    )
    asked = project.reach.destinations[declared.name]
    for one, going in zip((made, *made.others), asked, strict=True):
        if sent_to(one) != going.host:
            raise error(
                "Invalid base_url",
                f'A base_url of the provider "{declared.name}" can be read in more than one way. '
                "Write its host in lower case letters, digits, hyphens and dots.",
                declared.block.where(("base_url",)) if declared.block is not None else None,
            )
    return made


def endpoint(
    declared: DeclaredProvider,
    environment: Mapping[str, str],
    concurrency: int,
    *,
    keys_elsewhere: bool = False,
) -> Endpoint:
    """Where an OpenAI-compatible provider's requests go, with all its servers; RunnerError if it
    has no key, unless that may be with whoever sends them.
    """
    going = destinations(declared, environment)
    if not keys_elsewhere:
        for each in going:
            _check_key(declared, environment, each)
    first, *others = (_server(declared, environment, each, concurrency) for each in going)
    return replace(first, others=tuple(others))


def _server(
    declared: DeclaredProvider,
    environment: Mapping[str, str],
    going: Destination,
    concurrency: int,
) -> Endpoint:
    table, preset = declared.table, declared.preset
    own = environment if going.own and preset is OPENAI_PRESET else {}
    return Endpoint(
        name=declared.name,
        base_url=going.base_url,
        key=environment.get(going.credential or "") or None,
        key_name=going.credential,
        auth_header=table.get("auth_header", preset.auth_header),
        organization=table.get("organization") or own.get("OPENAI_ORG_ID"),
        project=table.get("project") or own.get("OPENAI_PROJECT_ID"),
        headers=_pairs(table.get("headers")),
        query=_pairs(table.get("query")),
        timeout=float(table.get("timeout", 600)),
        connect_timeout=float(table.get("connect_timeout", 10)),
        max_retries=int(table.get("max_retries", 5)),
        max_wait=float(table.get("max_wait", 600)),
        max_response_bytes=int(table.get("max_response_bytes", MAX_RESPONSE_BYTES)),
        concurrency=int(table.get("concurrency", preset.concurrency or concurrency)),
        requests_per_minute=table.get("requests_per_minute"),
        tokens_per_minute=table.get("tokens_per_minute"),
    )


def prepare(project: Loaded, names: Set[str], perhaps: Set[str] = frozenset()) -> None:
    """RunnerError before anything is sent, if a provider that will be asked has no key, and
    Untrusted if one that will be, or may be, is not trusted with what goes there.
    """
    _equipped(project, names)
    admit(project, names | perhaps)


def foresee(project: Loaded, names: Set[str], perhaps: Set[str] = frozenset()) -> None:
    """As `prepare`, as far as nobody has to be asked: what no yes would change is said first."""
    _equipped(project, names)
    closed = () if project.ask is not None else untrusted(project, names | perhaps)
    if closed:
        raise refusal(project, closed)


def _equipped(project: Loaded, names: Set[str]) -> None:
    """RunnerError for all of them that lack a key, or the package of the embedded model."""
    problems: list[Problem] = []
    executor = project.executor
    if executor is not None and project.connect is None:
        from runner.operations.connecting.workers import check_executor  # noqa: PLC0415  # seldom

        with gathering(problems):
            check_executor(project, executor)
    for name in sorted(names - {ELSEWHERE.name}):
        with gathering(problems):
            _check_equipped(project, project.declared[name])
    if problems:
        raise RunnerError(*problems)


def _check_equipped(project: Loaded, declared: DeclaredProvider) -> None:
    """RunnerError for what this machine lacks; of workers in another place it is not known."""
    executor = project.executor
    by_workers = executor is not None and executor.sends_for(declared)
    elsewhere = by_workers and executor is not None and executor.address is not None
    match declared.type.name:
        case "openai":
            endpoint(declared, project.environment, 1, keys_elsewhere=elsewhere)
        case "embedded" if elsewhere:
            pass
        case "embedded":
            from runner.io.providers.embedded.server import check_installed  # noqa: PLC0415  # ctypes

            check_installed(declared.name)


def lacks_key(project: Loaded, name: str) -> bool:
    """Whether a provider cannot be asked because the variable of its key is not set."""
    declared = project.declared[name]
    match declared.type.name:
        case "openai":
            held = project.environment
            return any(_is_keyless(declared, held, going) for going in destinations(declared, held))
        case "embedded":
            return False


def _is_keyless(
    declared: DeclaredProvider, environment: Mapping[str, str], going: Destination
) -> bool:
    """Whether a key is wanted, and not there."""
    if going.credential is None or environment.get(going.credential):
        return False
    # Servers on this machine seldom ask for one.
    return not (is_loopback(going.host) and declared.table.get("api_key_env") is None)


def _pairs(table: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(table, Mapping):
        return ()
    return tuple((str(key), to_text(value)) for key, value in table.items())


def _check_key(
    declared: DeclaredProvider, environment: Mapping[str, str], going: Destination
) -> None:
    wanted = declared.table.get("api_key_env")
    name = going.credential
    if name is None or not _is_keyless(declared, environment, going):
        return
    names = name if wanted is not None else " or ".join(declared.preset.keys)
    near = closest(name, [key for key in environment if "KEY" in key or "TOKEN" in key])
    hint = f" ({near} is set; did you mean that one?)" if near else ""
    path = ("api_key_env",) if wanted is not None else ()
    where = declared.block.where(path) if declared.block is not None else None
    raise error(
        "No API key",
        f"The provider {declared.name} takes its key from the environment variable {names}, which "
        f"is not set{hint}. Set it: export {name}=..; or ask the embedded model, which needs no "
        'key: provider = "embedded".',
        where,
    )
