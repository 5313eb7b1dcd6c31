"""`runner drift`: what servers admit, and some answers asked again, which touch nothing."""

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.harness.faults import completion as answered
from tests.harness.git import GitFolder
from tests.harness.project import Project, completion, prompt_of, provider, serving
from tests.harness.server import FakeAPI, Request

DRIFT = ("drift", "--auto-approve")
PRICE = "price = { input = 2.0, output = 8.0 }\n"
SCHEMA = Path(__file__).parents[2] / "runner" / "schemas" / "drift.schema.json"


@dataclass
class Model:
    """Answers in 40 words, of which a share is by chance, and a share is `moved`."""

    name: str = "gpt-4o-2024-11-20"
    noise: float = 0.0
    moved: float = 0.0
    say: Callable[[str], str] | None = None
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def __call__(self, request: Request) -> dict[str, Any] | str:
        made: dict[str, Any] = answered(request.body, request.number)
        made["model"] = self.name
        prompt = prompt_of(request.body)
        said = self._words(prompt) if self.say is None else self.say(prompt)
        made["choices"][0]["message"] = {"role": "assistant", "content": said}
        return made

    def _words(self, prompt: str) -> str:
        usual = random.Random(prompt)
        words = [f"{prompt.split(maxsplit=1)[0]}{usual.randrange(500)}" for _ in range(40)]
        words = [f"m{at}" if usual.random() < self.moved else word for at, word in enumerate(words)]
        return " ".join(
            f"v{self.chance.randrange(500)}" if self.chance.random() < self.noise else word
            for word in words
        )


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def api(model: Model) -> Iterator[FakeAPI]:
    with serving(script=model) as served:
        yield served


@pytest.fixture
def project(tmp_path: Path, api: FakeAPI) -> Project:
    """30 answers of one block and 2 of others, in a repository."""
    made = Project(tmp_path)
    blocks = completion("many", "number {{ count.index }}", "count = 30")
    blocks += completion("tale", "a tale") + completion("end", "of {{ completion.tale.content }}")
    made.write(provider(api) + PRICE + blocks)
    assert made.apply().status == 0
    git = GitFolder(tmp_path)
    git.write(".gitignore", "state/cache\n")
    git.commit("answers")
    return made


def told(project: Project, *flags: str) -> Any:
    ran = project.call(*DRIFT, "--json", *flags)
    found = json.loads(ran.out)
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))
    assert [str(fault) for fault in validator.iter_errors(found)] == []
    assert found["status"] == ran.status
    return found


def asked(api: FakeAPI, before: int) -> list[str]:
    return sorted(prompt_of(request.body) for request in api.completions[before:])


def test_a_model_that_is_as_it_was_shows_nothing(project: Project, api: FakeAPI) -> None:
    before = len(api.completions)
    ran = project.call(*DRIFT, "--seed", "s")
    assert ran.status == 0, ran.err
    assert len(api.completions) - before == 40
    assert "20 of 32 completions asked twice again" in ran.out
    assert "20 of 20 identical: nothing has moved" in ran.out
    assert "No drift is shown (seed s)." in ran.out
    assert "40 requests to send. Estimated:" in ran.err


def test_a_model_that_moved_is_shown_and_named(project: Project, model: Model) -> None:
    model.name, model.moved = "gpt-4o-2026-08-06", 0.2
    ran = project.call(*DRIFT)
    assert ran.status == 3, ran.err
    assert "served: gpt-4o-2026-08-06 (was gpt-4o-2024-11-20 for 32 answers since 20" in ran.out
    assert "(p < 0.001): the model has moved" in ran.out
    assert "Drift is shown" in ran.out


def test_what_varies_anyhow_is_no_drift_and_what_could_have_been_seen_is_said(
    tmp_path: Path,
) -> None:
    model = Model(noise=0.3)
    with serving(script=model) as api:
        project = Project(tmp_path)
        project.write(provider(api) + completion("many", "q {{ count.index }}", "count = 20"))
        project.apply()
        ran = project.call(*DRIFT)
        assert ran.status == 0, ran.out
        assert re.search(r"0 of 20 identical; words moved \d+ % against \d+ %", ran.out)
        assert re.search(r"20 answers that vary as these do show \d+ points or more", ran.out)
        model.moved = 0.3
        assert project.call(*DRIFT, "--seed", "other").status == 3


def test_state_outputs_and_plan_are_as_they_were(project: Project, model: Model) -> None:
    model.moved = 0.5
    files = [project.state_file, project.directory / "state" / "outputs.json"]
    before = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]
    assert project.call(*DRIFT).status == 3
    assert [(file.read_bytes(), file.stat().st_mtime_ns) for file in files] == before
    assert project.call("plan", "--detailed-exitcode").status == 0


def test_a_second_run_of_a_seed_pays_nothing_and_says_the_same(
    project: Project, api: FakeAPI
) -> None:
    first = told(project, "--seed", "s")
    before = len(api.completions)
    again = told(project, "--seed", "s")
    assert len(api.completions) == before
    assert (first["sent"], again["sent"], again["at_hand"]) == (40, 0, 40)
    for name in ("sampled", "models"):
        assert again[name] == first[name]
    assert told(project, "--seed", "t")["sampled"] != first["sampled"]
    assert len(api.completions) == before + 40


