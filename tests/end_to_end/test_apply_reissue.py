"""What is issued again, and what is not: only what its own request changed."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.harness.faults import completion as answer
from tests.harness.project import Project, completion, prompt_of, prompts, provider, serving
from tests.harness.server import FakeAPI, Request

MANY = 25


def _many(api: FakeAPI, prefix: str = "c", **changed: str) -> str:
    asked = {f"{prefix}{i}": f"ask {i}" for i in range(MANY)} | changed
    return provider(api) + "".join(completion(name, text) for name, text in asked.items())


def _all(project: Project, text: str, *flags: str) -> None:
    project.write(text)
    ran = project.apply(*flags)
    assert ran.status == 0, ran.err


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_one_changed_of_many_is_one_request_and_reverting_it_is_free(project: Project) -> None:
    with serving() as api:
        _all(project, _many(api))
        assert len(api.completions) == MANY
        before = project.outputs

        _all(project, _many(api, c7="something else"))
        assert prompts(api)[MANY:] == ["something else"]
        assert project.outputs == {**before, "c7": "echo: something else"}

        _all(project, _many(api))
        assert len(api.completions) == MANY + 1
        assert project.outputs == before


def test_a_second_apply_sends_and_writes_nothing(project: Project) -> None:
    with serving() as api:
        _all(project, _many(api))
        before = project.state_file.read_bytes(), project.state_file.stat().st_mtime_ns
        _all(project, _many(api))
        assert len(api.completions) == MANY
        assert (project.state_file.read_bytes(), project.state_file.stat().st_mtime_ns) == before


def test_renaming_all_is_free(project: Project) -> None:
    with serving() as api:
        _all(project, _many(api))
        before = project.outputs
        _all(project, _many(api, "renamed"))
        assert len(api.completions) == MANY
        assert project.outputs == {f"renamed{name[1:]}": text for name, text in before.items()}
        assert set(project.records) == {f"completion.renamed{i}" for i in range(MANY)}


def test_deleting_the_cache_is_free(project: Project) -> None:
    with serving() as api:
        _all(project, _many(api))
        shutil.rmtree(project.directory / "state" / "cache")
        _all(project, _many(api))
        assert len(api.completions) == MANY


def test_deleting_the_state_is_free_while_the_cache_is_there(project: Project) -> None:
    with serving() as api:
        _all(project, _many(api))
        before = project.outputs
        project.state_file.unlink()
        _all(project, _many(api))
        assert len(api.completions) == MANY
        assert project.outputs == before


@pytest.mark.parametrize("change", ["reordered", "split over files", "spaced"])
def test_how_the_file_is_written_is_no_change(project: Project, change: str) -> None:
    with serving() as api:
        blocks = [completion(f"c{i}", f"q{i}", "temperature = 0.5") for i in range(4)]
        _all(project, provider(api) + "".join(blocks))
        if change == "reordered":
            project.write(provider(api) + "".join(reversed(blocks)))
        elif change == "split over files":
            project.write(provider(api) + "".join(blocks[:2]))
            project.write("".join(blocks[2:]), "other.toml")
        else:
            text = "".join(blocks).replace("temperature = 0.5", "temperature   =   5e-1  # half")
            project.write(provider(api) + text)
        assert project.apply().status == 0
        assert len(api.completions) == 4


def test_a_new_answer_that_says_the_same_stops_there(project: Project) -> None:
    """Early cut-off: the dependent's request came out the same, so it is not issued."""
    chain = completion("first", "@") + completion(
        "second", "More about: {{ completion.first.content }}"
    )
    with serving(script=lambda got: answer(got.body, got.number, "the same")) as api:
        _all(project, provider(api) + chain.replace("@", "one way"))
        assert len(api.completions) == 2
        project.write(provider(api) + chain.replace("@", "another way"))
        planned = project.call("plan")
        assert "1 to re-issue (up to 1 more" in planned.out
        ran = project.apply()
        assert ran.status == 0, ran.err
        assert prompts(api) == ["one way", "More about: the same", "another way"]
        assert "1 dependent unchanged" in ran.out


