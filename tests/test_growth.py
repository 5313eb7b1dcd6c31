"""No step is worse than linear: four times as much of anything costs less than six times the work.

Work is counted in calls (Python's and C's), never in seconds: a count is the same on a busy
machine. What one call of C does inside is not seen by it, so that the sizes are large enough for
a quadratic step to stand out in what surrounds it.
"""

import cProfile
from collections.abc import Callable
from typing import Any

import pytest

from runner.core.expansion.outputs import outputs
from runner.core.plan.plan import make_plan
from runner.core.plan.targets import Choice
from runner.core.state.file import decode, document, encode
from runner.core.state.records import State
from runner.core.toml.source import Source
from runner.operations.planning.whole import whole_plan
from tests.harness.lab import Lab

BOUND = 6.0  # for four times the size: linear is 4, n log n 4.8, quadratic 16
SMALL = 150


def calls(work: Callable[[], object]) -> int:
    """How many calls the work makes."""
    profile = cProfile.Profile()
    profile.enable()
    try:
        work()
    finally:
        profile.disable()
    counted: int = sum(entry.callcount for entry in profile.getstats())
    return counted


def growth(make: Callable[[int], Callable[[], object]], size: int = SMALL) -> float:
    """The work at four times the size over the work at this size, what is constant taken off."""
    make(2)()  # what is imported and cached once is no growth
    nothing = calls(make(2))
    small, large = calls(make(size)), calls(make(4 * size))
    assert small - nothing > size  # it really did something with each
    return (large - nothing) / (small - nothing)


def rows(number: int) -> Lab:
    """One block over so many rows of a CSV file."""
    lab = Lab(
        {
            "configs/main.toml": """
[completion.each]
for_each = "{{ csv('rows.csv', key='id') }}"
model = "m"
messages = [{ role = "user", content = "{{ each.key }}: {{ each.value.what }}" }]
""",
            "configs/rows.csv": "id,what\n" + "".join(f"r{i},thing {i}\n" for i in range(number)),
        }
    )
    lab.concurrency = 64
    lab.model.limit = 64
    return lab


def text(lines: list[str]) -> Lab:
    lab = Lab({"configs/main.toml": "\n".join(lines)})
    lab.concurrency = 64
    return lab


def block(name: str, said: str, *more: str) -> str:
    """A completion."""
    message = f"messages = [{{ role = 'user', content = '''{said}''' }}]"
    return "\n".join([f"[completion.{name}]", "model = 'm'", *more, message])


def blocks(number: int) -> Lab:
    """So many blocks; every other one refers to the one before, and to a local."""
    lines = ["[runner]", "concurrency = 64", "[locals]", "tone = 'plain'"]
    for i in range(number):
        said = f"number {i} {{{{ local.tone }}}}"
        if i % 2:
            said += f" {{{{ completion.c{i - 1}.content }}}}"
        lines.append(block(f"c{i}", said))
    return text(lines)


def chain(number: int) -> Lab:
    """Each asks about the one before."""
    lines = [block("c0", "begin")]
    lines += [
        block(f"c{i}", f"step {i} {{{{ completion.c{i - 1}.content }}}}") for i in range(1, number)
    ]
    return text(lines)


def same(number: int) -> Lab:
    """One prompt, so many times: as many samples of one fingerprint."""
    return text([block("same", "a name for a cat", f"count = {number}")])


