"""Money and requests: the run stops before a limit is crossed, with everything received kept."""

from pathlib import Path
from typing import Any

import pytest

from tests.harness.faults import completion as answer
from tests.harness.faults import error
from tests.harness.project import (
    KEY,
    Project,
    completion,
    ended,
    prompt_of,
    provider,
    serving,
    wait_until,
)
from tests.harness.server import FakeAPI

PRICED = "[provider.openai]\nmax_retries = 0\n"  # its base URL comes from the environment


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def _ten(*more: str) -> str:
    return "".join(completion(f"c{i}", f"q{i}", *more) for i in range(10))


def _route(api: FakeAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", api.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def test_max_requests_is_never_crossed(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + _ten())
        ran = project.apply("--max-requests", "4")
        assert ran.status == 1
        assert len(api.requests) == 4
        assert len(project.records) == 4
        assert "--max-requests 4 is reached" in ran.err
        assert "6 were not started" in ran.err
        assert project.apply("--max-requests", "6").status == 0
        assert len(api.requests) == 10


def test_max_requests_zero_sends_nothing_and_takes_what_is_free(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "one"))
        assert project.apply().status == 0
        project.write(provider(api) + completion("b", "one") + completion("c", "two"))
        ran = project.apply("--max-requests", "0")
        assert ran.status == 1
        assert len(api.requests) == 1
        assert set(project.records) >= {"completion.b"}


def test_max_requests_does_not_stop_what_is_under_way(project: Project) -> None:
    """A request that has to be sent again was allowed: it is not given up for the limit."""
    with serving("500", "500", "ok", "ok") as api:
        project.write(provider(api, max_retries=3) + _ten())
        ran = project.apply("--max-requests", "2", "--concurrency", "4")
        assert ran.status == 1
        assert len(project.records) == 2


def test_max_cost_is_never_crossed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(got: Any) -> dict[str, Any]:
        whole = answer(got.body, got.number)
        whole["usage"] = {"prompt_tokens": 10, "completion_tokens": 1000, "total_tokens": 1010}
        return whole

    with serving(script=script) as api:
        _route(api, monkeypatch)
        project.write(PRICED + _ten("max_completion_tokens = 1000"))
        ran = project.apply("--max-cost", "0.035")  # an answer of gpt-4o: about $0.01
        assert ran.status == 1
        assert len(api.requests) == 3
        assert len(project.records) == 3
        assert "--max-cost" in ran.err
        assert "would be crossed" in ran.err
        assert project.apply("--max-cost", "1").status == 0
        assert len(api.requests) == 10


