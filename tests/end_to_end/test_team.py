"""`runner docs team`, as it stands there: two people, a bucket and CI, on an S3 server."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests import ROOT
from tests.harness.git import WHO
from tests.harness.object_stores import moto
from tests.harness.project import HANG, serving
from tests.harness.server import FakeAPI

PAGE = (ROOT / "runner/docs/team.md").read_text()
BEGIN, JOIN, CI, BACK = (
    PAGE.index("## Ana begins"),
    PAGE.index("## Ben joins"),
    PAGE.index("## CI applies"),
    PAGE.index("## Ana has it"),
)
SECRET = "a-secret-key-of-the-team-0123456789"


def fenced(kind: str, text: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


class Person:
    """Somebody with a home of their own; what they type is typed in a shell."""

    def __init__(self, home: Path, endpoint: str, **more: str) -> None:
        home.mkdir()
        self.here = home
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "AWS_ACCESS_KEY_ID": "AKIA0123456789TEAM",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "RUNNER_BACKEND_ENDPOINT": endpoint,  # of the server here, in the place of Amazon's
            **WHO,
            **more,
        }

    def types(self, lines: str, status: int = 0) -> str:
        """All that a command line says."""
        runner = f'runner() {{ {shlex.quote(sys.executable)} -m runner "$@"; }}; set -e\n'
        done = subprocess.run(
            ["bash", "-c", f"{runner}{lines}"], cwd=self.here, env=self._environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=HANG, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stdout
        assert SECRET not in done.stdout
        return done.stdout


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    with serving() as api:
        yield api


def test_two_people_a_bucket_and_ci_pay_for_each_answer_once(tmp_path: Path, api: FakeAPI) -> None:
    with moto(tmp_path / "moto") as endpoint:
        trust = f"{endpoint},{api.url}"
        asks = {"OPENAI_API_KEY": "sk-0123456789abcdef", "OPENAI_BASE_URL": api.url}
        origin = tmp_path / "origin.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", origin], check=True)

        ana = Person(tmp_path / "ana", endpoint, RUNNER_TRUST=trust, **asks)
        ana.here = ana.here / "prompts"
        (ana.here / "configs").mkdir(parents=True)
        (configuration,) = fenced("toml", PAGE[BEGIN:JOIN])
        (ana.here / "configs/main.toml").write_text(configuration)
        (begins,) = fenced("sh", PAGE[BEGIN:JOIN])
        ana.types(begins.replace("runner trust ", ": ").replace("git init", "git init -q -b main"))
        ana.types(f"git remote add origin {origin}; git push -q -u origin main")
        assert len(api.requests) == 1

        ben = Person(tmp_path / "ben", endpoint, RUNNER_TRUST=trust, **asks)
        joins, tries = fenced("sh", PAGE[JOIN:CI])
        said = ben.types(joins.replace("ssh://git.example/prompts", f"{origin} prompts"))
        assert "nothing would be sent" in said
        ben.here = ben.here / "prompts"
        ben.types(tries)
        assert len(api.requests) == 2
        ben.types("git push -q origin shorter:main")

        (workflow,) = fenced("yaml", PAGE[CI:BACK])
        job = yaml.safe_load(workflow)["jobs"]["apply"]
        assert not any("OPENAI" in name for name in job["env"])
        ci = Person(tmp_path / "ci", endpoint, RUNNER_TRUST=f"{job['env']['RUNNER_TRUST']},{trust}")
        ci.types(f"git clone -q {origin} .")
        for step in job["steps"]:
            if "run" in step and not step["run"].startswith("pip"):
                ci.types(step["run"])

        (back,) = fenced("sh", PAGE[BACK:])
        said = ana.types(back)
        assert "nothing would be sent" in said
        assert "echo: Say in five words why the sea is salt." in said
        assert len(api.requests) == 2

        ana.types("sed -i 's/five/six/' configs/main.toml; git commit -qam Six; git push -q")
        ci.types("git pull -q")
        said = ci.types(job["steps"][-1]["run"], status=1)
        assert "completion.summary" in said
