"""Settings by two ways: a short one where no variable is set, and pydantic-settings' own."""

import datetime as dt
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict

from runner.errors import RunnerError, Where
from runner.io.settings import environment, settings

TABLES: list[dict[str, Any]] = [
    {},
    {"concurrency": 7, "provider": "embedded"},
    {"required_version": ">=0.1", "concurrency": "12", "offline": "yes"},
    {"max_cost": 1, "workspace": "a.b-c", "log_level": "debug"},
    {"concurrency": 0, "max_cost": -1},
    {"workspace": "../up", "lock_timeout": "soon"},
    {"workspace": "dev\n", "concurrency": True, "offline": 1},
    {"concurrency": 64.0, "max_requests": 2.5, "lock_timeout": True},
    {"max_cost": math.nan, "lock_timeout": math.inf, "log_level": "loud"},
    {"concurrency": 2**70, "max_requests": 2**70, "max_cost": dt.date(2026, 1, 1)},
    {"workspace": [], "offline": {}, "max_cost": "1e2", "max_requests": "1_0"},
]
FLAGS: list[dict[str, Any]] = [
    {},
    {"concurrency": 64, "max_requests": None, "offline": None},
    {"offline": True, "lock_timeout": 2.5, "workspace": "other"},
    {"concurrency": 100_000, "max_requests": -1},
]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os  # noqa: PLC0415

    for name in list(os.environ):
        if name.upper().startswith("RUNNER_"):
            monkeypatch.delenv(name)


def read(table: Mapping[str, Any], flags: Mapping[str, Any], project: Path) -> object:
    """The settings as values, or what is wrong with them."""
    try:
        return {**asdict(settings(table, flags, project)), "provider": None}
    except RunnerError as exc:
        return [(problem.summary, problem.detail) for problem in exc.problems]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("flags", FLAGS)
def test_without_variables_both_ways_say_the_same(
    table: dict[str, Any], flags: dict[str, Any], tmp_path: Path
) -> None:
    """A variable of a setting that nobody else sets, at its default, takes the long way."""
    assert read(table, flags, tmp_path) == read(table, flags, _long_way(tmp_path))


def _long_way(project: Path) -> Path:
    (project / "long").mkdir()
    (project / "long" / ".env").write_text("RUNNER_PROVIDER=embedded\n", encoding="utf-8")
    return project / "long"


def test_each_source_goes_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"concurrency": 1}
    assert settings({}, {}, tmp_path).concurrency == 32
    assert settings(table, {}, tmp_path).concurrency == 1
    (tmp_path / ".env").write_text("RUNNER_CONCURRENCY=2\n", encoding="utf-8")
    assert settings(table, {}, tmp_path).concurrency == 2
    monkeypatch.setenv("RUNNER_CONCURRENCY", "3")
    assert settings(table, {}, tmp_path).concurrency == 3
    assert settings(table, {"concurrency": 4}, tmp_path).concurrency == 4


def test_a_variable_is_found_in_any_letter_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("runner_max_requests", "5")
    assert settings({}, {}, tmp_path).max_requests == 5


def test_the_value_of_an_input_variable_is_no_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_VAR_concurrency", "many")
    assert settings({}, {}, tmp_path).concurrency == 32


def test_a_wrong_variable_is_told_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_CONCURRENCY", "many")
    with pytest.raises(RunnerError, match="RUNNER_CONCURRENCY"):
        settings({}, {}, tmp_path)


def test_a_wrong_setting_is_told_where_it_was_set_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = Where("configs/main.toml", 1)

    def told(table: dict[str, Any], flags: dict[str, Any]) -> tuple[str, Where | None]:
        with pytest.raises(RunnerError) as caught:
            settings(table, flags, tmp_path, lambda _: where)
        (problem,) = caught.value.problems
        return problem.detail.partition("(")[2].partition(")")[0], problem.where

    assert told({"workspace": "../up"}, {}) == ("workspace in [runner]", where)
    assert told({"workspace": "dev"}, {"workspace": "../up"}) == ("--workspace", None)
    monkeypatch.setenv("RUNNER_WORKSPACE", "../up")
    assert told({"workspace": "dev"}, {}) == ("RUNNER_WORKSPACE", None)
    assert told({}, {}) == ("RUNNER_WORKSPACE", None)


def test_an_empty_variable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("RUNNER_CONCURRENCY=\nRUNNER_MAX_REQUESTS=3\n")
    monkeypatch.setenv("RUNNER_PROVIDER", "")
    monkeypatch.setenv("RUNNER_MAX_REQUESTS", "")
    found = settings({"provider": "mine", "concurrency": 7}, {}, tmp_path)
    assert (found.provider, found.concurrency, found.max_requests) == ("mine", 7, 3)


def test_a_wrong_setting_is_told_by_where_it_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, block = {"concurrency": 0}, Where("main.toml", 1)
    (tmp_path / ".env").write_text("runner_lock_timeout=-3\n")
    monkeypatch.setenv("RUNNER_OFFLINE", "perhaps")
    with pytest.raises(RunnerError) as caught:
        settings(table, {"max_cost": -1.5}, tmp_path, lambda _: block)
    said = {problem.detail.split(": ")[0]: problem.where for problem in caught.value.problems}
    assert said == {
        "The setting concurrency (concurrency in [runner]) is 0": block,
        "The setting lock_timeout (runner_lock_timeout in .env) is '-3'": None,
        "The setting max_cost (--max-cost) is -1.5": None,
        "The setting offline (RUNNER_OFFLINE) is 'perhaps'": None,
    }


def test_the_process_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("SOME_KEY=file\nOTHER_KEY=file\nEMPTY=\n", encoding="utf-8")
    monkeypatch.setenv("SOME_KEY", "process")
    monkeypatch.delenv("OTHER_KEY", raising=False)
    monkeypatch.delenv("EMPTY", raising=False)
    found = environment(tmp_path)
    assert (found["SOME_KEY"], found["OTHER_KEY"]) == ("process", "file")
    assert "EMPTY" not in found
