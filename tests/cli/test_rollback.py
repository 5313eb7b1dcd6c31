import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from shutil import rmtree

import jsonschema_rs
import pytest

from runner.core.state.file import decode, encode
from tests.harness.faults import completion as answer
from tests.harness.git import GitFolder
from tests.harness.project import Project, completion, provider, serving
from tests.harness.server import FakeAPI

TALE, REVIEW = "completion.tale", "completion.review"
IGNORED = "state/cache/\n.lock*\n*.backup\n"


@pytest.fixture
def git(tmp_path: Path) -> GitFolder:
    folder = GitFolder(tmp_path / "project")
    folder.write(".gitignore", IGNORED)
    return folder


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    with serving(script=lambda asked: answer(asked.body, asked.number, f"{asked.number}.")) as held:
        yield held


@pytest.fixture
def project(git: GitFolder, api: FakeAPI) -> Project:
    """A tale that was asked for again, then otherwise, each with its review and in a commit."""
    project = Project(git.path)
    write(project, api, "tell")
    applied(project)
    git.commit("one")
    applied(project, "--replace", TALE)
    git.commit("two")
    write(project, api, "sing")
    applied(project)
    git.commit("three")
    return project


def write(project: Project, api: FakeAPI, prompt: str, more: str = "") -> None:
    tale = completion("tale", prompt)
    review = completion("review", "Review {{ completion.tale.content }}")
    project.write(provider(api) + tale + review + more)


def applied(project: Project, *arguments: str) -> None:
    ran = project.apply(*arguments)
    assert ran.status == 0, ran.err


def unchanged(project: Project, api: FakeAPI) -> None:
    """The plan is empty, and nobody was asked."""
    asked = len(api.requests)
    planned = project.call("plan", "--detailed-exitcode")
    assert planned.status == 0, planned.out
    assert len(api.requests) == asked


def back(project: Project, *arguments: str) -> str:
    ran = project.call("rollback", "-y", *arguments)
    assert ran.status == 0, ran.err + ran.out
    return ran.out


def test_an_answer_to_what_is_asked_today_is_the_record_again(
    project: Project, git: GitFolder, api: FakeAPI
) -> None:
    git("checkout", "-q", "HEAD~")
    then = json.loads(git("show", "HEAD~:state/state.json"))["records"]
    said = back(project, "completion.*", "--to", "HEAD~")
    assert "completion.tale will go back to its answer of" in said
    assert "2 to roll back, 0 to put into the cache, 0 unchanged. 0 requests" in said
    assert [*project.records.values()] == then
    assert project.outputs["tale"] == then[1]["response"]["choices"][0]["message"]["content"]
    unchanged(project, api)


def test_a_rollback_of_a_rollback_is_as_before_but_for_the_serial(
    project: Project, git: GitFolder, api: FakeAPI
) -> None:
    git("checkout", "-q", "HEAD~")
    before = decode(project.state_file.read_bytes(), "")
    back(project, "--all", "--to", "HEAD~")
    after = decode(project.state_file.read_bytes(), "")
    assert after.records != before.records
    back(project, "--all", "--to", "HEAD")
    again = decode(project.state_file.read_bytes(), "")
    assert again.serial > after.serial > before.serial
    assert encode(again).split(b"\n")[1:] == encode(before).split(b"\n")[1:]
    unchanged(project, api)


def test_an_answer_to_something_else_waits_in_the_cache_for_the_configuration(
    project: Project, git: GitFolder, api: FakeAPI
) -> None:
    rmtree(project.directory / "state/cache")
    before = project.state_file.read_bytes()
    asked = len(api.requests)
    said = back(project, TALE, "--to", "HEAD~")
    assert "completion.tale stays as it is; its answer of" in said
    assert "- sing" in said
    assert "+ tell" in said
    paths = said.split("git checkout ")[1].splitlines()[0]
    commit, _, path = paths.partition(" -- ")
    assert path.endswith("configs/main.toml")
    assert project.state_file.read_bytes() == before
    git("checkout", commit, "--", "configs/main.toml")
    planned = project.call("plan", "--target", TALE)
    assert "Plan: 1 from cache." in planned.out
    applied(project, "--target", TALE)
    assert len(api.requests) == asked
    back(project, "--all", "--to", "HEAD~")
    unchanged(project, api)


