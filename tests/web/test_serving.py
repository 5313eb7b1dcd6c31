"""`runner view` as a process: what it answers, and to whom."""

import gzip
import http.client
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from runner.io.web.guard import HEADERS, TOKEN_HEADER
from runner.operations.options import ProjectPlace
from runner.operations.project.places import store_of
from tests.harness.browser import Serving, viewing
from tests.harness.demo import demo
from tests.harness.project import Project, completion, interrupt, provider, serving


class Got:
    """An answer of the server."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status, self.body = answer.status, answer.read()
        self.headers = {name.lower(): value for name, value in answer.getheaders()}

    @property
    def value(self) -> Any:
        """Its JSON."""
        return json.loads(self.body)


def get(at: Serving, path: str, method: str = "GET", **headers: str) -> Got:
    """One request with the token of this start; `headers` with _ for - come on top."""
    host, _, port = at.root.removeprefix("http://").rstrip("/").rpartition(":")
    with_token = {TOKEN_HEADER: at.token, **{k.replace("_", "-"): v for k, v in headers.items()}}
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    try:
        connection.request(method, path, headers=with_token)
        return Got(connection.getresponse())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with three answers, whose server is gone."""
    project = Project(tmp_path_factory.mktemp("project"))
    with serving() as api:
        many = 'for_each = ["a", "b"]'
        text = completion("each", "say {{ each.value }}", many)
        text += completion("last", "{{ completion.each['a'].content }}")
        project.write(provider(api) + text)
        assert project.apply().status == 0
        yield project


@pytest.fixture(scope="module")
def at(answered: Project) -> Iterator[Serving]:
    with viewing(answered) as running:
        yield running


def test_every_answer_has_every_header(at: Serving) -> None:
    for path in ("/", "/main.js", "/api/index", "/nothing", "/api/nothing"):
        got = get(at, path)
        for name, value in HEADERS.items():
            assert got.headers[name.lower()] == value, path
        assert "access-control-allow-origin" not in got.headers


def test_the_page_and_its_files_are_there_and_nothing_else(at: Serving) -> None:
    assert b"<main" in get(at, "/").body
    assert get(at, "/style.css").headers["content-type"].startswith("text/css")
    assert get(at, "/pages/answers.js").headers["content-type"].startswith("text/javascript")
    for path in ("/../pyproject.toml", "/%2e%2e/pyproject.toml", "/pages", "/api/", "/index.html"):
        assert get(at, path).status == 404, path


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {}, 405),
        ("OPTIONS", {}, 405),
        ("GET", {"X_Runner_Token": "no"}, 403),
        ("GET", {"Host": "evil.example"}, 403),
        ("GET", {"Sec_Fetch_Site": "cross-site"}, 403),
    ],
)
def test_a_stranger_is_refused(
    at: Serving, method: str, headers: dict[str, str], status: int
) -> None:
    got = get(at, "/api/index", method, **headers)
    assert got.status == status
    assert b"say a" not in got.body


def test_only_this_machine_can_listen(at: Serving) -> None:
    port = int(at.root.rstrip("/").rpartition(":")[2])
    with socket.socket() as other:  # the same port is free at any other address
        other.bind(("127.0.0.2", port))


