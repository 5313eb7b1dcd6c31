"""`[runner.backend]`: begun to be used, trusted, moved to and from, and seen from two machines."""

import json
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from runner.core.plan.targets import Choice
from runner.operations.options import Options, ProjectPlace
from runner.operations.viewing.project_view import Looked, ProjectView
from runner.operations.viewing.resources import resource
from tests.harness.backends import trusted_bucket, trusted_folder
from tests.harness.git import GitFolder
from tests.harness.object_stores import moto
from tests.harness.project import Project, completion, provider
from tests.harness.server import FakeAPI
from tests.harness.state_server import state_server

OUTPUT = '[output.said]\nvalue = "{{ completion.a.content }}"\n'


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return trusted_folder(tmp_path / "bucket", "prompts", monkeypatch)


@pytest.fixture
def project(tmp_path: Path, api: FakeAPI) -> Project:
    made = Project(tmp_path / "one")
    made.write(provider(api), "provider.toml")
    made.write(completion("a", "hello") + OUTPUT)
    return made


def configure(project: Project, backend: str) -> None:
    project.write(f"[runner.backend]\n{backend}", "backend.toml")


def another_machine(project: Project, tmp_path: Path) -> Project:
    """The same configuration, with no state and nothing remembered."""
    shutil.copytree(project.directory / "configs", tmp_path / "two" / "configs")
    return Project(tmp_path / "two")


def lines(project: Project) -> list[str]:
    return project.call("state", "pull").out.splitlines()[1:]


def test_a_backend_that_was_never_initialised_is_an_error_that_names_both_ways(
    project: Project, bucket: str, api: FakeAPI
) -> None:
    assert project.apply().status == 0
    configure(project, bucket)
    for command in (("plan",), ("apply", "-y"), ("state", "list"), ("output",), ("init",)):
        ran = project.call(*command)
        assert ran.status == 1
        assert "Backend is not initialised" in ran.err
        assert "init --migrate-state" in ran.err
        assert "init --reconfigure" in ran.err
        assert "backend.toml line 1" in ran.err
        knows = "There are states in the folder" in ran.err
        assert knows == (command == ("init",))  # whoever ran init is not told to run it
    assert len(api.requests) == 1
    assert not (project.directory.parent / "bucket").exists()


def test_records_are_the_same_bytes_after_they_went_there_and_back(
    project: Project, bucket: str, api: FakeAPI
) -> None:
    project.apply()
    before = lines(project)
    configure(project, bucket)
    moved = project.call("init", "--migrate-state")
    assert moved.status == 0
    assert "Copied the workspace default: 1 record." in moved.err
    assert lines(project) == before
    assert project.call("plan", "--detailed-exitcode").status == 0
    project.write("", "backend.toml")
    assert "Backend is not initialised" in project.call("plan").err
    (project.directory / "state/state.json").unlink()
    assert project.call("init", "--migrate-state").status == 0
    assert lines(project) == before
    assert not (project.directory / "state/.backend.json").exists()
    assert len(api.requests) == 1


def test_records_are_the_same_bytes_after_a_bucket_and_a_server(
    project: Project, bucket: str, api: FakeAPI
) -> None:
    project.apply()
    before = lines(project)
    with state_server() as server:
        address = f'address = "{server.address}"'
        locks = f'lock_address = "{server.address}"\nunlock_address = "{server.address}"'
        for backend in (bucket, f'type = "http"\n{address}\n{locks}\n', ""):
            project.write(f"[runner.backend]\n{backend}" if backend else "", "backend.toml")
            if not backend:
                (project.directory / "state/state.json").unlink()
            assert project.call("init", "--migrate-state").status == 0
            assert lines(project) == before
            assert project.call("plan", "--detailed-exitcode").status == 0
        assert server.lock is None
    assert len(api.requests) == 1


def test_a_server_of_states_has_one_workspace(project: Project) -> None:
    with state_server() as server:
        configure(project, f'type = "http"\naddress = "{server.address}"\n')
        assert project.call("init").status == 0
        ran = project.call("workspace", "new", "prod")
    assert ran.status == 1
    assert "has one workspace" in ran.err


def test_two_machines_share_answers_and_outputs(
    project: Project, bucket: str, tmp_path: Path, api: FakeAPI
) -> None:
    configure(project, bucket)
    assert project.call("init").status == 0
    assert project.apply().status == 0
    other = another_machine(project, tmp_path)
    assert other.call("init").status == 0
    said = project.call("output", "said").out
    assert other.call("output", "said").out == said
    assert "1 answer is up to date" in other.call("plan").out
    other.write(completion("a", "goodbye") + OUTPUT)
    assert other.apply().status == 0
    project.write(completion("a", "goodbye") + OUTPUT)
    assert project.call("output", "said").out == other.call("output", "said").out
    assert len(api.requests) == 2


