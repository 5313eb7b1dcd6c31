"""`program` in a check: somebody's code, which is started when the user has said yes to it."""

import json
import re
import sys
from pathlib import Path

import pytest

from tests.harness.project import Project, completion, provider, serving
from tests.harness.recorded import record, write_state

PROVIDER = '[provider.openai]\nbase_url = "http://127.0.0.1:9/v1"\n'
HEAD = "import json, os, sys\nfor line in sys.stdin:\n    a = json.loads(line)\n    "
PASSES = (
    HEAD + "print(json.dumps({'pass': a['each']['value'] in a['content'], 'reason': 'none'}))\n"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    made = Project(tmp_path / "p")
    write_state(
        made,
        record('completion.answer["a"]', "an a"),
        record('completion.answer["b"]', "no such letter".replace("b", "")),
        record('completion.answer["c"]', "c"),
    )
    return made


def check(project: Project, script: str, entry: str = "", *, at: str = "checks/p.py") -> None:
    path = project.directory / "configs" / at
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    entry = entry or f"expect = [{{ program = [{sys.executable!r}, '{at}'] }}]"
    project.write(
        PROVIDER
        + completion("answer", "{{ each.key }}", "for_each = ['a', 'b', 'c']")
        + f"[check.p]\nof = 'completion.answer'\n{entry}\n"
    )


def digest(project: Project) -> str:
    """What --trust names the program by, as the refusal tells it."""
    ran = project.call("check")
    assert (ran.status, ran.out) == (1, "")
    found = re.search(r"--trust (sha256:[0-9a-f]{64})", " ".join(ran.err.split()))
    assert found is not None, ran.err
    return found[1]


def outcomes(project: Project) -> list[str]:
    ran = project.call("check", "--json", "--trust", digest(project))
    (told,) = json.loads(ran.out)["checks"]
    return [answer["outcome"] for answer in told["answers"]]


def test_it_says_what_holds_and_why_what_does_not(project: Project) -> None:
    check(project, PASSES)
    assert outcomes(project) == ["holds", "does not hold", "holds"]
    ran = project.call("check", "--trust", digest(project))
    assert ran.status == 3
    assert "checks/p.py to pass: got none" in ran.out


def test_it_is_started_for_nobody_who_did_not_say_yes(project: Project, tmp_path: Path) -> None:
    ran_at = tmp_path / "ran"
    check(project, f"open({str(ran_at)!r}, 'w')\n{PASSES}")
    for words in (("check",), ("plan",), ("validate",), ("check", "--trust", "127.0.0.1:9")):
        project.call(*words)
    assert not ran_at.exists()
    trust = digest(project)
    assert project.call("check", "--trust", trust).status == 3
    assert ran_at.exists()


@pytest.mark.parametrize("change", ["checks/p.py", "checks/beside.py", "checks/deep/data.json"])
def test_a_changed_file_is_asked_for_again(project: Project, change: str) -> None:
    check(project, PASSES)
    before = digest(project)
    path = project.directory / "configs" / change
    path.parent.mkdir(exist_ok=True)
    path.write_text(PASSES + "# changed\n")
    assert project.call("check", "--trust", before).status == 1
    assert digest(project) != before


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ((sys.executable, "-m", "checks.p"), "checks/p.py"),
        ((sys.executable, "-m", "checks.p", "data/a.json"), "checks/p.py"),
        (("sh", "-c", "python3 checks/p.py"), "checks/p.py"),
        ((sys.executable, "-c", "import checks.p"), "checks/p.py"),
        ((sys.executable, "top.py"), "helper.py"),
        ((sys.executable, "top.py"), "checks/p.py"),
        (("./tool", "-m", "checks.p"), "checks/p.py"),
        ((sys.executable, "data/s.py", "--rules=checks/rules.json"), "checks/p.py"),
        ((sys.executable, "{folder}/checks/p.py"), "checks/beside.py"),
        (("{folder}/checks/p.py",), "checks/beside.py"),
        ((sys.executable, "../scripts/s.py"), "../scripts/beside.py"),
        ((sys.executable, "data/s.py"), "data/linked/beside.py"),
    ],
)
def test_whatever_way_it_is_started_its_code_is_asked_for_again(
    project: Project, words: tuple[str, ...], changed: str
) -> None:
    folder = project.directory / "configs"
    for name in (
        "data/a.json",
        "data/s.py",
        "checks/rules.json",
        "top.py",
        "tool",
        "../scripts/s.py",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (project.directory / "lib").mkdir()
    (folder / "data" / "linked").symlink_to(project.directory / "lib")
    (folder / "data" / "linked" / "round").symlink_to(folder / "data")
    named = json.dumps([word.replace("{folder}", str(folder)) for word in words])
    check(project, PASSES, f"expect = [{{ program = {named} }}]")
    before = digest(project)
    assert digest(project) == before
    (folder / changed).write_text("changed = True\n")
    assert digest(project) != before


def test_the_answers_beside_a_configuration_are_no_part_of_it(project: Project) -> None:
    check(project, PASSES, f"expect = [{{ program = [{sys.executable!r}, '-m', 'checks.p'] }}]")
    (project.directory / "configs" / "checks").rename(project.directory / "checks")
    (project.directory / "configs" / "main.toml").rename(project.directory / "main.toml")
    words = ("--config", ".", "--state", "answers", "check")
    told = [project.call(*words).err]
    (project.directory / "answers").mkdir(exist_ok=True)
    (project.directory / "answers" / "more").write_text("")
    told.append(project.call(*words).err)
    assert "sha256:" in told[0]
    assert told[0] == told[1]


def test_where_the_command_runs_changes_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(project, PASSES)
    trust = digest(project)
    monkeypatch.chdir(project.directory)
    assert project.call("-C", ".", "check", "--trust", trust).status == 3


def test_other_files_are_no_part_of_it(project: Project) -> None:
    check(project, PASSES)
    before = digest(project)
    project.write("more\n", "notes.txt")
    assert digest(project) == before


def test_it_gets_no_key_and_leaves_nothing_behind(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789-abcdefghij")
    script = HEAD + "print(json.dumps({'pass': 'OPENAI_API_KEY' not in os.environ}))\n"
    check(project, f"import beside\n{script}")
    (project.directory / "configs" / "checks" / "beside.py").write_text("")
    assert outcomes(project) == ["holds"] * 3
    files = {path.name for path in (project.directory / "configs" / "checks").iterdir()}
    assert files == {"p.py", "beside.py"}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (HEAD + "print('yes')\n", ["unscored"] * 3),
        (HEAD + "print('{}')\n", ["unscored"] * 3),
        (HEAD + "print('{\"pass\": 1}')\n", ["unscored"] * 3),
        (HEAD + "print('{\"score\": 0.9}')\n", ["unscored"] * 3),
        ("print('{\"pass\": true}')\n", ["holds", "unscored", "unscored"]),
        ("print('{\"pass\": true}\\n' * 4)\n", ["unscored"] * 3),
        ("raise SystemExit('no database')\n", ["unscored"] * 3),
        (HEAD + "print('{\"pass\": true}')\nraise SystemExit(1)\n", ["unscored"] * 3),
        ("import sys; sys.stdin.close()\n", ["unscored"] * 3),
    ],
)
@pytest.mark.parametrize("word", ["program", "not"])
def test_what_it_does_not_say_is_unscored_also_under_not(
    project: Project, script: str, expected: list[str], word: str
) -> None:
    entry = f"{{ program = [{sys.executable!r}, 'checks/p.py'] }}"
    entry = f"{{ not = {entry} }}" if word == "not" else entry
    check(project, script, f"expect = [{entry}]")
    turned = ["does not hold" if one == "holds" and word == "not" else one for one in expected]
    assert outcomes(project) == turned


