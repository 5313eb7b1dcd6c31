"""The report action for GitHub: its own scripts, run as a composite action runs them."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from junitparser import JUnitXml

from runner.errors import DISTRIBUTION
from tests import ROOT
from tests.cli.test_report import rendered
from tests.harness.git import GitFolder
from tests.harness.project import HANG, Project, completion, provider, serving
from tests.harness.recorded import record, write_state

ACTION = ROOT / ".github/actions/report"
MARKER = "<!-- runner-report: prompts/default -->"

GH = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path

held = Path(os.environ["COMMENTS"])
comments = json.loads(held.read_text())
words = sys.argv[1:]
if os.environ.get("GH_SAYS"):
    sys.exit(os.environ["GH_SAYS"])
assert os.environ["GH_TOKEN"] == "token", "the token of the input"
if words[:2] == ["pr", "view"]:
    print(json.dumps({{"comments": comments}}))
elif words[0] == "api":
    if os.environ.get("READ_ONLY"):
        sys.exit("gh: Resource not accessible by integration (HTTP 403)\\n::error::no")
    method, path, field = words[words.index("--method") + 1], words[-3], words[-1]
    assert field.startswith("body=@")
    body = Path(field[6:]).read_text()
    if method == "PATCH":
        (one,) = [each for each in comments if each["url"].endswith("-" + path.rpartition("/")[2])]
        one["body"] = body
    else:
        assert (method, path) == ("POST", "repos/o/r/issues/7/comments")
        url = f"https://github.com/o/r/pull/7#issuecomment-{{100 + len(comments)}}"
        comments.append({{"url": url, "body": body, "viewerDidAuthor": True}})
    held.write_text(json.dumps(comments))
else:
    sys.exit(f"no such command: {{words}}")
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a script ended, what it told the next steps, and its log."""

    status: int
    outputs: dict[str, str]
    log: str

    @property
    def commands(self) -> list[str]:
        """The lines of the log that GitHub obeys, beside those that stop it and let it go on."""
        found: list[str] = []
        token = None
        for line in map(str.strip, self.log.splitlines()):
            stop = re.fullmatch(r"::stop-commands::(.+)", line)
            if token is not None and line == f"::{token}::":
                token = None
            elif token is None and stop is not None:
                token = stop[1]
            elif token is None and re.match(r"::[\w-]+.*::|##\[", line):
                found.append(line)
        assert token is None
        return found


