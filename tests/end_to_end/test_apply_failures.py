"""One failure does not stop the others; one that every request would meet stops all."""

import re
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.harness.faults import error
from tests.harness.faults import respond as _respond
from tests.harness.project import KEY, Project, completion, prompt_of, prompts, provider, serving
from tests.harness.server import FakeAPI, Request


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def _ten(api: FakeAPI, **settings: Any) -> str:
    return provider(api, **settings) + "".join(completion(f"c{i}", f"q{i}") for i in range(10))


def _refuse(*wanted: str, how: Any = None) -> Any:
    fault = how or error(400, "invalid_value", "invalid_request_error", "Bad words")

    def script(got: Request) -> Any:
        return fault if prompt_of(got.body) in wanted else "ok"

    return script


def test_one_fails_its_dependents_are_skipped_and_the_others_are_kept(project: Project) -> None:
    with serving(script=_refuse("bad")) as api:
        text = (
            provider(api)
            + completion("a", "bad")
            + completion("b", "on {{ completion.a.content }}")
            + completion("c", "on {{ completion.b.content }}")
            + completion("d", "good")
            + completion("e", "on {{ completion.d.content }}")
        )
        project.write(text)
        ran = project.apply()
    assert ran.status == 1
    assert set(project.records) == {"completion.d", "completion.e"}
    assert project.outputs == {"d": "echo: good", "e": "echo: on echo: good"}
    assert "Error: Completion failed\n\n  on completion.a\n\nBad words" in ran.err
    assert "(status 400, type invalid_request_error, code invalid_value" in ran.err
    assert re.search(r"done +2  completion.d, completion.e\n", ran.out)
    assert re.search(r"failed +1  completion.a\n", ran.out)
    assert re.search(r"skipped +2  completion.b, completion.c\n", ran.out)
    assert 'd = "echo: good"' in ran.out


def test_the_next_apply_issues_only_what_failed(project: Project) -> None:
    bad = {"q3", "q4"}
    with serving(script=lambda got: "500" if prompt_of(got.body) in bad else "ok") as api:
        project.write(_ten(api))
        assert project.apply().status == 1
        assert len(project.records) == 8
        bad.clear()
        assert project.apply().status == 0
        assert sorted(prompts(api)[10:]) == ["q3", "q4"]


def test_equal_failures_are_said_once(project: Project) -> None:
    with serving(script=_refuse(*(f"q{i}" for i in range(10)))) as api:
        project.write(_ten(api))
        ran = project.apply()
    assert ran.status == 1
    assert ran.err.count("Bad words") == 1
    assert "The same for 10 completions: completion.c0, completion.c1" in ran.err


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("401", "Incorrect API key provided"),
        ("quota", "You exceeded your quota"),
        (error(403, "account_deactivated", "invalid_request_error", "Deactivated"), "Deactivated"),
    ],
    ids=["401", "quota", "403"],
)
def test_a_failure_that_all_would_meet_stops_the_run_and_keeps_what_came(
    project: Project, fault: Any, said: str
) -> None:
    def script(got: Request) -> Any:
        return "ok" if got.number <= 3 else fault

    with serving(script=script, latency=0.02) as api:
        project.write(_ten(api))
        ran = project.apply("--concurrency", "2")
        assert ran.status == 1
        assert len(project.records) == 3
        assert len(api.completions) <= 5
        assert ran.err.count(said) == 1, ran.err
        assert "Run stopped" in ran.err
        assert re.search(r"skipped +[56] ", ran.out), ran.out


def test_a_model_that_is_not_there_is_asked_for_by_what_is_in_flight_alone(
    project: Project,
) -> None:
    """Another model of the same provider is none of its business."""
    missing = error(404, "model_not_found", "invalid_request_error", "No such model")

    def script(got: Request) -> Any:
        return "ok" if got.body["model"] == "gpt-4o" else missing

    with serving(script=script) as api:
        text = "".join(completion(f"c{i}", f"q{i}", f'user = "{i}"') for i in range(20))
        project.write(provider(api, api_key_env="MY_KEY") + text.replace("gpt-4o", "gpt-4oo"))
        project.write(completion("good", "hi"), "good.toml")
        ran = project.run(
            "apply", "--auto-approve", "--concurrency", "2", "--trust", api.url, env={"MY_KEY": KEY}
        )
        asked = [got for got in api.completions if got.body["model"] == "gpt-4oo"]
    assert ran.status == 1
    assert 1 <= len(asked) <= 2  # as many as were in flight
    assert set(project.records) == {"completion.good"}
    assert ran.err.count("No such model") == 1
    url = f"{api.url}/chat/completions"
    assert f"Asked: the provider openai, POST {url}, with the key in MY_KEY." in ran.err
    rest = 20 - len(asked)
    assert f"{rest} more were not asked: they would have met the same." in ran.err
    assert re.search(rf"failed +{len(asked)} ", ran.out)
    assert re.search(rf"skipped +{rest} ", ran.out)


def test_a_wrong_path_is_asked_for_by_what_is_in_flight_alone(project: Project) -> None:
    with serving(script=lambda _: _respond(404, {"detail": "Not Found"})) as api:
        project.write(_ten(api, base_url=api.url.removesuffix("/v1")))
        ran = project.apply("--concurrency", "3")
        assert len(api.completions) == 3
    assert f'Is /v1 missing? base_url = "{api.url}".' in ran.err
    assert "7 more were not asked" in ran.err


