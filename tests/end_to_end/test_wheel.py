"""The wheel: all of the package is in it, and alone it does what the README says."""

import os
import subprocess
import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest

from runner.errors import DISTRIBUTION
from tests import ROOT

SITES = [path for path in sys.path if path.endswith("site-packages")]
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE")


def listed(*what: str) -> list[str]:
    """The files of the repository, those that are not committed yet too."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *what]
    return subprocess.check_output(command, cwd=ROOT, text=True).splitlines()


def setuptools() -> str:
    """The folder of one that can build the wheel; an environment may hold an older one too."""
    for site in SITES:
        for found in distributions(name="setuptools", path=[site]):
            if int(found.version.partition(".")[0]) >= 77:
                return site
    raise AssertionError("setuptools 77 or newer builds the wheel: pip install -e '.[test]'")


def done(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """What a command that succeeds prints."""
    ran = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: what an older build left beside the sources is in no wheel."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in listed(*BUILT_FROM, "runner"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    build = f"from setuptools.build_meta import build_wheel; build_wheel({str(out)!r})"
    done(sys.executable, "-c", build, cwd=source, env={"PYTHONPATH": setuptools()})
    (made,) = out.iterdir()
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands of an environment are that has the wheel, and else what this one has."""
    here = tmp_path_factory.mktemp("installed")
    done(sys.executable, "-m", "venv", "--without-pip", here, cwd=here)
    commands = here / ("Scripts" if sys.platform == "win32" else "bin")
    install = ("install", "--quiet", "--no-index", "--no-deps", wheel)
    done(sys.executable, "-m", "pip", "--python", commands / "python", *install, cwd=here)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = done(commands / "python", "-c", where, cwd=here).strip()
    # Not through `.pth` files of theirs, one of which may lead to this repository.
    (Path(site) / "others.pth").write_text("\n".join(SITES))
    return commands


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if ".dist-info/" not in name} == set(listed("runner"))
    assert wheel.name.startswith(f"{DISTRIBUTION.replace('-', '_')}-")


def test_the_examples_are_planned_and_applied_by_what_the_wheel_installs(
    installed: Path, tmp_path: Path
) -> None:
    for name in listed("configs"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    where = done(installed / "python", "-c", "import runner; print(runner.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)
    assert done(installed / "runner", "plan", cwd=tmp_path).splitlines()[-1].startswith("Plan: ")
    done(installed / "runner", "apply", "--auto-approve", cwd=tmp_path)
    assert (tmp_path / "state" / "outputs.json").is_file()
    assert "No changes." in done(installed / "runner-llm", "plan", cwd=tmp_path)


def test_what_the_package_reads_of_itself_is_installed(installed: Path, tmp_path: Path) -> None:
    assert done(installed / "runner", "docs", "language", cwd=tmp_path)
    done(installed / "runner", "init", "here", cwd=tmp_path)
    done(installed / "runner", "-C", "here", "validate", cwd=tmp_path)
    assert '"$schema"' in done(installed / "runner", "validate", "--schema", cwd=tmp_path)
