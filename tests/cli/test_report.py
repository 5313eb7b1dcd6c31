"""`runner report`: what is reviewed, as Markdown and as JSON, without a request."""

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from runner.cli.views.review.report_markdown import COMMENT, report_markdown
from runner.core.checks.changes import Checked
from runner.core.state.records import Record
from runner.core.viewing.changes import (
    AnswerAdded,
    AnswerChange,
    AnsweredDifferently,
    AnswerRemoved,
    AnswerTotals,
    AskedDifferently,
)
from runner.core.viewing.report import NextApply, Report, Since, most_important_first
from tests.cli.test_schemas import faults
from tests.harness.git import GitFolder
from tests.harness.project import Project, completion, provider, serving
from tests.harness.recorded import record, write_state
from tests.harness.reviewed import CHECK, PROVIDER, write

MARK = "HOSTILE"
PIECES = (
    "```", "````", "`" * 150, "~~~", "~~~~~~", "`", "``", "</details>", "<details open>",
    "<summary>", "</summary>", "</script><script>alert(1)</script>", "<!--", "-->", "<b>",
    "@octocat", "#1", "GH-1", "![x](https://a/b.png)", "[x](https://a/b)", "https://a.example/",
    "www.a.example", "<https://a.example>", "| a | b |", "|---|---|", "\x1b[31m",
    "\x1b]0;title\x07", "\x00", "\ud800", "\udc00\ud800", "\r", "\r\n", "\u2028", "\u202e",
    "\u200b", "\x0b", "\x0c", "\x85", "&lt;", "&#96;", "\\", "\\`", "# head", "> quote", "- item",
    "1. one", "---", "***", "    code", "\t", "$x$", "$$", "[^1]: note", "[link]: /url",
    ":smile:", "<img src=x onerror=alert(1)>", "]]>", "<![CDATA[", "<?x", "/close", "::error::no",
    "{% raw %}", "\n", "\n\n", " ", MARK,
)  # fmt: skip


def hostile(number: int) -> str:
    """An answer that would be more than an answer."""
    chance = random.Random(number)
    said = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 40)))
    return f"{MARK}{chance.choice(PIECES)}{said}{chance.choice(PIECES)}{MARK}"


def held(address: str, said: str, asked: str = "?", **more: Any) -> Record:
    made = record(address, said, **more)
    body = {"messages": [{"role": "user", "content": asked}], "model": "gpt-4o"}
    return replace(made, request=json.dumps(body).encode())


def hostile_changes() -> Iterator[AnswerChange]:
    for number in range(200):
        one, other = hostile(number), hostile(number + 1000)
        if number == 7:
            other = MARK + "x`" * 500_000 + MARK  # a line of a megabyte
        address = f"completion.a[{json.dumps(one)}]"
        old, new = held(address, one, other), held(address, other, one)
        match number % 4:
            case 0:
                yield AnsweredDifferently(address, old, replace(new, request=old.request))
            case 1:
                yield AskedDifferently(address, old, replace(new, fingerprint="f"))
            case 2:
                yield AnswerAdded(address, new)
            case _:
                yield AnswerRemoved(address, old)


def report(changes: Sequence[AnswerChange], name: str = "p/default") -> Report:
    since = Since("main (1234567)", "1" * 40, AnswerTotals(), tuple(changes), AnswerTotals())
    coming = NextApply("Plan: 1 to issue.", changes=True)
    return Report(name, AnswerTotals(), Checked(), coming, since)


