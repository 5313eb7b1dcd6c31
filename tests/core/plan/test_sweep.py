"""What would be asked for is looked for farther away first."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from runner.core.plan.actions import Await, Issue, Reuse
from runner.core.plan.plan import PlannedSteps, make_plan
from runner.core.plan.samples import Held
from runner.core.plan.targets import Choice
from runner.core.state.cache_entry import cache_key, to_entry
from tests.harness.lab import Lab, completion_body, project

CHAIN = """
[completion.first]
model = "m"
count = 3
messages = [{ role = "user", content = "number {{ count.index }}" }]

[completion.second]
model = "m"
messages = [{ role = "user", content = "of {{ completion.first[0].content }}" }]

[completion.third]
model = "m"
messages = [{ role = "user", content = "of {{ completion.second.content }}" }]
"""
TWINS = """
[completion.same]
model = "m"
count = 3
messages = [{ role = "user", content = "x" }]
"""
CHECKED = """
[completion.same]
model = "m"
messages = [{ role = "user", content = "x" }]
[completion.same.lifecycle]
postcondition = [{ condition = "{{ self.content == 'good' }}", error_message = "is it good?" }]
"""


@dataclass
class Away:
    """Answers that are farther away, by their keys; `sweeps` are the looks for them."""

    entries: dict[str, bytes]
    here: dict[str, bytes] = field(default_factory=dict)
    sweeps: list[set[Held]] = field(default_factory=list)

    def look_up(self, fingerprint: str, sample: int) -> bytes | None:
        return self.here.get(cache_key(fingerprint, sample))

    def sweep(self, wanted: Sequence[Held]) -> set[Held]:
        self.sweeps.append({*wanted})
        found = {held for held in wanted if cache_key(*held) in self.entries}
        self.here |= {cache_key(*held): self.entries[cache_key(*held)] for held in found}
        return found

    def plan(self, lab: Lab) -> PlannedSteps:
        """The plan of one who has no state and no cache."""
        lab.lose_state()
        lab.lose_cache()
        held = lab.loaded()
        return make_plan(held.inputs(self.look_up, {}, Choice(), {}, self.sweep))


def away(lab: Lab) -> Away:
    """All that was answered there."""
    lab.apply()
    return Away(dict(lab.cache))


def kinds(plan: PlannedSteps) -> dict[str, str]:
    return {step.address: type(step.action).__name__ for step in plan.steps}


def test_each_wave_is_looked_for_at_once() -> None:
    lab = project(CHAIN)
    found = away(lab)
    plan = found.plan(lab)
    assert {*kinds(plan).values()} == {"Reuse"}
    assert [len(wanted) for wanted in found.sweeps] == [3, 1, 1]


def test_what_is_not_there_is_issued_and_what_waits_for_it_waits() -> None:
    lab = project(CHAIN)
    found = away(lab)
    missing = next(key for key in found.entries if b"number 0" in found.entries[key])
    del found.entries[missing]
    assert kinds(found.plan(lab)) == {
        "completion.first[0]": "Issue",
        "completion.first[1]": "Reuse",
        "completion.first[2]": "Reuse",
        "completion.second": "Await",
        "completion.third": "Await",
    }


def test_equal_requests_have_an_answer_each() -> None:
    lab = project(TWINS)
    found = away(lab)
    plan = found.plan(lab)
    assert sorted(made.record.sample for _, made in plan.of(Reuse)) == [0, 1, 2]
    del found.entries[next(key for key in found.entries if key.endswith(":1"))]
    found.here.clear()
    plan = found.plan(lab)
    assert [made.sample for _, made in plan.of(Issue)] == [1]


def test_an_answer_that_is_not_accepted_is_passed_over_for_the_next() -> None:
    lab = project(CHECKED)
    lab.reply = lambda _: "bad"
    found = away(lab)
    ((key, bad),) = found.entries.items()
    good = completion_body(7, "good", {})
    record = lab.records["completion.same"]
    fingerprint = record.fingerprint
    found.entries = {key: bad, cache_key(fingerprint, 1): bad.replace(b'"sample":0', b'"sample":1')}
    plan = found.plan(lab)
    assert [made.sample for _, made in plan.of(Issue)] == [2]
    assert found.sweeps == [{(fingerprint, 0)}, {(fingerprint, 1)}, {(fingerprint, 2)}]
    found.entries[cache_key(fingerprint, 2)] = to_entry(replace(record, sample=2, response=good))
    found.here.clear()
    plan = found.plan(lab)
    assert [made.record.response for _, made in plan.of(Reuse)] == [good]


def test_without_anything_farther_away_nothing_is_looked_for() -> None:
    lab = project(CHAIN)
    found = away(lab)
    lab.lose_state()
    lab.lose_cache()
    plan = make_plan(lab.loaded().inputs(found.look_up, {}, Choice(), {}))
    assert {type(made) for _, made in plan.of(Issue, Await)} == {Issue, Await}
    assert found.sweeps == []
