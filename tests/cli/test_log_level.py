"""--log-level: how much is said on stderr; what is data stays on stdout."""

import re
from pathlib import Path

import pytest

from tests.harness.project import Project, completion, provider, serving


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_debug_tells_each_request(project: Project) -> None:
    with serving("500", "ok") as api:
        query = 'query = { api-version = "secret-in-a-query" }\n'
        project.write(provider(api, max_retries=1) + query + completion("a", "private words"))
        ran = project.run("--log-level", "debug", "apply", "--auto-approve")
        assert ran.status == 0, ran.err
    lines = [line.split(" ", 2)[2] for line in ran.err.splitlines() if " DEBUG " in line]
    assert re.fullmatch(
        r"DEBUG completion\.a: POST /v1/chat/completions, attempt 1: status 500 in \d\.\d+ s",
        lines[0],
    )
    assert re.fullmatch(r"DEBUG completion\.a: again in \d\.\d s", lines[1])
    assert lines[2].startswith(
        "DEBUG completion.a: POST /v1/chat/completions, attempt 2: answered in "
    )
    assert " INFO completion.a: issued after " in ran.err
    assert "private words" not in ran.err
    assert "secret-in-a-query" not in ran.err


def test_info_tells_each_step_also_of_many(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("many", "{{ count.index }}", "count = 30"))
        ran = project.run("apply", "--auto-approve", env={"RUNNER_LOG_LEVEL": "info"})
    assert ran.err.count(": issued after ") == 30
    assert " DEBUG " not in ran.err


def test_info_tells_no_step_twice(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "hi"))
        ran = project.run("apply", "--auto-approve", "-v")
    said = [line.split(" ", 2)[2] for line in ran.err.splitlines()]
    assert said[0] == "INFO completion.a: started"
    assert re.fullmatch(r"INFO completion\.a: issued after \d+\.\ds, .* \[id=.*\]", said[1])
    assert len(said) == 2


def test_error_is_silent_about_warnings(project: Project) -> None:
    text = completion("a", "hi", "max_tokens = 3")
    project.write(text + completion("b", "hi", 'user = "me"'))
    assert "Warning: " in project.call("validate").err
    assert project.call("--log-level", "error", "validate").err == ""
