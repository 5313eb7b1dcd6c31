"""What servers really do with batches, each held against one of our own that does it."""

import json
import os
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.harness.batch_server import BatchServer, serving_batches
from tests.harness.project import Project, Ran, completion, interrupt, trusting, wait_until

MANY = 6


def project(directory: Path, server: BatchServer, *blocks: str, **settings: Any) -> Project:
    made = Project(directory)
    held = {"poll": 0.01, "settle": 0.3, **settings}
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in held.items())
    text = f'[provider.openai]\nbase_url = "{server.url}"\nmax_retries = 2\n'
    every = blocks or (completion("many", "number {{ count.index }}", f"count = {MANY}"),)
    made.write(f"{text}[provider.openai.batch]\n{lines}\n{''.join(every)}")
    return made


def whole(made: Project, ran: Ran, server: BatchServer) -> None:
    """Every answer is there, and each was paid for once."""
    assert ran.status == 0, ran.err
    assert made.outputs["many"] == [f"echo: number {i}" for i in range(MANY)]
    assert server.paid == Counter(f"number {i}" for i in range(MANY))
    assert not journal(made)


def journal(made: Project) -> list[Path]:
    return [*(made.directory / "state/cache/batches").glob("*")]


def refused(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    body = {"error": {"message": message, "code": code, "type": "invalid_request_error"}}
    return {"response": {"status_code": status, "body": body}, "error": None}


def test_requests_go_in_one_batch_and_the_record_says_so(tmp_path: Path) -> None:
    with serving_batches() as server:
        made = project(tmp_path, server)
        whole(made, made.apply("--batch"), server)
        assert len(server.batches) == 1
        assert not server.live
        assert {record["batch"] for record in made.records.values()} == {"batch_1"}
        assert {record["duration_ms"] for record in made.records.values()} == {60_000}
        assert [name for name, _ in server.files.values()] == ["out.jsonl"]  # ours is removed


@pytest.mark.parametrize(
    "fault",
    [
        {"capitals": True},
        {"empty_errors": True},
        {"body_as_text": True},
        {"counts": (1000, 0)},
        {"looks": 5},
        {"lose": Counter({"POST /files": 1})},
        {"lose": Counter({"POST /batches": 1})},
        {"lose": Counter({"POST /batches": 1}), "lag": 2},
        {"lose": Counter({"GET /batches": 2, "GET /files": 2})},
        {"refuse": {"POST /batches": [(400, {"error": {"message": "Cannot find file file-1"}})]}},
        {"refuse": {"POST /batches": [(429, {"error": {"code": "rate_limit_exceeded"}})]}},
        {"refuse": {"POST /batches": [(503, {"error": {"message": "overloaded"}})]}},
        {"ends": ["failed"], "faults": [[{"code": "token_limit_exceeded", "message": "queue"}]]},
        {"ends": ["expired"]},
        {"cut": 2},
        {"part": 1},
        {"twice": [{"response": None, "error": {"code": "server_error", "message": "oh"}}]},
        {"twice": [{"response": {"status_code": 400, "body": {}}, "error": None}]},
    ],
    ids=str,
)
def test_whatever_a_server_does_each_answer_is_paid_once(
    tmp_path: Path, fault: dict[str, Any]
) -> None:
    with serving_batches(**fault) as server:
        made = project(tmp_path, server)
        whole(made, made.apply("--batch"), server)


@pytest.mark.parametrize(
    "fault", [{"cut": 2}, {"part": 1}, {"twice": [{"response": None, "error": {}}]}]
)
def test_whatever_a_server_does_each_answer_is_collected_once(
    tmp_path: Path, fault: dict[str, Any]
) -> None:
    with serving_batches(**fault) as server:
        made = project(tmp_path, server)
        assert made.apply("--batch", "--no-wait").status == 3
        ran = made.call("batch", "wait")
        assert ran.status == 0, ran.err
        assert f"batch_1 is completed: {MANY} answers taken into the cache." in ran.err
        whole(made, made.apply("--offline"), server)


def test_a_batch_that_cannot_be_written_down_is_not_sent(tmp_path: Path) -> None:
    with serving_batches() as server:
        made = project(tmp_path, server)
        (tmp_path / "state/cache").mkdir(parents=True)
        (tmp_path / "state/cache/batches").write_text("no folder")
        ran = made.apply("--batch")
        assert ran.status == 1
        assert "state/cache/batches" in ran.err
        assert not server.asked


def test_lines_that_failed_at_the_server_or_are_nowhere_go_again(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()

    def outcome(line: dict[str, Any]) -> dict[str, Any] | None:
        prompt = line["body"]["messages"][0]["content"]
        seen[prompt] += 1
        if seen[prompt] > 1 or prompt == "number 5":
            return {"answer": True}
        made: dict[str, dict[str, Any] | None] = {
            "number 0": {"response": {"status_code": 0, "body": ""}, "error": None},
            "number 1": refused(500, "The server had an error"),
            "number 2": refused(429, "Rate limit reached", "rate_limit_exceeded"),
            "number 3": {"response": None, "error": {"code": "batch_expired", "message": "late"}},
            "number 4": None,
        }
        return made[prompt]

    with serving_batches(outcome=outcome) as server:
        made = project(tmp_path, server)
        whole(made, made.apply("--batch"), server)
        assert len(server.batches) == 2
        billed = {name: one.get("maybe_billed") for name, one in made.records.items()}
        assert billed["completion.many[4]"] == 1
        assert billed["completion.many[1]"] is None


def test_what_is_refused_is_told_once_in_the_servers_words(tmp_path: Path) -> None:
    said = "The model grok-5 is not supported for batch processing"
    with serving_batches(outcome=lambda _: refused(400, said)) as server:
        made = project(tmp_path, server)
        ran = made.apply("--batch")
        assert ran.status == 1
        assert ran.err.count(said) == 1
        assert f"The same for {MANY} completions" in ran.err
        assert len(server.batches) == 1
        assert not journal(made)


def test_no_line_goes_again_for_ever(tmp_path: Path) -> None:
    with serving_batches(outcome=lambda _: None) as server:
        ran = project(tmp_path, server).apply("--batch")
        assert ran.status == 1
        assert len(server.batches) == 3
        assert "in each of 3 batches" in ran.err


def test_a_batch_that_is_refused_names_the_lines_to_blame(tmp_path: Path) -> None:
    fault = {"code": "invalid", "message": "bad temperature", "line": 3}
    with serving_batches(ends=["failed"], faults=[[fault]]) as server:
        made = project(tmp_path, server)
        ran = made.apply("--batch")
        assert ran.status == 1
        assert "the batch was refused: bad temperature" in ran.err
        assert len(made.records) == MANY - 1


def test_a_server_without_batches_is_told_and_nothing_goes_live(tmp_path: Path) -> None:
    with serving_batches(no_batches=True) as server:
        made = project(tmp_path, server)
        ran = made.apply("--batch")
        assert ran.status == 1
        assert "has no Batch API" in ran.err
        assert "apply without --batch" in ran.err
        assert not server.live
        assert not journal(made)
        assert made.apply().status == 0


def test_a_batch_that_nobody_knows_is_not_asked_for_again(tmp_path: Path) -> None:
    with serving_batches() as server:
        made = project(tmp_path, server)
        assert made.apply("--batch", "--no-wait").status == 3
        server.forgets = True
        for flags in ((), ("--batch",)):
            ran = made.apply(*flags)
            assert ran.status == 1
            assert "batch forget batch_1" in ran.err
        assert len(server.batches) == 1
        assert not server.live
        assert made.call("batch", "forget", "batch_1").status == 0
        assert made.apply().status == 0
        assert len(server.live) == MANY


def test_a_batch_whose_answers_are_gone_is_not_asked_for_again(tmp_path: Path) -> None:
    with serving_batches(looks=0) as server:
        made = project(tmp_path, server)
        assert made.apply("--batch", "--no-wait").status == 3
        server.refuse = {"GET /files": [(404, {"error": {"message": "No such File"}})] * 9}
        for command in (("apply", "--auto-approve", "--batch"), ("batch", "wait")):
            ran = made.call(*command)
            assert ran.status in (1, 3)
            assert "has the answers of batch_1 no more: No such File" in ran.err.replace("\n", " ")
            assert "`runner batch forget batch_1`" in ran.err.replace("\n", " ")
        assert len(server.batches) == 1
        assert not server.live


def test_without_waiting_a_later_command_takes_the_answers(tmp_path: Path) -> None:
    with serving_batches(hold=True) as server:
        made = project(tmp_path, server)
        ran = made.apply("--batch", "--no-wait")
        assert ran.status == 3
        assert "batch_1" in ran.err
        shown = made.call("plan")
        assert f"{MANY} under way in 1 batch" in shown.out
        before = sorted(tmp_path.rglob("*"))
        assert made.call("plan", "--json").status == 0
        assert sorted(tmp_path.rglob("*")) == before
        ran = made.apply()
        assert ran.status == 1
        assert "would be paid twice" in ran.err
        assert made.call("batch", "collect").status == 3
        server.hold = False
        assert made.call("batch", "wait").status == 0
        assert f"{MANY} from cache" in made.call("plan").out
        whole(made, made.apply(), server)


def test_what_is_under_way_is_joined(tmp_path: Path) -> None:
    with serving_batches(hold=True) as server:
        made = project(tmp_path, server)
        assert made.apply("--batch", "--no-wait").status == 3
        server.hold = False
        server.looks = 2
        whole(made, made.apply("--batch"), server)
        assert len(server.batches) == 1


def test_of_a_batch_that_is_joined_for_some_of_it_the_rest_is_not_lost(tmp_path: Path) -> None:
    with serving_batches(hold=True) as server:
        made = project(tmp_path, server)
        assert made.apply("--batch", "--no-wait").status == 3
        process = made.start("apply", "--auto-approve", "--batch", "--target", "completion.many[0]")
        looks = server.asked.count("GET /batches/batch_1") + 1  # the first is of who collects
        wait_until(lambda: server.asked.count("GET /batches/batch_1") > looks, "a joined batch")
        server.hold = False
        _, err = process.communicate()
        assert process.returncode == 0, err
        assert [*made.records] == ["completion.many[0]"]
        whole(made, made.apply("--batch"), server)
        assert len(server.batches) == 1


def test_of_a_batch_that_is_joined_for_some_of_it_the_right_line_is_to_blame(
    tmp_path: Path,
) -> None:
    fault = {"code": "invalid", "message": "bad temperature", "line": 6}
    with serving_batches(hold=True, ends=["failed"], faults=[[fault]]) as server:
        made = project(tmp_path, server)
        assert made.apply("--batch", "--no-wait").status == 3
        process = made.start(
            "apply", "--auto-approve", "--batch", "--exclude", "completion.many[0]"
        )
        looks = server.asked.count("GET /batches/batch_1") + 1
        wait_until(lambda: server.asked.count("GET /batches/batch_1") > looks, "a joined batch")
        server.hold = False
        _, err = process.communicate()
        assert process.returncode == 1
        assert "completion.many[5]: Failed" in err
        assert [*made.records] == [f"completion.many[{index}]" for index in range(1, 5)]


def test_it_can_be_asked_for_all_the_same(tmp_path: Path) -> None:
    with serving_batches(hold=True) as server:
        made = project(tmp_path, server)
        assert made.apply("--batch", "--no-wait").status == 3
        assert made.apply("--ignore-batches").status == 0
        assert len(server.live) == MANY


def test_an_answer_of_what_is_gone_from_the_configuration_reaches_the_cache(
    tmp_path: Path,
) -> None:
    with serving_batches() as server:
        made = project(tmp_path, server)
        text = (tmp_path / "configs/main.toml").read_text()
        assert made.apply("--batch", "--no-wait").status == 3
        made.write(text.partition("[completion")[0])
        assert made.call("batch", "wait").status == 0
        made.write(text)
        whole(made, made.apply(), server)


def test_sensitive_values_are_in_no_file_and_their_answers_are_taken_by_who_knows_them(
    tmp_path: Path,
) -> None:
    secret = "zulu-9-secret-word"
    blocks = (
        f'[variable.word]\ndefault = "{secret}"\nsensitive = true\n',
        completion("a", "say {{ var.word | upper }}"),
    )
    with serving_batches(looks=0) as server:
        made = project(tmp_path, server, *blocks)
        assert made.apply("--batch", "--no-wait").status == 3

        def leaked() -> list[Path]:
            files = (path for path in (tmp_path / "state").rglob("*") if path.is_file())
            texts = {path: path.read_bytes().lower() for path in files}
            return [path for path, text in texts.items() if secret.encode() in text]

        assert not leaked()
        assert made.call("batch", "collect").status == 0
        assert not leaked()
        assert journal(made)
        assert made.apply().status == 0
        assert len(made.records) == 1
        assert sum(server.paid.values()) == 1
        assert not leaked()
        assert not journal(made)


def test_some_go_live_whatever_is_said(tmp_path: Path) -> None:
    blocks = (
        completion("never", "never", "batch = false"),
        completion("headed", "headed", 'extra_headers = { "x-a" = "1" }'),
        completion("stored", "stored", "store = true"),
        completion("rest", "rest"),
    )
    with serving_batches() as server:
        made = project(tmp_path, server, *blocks)
        assert made.apply("--batch").status == 0
        asked = sorted(one["messages"][0]["content"] for one in server.live)
        assert asked == ["headed", "never", "stored"]
        lines = [line["body"]["messages"][0]["content"] for line in server.batches["batch_1"].lines]
        assert lines == ["rest"]


def test_one_may_always_go_in_a_batch(tmp_path: Path) -> None:
    blocks = (completion("always", "always", "batch = true"), completion("rest", "rest"))
    with serving_batches() as server:
        made = project(tmp_path, server, *blocks)
        assert made.apply().status == 0
        assert [one["messages"][0]["content"] for one in server.live] == ["rest"]
        assert len(server.batches) == 1


def test_batches_are_no_larger_than_the_server_takes_and_of_one_model(tmp_path: Path) -> None:
    blocks = (
        completion("many", "number {{ count.index }}", f"count = {MANY}"),
        completion("other", "other").replace("gpt-4o", "gpt-4o-mini"),
    )
    with serving_batches() as server:
        made = project(tmp_path, server, *blocks, max_requests=4)
        assert made.apply("--batch").status == 0
        assert sorted(len(sent.lines) for sent in server.batches.values()) == [1, 2, 4]


def test_a_limit_of_requests_counts_lines(tmp_path: Path) -> None:
    with serving_batches() as server:
        made = project(tmp_path, server)
        ran = made.apply("--batch", "--max-requests", "4")
        assert ran.status == 1
        assert len(made.records) == 4
        assert [len(sent.lines) for sent in server.batches.values()] == [4]


def test_ctrl_c_leaves_batches_to_the_server(tmp_path: Path) -> None:
    with serving_batches(hold=True) as server:
        made = project(tmp_path, server)
        process = made.start("apply", "--auto-approve", "--batch")
        wait_until(lambda: "GET /batches/batch_1" in server.asked, "a look at the batch")
        interrupt(process)
        out, err = process.communicate()
        assert process.returncode == 130, err
        assert "1 batch goes on at the server" in err, out
        server.hold = False
        whole(made, made.apply("--batch"), server)


def test_the_endpoint_comes_from_the_configuration_and_is_trusted(tmp_path: Path) -> None:
    with serving_batches(hold=True) as server, serving_batches() as other:
        made = project(tmp_path, server)
        text = (tmp_path / "configs/main.toml").read_text()
        assert made.apply("--batch", "--no-wait").status == 3
        made.write(text.replace(server.url, other.url))
        made.call("batch", "collect")
        assert not other.asked
        made.write(text)
        asked = len(server.asked)
        with trusting():
            made.call("batch", "collect", "--no-input")
        assert len(server.asked) in (asked, asked + 1)  # a server on this machine needs no asking


def test_the_batches_are_listed_and_cancelled(tmp_path: Path) -> None:
    with serving_batches(hold=True) as server:
        made = project(tmp_path, server)
        assert "No batch is under way" in made.call("batch", "list").err
        assert made.apply("--batch", "--no-wait").status == 3
        listed = json.loads(made.call("batch", "list", "--json").out)["batches"]
        assert [(one["id"], one["status"], one["requests"]) for one in listed] == [
            ("batch_1", "in_progress", MANY)
        ]
        made.write("[completion.broken\n", "broken.toml")
        assert "batch_1" in made.call("batch", "list").out
        (tmp_path / "configs/broken.toml").unlink()
        assert made.call("batch", "cancel", "--all").status == 0
        assert server.batches["batch_1"].status == "cancelled"
        assert made.call("batch", "wait").status == 0
        assert not journal(made)


def test_the_estimate_of_a_batch_is_half(tmp_path: Path) -> None:
    made = Project(tmp_path)
    made.write(completion("a", "hello", "max_completion_tokens = 100"))

    def cost(*flags: str) -> Any:
        lines = made.call("plan", "--json", *flags).out.splitlines()
        return json.loads(lines[-1])["estimate"]

    live, batch = cost(), cost("--batch")
    assert batch["cost"] == [pytest.approx(each / 2) for each in live["cost"]]


def test_what_a_batch_answered_goes_to_the_team_whoever_takes_it(tmp_path: Path) -> None:
    there = f"file://{tmp_path / 'there'}"
    table = f'[runner.cache]\nurl = "{there}"\n'
    many = completion("many", "number {{ count.index }}", f"count = {MANY}")
    with serving_batches() as server, trusting(server.url, there):
        sender = project(tmp_path / "sender", server, table, many)
        assert sender.apply("--batch", "--no-wait").status == 3
        assert sender.call("batch", "wait").status == 0
        other = project(tmp_path / "other", server, table, many)
        whole(other, other.apply("--offline"), server)


def test_what_a_team_does_not_see_is_said_by_whoever_leaves_it(tmp_path: Path) -> None:
    there = f"file://{tmp_path / 'there'}"
    table = f'[runner.cache]\nurl = "{there}"\n'
    many = completion("many", "number {{ count.index }}", f"count = {MANY}")
    with serving_batches() as server, trusting(server.url, there):
        sender = project(tmp_path / "sender", server, table, many)
        ran = sender.apply("--batch", "--no-wait")
        assert ran.status == 3
        assert "Batches are known here alone" in ran.err
        alone = project(tmp_path / "alone", server, many)
        ran = alone.apply("--batch", "--no-wait")
        assert ran.status == 3
        assert "known here alone" not in ran.err
        other = project(tmp_path / "other", server, table, many)
        folder = other.directory / "state/cache"
        folder.mkdir(parents=True)
        shutil.copytree(sender.directory / "state/cache/batches", folder / "batches")
        assert other.apply("--batch").status == 0
        assert len(server.batches) == 2  # of `sender` and of `alone`


def test_workspaces_see_the_batches_of_each_other(tmp_path: Path) -> None:
    with serving_batches(hold=True) as server:
        made = project(tmp_path, server)
        assert made.apply("--batch", "--no-wait").status == 3
        other = ("--workspace", "other")
        assert made.call("workspace", "new", "other").status == 0
        assert f"{MANY} under way in 1 batch" in made.call("plan", *other).out
        assert "would be paid twice" in made.apply(*other).err
        server.hold = False
        assert made.call("batch", "wait", *other).status == 0
        assert made.apply("--offline", *other).status == 0
        whole(made, made.apply("--offline"), server)


def test_a_clock_that_was_set_back_holds_nobody_up(tmp_path: Path) -> None:
    with serving_batches(looks=0) as server:
        made = project(tmp_path, server)
        assert made.apply("--batch", "--no-wait").status == 3
        [path] = [path for path in journal(made) if path.suffix == ".json"]
        later = {"reached": "uploaded", "batch": "", "file": "file-none", "at": time.time() + 1e6}
        held = json.loads(path.read_bytes()) | later
        path.write_text(json.dumps(held))
        whole(made, made.apply("--batch"), server)  # found by its name
        assert len(server.batches) == 1
        path.with_name("none.json").write_text(json.dumps(held | {"key": "none", "requests": 0}))
        path.with_name("none.entries").write_text("")
        assert made.call("batch", "collect").status == 0
        assert not journal(made)


def test_answers_of_a_batch_that_no_store_takes_are_kept_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("no folder")
    there = f"file://{tmp_path / 'there'}"
    table = f'[runner.cache]\nurl = "{there}"\n'
    many = completion("many", "number {{ count.index }}", f"count = {MANY}")
    with serving_batches() as server, trusting(server.url, there):
        made = project(tmp_path / "made", server, table, many)
        assert made.apply("--batch", "--no-wait").status == 3
        ran = made.call("batch", "wait")
        assert ran.status == 0, ran.err
        assert "6 answers of this machine are not in" in ran.err
        whole(made, made.apply(), server)


@pytest.mark.parametrize("left", [0, 3])
def test_a_batch_whose_requests_are_lost_is_not_sent_again_before_it_is_forgotten(
    tmp_path: Path, left: int
) -> None:
    with serving_batches(hold=True) as server:
        made = project(tmp_path, server)
        assert made.apply("--batch", "--no-wait").status == 3
        [path] = [path for path in journal(made) if path.suffix == ".entries"]
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:left]))
        server.hold = False
        for _ in range(3):
            ran = made.apply("--batch")
            assert ran.status == 1
            assert f"it holds {left} of 6 requests" in ran.err
            assert "`runner batch forget batch_1`" in ran.err
        assert len(server.batches) == 1
        assert made.call("batch", "forget", "batch_1").status == 0
        assert made.apply().status == 0
        assert not journal(made)


