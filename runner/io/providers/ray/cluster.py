"""The one door to Ray: a cluster that is connected to, or begun on this machine and ended with the
run. What goes wrong is a RunnerError in words of our own, and Ray says nothing by itself.
"""

import asyncio
import importlib.util
import logging
import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from math import ceil
from typing import Any

from msgspec import Struct

from runner.errors import RunnerError, error, not_installed, sentence
from runner.io.providers.ray.muffling import muffled
from runner.io.providers.ray.pool import Actor, Died
from runner.io.providers.ray.travelling import Introduced, Remote, RemoteEvent, RemoteRequest
from runner.io.providers.ray.worker import Worker

JOIN = (
    "The runner has to be on a node of the cluster; a machine becomes one by `ray start "
    "--address=HOST:6379 --num-cpus=0`."
)
_REACHED = 10.0  # seconds in which somebody has to answer at an address
_STORE = 200_000_000  # bytes of memory for what travels, on this machine
_BEFORE = {
    # No figures of this run go to anybody.
    "RAY_USAGE_STATS_ENABLED": "0",
    # Under `uv run`, Ray would send the whole folder of the project, keys and all, to the cluster.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_VERSIONS = re.compile(r"Ray: (\S+)\s+Python: (\S+)")


class ClusterPlace(Struct, frozen=True):
    """Which cluster: that at an address (`auto`: the one of this machine), or without one a new one
    of this machine with room for so many workers. Of `resources`, `gpu` are GPUs.
    """

    address: str | None
    workers: int
    cpus: float = 1.0
    resources: Mapping[str, float] = {}

    @property
    def kinds(self) -> dict[str, float]:
        """The resources that are no GPUs."""
        return {name: amount for name, amount in self.resources.items() if name != "gpu"}

    @property
    def shown(self) -> str:
        """What messages call it."""
        return "a Ray cluster of this machine" if self.address is None else f"Ray at {self.address}"


def check_ray() -> None:
    """RunnerError unless Ray is installed."""
    if importlib.util.find_spec("ray") is None:
        raise not_installed(
            "Ray is not installed",
            "The executor ray needs a package that is missing, on this machine and on every node.",
            "ray",
        )


@asynccontextmanager
async def open_cluster(place: ClusterPlace) -> AsyncIterator["RayCluster"]:
    """A cluster. What was begun here ends here: all of it, or the connection to it; one that this
    process was connected to before is used, and left.
    """
    check_ray()
    used = sys.modules.get("ray")
    if used is not None and used.is_initialized():
        yield RayCluster(used, place)
        return
    if place.address is not None and place.address != "auto":
        await _check_reached(place, place.address)
    with _surroundings(place):
        ray = await asyncio.to_thread(_imported)
        with _quiet():
            async with _connected(ray, place):
                yield RayCluster(ray, place)


def _imported() -> Any:
    import ray  # noqa: PLC0415 - optional, and 0.4 s

    return ray


@asynccontextmanager
async def _connected(ray: Any, place: ClusterPlace) -> AsyncIterator[None]:
    with _folder(place) as folder:
        # In a thread, since it takes seconds; what it starts lives as long as that thread.
        begun = asyncio.ensure_future(asyncio.to_thread(_begin, ray, place, folder))
        try:
            await asyncio.shield(begun)
            yield
        finally:
            with suppress(BaseException):  # it was raised, or nobody waits for it any more
                await begun
            await asyncio.to_thread(ray.shutdown)


def _begin(ray: Any, place: ClusterPlace, folder: str | None) -> None:
    from ray._raylet import AuthenticationTokenLoader, Config  # noqa: PLC0415
    from ray.job_config import JobConfig  # noqa: PLC0415

    Config.initialize("")  # not as for a cluster that this process was connected to before
    AuthenticationTokenLoader.instance().reset_cache()
    options: dict[str, Any] = {
        "address": place.address,
        # Of a client's job the folder at hand is no place that workers import modules from: it is
        # somebody's project, of which nothing is run.
        "job_config": JobConfig(_client_job=True),
        "log_to_driver": False,
        "configure_logging": False,
    }
    if place.address is None:
        more = {name: ceil(amount * place.workers) for name, amount in place.kinds.items()}
        options |= {
            "address": "local",
            "num_cpus": ceil(place.cpus * place.workers),
            "resources": more or None,
            "include_dashboard": False,
            "object_store_memory": _STORE,
            "_temp_dir": folder,
        }
    try:
        with muffled() if place.address is not None else nullcontext():
            ray.init(**options)
    except Exception as exc:
        raise in_our_words(exc, place) from exc


async def _reach(address: str) -> None:
    """OSError if nobody answers there: Ray itself would look for a minute, and end the process."""
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(_REACHED):
        _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    writer.close()


async def _check_reached(place: ClusterPlace, address: str) -> None:
    try:
        await _reach(address)
    except (OSError, OverflowError) as exc:  # of a port that is none
        raise error(
            "No Ray cluster",
            f"Nobody answers at {place.address}. Is the cluster up, and is that the address of its "
            "head, as `ray start --head` tells it?",
        ) from exc


# -- workers


class RayCluster:
    """One that this process is connected to."""

    def __init__(self, ray: Any, place: ClusterPlace) -> None:
        self._ray = ray
        self._made = ray.remote(
            num_cpus=place.cpus,
            num_gpus=place.resources.get("gpu", 0),
            resources=place.kinds or None,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
        )(Worker)

    def start(self) -> Actor:
        """Another worker."""
        return _RayActor(self._ray, self._made)

    async def answers(self) -> bool:
        """Whether its head is still there."""
        try:
            await _reach(self._ray.get_runtime_context().gcs_address)
        except OSError:
            return False
        return True


class _RayActor:
    """An actor of Ray."""

    def __init__(self, ray: Any, made: Any) -> None:
        self._ray = ray
        with _mapped(ray):
            self._actor = made.remote()

    async def hello(self) -> Introduced:
        with _mapped(self._ray):
            said: Introduced = await self._actor.hello.remote()
            return said

    async def exchange(
        self, remote: Remote, asked: tuple[RemoteRequest, ...]
    ) -> AsyncIterator[list[RemoteEvent]]:
        with _mapped(self._ray):
            async for each in self._actor.exchange.remote(remote, asked):
                yield await each

    def kill(self) -> None:
        with suppress(Exception):  # it is gone by now
            self._ray.kill(self._actor)


@contextmanager
def _mapped(ray: Any) -> Iterator[None]:
    """What Ray says of an actor that is gone; a bug of our own in it is raised as it is."""
    errors = ray.exceptions
    try:
        yield
    except errors.RayTaskError as exc:
        if isinstance(exc.cause, RunnerError):
            raise exc.cause from None
        raise
    except errors.OutOfMemoryError as exc:
        said = "its node ran out of memory (RAY_memory_usage_threshold says how full is too full)"
        raise Died(said) from exc
    except errors.RayError as exc:
        raise Died(_why(exc)) from exc


_CAUSES = (
    ("No module named 'runner", "the runner is not installed on its node, or in another version"),
    ("ActorUnavailableError", "its node does not answer"),
    ("low on memory", "its node ran out of memory"),
    ("node has died", "its node is gone"),
    ("node died", "its node is gone"),
    ("worker process has died", "its process ended"),
    ("unschedulable", "no node has room for it"),
)


def _why(exc: Exception) -> str:
    text = f"{type(exc).__name__}: {str(exc).strip()}"
    for part, said in _CAUSES:
        if part.lower() in text.lower():
            return said
    return text.splitlines()[0].rstrip(".")


# -- words


def in_our_words(exc: Exception, place: ClusterPlace) -> RunnerError:
    """What Ray says where it cannot be begun or connected to."""
    text = "\n".join(_all_said(exc))
    if "ersion mismatch" in text:
        found = _VERSIONS.findall(text)
        theirs, ours = (found + [("?", "?")] * 2)[:2]
        return error(
            "Versions differ from the cluster's",
            f"{place.shown} runs Ray {theirs[0]} on Python {theirs[1]}, and this is Ray {ours[0]} "
            f"on Python {ours[1]}. Both have to be equal, Python's down to the patch: install "
            "those here, or these there.",
        )
    if "InvalidAuthToken" in text or "AuthenticationError" in text:
        return error(
            "The Ray cluster refuses the token",
            f"{place.shown} wants a token, and was given none or another one. Set "
            "RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH to the cluster's.",
        )
    first = sentence(text.splitlines()[0])
    if place.address is None:
        return error("Ray cannot be begun", f"Ray says of {place.shown}: {first}")
    return error(
        "No Ray cluster",
        f"There is no way to {place.shown}. Ray says: {first} {JOIN}",
    )


def _all_said(exc: BaseException) -> Iterator[str]:
    """Each exception and what caused it, in Ray's words."""
    found: BaseException | None = exc
    while found is not None:
        yield f"{type(found).__name__}: {str(found).strip()}"
        found = found.__cause__


# -- around it


@contextmanager
def _surroundings(place: ClusterPlace) -> Iterator[None]:
    """The variables that Ray reads, for as long as it is used. A cluster of our own has a token
    that only it knows: its ports are open to whoever reaches this machine.
    """
    wanted = dict(_BEFORE)
    if place.address is None:
        wanted |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    else:
        wanted |= {"RAY_BACKEND_LOG_LEVEL": "fatal"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _folder(place: ClusterPlace) -> Iterator[str | None]:
    """Where a cluster of our own has its sockets and logs; gone with it. Its path has to be short:
    that of a socket below it is no longer than 107 bytes.
    """
    if place.address is not None or os.name == "nt":
        yield None
        return
    made = tempfile.mkdtemp(prefix="runner-", dir=os.environ.get("RAY_TMPDIR") or "/tmp")  # noqa: S108
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Ray says nothing: what there is to say is said here."""
    from ray._private import worker  # noqa: PLC0415

    log = logging.getLogger("ray")
    before = log.level, worker.print_to_stdstream
    log.setLevel(logging.CRITICAL + 1)
    # What a node says of its workers is printed also where it was said that nothing be.
    worker.print_to_stdstream = _unsaid
    try:
        yield
    finally:
        log.setLevel(before[0])
        worker.print_to_stdstream = before[1]


def _unsaid(*_: object, **__: object) -> None:
    """Nothing."""