def test_the_seed_of_a_day_is_its_date(project: Project) -> None:
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", told(project)["seed"])


def test_no_completion_takes_what_was_asked_for_this(
    project: Project, api: FakeAPI, model: Model
) -> None:
    """Neither an address that asks the same nor one that asks once more; and prune leaves it."""
    model.moved = 1.0
    project.call(*DRIFT, "completion.tale", "--seed", "s")
    before = len(api.completions)
    assert project.apply("--replace", "completion.tale").status == 0
    assert asked(api, before)[0] == "a tale"
    assert project.call("cache", "prune", "--auto-approve").status == 0
    before = len(api.completions)
    project.call(*DRIFT, "completion.many[3]", "--seed", "p")
    assert project.call("cache", "prune", "--auto-approve").status == 0
    assert told(project, "completion.many[3]", "--seed", "p")["sent"] == 0
    assert len(api.completions) == before + 2


def test_offline_tells_what_servers_admit_and_sends_nothing(project: Project, api: FakeAPI) -> None:
    before = len(api.completions)
    ran = project.call("drift", "--offline")
    assert ran.status == 0, ran.err
    assert "32 answers, none asked again" in ran.out
    assert "served: gpt-4o-2024-11-20 for 32 answers since 20" in ran.out
    assert len(api.completions) == before
    project.call(*DRIFT, "--seed", "s", "--count", "5")
    found = told(project, "--offline", "--seed", "s", "--count", "5")
    assert (found["sent"], found["at_hand"], len(found["sampled"])) == (0, 10, 5)


def test_addresses_share_and_repeat_say_how_many(project: Project) -> None:
    found = told(project, "completion.many", "--share", "10%", "--repeat", "3")
    assert len(found["sampled"]) == 3
    assert found["sent"] == 9
    assert all(address.startswith("completion.many[") for address in found["sampled"])
    assert len(told(project, "--count", "1000", "--seed", "all")["sampled"]) == 32


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--share", "0"), "no share"),
        (("--share", "150%"), "no share"),
        (("--count", "0"), "no whole number, 1 or more"),
        (("--repeat", "1"), "no whole number, from 2 to 10"),
        (("--repeat", "11"), "no whole number, from 2 to 10"),
        (("--count", "3", "--share", "5%"), "not allowed with"),
    ],
)
def test_a_number_that_is_none_is_refused(
    project: Project, flags: tuple[str, ...], said: str
) -> None:
    ran = project.call(*DRIFT, *flags)
    assert ran.status != 0
    assert said in ran.err


def test_a_misspelt_address_is_told(project: Project, api: FakeAPI) -> None:
    before = len(api.completions)
    ran = project.call(*DRIFT, "completion.tail")
    assert ran.status == 1
    assert 'no answer at "completion.tail"' in ran.err
    assert "completion.tale" in ran.err
    assert len(api.completions) == before


def test_nothing_is_sent_unasked(project: Project, api: FakeAPI) -> None:
    before = len(api.completions)
    ran = project.run("drift")
    assert ran.status == 1
    assert "Nobody to ask" in ran.err
    assert "40 requests to send" in ran.err
    assert len(api.completions) == before


def test_a_budget_ends_it_and_what_came_is_kept(project: Project, api: FakeAPI) -> None:
    before = len(api.completions)
    ran = project.call(*DRIFT, "--seed", "s", "--max-requests", "10")
    assert ran.status == 1
    assert len(api.completions) == before + 10
    assert "--max-requests 10 is reached" in ran.err
    assert "`runner drift --seed s` goes on" in ran.err
    assert told(project, "--seed", "s")["sent"] == 30


def test_a_failure_is_told_and_the_others_are_compared(tmp_path: Path, model: Model) -> None:
    with serving(script=lambda request: "500" if fails(request) else model(request)) as api:
        broken: set[str] = set()

        def fails(request: Request) -> bool:
            return prompt_of(request.body) in broken

        project = Project(tmp_path)
        project.write(provider(api) + completion("many", "q {{ count.index }}", "count = 8"))
        project.apply()
        broken.add("q 3")
        ran = project.call(*DRIFT)
        assert ran.status == 1
        assert "Completion failed" in ran.err
        assert "1 without all new answers" in ran.out
        assert "7 of 7 identical" in ran.out
        broken.clear()
        assert told(project)["sent"] == 2


def test_what_is_not_up_to_date_is_left_out_and_counted(project: Project) -> None:
    text = (project.directory / "configs/main.toml").read_text()
    project.write(text.replace("a tale", "another tale"))
    found = told(project, "--count", "100")
    assert found["left_out"]["not up to date"] == 2
    assert len(found["sampled"]) == 30


