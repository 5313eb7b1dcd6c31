"""How long one request goes on."""

import pytest
from yarl import URL

from runner.io.providers.endpoint import Endpoint
from runner.io.providers.openai.job import Job

URL_ = URL("http://127.0.0.1/v1/chat/completions")


@pytest.mark.parametrize(
    ("timeout", "spent", "again"),
    [
        (600, 600, True),
        (600, 1200, False),
        (10, 60, True),
        (10, 1199, True),
        (3600, 3600, True),
        (3600, 7200, False),
    ],
)
def test_nothing_is_begun_again_once_its_attempts_took_twenty_minutes(
    timeout: float, spent: float, again: bool
) -> None:
    """Or two timeouts, where one is longer: the defaults never make an hour of it."""
    endpoint = Endpoint("openai", "http://127.0.0.1/v1", timeout=timeout)
    job = Job("completion.a", "POST", URL_, b"{}", spent=spent)
    assert (job.retry(endpoint, lambda: 0.0) is not None) is again