def test_a_new_answer_that_differs_goes_on(project: Project) -> None:
    chain = completion("first", "@") + completion(
        "second", "More about: {{ completion.first.content }}"
    )
    with serving() as api:
        _all(project, provider(api) + chain.replace("@", "one"))
        _all(project, provider(api) + chain.replace("@", "two"))
        assert prompts(api)[2:] == ["two", "More about: echo: two"]


def test_three_of_the_same_prompt_are_three_requests_and_three_answers(project: Project) -> None:
    def script(got: Request) -> dict[str, object]:
        return answer(got.body, got.number, f"answer {got.number}")

    with serving(script=script) as api:
        block = completion("cat", "A name for a cat", "count = @")
        _all(project, provider(api) + block.replace("@", "3"))
        assert len(api.completions) == 3
        assert sorted(project.outputs["cat"]) == ["answer 1", "answer 2", "answer 3"]
        with closing(sqlite3.connect(project.directory / "state/cache/cache.db")) as held:
            keys = [key for (key,) in held.execute("SELECT key FROM Cache ORDER BY key")]
        prints = {record["fingerprint"] for record in project.records.values()}
        assert len(prints) == 1
        assert keys == [f"{next(iter(prints))}:{sample}" for sample in range(3)]

        before = project.outputs["cat"]
        _all(project, provider(api) + block.replace("@", "2"))
        assert project.outputs["cat"] == before[:2]
        _all(project, provider(api) + block.replace("@", "3"))
        assert len(api.completions) == 3
        assert project.outputs["cat"] == before
        _all(project, provider(api) + block.replace("@", "5"))
        assert len(api.completions) == 5
        assert project.outputs["cat"][:3] == before


def test_an_instance_goes_and_its_neighbours_stay(project: Project) -> None:
    with serving() as api:
        block = completion("hello", "Greet {{ each.value }}", "for_each = @")
        _all(project, provider(api) + block.replace("@", '["ann", "bob", "cy"]'))
        _all(project, provider(api) + block.replace("@", '["cy", "ann"]'))
        assert sorted(prompts(api)) == ["Greet ann", "Greet bob", "Greet cy"]
        assert set(project.outputs["hello"]) == {"ann", "cy"}


def test_an_answer_drives_instances(project: Project) -> None:
    def script(got: Request) -> dict[str, object]:
        text = '["x", "y"]' if prompt_of(got.body) == "topics" else prompt_of(got.body)
        return answer(got.body, got.number, text)

    with serving(script=script) as api:
        text = completion("topics", "topics") + completion(
            "about", "On {{ each.value }}", 'for_each = "{{ completion.topics.json }}"'
        )
        project.write(provider(api) + text)
        assert "instances known after completion.topics" in project.call("plan").out
        _all(project, provider(api) + text)
        assert prompts(api)[0] == "topics"
        assert project.outputs["about"] == {"x": "On x", "y": "On y"}
        assert project.call("plan", "--detailed-exitcode").status == 0


def test_replace_issues_again_what_did_not_change(project: Project) -> None:
    with serving() as api:
        text = provider(api) + completion("a", "one") + completion("b", "two")
        _all(project, text)
        _all(project, text, "--replace", "completion.a")
        assert prompts(api)[2:] == ["one"]
        _all(project, text)
        assert len(api.completions) == 3


def test_target_takes_what_it_needs_and_no_more(project: Project) -> None:
    with serving() as api:
        text = (
            provider(api)
            + completion("a", "one")
            + completion("b", "two {{ completion.a.content }}")
            + completion("c", "three {{ completion.b.content }}")
            + completion("d", "four")
        )
        _all(project, text, "--target", "completion.b")
        assert prompts(api) == ["one", "two echo: one"]
        _all(project, text, "--exclude", "completion.c")
        assert prompts(api)[2:] == ["four"]
        _all(project, text)
        assert len(api.completions) == 4


