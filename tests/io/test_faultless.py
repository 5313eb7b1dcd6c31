"""Blocks that were checked before are not checked again, as long as nothing about them differs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.io.faultless import Faultless
from tests import ROOT

PROBE = """
import sys
from runner.cli.main import main
status = main(["-C", *sys.argv[1:], "plan", "--no-color"])
print("checked", "runner.core.language.check" in sys.modules)
sys.exit(status)
"""
BLOCK = """
[provider.openai]
base_url = "http://127.0.0.1:9"
[completion.one]
model = "m"
messages = [{ role = "user", content = "Hello {{ 1 + 1 }}" }]
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def planned(project: Path) -> tuple[bool, int, str]:
    """Whether a plan in a new process checked the blocks; its status, and what it said."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(project)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    said, _, checked = done.stdout.rpartition("checked ")
    return checked.strip() == "True", done.returncode, said + done.stderr


def written(tmp_path: Path, text: str = BLOCK) -> Path:
    """A project with this configuration."""
    configs = tmp_path / "p" / "configs"
    configs.mkdir(parents=True, exist_ok=True)
    (configs / "main.toml").write_text(text, encoding="utf-8")
    return tmp_path / "p"


@pytest.mark.usefixtures("cache")
def test_what_was_right_is_not_checked_again_until_it_is_edited(tmp_path: Path) -> None:
    project = written(tmp_path)
    first = planned(project)
    assert first[:2] == (True, 0)
    assert planned(project) == (False, *first[1:])
    written(tmp_path, BLOCK.replace("Hello", "Good day"))
    assert planned(project)[0]
    assert not planned(project)[0]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("line", ["temprature = 1", "functions = []", "temperature = 3"])
def test_a_mistake_and_a_warning_are_told_each_time(tmp_path: Path, line: str) -> None:
    project = written(tmp_path, BLOCK + line + "\n")
    first = planned(project)
    assert first[0]
    assert line.split(" ", 1)[0] in first[2]
    assert planned(project) == first


@pytest.mark.usefixtures("cache")
def test_defaults_of_a_provider_are_a_part_of_what_was_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = written(tmp_path, BLOCK + '[module.sub]\nsource = "./sub"\n')
    (project / "configs" / "sub").mkdir()
    (project / "configs" / "sub" / "main.toml").write_text(
        '[completion.two]\nmessages = [{ role = "user", content = "Hello" }]\nmodel = "m"\n'
        "max_tokens = 5\n"
    )
    assert planned(project)[1] == 0
    assert not planned(project)[0]
    text = (project / "configs" / "main.toml").read_text()
    defaults = "[provider.openai.defaults]\nmax_completion_tokens = 7\n"
    written(tmp_path, text + defaults)
    checked, _, said = planned(project)
    assert checked
    fresh = tmp_path / "other" / "configs"
    fresh.parent.mkdir()
    (project / "configs").rename(fresh)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    assert planned(fresh.parent)[2] == said


def test_a_project_that_has_the_users_cache_inside_says_nothing_is_faultless(
    cache: Path, tmp_path: Path
) -> None:
    Faultless(tmp_path / "p").add(b"text")
    assert (cache / "runner" / "faultless").is_file()
    assert Faultless(tmp_path / "p").has(b"text")
    assert not Faultless(tmp_path / "p").has(b"other")
    assert not Faultless(tmp_path).has(b"text")


def test_a_damaged_file_says_nothing_is_faultless(cache: Path, tmp_path: Path) -> None:
    Faultless(tmp_path / "p").add(b"text")
    path = cache / "runner" / "faultless"
    path.write_bytes(b"\xff\x00" + path.read_bytes()[:-1])
    assert not Faultless(tmp_path / "p").has(b"text")
    Faultless(tmp_path / "p").add(b"text")
    assert Faultless(tmp_path / "p").has(b"text")


def test_what_was_not_asked_for_in_long_is_forgotten(cache: Path, tmp_path: Path) -> None:
    held = Faultless(tmp_path / "p")
    for number in range(600):
        held.add(b"%d" % number)
    assert not held.has(b"0")
    assert Faultless(tmp_path / "p").has(b"599")
    assert (cache / "runner" / "faultless").stat().st_size < 50_000
    assert [path.name for path in (cache / "runner").iterdir()] == ["faultless"]
