"""Whole applies whose requests are sent by the workers of real Ray clusters."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import ROOT
from tests.harness.project import HANG, KEY, Process, Project, completion, ended, provider, serving
from tests.harness.ray_nodes import descendants, kill, named, need_ray, ray_nodes

APPLY = ("apply", "--auto-approve", "--no-input")
WORKER = "ray::Worker"
ASKED = 24
SHORT = ("max_tokens = 8", "temperature = 0")
LIMIT = 180


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + HANG
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)


@pytest.mark.timeout(LIMIT)
def test_a_worker_and_a_node_are_killed_and_all_is_answered_with_a_key_that_nothing_shows(
    tmp_path: Path,
) -> None:
    """The key is in the environment of the nodes alone; half of the requests are held until both
    are gone.
    """
    project = Project(tmp_path)
    with ray_nodes(NODE_KEY=KEY) as nodes, serving(held=True) as api:
        nodes.join()
        project.write(
            provider(api, api_key_env="NODE_KEY", concurrency=8, max_retries=5)
            + completion("q", "number {{ count.index }}", f"count = {ASKED}")
            + f'[runner.executor]\ntype = "ray"\naddress = "{nodes.address}"\nworkers = 2\n'
            'providers = ["openai"]\n'
        )
        env = nodes.variables
        refused = project.run(*APPLY, env=env)
        assert refused.status == 1
        assert "have requests sent by the Ray cluster ray://" in refused.err
        assert not api.completions
        trust = ("--trust", f"ray://{nodes.address}")
        process = project.start(*APPLY, *trust, env=env)
        until(lambda: len(api.completions) == 8)
        workers = named([pid for one in nodes.started for pid in descendants(one.pid)], WORKER)
        assert len(workers) == 2
        kill(workers[0])
        until(lambda: len(api.completions) > 8)
        second = nodes.started[1]
        below = descendants(second.pid)
        for pid in named(below, "raylet/raylet"):
            kill(pid)
        process.says("died: its node")
        api.release()
        ran = ended(process)
        assert ran.status == 0, ran.err
        assert len(project.records) == ASKED
        assert ASKED < len(api.completions) <= ASKED + 2 * 8
        assert {each.headers["Authorization"] for each in api.requests} == {f"Bearer {KEY}"}
        shown = [name for name, held in nodes.logs() if KEY.encode() in held]
        assert not shown
        assert KEY not in ran.out + ran.err
        assert not _by_ray(ran.err)


def _by_ray(text: str) -> list[str]:
    """The lines that are none of ours."""
    marks = ("(raylet)", " -- ", ".cc:", "WARNING", "ERROR")
    return [line for line in text.splitlines() if any(mark in line for mark in marks)]


TWICE = """
import sys, runner
project = runner.open(".")
for target in ("completion.q[0]", "completion.q[1]"):
    plan = project.plan(targets=[target])
    result = project.apply(plan, executor="ray", on_event=lambda _: print("told", file=sys.stderr))
    assert result.ok, result.problems
"""


@pytest.mark.timeout(LIMIT)
def test_clusters_of_this_machine_answer_as_one_model_does_and_end_with_their_runs(
    tmp_path: Path,
) -> None:
    """Two, one after the other in one process."""
    need_ray()
    project = Project(tmp_path)
    project.write(
        '[runner]\nprovider = "embedded"\n[runner.executor]\ntype = "ray"\nworkers = 1\n'
        + completion("q", "Name {{ count.index + 2 }} animals.", "count = 2", *SHORT)
        + "[output.all]\nvalue = \"{{ completion.q | map(attribute='content') | list }}\"\n"
    )
    # Of a project nothing is run, and what a worker imports is not in the folder at hand.
    (tmp_path / "xllamacpp.py").write_text("raise SystemExit")
    env = {"XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))}
    process = Process(
        [sys.executable, "-c", TWICE],
        env={**os.environ, **env, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.says("told")
    below = descendants(process.pid)
    assert named(below, "gcs_server")
    ran = ended(process)
    assert (ran.status, ran.out) == (0, ""), ran.err
    assert {*ran.err.split()} == {"told"}
    assert not [pid for pid in below if named([pid], "ray")]
    answers = project.outputs
    (tmp_path / "state" / "cache" / "cache.db").unlink()
    project.state_file.unlink()
    assert project.run(*APPLY, "--executor", "local", env=env).status == 0
    assert project.outputs == answers