def test_earlier_states_are_told_by_their_serials(project: Project, bucket: str) -> None:
    configure(project, bucket)
    project.call("init")
    for text in ("one", "two", "three"):
        project.write(completion("a", text))
        project.apply()
    kept = json.loads(project.call("state", "list", "--all-serials", "--json").out)
    serials = [one["serial"] for one in kept]
    assert serials == sorted(serials, reverse=True)
    found = json.loads(project.call("history", "completion.a", "--json").out)
    assert [one["serial"] for one in found["commits"]] == serials[:3]
    found = json.loads(project.call("history", "completion.*", "--json").out)
    assert [one["serial"] for one in found["commits"]] == serials[:3]
    oldest = serials[2]
    changed = json.loads(project.call("diff", f"serial:{oldest}", "--json").out)
    assert len(changed["changes"]) == 1
    assert project.call("diff", f"serial:{serials[0]}", "--exit-code").status == 0
    assert '"one"' in project.call("state", "pull", "--serial", str(oldest)).out
    last = datetime.fromisoformat(kept[0]["written"])
    elsewhere = last.astimezone(timezone(timedelta(hours=5)))
    for since, is_told in ((elsewhere, True), (elsewhere + timedelta(seconds=1), False)):
        found = json.loads(project.call("history", "--since", since.isoformat(), "--json").out)
        assert bool(found["commits"]) is is_told
    missed = project.call("diff", "serial:99")
    assert missed.status == 1
    assert "keeps no state of serial 99" in missed.err


def test_whoever_looks_at_a_project_sees_its_serials(project: Project, bucket: str) -> None:
    configure(project, bucket)
    project.call("init")
    for text in ("one", "two"):
        project.write(completion("a", text))
        project.apply()
    options = Options(ProjectPlace(str(project.directory)), Choice())
    view = ProjectView(options, Looked())
    newest, oldest = json.loads(resource(view, "history", {}))["commits"]
    assert newest["id"].startswith("serial:")
    assert newest["id"] != oldest["id"]
    assert newest["date"] >= oldest["date"] > "2020"
    (change,) = json.loads(resource(view, "changes", {"c": oldest["id"]}))
    assert change["kind"] == "new"


def test_workspaces_live_there(project: Project, bucket: str, tmp_path: Path) -> None:
    configure(project, bucket)
    project.call("init")
    assert project.call("workspace", "new", "prod").status == 0
    other = another_machine(project, tmp_path)
    other.call("init")
    assert other.call("workspace", "list").out == "* default\n  prod\n"
    assert other.call("--workspace", "prod", "apply", "-y").status == 0
    assert "holds 1 record" in project.call("workspace", "delete", "prod").err
    assert project.call("workspace", "delete", "prod", "--force").status == 0
    assert other.call("workspace", "list").out == "* default\n"
    assert not (tmp_path / "bucket/prompts/workspace").exists()


def test_all_workspaces_are_migrated_or_none(project: Project, bucket: str) -> None:
    project.apply()
    project.call("workspace", "new", "prod")
    project.call("--workspace", "prod", "apply", "-y")
    configure(project, bucket)
    moved = project.call("init", "--migrate-state")
    assert [line for line in moved.err.splitlines() if "Copied" in line] == [
        "Copied the workspace default: 1 record.",
        "Copied the workspace prod: 1 record.",
    ]
    assert project.call("workspace", "list").out == "* default\n  prod\n"


def test_states_of_another_lineage_are_not_written_over(
    project: Project, bucket: str, tmp_path: Path
) -> None:
    configure(project, bucket)
    project.call("init")
    project.apply()
    other = another_machine(project, tmp_path)
    other.write("", "backend.toml")
    other.apply()
    configure(other, bucket)
    refused = other.call("init", "--migrate-state")
    assert refused.status == 1
    assert "State of another lineage" in refused.err
    assert "--force-copy" in refused.err
    assert other.call("init", "--migrate-state", "--force-copy").status == 0


