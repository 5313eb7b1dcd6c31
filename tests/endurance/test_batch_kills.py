"""200 kills of applies in batches, over a graph of 3 levels of 300; an answer is paid for once."""

import random
from pathlib import Path

import pytest

from tests.harness.batch_crashes import LEVELS, BatchCrashes
from tests.harness.batch_server import serving_batches

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(3600)]
KILLS = 200
STEPS = ("POST /files", "POST /batches", "GET /batches/", "GET /batches", "GET /files/", "DELETE")


@pytest.mark.parametrize("seed", range(4))
def test_kills_cost_no_answer_and_pay_none_twice(tmp_path: Path, seed: int) -> None:
    draw, kills, round_ = random.Random(seed), 0, 0
    while kills < KILLS // 4:
        round_ += 1
        with serving_batches(looks=draw.randrange(3), lag=draw.randrange(2)) as server:
            crashes = BatchCrashes(tmp_path / str(round_), server, 300, settle=1.0)
            for _ in range(draw.randrange(4, 12)):
                if draw.random() < 0.5:
                    crashes.kill_at(draw.choice(STEPS), draw.randrange(1, 4))
                else:
                    at = draw.uniform(0.2, 3.0)
                    crashes.kill(lambda seconds, at=at: seconds > at)  # type: ignore[misc]
            kills += crashes.kills
            crashes.finish()
            assert len(server.paid) == len(LEVELS) * crashes.width