def test_a_run_killed_while_it_is_done_with_a_batch_leaves_nothing_to_await(tmp_path: Path) -> None:
    with serving_batches() as server:
        made = project(tmp_path, server)
        assert made.apply("--batch", "--no-wait").status == 3
        [path] = [path for path in journal(made) if path.suffix == ".entries"]
        lines = path.read_bytes()
        assert made.apply("--batch").status == 0
        path.write_bytes(lines)
        assert "would be sent" in made.call("plan").out
        assert journal(made) == [path]  # a plan writes nothing
        assert "No batch is under way" in made.call("batch", "collect").err
        assert not journal(made)


def test_what_killed_runs_were_writing_goes_once_nobody_can_be_writing_it(tmp_path: Path) -> None:
    with serving_batches(hold=True) as server:
        made = project(tmp_path, server)
        assert made.apply("--batch", "--no-wait").status == 3
        kept = {*journal(made)}
        folder = tmp_path / "state/cache/batches"
        fresh, old = (folder / f".0{n}.json.1.ab.tmp" for n in range(2))
        for path in (fresh, old):
            path.write_bytes(b"{")
        hour_ago = time.time() - 3601
        os.utime(old, (hour_ago, hour_ago))
        assert made.call("batch", "collect").status == 3
        assert {*journal(made)} == kept | {fresh}


