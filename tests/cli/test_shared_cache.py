"""Two people and the answers that they share, in a folder that both reach."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.project import Project, completion, missing, provider, serving, trusting
from tests.harness.server import FakeAPI

TABLE = '[runner.cache]\nurl = "{url}"\n{more}\n'


class Team:
    """Clones of one project, with a state and a cache each; `there` is what all of them reach."""

    def __init__(self, directory: Path, api: FakeAPI) -> None:
        self.there = directory / "there"
        self.url = f"file://{self.there}"
        self.api = api
        self.text = completion("many", "number {{ count.index }}", "count = 3") + completion(
            "last", "of {{ completion.many[0].content }}"
        )
        self._directory = directory

    def clone(self, name: str, more: str = "") -> Project:
        project = Project(self._directory / name)
        table = TABLE.format(url=self.url, more=more)
        project.write(provider(self.api) + table + self.text)
        return project

    @property
    def objects(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.there.rglob("*.json")}

    def sent(self, project: Project, *arguments: str) -> tuple[int, str, str]:
        """How many requests a command sent, and what it said."""
        before = len(self.api.requests)
        ran = project.call(*arguments)
        assert ran.status == 0, ran.err
        return len(self.api.requests) - before, ran.out, ran.err


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    with serving() as api:
        made = Team(tmp_path, api)
        with trusting(made.url):
            yield made


def test_what_one_was_answered_another_is_not_asked_for(team: Team) -> None:
    one, other = team.clone("one"), team.clone("other")
    assert team.sent(one, "apply", "-y")[0] == 4
    assert len(team.objects) == 4
    sent, out, err = team.sent(other, "plan")
    assert (sent, err) == (0, "")
    assert "Plan: 4 from cache." in out
    assert team.sent(other, "apply", "-y")[0] == 0
    assert other.outputs == one.outputs
    assert "would be sent" in team.sent(other, "plan")[1]


def test_a_plan_writes_nothing_but_what_it_took_into_the_cache(team: Team) -> None:
    team.sent(team.clone("one"), "apply", "-y")
    other = team.clone("other")
    before = {path for path in other.directory.rglob("*") if path.is_file()}
    team.sent(other, "plan")
    new = {path for path in other.directory.rglob("*") if path.is_file()} - before
    assert {path.parent for path in new} == {other.directory / "state/cache"}
    assert (other.directory / "state/cache/.gitignore") in new


def test_a_full_cache_of_one_s_own_asks_nobody(team: Team) -> None:
    team.sent(team.clone("one"), "apply", "-y")
    other = team.clone("other")
    team.sent(other, "plan")
    for path in team.there.rglob("*.json"):
        path.write_bytes(b"gone")
    assert "4 from cache" in team.sent(other, "plan")[1]


def test_an_answer_that_is_known_only_on_the_way_is_taken_on_the_way(team: Team) -> None:
    """The first prompt is one's own, and is answered at the same length as a colleague's."""
    same = completion("last", "{{ completion.first.content | length }} letters")
    team.text = completion("first", "the sea") + same
    team.sent(team.clone("one"), "apply", "-y")
    team.text = completion("first", "the sky") + same
    assert team.sent(team.clone("other"), "apply", "-y")[0] == 1
    assert len(team.objects) == 3


def test_without_requests_what_the_team_has_is_none(team: Team) -> None:
    team.sent(team.clone("one"), "apply", "-y")
    assert team.sent(team.clone("other"), "apply", "-y", "--offline")[0] == 0


def test_who_only_reads_gives_nothing_and_who_only_gives_reads_nothing(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.sent(team.clone("reads", 'write = "never"'), "apply", "-y")
    assert team.objects == {}
    team.sent(team.clone("one"), "apply", "-y")
    assert team.sent(team.clone("gives", "read = false"), "apply", "-y")[0] == 4
    monkeypatch.setenv("RUNNER_CACHE_READ", "false")
    monkeypatch.setenv("RUNNER_CACHE_WRITE", "never")
    assert team.sent(team.clone("neither"), "apply", "-y")[0] == 4


def test_nobody_s_word_is_nobody_s_yes(team: Team) -> None:
    project = team.clone("one")
    with trusting(), trusting(team.api.url):
        ran = project.call("plan")
    assert ran.status != 0
    assert "Not trusted" in ran.err
    assert team.url in ran.err
    assert not team.there.exists()


def test_what_a_server_stored_and_what_is_secret_stays_here(team: Team) -> None:
    team.text = completion("kept", "keep this", "store = true") + (
        '[variable.word]\ntype = "string"\nsensitive = true\n'
        + completion("hidden", "the word is {{ var.word }}")
    )
    project = team.clone("one")
    team.sent(project, "apply", "-y", "--var", "word=rosebud-4711")
    (only,) = team.objects.values()
    assert b"rosebud" not in only
    assert b"keep this" not in only
    record = json.loads(only)
    assert "sk-" not in only.decode()
    assert record["fingerprint"] in next(iter(team.objects))


def test_a_store_that_cannot_be_used_is_one_warning(team: Team) -> None:
    team.there.parent.joinpath("file").touch()
    team.url = f"file://{team.there.parent}/file/cache"
    project = team.clone("one")
    with trusting(team.url):
        before = len(team.api.requests)
        ran = project.run("apply", "-y")
    assert ran.status == 0
    assert len(team.api.requests) - before == 4
    assert ran.err.count("Warning") == 1
    assert "cache push" in ran.err


def test_an_apply_with_nothing_to_do_gives_what_is_not_there_yet(team: Team) -> None:
    url, there = team.url, team.there
    there.parent.joinpath("file").touch()
    team.url = f"file://{there.parent}/file/cache"
    with trusting(team.url):
        team.sent(team.clone("one"), "apply", "-y")
    team.url = url
    project = team.clone("one")
    assert team.sent(project, "apply", "-y")[0] == 0
    assert len(team.objects) == 4
    assert "not pushed  0" in team.sent(project, "cache", "info")[1]


def test_a_report_reads_nothing_there(team: Team) -> None:
    team.sent(team.clone("one"), "apply", "-y")
    other = team.clone("other")
    with trusting(), trusting(team.api.url):
        ran = other.call("report")
    assert ran.status == 0, ran.err
    assert "3 to issue" in ran.out
    assert not (other.directory / "state").exists()


def test_push_gives_what_is_not_there_and_all_of_it_if_asked(team: Team) -> None:
    project = team.clone("one", 'write = "never"')
    team.sent(project, "apply", "-y")
    assert "nothing to push" in team.sent(project, "cache", "push")[2]
    assert "4 answers are in file://" in team.sent(project, "cache", "push", "--all")[2]
    assert len(team.objects) == 4


def test_a_long_push_says_how_far_it_is(team: Team) -> None:
    team.text = completion("many", "number {{ count.index }}", "count = 1001")
    project = team.clone("one", 'write = "never"')
    team.sent(project, "apply", "-y")
    said = team.sent(project, "cache", "push", "--all")[2].splitlines()
    assert said == ["1,000 answers so far.", f"1,001 answers are in {team.url} now."]


def test_pull_takes_what_would_be_asked_for(team: Team) -> None:
    team.sent(team.clone("one"), "apply", "-y")
    other = team.clone("other")
    assert "1 answer came" in team.sent(other, "cache", "pull", "completion.many[1]")[2]
    assert "3 answers came" in team.sent(other, "cache", "pull")[2]
    assert "0 answers came" in team.sent(other, "cache", "pull")[2]


def test_info_tells_of_both(team: Team) -> None:
    project = team.clone("one")
    team.sent(project, "apply", "-y")
    _, out, _ = team.sent(project, "cache", "info")
    lines = [line.split(None, 1) for line in out.splitlines() if line]
    assert ["not pushed", "0"] in [line.rsplit(None, 1) for line in out.splitlines() if line]
    assert lines.count(["answers", "4"]) == 2
    assert ["shared", f"file://{team.there}"] in lines


def test_an_answer_that_was_tampered_with_is_not_taken(team: Team) -> None:
    team.sent(team.clone("one"), "apply", "-y")
    for path in team.there.rglob("*.json"):
        if b"number 1" in path.read_bytes():
            path.write_bytes(path.read_bytes().replace(b"number 1", b"number 7"))
    sent, _, err = team.sent(team.clone("other"), "apply", "-y")
    assert sent == 1
    assert "Shared answers are not taken" in err


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "has no url"),
        ('url = "ftp://x/y"', "url"),
        ('url = "s3://b/p"\noptions = { secret_key = "x" }', "secret_key"),
        ('url = "s3://b/p"\nwrite = "later"', "write"),
        ('url = "s3:///p"', "bucket"),
    ],
)
def test_what_is_no_cache_is_told_at_its_place(team: Team, table: str, said: str) -> None:
    project = team.clone("one")
    project.write(provider(team.api) + f"[runner.cache]\n{table}\n" + team.text)
    ran = project.call("plan")
    assert ran.status == 1
    assert said in ran.err
    assert "configs/main.toml" in ran.err


def test_without_the_client_of_buckets_it_is_said_how_to_install_it(
    team: Team, tmp_path: Path
) -> None:
    ran = team.clone("one").run("plan", env=missing(tmp_path / "without", "obstore"))
    assert ran.status == 0
    assert "Shared cache cannot be used" in ran.err
    assert 'Install it with: pip install "runner-llm[remote]"' in ran.err
