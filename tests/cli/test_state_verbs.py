import json
import sys
from pathlib import Path

import pytest

from runner.core.state.line import encode_record
from runner.io.cache.reader import Reader
from tests.harness.project import Project, completion, provider, serving
from tests.harness.recorded import LINEAGE, read_state, record, stdin, write_state
from tests.harness.states import local_store

CONFIG = completion("chat", "hello") + completion("other", "{{ completion.chat.content }}")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "p")
    made.write('[runner]\nprovider = "openai"\n' + CONFIG)
    return made


# -- list and show


def test_list_prints_addresses_in_the_order_in_which_people_count(project: Project) -> None:
    write_state(
        project, *(record(f"completion.a[{n}]") for n in (10, 2, 1)), record("completion.b")
    )
    ran = project.call("state", "list")
    assert ran.out.splitlines() == [
        "completion.a[1]",
        "completion.a[2]",
        "completion.a[10]",
        "completion.b",
    ]
    assert (ran.status, ran.err) == (0, "")


def test_list_takes_blocks_modules_and_globs(project: Project) -> None:
    names = ['completion.a["x"]', "completion.ab", "module.m.completion.c"]
    write_state(project, *map(record, names))
    assert project.call("state", "list", "completion.a").out.splitlines() == names[:1]
    assert project.call("state", "list", "module.m").out.splitlines() == names[2:]
    assert project.call("state", "list", "completion.*").out.splitlines() == names[:2]


@pytest.mark.parametrize(
    "verb",
    [
        ("state", "list", "completion.chta"),
        ("state", "show", "completion.chta"),
        ("state", "rm", "completion.chta"),
        ("state", "mv", "completion.chta", "completion.x"),
        ("show", "completion.chta"),
    ],
)
def test_an_unknown_address_is_an_error_with_the_closest(
    project: Project, verb: tuple[str, ...]
) -> None:
    write_state(project, record("completion.chat"))
    before = project.state_file.read_bytes()
    ran = project.call(*verb)
    assert ran.status == 1
    assert ran.out == ""
    assert "Unknown address" in ran.err
    assert "Did you mean completion.chat?" in ran.err
    assert project.state_file.read_bytes() == before


@pytest.mark.parametrize(
    "verb",
    [
        ("state", "list"),
        ("state", "show", "completion.a"),
        ("state", "rm", "completion.a"),
        ("state", "mv", "completion.a", "completion.b"),
        ("state", "pull"),
        ("show",),
    ],
)
def test_without_a_state_there_is_an_error_and_nothing_is_made(
    project: Project, verb: tuple[str, ...]
) -> None:
    ran = project.call(*verb)
    assert (ran.status, ran.out) == (1, "")
    assert "No state" in ran.err
    assert not (project.directory / "state").exists()


def test_show_tells_all_of_a_record(project: Project) -> None:
    write_state(project, record("completion.chat", "Two\nlines.", depends_on=("completion.x",)))
    ran = project.call("show", "completion.chat")
    assert ran.status == 0
    for said in (
        "status:       complete",
        "gpt-4o-2024-08-06",
        "2026-01-02T03:04:05.678Z (1.2 s)",
        "10 tokens in, 20 out",
        "depends on:   completion.x",
        "messages[0].content: ask completion.chat",
        "      Two\n      lines.",
    ):
        assert said in ran.out, said
    assert project.call("state", "show", "completion.chat").out == ran.out


def test_show_json_is_one_object_with_the_bodies_as_they_are(project: Project) -> None:
    held = record("completion.chat")
    write_state(project, held)
    shown = json.loads(project.call("show", "completion.chat", "--json").out)
    assert shown["address"] == "completion.chat"
    assert shown["request"] == json.loads(held.request)
    assert shown["response"] == json.loads(held.response)
    assert shown["usage"] == {"prompt_tokens": 10, "completion_tokens": 20}
    assert 0 < shown["cost"] < 0.01


