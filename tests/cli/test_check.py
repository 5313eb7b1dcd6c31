"""`runner check`: what is recorded against what is expected, without a request."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from runner.core.state.records import Record
from tests.harness.faults import error
from tests.harness.project import Project, completion, provider, serving
from tests.harness.recorded import record, write_state

PROVIDER = '[provider.openai]\nbase_url = "http://127.0.0.1:9/v1"\n'
ROWS = "id,country,capital\nq1,Peru,Lima\nq2,Kenya,Nairobi\nq3,Norway,Oslo\nq4,Chad,N'Djamena\n"
EACH = "for_each = \"{{ csv('rows.csv', key='id') }}\""
CAPITAL = """
[check.capital]
of = "completion.answer"
expect = [{ contains = "{{ each.value.capital }}", ignore_case = true }]
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "p")
    made.write(ROWS, "rows.csv")
    return made


def write(project: Project, checks: str, *more: str) -> None:
    prompt = "The capital of {{ each.value.country }}?"
    project.write(PROVIDER + completion("answer", prompt, EACH) + "\n".join((checks, *more)))


def answers(project: Project, **contents: str) -> None:
    write_state(
        project,
        *(record(f'completion.answer["{key}"]', said) for key, said in contents.items()),
    )


RIGHT = {"q1": "Lima.", "q2": "It is NAIROBI", "q3": "Oslo", "q4": "N'Djamena"}


def found(project: Project, *arguments: str) -> dict[str, Any]:
    ran = project.call("check", "--json", *arguments)
    assert ran.status in (0, 3), ran.err
    told: dict[str, Any] = json.loads(ran.out)
    assert told["status"] == ran.status
    return told


def one(project: Project, *arguments: str) -> Any:
    (check,) = found(project, *arguments)["checks"]
    return check


def test_a_check_is_met_where_all_answers_hold(project: Project) -> None:
    write(project, CAPITAL)
    answers(project, **RIGHT)
    ran = project.call("check")
    assert (ran.status, ran.err) == (0, "")
    first, apart = ran.out.splitlines()
    assert first == "check.capital  4 of 4 hold (100 %, 95 % interval 51 to 100 %)   met: all"
    assert apart.startswith("4 answers are to another request than now")  # of no real request


def test_one_that_does_not_hold_is_told_with_what_was_expected_and_exits_with_3(
    project: Project,
) -> None:
    write(project, CAPITAL)
    answers(project, **{**RIGHT, "q3": "Bergen"})
    ran = project.call("check")
    assert ran.status == 3
    assert "3 of 4 hold (75 %, 95 % interval 30 to 95 %)   not met: all" in ran.out
    assert 'completion.answer["q3"]  contains "Oslo": got "Bergen"' in ran.out
    told = found(project)
    assert told["cause"] == "not met: check.capital"
    (check,) = told["checks"]
    assert check["where"]["file"] == "configs/main.toml"
    assert [a["outcome"] for a in check["answers"]] == [
        "holds", "holds", "does not hold", "holds",
    ]  # fmt: skip


def test_a_share_is_enough_where_one_is_named_and_whether_that_is_settled_is_said(
    project: Project,
) -> None:
    write(project, CAPITAL + "at_least = 0.7\n")
    answers(project, **{**RIGHT, "q3": "Bergen"})
    ran = project.call("check")
    assert ran.status == 0
    assert "met: at least 70 %, but not settled" in ran.out
    write(project, CAPITAL + 'at_least = 0.7\ngate = "bound"\n')
    assert project.call("check").status == 3
    write(project, CAPITAL + 'at_least = 0.7\ngate = "bound"\nseverity = "warn"\n')
    ran = project.call("check")
    assert ran.status == 0
    assert "(a warning)" in ran.out


def test_what_is_missing_is_not_met_unless_the_check_says_so(project: Project) -> None:
    write(project, CAPITAL)
    answers(project, q1="Lima", q2="Nairobi")
    ran = project.call("check")
    assert ran.status == 3
    assert 'no answer yet: completion.answer["q3"], completion.answer["q4"]' in ran.out
    write(project, CAPITAL + 'missing = "ignore"\n')
    assert one(project)["met"] == "met"