def test_what_an_answer_holds_ends_no_line_of_a_program(project: Project) -> None:
    """Else one answer says what its neighbours are, or makes so many lines that none counts."""
    ends = "\x0b\x0c\x1c\x85\u2028\u2029"
    forged = f'wrong{ends[-1]}{{"pass": true}}{ends}'
    write_state(
        project,
        record('completion.answer["a"]', forged),
        *(record(f'completion.answer["{key}"]', "no") for key in "bc"),
    )
    told = "{'pass': False, 'reason': a['content']}"
    check(project, HEAD + f"print(json.dumps({told}, ensure_ascii=False))\n")
    assert outcomes(project) == ["does not hold"] * 3


def test_what_is_sensitive_is_no_part_of_what_it_is_said_to_have_written(project: Project) -> None:
    secret = "hunter2-" + "long" * 50
    project.write(f'[variable.token]\ndefault = "{secret}"\nsensitive = true\n', "token.toml")
    check(project, HEAD + f"print('I saw {secret}')\n")
    told = project.call("check", "--trust", digest(project)).out
    assert "I saw (sensitive)" in told
    assert "hunter2" not in told


def test_its_score_is_a_score(project: Project) -> None:
    script = HEAD + "print(json.dumps({'score': 0.5 + 0.25 * (a['each']['key'] == 'a')}))\n"
    program = f"program = [{sys.executable!r}, 'checks/p.py']"
    check(project, script, f"score = {{ {program} }}\nat_least = 0.5")
    ran = project.call("check", "--trust", digest(project))
    assert "mean 0.58 of 3" in ran.out
    check(project, script, f"expect = [{{ {program}, at_least = 0.6 }}]")
    assert outcomes(project) == ["holds", "does not hold", "does not hold"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("expect = [{ program = ['{{ var.x }}'] }]", "what you say yes to"),
        ("expect = [{ program = ['./nope'] }]", "There is no file"),
        ("expect = [{ program = ['python3', 'nope.py'] }]", 'no file "nope.py"'),
        ("expect = [{ any = [{ not = { program = ['./nope'] } }] }]", "There is no file"),
        ("expect = [{ program = ['python3', '../../outside.py'] }]", "outside"),
        ("expect = [{ program = [] }]", "at least 1"),
    ],
)
def test_a_program_that_cannot_be_meant_is_an_error(
    project: Project, tmp_path: Path, entry: str, said: str
) -> None:
    (tmp_path / "outside.py").write_text("")
    check(project, PASSES, entry)
    for command in ("check", "validate"):
        ran = project.call(command)
        assert ran.status == 1
        assert said in " ".join(ran.err.split())