def test_show_says_that_a_cost_is_not_known(project: Project) -> None:
    held = record("completion.chat", identity="openai http://127.0.0.1:1/v1")
    answer = held.response.replace(b"gpt-4o-2024-08-06", b"home-made")
    request = held.request.replace(b"gpt-4o", b"home-made")
    write_state(project, record("completion.chat", response=answer, request=request))
    assert "cost:         unknown" in project.call("show", "completion.chat").out
    assert json.loads(project.call("show", "completion.chat", "--json").out)["cost"] is None


def test_show_of_a_block_is_each_of_its_instances(project: Project) -> None:
    write_state(project, record("completion.a[0]"), record("completion.a[1]"))
    ran = project.call("show", "completion.a")
    assert ran.out.index("# completion.a[0]:") < ran.out.index("# completion.a[1]:")
    shown = json.loads(project.call("show", "completion.a", "--json").out)
    assert [each["address"] for each in shown] == ["completion.a[0]", "completion.a[1]"]


def test_show_alone_is_the_state(project: Project) -> None:
    write_state(project, record("completion.chat"), record("data.chat_completion.x"))
    ran = project.call("show")
    assert "serial 1, 2 records" in ran.out
    assert LINEAGE in ran.out
    shown = json.loads(project.call("show", "--json").out)
    assert shown["lineage"] == LINEAGE
    assert [each["address"] for each in shown["records"]] == [
        "completion.chat",
        "data.chat_completion.x",
    ]


# -- mv


@pytest.mark.parametrize(
    ("names", "source", "target", "expected"),
    [
        (["completion.a"], "completion.a", "completion.b", ["completion.b"]),
        (
            ['completion.a["x"]', 'completion.a["y"]', "completion.ab"],
            "completion.a",
            "completion.b",
            ['completion.b["x"]', 'completion.b["y"]', "completion.ab"],
        ),
        (
            ["module.m.completion.a", "module.m.module.n[0].completion.b"],
            "module.m",
            'module.o["k"]',
            ['module.o["k"].completion.a', 'module.o["k"].module.n[0].completion.b'],
        ),
        (["completion.a"], "completion.a", 'completion.a["x"]', ['completion.a["x"]']),
        (["completion.a[0]"], "completion.a[0]", "completion.a", ["completion.a"]),
        (["completion.a"], "completion.a", "module.m.completion.a", ["module.m.completion.a"]),
    ],
)
def test_mv_moves_a_block_with_its_instances_or_a_module(
    project: Project, names: list[str], source: str, target: str, expected: list[str]
) -> None:
    state = write_state(project, *map(record, names))
    ran = project.call("state", "mv", source, target)
    assert (ran.status, ran.out) == (0, "")
    moved = read_state(project)
    assert sorted(moved.records) == sorted(expected)
    assert {r.fingerprint for r in moved.records.values()} == {
        r.fingerprint for r in state.records.values()
    }
    assert moved.serial == state.serial + 1


def test_mv_keeps_the_state_before_as_backup(project: Project) -> None:
    write_state(project, record("completion.a"))
    before = project.state_file.read_bytes()
    project.call("state", "mv", "completion.a", "completion.b")
    assert (project.directory / "state/state.json.backup").read_bytes() == before


def test_mv_renames_what_others_depend_on(project: Project) -> None:
    write_state(
        project, record("completion.a"), record("completion.z", depends_on=("completion.a", "x"))
    )
    project.call("state", "mv", "completion.a", "completion.b")
    assert read_state(project).records["completion.z"].depends_on == ("completion.b", "x")


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("completion.a", "completion.b", "Address is taken"),
        ("completion.a", "completion.c", "Address is taken"),  # it has instances
        ("completion.a", "completion.a", "Nothing to move"),
        ("completion.a", "completion.1", "Invalid address"),
        ("completion.a", "completion", "Invalid address"),
        ("a", "completion.x", "Invalid address"),
        ("completion.a", "module.m", "Invalid move"),
        ("completion.a", "data.chat_completion.x", "Invalid move"),
        ("completion.c", "completion.x[1]", "Invalid move"),
    ],
)
def test_mv_refuses_what_would_lose_or_confuse(
    project: Project, source: str, target: str, said: str
) -> None:
    write_state(project, *map(record, ("completion.a", "completion.b", 'completion.c["k"]')))
    before = project.state_file.read_bytes()
    ran = project.call("state", "mv", source, target)
    assert ran.status == 1
    assert said in ran.err
    assert project.state_file.read_bytes() == before