def test_no_answer_at_all_is_not_met(project: Project) -> None:
    write(project, CAPITAL)
    assert one(project)["met"] == "not met"
    project.write("id,country,capital\n", "rows.csv")
    assert one(project)["met"] == "not met"
    write(project, CAPITAL + 'missing = "ignore"\n')
    assert one(project)["met"] == "met"


def test_an_answer_that_was_not_accepted_is_missing(project: Project) -> None:
    write(project, CAPITAL)
    held = [record(f'completion.answer["{key}"]', said) for key, said in RIGHT.items()]
    write_state(project, *held[:3], replace(held[3], status="failed_check"))
    assert one(project)["missing"] == ['completion.answer["q4"]']


def test_an_instance_that_is_not_enabled_is_not_missing(project: Project) -> None:
    prompt = "The capital of {{ each.value.country }}?"
    enabled = "enabled = \"{{ each.key != 'q4' }}\""
    project.write(PROVIDER + completion("answer", prompt, EACH, enabled) + CAPITAL)
    answers(project, **RIGHT)
    check = one(project)
    assert (check["met"], check["scored"], check["missing"]) == ("met", 3, [])


def test_an_answer_that_lacks_what_is_looked_at_holds_neither_way(project: Project) -> None:
    write(
        project,
        """
        [check.city]
        of = "completion.answer"
        expect = [{ equals = "Lima", on = "{{ self.json.city }}" }]
        [check.no_city]
        of = "completion.answer"
        expect = [{ not = { equals = "Rome", on = "{{ self.json.city }}" } }]
        [check.condition]
        of = "completion.answer"
        expect = [{ condition = "{{ self.json.city == 'Lima' }}" }]
        """,
    )
    answers(project, q1='{"city": "Lima"}', q2="prose", q3='{"town": 1}', q4="[]")
    for check in found(project)["checks"]:
        outcomes = [answer["outcome"] for answer in check["answers"]]
        assert outcomes == ["holds", *["does not hold"] * 3], check["address"]
        assert len({a["faults"][0]["got"] for a in check["answers"][1:]}) == 3


def test_what_could_not_be_told_is_neither_pass_nor_fail(project: Project) -> None:
    """Nobody knows a price of a server on this machine."""
    cost = '[check.cost]\nof = "completion.answer"\nexpect = [{ cost = { max = 1 } }]\n'
    write(project, cost)
    held = [record(f'completion.answer["{key}"]') for key in RIGHT]
    unpriced = [replace(one, identity="openai http://127.0.0.1:9/v1") for one in held]
    write_state(project, held[0], *unpriced[1:])
    check = one(project)
    assert (check["met"], check["scored"], check["unscored"]) == ("met", 1, 3)
    write_state(project, *unpriced)
    ignored = cost + 'unscored = "ignore"\n'
    write(project, ignored)
    assert one(project)["met"] == "unscored"
    write(project, ignored.replace("{ cost = { max = 1 } }", "{ not = { cost = { max = 1 } } }"))
    assert one(project)["met"] == "unscored"
    write(project, cost + 'unscored = "error"\n')
    ran = project.call("check")
    assert ran.status == 3
    assert "nobody knows its price" in ran.out


@pytest.mark.parametrize("more", ["", "at_least = 0.5\n", 'severity = "warn"\n'])
def test_what_could_be_told_of_no_answer_at_all_is_not_met(
    project: Project, tmp_path: Path, more: str
) -> None:
    write(
        project,
        f'[check.cost]\nof = "completion.answer"\n{more}expect = [{{ cost = {{ max = 1 }} }}]\n',
    )
    held = [record(f'completion.answer["{key}"]') for key in RIGHT]
    write_state(project, *(replace(one, identity="openai http://127.0.0.1:9/v1") for one in held))
    report = tmp_path / "report.xml"
    ran = project.call("check", "--junit", str(report))
    assert "nothing to go by, 4 unscored   not met" in ran.out
    assert ran.status == (0 if "warn" in more else 3)
    suites = JUnitXml.fromfile(str(report))
    assert (suites.failures + suites.errors > 0) is (ran.status == 3)