def test_answers_that_a_server_keeps_are_not_asked_for_again(tmp_path: Path, api: FakeAPI) -> None:
    project = Project(tmp_path)
    project.write(provider(api) + completion("kept", "q", "store = true"))
    project.apply()
    before = len(api.requests)
    ran = project.call(*DRIFT)
    assert ran.status == 1
    assert "Left out: 1 of a kind that its server would store." in ran.out
    assert "No answer can be asked for again." in ran.out
    assert len(api.requests) == before


def test_an_answer_that_was_asked_for_again_is_no_plain_draw(
    project: Project, model: Model
) -> None:
    project.apply("--replace", "completion.many[4]")
    found = told(project, "--count", "100")
    assert found["left_out"]["nothing to compare"] == 1
    assert "completion.many[4]" not in found["sampled"]


def test_commits_know_of_answers_that_cache_and_state_have_forgotten(
    project: Project, model: Model
) -> None:
    git = GitFolder(project.directory)
    model.noise = 0.2
    project.call("state", "rm", "completion.many[4]")
    project.call("cache", "clear", "--auto-approve")
    project.apply()
    git.commit("again")
    found = told(project, "--count", "100")
    assert found["left_out"]["nothing to compare"] == 1
    assert "completion.many[4]" not in found["sampled"]


def test_outside_of_git_that_is_said_in_a_sentence(tmp_path: Path, api: FakeAPI) -> None:
    project = Project(tmp_path)
    project.write(provider(api) + completion("a", "q"))
    project.apply()
    ran = project.call(*DRIFT)
    assert ran.status == 0
    assert "is in no git repository" in ran.err


CHECKED = """[check.short]
of = "completion.many"
expect = [{ words = { max = 3 } }]
[check.judged]
of = "completion.many"
[check.judged.judge]
model = "gpt-4o-mini"
rubric = "It is polite."
"""


def test_checks_are_compared_and_may_show_drift_alone(tmp_path: Path) -> None:
    model = Model(say=lambda prompt: f"yes {prompt}")
    with serving(script=model) as api:
        project = Project(tmp_path)
        block = completion("many", "{{ count.index }}", "count = 12")
        project.write(provider(api) + block + CHECKED)
        project.apply("--no-checks")
        model.say = lambda prompt: f"well yes it is so, I should say, {prompt}"
        ran = project.call(*DRIFT)
        assert ran.status == 3, ran.err
        assert re.search(r"checks: short 12 -> 0 of 12 \(p < 0.001.*: shown\)", ran.out)
        assert "a judge would have to be asked: check.judged." in ran.out
        (check,) = told(project)["models"][0]["checks"]
        assert (check["before"], check["after"], check["shown"]) == (12, 0, True)


def test_selected_answers_are_left_out_of_the_test_and_their_checks_are_told(
    tmp_path: Path,
) -> None:
    """An answer that a postcondition let through differs from others without any drift."""
    model = Model(say=lambda prompt: f"yes {prompt}")
    rule = "[completion.many.lifecycle]\npostcondition = [{ condition = "
    rule += '"{{ \'yes\' in self.content }}", error_message = "no" }]\n'
    with serving(script=model) as api:
        project = Project(tmp_path)
        block = completion("many", "{{ count.index }}", "count = 12")
        check = CHECKED.partition("[check.judged]")[0]
        project.write(provider(api) + block + rule + check)
        assert project.apply().status == 0
        model.say = lambda prompt: f"no, it is not so, {prompt}"
        ran = project.call(*DRIFT)
        assert ran.status == 0, ran.err
        assert "not compared by words: 12 kept because a postcondition holds" in ran.out
        assert "checks: short 12 -> 0 of 12, 12 of them not tested" in ran.out


def test_a_new_answer_that_does_not_fit_its_schema_is_counted(tmp_path: Path) -> None:
    model = Model(say=lambda prompt: json.dumps({"n": len(prompt)}))
    schema = 'response_format = { type = "json_schema", json_schema = { name = "n", schema = '
    schema += '{ type = "object", required = ["n"] } } }'
    with serving(script=model) as api:
        project = Project(tmp_path)
        project.write(provider(api) + completion("many", "{{ count.index }}", "count = 6", schema))
        assert project.apply().status == 0
        model.say = lambda prompt: "{}" if prompt == "3" else json.dumps({"n": len(prompt)})
        ran = project.call(*DRIFT)
        assert ran.status == 0, ran.err
        assert "1 with a new one that does not fit its schema" in ran.out
        assert "5 of 5 identical" in ran.out


def test_a_secret_that_comes_back_is_shown_to_nobody(tmp_path: Path) -> None:
    model = Model(say=lambda prompt: f"the word is {prompt.split()[-1]}")
    with serving(script=model) as api:
        project = Project(tmp_path)
        variable = '[variable.word]\ndefault = "s3cr3t-w0rd-0123"\nsensitive = true\n'
        project.write(provider(api) + variable + completion("a", "say {{ var.word }}"))
        project.apply()
        ran = project.call(*DRIFT)
        assert ran.status == 0, ran.err
        held = b"".join(
            file.read_bytes() for file in (project.directory / "state").rglob("*") if file.is_file()
        )
        assert b"s3cr3t-w0rd" not in held
        assert "s3cr3t-w0rd" not in ran.out + ran.err