def test_a_moved_answer_is_kept_and_nothing_is_sent(tmp_path: Path) -> None:
    """Rename the block and the record: the plan is empty, and the outputs are true at once."""
    with serving() as api:
        project = Project(tmp_path / "p")
        project.write(provider(api) + completion("old", "hello"))
        assert project.apply().status == 0
        said = project.outputs["old"]
        project.write(provider(api) + completion("new", "hello"))
        assert project.call("state", "mv", "completion.old", "completion.new").status == 0
        assert project.outputs == {"new": said}
        assert project.call("plan", "--detailed-exitcode").status == 0
        assert len(api.completions) == 1


# -- rm


def test_rm_takes_patterns_and_keeps_the_rest(project: Project) -> None:
    write_state(project, *map(record, ("completion.a[0]", "completion.a[1]", "completion.b")))
    assert project.call("state", "rm", "completion.a").status == 0
    assert list(read_state(project).records) == ["completion.b"]


def test_rm_writes_nothing_if_one_pattern_names_nothing(project: Project) -> None:
    write_state(project, record("completion.a"), record("completion.b"))
    before = project.state_file.read_bytes()
    ran = project.call("state", "rm", "completion.a", "completion.x*")
    assert ran.status == 1
    assert project.state_file.read_bytes() == before


def test_rm_takes_the_output_away_and_an_apply_brings_it_back_for_free(tmp_path: Path) -> None:
    with serving() as api:
        project = Project(tmp_path / "p")
        project.write(provider(api) + completion("a", "one") + completion("b", "two"))
        project.apply()
        before = project.outputs
        assert project.call("state", "rm", "completion.a").status == 0
        assert project.outputs == {"b": before["b"]}
        project.apply()
        assert project.outputs == before
        assert len(api.completions) == 2


def test_a_configuration_that_does_not_load_is_a_warning_for_the_outputs(project: Project) -> None:
    """The state's verbs are what one needs when the configuration is broken."""
    write_state(project, record("completion.a"), record("completion.b"))
    project.write("[completion.chat\n")
    ran = project.call("state", "rm", "completion.a")
    assert ran.status == 0
    assert "Warning: Outputs are not up to date" in ran.err
    assert list(read_state(project).records) == ["completion.b"]


def test_a_writer_is_refused_while_another_writes(project: Project) -> None:
    write_state(project, record("completion.a"))
    with local_store(project.directory / "state").lock("runner apply"):
        ran = project.run("state", "rm", "completion.a")
        assert ran.status == 1
        assert "State is locked" in ran.err
        assert project.run("state", "list").out == "completion.a\n"
    assert list(read_state(project).records) == ["completion.a"]


def test_the_workspace_of_the_runner_table_is_the_state(project: Project) -> None:
    write_state(project, record("completion.a"))
    write_state(project, record("completion.b"), workspace="staging")
    project.write('[runner]\nworkspace = "staging"\n' + CONFIG)
    assert project.call("state", "list").out == "completion.b\n"
    assert project.call("--workspace", "default", "state", "list").out == "completion.a\n"


# -- pull and push


def test_pull_is_the_file_byte_for_byte(project: Project) -> None:
    write_state(project, record("completion.a", "Käse ✓"))
    assert project.call("state", "pull").out.encode() == project.state_file.read_bytes()