def test_texts_may_name_variables_records_and_other_answers(project: Project) -> None:
    write(
        project,
        """
        [variable.most]
        default = 5
        [check.all]
        of = "completion.answer"
        expect = [
          { condition = "{{ record.attempts == 1 and record.seconds < 2 }}" },
          { condition = "{{ record.served_model == 'gpt-4o-2024-08-06' and record.cost > 0 }}" },
          { words = { max = "{{ var.most }}" } },
          { not = { equals = "{{ completion.other.content }}" } },
        ]
        """,
        completion("other", "x"),
    )
    answers(project, **RIGHT)
    check = one(project)
    assert {a["outcome"] for a in check["answers"]} == {"unscored"}  # the other one has not come
    held = [record(f'completion.answer["{key}"]', said) for key, said in RIGHT.items()]
    write_state(project, *held, record("completion.other", "An orange."))
    assert one(project)["met"] == "met"


def test_repeats_of_one_request_are_no_new_evidence(project: Project) -> None:
    matrix = "matrix.run = \"{{ range(10) }}\"\nmatrix.case = ['a', 'b', 'c', 'd']"
    project.write(
        PROVIDER
        + completion("answer", "{{ matrix.case }}", matrix)
        + "[check.c]\nof = 'completion.answer'\nat_least = 0.5\n"
        + "expect = [{ equals = '{{ matrix.case }}' }]\n"
    )
    held: list[Record] = []
    for case in "abcd":
        for run in range(10):
            made = record(
                f'completion.answer["case={case},run={run}"]', "abc" if case == "d" else case
            )
            held.append(replace(made, fingerprint=case * 64, sample=run))
    write_state(project, *held)
    check = one(project)
    low, high = check["interval"]
    assert (check["value"], check["settled"]) == (0.75, False)
    assert high - low > 0.6  # of 40 that are independent it would be 0.26
    chosen = one(project, "completion.answer[case=a]")
    assert chosen["scored"] == 10


def test_a_score_is_compared_by_its_mean(project: Project) -> None:
    write(
        project,
        "[check.close]\nof = 'completion.answer'\nat_least = 0.6\n"
        "score = { similarity = '{{ each.value.capital }}' }\n",
    )
    answers(project, **{**RIGHT, "q2": "Nairobi", "q1": "Lima"})
    ran = project.call("check")
    assert "mean 1.00 of 4 (95 % interval" in ran.out
    assert one(project)["answers"][0] == {
        "address": 'completion.answer["q1"]', "outcome": "holds", "score": 1.0,
    }  # fmt: skip


def test_checks_are_chosen_by_name_tag_and_answer(project: Project) -> None:
    nightly = CAPITAL.replace("capital]", "slow]") + 'tags = ["nightly"]\n'
    write(project, CAPITAL, nightly)
    answers(project, **{**RIGHT, "q3": "Bergen"})
    assert [c["address"] for c in found(project, "--tag", "nightly")["checks"]] == ["check.slow"]
    assert [c["address"] for c in found(project, "check.capital")["checks"]] == ["check.capital"]
    assert found(project, 'completion.answer["q1"]')["status"] == 0
    ran = project.call("check", "check.capitol")
    assert ran.status == 1
    assert 'Did you mean "check.capital"?' in ran.err
    ran = project.call("check", "--tag", "weekly")
    assert (ran.status, ran.out) == (1, "")
    assert "nothing was checked" in ran.err


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("completion.nope", "There is no answer at"),
        ("completion.anser", 'Did you mean "completion.answer"?'),
        ('completion.answer["q9"]', 'Did you mean "completion.answer["q'),
        ("completion.answer[case=q1]", "No block of that name has a matrix"),
        ("completion.z*", "There is no answer at"),
        ("variable.x", "There is no answer at"),
    ],
)
def test_an_address_that_is_of_no_answer_is_never_met(
    project: Project, address: str, said: str
) -> None:
    write(project, CAPITAL + 'missing = "ignore"\n')
    answers(project, **RIGHT)
    ran = project.call("check", address)
    assert (ran.status, ran.out) == (1, "")
    assert "Unknown address" in ran.err
    assert said in " ".join(ran.err.split())


@pytest.mark.parametrize("of", ['completion.answer["q9"]', "completion.answer[case=q1]", "*.z"])
def test_a_check_of_no_answer_there_may_be_is_told_at_its_line(project: Project, of: str) -> None:
    write(project, CAPITAL.replace('"completion.answer"', f"'{of}'") + 'missing = "ignore"\n')
    answers(project, **RIGHT)
    ran = project.call("check")
    assert ran.status == 1
    assert "Unknown address" in ran.err
    assert "main.toml line 10" in ran.err


