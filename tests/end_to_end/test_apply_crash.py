"""kill -9 at any moment: the state stays readable, and no more is paid twice than was in flight."""

import random
from pathlib import Path

from tests.harness.crashes import CONCURRENCY, Crashes, after_requests, at_random
from tests.harness.project import serving


def test_killed_half_way_pays_at_most_what_was_in_flight(tmp_path: Path) -> None:
    with serving(held=lambda got: got.number > 500) as api:
        crashes = Crashes(tmp_path, api, 1000)
        assert crashes.kill(after_requests(501))
        sent = len(api.requests)
        assert 500 < sent < 1000
        crashes.finish()
        assert len(api.requests) - 1000 <= CONCURRENCY
        assert crashes.finish() == 0


def test_killed_while_answers_are_stored_leaves_none_that_is_nobodys(tmp_path: Path) -> None:
    """Also the first apply of all, whose state is not written yet: but for what was in flight,
    all that the server keeps is found again, and deleted at the end.
    """
    with serving(latency=0.02) as api:
        crashes = Crashes(tmp_path, api, 120, "store = true")
        assert crashes.kill(after_requests(40))
        assert crashes.kill(after_requests(40))
        crashes.finish()
        assert len(api.requests) == 120 + sum(crashes.twice)
        assert sum(crashes.twice) <= 2 * CONCURRENCY
        assert crashes.project.call("destroy", "--auto-approve").status == 0
        assert len(api.store.completions) <= sum(crashes.twice)


def test_killed_at_random_moments_it_still_ends(tmp_path: Path) -> None:
    source = random.Random()
    seed = source.randrange(10**9)
    source.seed(seed)
    with serving(latency=0.02) as api:
        crashes = Crashes(tmp_path, api, 150)
        while crashes.kills < 5 and crashes.kill(at_random(source, 50, 1.0)):
            pass
        crashes.finish()
        assert max(crashes.twice) <= CONCURRENCY, f"seed {seed}"
        assert len(api.requests) == 150 + sum(crashes.twice), f"seed {seed}"