def test_max_cost_is_not_widened_by_what_a_project_says_of_a_price(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(got: Any) -> dict[str, Any]:
        whole = answer(got.body, got.number)
        whole["usage"] = {"prompt_tokens": 10, "completion_tokens": 1000, "total_tokens": 1010}
        return whole

    with serving(script=script) as api:
        _route(api, monkeypatch)
        free = PRICED + "price = { input = 0, output = 0 }\n"
        project.write(free + _ten("max_completion_tokens = 1000"))
        ran = project.apply("--max-cost", "0.035")  # at the price of the list: about $0.01 each
        assert ran.status == 1
        assert "would be crossed" in ran.err
        assert len(api.requests) == 3


def test_max_cost_is_never_crossed_where_a_prompt_has_a_token_for_each_byte(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Amharic has with vocabularies that do not know it; the plan expects fewer."""

    def script(got: Any) -> dict[str, Any]:
        read = len("ሰ".encode()) * 2000 + 8
        whole = answer(got.body, got.number)
        whole["usage"] = {"prompt_tokens": read, "completion_tokens": 1, "total_tokens": read + 1}
        return whole

    with serving(script=script) as api:
        _route(api, monkeypatch)
        long = completion("long", "ሰ" * 2000 + "{{ count.index }}", "max_tokens = 1", "count = 9")
        project.write(PRICED + long)
        ran = project.apply("--max-cost", "0.05")  # each costs $0.015 at $2.50 a million
        assert ran.status == 1
        assert len(api.requests) == len(project.records) == 3
        assert "would be crossed" in ran.err


@pytest.mark.parametrize("concurrency", ["2", "32"])
def test_max_cost_of_what_is_in_flight_counts_at_its_most(
    project: Project, monkeypatch: pytest.MonkeyPatch, concurrency: str
) -> None:
    """Cheap answers make room for more requests; until they are there, they might be dear."""
    with serving(latency=0.05) as api:
        _route(api, monkeypatch)
        project.write(PRICED + _ten("max_completion_tokens = 1000"))
        ran = project.apply("--max-cost", "0.035", "--concurrency", concurrency)
        assert ran.status == 0, ran.err
        assert len(api.requests) == 10
        assert api.most <= 3  # so many fit in at their most


def test_max_cost_waits_for_failures_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is refused, and costs nothing, makes room for those that waited for it."""
    with serving(*[error(400, "invalid_value")] * 9, latency=0.01) as api:
        _route(api, monkeypatch)
        project.write(PRICED + _ten("max_completion_tokens = 1000"))
        ran = project.apply("--max-cost", "0.015")
        assert ran.status == 1
        assert len(api.requests) == 10
        assert len(project.records) == 1


def test_max_cost_counts_attempts_that_may_have_been_billed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer takes two attempts, the first lost on its way: both may cost a cent."""

    def script(got: Any) -> Any:
        whole = answer(got.body, got.number)
        whole["usage"] = {"prompt_tokens": 10, "completion_tokens": 1000, "total_tokens": 1010}
        return "reset" if got.number % 2 else whole

    with serving(script=script) as api:
        _route(api, monkeypatch)
        project.write("[provider.openai]\nmax_retries = 3\n" + _ten("max_completion_tokens = 1000"))
        ran = project.apply("--max-cost", "0.035", "--concurrency", "1")
        assert ran.status == 1
        assert len(project.records) == 2
        assert len(api.requests) == 4


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -5, "completion_tokens": -1000}])
def test_max_cost_counts_an_answer_without_usage_at_its_most(
    project: Project, monkeypatch: pytest.MonkeyPatch, usage: Any
) -> None:
    """As a stream sends none unless it is asked to."""
    with serving(script=lambda got: answer(got.body, got.number) | {"usage": usage}) as api:
        _route(api, monkeypatch)
        project.write(PRICED + _ten("max_completion_tokens = 1000"))
        ran = project.apply("--max-cost", "0.035", "--concurrency", "1")
        assert ran.status == 1
        assert len(api.requests) == 3


PICTURE = """\
[completion.a]
model = "gpt-4o"
max_tokens = 10
[[completion.a.messages]]
role = "user"
content = [{ type = "image_url", image_url = { url = "https://example.com/a.png" } }]
"""


@pytest.mark.parametrize("block", [completion("a", "q"), PICTURE])
def test_max_cost_refuses_what_nothing_bounds(
    project: Project, monkeypatch: pytest.MonkeyPatch, block: str
) -> None:
    with serving() as api:
        _route(api, monkeypatch)
        project.write(PRICED + block)
        ran = project.apply("--max-cost", "1")
        assert ran.status == 1
        assert not api.requests
        assert "max_completion_tokens" in ran.err


def test_offline_refuses_requests_and_works_without(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "one"))
        ran = project.apply("--offline")
        assert ran.status == 1
        assert "Requests needed while offline" in ran.err
        assert "completion.a" in ran.err
        assert not api.requests
        assert project.apply().status == 0
        assert project.apply("--offline").status == 0
        project.state_file.unlink()
        assert project.apply("--offline").status == 0
        assert set(project.records) == {"completion.a"}
        assert len(api.requests) == 1


def test_concurrency_is_a_bound(project: Project) -> None:
    with serving(held=True) as api:
        project.write(provider(api) + _ten())
        process = project.start("apply", "--auto-approve", "--concurrency", "3")
        wait_until(lambda: len(api.requests) == 3, "3 requests")
        api.release()
        assert ended(process).status == 0
    assert api.most == 3


def test_a_completion_starts_the_moment_its_inputs_are_known(project: Project) -> None:
    """No levels: the end of one chain does not wait for the slow start of another."""

    with serving(held=lambda got: prompt_of(got.body) == "slow") as api:
        text = (
            completion("slow", "slow")
            + completion("a", "a")
            + completion("b", "b {{ completion.a.content }}")
            + completion("c", "c {{ completion.b.content }}")
        )
        project.write(provider(api) + text)
        process = project.start("apply", "--auto-approve")
        process.says("completion.c: Answered")
        assert "completion.slow: Answered" not in process.heard
        api.release()
        assert ended(process).status == 0
    assert len(project.records) == 4


def test_settings_come_from_flag_then_environment_then_dotenv_then_table(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as api:
        project.write("[runner]\nmax_requests = 1\n" + provider(api) + _ten())
        assert project.apply().status == 1
        assert len(api.requests) == 1
        (project.directory / ".env").write_text("RUNNER_MAX_REQUESTS=2\n")
        project.apply()
        assert len(api.requests) == 3
        monkeypatch.setenv("RUNNER_MAX_REQUESTS", "3")
        project.apply()
        assert len(api.requests) == 6
        project.apply("--max-requests", "4")
        assert len(api.requests) == 10