def test_a_check_of_an_axis_that_is_not_there_is_no_project(project: Project) -> None:
    matrix = "matrix.model = ['a', 'b']"
    check = "[check.c]\nof = 'completion.answer[modle=a]'\nexpect = [{ json = true }]\n"
    project.write(PROVIDER + completion("answer", "x", matrix) + check)
    ran = project.call("validate")
    assert ran.status == 1
    assert 'has no axis "modle". Did you mean "model"?' in " ".join(ran.err.split())
    project.write(check.replace("modle", "model"), "more.toml")
    project.write(PROVIDER + completion("answer", "x", matrix))
    assert project.call("validate").status == 0


def test_a_block_without_instances_is_none_of_its_addresses_fault(project: Project) -> None:
    project.write("id,country,capital\n", "rows.csv")
    write(project, CAPITAL + 'missing = "ignore"\n')
    write_state(project)
    assert project.call("check").status == 0
    assert project.call("check", 'completion.answer["q1"]').status == 0


def test_a_check_asks_for_nothing_and_no_completion_hangs_on_it(project: Project) -> None:
    with serving() as api:
        text = provider(api) + completion("answer", "hi")
        project.write(text)
        assert project.apply().status == 0
        project.write(text + "[check.c]\nof = 'completion.answer'\nexpect = [{ json = true }]\n")
        assert project.call("plan", "--detailed-exitcode").status == 0
        assert project.call("check").status == 3
        assert len(api.requests) == 1


def test_an_answer_to_another_request_than_now_is_counted_and_named(project: Project) -> None:
    with serving() as api:
        check = "[check.c]\nof = 'completion.answer'\nexpect = [{ contains = 'hi' }]\n"
        project.write(provider(api) + completion("answer", "hi") + check)
        assert project.apply().status == 0
        assert "another request" not in project.call("check").out
        project.write(provider(api) + completion("answer", "hi there") + check)
        ran = project.call("check")
        assert ran.status == 0
        assert "1 answer is to another request than now" in ran.out
        assert found(project)["outdated"] == ["completion.answer"]


def test_two_runs_say_the_same_bytes(project: Project) -> None:
    write(project, CAPITAL, "[check.long]\nof = ['completion.*']\nexpect = [{ words = {max = 1}}]")
    answers(project, **RIGHT)
    first, second = (project.run("check", "--json") for _ in range(2))
    assert first == second
    assert first.status == 3


def test_what_is_sensitive_is_shown_nowhere(project: Project, tmp_path: Path) -> None:
    write(
        project,
        """
        [variable.token]
        default = "hunter2-is-long"
        sensitive = true
        [check.token]
        of = "completion.answer"
        expect = [{ contains = "{{ var.token }}" }]
        [check.leak]
        of = "completion.answer"
        expect = [{ words = { min = 99 } }]
        """,
    )
    answers(project, **{**RIGHT, "q1": "It is hunter2-is-long" + "x" * 200})
    report, table = tmp_path / "r.xml", tmp_path / "t.md"
    for flags in ((), ("--json",), ("--github",)):
        ran = project.call("check", *flags, "--junit", str(report), "--markdown", str(table))
        assert ran.status == 3
        assert "hunter2" not in ran.out + ran.err + report.read_text() + table.read_text()
        assert "(sensitive)" in ran.out


NOTHING = [
    "contains = '{{ each.value.note }}'",
    "contains = '{{ none }}'",
    "contains_any = '{{ [] }}'",
    "contains_all = ['a', '{{ each.value.note }}']",
    "matches = '{{ each.value.note }}'",
    "words = '{{ {} }}'",
    "words = { max = '{{ none }}' }",
    "words = { min = 1, max = '{{ each.value.note }}' }",
    "number = '{{ {} }}'",
    "similarity = 'x', at_least = '{{ none }}'",
    "tool_call = '{{ {} }}'",
    "tool_calls = '{{ {} }}'",
    "json_schema = '{{ each.value.note }}'",
    "condition = '{{ none }}'",
    "all = [{ any = [{ contains = '{{ each.value.note }}' }] }]",
    "condition = '{{ record.cost < 1 }}'",
    "condition = '{{ record.cost }}'",
    "cost = { max = '{{ record.cost * 2 }}' }",
]


