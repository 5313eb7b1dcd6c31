"""Many requests in batches: how many batches, how much CPU and memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.batch_server import serving_batches
from tests.harness.project import Project, completion

PARTS = 2_300  # more than are taken at once


def many(directory: Path, url: str, count: int) -> Project:
    made = Project(directory)
    made.write(
        f'[provider.openai]\nbase_url = "{url}"\n[provider.openai.batch]\npoll = 0.05\n'
        + completion("many", "number {{ count.index }}", f"count = {count}")
        + '[output.number]\nvalue = "{{ completion.many | length }}"\n'
    )
    return made


def test_what_follows_from_many_answers_is_one_batch(tmp_path: Path) -> None:
    """They are taken a part at a time; the next level is sent when all of them are."""
    with serving_batches() as server:
        made = Project(tmp_path)
        follows = "after {{ completion.many[count.index].content }}"
        made.write(
            f'[provider.openai]\nbase_url = "{server.url}"\n[provider.openai.batch]\npoll = 0.05\n'
            + completion("many", "number {{ count.index }}", f"count = {PARTS}")
            + completion("next", follows, f"count = {PARTS}")
        )
        ran = made.apply("--batch", "--quiet")
        assert ran.status == 0, ran.err
        assert [len(sent.lines) for sent in server.batches.values()] == [PARTS, PARTS]
        assert len(server.paid) == 2 * PARTS


MEASURED = """
import resource, sys
from runner.cli.main import main
status = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.endurance
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("count", "batches"), [(50_000, 1), (120_000, 3)])
def test_a_batch_is_as_large_as_a_server_takes(tmp_path: Path, count: int, batches: int) -> None:
    with serving_batches() as server:
        made = many(tmp_path, server.url, count)
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                MEASURED,
                "-C",
                str(tmp_path),
                "apply",
                "--auto-approve",
                "--batch",
                "--quiet",
                "--json",
            ],
            env={**os.environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        used, megabytes = done.stderr.strip().splitlines()[-1].split()
        sys.stdout.write(f"\n{count}: {used} s of CPU, {megabytes} MB\n")
        assert float(megabytes) < 400 * max(1, count / 50_000)
        assert len(server.batches) == batches
        assert max(len(sent.lines) for sent in server.batches.values()) <= 50_000
        assert len(server.paid) == count
        assert len(made.outputs["many"]) == count
