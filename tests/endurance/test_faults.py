"""A thousand completions against a server that fails: pytest -m endurance tests/endurance -s"""

import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.harness.project import Project, completion, ended, prompts, provider, serving
from tests.harness.server import FakeAPI

TOTAL = 1000
SOME = 200
PASSING = {
    "429": 0,
    "429-bare": 0,
    "500": 0,
    "503": 0,
    "html": 0,
    "html502": 0,
    "empty": 1,
    "garbled": 1,
    "nochoices": 1,
    "reset": 1,
    "close": 1,
    "truncate": 1,
}  # whether an attempt that met it may have been billed
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


@pytest.mark.endurance
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", PASSING)
def test_every_passing_fault_loses_nothing(tmp_path: Path, fault: str) -> None:
    """One line of a table: the fault, how many requests were tried, how many answers are lost,
    and how many requests may have been paid twice. A quarter of all attempts meet the fault.
    """
    project = Project(tmp_path)
    with serving(rates={fault: 0.25}, seed=7, latency=0.01) as api:
        block = completion("many", "number {{ count.index }}", f"count = {SOME}")
        project.write(provider(api, max_retries=12) + block)
        ran = ended(project.start("apply", "--auto-approve", "--json"), timeout=500)
        met = sum(request.fault == fault for request in api.requests)
    answers = [answer for answer in project.outputs["many"] if answer is not None]
    twice = ran.of("change_summary")[-1]["maybe_billed"]
    sys.stdout.write(
        f"\n{fault:<10} {len(api.requests):>4} tries ({met} met it), "
        f"{SOME - len(answers)} lost, {twice} maybe paid twice\n"
    )
    assert ran.status == 0, ran.err
    assert answers == [f"echo: number {i}" for i in range(SOME)]
    assert len(api.requests) == SOME + met
    assert twice == met * PASSING[fault]


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
