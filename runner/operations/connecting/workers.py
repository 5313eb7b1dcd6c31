"""Workers that send requests instead of this process: what has to be there, and what travels."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from runner.core.address import Path
from runner.core.request.executors import ExecutorSettings
from runner.core.request.provider_blocks import DeclaredProvider
from runner.core.secrets.trust import is_loopback
from runner.core.suggest import did_you_mean
from runner.errors import counted, error
from runner.io.providers.cores import usable_cores
from runner.io.providers.embedded.model_fetch import find_model
from runner.io.providers.embedded.model_file import model_digest
from runner.io.providers.endpoint import Endpoint, Say
from runner.io.providers.openai.wire import sent_to
from runner.io.providers.ray.cluster import JOIN, ClusterPlace, check_ray, open_cluster
from runner.io.providers.ray.pool import Pool
from runner.io.providers.ray.travelling import RemoteModel, RemoteServer
from runner.io.settings import environment
from runner.operations.reading.loaded import Loaded

_RAYS_OWN = ("cpu", "gpu", "memory", "object_store_memory")
_DIGITS = 4  # of a fraction that Ray takes
_MODEL_SECONDS = 3600.0  # as for a model in this process


def check_executor(project: Loaded, executor: ExecutorSettings) -> None:
    """RunnerError for what is wrong with it before anything is sent."""
    for index, name in enumerate(executor.providers or ()):
        if name not in project.declared:
            hint = did_you_mean(name, project.declared)
            said = f'There is no provider "{name}" whose requests workers could send.{hint}'
            raise error("Unknown provider", said, project.executor_at(("providers", index)))
    _check_resources(project, executor)
    if executor.address is not None and executor.address.startswith("ray://"):
        said = f"ray:// means Ray's own client, by which no answer comes before all have. {JOIN}"
        where = project.executor_at(("address",))
        raise error("Invalid address", f'{said} Then write "auto", or HOST:6379.', where)
    if executor.address is not None and executor.workers is None:
        said = (
            "A cluster at an address may be that of others: say how many workers it is to start, "
            "workers = 4."
        )
        raise error("Missing key", said, project.executor_at(("address",)))
    check_ray()


def _check_resources(project: Loaded, executor: ExecutorSettings) -> None:
    for name in executor.resources:
        if name != "gpu" and (not name or name.lower() in _RAYS_OWN):
            said = (
                f'"{name}" is no resource of a worker: write cpus, or gpu, or a name of your own.'
            )
            raise error("Unknown resource", said, project.executor_at(("resources", name)))
    amounts: dict[Path, float] = {("resources", name): n for name, n in executor.resources.items()}
    for path, amount in {("cpus",): executor.cpus, **amounts}.items():
        if round(amount, _DIGITS) != amount:
            said = f"{path[-1]} is {amount}; Ray counts in parts of {10**-_DIGITS}."
            raise error("Value out of range", said, project.executor_at(path))


@asynccontextmanager
async def open_pool(executor: ExecutorSettings, say: Say) -> AsyncIterator[Pool]:
    """The workers; they, and what was begun for them, end with the context."""
    workers = executor.workers or max(1, int(usable_cores() // executor.cpus))
    place = ClusterPlace(executor.address, workers, executor.cpus, executor.resources)
    say(f"Starting {counted(workers, 'worker')} on {place.shown}.")
    async with open_cluster(place) as cluster, Pool(cluster, workers, say) as pool:
        yield pool


def remote_server(
    project: Loaded, declared: DeclaredProvider
) -> Callable[[Endpoint], RemoteServer]:
    """What of an endpoint travels: the name of its key, and not the key. A worker looks for it
    where this process does: in the `.env` of the project if it sees that folder, and in its own
    environment.
    """
    surroundings = partial(environment, project.folders.project.resolve())
    is_named = declared.table.get("api_key_env") is not None

    def remote(endpoint: Endpoint) -> RemoteServer:
        needs_key = is_named or not is_loopback(sent_to(endpoint))
        return RemoteServer(replace(endpoint, key=None, others=()), surroundings, needs_key)

    return remote


async def remote_model(
    project: Loaded, declared: DeclaredProvider, executor: ExecutorSettings, say: Say
) -> RemoteModel:
    """The model of a provider; on this machine its file is there before the first worker asks."""
    named = declared.table.get("model_path")
    path = project.folders.path(project.root.folder, str(named)).resolve() if named else None
    offline = project.settings.offline
    if executor.address is None:
        await asyncio.to_thread(find_model, path, offline=offline, say=say)
    return RemoteModel(
        declared.name,
        await asyncio.to_thread(model_digest, path),
        None if path is None else str(path),
        max(1, int(executor.cpus)),
        offline=offline,
    )


def model_endpoint(model: RemoteModel, pool: Pool) -> Endpoint:
    """The endpoint of a model that runs with each worker; it has an address there."""
    at_once = model.slots(pool.workers) * pool.workers
    return Endpoint(
        model.provider, "http://127.0.0.1/v1", timeout=_MODEL_SECONDS, concurrency=at_once
    )