@pytest.mark.parametrize(
    ("keys", "flags", "said"),
    [
        (("", ""), ("--batch",), ", in batches."),
        (("", "batch = false"), ("--batch",), ", 1 of 2 in batches."),
        (("batch = true", ""), (), ", 1 of 2 in batches."),
        (("batch = false", "batch = false"), ("--batch",), ", none in batches."),
    ],
)
def test_a_plan_says_how_many_of_its_requests_go_in_batches(
    tmp_path: Path, keys: tuple[str, str], flags: tuple[str, ...], said: str
) -> None:
    with serving_batches() as server:
        blocks = [completion(name, name, key) for name, key in zip("ab", keys, strict=True)]
        made = project(tmp_path, server, *blocks)
        assert made.call("plan", *flags).out.endswith(f"{said}\n")
        assert not server.asked


def test_a_plan_of_what_never_goes_in_a_batch_says_nothing_of_them(tmp_path: Path) -> None:
    with serving_batches() as server:
        assert "batch" not in project(tmp_path, server).call("plan").out


def test_a_plan_that_was_saved_for_batches_goes_in_them(tmp_path: Path) -> None:
    with serving_batches() as server:
        made = project(tmp_path, server)
        saved = str(tmp_path / "saved")
        assert made.call("plan", "--batch", "--out", saved).status == 0
        whole(made, made.call("apply", saved), server)
        assert len(server.batches) == 1
        assert not server.live


