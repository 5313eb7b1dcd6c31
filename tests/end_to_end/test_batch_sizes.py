"""Many requests in batches: how many batches, how much CPU and memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.batch_server import serving_batches
from tests.harness.project import Project, completion


def many(directory: Path, url: str, count: int) -> Project:
    made = Project(directory)
    made.write(
        f'[provider.openai]\nbase_url = "{url}"\n[provider.openai.batch]\npoll = 0.05\n'
        + completion("many", "number {{ count.index }}", f"count = {count}")
        + '[output.number]\nvalue = "{{ completion.many | length }}"\n'
    )
    return made


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
        assert len(json.loads(made.state_file.read_bytes())["records"]) == count