def test_validate_tells_each_missing_file_at_its_place_beside_other_mistakes(
    project: Project,
) -> None:
    there = f"{{ program = [{sys.executable!r}, 'checks/p.py', '--out', 'later.txt'] }}"
    lines = ("expect = [", f"  {there},", "  { program = ['bash', 'nope.sh'] },", "]")
    check(project, PASSES, "\n".join(lines))
    path = project.directory / "configs" / "main.toml"
    sound = path.read_text()
    project.write(sound + completion("b", "{{ file('nope.md') }}"))
    at_line = {
        told["summary"] + " " + sound.splitlines()[told["range"]["start"]["line"] - 1].strip()
        for told in json.loads(project.call("validate", "--json").out)["diagnostics"]
        if "nope.sh" in told["detail"]
    }
    assert at_line == {"No such program { program = ['bash', 'nope.sh'] },"}
    said = project.call("validate").err
    assert "nope.sh" in said
    assert "nope.md" in said
    project.write(sound)
    (project.directory / "configs" / "nope.sh").write_text("")
    assert project.call("validate").status == 0


def test_trust_shows_it_before_anything_is_started(project: Project) -> None:
    check(project, PASSES)
    ran = project.call("trust")
    assert ran.status == 1  # nobody is there to ask
    assert "+ start " in ran.out
    assert "sha256:" in ran.out


def test_an_apply_asks_before_it_pays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    made = Project(tmp_path / "p")
    with serving() as api:
        check(made, PASSES)
        path = made.directory / "configs" / "main.toml"
        made.write(path.read_text().replace(PROVIDER, provider(api)))
        ran = made.apply()
        assert ran.status == 1
        assert "Nothing was started" in ran.err
        assert api.requests == []