class Tags(HTMLParser):
    """The tags of a page, and whether each that opens is closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.comments: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert [name for name, _ in attrs if name != "class"] == []
        if tag not in ("hr", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"code", "pre"} & {*self.open}:
            self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def rendered(text: str) -> tuple[Tags, list[Token]]:
    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    page = Tags()
    page.feed(markdown.render(text))
    page.close()
    return page, markdown.parse(text)


OURS = {"h3", "p", "ul", "li", "code", "pre", "details", "summary", "b", "strong"}
TABLE = {"table", "thead", "tbody", "tr", "th", "td"}


@pytest.mark.parametrize("most", [COMMENT, 10_000_000])
def test_all_that_others_wrote_is_code(most: int) -> None:
    """200 answers, requests and keys of instances, and a plan, that would be Markdown or HTML."""
    changes = list(hostile_changes())
    text = report_markdown(report(changes), "\n".join(map(hostile, range(9))), most)
    page, tokens = rendered(text)
    assert page.seen <= OURS | TABLE
    assert page.open == []
    assert MARK not in page.text
    assert page.comments == [" runner-report: p/default "]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\u202e\u200b]", text)
    fences = [token for token in tokens if token.type == "fence"]
    many = 200 if most > COMMENT else 10
    assert sum(MARK in token.content for token in fences) >= many
    text.encode()


@pytest.mark.parametrize(
    "name", ["a b/c", "--><img>/default", "x----y/default", "prompts/@me/de", "\n/`"]
)
def test_no_name_of_a_folder_ends_the_marker_or_speaks(name: str) -> None:
    text = report_markdown(report([], name), "")
    page, _ = rendered(text)
    assert text.startswith("<!-- runner-report: ")
    assert len(page.comments) == 1
    assert page.seen <= OURS | TABLE
    assert "@" not in page.text


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize("said", ["words ", "😀", "`", "é<&"])
def test_the_comment_of_5000_changed_answers_fits_and_says_how_many_are_left_out(
    said: str,
) -> None:
    changes = [
        AnsweredDifferently(
            f'completion.a["{number}"]',
            held(f'completion.a["{number}"]', said * (number % 500 + 1)),
            held(f'completion.a["{number}"]', "b" + said * (number % 400)),
        )
        for number in range(5_000)
    ]
    text = report_markdown(report(most_important_first(changes, Checked())), "x" * 100_000)
    assert units(text) <= COMMENT
    left = re.search(r"^([\d,]+) more changed answers are left out here", text, re.MULTILINE)
    assert left is not None
    shown = text.count("<b><code>completion.a[")
    assert shown >= 5
    assert shown + int(left[1].replace(",", "")) == 5_000
    assert f"`runner diff {'1' * 40}`" in text


def test_what_nobody_asked_for_stands_before_what_was_asked_otherwise() -> None:
    def at(name: str, then: str, now: str) -> tuple[Record, Record]:
        return held(f"completion.{name}", then), held(f"completion.{name}", now)

    same, small, large = at("same", "a b", "a c"), at("small", "a", "b"), at("large", "a", "b" * 99)
    changes = (
        AskedDifferently("completion.small", *small),
        AnswerRemoved("completion.gone", held("completion.gone", "gone" * 99)),
        AskedDifferently("completion.large", *large),
        AnsweredDifferently("completion.same", *same),
    )
    found = [
        each.address.removeprefix("completion.")
        for each in most_important_first(changes, Checked())
    ]
    assert found == ["same", "large", "small", "gone"]


@pytest.fixture
def project(repository: GitFolder) -> Project:
    return Project(repository.path / "prompts")


def markdown(project: Project, *arguments: str) -> str:
    ran = project.call("report", "--against", "HEAD", *arguments)
    assert ran.status == 0, ran.err
    return ran.out


def test_a_report_says_what_changes_and_what_no_longer_holds(
    repository: GitFolder, project: Project
) -> None:
    write(project, {"a": "please", "b": "please", "c": "no"}, "")
    commit = repository.commit("then")
    write(project, {"a": "please", "b": "go", "c": "no", "d": "please"})
    lines = markdown(project).split("\n")
    assert lines[:2] == [
        "<!-- runner-report: prompts/default -->",
        "### runner `prompts`: 2 answers change, 1 check no longer holds",
    ]
    assert f"| | HEAD ({commit[:7]}) | now | |" in lines
    assert "| answers | 3 | 4 | 1 new, **1 answered differently to the same request** |" in lines
    (row,) = [line for line in lines if "`check.polite` |" in line]
    assert row.startswith("| ❌ `check.polite` | 2/3 | 2/4 | no difference shown")
    first, second = [line for line in lines if "<summary><b>" in line]
    assert "answer[&quot;b&quot;]</code></b>: answered differently to the same request" in first
    assert "answer[&quot;d&quot;]</code></b>: new, " in second
    at = lines.index("@@ answer @@")
    assert lines[at + 1 : at + 3] == ["- please", "+ go"]


def test_without_a_revision_it_is_about_the_answers_that_are_there(project: Project) -> None:
    write(project, {"a": "please", "b": "no"})
    ran = project.call("report")
    assert ran.status == 0
    assert "2 answers, 1 check not met" in ran.out
    assert "check.polite</code>: 1 answer not as expected" in ran.out


def test_the_report_on_another_state_of_the_same_project_is_another_one(project: Project) -> None:
    write(project, {"a": "please"})
    (project.directory / "state").rename(project.directory / "nightly")
    marker, *_ = project.call("report", "--state", "nightly").out.split("\n")
    assert marker == "<!-- runner-report: prompts/nightly/default -->"


def test_files_are_written_where_they_are_named_and_again_over_their_own_kind(
    repository: GitFolder, project: Project, tmp_path: Path
) -> None:
    write(project, {"a": "please"})
    repository.commit("then")
    one, other = tmp_path / "report.md", tmp_path / "report.json"
    for _ in range(2):
        files = ("--markdown", str(one), "--json", str(other))
        assert markdown(project, *files) == ""
    assert one.read_text().startswith("<!-- runner-report: prompts/default -->\n")
    assert json.loads(other.read_text())["name"] == "prompts/default"
    mine = tmp_path / "notes.md"
    mine.write_text("mine")
    assert project.call("report", "--markdown", str(mine)).status == 1
    assert mine.read_text() == "mine"


def reported(project: Project, *arguments: str) -> dict[str, Any]:
    file = project.directory.parent / "report.json"
    markdown(project, "--json", str(file), *arguments)
    told: dict[str, Any] = json.loads(file.read_text())
    assert faults("report", told) == []
    return told


def test_the_json_is_as_its_schema_says_and_the_same_each_time(
    repository: GitFolder, project: Project
) -> None:
    axes = 'matrix.n = ["1", "2"]\nmatrix.m = ["x", "y"]\n'
    blocks = completion("answer", "{{ matrix.n }}", axes) + (
        CHECK + '[compare.ms]\nof = "completion.answer"\nby = "m"\nbaseline = "x"\n'
        'checks = ["polite"]\n[check.likeness]\nof = "completion.answer"\nat_least = 0.5\n'
        'score = { similarity = "please", by = "indel" }\n'
        '[check.unknown]\nof = "completion.answer"\nexpect = [{ cost = { max = 1 } }]\n'
    )
    project.write(PROVIDER + blocks)

    def at(n: str, m: str, said: str, **more: Any) -> Record:
        return record(f'completion.answer["m={m},n={n}"]', said, **more)

    write_state(project, at("1", "x", "please"), at("2", "x", '{"a": 1}'), at("1", "y", "no"))
    repository.commit("then")
    write_state(
        project, at("1", "x", "no"), at("2", "x", '{"a": 2}'), at("2", "y", "new", identity="z")
    )
    told = reported(project)
    assert told == reported(project)
    assert told["since"]["kinds"] == {
        "new": 1, "removed": 1, "asked_differently": 0, "answered_differently": 2, "moved": 0,
    }  # fmt: skip
    checks = told["checks"]
    assert (checks["declared"], checks["not_met"], checks["regressed"]) == (4, 4, 2)
    write(project, {"a": "please"}, "")
    assert faults("report", reported(project)) == []


def test_only_what_is_named_is_reported(repository: GitFolder, project: Project) -> None:
    write(project, {"a": "please", "b": "please"})
    repository.commit("then")
    write(project, {"a": "no", "b": "no"})
    told = reported(project, 'completion.answer["a"]')
    assert [each["address"] for each in told["since"]["changes"]] == ['completion.answer["a"]']
    assert told["answers"]["answers"] == 1
    assert [each["scored"] for each in told["checks"]["checks"]] == [1]


@pytest.mark.parametrize("checks", ["", CHECK])
def test_an_address_of_nothing_is_an_error(project: Project, checks: str) -> None:
    write(project, {"a": "please"}, checks)
    assert project.call("report", "completion.answer").status == 0
    ran = project.call("report", "completion.other")
    assert (ran.status, ran.out) == (1, "")
    assert "completion.other" in ran.err


def test_a_clean_checkout_without_a_key_sends_nothing(
    repository: GitFolder, project: Project, tmp_path: Path
) -> None:
    """As in the job of a fork's pull request: the state and the configuration are all there is."""
    with serving() as api:
        project.write(provider(api) + completion("a", "then"))
        assert project.apply().status == 0
        then = repository.commit("then")
        project.write(provider(api) + completion("a", "now"))
        assert project.apply().status == 0
        project.write(provider(api) + completion("a", "later") + completion("b", "new"))
        repository.commit("now")
        before = len(api.requests)
        repository("clone", "-q", str(repository.path), str(tmp_path / "clone"))
        clone = Project(tmp_path / "clone/prompts")
        ran = clone.run("report", "--against", then, env={"OPENAI_API_KEY": "", "HOME": "/nowhere"})
        assert ran.status == 0, ran.err
        assert len(api.requests) == before
    assert "1 answer changes" in ran.out
    assert "Plan: 1 to issue, 1 to re-issue." in ran.out
    assert "+ echo: now" in ran.out