@pytest.mark.parametrize("content", ["", "{}", '{"version": 1', "[table]\nx = 1\n"])
def test_push_of_what_is_no_state_sends_nobody_to_restore_it(
    project: Project, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "file.json"
    file.write_text(content)
    ran = project.call("state", "push", str(file))
    assert ran.status == 1
    assert "Nothing was changed." in ran.err
    assert "backup" not in ran.err
    assert "delete" not in ran.err


def test_pull_tells_of_a_damaged_state_and_prints_nothing(project: Project) -> None:
    write_state(project, record("completion.a"))
    project.state_file.write_bytes(project.state_file.read_bytes()[:-20])
    ran = project.call("state", "pull")
    assert (ran.status, ran.out) == (1, "")
    assert "state.json" in ran.err


def pulled(project: Project, path: Path) -> Path:
    path.write_text(project.call("state", "pull").out)
    return path


def test_what_was_pulled_can_be_pushed_and_changes_nothing(
    project: Project, tmp_path: Path
) -> None:
    write_state(project, record("completion.a"))
    before = project.state_file.read_bytes()
    assert project.call("state", "push", str(pulled(project, tmp_path / "s.json"))).status == 0
    assert project.state_file.read_bytes() == before


def test_push_refuses_an_older_state_unless_forced(project: Project, tmp_path: Path) -> None:
    write_state(project, record("completion.a"))
    file = pulled(project, tmp_path / "s.json")
    write_state(project, record("completion.a"), record("completion.b"))
    ran = project.call("state", "push", str(file))
    assert ran.status == 1
    assert "State is not newer" in ran.err
    assert len(read_state(project).records) == 2
    assert project.call("state", "push", "--force", str(file)).status == 0
    assert list(read_state(project).records) == ["completion.a"]
    assert read_state(project).serial == 3


def test_push_refuses_another_lineage(project: Project, tmp_path: Path) -> None:
    write_state(project, record("completion.a"), lineage="another", serial=7)
    file = pulled(project, tmp_path / "s.json")
    project.state_file.unlink()
    write_state(project, record("completion.b"))
    ran = project.call("state", "push", str(file))
    assert ran.status == 1
    assert "State of another lineage" in ran.err
    assert list(read_state(project).records) == ["completion.b"]


def test_push_refuses_a_record_that_no_command_could_read(project: Project, tmp_path: Path) -> None:
    """A number that no double holds is JSON, and the answers of this program have none."""
    write_state(project, record("completion.a"))
    file = pulled(project, tmp_path / "s.json")
    before = project.state_file.read_bytes()
    file.write_bytes(before.replace(b'"choices"', b'"created":1e400,"choices"'))
    ran = project.call("state", "push", "--force", str(file))
    assert ran.status == 1
    assert "Record is damaged" in ran.err
    assert "completion.a" in ran.err
    assert project.state_file.read_bytes() == before


def test_push_refuses_a_state_of_another_root_module(project: Project, tmp_path: Path) -> None:
    write_state(project, record("completion.a"), root="elsewhere")
    file = pulled(project, tmp_path / "s.json")
    project.state_file.unlink()
    ran = project.call("state", "push", str(file))
    assert ran.status == 1
    assert "State of another root module" in ran.err
    assert not project.state_file.exists()


def test_push_takes_a_newer_state_from_stdin(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_state(project, record("completion.a"))
    write_state(project, record("completion.b"))
    newer = project.state_file.read_bytes()
    project.state_file.unlink()
    monkeypatch.setattr(sys, "stdin", stdin(newer))
    assert project.call("state", "push", "-").status == 0
    assert list(read_state(project).records) == ["completion.b"]


@pytest.mark.parametrize("content", [b"", b"hello", b"{}", b'{"version":1}', b"\xff\xfe"])
def test_push_refuses_what_is_no_state(project: Project, tmp_path: Path, content: bytes) -> None:
    write_state(project, record("completion.a"))
    before = project.state_file.read_bytes()
    (tmp_path / "s.json").write_bytes(content)
    ran = project.call("state", "push", str(tmp_path / "s.json"))
    assert ran.status == 1
    assert ran.err.startswith("Error: ")
    assert project.state_file.read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ("state", "push", "nowhere"),
        ("plan", "--var-file", "nowhere"),
        ("apply", "nowhere"),
        ("convert", "nowhere"),
    ],
)
def test_a_file_that_is_named_and_is_not_there_is_told(
    project: Project, words: tuple[str, ...]
) -> None:
    ran = project.call(*words)
    assert ran.status == 1
    assert 'No such file\n\n  on nowhere\n\nThere is no file "nowhere".' in ran.err


