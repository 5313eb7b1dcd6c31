"""Judges on real processes: what kill -9 leaves of their verdicts, and a real model as one."""

import json
from pathlib import Path

from tests.harness.project import Project, completion, prompt_of, provider, serving, wait_until
from tests.harness.server import Request

JUDGED = """[check.polite]
of = "completion.many"
[check.polite.judge]
model = "gpt-4o-mini"
rubric = "The answer is polite."
"""
ANSWERS, BEFORE, CONCURRENCY = 60, 25, 8


def is_verdict(request: Request) -> bool:
    return prompt_of(request.body).startswith("Rubric:")


def test_a_kill_among_the_verdicts_loses_none(tmp_path: Path) -> None:
    """Only those in flight are asked for again."""
    with serving(held=lambda got: got.number > ANSWERS + BEFORE) as api:
        project = Project(tmp_path)
        block = completion("many", "number {{ count.index }}", f"count = {ANSWERS}")
        project.write(provider(api) + block + JUDGED)
        assert project.apply("--no-checks").status == 0
        assert len(api.completions) == ANSWERS
        flags = ("--auto-approve", "--concurrency", str(CONCURRENCY))
        killed = project.start("apply", *flags)
        wait_until(lambda: len(api.completions) >= ANSWERS + BEFORE + CONCURRENCY, "verdicts")
        killed.kill()
        killed.communicate()
        api.settle()
        before = len(api.completions)
        assert before == ANSWERS + BEFORE + CONCURRENCY
        ran = project.run("apply", *flags)
        assert ran.status == 0, ran.err
        later = api.completions[before:]
        assert all(map(is_verdict, later))
        assert len(later) == ANSWERS - BEFORE
        verdicts = [address for address in project.records if address.startswith("check.")]
        assert len(verdicts) == ANSWERS
        assert project.run("apply", *flags, "--offline").status == 0


def test_the_embedded_model_judges_what_it_answered(tmp_path: Path) -> None:
    """Whatever a model of this size says of it: each answer has a verdict, or is unscored; the
    second time all of it is there.
    """
    project = Project(tmp_path)
    project.write(
        """[runner]
provider = "embedded"
[completion.capital]
for_each = ["France", "Peru"]
max_completion_tokens = 12
temperature = 0
messages = [{ role = "user", content = "Name the capital of {{ each.key }}." }]
[check.polite]
of = "completion.capital"
at_least = 0
[check.polite.judge]
provider = "embedded"
rubric = "The answer names the capital of {{ each.key }}."
max_completion_tokens = 80
"""
    )
    ran = project.run("apply", "--auto-approve")
    assert ran.status == 0, ran.err
    assert "A model judges itself" in ran.err
    keys = ('["France"]', '["Peru"]')
    assert [*project.records] == [
        *(f"check.polite.judge{key}" for key in keys),
        *(f"completion.capital{key}" for key in keys),
    ]
    assert project.outputs.keys() == {"capital"}
    again = project.run("apply", "--auto-approve", "--offline")
    assert again.status == 0, again.err
    (check,) = json.loads(project.run("check", "--json").out)["checks"]
    assert check["scored"] + check["unscored"] == 2
