"""No answer, however odd, stops a project, or takes the good ones beside it along."""

from collections.abc import Iterator
from itertools import islice

import pytest

from tests.fuzz.crowd import attempt
from tests.fuzz.kinds import ENV, Bench, bench
from tests.fuzz.odd_answers import BODIES, more_bodies, nested


@pytest.fixture(scope="module")
def held() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.mark.parametrize("stream", [False, True])
def test_every_odd_answer_is_one_or_a_failure_or_kept_and_marked(held: Bench, stream: bool) -> None:
    assert len(set(BODIES)) == 48
    attempt(held.folder, held.server, BODIES, stream=stream)


@pytest.mark.parametrize("stream", [False, True])
def test_random_ones_are_too(held: Bench, stream: bool) -> None:
    """`python -m tests.fuzz.crowd --count 5000` tries more of them."""
    attempt(held.folder, held.server, list(islice(more_bodies(1), 150)), stream=stream)


_KEPT = ("1e999", "-1e999", "9" * 400, nested(200), nested(400), nested(900), '{"a":"\\ud800x"}')


@pytest.mark.parametrize("value", _KEPT)
def test_what_an_older_version_kept_is_read(held: Bench, value: str) -> None:
    """Each record's request and response hold it: whoever shows or compares them can."""
    state = held.applied["state/state.json"].decode()
    for name in ("request", "response"):
        state = state.replace(f'"{name}":{{', f'"{name}":{{"odd":{value},')
    held.folder.fill({**held.applied, "state/state.json": state.encode()})
    held.server.script = []
    for verb in (("plan", "--full"), ("show", "--json"), ("show", "completion.a"), ("output",)):
        told = held.folder.reads(*verb, env=ENV)
        assert told.status == 0 or "damaged" in told.err + told.out
    assert held.folder.run("apply", "--auto-approve", env=ENV).status in (0, 1)