def rescue(path: Path, *lines: bytes, end: bytes = b"\n") -> str:
    path.write_bytes(b"\n".join(lines) + end)
    return str(path)


def test_a_rescue_file_is_merged_and_cached_so_that_nothing_is_paid_twice(tmp_path: Path) -> None:
    """Answers that could only be written beside the state are as good as any other."""
    with serving() as api:
        project = Project(tmp_path / "p")
        project.write(provider(api) + completion("a", "one") + completion("b", "two"))
        project.apply()
        before = project.records
        state = read_state(project)
        lines = [encode_record(state.records[name]) for name in state.records]
        file = rescue(tmp_path / "errored-1.jsonl", *lines)
        for path in (project.directory / "state").rglob("*"):
            if path.is_file():
                path.unlink()
        ran = project.call("state", "push", file)
        assert ran.status == 0
        assert project.records == before
        assert set(project.outputs) == {"a", "b"}
        assert project.call("plan", "--detailed-exitcode").status == 0
        project.call("state", "rm", "completion.a", "completion.b")
        assert project.apply().status == 0
        assert len(api.completions) == 2
        assert ran.err.startswith("2 answers: 2 new in ")
        once_more = project.call("state", "push", rescue(tmp_path / "errored-2.jsonl", lines[0]))
        assert once_more.err.startswith("1 answer: 0 new in ")


def test_a_rescued_answer_does_not_replace_a_later_one(project: Project, tmp_path: Path) -> None:
    later = record("completion.a", "later", issued_at="2026-05-01T00:00:00.000Z", sample=1)
    write_state(project, later)
    earlier = record("completion.a", "earlier")
    file = rescue(tmp_path / "e.jsonl", encode_record(earlier))
    assert project.call("state", "push", file).status == 0
    assert read_state(project).records["completion.a"] == later
    with Reader(project.directory / "state" / "cache") as reader:
        assert reader.contains(f"{earlier.fingerprint}:0")


def test_a_rescue_file_cut_off_in_the_middle_gives_its_whole_lines(
    project: Project, tmp_path: Path
) -> None:
    lines = [encode_record(record(f"completion.{name}")) for name in "ab"]
    file = rescue(tmp_path / "e.jsonl", lines[0], lines[1][:-10], end=b"")
    ran = project.call("state", "push", file)
    assert ran.status == 0
    assert "cut off" in ran.err
    assert list(read_state(project).records) == ["completion.a"]
    file = rescue(tmp_path / "e.jsonl", *lines, end=b"")
    ran = project.call("state", "push", file)
    assert "cut off" not in ran.err
    assert list(read_state(project).records) == ["completion.a", "completion.b"]


def test_force_unlock_says_who_holds_the_lock_or_that_nobody_does(project: Project) -> None:
    free = project.call("force-unlock")
    assert free.status == 0
    assert "Nobody holds" in free.out
    assert not (project.directory / "state").exists()
    write_state(project, record("completion.a"))
    with local_store(project.directory / "state").lock("runner apply"):
        held = project.run("force-unlock")
        assert held.status == 1
        assert "`runner apply`" in held.err
        assert "pid" in held.err
    assert project.call("force-unlock").status == 0