def test_what_is_asked_with_an_answer_goes_back_with_it(
    project: Project, git: GitFolder, api: FakeAPI
) -> None:
    git("checkout", "-q", "HEAD~")
    said = back(project, REVIEW, "--to", "HEAD~")
    assert "0 to roll back, 1 to put into the cache" in said
    said = back(project, REVIEW, TALE, "--to", "HEAD~")
    assert "2 to roll back" in said


def test_the_answer_that_is_replaced_stays_in_the_cache(
    project: Project, git: GitFolder, api: FakeAPI
) -> None:
    git("checkout", "-q", "HEAD~")
    replaced = project.records[TALE]
    rmtree(project.directory / "state/cache")
    back(project, "--all", "--to", "HEAD~")
    asked = len(api.requests)
    applied(project, "--replace", TALE)
    assert len(api.requests) == asked
    assert project.records[TALE]["response"] == replaced["response"]


def test_instances_moves_and_what_is_gone(git: GitFolder, api: FakeAPI) -> None:
    project = Project(git.path)
    each = completion("each", "{{ each.key }}", 'for_each = ["a", "b", "c"]')
    project.write(provider(api) + each)
    applied(project)
    git.commit("one")
    first = project.records
    applied(project, "--replace", "completion.each")
    fewer = completion("moved", "{{ each.key }}", 'for_each = ["a", "b"]')
    moved = '[[moved]]\nfrom = "completion.each"\nto = "completion.moved"\n'
    project.write(provider(api) + fewer + moved)
    said = back(project, 'completion.moved["a"]', 'completion.moved["c"]', "--to", "HEAD")
    assert "1 to roll back, 1 to put into the cache" in said
    assert 'completion.moved["c"] is not in the configuration' in said or "for_each" in said
    records = project.records
    assert records['completion.moved["a"]']["response"] == first['completion.each["a"]']["response"]
    assert records['completion.moved["b"]']["response"] != first['completion.each["b"]']["response"]


def test_what_another_address_has_by_now_is_left_there(git: GitFolder, api: FakeAPI) -> None:
    project = Project(git.path)
    project.write(provider(api) + completion("a", "same"))
    applied(project)
    git.commit("one")
    project.state_file.with_name("state.json").unlink()
    project.write(provider(api) + completion("b", "same"))
    applied(project)
    project.write(provider(api) + completion("a", "same") + completion("b", "same"))
    applied(project)
    said = back(project, "completion.a", "--to", "HEAD")
    assert "its answer is that of completion.b now" in said
    assert "Nothing to roll back" in said


def test_nothing_is_done_without_a_yes(project: Project, git: GitFolder) -> None:
    git("checkout", "-q", "HEAD~")
    before = project.state_file.read_bytes()
    ran = project.call("rollback", "--all", "--to", "HEAD~")
    assert ran.status == 1
    assert "Nobody to ask" in ran.err
    assert project.state_file.read_bytes() == before


def test_where_nothing_differs_nothing_is_asked(project: Project) -> None:
    ran = project.call("rollback", "--all", "--to", "HEAD")
    assert (ran.status, ran.err) == (0, "")
    assert "Nothing to roll back: 2 answers are as in HEAD" in ran.out


def test_a_protected_answer_is_not_replaced(project: Project, git: GitFolder, api: FakeAPI) -> None:
    git("checkout", "-q", "HEAD~")
    tale = completion("tale", "tell", "lifecycle = { prevent_destroy = true }")
    project.write(provider(api) + tale + completion("review", "{{ completion.tale.content }}"))
    ran = project.call("rollback", "-y", TALE, "--to", "HEAD~")
    assert ran.status == 1
    assert "lifecycle.prevent_destroy, and this would roll back it" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name the addresses that go back, or give --all"),
        (("--all", TALE), "Name the addresses that go back, or give --all"),
        (("completion.tail",), "In HEAD~1"),
        (("completion.tail",), "Did you mean completion.tale?"),
    ],
)
def test_what_cannot_be_meant_is_told(
    project: Project, arguments: tuple[str, ...], said: str
) -> None:
    ran = project.call("rollback", "-y", *arguments, "--to", "HEAD~1")
    assert ran.status == 1
    assert said in ran.err


def test_events_say_what_happens(project: Project, git: GitFolder) -> None:
    git("checkout", "-q", "HEAD~")
    ran = project.call("rollback", "-y", "--json", "--all", "--to", "HEAD~")
    assert [event["type"] for event in ran.events] == [
        "version", "rollback_step", "rollback_step", "rollback_summary", "rollback_complete",
    ]  # fmt: skip
    assert [event["action"] for event in ran.of("rollback_step")] == ["restore", "restore"]
    assert ran.of("rollback_complete")[0]["restored"] == 2
    schema = (files("runner") / "schemas/events.schema.json").read_text("utf-8")
    made = jsonschema_rs.validator_for(json.loads(schema))
    assert [error.message for event in ran.events for error in made.iter_errors(event)] == []