class Job:
    """One job's folder of temporary files, and its steps."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.folder, self.work = folder, work
        self.temporary = folder / "temporary"
        self.summary = folder / "summary.md"
        self.path = folder / "path"
        self.comments_file = folder / "comments.json"
        for made in (self.temporary, folder / "tools"):
            made.mkdir(parents=True, exist_ok=True)
        self.comments_file.write_text("[]")
        self.tool("gh", GH)
        self.tool("runner", f'#!/bin/sh\nexec "{sys.executable}" -m runner "$@"\n')

    def tool(self, name: str, text: str) -> None:
        """A program that the steps find."""
        program = self.folder / "tools" / name
        program.write_text(text)
        program.chmod(0o755)

    @property
    def comments(self) -> list[dict[str, Any]]:
        held: list[dict[str, Any]] = json.loads(self.comments_file.read_text())
        return held

    def comment(self, body: str, *, own: bool = True) -> None:
        """One that is there already."""
        url = f"https://github.com/o/r/pull/7#issuecomment-{100 + len(self.comments)}"
        made = {"url": url, "body": body, "viewerDidAuthor": own}
        self.comments_file.write_text(json.dumps([*self.comments, made]))

    def step(self, script: str, **given: str) -> Ended:
        """One script, as the action calls it."""
        told = self.folder / "output"
        told.write_text("")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(ACTION / script)],
            cwd=self.work,
            env={
                **kept,
                "PATH": f"{self.folder / 'tools'}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "RUNNER_TEMP": str(self.temporary),
                "GITHUB_ACTION_PATH": str(ACTION),
                "GITHUB_OUTPUT": str(told),
                "GITHUB_PATH": str(self.path),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                "GITHUB_REPOSITORY": "o/r",
                "GITHUB_WORKSPACE": str(self.work),
                "COMMENTS": str(self.comments_file),
                "DIRECTORY": ".",
                **given,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        lines = (line.partition("=") for line in told.read_text().splitlines())
        outputs = {name: value for name, _, value in lines}
        return Ended(done.returncode, outputs, done.stdout + done.stderr)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    work = tmp_path / "work"
    work.mkdir()
    return Job(tmp_path / "job", work)


def written(job: Job, text: str = "the report", marker: str = MARKER) -> str:
    body = f"{marker}\n{text}\n"
    (job.temporary / "runner-report.md").write_text(body)
    return body


def commenting(job: Job, **given: str) -> Ended:
    return job.step("comment.sh", **{"GH_TOKEN": "token", "NUMBER": "7", **given})


def test_the_second_push_writes_into_the_comment_of_the_first(job: Job) -> None:
    written(job, "first")
    assert commenting(job).status == 0
    body = written(job, "second")
    assert commenting(job).status == 0
    assert [each["body"] for each in job.comments] == [body]


def test_comments_of_other_workflows_of_other_projects_and_of_people_are_untouched(
    job: Job,
) -> None:
    job.comment("coverage: 97 %")
    job.comment(f"{MARKER}\nI quote it", own=False)
    job.comment(f"it said: {MARKER}")
    job.comment("<!-- runner-report: other/default -->\nof another project")
    job.comment("deployed")
    before = job.comments
    body = written(job)
    for _ in range(2):
        assert commenting(job).status == 0
    assert job.comments[:-1] == before
    assert job.comments[-1]["body"] == body


def test_a_token_that_may_only_read_fails_nothing_and_is_told(job: Job) -> None:
    written(job)
    done = commenting(job, READ_ONLY="1")
    assert done.status == 0
    (said,) = done.commands
    assert said.startswith("::notice ")
    assert "HTTP 403" in said


def test_a_gh_that_does_not_work_at_all_fails_nothing(job: Job) -> None:
    written(job)
    done = commenting(job, GH_SAYS="gh: no network 100%")
    assert done.status == 0
    assert "no network 100%25" in done.commands[0]


def origin(folder: Path) -> GitFolder:
    made = GitFolder(folder)
    for number in range(3):
        made.commit(f"main {number}", a=str(number))
    made("config", "uploadpack.allowAnySHA1InWant", "true")
    return made


def cloned(there: GitFolder, here: Path, revision: str, *words: str) -> GitFolder:
    """As actions/checkout does it: one commit, and no branch."""
    made = GitFolder(here)
    made("remote", "add", "origin", f"file://{there.path}")
    made("fetch", "-q", "--no-tags", *words, "origin", revision)
    made("checkout", "-q", "--detach", "FETCH_HEAD")
    return made


SHALLOW = "--depth=1"


def based(job: Job, **given: str) -> str:
    done = job.step("base.sh", **given)
    assert done.status == 0, done.log
    return done.outputs["commit"]


@pytest.mark.parametrize("depth", [(SHALLOW,), ()])
def test_the_base_is_where_the_branch_began_whatever_landed_since(
    job: Job, tmp_path: Path, depth: tuple[str, ...]
) -> None:
    there = origin(tmp_path / "there")
    fork = there("rev-parse", "HEAD")
    there("checkout", "-qb", "topic")
    head = there.commit("topic", b="1")
    there("checkout", "-q", "main")
    landed = there.commit("landed", c="1")
    here = cloned(there, job.work, head, *depth)
    assert based(job, BASE_SHA=landed, HEAD_SHA=head) == fork
    assert here("cat-file", "-t", fork) == "commit"


@pytest.mark.parametrize("depth", [(SHALLOW,), ()])
def test_the_base_of_a_tried_merge_is_the_target_as_it_was_merged(
    job: Job, tmp_path: Path, depth: tuple[str, ...]
) -> None:
    """The event may name an older head of the target branch."""
    there = origin(tmp_path / "there")
    named = there("rev-parse", "HEAD")
    there("checkout", "-qb", "topic")
    head = there.commit("topic", b="1")
    there("checkout", "-q", "main")
    landed = there.commit("landed", c="1")
    there("checkout", "-q", "--detach")
    there("merge", "-q", "--no-ff", "-m", "tried", "topic")
    here = cloned(there, job.work, there("rev-parse", "HEAD"), *depth)
    assert based(job, BASE_SHA=named, HEAD_SHA=head) == landed
    assert here("cat-file", "-t", landed) == "commit"


def test_a_base_that_is_named_is_taken_as_it_is(job: Job, tmp_path: Path) -> None:
    there = origin(tmp_path / "there")
    head = there("rev-parse", "HEAD")
    cloned(there, job.work, head, SHALLOW)
    there.commit("landed", c="1")
    assert based(job, BASE="main", BASE_SHA=head) == there("rev-parse", "main")
    assert based(job, BASE="HEAD") == head


def test_a_base_that_cannot_be_had_is_a_warning_and_no_fault(job: Job, tmp_path: Path) -> None:
    there = origin(tmp_path / "there")
    cloned(there, job.work, "main", SHALLOW)
    done = job.step("base.sh", BASE="no-such-revision")
    assert (done.status, done.outputs) == (0, {"commit": ""})
    assert [line.split(" ")[0] for line in done.commands] == ["::warning"]


def test_without_a_pull_request_nothing_is_compared_and_nothing_said(
    job: Job, tmp_path: Path
) -> None:
    there = origin(tmp_path / "there")
    cloned(there, job.work, "main", SHALLOW)
    done = job.step("base.sh")
    assert (done.status, done.outputs, done.log) == (0, {"commit": ""}, "")


CHECK = '[check.polite]\nof = "completion.answer"\nexpect = [{ contains = "please" }]\n'
HOSTILE = """\
::error::all is lost
  ::set-output name=changes::false
