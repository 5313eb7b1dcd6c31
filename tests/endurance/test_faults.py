"""A thousand completions against a server that fails: pytest -m endurance tests/endurance -s"""

import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.project import Project, completion, ended, prompts, provider, serving
from tests.shell.server import FakeAPI

TOTAL = 1000
HOLD = 1.0
UNDER_WAY = 0.3  # seconds in which what was sent before the 429 was read may still arrive


@pytest.mark.endurance
@pytest.mark.timeout(1800)
def test_a_thousand_finish_with_exactly_the_requests_the_faults_force(tmp_path: Path) -> None:
    rates = {"429": 0.2, "500": 0.05, "reset": 0.02}
    project = Project(tmp_path)
    with serving(rates=rates, seed=11, latency=0.01) as api:
        settings = provider(api, max_retries=8, concurrency=64)
        block = completion("many", "number {{ count.index }}", f"count = {TOTAL}")
        project.write(f"{settings}{block}")
        flags = ("--auto-approve", "--concurrency", "64", "--json")
        ran = ended(project.start("apply", *flags), timeout=1500)
        assert ran.status == 0, ran.err
        _check(project, api)
        _tell(api, ran.of("change_summary")[-1])
        sent = len(api.requests)
        assert project.run("apply", "--auto-approve").status == 0
        assert len(api.requests) == sent


def _check(project: Project, api: FakeAPI) -> None:
    """Each is answered once; each fault cost one request more, and no request came too early."""
    assert project.outputs["many"] == [f"echo: number {i}" for i in range(TOTAL)]
    faults = Counter(request.fault for request in api.requests)
    assert faults.pop("ok") == TOTAL
    assert set(faults) == {"429", "500", "reset"}
    tries = Counter(prompts(api))
    records = project.records.values()
    assert {r["request"]["messages"][0]["content"]: r["attempts"] for r in records} == tries
    asked = list(zip(api.requests, prompts(api), strict=True))
    for number, (request, prompt) in enumerate(asked):
        if request.fault == "429":
            later = [(r, p) for r, p in asked[number + 1 :] if r.at < request.at + HOLD]
            assert all(p != prompt and r.at < request.at + UNDER_WAY for r, p in later)


def _tell(api: FakeAPI, summary: dict[str, object]) -> None:
    faults = Counter(request.fault for request in api.requests)
    assert summary["maybe_billed"] == faults["reset"]
    took = api.requests[-1].at - api.requests[0].at
    sys.stdout.write(
        f"\n{len(api.requests)} requests for {TOTAL} answers in {took:.0f} s: {dict(faults)}\n"
    )