def test_a_saved_plan_may_go_in_batches_all_the_same(tmp_path: Path) -> None:
    with serving_batches() as server:
        made = project(tmp_path, server)
        saved = str(tmp_path / "saved")
        assert made.call("plan", "--out", saved).status == 0
        whole(made, made.call("apply", "--batch", saved), server)
        assert not server.live


def test_who_waits_goes_on_where_one_batch_is_not_known_and_the_server_is_away_for_a_while(
    tmp_path: Path,
) -> None:
    away = [(503, {"error": {"message": "overloaded"}})] * 3
    with serving_batches(hold=True) as server:
        made = project(tmp_path, server, max_requests=3)
        assert made.apply("--batch", "--no-wait").status == 3
        del server.batches["batch_1"]
        server.refuse = {"GET /batches": away}  # as often as it is asked for, and once more
        process = made.start("batch", "wait")
        wait_until(lambda: server.asked.count("GET /batches/batch_2") > 5, "looks")
        server.hold = False
        _, err = process.communicate()
        assert process.returncode == 3
        assert "batch_2 is completed: 3 answers taken into the cache." in err
        assert "`runner batch forget batch_1`" in err
        assert "1 batch is under way, of 3 requests." in err


def test_what_another_state_was_sending_an_hour_ago_is_waited_for_no_longer(
    tmp_path: Path,
) -> None:
    with serving_batches(hold=True) as server:
        made = project(tmp_path, server)
        assert made.apply("--batch", "--no-wait").status == 3
        [path] = [path for path in journal(made) if path.suffix == ".json"]
        held = json.loads(path.read_bytes()) | {"reached": "uploaded", "owner": "another"}
        path.write_text(json.dumps(held | {"at": time.time() - 3601}))
        ran = made.call("batch", "wait")
        assert ran.status == 3
        assert f"`runner batch forget {held['key']}` gives it up" in ran.err.replace("\n", " ")
