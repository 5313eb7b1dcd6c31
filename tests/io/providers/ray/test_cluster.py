"""What Ray says, in our words; whole runs on real clusters are in tests/end_to_end."""

import asyncio
import os

import pytest

from runner.errors import RunnerError
from runner.io.providers.ray.cluster import ClusterPlace, in_our_words, open_cluster
from tests.harness.ray_nodes import need_ray

AT = ClusterPlace("head:6379", 2)
VERSIONS = """Version mismatch: The cluster was started with:
    Ray: 2.60.0
    Python: 3.11.2
This process on node 10.0.0.1 was started with:
    Ray: 2.60.0
    Python: 3.11.7
"""


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        (VERSIONS, "runs Ray 2.60.0 on Python 3.11.2, and this is Ray 2.60.0 on Python 3.11.7."),
        ("RPC error: InvalidAuthToken: Authentication token is missing", "refuses the token"),
        ("Can't find a `node_ip_address.json` file", "The runner has to be on a node"),
    ],
)
def test_what_ray_says_is_said_in_our_words(said: str, ours: str) -> None:
    fault = ConnectionError("Failed to connect to Ray cluster")
    fault.__cause__ = RuntimeError(said)
    assert ours in str(in_our_words(fault, AT))


def test_what_keeps_a_cluster_of_this_machine_from_its_beginning_is_passed_on() -> None:
    told = str(in_our_words(ValueError("no space\nmore"), ClusterPlace(None, 1)))
    assert told == (
        "Ray cannot be begun: Ray says of a Ray cluster of this machine: ValueError: no space."
    )


@pytest.mark.parametrize("port", [1, 70_000])  # no port is larger than 65,535
def test_where_nobody_answers_ray_is_not_asked_and_the_environment_is_as_before(port: int) -> None:
    need_ray()
    before = dict(os.environ)

    async def work() -> None:
        async with open_cluster(ClusterPlace(f"127.0.0.1:{port}", 1)):
            raise AssertionError("there is none")

    with pytest.raises(RunnerError, match=rf"Nobody answers at 127\.0\.0\.1:{port}\."):
        asyncio.run(asyncio.wait_for(work(), 120))
    assert dict(os.environ) == before
