"""What an earlier version left is found as it is: its states, caches, saved plans and outputs.

The projects in tests/data/VERSION were made by that version (tests/data/make.py) and are never
made again. Each test works on a copy, with the command line as a process of its own.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import DATA
from tests.harness.project import Project, Ran, prompts, serving
from tests.harness.server import FakeAPI

VERSIONS = sorted(path for path in DATA.iterdir() if re.fullmatch(r"\d+\.\d+\.\d+", path.name))
MADE = {f"{path.parent.name}-{path.name}": path for v in VERSIONS for path in sorted(v.iterdir())}


class Left(Project):
    """A copy of a project that an earlier version left; `nowhere` leads its requests if no API."""

    def __init__(self, source: Path, directory: Path, api: FakeAPI | None = None) -> None:
        shutil.copytree(source, directory)
        super().__init__(directory)
        expected = json.loads((directory / "expected.json").read_bytes())
        self.seen: list[dict[str, Any]] = expected["seen"]
        url = "http://127.0.0.1:1/v1" if api is None else api.url
        self.env = {**expected["env"], "OPENAI_BASE_URL": url}
        if api is not None and "store" in expected:
            api.store.completions.update(expected["store"]["completions"])
            api.store.messages.update(expected["store"]["messages"])

    def did(self, *arguments: str) -> Ran:
        """A command as a process of its own, in the project's folder."""
        return self.run(*arguments, env=self.env, cwd=self.directory)

    def says_the_same(self, verb: str = "") -> None:
        """What was seen of this verb, or of all, says what it said then, byte for byte."""
        for seen in (s for s in self.seen if not verb or verb in s["arguments"]):
            ran = self.did(*seen["arguments"])
            assert (ran.status, ran.out) == (seen["status"], seen["out"]), seen["arguments"]

    def said(self, *arguments: str) -> str:
        """What a command said then."""
        return next(str(s["out"]) for s in self.seen if s["arguments"] == [*arguments])

    @property
    def written(self) -> dict[str, bytes]:
        """What people have of the answers: outputs.json and the files of outputs."""
        paths = [*self.directory.glob("out/*"), *self.directory.glob("state/**/outputs.json")]
        return {str(path.relative_to(self.directory)): path.read_bytes() for path in paths}


def named(*names: str) -> pytest.MarkDecorator:
    """The projects of these names, of every version that has them; all without names."""
    some = {at: path for at, path in MADE.items() if not names or path.name in names}
    return pytest.mark.parametrize("source", some.values(), ids=some.keys())


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    with serving(asked=100) as served:  # ids that the project does not have
        yield served


@named()
def test_every_project_says_what_it_said(source: Path, tmp_path: Path) -> None:
    left = Left(source, tmp_path / "p")
    left.says_the_same()


@named("everything", "workspaces", "embedded", "stored")
def test_a_clone_has_no_cache_and_its_plan_is_empty(source: Path, tmp_path: Path) -> None:
    left = Left(source, tmp_path / "p")
    shutil.rmtree(left.directory / "state/cache")
    left.says_the_same("plan")


@named("everything", "workspaces", "embedded", "stored")
def test_an_apply_sends_nothing_and_leaves_what_was_written(
    source: Path, tmp_path: Path, api: FakeAPI
) -> None:
    left = Left(source, tmp_path / "p", api)
    before, records = left.written, left.records
    plan = left.did("plan", "--detailed-exitcode")
    assert (plan.status, api.completions) == (0, []), plan
    ran = left.did("apply", "--auto-approve")
    assert (ran.status, api.completions) == (0, []), ran
    assert (left.written, left.records) == (before, records)
    assert left.did("plan", "--detailed-exitcode", "--offline").status == 0


@named("everything", "workspaces", "embedded", "renamed")
def test_without_the_state_every_answer_comes_from_the_cache(source: Path, tmp_path: Path) -> None:
    left = Left(source, tmp_path / "p")
    before = left.records
    for path in (left.directory / "state").iterdir():
        if path.name == "state.json":
            path.unlink()
    ran = left.did("apply", "--auto-approve", "--offline")
    assert ran.status == 0, ran.err
    assert len(left.records) == len(before)
    kept = {record["fingerprint"]: record["response"] for record in before.values()}
    replayed = {record["fingerprint"]: record["response"] for record in left.records.values()}
    assert replayed.keys() == kept.keys()
    if source.name != "renamed":
        assert left.did("output", "--json").out == left.said("output", "--json")
    assert left.did("plan", "--detailed-exitcode", "--offline").status == 0


@named("workspaces")
def test_a_workspace_without_a_state_is_replayed_too(source: Path, tmp_path: Path) -> None:
    left = Left(source, tmp_path / "p")
    staging = ("--workspace", "staging")
    (left.directory / "state/workspaces/staging/state.json").unlink()
    more = ("--auto-approve", "--offline", "--var-file", "staging.toml")
    ran = left.did(*staging, "apply", *more)
    assert ran.status == 0, ran.err
    left.says_the_same("plan")
    left.says_the_same("--json")


@named("renamed")
@pytest.mark.parametrize("cached", [True, False])
def test_renames_are_free(source: Path, tmp_path: Path, cached: bool) -> None:
    left = Left(source, tmp_path / "p")
    if not cached:
        shutil.rmtree(left.directory / "state/cache")
    before = left.records
    assert left.did("plan", "--detailed-exitcode", "--offline").status == 2
    ran = left.did("apply", "--auto-approve", "--offline")
    assert ran.status == 0, ran.err
    now = left.records
    names = {"completion.new": "completion.old", "completion.after": "completion.before"}
    assert now.keys() == names.keys()
    for new, old in names.items():
        assert {**now[new], "address": old} == before[old]
    assert left.outputs == {"new": "echo: hello", "after": "echo: bye"}
    assert left.did("plan", "--detailed-exitcode", "--offline").status == 0


