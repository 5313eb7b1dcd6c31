"""Disks that are full, folders that cannot be written, files that go away: what was paid stays."""

import json
import os
import re
import resource
import shlex
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.harness.faults import completion as answer
from tests.harness.project import (
    Project,
    Ran,
    completion,
    ended,
    provider,
    serving,
    wait_until,
)
from tests.harness.server import FakeAPI
from tests.harness.syncs import content

APPLY = ("apply", "--auto-approve", "--concurrency", "8")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def _many(api: FakeAPI, number: int) -> str:
    return provider(api) + completion("many", "number {{ count.index }}", f"count = {number}")


def _limit(size: int) -> Callable[[], None]:
    """No file of the process may grow beyond this: as on a full disk, writes fail."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def _as_told(project: Project, text: str) -> Ran:
    """The command that a message names, as it stands there."""
    found = re.search(r"runner (.*state push .+)", text)
    assert found is not None, text
    return project.call(*shlex.split(found[1]))


def _as_root_without_rights(project: Project, *arguments: str) -> Ran:
    """The command, bound by file modes even where the tests run as root."""
    if os.getuid() != 0:
        return project.run(*arguments)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root, and no setpriv to be bound by file modes")
    return project.run(
        *arguments, before=[setpriv, "--bounding-set", "-dac_override,-dac_read_search"]
    )


@contextmanager
def _read_only(*folders: Path) -> Iterator[None]:
    for folder in folders:
        folder.chmod(0o500)
    try:
        yield
    finally:
        for folder in folders:
            folder.chmod(0o700)


@pytest.mark.parametrize("size", [500_000, 800_000])
def test_a_disk_that_fills_up_stops_the_requests_and_loses_no_answer(
    project: Project, size: int
) -> None:
    def script(got: Any) -> dict[str, Any]:
        return answer(got.body, got.number, "word " * 400)

    with serving(script=script) as api:
        project.write(_many(api, 400))
        ran = project.run(*APPLY, preexec_fn=_limit(size))
        assert ran.status == 1
        assert "Traceback" not in ran.err, ran.err
        sent = len(api.requests)
        assert sent < 400
        assert _as_told(project, ran.err).status == 0
        again = project.apply()
        assert again.status == 0, again.err
        assert len(api.requests) == 400, f"{len(api.requests) - 400} of {sent} answers lost"
        assert len(project.outputs["many"]) == 400


def test_the_cache_deleted_in_the_middle_loses_no_answer(project: Project) -> None:
    with serving(held=lambda got: got.number > 60) as api:
        project.write(_many(api, 200))
        process = project.start(*APPLY)
        wait_until(lambda: len(api.requests) > 60, "60 requests")
        shutil.rmtree(project.directory / "state/cache")
        api.release()
        ran = ended(process)
        assert ran.status == 1
        assert "Traceback" not in ran.err
        assert "Cache was deleted" in ran.err
        assert len(api.requests) < 200
        assert len(project.records) == len(api.requests)
        assert project.apply().status == 0
        assert len(api.requests) == 200


def test_the_whole_state_folder_deleted_in_the_middle(project: Project) -> None:
    with serving(held=lambda got: got.number > 60) as api:
        project.write(_many(api, 200))
        process = project.start(*APPLY)
        wait_until(lambda: len(api.requests) > 60, "60 requests")
        shutil.rmtree(project.directory / "state")
        api.release()
        ran = ended(process)
        assert ran.status == 1
        assert "Traceback" not in ran.err
        assert project.apply().status == 0
        assert len(api.requests) <= 200 + 8


@pytest.mark.parametrize("folder", ["state", "state/cache"])
def test_a_folder_that_cannot_be_written_is_told_before_anything_is_sent(
    project: Project, folder: str
) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "one"))
        assert project.apply().status == 0
        before = project.state_file.read_bytes()
        project.write(provider(api) + completion("a", "two"))
        with _read_only(project.directory / folder):
            ran = _as_root_without_rights(project, *APPLY)
            assert ran.status == 1
            assert "Error: " in ran.err
            assert folder in ran.err
            assert "Traceback" not in ran.err
            assert len(api.requests) == 1
            assert _as_root_without_rights(project, "plan").status == 0
            assert _as_root_without_rights(project, "output", "a").status == 0
        assert project.state_file.read_bytes() == before
        assert project.apply().status == 0
        assert len(api.requests) == 2


def test_a_state_that_cannot_be_written_at_the_end_goes_elsewhere(tmp_path: Path) -> None:
    """And the command that is named brings it back, also where a name has a space in it."""
    project = Project(tmp_path / "my project")
    with serving(held=True) as api:
        project.write(provider(api) + completion("a", "one"))
        process = project.start(*APPLY)
        wait_until(lambda: len(api.requests) == 1, "the request")
        project.state_file.mkdir()  # nothing can be renamed onto it
        api.release()
        ran = ended(process)
        project.state_file.rmdir()
        assert ran.status == 1
        assert "State was not written" in ran.err, ran.err
        assert _as_told(project, ran.err).status == 0
        assert set(project.records) == {"completion.a"}
        assert project.apply().status == 0
        assert len(api.requests) == 1


@pytest.mark.parametrize("first", [".json", ".jsonl"])
@pytest.mark.parametrize("before", [False, True])
def test_what_went_elsewhere_in_two_files_comes_back_from_both(
    project: Project, first: str, before: bool
) -> None:
    """Neither the cache nor the state could be written; either file may be pushed first."""
    with serving(held=lambda got: got.number > 30) as api:
        if before:
            project.write(provider(api) + completion("old", "old") + completion("gone", "gone"))
            assert project.apply().status == 0
        project.write(_many(api, 100) + (completion("old", "old") if before else ""))
        process = project.start(*APPLY)
        wait_until(lambda: len(api.requests) > 30, "30 requests")
        shutil.rmtree(project.directory / "state/cache")
        kept = project.state_file.with_name("kept")
        if before:
            project.state_file.rename(kept)
        project.state_file.mkdir()  # nothing can be renamed onto it
        api.release()
        ran = ended(process)
        project.state_file.rmdir()
        if before:
            kept.rename(project.state_file)
        assert ran.status == 1
        sent = len(api.requests)
        left = sorted(
            project.state_file.parent.glob("errored-*"), key=lambda path: path.suffix != first
        )
        assert [path.suffix for path in left] == [first, *({".json", ".jsonl"} - {first})]
        assert {stat.S_IMODE(path.stat().st_mode) for path in left} == {0o600}
        for path in left:
            pushed = project.call("state", "push", str(path))
            assert pushed.status == 0, pushed.err
        assert project.apply().status == 0
        assert len(api.requests) == 100 + 2 * before, f"{sent} were sent at first"


DAMAGED = {
    "empty": b"",
    "blank": b"  \n",
    "cut": None,
    "text": b"hello\n",
    "array": b"[]\n",
    "object": b"{}\n",
    "newer": b'{"version":99,"lineage":"x","serial":1,"runner_version":"9.9.9","root":"configs",'
    b'"records":[\n]}\n',
    "conflict": None,
    "binary": b"\x00\xff\x00" * 100,
}


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("command", [("plan",), APPLY, ("show",), ("destroy", "--auto-approve")])
def test_a_damaged_state_is_named_and_left_alone_and_the_backup_brings_it_back(
    project: Project, damage: str, command: tuple[str, ...]
) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "one"))
        assert project.apply().status == 0
        project.write(provider(api) + completion("a", "one") + completion("b", "two"))
        assert project.apply().status == 0
        whole = project.state_file.read_bytes()
        bad = DAMAGED[damage]
        if damage == "cut":
            bad = whole[: len(whole) // 2]
        elif damage == "conflict":
            half = whole.splitlines(keepends=True)
            bad = b"".join(
                [
                    half[0],
                    b"<<<<<<< ours\n",
                    half[1],
                    b"=======\n",
                    half[2],
                    b">>>>>>> theirs\n]}\n",
                ]
            )
        assert bad is not None
        project.state_file.write_bytes(bad)
        ran = project.call(*command)
        assert ran.status == 1
        assert str(project.state_file) in ran.err
        assert "Traceback" not in ran.err
        assert project.state_file.read_bytes() == bad
        assert len(api.requests) == 2
        if damage not in {"newer", "conflict"}:
            assert f"{project.state_file}.backup" in ran.err
            shutil.copy(f"{project.state_file}.backup", project.state_file)
            assert project.apply().status == 0
            assert len(api.requests) == 2
            assert set(project.records) == {"completion.a", "completion.b"}


def test_a_state_that_is_gone_while_its_backup_is_there_is_warned_of(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "one"))
        assert project.apply().status == 0
        project.write(provider(api) + completion("a", "two"))
        assert project.apply().status == 0
        project.state_file.unlink()
        ran = project.call("plan")
        assert ran.status == 0
        assert "Warning: State file is missing" in ran.err
        assert "from cache" in ran.out


def test_the_state_of_another_root_module_is_refused(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "one"))
        assert project.apply().status == 0
        other = project.directory / "other"
        other.mkdir()
        (other / "main.toml").write_text(provider(api) + completion("b", "two"))
        for command in (("plan",), APPLY, ("destroy", "--auto-approve")):
            ran = project.call("--config", "other", *command)
            assert ran.status == 1
            assert "State of another root module" in ran.err
            assert "--state DIR" in ran.err
        assert len(api.requests) == 1
        assert project.call("--config", "other", "--state", "state2", *APPLY).status == 0


def test_unknown_fields_of_the_state_survive_an_apply(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "one"))
        assert project.apply().status == 0
        held = json.loads(project.state_file.read_bytes())
        held["note"] = "kept"
        held["records"][0]["remark"] = {"by": "ann"}
        project.state_file.write_text(json.dumps(held))
        project.write(provider(api) + completion("a", "one") + completion("b", "two"))
        assert project.apply().status == 0
        now = json.loads(project.state_file.read_bytes())
        assert now["note"] == "kept"
        assert now["records"][0]["remark"] == {"by": "ann"}


def test_a_damaged_cache_says_how_to_go_on_and_the_state_is_enough(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "one"))
        assert project.apply().status == 0
        for file in (project.directory / "state/cache").iterdir():
            file.write_bytes(b"this is no database at all, and long enough to be read" * 100)
        project.write(provider(api) + completion("a", "one") + completion("b", "two"))
        ran = project.apply()
        assert ran.status == 1
        assert "Error: Cache is damaged" in ran.err
        assert "runner cache clear" in ran.err
        assert len(api.requests) == 1
        assert project.call("cache", "clear", "--auto-approve").status == 0
        assert project.apply().status == 0
        assert len(api.requests) == 2


@pytest.mark.parametrize("name", ["state/state.json", "state/outputs.json", "out/a.txt"])
def test_a_power_cut_leaves_a_file_as_it_was_or_as_it_is(project: Project, name: str) -> None:
    """What is in it is on the disk before it has its name, and the name before the command ends."""
    with serving() as api:
        output = '[output.a]\nvalue = "{{ completion.a.content }}"\nfile = "out/a.txt"\n'
        for prompt in ("one", "two"):
            project.write(provider(api) + completion("a", prompt) + output)
            command = [sys.executable, "-m", "tests.harness.syncs", "-C", str(project.directory)]
            ran = subprocess.run(
                [*command, *APPLY], cwd=ROOT, capture_output=True, text=True, check=True
            )
            seen = json.loads(ran.stderr.splitlines()[-1])
            path = project.directory / name
            there, folder = content(path.stat()), content(path.parent.stat())
            named = seen.index(["rename", there, str(path)])
            assert ["sync", there] in seen[:named]
            assert ["sync", folder] in seen[named:]
            if prompt == "one":  # the folder is new, and has its name for good as well
                assert ["sync", content(path.parent.parent.stat())] in seen
