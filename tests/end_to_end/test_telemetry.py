"""What a run tells a collector, as the collector understands it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

import runner
from tests.harness.batch_server import serving_batches
from tests.harness.collector import Collector, collecting
from tests.harness.project import (
    HANG,
    KEY,
    Project,
    Ran,
    completion,
    missing,
    provider,
    serving,
    trusting,
)
from tests.harness.server import FakeAPI

EACH = "for_each = \"{{ ['a', 'b', 'c', 'd'] }}\""
SUM = "{{ completion.each['a'].content }} and {{ completion.each['b'].content }}"
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
PATIENCE = "OTEL_BSP_EXPORT_TIMEOUT"
SECRET = "a sensitive word of nine"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """One that the environment names."""
    with collecting() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        monkeypatch.setenv(PATIENCE, f"{HANG * 1000:.0f}")  # the machine may be busy
        yield found


def chain(api: FakeAPI, **settings: Any) -> str:
    each = completion("each", "about {{ each.key }}", EACH, "temperature = 0.5", "seed = 7")
    return provider(api, **settings) + each + completion("sum", SUM)


def test_each_completion_is_a_span_below_that_of_the_run_and_links_to_what_it_quotes(
    project: Project, collector: Collector
) -> None:
    with serving() as api:
        project.write(chain(api))
        assert project.apply().status == 0
    root = collector.root
    assert (root.name, root.kind, root.parent, root.is_error) == (
        "runner apply", "INTERNAL", b"", False,
    )  # fmt: skip
    assert collector.chats.keys() == project.records.keys()
    for span in collector.chats.values():
        assert (span.name, span.kind, span.trace) == ("chat gpt-4o", "CLIENT", root.trace)
        assert span.parent == root.id
        assert root.began <= span.began <= span.ended <= root.ended
    chats = collector.chats
    wanted = {chats[address].id for address in project.records["completion.sum"]["depends_on"]}
    assert set(chats["completion.sum"].links) == wanted
    assert len(wanted) == 2
    assert chats['completion.each["a"]'].links == ()
    assert collector.resources[0]["service.name"] == "runner"


def test_what_was_asked_and_answered_is_told_by_the_conventions_names(
    project: Project, collector: Collector
) -> None:
    with serving() as api:
        project.write(chain(api))
        assert project.apply().status == 0
        port = api.port
    about = collector.chats['completion.each["b"]'].about
    record = project.records['completion.each["b"]']
    usage = record["response"]["usage"]
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.seed": 7,
        "gen_ai.prompt.name": "completion.each",
        "gen_ai.prompt.version": record["fingerprint"][:12],
        "gen_ai.response.id": record["response"]["id"],
        "gen_ai.response.model": record["response"]["model"],
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": usage["prompt_tokens"],
        "gen_ai.usage.output_tokens": usage["completion_tokens"],
        "openai.api.type": "chat_completions",
        "server.address": "127.0.0.1",
        "server.port": port,
        "runner.address": 'completion.each["b"]',
        "runner.sample": 0,
        "runner.decision": "issue",
        "runner.why": "new",
        "runner.attempts": 1,
    }
    assert told.items() <= about.items()
    assert "gen_ai.request.choice.count" not in about  # what was not declared is not told
    assert "error.type" not in about


def test_each_attempt_is_a_span_with_its_status(project: Project, collector: Collector) -> None:
    with serving("reset", "429-bare") as api:
        project.write(provider(api, max_retries=5) + completion("one", "x"))
        assert project.apply().status == 0
    (chat,) = collector.chats.values()
    attempts = collector.below(chat)
    assert [one.name for one in attempts] == ["POST"] * 3
    assert [one.kind for one in attempts] == ["CLIENT"] * 3
    statuses = [one.about.get("http.response.status_code") for one in attempts]
    assert statuses == [None, 429, 200]
    faults = [one.about.get("error.type") for one in attempts]
    assert faults == ["no_response", "429", None]
    assert [one.is_error for one in attempts] == [True, True, False]
    assert [one.about.get("http.request.resend_count") for one in attempts] == [None, 1, 2]
    assert chat.about["runner.attempts"] == project.records["completion.one"]["attempts"] == 3
    # The attempts stand one after the other inside.
    times = [chat.began, *(at for one in attempts for at in (one.began, one.ended)), chat.ended]
    assert times == sorted(times)
    assert chat.about["runner.wait_seconds"] > 0
    assert not chat.is_error


def test_tokens_come_to_what_the_state_says(project: Project, collector: Collector) -> None:
    with serving() as api:
        project.write(chain(api))
        assert project.apply().status == 0
    for name, key in (("input", "prompt_tokens"), ("output", "completion_tokens")):
        recorded = sum(one["response"]["usage"][key] for one in project.records.values())
        spans = [one.about[f"gen_ai.usage.{name}_tokens"] for one in collector.chats.values()]
        points = collector.metrics["gen_ai.client.token.usage"]
        (point,) = (one for one in points if one.about["gen_ai.token.type"] == name)
        assert recorded == sum(spans) == point.total
        assert point.count == len(spans)


def test_a_request_that_fails_says_in_a_word_why(project: Project, collector: Collector) -> None:
    with serving("401") as api:
        project.write(provider(api) + completion("one", "x"))
        assert project.apply().status == 1
    (chat,) = collector.chats.values()
    assert (chat.is_error, chat.said) == (True, "")  # the server's words may repeat the prompt
    assert chat.about["error.type"] == "invalid_api_key"
    assert collector.root.is_error
    (point,) = collector.metrics["gen_ai.client.operation.duration"]
    assert (point.count, point.about["error.type"]) == (1, "invalid_api_key")
    (outcome,) = collector.metrics["runner.completions"]
    assert outcome.about == {"runner.decision": "issue", "runner.outcome": "failed"}


def test_an_answer_that_is_not_accepted_was_paid_for_all_the_same(
    project: Project, collector: Collector
) -> None:
    rule = '[completion.one.lifecycle]\npostcondition = [{ condition = "{{ false }}", '
    with serving() as api:
        project.write(provider(api) + completion("one", "x") + rule + 'error_message = "no" }]\n')
        assert project.apply().status == 1
    (chat,) = collector.chats.values()
    assert (chat.is_error, chat.about["error.type"]) == (True, "failed_check")
    assert chat.about["gen_ai.usage.output_tokens"] > 0


def test_an_answer_that_is_at_hand_is_an_event_of_the_run(
    project: Project, collector: Collector
) -> None:
    with serving() as api:
        project.write(chain(api))
        assert project.apply().status == 0
        project.state_file.unlink()
        collector.spans.clear()
        assert project.apply().status == 0
    assert collector.chats == {}
    found = {event.about["runner.address"] for event in collector.root.events}
    assert found == project.records.keys()
    assert [point.total for point in collector.metrics["runner.cache.hits"]] == [5]


def test_metrics_know_no_addresses_and_have_the_names_that_are_asked_for(
    project: Project, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as api:
        project.write(chain(api))
        assert project.apply().status == 0
        usual = {"gen_ai.client.token.usage", "gen_ai.client.operation.duration"}
        own = {"runner.completions", "runner.limiter.wait"}
        assert collector.metrics.keys() == usual | own
        told = [point.about for points in collector.metrics.values() for point in points]
        assert "completion." not in json.dumps(told)

        collector.metrics.clear()
        project.state_file.unlink()
        monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http,gen_ai_latest_experimental")
        project.write(chain(api).replace("about", "of"))
        assert project.apply().status == 0
    tokens = [f"gen_ai.client.inference.usage.{kind}_tokens" for kind in ("input", "output")]
    assert collector.metrics.keys() == {*tokens, "gen_ai.client.inference.duration"} | own
    used = [one["response"]["usage"]["completion_tokens"] for one in project.records.values()]
    assert [point.total for point in collector.metrics[tokens[1]]] == [sum(used)]


def test_a_streamed_answer_tells_when_its_first_piece_came(
    project: Project, collector: Collector
) -> None:
    with serving() as api:
        project.write(provider(api) + completion("one", "x", "stream = true"))
        assert project.apply().status == 0
    (chat,) = collector.chats.values()
    assert chat.about["gen_ai.request.stream"] is True
    first = project.records["completion.one"]["first_ms"] / 1000
    assert chat.about["gen_ai.response.time_to_first_chunk"] == first
    assert [p.total for p in collector.metrics["gen_ai.client.operation.time_to_first_chunk"]] == [
        first
    ]


# -- contents, and secrets


def secretive(api: FakeAPI) -> str:
    return (
        provider(api, api_key_env="THE_KEY")
        + f'[variable.word]\nsensitive = true\ndefault = "{SECRET}"\n'
        + completion("one", "Say the plain thing, and {{ var.word }}")
    )


@pytest.mark.parametrize("content", [True, False])
@pytest.mark.parametrize("fault", ["ok", "echo"])
def test_no_secret_is_told_and_contents_only_where_they_are_asked_for(
    project: Project,
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    content: bool,
    fault: str,
) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    if content:
        monkeypatch.setenv(CONTENT, "true")
    code = f"{SECRET.replace(' ', '_')}"[:10]
    error = {"error": {"message": f"{KEY}: {SECRET} is bad, plain thing", "code": code}}
    with serving(*([error] if fault == "echo" else [])) as api:
        project.write(secretive(api))
        project.apply("--trust", api.url)
    received = b"".join(collector.raw)
    assert received
    for secret in (SECRET, KEY):
        assert secret.encode() not in received
    assert (b"plain thing" in received) == content
    (chat,) = collector.chats.values()
    assert ("gen_ai.input.messages" in chat.about) == content
    if content:
        (asked,) = json.loads(chat.about["gen_ai.input.messages"])
        text = "Say the plain thing, and (sensitive)"
        assert asked == {"role": "user", "parts": [{"type": "text", "content": text}]}
    if content and fault == "ok":
        (answer,) = json.loads(chat.about["gen_ai.output.messages"])
        assert (answer["role"], answer["finish_reason"]) == ("assistant", "stop")
        assert "(sensitive)" in answer["parts"][0]["content"]


def test_a_configuration_has_contents_told_to_another_machine_only_with_the_users_yes(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.invalid:4318")
    told = "[telemetry]\ncontent = true\n"
    with serving() as api:
        project.write(chain(api) + told)
        ran = project.apply()
        assert (ran.status, api.requests) == (1, [])
        assert "tell every question and answer to the telemetry collector" in ran.err
        assert "--trust http://collector.invalid:4318" in ran.err
        ran = project.apply("--trust", f"{api.url},http://collector.invalid:4318")
        assert ran.status == 0


def test_a_user_who_asks_for_contents_is_asked_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.invalid:4318")
    monkeypatch.setenv(CONTENT, "true")
    with serving() as api:
        project.write(chain(api) + "[telemetry]\ncontent = true\n")
        assert project.apply().status == 0


# -- checks

CHECK = '[check.polite]\nof = "completion.each"\nexpect = [{ contains = "about a" }]\n'


def test_what_a_check_says_is_told_on_the_answers_span_and_later_on_its_own(
    project: Project, collector: Collector
) -> None:
    with serving() as api:
        project.write(chain(api) + CHECK)
        assert project.apply().status == 0
    (check,) = collector.named("check.polite")
    assert (check.kind, check.parent, check.events) == ("INTERNAL", collector.root.id, ())
    assert check.about["runner.check.held"] == 1
    assert check.about["runner.check.failed"] == 3
    labels = {
        address: [one.about["gen_ai.evaluation.score.label"] for one in span.events]
        for address, span in collector.chats.items()
    }
    assert labels.pop("completion.sum") == []
    assert labels.pop('completion.each["a"]') == ["pass"]
    assert set(map(tuple, labels.values())) == {("fail",)}

    collector.spans.clear()
    assert project.call("check").status == 3
    (check,) = collector.named("check.polite")
    assert collector.root.name == "runner check"
    assert {event.name for event in check.events} == {"gen_ai.evaluation.result"}
    told = {event.about["runner.address"]: event.about for event in check.events}
    about = told['completion.each["a"]']
    assert about["gen_ai.evaluation.name"] == "check.polite"
    assert about["gen_ai.evaluation.score.value"] == 1.0
    response = project.records['completion.each["a"]']["response"]
    assert about["gen_ai.response.id"] == response["id"]
    assert "gen_ai.evaluation.explanation" not in about


# -- whose trace it is


def test_a_run_belongs_to_the_trace_of_whoever_starts_it(
    project: Project, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    monkeypatch.setenv("TRACEPARENT", f"00-{trace}-{span}-01")
    with serving() as api:
        project.write(chain(api))
        assert project.apply().status == 0
        assert not any("traceparent" in str(one.headers).lower() for one in api.requests)
    assert collector.root.trace.hex() == trace
    assert collector.root.parent.hex() == span


def test_a_provider_is_told_of_the_trace_where_a_project_says_so(
    project: Project, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEPARENT", f"00-{'4b' * 16}-{'f0' * 8}-01")
    monkeypatch.setenv("TRACESTATE", "vendor=tenant")
    with serving() as api:
        project.write(provider(api) + completion("one", "x") + "[telemetry]\npropagate = true\n")
        assert project.apply().status == 0
        (asked,) = api.completions
    (chat,) = collector.chats.values()
    (attempt,) = collector.below(chat)
    headers = {name.lower(): value for name, value in asked.headers.items()}
    assert headers["traceparent"].startswith(f"00-{chat.trace.hex()}-{attempt.id.hex()}-")
    assert chat.trace.hex() == "4b" * 16
    assert "tracestate" not in headers


# -- on, off, and not possible


@pytest.mark.parametrize(
    ("variables", "block"),
    [
        ({"OTEL_SDK_DISABLED": "true"}, "[telemetry]\nenabled = true\n"),
        ({}, "[telemetry]\nenabled = false\n"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}, ""),
    ],
)
def test_off_is_off(
    project: Project,
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    block: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with serving() as api:
        project.write(chain(api) + block)
        ran = project.apply()
    assert (ran.status, collector.asked) == (0, 0)
    assert "elemetry" not in ran.err


def test_one_kind_is_sent_without_the_other(
    project: Project, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    with serving() as api:
        project.write(chain(api))
        assert project.apply().status == 0
    assert collector.spans == []
    assert collector.metrics.keys() >= {"gen_ai.client.token.usage"}


def test_a_project_that_turns_it_on_says_how_it_is_installed(
    project: Project, tmp_path: Path
) -> None:
    with serving() as api:
        path = project.write(chain(api) + "[telemetry]\nenabled = true\n")
        env = missing(tmp_path / "without", "opentelemetry")
        ran = project.run("apply", "--auto-approve", env=env)
        assert (ran.status, api.requests) == (1, [])
    assert "Telemetry is not possible" in ran.err
    assert 'pip install "runner-llm[otel]"' in ran.err
    line = path.read_text().splitlines().index("enabled = true") + 1
    assert f"configs/main.toml line {line}" in ran.err


def test_where_only_the_environment_asks_for_it_what_is_missing_is_a_warning(
    project: Project, tmp_path: Path
) -> None:
    with serving() as api:
        project.write(chain(api))
        env = missing(tmp_path / "without", "opentelemetry")
        env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
        ran = project.run("apply", "--auto-approve", env=env)
    assert ran.status == 0
    assert len(project.records) == 5
    assert ran.err.count("Telemetry is not possible") == 1
    assert 'pip install "runner-llm[otel]"' in ran.err


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "grpc"),
        ("OTEL_TRACES_EXPORTER", "console", "console"),
        ("OTEL_BSP_SCHEDULE_DELAY", "soon", 'OTEL_BSP_SCHEDULE_DELAY is "soon"'),
        ("OTEL_BSP_SCHEDULE_DELAY", "inf", 'OTEL_BSP_SCHEDULE_DELAY is "inf"'),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "0", 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE is "0"'),
        ("OTEL_METRIC_EXPORT_INTERVAL", "-1", 'OTEL_METRIC_EXPORT_INTERVAL is "-1"'),
        ("OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER", "mine", "'mine' not found"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "no address of a collector"),
    ],
)
def test_a_variable_that_asks_for_what_is_not_done_is_named(
    project: Project,
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv(name, value)
    with serving() as api:
        project.write(chain(api))
        ran = project.apply()
        assert (ran.status, collector.asked) == (0, 0)
        assert ran.err.count("Telemetry is not possible") == 1
        assert said in ran.err

        project.state_file.unlink()
        project.write(chain(api) + "[telemetry]\nenabled = true\n")
        before = len(api.requests)
        ran = project.apply()
        assert (ran.status, len(api.requests)) == (1, before)


def test_a_value_that_is_passed_over_is_told_once_and_a_header_by_nobody(
    project: Project, collector: Collector
) -> None:
    env = {
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization Bearer {KEY}",
        "OTEL_TRACES_SAMPLER": "sometimes",
        "OTEL_RESOURCE_ATTRIBUTES": "team",
    }
    with serving() as api:
        project.write(chain(api))
        ran = project.run("apply", "--auto-approve", env=env)
    assert ran.status == 0
    assert KEY not in ran.err
    for said in ("Header format invalid", "sampler sometimes", "attribute pair team"):
        assert ran.err.count(said) == 1
    assert ran.err.count("Warning: Telemetry is not quite as asked for") == 3
    assert len(collector.chats) == 5


# -- nobody there


def recorded(project: Project) -> str:
    """The state but for what a clock says in it."""
    records = [dict(one) for one in project.records.values()]
    for one in records:
        one["response"] = {**one["response"], "id": ""}
        del one["issued_at"], one["duration_ms"]
    return json.dumps(records)


def warned(ran: Ran) -> list[str]:
    return [line for line in ran.err.splitlines() if "telemetry" in line.lower()]


def test_without_a_collector_all_is_as_without_telemetry(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_it, without = Project(tmp_path / "a"), Project(tmp_path / "b")
    dead = "http://127.0.0.1:9"
    with serving() as api:
        for project in (with_it, without):
            project.write(chain(api))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", dead)
        monkeypatch.delenv(PATIENCE)
        told = with_it.apply()
        monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
        other = without.apply()
    assert (told.status, told.out) == (other.status, other.out)
    assert recorded(with_it) == recorded(without)
    assert "Telemetry was not taken" in told.err
    said = f"11 of 11 spans were not taken by {dead}: connection refused"
    assert said in " ".join(told.err.split())
    assert len(warned(told)) == 1


@pytest.mark.parametrize("status", [None, 503, 400])
def test_a_collector_that_stops_taking_changes_nothing_but_a_warning(
    project: Project,
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    status: int | None,
) -> None:
    collector.status = status
    monkeypatch.delenv(PATIENCE)
    with serving() as api:
        project.write(chain(api))
        ran = project.apply()
    assert ran.status == 0
    assert len(project.records) == 5
    assert "11 of 11 spans were not taken" in " ".join(ran.err.split())
    assert len(warned(ran)) == 1
    assert ("status 400" in ran.err) == (status == 400)


# -- from Python, and in a batch


def test_from_python_the_span_that_is_current_is_the_parent(
    project: Project, collector: Collector
) -> None:
    context = SpanContext(0xA, 0xB, is_remote=False, trace_flags=TraceFlags(1))
    with serving() as api:
        project.write(chain(api))
        opened = runner.open(project.directory)
        with use_span(NonRecordingSpan(context)):
            assert opened.apply(opened.plan()).ok
    root = collector.root
    assert (int.from_bytes(root.trace, "big"), int.from_bytes(root.parent, "big")) == (0xA, 0xB)
    assert len(collector.chats) == 5


def test_from_python_what_was_not_taken_is_a_problem_of_the_result(
    project: Project, collector: Collector
) -> None:
    collector.status = 400
    with serving() as api:
        project.write(chain(api))
        opened = runner.open(project.directory)
        result = opened.apply(opened.plan())
    assert result.ok
    assert [one.summary for one in result.problems] == ["Telemetry was not taken"]


def test_an_answer_of_a_batch_has_no_attempts_and_is_in_no_duration(
    tmp_path: Path, collector: Collector
) -> None:
    project = Project(tmp_path)
    with serving_batches() as server, trusting(server.url):
        block = f'[provider.openai]\nbase_url = "{server.url}"\n'
        block += "[provider.openai.batch]\npoll = 0.01\nsettle = 0.3\n"
        project.write(block + completion("one", "x"))
        assert project.apply("--batch").status == 0
    (chat,) = collector.chats.values()
    assert chat.about["runner.batch"] == project.records["completion.one"]["batch"]
    assert chat.about["gen_ai.usage.output_tokens"] > 0
    assert (chat.about["runner.attempts"], collector.below(chat)) == (0, [])
    assert "gen_ai.client.operation.duration" not in collector.metrics
    assert "gen_ai.client.token.usage" in collector.metrics


@pytest.mark.parametrize(("preferred", "kind"), [("", 2), ("delta", 1)])
def test_numbers_are_sums_of_the_run_or_of_what_is_new_as_is_preferred(
    project: Project,
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    preferred: str,
    kind: int,
) -> None:
    name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
    monkeypatch.setenv(name, preferred)
    with serving() as api:
        project.write(chain(api))
        assert project.apply().status == 0
    assert collector.temporalities == {kind}