@named("planned")
def test_a_saved_plan_is_shown_and_carried_out(source: Path, tmp_path: Path, api: FakeAPI) -> None:
    left = Left(source, tmp_path / "p", api)
    shown = left.did("show", "saved.plan")
    assert shown.status == 0, shown.err
    assert "Plan: 2 to re-issue." in shown.out
    ran = left.did("apply", "saved.plan")
    assert ran.status == 0, ran.err
    assert sorted(prompts(api)) == ["about rivers", "always"]
    assert left.outputs == {"a": "echo: about rivers", "b": "echo: always"}
    assert left.records["completion.b"]["sample"] == 1
    assert left.did("apply", "saved.plan").status == 1  # its state is gone on
    assert len(api.completions) == 2


@named("stored")
def test_what_a_server_keeps_is_read_told_and_deleted(
    source: Path, tmp_path: Path, api: FakeAPI
) -> None:
    left = Left(source, tmp_path / "p", api)
    main = left.directory / "configs/main.toml"
    main.write_text(main.read_text().replace("geography", "history"))
    ran = left.did("apply", "--auto-approve")
    assert ran.status == 0, ran.err
    assert not api.completions
    kept = left.records["completion.kept"]["response"]["id"]
    assert api.store.completions[kept]["metadata"] == {"category": "history"}
    ran = left.did("destroy", "--auto-approve")
    assert ran.status == 0, ran.err
    assert not api.store.completions
    assert not left.records


@named("stored")
def test_what_a_server_stored_belongs_to_the_state_that_records_it(
    source: Path, tmp_path: Path, api: FakeAPI
) -> None:
    """Its entry in the cache names no owner. A rename is free, another workspace asks anew."""
    left = Left(source, tmp_path / "p", api)
    before = {*api.store.completions}
    api._asked = 1000  # its ids are new ones
    assert left.did("workspace", "new", "prod").status == 0
    ran = left.did("--workspace", "prod", "apply", "--auto-approve")
    assert ran.status == 0, ran.err
    assert prompts(api) == ["What is the capital of France?"]
    assert len(api.store.completions) == len(before) + 1
    assert left.did("--workspace", "prod", "destroy", "--auto-approve").status == 0
    assert {*api.store.completions} == before  # also what both have imported
    main = left.directory / "configs/main.toml"
    main.write_text(re.sub(r"\bcompletion\.kept\b", "completion.renamed", main.read_text()))
    ran = left.did("apply", "--auto-approve")
    assert ran.status == 0, ran.err
    assert len(api.completions) == 1
    assert "completion.renamed" in left.records
    assert {*api.store.completions} == before


@named("rejected")
def test_what_was_not_accepted_is_asked_again_and_the_rest_is_kept(
    source: Path, tmp_path: Path, api: FakeAPI
) -> None:
    left = Left(source, tmp_path / "p", api)
    before = left.records
    plan = left.did("plan", "--json")
    again = {e["change"]["address"]: e["change"]["action"] for e in plan.of("planned_change")}
    assert again == {"completion.short": "reissue", "completion.shaped": "reissue"}
    assert left.did("apply", "--auto-approve").status == 1  # it echoes as it did then
    assert sorted(prompts(api)) == ["A number, please.", "Say less."]
    now = left.records
    assert {at: now[at] for at in ("completion.cut", "completion.good")} == {
        at: before[at] for at in ("completion.cut", "completion.good")
    }
    assert now["completion.short"]["sample"] == 1


CAPITAL = "What is the capital of France?"


@named("stored")
def test_what_a_server_keeps_is_renamed_for_free(
    source: Path, tmp_path: Path, api: FakeAPI
) -> None:
    """Its entry in the cache says not whose it is: it is this state's, which records its id."""
    left = Left(source, tmp_path / "p", api)
    before = left.records["completion.kept"]
    main = left.directory / "configs/main.toml"
    main.write_text(main.read_text().replace("completion.kept", "completion.moved_on"))
    ran = left.did("apply", "--auto-approve")
    assert ran.status == 0, ran.err
    assert not api.completions
    assert left.records["completion.moved_on"]["response"] == before["response"]
    assert before["response"]["id"] in api.store.completions


@named("stored")
def test_what_a_server_keeps_for_one_state_is_no_other_s(
    source: Path, tmp_path: Path, api: FakeAPI
) -> None:
    """The cache is shared: another workspace asks anew, and takes nothing away with it."""
    left = Left(source, tmp_path / "p", api)
    before = dict(api.store.completions)
    other = ("--workspace", "other")
    assert left.did("workspace", "new", "other").status == 0
    ran = left.did(*other, "apply", "--auto-approve")
    assert ran.status == 0, ran.err
    assert prompts(api) == [CAPITAL]
    assert len(api.store.completions) == len(before) + 1
    ran = left.did(*other, "destroy", "--auto-approve")
    assert ran.status == 0, ran.err
    assert api.store.completions == before
    assert left.did("plan", "--detailed-exitcode").status == 0


@named("stored")
def test_what_a_server_keeps_is_asked_anew_where_the_state_is_lost(
    source: Path, tmp_path: Path, api: FakeAPI
) -> None:
    left = Left(source, tmp_path / "p", api)
    before = dict(api.store.completions)
    left.state_file.unlink()
    ran = left.did("apply", "--auto-approve")
    assert ran.status == 0, ran.err
    assert prompts(api) == [CAPITAL]
    assert {**api.store.completions, **before} == api.store.completions
