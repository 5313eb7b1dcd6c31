"""Batches at a server that was written by others."""

import json
from pathlib import Path
from urllib.request import urlopen

from tests.harness.batch_oracle import aimock
from tests.harness.project import Project, completion, wait_until

MANY = 50


def made_by(url: str) -> int:
    with urlopen(f"{url}/batches", timeout=60) as found:
        return len(json.load(found)["data"])


def project(directory: Path, url: str) -> Project:
    made = Project(directory)
    made.write(
        f'[provider.openai]\nbase_url = "{url}"\n'
        "[provider.openai.batch]\npoll = 0.05\nsettle = 0.5\n"
        + completion("many", "number {{ count.index }}", f"count = {MANY}")
    )
    return made


def test_every_request_is_answered_in_one_batch(tmp_path: Path) -> None:
    with aimock(tmp_path / "server") as url:
        made = project(tmp_path, url)
        ran = made.apply("--batch")
        assert ran.status == 0, ran.err
        assert len(made.records) == MANY
        assert made_by(url) == 1


def test_a_run_that_is_killed_as_it_waits_makes_no_second_batch(tmp_path: Path) -> None:
    with aimock(tmp_path / "server") as url:
        made = project(tmp_path, url)
        assert made.apply("--batch", "--no-wait").status == 3
        process = made.start("apply", "--auto-approve", "--batch")
        wait_until(lambda: made_by(url) == 1 or process.poll() is not None, "the batch")
        process.kill()
        process.communicate()
        assert made.apply("--batch").status == 0
        assert len(made.records) == MANY
        assert made_by(url) == 1