def test_fail_fast_stops_at_the_first(project: Project) -> None:
    with serving(script=_refuse("q1")) as api:
        project.write(_ten(api))
        ran = project.apply("--fail-fast", "--concurrency", "1")
        assert ran.status == 1
        assert prompts(api) == ["q0", "q1"]
        assert "--fail-fast was given" in ran.err
        assert set(project.records) == {"completion.c0"}


def test_no_server_there_is_said_once_and_nothing_is_lost(project: Project) -> None:
    with socket.socket() as held:  # bound and not listening: refused, and nobody else's
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        text = "".join(completion(f"c{i}", f"q{i}") for i in range(10))
        project.write(f'[provider.openai]\nbase_url = "{url}"\nmax_retries = 1\n' + text)
        ran = project.run("apply", "--auto-approve", "--concurrency", "4")
    assert ran.status == 1
    assert ran.err.lower().count("connection refused by 127.0.0.1") == 1, ran.err
    assert "Traceback" not in ran.err
    assert not project.state_file.exists()


def test_without_a_key_nothing_is_sent_or_written(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serving() as api:
        text = '[provider.openai]\napi_key_env = "MY_API_KEY"\nbase_url = "@"\n'
        project.write(text.replace("@", api.url) + completion("a", "hi"))
        ran = project.apply()
        assert not api.requests
    assert ran.status == 1
    assert "Error: No API key" in ran.err
    assert "configs/main.toml line 2" in ran.err
    assert "MY_API_KEY, which is not set" in ran.err
    assert not ran.out  # a plan that cannot be carried out is not shown first
    assert not project.state_file.exists()


def test_the_closest_key_that_is_set_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEYS", KEY)
    project.write(completion("a", "hi", 'provider = "openai"'))
    ran = project.apply()
    assert ran.status == 1
    assert "OPENAI_API_KEYS is set; did you mean that one?" in ran.err
    assert KEY not in ran.err


def test_retries_end_well_and_are_recorded(project: Project) -> None:
    with serving("500", "reset", "ok") as api:
        project.write(provider(api, max_retries=3) + completion("a", "hi"))
        ran = project.apply()
        assert ran.status == 0, ran.err
        assert len(api.completions) == 3
    record = project.records["completion.a"]
    assert (record["attempts"], record["maybe_billed"]) == (3, 1)
    assert "1 attempt ended without an answer and may have been billed" in ran.out
    shown = project.call("show", "completion.a").out
    assert "3 attempts, 1 without an answer that may have been billed)" in shown
    project.state_file.unlink()
    assert project.apply().status == 0
    assert project.records["completion.a"]["maybe_billed"] == 1


def test_a_failure_says_what_may_have_been_billed(project: Project) -> None:
    with serving("reset", "500") as api:
        project.write(provider(api, max_retries=1) + completion("a", "hi"))
        ran = project.apply()
    assert "attempts 2, maybe billed 1)" in ran.err


def test_an_answer_that_breaks_its_schema_fails_and_is_kept(project: Project) -> None:
    shape = 'response_format = { type = "json_schema", json_schema = { name = "n", schema = @ } }'
    schema = '{ type = "object", required = ["a"] }'
    with serving() as api:
        project.write(provider(api) + completion("a", "hi", shape.replace("@", schema)))
        ran = project.apply()
        assert ran.status == 1
        assert "was kept, and is not accepted" in ran.err
        assert project.records["completion.a"]["status"] == "invalid"
        assert len(api.completions) == 1


def test_cut_off_answers_are_answers_with_a_warning(project: Project) -> None:
    def script(got: Request) -> Any:
        body = {
            "id": "x",
            "choices": [
                {"index": 0, "finish_reason": "length", "message": {"content": "half of it"}}
            ],
        }
        return _respond(200, body)

    with serving(script=script) as api:
        project.write(provider(api) + completion("a", "hi", "max_tokens = 3"))
        ran = project.apply()
        assert ran.status == 0, ran.err
        assert "Warning: Answer is not whole" in ran.err
        assert project.records["completion.a"]["status"] == "incomplete"
        assert project.apply().status == 0
        assert len(api.completions) == 1


def test_providers_fail_apart_from_each_other(project: Project) -> None:
    """One that cannot be opened is no reason to lose what another one answers."""
    with serving(latency=0.2) as api:
        broken = '[provider.broken]\ntype = "openai"\nbase_url = "ftp://127.0.0.1/"\n'
        text = (
            provider(api)
            + broken
            + "[runner]\nprovider = 'openai'\n"
            + completion("a", "one")
            + completion("b", "two", 'provider = "broken"')
        )
        project.write(text)
        ran = project.run("apply", "--auto-approve", env={"OPENAI_API_KEY": KEY})
        assert ran.status == 1
        assert "Traceback" not in ran.err
        if api.completions:
            assert set(project.records) == {"completion.a"}


def test_a_wait_that_a_provider_does_not_allow_is_a_failure_at_once(project: Project) -> None:
    limited = error(429, "rate_limit_exceeded", "requests", headers={"Retry-After": "300"})
    with serving(limited) as api:
        project.write(provider(api, max_wait=20) + completion("a", "hi"))
        ran = project.apply()
    assert ran.status == 1
    assert "300 s, longer than max_wait allows" in " ".join(ran.err.split())
