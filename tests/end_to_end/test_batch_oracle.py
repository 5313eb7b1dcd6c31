"""Batches at servers that were written by others."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.harness.batch_oracle import BatchOracle, aimock, ogx
from tests.harness.project import Project, completion, wait_until

MANY = 50

Serving = Callable[[Path], AbstractContextManager[BatchOracle]]
at_each = pytest.mark.parametrize("serving", [aimock, ogx])


def made_by(server: BatchOracle) -> int:
    with urlopen(f"{server.url}/batches", timeout=60) as found:
        return len(json.load(found)["data"])


def project(directory: Path, server: BatchOracle) -> Project:
    made = Project(directory)
    many = completion("many", "number {{ count.index }}", f"count = {MANY}")
    made.write(
        f'[provider.openai]\nbase_url = "{server.url}"\n'
        "[provider.openai.batch]\npoll = 0.05\nsettle = 0.5\n"
        + many.replace("gpt-4o", server.model)
    )
    return made


@at_each
def test_every_request_is_answered_in_one_batch(tmp_path: Path, serving: Serving) -> None:
    with serving(tmp_path / "server") as server:
        made = project(tmp_path, server)
        ran = made.apply("--batch")
        assert ran.status == 0, ran.err
        assert len(made.records) == MANY
        assert made_by(server) == 1


@at_each
def test_a_run_that_is_killed_as_it_waits_makes_no_second_batch(
    tmp_path: Path, serving: Serving
) -> None:
    with serving(tmp_path / "server") as server:
        made = project(tmp_path, server)
        assert made.apply("--batch", "--no-wait").status == 3
        process = made.start("apply", "--auto-approve", "--batch")
        wait_until(lambda: made_by(server) == 1 or process.poll() is not None, "the batch")
        process.kill()
        process.communicate()
        ran = made.apply("--batch")
        assert ran.status == 0, ran.err
        assert len(made.records) == MANY
        assert made_by(server) == 1
