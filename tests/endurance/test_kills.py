"""Two hundred kill -9. Run by its own command: pytest -m endurance tests/endurance -s"""

import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.harness.crashes import CONCURRENCY, Crashes, at_random
from tests.harness.project import serving

KILLS = 200


@pytest.mark.endurance
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("total", "seconds", "kills"), [(1000, 3.0, 100), (150, 1.2, 100)])
def test_hundreds_of_kills_lose_no_answer(
    tmp_path: Path, total: int, seconds: float, kills: int
) -> None:
    source = random.Random(total)
    done = rounds = 0
    twice: Counter[int] = Counter()
    while done < kills:
        rounds += 1
        with serving(latency=0.02) as api:
            crashes = Crashes(tmp_path / str(rounds), api, total)
            while done + crashes.kills < kills and crashes.kill(
                at_random(source, total // 4, seconds)
            ):
                pass
            crashes.finish()
            assert len(api.requests) == total + sum(crashes.twice)
        done += crashes.kills
        twice.update(crashes.twice[1:])
    assert max(twice) <= CONCURRENCY
    paid = sum(number * times for number, times in twice.items())
    sys.stdout.write(
        f"\n{done} kills over {rounds} projects of {total}: 0 answers lost, {paid} requests paid "
        f"twice ({paid / done:.1f} a kill, at most {max(twice)})\n"
    )