def test_enabled_false_removes_and_true_brings_back_for_free(project: Project) -> None:
    with serving() as api:
        text = provider(api) + completion("a", "one", "enabled = @") + completion("b", "two")
        _all(project, text.replace("@", "true"))
        project.write(text.replace("@", "false"))
        assert "enabled is false" in project.call("plan").out
        _all(project, text.replace("@", "false"))
        assert set(project.records) == {"completion.b"}
        assert project.outputs == {"b": "echo: two"}
        _all(project, text.replace("@", "true"))
        assert len(api.completions) == 2
        assert set(project.outputs) == {"a", "b"}


def test_destroy_removes_every_record_and_keeps_the_answers(project: Project) -> None:
    with serving() as api:
        text = provider(api) + completion("a", "one") + completion("b", "two")
        _all(project, text)
        ran = project.call("destroy", "--auto-approve")
        assert ran.status == 0, ran.err
        assert project.records == {}
        assert project.outputs == {}
        _all(project, text)
        assert len(api.completions) == 2
        assert set(project.outputs) == {"a", "b"}


def test_destroy_deletes_what_the_server_stored(project: Project) -> None:
    with serving() as api:
        text = provider(api) + completion("a", "one", "store = true") + completion("b", "two")
        _all(project, text)
        identifier = project.records["completion.a"]["response"]["id"]
        assert project.call("destroy", "--auto-approve").status == 0
        sent = [(got.method, got.path) for got in api.requests[2:]]
        assert sent == [("DELETE", f"/v1/chat/completions/{identifier}")]


def test_metadata_of_a_stored_completion_is_updated_in_place(project: Project) -> None:
    with serving() as api:
        block = completion("a", "one", "store = true", 'metadata = { team = "@" }')
        _all(project, provider(api) + block.replace("@", "red"))
        identifier = project.records["completion.a"]["response"]["id"]
        project.write(provider(api) + block.replace("@", "blue"))
        assert "  ~ completion.a" in project.call("plan").out
        _all(project, provider(api) + block.replace("@", "blue"))
        assert len(api.completions) == 1
        last = api.requests[-1]
        assert (last.method, last.path) == ("POST", f"/v1/chat/completions/{identifier}")
        assert last.body == {"metadata": {"team": "blue"}}


def test_moved_keeps_the_answer_at_its_new_address(project: Project) -> None:
    with serving() as api:
        _all(project, provider(api) + completion("old", "one"))
        moved = '[[moved]]\nfrom = "completion.old"\nto = "completion.new"\n'
        _all(project, provider(api) + completion("new", "one") + moved)
        assert len(api.completions) == 1
        assert set(project.records) == {"completion.new"}
        assert project.call("plan", "--detailed-exitcode").status == 0


def test_destroy_issues_nothing_whatever_the_configuration_has_become(project: Project) -> None:
    with serving() as api:
        _all(project, provider(api) + completion("a", "one") + completion("b", "two"))
        project.write(provider(api) + completion("a", "changed") + completion("new", "three"))
        assert project.call("destroy", "--auto-approve").status == 0
        assert prompts(api) == ["one", "two"]
        assert project.records == {}


def test_destroy_of_a_target_leaves_the_others(project: Project) -> None:
    with serving() as api:
        _all(project, provider(api) + completion("a", "one") + completion("b", "two"))
        assert project.call("destroy", "--auto-approve", "--target", "completion.a").status == 0
        assert set(project.records) == {"completion.b"}
        assert project.outputs == {"b": "echo: two"}


def test_a_target_leaves_the_outputs_of_the_others(project: Project) -> None:
    with serving() as api:
        each = completion("each", "Greet {{ each.key }}", 'for_each = ["ann", "bob"]')
        many = completion("many", "Number {{ count.index }}", "count = 2")
        text = provider(api) + each + many + completion("a", "@")
        _all(project, text.replace("@", "one"))
        before = project.outputs
        _all(project, text.replace("@", "two"), "--target", "completion.a")
        assert project.outputs == {**before, "a": "echo: two"}