@pytest.mark.parametrize("entry", [*NOTHING, *(f"not = {{ {entry} }}" for entry in NOTHING)])
def test_where_an_expression_gives_nothing_it_cannot_be_told(project: Project, entry: str) -> None:
    """An empty cell of a row, a null, a price that nobody knows."""
    project.write("id,country,note\nq1,Peru,\n", "rows.csv")
    write(project, f"[check.c]\nof = 'completion.answer'\nexpect = [{{ {entry} }}]\n")
    unpriced = replace(
        record('completion.answer["q1"]', "anything"), identity="openai http://127.0.0.1:9/v1"
    )
    write_state(project, unpriced)
    (answer,) = one(project)["answers"]
    assert answer["outcome"] == "unscored"


@pytest.mark.parametrize(
    "entry",
    [
        "condition = '{{ self.json.ok }}'",
        "words = { max = '{{ self.json.ok }}' }",
        "matches = '{{ self.json.ok }}('",
        "json_schema = '{{ self.json }}'",
    ],
)
def test_what_an_answer_gives_and_is_of_no_use_holds_neither_way(
    project: Project, entry: str
) -> None:
    for each in (entry, f"not = {{ {entry} }}"):
        write(project, f"[check.c]\nof = 'completion.answer'\nexpect = [{{ {each} }}]\n")
        answers(project, q1='{"ok": "yes"}')
        (answer, *_) = one(project)["answers"]
        assert answer["outcome"] == "does not hold"


def test_a_secret_of_no_use_is_not_shown(project: Project) -> None:
    write(
        project,
        """
        [variable.token]
        default = "hunter2-is-long"
        sensitive = true
        [check.c]
        of = "completion.answer"
        expect = [{ words = { max = "{{ var.token }}" } }]
        """,
    )
    answers(project, **RIGHT)
    ran = project.call("check")
    assert ran.status == 1
    assert "expect[0].words.max is not what it must be" in " ".join(ran.err.split())
    assert "hunter2" not in ran.out + ran.err


FAULTS = [
    ("of = 'completion.anser'\nexpect = [{ json = true }]", 2, 'Did you mean "completion.answer"?'),
    ("of = 'completion.answer'", 1, "needs expect"),
    ("of = 'completion.answer'\nexpect = [{ contain = 'x' }]", 3, 'Did you mean "contains"?'),
    ("of = 'completion.answer'\nexpect = [{ contains = '{{ count.index }}' }]", 3, "with count"),
    ("of = 'completion.answer'\nexpect = [{ contains = '{{ self.contnt }}' }]", 3, "self.content"),
    ("of = 'completion.answer'\nexpect = [{ contains = '{{ record.price }}' }]", 3, "has cost"),
    ("of = 'completion.answer'\nexpect = [{ contains = '{{ each.value.city }}' }]", 3, "capital"),
    ("of = 'completion.answer'\nexpect = [{ matches = '(?=x)' }]", 3, "no look-around"),
    (
        "of = 'completion.answer'\nexpect = [{ matches = '{{ each.value.capital }}(' }]",
        3,
        "missing )",
    ),
    ("of = 'completion.answer'\nexpect = '{{ [] }}'", 3, "write it out"),
    ("of = 'completion.answer'\nscore = '{{ {} }}'\nat_least = 1", 3, "write it out"),
    ("of = 'completion.answer'\njudge = '{{ {} }}'", 3, "write it out"),
    ("of = 'completion.answer'\nexpect = ['{{ 1 }}']", 3, "write it out"),
    *(
        (f"of = 'completion.answer'\nexpect = [{{ {entry} }}]", 3, said)
        for entry, said in (
            ("words = { max = '{{ -1 }}' }", "expect[0].words.max must be at least 0"),
            ("words = { min = '{{ 9 }}', max = '{{ 3 }}' }", "min is more than max"),
            ("words = '{{ {\"most\": 3} }}'", 'no key "most"'),
            ("number = { equals = 1, within = '{{ -1 }}' }", "within must be at least 0"),
            ("similarity = 'x', at_least = '{{ 2 }}'", "at_least must be at most 1"),
            ("ignore_case = '{{ 3 }}', contains = 'x'", "must be true or false"),
            ("condition = '{{ 3 }}'", "must be true or false"),
            ("not = { condition = '{{ each.key }}' }", "expect[0].not.condition must be true or"),
            ('tool_call = \'{{ {"name": 3, "args": 1} }}\'', 'no key "args"'),
            ('json_schema = \'{{ {"type": "strin"} }}\'', "is not a JSON Schema"),
            ('json_schema = \'{{ {"fiel": "s.json"} }}\'', "every JSON fits"),
            ('json_schema = \'{{ {"file": "s.json"} }}\'', "every JSON fits"),
            ("json_schema = '{{ each.key }}'", "json_schema must be a table"),
        )
    ),
    ("of = 'completion.answer'\nexpect = [{ json_schema = { file = 'x' } }]", 3, "x"),
    ("of = 'completion.answer'\nexpect = [{ json = true }]\nat_least = 2", 4, "at most 1"),
    ("of = 'completion.answer'\nexpect = [{ json = true }]\nseverity = 'low'", 4, '"warn"'),
    ("of = 'completion.answer'\nexpect = [{ json = true }]\ngate = 'bound'", 4, "never reaches 1"),
    ("of = 'completion.answer'\nscore = { contains = 'x' }\nat_least = 1", 3, "is no number"),
    ("of = '{{ var.x }}'\nexpect = [{ json = true }]", 2, "write the value itself"),
]