def test_what_did_not_change_is_not_sent_again(at: Serving) -> None:
    first = get(at, "/api/index", Accept_Encoding="gzip")
    value = (
        first.value
        if first.headers.get("content-encoding") is None
        else json.loads(gzip.decompress(first.body))
    )
    assert value["address"] == ['completion.each["a"]', 'completion.each["b"]', "completion.last"]
    again = get(at, "/api/index", If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")


def test_an_answer_is_shown_with_its_surroundings(at: Serving) -> None:
    got = get(at, "/api/answer?a=completion.each%5B%22a%22%5D").value["page"]
    assert got["asked"] == [{"role": "user", "parts": [{"label": "", "text": "say a"}]}]
    assert got["dependents"] == ["completion.last"]
    assert got["curl"].startswith("curl http://127.0.0.1:")
    assert "sk-" not in got["curl"]


def test_an_unknown_address_is_told(at: Serving) -> None:
    got = get(at, "/api/answer?a=completion.no").value
    assert got["problems"][0]["summary"] == "Unknown address"


def test_a_text_is_found_in_what_was_asked_and_answered(at: Serving) -> None:
    assert get(at, "/api/find?q=SAY+b").value == [1]
    assert get(at, "/api/find?q=echo").value == [0, 1, 2]
    assert get(at, "/api/find?q=assistant").value == []  # a role is no text


def test_a_pattern_is_found_there_too(at: Serving) -> None:
    assert get(at, "/api/find?re=say+%5Bb-z%5D").value == [1]
    assert get(at, "/api/find?re=(").value["problems"][0]["summary"] == "Invalid pattern"


def test_a_host_of_others_is_warned_of(answered: Project) -> None:
    with viewing(answered, "--host", "0.0.0.0") as running:
        running.process.says("whoever reaches 0.0.0.0")
        running.process.says("the name localhost alone")
        assert running.address.startswith("http://127.0.0.1:")
        assert get(running, "/api/project").status == 200


def test_a_port_that_is_taken_is_told(answered: Project, at: Serving) -> None:
    port = at.root.rstrip("/").rpartition(":")[2]
    ran = answered.run("view", "--no-open", "--port", port)
    assert ran.status == 1
    assert f"Nothing can listen at 127.0.0.1:{port}" in ran.err
    assert "Traceback" not in ran.err


def test_ctrl_c_ends_it_well(answered: Project) -> None:
    with viewing(answered) as running:
        interrupt(running.process)
        running.process.communicate(timeout=60)
        assert running.process.returncode == 0


def test_it_needs_no_lock_no_key_and_writes_nothing(answered: Project) -> None:
    before = {path: path.stat().st_mtime_ns for path in answered.directory.rglob("*")}
    for path in before:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with viewing(answered) as running:
            assert get(running, "/api/project").value["answers"] == 3
            assert get(running, "/api/verdicts").status == 200
    finally:
        for path in before:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert before == {path: path.stat().st_mtime_ns for path in answered.directory.rglob("*")}


def test_it_waits_for_nobody_who_writes(answered: Project) -> None:
    place = ProjectPlace(str(answered.directory))
    with store_of(place).lock("runner apply"), viewing(answered) as running:
        assert get(running, "/api/project").value["answers"] == 3


def test_what_is_sensitive_is_shown_as_the_state_has_it(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with serving() as api:
        secret = '[variable.pin]\nsensitive = true\ndefault = "hunter2-hunter2"\n'
        check = '[check.c]\nof = "completion.a"\nexpect = [{ contains = "{{ var.pin }}x" }]\n'
        project.write(provider(api) + secret + check + completion("a", "say {{ var.pin }}"))
        assert project.apply().status == 0
    with viewing(project) as running:
        for path in ("index", "answer?a=completion.a", "verdicts", "cells?rows=0", "project"):
            got = get(running, f"/api/{path}")
            assert got.status == 200
            assert b"hunter2" not in got.body, path
        assert b"(sensitive)" in get(running, "/api/answer?a=completion.a").body


def test_a_configuration_that_is_wrong_leaves_the_answers(
    answered: Project, tmp_path: Path
) -> None:
    wrong = answered.write('[check.c]\nof = "completion.each"\nexpects = 1\n', "wrong.toml")
    try:
        with viewing(answered) as running:
            assert len(get(running, "/api/index").value["address"]) == 3
            assert get(running, "/api/verdicts").value["problems"]
            assert get(running, "/api/answer?a=completion.last").value["outdated"] is None
    finally:
        wrong.unlink()


def test_a_revision_is_beside_what_stands_now(tmp_path: Path) -> None:
    project = demo(tmp_path, cases=2, commits=2)
    with viewing(project, "--against", "HEAD~1") as running:
        side = get(running, "/api/side").value
        assert (side["block"], side["columns"]) == ("*", ["HEAD~1", "now"])
        assert get(running, "/api/project").value["answers"] == 13
        address = side["rows"][0]["name"]
        now = get(running, f"/api/answer?a={quote(address)}").value["page"]
        then = get(running, f"/api/answer?source=HEAD~1&a={quote(address)}").value["page"]
        assert "small bicycle" in now["asked"][0]["parts"][0]["text"]
        assert "small bicycle" not in then["asked"][0]["parts"][0]["text"]
        assert get(running, "/api/find?q=small+bicycle").value == list(range(12))
    with viewing(project, "--rev", "HEAD~1") as running:
        assert get(running, "/api/index").value["source"]["values"] == ["HEAD~1"]


def test_a_revision_that_there_is_none_of_is_told(answered: Project) -> None:
    ran = answered.run("view", "--no-open", "--rev", "nowhere")
    assert (ran.status, ran.out) == (1, "")
    assert "Traceback" not in ran.err


def test_what_changes_is_told(answered: Project, at: Serving) -> None:
    host, _, port = at.root.removeprefix("http://").rstrip("/").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as reader:
        asked = f"GET /api/events HTTP/1.1\r\nHost: {host}:{port}\r\n{TOKEN_HEADER}: {at.token}\r\n"
        reader.sendall(asked.encode() + b"\r\n")
        heard = b""
        while b": here" not in heard:
            heard += reader.recv(4096)
        state = answered.state_file
        os.utime(state)
        while b'["state"]' not in heard:
            piece = reader.recv(4096)
            assert piece, heard
            heard += piece
