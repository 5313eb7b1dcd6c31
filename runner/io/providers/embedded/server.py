"""The llama.cpp server of the wheel xllamacpp in this process, reached like any other server."""

import asyncio
import ctypes
import importlib.util
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from runner.errors import error, not_installed
from runner.io.providers.cores import usable_cores
from runner.io.providers.embedded.model_fetch import find_model
from runner.io.providers.endpoint import Endpoint, Say

MODEL = "smollm2"
_CONTEXT = 8192  # tokens, what SmolLM2 was trained for
_SILENT = -1
_TIMEOUT = 3600.0  # seconds; a busy machine is slow, not broken
_BUSY = re.compile(r"^llamacpp:requests_(?:processing|deferred) [1-9]", re.MULTILINE)


@asynccontextmanager
async def open_embedded(
    name: str,
    path: str | Path | None = None,
    *,
    offline: bool = False,
    say: Say = lambda _: None,
    threads: int | None = None,
) -> AsyncIterator[Endpoint]:
    """The endpoint of a server with the model at `path`, or the default one, until the end.

    Close what talks to it first. One request is answered at a time, without what earlier ones
    left in the cache, so that equal requests have equal answers. RunnerError if xllamacpp is not
    installed, or the model's file cannot be had or loaded. Without `threads`, one core of the
    machine is left to the rest.
    """
    check_installed(name)
    file = None if path is None else Path(path)
    found = await asyncio.to_thread(find_model, file, offline=offline, say=say)
    key = secrets.token_urlsafe(32)
    alias = MODEL if file is None else file.stem
    server = await asyncio.to_thread(_Server, found, alias, key, threads or _threads())
    try:
        yield Endpoint(name=name, base_url=server.url, key=key, timeout=_TIMEOUT, concurrency=1)
    finally:
        await server.close()


def check_installed(name: str) -> None:
    """RunnerError unless the package is there that an embedded provider runs its model with."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise not_installed(
            "The embedded model is not installed",
            f'The provider "{name}" runs a model in this process, for which a package is missing.',
            "embedded",
        )


def has_begun() -> bool:
    """Whether a model was started in this process, whose C++ part is then not to be taken down:
    threads of llama.cpp outlive a request that was given up, and crash beneath (exit status 139).
    """
    return _Server.started


class _Server:
    """A running server. Its end is never left to the garbage collector.

    Destroying the object while a request is under way waits for ever, holding the interpreter;
    so it has a reference too many, which only a close with nothing under way takes back.
    """

    started = False

    def __init__(self, file: Path, alias: str, key: str, threads: int) -> None:
        import xllamacpp  # noqa: PLC0415 - optional, and 100 MB

        params = xllamacpp.CommonParams()
        params.model.path = str(file)
        params.model_alias = {alias}
        params.n_ctx = _CONTEXT
        params.n_parallel = 1
        params.cache_prompt = False
        params.warmup = False
        params.use_jinja = True
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.api_keys = [key]
        params.hostnames = ["127.0.0.1"]
        params.port = 0
        params.endpoint_metrics = True
        params.verbosity = _SILENT
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as exc:
            raise error(
                "The model cannot be loaded",
                f"{file} is not a model that this version of llama.cpp can load ({exc}). It has "
                "to be a GGUF file of a chat model. If it is the default one, delete it: it will "
                "be fetched again.",
            ) from exc
        _Server.started = True
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._server))
        self.url = f"{self._server.listening_address}/v1"

    async def close(self) -> None:
        """Stop it if nothing is under way, or soon; else it ends with the process."""
        for _ in range(10):
            if not _BUSY.search(self._server.handle_metrics()):
                ctypes.pythonapi.Py_DecRef(ctypes.py_object(self._server))
                await asyncio.to_thread(self._drop)
                return
            await asyncio.sleep(0.05)

    def _drop(self) -> None:
        del self._server


def _threads() -> int:
    """One core is left to the rest: a thread that shares its core stalls all the others."""
    return max(1, usable_cores() - 1)