::add-mask::planets
##[error]no
::stop-commands::endtoken
````
@octocat <b>bold</b> <!-- runner-report: prompts/default -->
```
</details>"""


def write(folder: Path, answers: dict[str, str], checks: str = CHECK) -> Project:
    """A project in `prompts/`, with what was answered."""
    project = Project(folder / "prompts")
    keys = ", ".join(json.dumps(key) for key in answers)
    each = completion("answer", "{% raw %}::debug::x{% endraw %}", f"for_each = [{keys}]")
    project.write('[provider.openai]\nbase_url = "http://127.0.0.1:9"\n' + each + checks)
    held = (record(f'completion.answer["{key}"]', said) for key, said in answers.items())
    write_state(project, *held)
    return project


def pull_request(
    job: Job, folder: Path, then: dict[str, str], now: dict[str, str], checks: str = CHECK
) -> None:
    """One commit on main, one on a branch, and a shallow checkout of that."""
    there = origin(folder / "there")
    there.write(".gitignore", "cache/\n*.backup\n")
    write(there.path, then, checks)
    there.commit("then")
    there("checkout", "-qb", "topic")
    write(there.path, now, checks)
    there.commit("now")
    cloned(there, job.work, "topic", SHALLOW)


def run(job: Job, folder: Path, **given: str) -> Ended:
    """What the action does between its installation and its comment."""
    base = based(job, BASE="main", DIRECTORY="prompts")
    words = {"AGAINST": base, "FAIL_ON": "regression", "DIRECTORY": "prompts"}
    return job.step("report.sh", **{**words, **given})


HELD = {"a": "please", "b": "please"}
FAILS = {"a": "please", "b": "no"}


def test_a_regression_fails_the_job_at_the_line_of_the_check(job: Job, tmp_path: Path) -> None:
    pull_request(job, tmp_path, HELD, FAILS)
    done = run(job, tmp_path)
    assert done.status == 0, done.log
    assert done.outputs == {
        "changes": "true",
        "checks": "0 met, 1 not met",
        "regressions": "1",
        "cost": done.outputs["cost"],
        "status": "3",
    }
    assert float(done.outputs["cost"]) > 0
    text = (job.work / "prompts/configs/main.toml").read_text().split("\n")
    place = f"::error file=prompts/configs/main.toml,line={text.index('[check.polite]') + 1},"
    assert [line.startswith(place) for line in done.commands] == [True]
    assert "1 check no longer holds" in job.summary.read_text()
    report = (job.temporary / "runner-report.md").read_text()
    assert report.startswith(f"{MARKER}\n")
    assert job.summary.read_text() == report


@pytest.mark.parametrize(
    ("then", "now", "fail_on", "status"),
    [
        (FAILS, HELD, "regression", "0"),
        (FAILS, FAILS, "regression", "0"),
        (FAILS, FAILS, "not-met", "3"),
        (HELD, FAILS, "never", "0"),
    ],
)
def test_an_improvement_and_what_failed_before_do_not(
    job: Job,
    tmp_path: Path,
    then: dict[str, str],
    now: dict[str, str],
    fail_on: str,
    status: str,
) -> None:
    pull_request(job, tmp_path, then, now)
    assert run(job, tmp_path, FAIL_ON=fail_on).outputs["status"] == status


def test_a_project_without_checks_and_a_push_without_a_base_are_reported(
    job: Job, tmp_path: Path
) -> None:
    pull_request(job, tmp_path, HELD, HELD, "")
    done = run(job, tmp_path, AGAINST="")
    assert done.status == 0, done.log
    assert (done.outputs["checks"], done.outputs["cost"]) == ("0 met, 0 not met", "")
    assert (done.outputs["regressions"], done.outputs["status"]) == ("0", "0")


def test_no_prompt_and_no_answer_speaks_to_github(job: Job, tmp_path: Path) -> None:
    """Neither as a command in the log, nor as Markdown."""
    pull_request(job, tmp_path, HELD, {"a": HOSTILE, "b": f"please {HOSTILE}"})
    done = run(job, tmp_path)
    assert done.status == 0, done.log
    (line,) = done.commands
    assert line.startswith("::error file=prompts/configs/main.toml,")
    assert "octocat" in job.summary.read_text()
    page, _ = rendered(job.summary.read_text())
    assert "octocat" not in page.text


@pytest.mark.parametrize("ends", ["exit 1", "exit 127", "kill -9 $$", "echo ::error::x; exit 2"])
def test_a_report_that_cannot_be_made_fails_the_step(job: Job, ends: str) -> None:
    job.tool("runner", f"#!/bin/sh\n{ends}\n")
    done = job.step("report.sh", FAIL_ON="never", AGAINST="")
    assert (done.status, done.outputs, done.commands) == (1, {}, [])


def test_a_mistake_in_the_configuration_is_told_in_the_log(job: Job) -> None:
    project = Project(job.work)
    project.write("[completion.a]\n")
    done = job.step("report.sh", FAIL_ON="never", AGAINST="")
    assert done.status == 1
    assert "on configs/main.toml line 1" in done.log


def steps(action: Path) -> list[dict[str, Any]]:
    held: dict[str, Any] = yaml.safe_load((action / "action.yml").read_text())
    found: list[dict[str, Any]] = held["runs"]["steps"]
    return found


@pytest.mark.parametrize("name", ["report", "plan"])
def test_each_step_is_a_script_that_is_there_and_given_what_it_reads(name: str) -> None:
    """No input stands in a command, where it would be one."""
    action = ACTION.parent / name
    held = yaml.safe_load((action / "action.yml").read_text())
    scripts = []
    for step in held["runs"]["steps"]:
        if step.get("uses") == "actions/upload-artifact@v4":
            assert step["if"] == "inputs.html != ''"
            continue
        assert "${{" not in step["run"]
        called = re.search(r"GITHUB_ACTION_PATH/(\S+\.sh)", step["run"])
        if called is not None:
            script = action / called[1]
            scripts.append(script.name)
            given = {*step.get("env", {}), *PROVIDED}
            text = re.sub(r"(?m)^\s*#.*$", "", script.read_text())
            assert {*re.findall(r"\$\{?([A-Z][A-Z_]+)", text)} <= given
    assert scripts == ["install.sh", "base.sh", "report.sh", "comment.sh"]
    for output in held["outputs"].values():
        (used,) = re.findall(r"steps\.report\.outputs\.(\w+)", output["value"])
        assert f'"{used}=' in (ACTION / "report.sh").read_text()


PROVIDED = {
    "FETCH_HEAD", "GITHUB_ACTION_PATH", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_REPOSITORY",
    "GITHUB_STEP_SUMMARY", "RUNNER_TEMP",
}  # fmt: skip


def test_the_job_ends_with_the_status_of_the_checks_after_the_comment() -> None:
    last = steps(ACTION)[-1]
    for status in ("0", "3"):
        done = subprocess.run(
            ["bash", "-c", last["run"]], env={"STATUS": status, "PATH": "/bin"}, check=False
        )
        assert str(done.returncode) == status


@pytest.mark.parametrize(
    ("version", "wanted"),
    [("0.2.0", f"{DISTRIBUTION}==0.2.0"), ("git+https://a/b", "git+https://a/b"), ("", None)],
)
def test_what_is_installed_is_apart_from_the_python_of_the_job(
    job: Job, version: str, wanted: str | None
) -> None:
    """By default the repository that the action is part of, and not whatever a package index has
    under this name.
    """
    pip = '#!/bin/sh\\nfor last; do :; done\\necho "$last"\\n'
    job.tool(
        "python3",
        "#!/bin/sh\n"
        'test "$1 $2" = "-m venv" || exit 1\n'
        f'mkdir -p "$3/bin"; printf \'{pip}\' > "$3/bin/pip"; chmod +x "$3/bin/pip"\n',
    )
    done = job.step("install.sh", VERSION=version)
    assert done.status == 0, done.log
    if wanted is None:
        assert Path(done.log.strip()).resolve() == ROOT
        assert f'name = "{DISTRIBUTION}"' in (ROOT / "pyproject.toml").read_text()
    else:
        assert done.log.strip() == wanted
    (home,) = job.path.read_text().splitlines()
    assert [each.name for each in Path(home).iterdir()] == ["runner"]


def test_each_hook_for_pre_commit_is_a_command_that_takes_the_folder(tmp_path: Path) -> None:
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text()
    ids = re.findall(r"^- id: (.*)$", hooks, re.MULTILINE)
    entries = re.findall(r"^  entry: runner (.*)$", hooks, re.MULTILINE)
    assert ids == ["runner-validate", "runner-fmt", "runner-offline", "runner-check"]
    assert len(entries) == len(ids)
    with serving() as api:
        project = Project(tmp_path / "sub")
        check = '[check.a]\nof = "completion.a"\nexpect = [{ words = { min = 1 } }]\n'
        project.write(provider(api) + completion("a", "b") + check)
        assert project.apply().status == 0
        above = Project(tmp_path)
        for entry in entries:
            ran = above.call(*entry.split(), "-C", str(project.directory))
            assert ran.status == 0, ran.err
        assert len(api.completions) == 1


class GitLab(BaseHTTPRequestHandler):
    """The notes of a merge request, two a page, and who writes them."""

    notes: ClassVar[list[dict[str, Any]]] = []
    allows: ClassVar[bool] = True

    def answer(self, status: int, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        assert self.headers["PRIVATE-TOKEN"] == "token"
        if self.path == "/user":
            self.answer(200, {"id": 1})
            return
        page = int(self.path.rpartition("page=")[2])
        self.answer(200, self.notes[2 * page - 2 : 2 * page])

    def do_PUT(self) -> None:
        self.write(int(self.path.rpartition("/")[2]))

    def do_POST(self) -> None:
        assert self.path == "/projects/5/merge_requests/7/notes"
        self.write(None)

    def write(self, number: int | None) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        if not self.allows:
            self.answer(403, {})
        elif number is None:
            self.notes.append({"id": len(self.notes), "author": {"id": 1}, "body": body})
            self.answer(201, {})
        else:
            self.notes[number]["body"] = body
            self.answer(200, {})

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def gitlab() -> Iterator[str]:
    GitLab.allows = True
    GitLab.notes[:] = [
        {"id": 0, "author": {"id": 1}, "body": "coverage: 97 %"},
        {"id": 1, "author": {"id": 2}, "body": f"{MARKER}\nquoted"},
        {"id": 2, "author": {"id": 1}, "body": "<!-- runner-report: other/default -->"},
    ]
    server = ThreadingHTTPServer(("127.0.0.1", 0), GitLab)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(HANG)


def template(job: Job, **given: str) -> Ended:
    """The script of the job for GitLab, line by line as its runner does it."""
    held = yaml.safe_load((ACTION / "gitlab-ci.yml").read_text())["runner-report"]
    job.tool("pip", '#!/bin/sh\ntest "$1" = install\n')
    job.tool("python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(held["script"])],
        cwd=job.work,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            **held["variables"],
            "PATH": f"{job.folder / 'tools'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "CI_PROJECT_DIR": str(job.work),
            "CI_PROJECT_ID": "5",
            "CI_MERGE_REQUEST_IID": "7",
            "REPORT_DIRECTORY": "prompts",
            **given,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(done.returncode, {}, done.stdout + done.stderr)


def test_the_template_for_gitlab_writes_one_note_and_fails_on_a_regression(
    job: Job, tmp_path: Path, gitlab: str
) -> None:
    pull_request(job, tmp_path, HELD, FAILS)
    before = [*map(dict, GitLab.notes)]
    base = based(job, BASE="main")
    given = {"CI_API_V4_URL": gitlab, "CI_MERGE_REQUEST_DIFF_BASE_SHA": base}
    for _ in range(2):
        done = template(job, REPORT_TOKEN="token", **given)
        assert done.status == 3, done.log
        assert GitLab.notes[:-1] == before
        assert GitLab.notes[-1]["body"] == (job.work / "runner-report.md").read_text()
    assert JUnitXml.fromfile(str(job.work / "runner-checks.xml")).failures == 1
    assert template(job, REPORT_TOKEN="token", REPORT_FAIL_ON="never", **given).status == 0
    GitLab.allows = False
    refused = template(job, REPORT_TOKEN="token", REPORT_FAIL_ON="never", **given)
    assert refused.status == 0
    assert "403" in refused.log


def test_the_template_for_gitlab_needs_no_token_and_no_check(
    job: Job, tmp_path: Path, gitlab: str
) -> None:
    pull_request(job, tmp_path, HELD, HELD, "")
    before = [*map(dict, GitLab.notes)]
    base = based(job, BASE="main")
    given = {"CI_MERGE_REQUEST_TARGET_BRANCH_SHA": base, "CI_MERGE_REQUEST_DIFF_BASE_SHA": "x"}
    done = template(job, CI_API_V4_URL=gitlab, **given)
    assert done.status == 0, done.log
    assert (job.work / "runner-report.md").read_text().startswith(MARKER)
    assert GitLab.notes == before


def test_the_newest_version_with_what_a_bucket_needs(job: Job) -> None:
    job.tool(
        "python3",
        "#!/bin/sh\n"
        'mkdir -p "$3/bin"\n'
        'printf \'#!/bin/sh\\necho "$4"\\n\' > "$3/bin/pip"; chmod +x "$3/bin/pip"\n',
    )
    done = job.step("install.sh", VERSION="1.2", BACKEND="true")
    assert done.log.strip() == f"{DISTRIBUTION}[remote]==1.2"
    assert job.step("install.sh", BACKEND="true").log.strip().endswith("/../../..[remote]")


BACKEND = '[runner.backend]\ntype = "file"\npath = "states"\n'


def in_a_backend(job: Job) -> None:
    """A checkout that was never initialised, and its state in a folder that is."""
    project = Project(job.work / "prompts")
    with serving() as api:
        each = completion("answer", "say please", "for_each = ['a', 'b']")
        project.write(provider(api) + BACKEND + each + CHECK)
        assert project.run("init").status == 0
        ran = project.run("apply", "-y")
        assert ran.status == 0, ran.err
        assert project.run("workspace", "new", "other").status == 0
    for path in (project.directory / "state").iterdir():
        if path.is_file():
            path.unlink()


def test_a_report_begins_with_the_backend(job: Job) -> None:
    in_a_backend(job)
    assert based(job, BACKEND="true", BASE_SHA="0" * 40) == ""
    given = {"DIRECTORY": "prompts", "FAIL_ON": "regression", "BACKEND": "true"}
    done = job.step("report.sh", AGAINST="", **given)
    assert done.status == 0, done.log
    assert (done.outputs["changes"], done.outputs["status"]) == ("false", "0")
    assert based(job, BACKEND="true", BASE="workspace:other") == "workspace:other"


def test_the_template_for_gitlab_begins_with_the_backend(job: Job, gitlab: str) -> None:
    in_a_backend(job)
    done = template(
        job, CI_API_V4_URL=gitlab, REPORT_BACKEND="true", CI_MERGE_REQUEST_DIFF_BASE_SHA="x"
    )
    assert done.status == 0, done.log
    assert (job.work / "runner-report.md").read_text().startswith("<!-- runner-report: ")
    assert JUnitXml.fromfile(str(job.work / "runner-checks.xml")).tests == 2