@pytest.mark.parametrize(("lines", "line", "said"), FAULTS)
def test_a_mistake_is_told_at_its_place(project: Project, lines: str, line: int, said: str) -> None:
    project.write(PROVIDER + completion("answer", "{{ each.value.country }}", EACH))
    project.write(f"[check.c]\n{lines}\n", "checks.toml")
    answers(project, **RIGHT)
    ran = project.call("check")
    assert ran.status == 1
    assert f"on configs/checks.toml line {line}" in ran.err
    assert said in " ".join(ran.err.split())
    assert "Traceback" not in ran.err


def test_a_check_stands_in_the_root_module(project: Project) -> None:
    (project.directory / "m").mkdir()
    (project.directory / "m" / "main.toml").write_text(completion("a", "x") + CAPITAL)
    project.write(PROVIDER + '[module.m]\nsource = "../m"\n')
    ran = project.call("check")
    assert "[check] may stand in the root module only" in ran.err


def test_a_check_looks_at_the_answers_of_a_module(project: Project) -> None:
    (project.directory / "m").mkdir()
    (project.directory / "m" / "main.toml").write_text(
        completion("a", "x", "for_each = ['k', 'l']")
    )
    project.write(
        PROVIDER
        + '[module.m]\nsource = "../m"\n[variable.v]\ndefault = "answer"\n[check.c]\n'
        + 'of = "module.m.completion.a"\nexpect = [{ equals = "{{ var.v }} {{ each.key }}" }]\n'
    )
    write_state(
        project,
        record('module.m.completion.a["k"]', "answer k"),
        record('module.m.completion.a["l"]', "answer k"),
    )
    assert [a["outcome"] for a in one(project)["answers"]] == ["holds", "does not hold"]


@pytest.mark.parametrize(
    ("more", "contents"),
    [
        ("", RIGHT),
        ("", {**RIGHT, "q3": "Bergen"}),
        ("at_least = 0.7\n", {**RIGHT, "q3": "Bergen"}),
        ("at_least = 0.9\n", {**RIGHT, "q3": "Bergen"}),
        ('severity = "warn"\n', {**RIGHT, "q3": "Bergen"}),
        ("", {"q1": "Lima"}),
        ('missing = "ignore"\n', {"q1": "Lima"}),
        ('missing = "ignore"\n', {}),
        ("at_least = 0.5\n", {}),
    ],
)
def test_a_junit_report_is_red_where_the_exit_status_is(
    project: Project, tmp_path: Path, more: str, contents: dict[str, str]
) -> None:
    write(project, CAPITAL + more)
    answers(project, **contents)
    report = tmp_path / "report.xml"
    ran = project.call("check", "--junit", str(report))
    suites = JUnitXml.fromfile(str(report))
    suites.update_statistics()  # type: ignore[no-untyped-call]
    assert (suites.failures + suites.errors > 0) is (ran.status == 3)
    assert suites.tests >= 1
    assert project.call("check", "--junit", str(report)).status == ran.status  # over its own kind