def test_nothing_goes_where_nobody_said_it_may(
    project: Project, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A configuration of a stranger, who says too that it was initialised."""
    configure(project, bucket)
    project.call("init")
    monkeypatch.delenv("RUNNER_TRUST")
    for command in (("plan",), ("apply", "-y"), ("state", "list"), ("output",), ("init",)):
        ran = project.call(*command)
        assert ran.status == 1
        assert "Not trusted" in ran.err
        assert "keep every question and answer (state, shared cache) in file://" in ran.err
    named = f"file://{(project.directory.parent / 'bucket').resolve()}"
    assert project.call("plan", "--trust", named).status == 0


def test_a_backend_is_told_among_what_is_trusted(project: Project, bucket: str) -> None:
    configure(project, bucket)
    project.call("init")
    said = "keep every question and answer (state, shared cache) in file://"
    assert said in project.call("trust").out


def test_a_run_that_was_killed_is_taken_over_by_the_next_of_this_machine(
    project: Project, bucket: str, api: FakeAPI
) -> None:
    configure(project, bucket)
    project.call("init")
    api.hold()
    killed = project.start("apply", "-y")
    killed.says("Issuing")
    assert "runner apply" in project.call("force-unlock").err
    killed.kill()
    killed.communicate()
    api.release()
    ran = project.run("apply", "-y")
    assert ran.status == 0
    assert "took over the lock of" in ran.err
    assert project.call("force-unlock").out.startswith("Nobody holds")


def test_a_plan_writes_nothing_and_takes_no_lock(project: Project, bucket: str) -> None:
    configure(project, bucket)
    project.call("init")
    project.apply()
    held = project.directory.parent

    def contents() -> dict[Path, int]:
        found = (path for path in held.rglob("*") if not {"own", "cache"} & {*path.parts})
        return {path: path.stat().st_mtime_ns for path in found}

    lock = held / "bucket/prompts/lock.json"
    lock.write_text('{"ID": "some-id", "Who": "ann@elsewhere"}')
    before = contents()
    for command in ("plan", "output", "history", "state list", "show", "diff"):
        assert project.call(*command.split()).status == 0
    assert contents() == before


def test_git_sees_nothing_that_is_of_this_machine_alone(project: Project, bucket: str) -> None:
    """Also where nobody has added it to the project's own .gitignore."""
    git = GitFolder(project.directory)
    configure(project, bucket)
    git.commit("A configuration")
    assert project.call("init").status == 0
    assert project.apply().status == 0
    assert git("status", "--porcelain", "-uall") == "?? state/outputs.json"
    own = project.directory / "state/.gitignore"
    own.write_text("of somebody's\n")
    assert project.call("init", "--reconfigure").status == 0
    assert own.read_text() == "of somebody's\n"


def test_a_folder_of_the_project_is_nobody_elses(project: Project) -> None:
    configure(project, 'type = "file"\npath = "shared"\n')
    assert project.call("init").status == 0
    assert project.apply().status == 0
    assert (project.directory / "shared/state").is_dir()


def test_values_given_at_init_are_remembered_and_others_are_another_backend(
    project: Project, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(project, bucket)
    assert project.call("init", "--backend-config", "key=team/a").status == 0
    assert project.apply().status == 0
    assert (project.directory.parent / "bucket/team/a/state").is_dir()
    monkeypatch.setenv("RUNNER_BACKEND_KEY", "team/b")
    assert "The state was in" in project.call("plan").err
    assert project.call("init", "--reconfigure").status == 0
    assert "1 from cache" in project.call("plan").out


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ('type = "s4"', "s3"),
        ('type = "s3"', "needs bucket"),
        ('type = "s3"\nbucket = "b"\naccount = "a"', "no account"),
        ('type = "file"\npath = "p"\nhistory = 2', "10"),
        ('type = "s3"\nbucket = "b"\nendpoint = "https://me:pw@host"', "without credentials"),
        ('type = "s3"\nbucket = "b"\nsecret_key_env = "not a name"', "NAME"),
        ('type = "file"\npath = "{{ var.x }}"', "xpression"),
    ],
)
def test_what_is_no_backend_is_told_with_its_line(
    project: Project, backend: str, said: str
) -> None:
    configure(project, backend)
    ran = project.call("validate")
    assert ran.status == 1
    assert said in ran.err
    assert "backend.toml" in ran.err


def test_a_variable_that_is_not_set_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(project, 'type = "s3"\nbucket = "b-b"\nsecret_key_env = "NO_SUCH_KEY"\n')
    monkeypatch.setenv("RUNNER_TRUST", "s3://b-b")
    ran = project.call("init")
    assert ran.status == 1
    assert "export NO_SUCH_KEY" in ran.err


def test_a_lock_that_was_left_is_told_and_taken_away_by_its_id(
    project: Project, bucket: str
) -> None:
    configure(project, bucket)
    project.call("init")
    held = {"ID": "some-id", "Operation": "runner apply", "Who": "ann@elsewhere", "Created": "t"}
    lock = project.directory.parent / "bucket/prompts/lock.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps(held))
    ran = project.apply()
    assert ran.status == 1
    assert "ann@elsewhere" in ran.err
    assert "force-unlock some-id" in ran.err
    assert project.call("force-unlock", "other-id").status == 1
    freed = project.call("force-unlock", "some-id")
    assert "was held by ann@elsewhere" in freed.out
    assert project.apply().status == 0
    assert project.call("force-unlock").out.startswith("Nobody holds")


def test_a_state_in_s3_is_applied_and_planned(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with moto(tmp_path / "moto") as url:
        configure(project, trusted_bucket(url, monkeypatch))
        assert project.call("init").status == 0
        log = tmp_path / "moto/log"
        tried = log.read_text().count("/probe/")
        assert project.apply().status == 0
        assert log.read_text().count("/probe/") == tried  # init has done so
        before = log.read_text().count(" HTTP/1.1")
        planned = project.call("plan")
        assert log.read_text().count(" HTTP/1.1") == before + 2  # what there is, and the newest
    assert "1 answer is up to date" in planned.out
    held = b"".join(path.read_bytes() for path in (project.directory / "state").glob(".*.json"))
    assert b"made-up-secret" not in held
