import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cli.views.junit import MOST_CASES, junit, refuse_crowd
from runner.core.api.exchange import Failure
from runner.core.state.records import Record
from runner.errors import RunnerError
from runner.io.apply.ports import Outcome
from tests.harness.faults import error
from tests.harness.project import Project, completion, provider, serving
from tests.harness.recorded import record


def outcome(*records: Record, **fields: Any) -> Outcome:
    session: Any = None  # a report reads no session
    return Outcome({each.address: each for each in records}, session, **fields)


def cases(data: bytes) -> dict[str, ET.Element]:
    return {case.get("name", ""): case for case in ET.fromstring(data).iter("testcase")}


def test_a_crowd_is_refused_by_its_number() -> None:
    refuse_crowd(MOST_CASES)
    with pytest.raises(RunnerError, match="100,001 test cases"):
        refuse_crowd(MOST_CASES + 1)


def test_each_completion_is_a_test_case() -> None:
    made = outcome(
        record("completion.kept"),
        record("completion.new"),
        done={"completion.new": "issued", "completion.gone": "removed"},
        issued={"completion.new": record("completion.new")},
        failed={"completion.bad": Failure("no\nsuch model", 404, None, "model_not_found")},
        skipped={'completion.after["x"]': "completion.bad"},
        warnings={"completion.new": "finish_reason is length"},
        stopped="--max-requests 1 is reached",
    )
    data = junit(made)
    root = ET.fromstring(data)
    assert root.tag == "testsuites"
    suite = root.find("testsuite")
    assert suite is not None
    assert [suite.get(name) for name in ("tests", "failures", "skipped", "errors")] == list("4110")
    found = cases(data)
    assert list(found) == [
        'completion.after["x"]',
        "completion.bad",
        "completion.kept",
        "completion.new",
    ]
    failure = found["completion.bad"].find("failure")
    assert failure is not None
    assert failure.get("message") == "no\nsuch model"
    assert failure.get("type") == "model_not_found"
    assert "status 404" in (failure.text or "")
    skipped = found['completion.after["x"]'].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "because of completion.bad"
    assert found['completion.after["x"]'].get("classname") == "completion.after"
    assert found["completion.new"].get("time") == "1.234"
    assert "length" in (found["completion.new"].findtext("system-out") or "")
    assert found["completion.kept"].findtext("system-out") == "unchanged"
    assert "max-requests" in (suite.findtext("system-err") or "")


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_any_text_gives_valid_xml(message: str, name: str) -> None:
    """Control characters, half surrogates and markup: all of it comes from servers."""
    made = outcome(
        failed={name: Failure(message, 500, message, message, message)},
        skipped={f"{name}2": message},
        stopped=message,
    )
    root = ET.fromstring(junit(made))
    assert len(list(root.iter("testcase"))) == 2


def test_control_characters_become_a_mark() -> None:
    made = outcome(failed={"completion.a": Failure("bell \x07, zero \x00, fine ✓ <b>&\t")})
    failure = cases(junit(made))["completion.a"].find("failure")
    assert failure is not None
    assert failure.get("message") == "bell \ufffd, zero \ufffd, fine ✓ <b>&\t"


def test_an_apply_writes_it_where_it_is_asked_to(tmp_path: Path) -> None:
    with serving(error(400, None, "invalid_request_error", "No.")) as api:
        project = Project(tmp_path / "p")
        project.write(
            provider(api) + completion("a", "one") + completion("b", "{{ completion.a.content }}")
        )
        path = tmp_path / "report.xml"
        assert project.apply("--junit", str(path)).status == 1
        found = cases(path.read_bytes())
        assert found["completion.a"].find("failure") is not None
        assert found["completion.b"].find("skipped") is not None
        assert project.apply("--junit", str(path)).status == 0
        found = cases(path.read_bytes())
        assert all(case.find("failure") is None for case in found.values())
        assert len(found) == 2


def test_a_dash_names_no_file_and_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with serving() as api:
        project = Project(tmp_path)
        project.write(provider(api) + completion("a", "one"))
        for line in ("plan --out -", "apply -y --junit -", "report --json -", "report --html -"):
            ran = project.call(*line.split())
            assert ran.status == 1
            assert f"{line.split()[-2]} wants the name of a file" in ran.err
        assert api.completions == []
    assert not (tmp_path / "-").exists()


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="a system without this name")
def test_what_is_named_may_be_a_pipe(tmp_path: Path) -> None:
    with serving() as api:
        project = Project(tmp_path)
        project.write(provider(api) + completion("a", "one"))
        assert project.apply().status == 0
        ran = project.run("report", "--json", "/dev/stdout")
        assert (ran.status, ran.err) == (0, "")
        assert json.loads(ran.out)["next"]
        ran = project.run("plan", "--out", "/dev/stdout")
        assert ran.status == 0, ran.err
        assert '"format' in ran.out
        ran = project.run("apply", "-y", "--replace", "completion.a", "--junit", "/dev/stdout")
        assert (ran.status, "<testsuite" in ran.out) == (0, True)
        assert list(tmp_path.glob(".*.tmp")) == []


def test_a_report_replaces_nothing_but_a_report(tmp_path: Path) -> None:
    with serving() as api:
        project = Project(tmp_path / "p")
        project.write(provider(api) + completion("a", "one"))
        path = tmp_path / "p/notes"
        path.write_text("mine")
        ran = project.apply("--junit", str(path))
        assert (ran.status, "is no JUnit report" in ran.err) == (1, True)
        assert (path.read_text(), api.completions) == ("mine", [])
        for report in ("", "<testsuite/>", '<?xml version="1.0"?>\n<!-- x -->\n<testsuites>'):
            path.write_text(report)
            project.state_file.unlink(missing_ok=True)
            assert project.apply("--junit", str(path)).status == 0
            assert b"runner apply" in path.read_bytes()
