"""A run in batches that is killed at each of its steps: no answer is lost, and none paid twice."""

import random
from pathlib import Path

import pytest

from tests.harness.batch_crashes import BatchCrashes
from tests.harness.batch_server import serving_batches


@pytest.mark.parametrize(
    "what",
    ["POST /files", "POST /batches", "GET /batches/", "GET /files/", "DELETE /files/"],
)
@pytest.mark.parametrize("number", [1, 2])
def test_a_kill_at_any_request_costs_nothing(tmp_path: Path, what: str, number: int) -> None:
    with serving_batches() as server:
        crashes = BatchCrashes(tmp_path, server, 5)
        assert crashes.kill_at(what, number)
        crashes.finish()


def test_kills_in_a_row_cost_nothing(tmp_path: Path) -> None:
    with serving_batches() as server:
        crashes = BatchCrashes(tmp_path, server, 5)
        for what in ("POST /batches", "GET /batches", "GET /batches/", "GET /files/"):
            assert crashes.kill_at(what)
        crashes.finish()


def test_a_list_that_lags_costs_nothing(tmp_path: Path) -> None:
    with serving_batches(lag=3) as server:
        crashes = BatchCrashes(tmp_path, server, 5, settle=5)
        assert crashes.kill_at("POST /batches")
        crashes.finish()
        assert len(server.batches) == 3


def test_kills_at_any_time_cost_nothing(tmp_path: Path) -> None:
    draw = random.Random(7)
    with serving_batches(looks=2) as server:
        crashes = BatchCrashes(tmp_path, server, 300)
        for _ in range(8):
            crashes.kill_after(draw.randint(1, 8))
        assert crashes.kills
        crashes.finish()