def test_a_state_that_was_lost_is_there_again(project: Project, api: FakeAPI) -> None:
    before = project.records
    project.state_file.unlink()
    back(project, "--all", "--to", "HEAD")
    assert project.records == before
    unchanged(project, api)


def fresh_clone(project: Project, git: GitFolder, directory: Path) -> tuple[Project, GitFolder]:
    """Of somebody who has the commits and nobody's cache, and takes the last prompt back."""
    git("clone", "-q", str(project.directory), str(directory))
    clone = GitFolder(directory)
    clone("revert", "-n", "HEAD")
    clone("checkout", "-q", "HEAD", "--", "state")
    return Project(directory), clone


@pytest.mark.parametrize("revision", ["HEAD~", "HEAD~2"])
def test_a_prompt_that_is_taken_back_is_free_in_a_fresh_clone(
    project: Project, git: GitFolder, api: FakeAPI, tmp_path: Path, revision: str
) -> None:
    clone, _ = fresh_clone(project, git, tmp_path / "clone")
    asked = len(api.requests)
    said = clone.call("cache", "import", revision).err
    assert "2 answers of HEAD~" in said
    assert "2 new in the cache, 0 there already." in said
    again = clone.call("cache", "import", revision)
    assert "0 new in the cache, 2 there already." in again.err
    planned = clone.call("plan")
    assert "Plan: 2 from cache." in planned.out
    applied(clone)
    assert len(api.requests) == asked
    records = json.loads(git("show", f"{revision}:state/state.json"))["records"]
    answers = [record["response"] for record in records]
    assert [record["response"] for record in clone.records.values()] == answers
    unchanged(clone, api)


def test_an_import_overwrites_no_answer(project: Project, git: GitFolder, api: FakeAPI) -> None:
    rmtree(project.directory / "state/cache")
    for revision in ("HEAD~", "HEAD~2", "HEAD~2", "HEAD~"):
        project.call("cache", "import", revision)
    assert "answers     4" in project.call("cache", "info").out


def test_what_cannot_be_asked_for_as_it_stands_is_counted(
    git: GitFolder, api: FakeAPI, tmp_path: Path
) -> None:
    project = Project(git.path)
    secret = '[variable.key]\nsensitive = true\ndefault = "hush-hush-hush"\n'
    project.write(provider(api) + secret + completion("a", "Keep {{ var.key }}"))
    applied(project)
    said = project.call("cache", "import", str(project.state_file)).err
    assert "1 of them was asked for with sensitive values" in said


def test_a_revision_without_a_state_gives_nothing(git: GitFolder, api: FakeAPI) -> None:
    project = Project(git.path)
    project.write(provider(api) + completion("a", "b"))
    git.commit("no state")
    for words in (("cache", "import", "HEAD"), ("rollback", "--all", "--to", "HEAD")):
        ran = project.call(*words)
        assert ran.status == 1
        assert "holds no state/state.json" in ran.err


def test_what_the_cache_cannot_take_is_not_replaced(project: Project, git: GitFolder) -> None:
    git("checkout", "-q", "HEAD~")
    rmtree(project.directory / "state/cache")
    (project.directory / "state/cache").write_text("in the way")
    before = project.state_file.read_bytes()
    ran = project.call("rollback", "-y", "--all", "--to", "HEAD~")
    assert ran.status == 1
    assert project.state_file.read_bytes() == before


def test_another_workspace_goes_back_by_its_own_state(
    project: Project, git: GitFolder, api: FakeAPI
) -> None:
    git("checkout", "-q", "HEAD~")
    project.call("workspace", "new", "dev")
    for arguments in ((), ("--replace", TALE)):
        applied(project, "--workspace", "dev", *arguments)
        git.commit("dev")
    default = project.state_file.read_bytes()
    file = project.directory / "state/workspaces/dev/state.json"
    before = decode(file.read_bytes(), "").records[TALE]
    said = project.call("--workspace", "dev", "rollback", "-y", "--all", "--to", "HEAD~")
    assert said.status == 0, said.err
    assert decode(file.read_bytes(), "").records[TALE].sample < before.sample
    assert project.state_file.read_bytes() == default