def test_markdown_and_annotations_hold_nothing_that_steers(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    write(project, CAPITAL + 'description = "100 % | <b>right</b>"\n')
    answers(project, **{**RIGHT, "q3": "x | <script>\n::error::y%0A`"})
    table = tmp_path / "t.md"
    ran = project.call("check", "--github", "--markdown", str(table))
    lines = [line for line in ran.out.splitlines() if line.startswith("::")]
    assert len(lines) == 1
    where = one(project)["where"]
    place = f"file=p/configs/main.toml,line={where['line']},title=check.capital"
    assert lines[0].startswith(f"::error {place}::3 of 4 hold (75 %25,")
    assert "%250A" in lines[0]
    held = table.read_text()
    assert "<script>" not in held
    assert "100 % \\| \\<b\\>right" in held
    assert held.count("\n| ") == 2 - 1


def test_no_key_and_no_answer_is_markdown_that_calls_or_links(
    project: Project, tmp_path: Path
) -> None:
    project.write(
        PROVIDER
        + completion("answer", "x", "for_each = ['`` <img src=//e.x> [a](//e.x) `']")
        + "[check.c]\nof = 'completion.answer'\nexpect = [{ equals = 'x' }]\n"
    )
    said = "@octocat see https://e.x/?a or WWW.e.x"
    write_state(project, record('completion.answer["`` <img src=//e.x> [a](//e.x) `"]', said))
    table = tmp_path / "t.md"
    assert project.call("check", "--markdown", str(table)).status == 3
    (line,) = [line for line in table.read_text().splitlines() if line.startswith("- ")]
    address = 'completion.answer["`` <img src=//e.x> [a](//e.x) `"]'
    assert line.startswith(f"- ``` {address} ```: ")
    shown = line.partition("```: ")[2]
    assert "@<!-- -->octocat see https:<!-- -->//e.x/?a or WWW<!-- -->.e.x" in shown


def test_a_report_takes_no_other_file_s_place(project: Project, tmp_path: Path) -> None:
    write(project, CAPITAL)
    answers(project, **RIGHT)
    notes = tmp_path / "notes.md"
    notes.write_text("# Mine\n")
    assert project.call("check", "--markdown", str(notes)).status == 1
    assert notes.read_text() == "# Mine\n"


def test_apply_ends_with_the_checks_and_exits_with_3_if_asked(project: Project) -> None:
    with serving("Lima", "prose", error(400, None, "invalid_request_error", "No.")) as api:
        text = provider(api, concurrency=1) + completion("a", "one")
        check = "[check.json]\nof = 'completion.*'\nexpect = [{ json = true }]\n"
        project.write(text + check)
        ran = project.apply()
        assert ran.status == 0
        assert "Checks:" in ran.out
        assert "check.json  0 of 1 hold" in ran.out
        assert project.apply("--check").status == 3
        project.write(text + check + completion("b", "two"))
        ran = project.call("apply", "--auto-approve", "--check", "--json")
        (told,) = ran.of("check")
        assert (ran.status, told["met"], told["scored"]) == (3, "not met", 2)
        project.write(text + check + completion("b", "two") + completion("c", "three"))
        ran = project.apply("--check")
        assert ran.status == 1  # an answer that did not come counts for more
        assert "1 missing" in ran.out


@pytest.mark.parametrize("name", ["check", "data", "essay"])
def test_a_module_without_an_instance_by_now_may_have_any_name(project: Project, name: str) -> None:
    """What it is called says nothing of what is in it."""
    write(
        project,
        f'[check.c]\nof = "module.{name}.completion.a"\nexpect = [{{ contains = "x" }}]\n',
        f'[module.{name}]\nsource = "./inner"\nnames = []\n',
    )
    block = completion("a", "hi {{ each.key }}", 'for_each = "{{ var.names }}"')
    project.write("[variable.names]\n" + block, "inner/main.toml")
    ran = project.call("check")
    assert "no answers   not met: all" in ran.out, ran.err
    assert ran.status == 3