def test_what_is_sensitive_is_in_no_form(
    repository: GitFolder, project: Project, tmp_path: Path
) -> None:
    """Also where it was recorded before it was declared so."""
    secret = "a-secret-of-ours"

    def state(*said: str) -> None:
        records = (
            held(f'completion.answer["{at}"]', f"x {secret} {each}", f"{secret} {each}")
            for at, each in enumerate(said)
        )
        write_state(project, *records)

    block = completion("answer", "{{ var.key }} {{ each.key }}", 'for_each = ["0", "1"]')
    project.write(PROVIDER + "[variable.key]\nsensitive = true\n\n" + block + CHECK)
    state("one", "two")
    repository.commit("then")
    state("one please", "three")
    files = {flag: tmp_path / f"report{flag}" for flag in ("--markdown", "--json")}
    given = [word for flag, path in files.items() for word in (flag, str(path))]
    markdown(project, "--var", f"key={secret}", *given)
    for path in files.values():
        assert secret not in path.read_text()
        assert "(sensitive)" in path.read_text()


def test_a_program_that_nobody_trusts_here_is_unscored_and_no_error(
    repository: GitFolder, project: Project
) -> None:
    project.write("raise SystemExit(open('started', 'w'))", "say.py")
    program = (
        '[check.said]\nof = "completion.answer"\nexpect = [{ program = ["python", "say.py"] }]\n'
    )
    write(project, {"a": "please"}, program)
    repository.commit("then")
    told = reported(project)
    (check,) = told["checks"]["checks"]
    assert check["unscored"] == 1
    assert "may be started" in check["answers"][0]["why"]
    assert not (project.directory / "configs/started").exists()


def test_the_comment_fits_however_many_checks_there_are_and_however_long_their_names(
    repository: GitFolder, project: Project
) -> None:
    answers = {f"{number}{'`' * 300}": "please" for number in range(20)}
    checks = "".join(CHECK.replace("polite", f"c{'x' * 400}{number}") for number in range(60))
    write(project, answers, checks)
    repository.commit("then")
    write(project, dict.fromkeys(answers, "`" * 400), checks)
    text = markdown(project)
    assert units(text) <= COMMENT
    assert "| 20 more checks | | | of all: 60 not met |" in text
    assert "60 checks no longer hold" in text