def by_key(number: int) -> Lab:
    """Half of them over a table's rows, and one that needs the one before for each."""
    lab = rows(number // 2)
    again = "for_each = \"{{ csv('rows.csv', key='id') }}\""
    lab.files["configs/main.toml"] += block(
        "second", "after {{ completion.each[each.key].content }}", again
    )
    return lab


def matrix(number: int) -> Lab:
    """Two answers to each of a quarter so many questions, and one that needs each of them."""
    axes = f"matrix.n = '{{{{ range({-(-number // 4)}) }}}}'", "matrix.run = [0, 1]"
    judge = "right? {{ completion.answer[matrix].content }} {{ matrix.run }}"
    return text([block("answer", "{{ matrix.n }}", *axes), block("judge", judge, *axes)])


def fan(number: int) -> Lab:
    """One, so many that need it, and one that needs them all."""
    return text(
        [
            block("first", "begin"),
            block("many", "{{ count.index }} {{ completion.first.content }}", f"count = {number}"),
            block("last", "{% for one in completion.many %}{{ one.content }}{% endfor %}"),
        ]
    )


def modules(number: int) -> Lab:
    """One module, called so many times."""
    lab = text(
        [
            "[module.m]",
            "source = '../modules/m'",
            f"for_each = {[f'k{i}' for i in range(number)]}",
            "x = 'call {{ each.key }}'",
        ]
    )
    inner = [
        "[variable.x]",
        "type = 'string'",
        block("first", "first {{ var.x }}"),
        block("second", "second {{ completion.first.content }}"),
        "[output.said]",
        "value = '{{ completion.second.content }}'",
    ]
    lab.files["modules/m/main.toml"] = "\n".join(inner)
    return lab


def of_calls(number: int) -> Lab:
    """A third so many calls of a module, and a completion for each that needs what it puts out."""
    called = number // 3 + 1
    lab = modules(called)
    lab.files["configs/main.toml"] += "\n" + block(
        "each", "{{ module.m[each.key].said }}", f"for_each = {[f'k{i}' for i in range(called)]}"
    )
    return lab


def after_calls(number: int) -> Lab:
    """A third so many calls of a module, and as many completions that all of them come before."""
    called = number // 3 + 1
    lab = modules(called)
    lab.files["configs/main.toml"] += "\n" + block(
        "each", "{{ count.index }}", f"count = {called}", "depends_on = ['module.m']"
    )
    return lab


def dynamic(number: int) -> Lab:
    """A list that a model answers with, and a completion for each of its items."""
    lab = text(
        [
            block("list", "list"),
            "[completion.each]",
            "for_each = '{{ completion.list.json }}'",
            "model = 'm'",
            "messages = [{ role = 'user', content = 'about {{ each.key }}' }]",
        ]
    )
    listed = "[" + ", ".join(f'"k{i}"' for i in range(number)) + "]"
    lab.reply = lab.model.reply = lambda body: (
        listed if body["messages"][0]["content"] == "list" else "said"
    )
    return lab


def nested(number: int) -> Lab:
    """A list that a model answers with, a module for each item, and a list in each of those."""
    lab = text(
        [
            block("list", "list"),
            "[module.m]",
            "source = '../modules/m'",
            "for_each = '{{ completion.list.json }}'",
            "x = '{{ each.key }}'",
        ]
    )
    inner = [
        "[variable.x]",
        block("parts", "parts of {{ var.x }}"),
        block("part", "{{ each.key }} of {{ var.x }}", "for_each = '{{ completion.parts.json }}'"),
    ]
    lab.files["modules/m/main.toml"] = "\n".join(inner)
    listed = "[" + ", ".join(f'"k{i}"' for i in range(number)) + "]"

    def reply(body: dict[str, Any]) -> str:
        said = body["messages"][0]["content"]
        return listed if said == "list" else '["a", "b"]' if said.startswith("parts") else "said"

    lab.reply = lab.model.reply = reply
    return lab


def secrets(number: int) -> Lab:
    """One block over secrets: each prompt holds another."""
    lab = text(
        [
            "[variable.people]",
            "type = 'list(string)'",
            "sensitive = true",
            f"default = {[f'what nobody may see of person {i}' for i in range(number)]}",
            block("each", "{{ var.people[count.index] }}", f"count = {number}"),
        ]
    )
    lab.reply = lab.model.reply = lambda _: "A model says what it says, and nothing that is secret."
    return lab


def told(number: int) -> Lab:
    """So many completions, and an output of each."""
    lines = [block(f"c{i}", f"number {i}") for i in range(number)]
    lines += [f"[output.o{i}]\nvalue = '{{{{ completion.c{i}.content }}}}'" for i in range(number)]
    return text(lines)


SHAPES = [
    *(rows, blocks, chain, same, by_key, matrix, fan),
    *(modules, of_calls, after_calls, dynamic, nested, secrets),
]
Shape = Callable[[int], Lab]


@pytest.mark.parametrize(
    "shape",
    [
        *(rows, blocks, chain, same, by_key, matrix, fan),
        *(modules, of_calls, after_calls, secrets, told),
    ],
)
def test_a_first_plan_grows_linearly(shape: Shape) -> None:
    assert growth(lambda number: shape(number).plan) < BOUND


@pytest.mark.parametrize("shape", SHAPES)
def test_an_apply_grows_linearly(shape: Shape) -> None:
    assert growth(lambda number: shape(number).apply) < BOUND


@pytest.mark.parametrize("shape", SHAPES)
def test_a_plan_of_what_is_answered_grows_linearly(shape: Shape) -> None:
    def answered(number: int) -> Callable[[], object]:
        lab = shape(number)
        lab.apply()
        assert len(lab.records) >= number
        return lambda: _unchanged(lab)

    assert growth(answered) < BOUND


@pytest.mark.parametrize("shape", SHAPES)
def test_a_replay_from_the_cache_grows_linearly(shape: Shape) -> None:
    def cached(number: int) -> Callable[[], object]:
        lab = shape(number)
        lab.apply(keep_state=False)
        return lab.apply

    assert growth(cached) < BOUND


@pytest.mark.parametrize("shape", SHAPES)
def test_removing_everything_grows_linearly(shape: Shape) -> None:
    def emptied(number: int) -> Callable[[], object]:
        lab = shape(number)
        lab.apply()
        lab.files["configs/main.toml"] = block("other", "something else")
        return lab.apply

    assert growth(emptied) < BOUND


def test_removing_half_of_the_instances_grows_linearly() -> None:
    def halved(number: int) -> Callable[[], object]:
        lab = rows(number)
        lab.apply()
        lab.files["configs/rows.csv"] = rows(number // 2).files["configs/rows.csv"]
        return lab.apply

    assert growth(halved) < BOUND


class Compared(str):
    """A text that counts what it is compared with: one call of C may be a walk through all."""

    times = 0

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_whether_an_instance_is_there_is_no_walk_through_the_others() -> None:
    """It is asked for each that is removed, and for each that refers to another one by its key."""
    keys = rows(SMALL).plan().walk.session.keys["completion.each"]
    absent = Compared("r")
    Compared.times = 0
    assert absent not in [*keys]
    assert Compared.times == SMALL  # it is counted
    Compared.times = 0
    assert absent not in keys
    assert Compared.times < 5


@pytest.mark.parametrize("shape", [rows, blocks, chain, same, fan, modules])
def test_a_change_of_every_prompt_grows_linearly(shape: Shape) -> None:
    def changed(number: int) -> Callable[[], object]:
        lab = shape(number)
        lab.apply()
        for name, held in lab.files.items():
            lab.files[name] = held.replace('"m"', '"n"').replace("'m'", "'n'")
        return lab.apply

    assert growth(changed) < BOUND


@pytest.mark.parametrize("shape", [rows, blocks, chain, same, by_key, matrix, fan])
def test_a_target_costs_no_more_than_linear(shape: Shape) -> None:
    def aimed(number: int) -> Callable[[], object]:
        lab = shape(number)
        inputs = lab.planned(Choice(targets=("completion.*",))).inputs
        return lambda: make_plan(inputs)

    assert growth(aimed) < BOUND


@pytest.mark.parametrize("shape", [blocks, chain])
def test_so_many_targets_cost_no_more_than_linear(shape: Shape) -> None:
    def aimed(number: int) -> Callable[[], object]:
        lab = shape(number)
        inputs = lab.planned(
            Choice(targets=tuple(f"completion.c{i}" for i in range(number)))
        ).inputs
        return lambda: make_plan(inputs)

    assert growth(aimed) < BOUND


@pytest.mark.parametrize("shape", [rows, blocks, chain, same, matrix, fan, of_calls, secrets, told])
def test_outputs_grow_linearly(shape: Shape) -> None:
    def evaluated(number: int) -> Callable[[], object]:
        outcome = shape(number).apply()
        return lambda: outputs(outcome.session, outcome.records, [])

    assert growth(evaluated) < BOUND


def test_state_is_written_and_read_in_linear_time() -> None:
    def held(number: int) -> State:
        lab = rows(number)
        lab.apply()
        return State(1, "lineage", 1, "0", "configs", lab.records)

    assert growth(lambda number: _writes(held(number))) < BOUND
    assert growth(lambda number: _reads(encode(held(number)))) < BOUND


def test_a_chain_of_twenty_thousand_needs_no_recursion() -> None:
    """The benchmark has one of 100,000; Python's stack ends at 1,000."""
    lab = chain(20_000)
    plan = lab.plan()
    assert len(plan.steps) == 20_000


def test_a_chain_of_five_thousand_is_applied_one_after_the_other() -> None:
    lab = chain(5_000)
    lab.apply()
    assert lab.sent == [f"completion.c{i}" for i in range(5_000)]
    assert lab.plan().empty


def test_a_ring_of_five_thousand_is_told_without_recursion() -> None:
    lab = chain(5_000)
    first = block("c0", "begin {{ completion.c4999.content }}")
    lab.files["configs/main.toml"] = lab.files["configs/main.toml"].replace(
        block("c0", "begin"), first
    )
    with pytest.raises(Exception, match="wait for each other"):
        lab.plan()


def test_one_block_of_fifty_thousand_instances_is_planned() -> None:
    plan = same(50_000).plan()
    assert len(plan.steps) == 50_000


def _unchanged(lab: Lab) -> None:
    assert lab.plan().empty


def _writes(state: State) -> Callable[[], object]:
    return lambda: list(document(state).pieces())


def _reads(data: bytes) -> Callable[[], object]:
    return lambda: decode(data, "state.json")


class Walked(str):
    """A text that counts the characters that a look into it walks over: one call of C may be as
    long as the whole text.
    """

    steps = 0

    def __getitem__(self, key: Any) -> str:
        found = str.__getitem__(self, key)
        Walked.steps += len(found)
        return found

    def count(self, sub: str, start: Any = None, end: Any = None) -> int:
        Walked.steps += len(range(*slice(start, end).indices(len(self))))
        return str.count(self, sub, start, end)

    def find(self, sub: str, start: Any = None, end: Any = None) -> int:
        at = str.find(self, sub, start, end)
        Walked.steps += (len(self) if at < 0 else at + 1) - slice(start, end).indices(len(self))[0]
        return at

    def replace(self, old: str, new: str, count: Any = -1) -> "Walked":
        Walked.steps += len(self)
        return Walked(str.replace(self, old, new, count))


def test_the_places_of_twenty_thousand_blocks_in_one_file_are_found_in_a_few_walks() -> None:
    lines = ["[runner]", "concurrency = 64"]
    for i in range(20_000):
        lines += ["", f"[completion.c{i}]", "model = 'm'", f"messages = 'number {i}'"]
    text = Walked("\n".join(lines))
    held = Source("main.toml", text)
    Walked.steps = 0
    found = [held.where(("completion", f"c{i}", "model")).line for i in range(20_000)]
    assert found == [5 + 4 * i for i in range(20_000)]
    assert Walked.steps < 10 * len(text)


def test_nothing_is_located_in_a_configuration_that_is_right() -> None:
    """Finding places takes as long as a plan of all that stands in the file."""
    asked = "model = 'm'\nmessages = [{ role = 'user', content = 'x' }]"
    held = Lab({"configs/main.toml": f"[runner]\nconcurrency = 4\n[completion.a]\n{asked}\n"})
    project = held.loaded()
    assert whole_plan(project).plan.steps
    (source,) = project.root.blocks.sources
    assert "_places" not in vars(source)
    source.where(("completion", "a"))
    assert "_places" in vars(source)


def test_the_measure_of_walks_sees_a_quadratic_step() -> None:
    text = Walked("line\n" * 1_000)
    Walked.steps = 0
    assert [text.count("\n", 0, 5 * i) for i in range(1_000)] == list(range(1_000))
    assert Walked.steps > 100 * len(text)


def test_the_measure_sees_a_quadratic_step() -> None:
    def quadratic(number: int) -> Callable[[], object]:
        return lambda: [len([]) for _ in range(number) for _ in range(number)]

    assert growth(quadratic) > 2 * BOUND


@pytest.mark.parametrize("shape", [dynamic, nested])
def test_a_new_answer_that_names_the_same_instances_grows_linearly(shape: Shape) -> None:
    def answered(number: int) -> Callable[[], object]:
        lab = shape(number)
        lab.apply()
        return lambda: lab.apply(Choice(replaces=("completion.list",)))

    assert growth(answered) < BOUND
