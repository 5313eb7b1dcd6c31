"""How a problem is shown: where it is, on lines that a person can read."""

import fcntl
import json
import os
import pty
import struct
import termios
from pathlib import Path

import pytest

from tests.harness.project import Project, ended

LONG = "x" * 100_000


@pytest.mark.parametrize(("before", "behind"), [(LONG, LONG), ("", LONG), (LONG, ""), ("", "")])
def test_a_long_line_is_cut_about_its_mistake(tmp_path: Path, before: str, behind: str) -> None:
    """The caret stays under what is wrong."""
    project = Project(tmp_path)
    project.write(f'[completion.a]\nstop = ["{before}", wrong, "{behind}"]\n')
    ran = project.call("plan")
    assert ran.status == 1
    lines = ran.err.splitlines()
    assert max(map(len, lines)) < 300
    at = next(n for n, line in enumerate(lines) if line.strip() == "^")
    assert lines[at - 1][lines[at].index("^") :].startswith("wrong")
    ran = project.call("plan", "--json")
    snippet = ran.of("diagnostic")[0]["diagnostic"]["snippet"]
    assert snippet["code"][snippet["highlight_start_offset"] :].startswith("wrong")
    assert snippet["highlight_end_offset"] == snippet["highlight_start_offset"] + 1
    assert len(ran.out) < 2000


def test_a_long_name_is_cut_in_what_is_said(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write(f"[completion.a]\n{LONG} = 1\n")
    ran = project.call("plan")
    assert (ran.status, len(ran.err) < 3000) == (1, True)
    assert "There is no key" in ran.err


def test_a_terminal_s_lines_break_between_words(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("[completion.a]\nstop = [wrong]\n")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    process = project.start("plan", stdout=theirs, stderr=theirs, env={"NO_COLOR": "1"})
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # nobody writes any more
        pass
    os.close(ours)
    assert ended(process).status == 1
    whole = project.call("plan").err
    lines = shown.decode().replace("\r\n", "\n").splitlines()
    assert max(map(len, lines)) <= 60 < max(map(len, whole.splitlines()))
    assert " ".join(shown.decode().split()) == " ".join(whole.split())


def test_mistakes_are_told_in_the_order_in_which_they_stand(tmp_path: Path) -> None:
    """By file and line, whichever stage of the reading finds them first."""
    project = Project(tmp_path)
    project.write(
        '[output.o]\nvalue = "{{ nothing }}"\nwrong = 1\n[variable.v]\nwrong = 1\n', "b.toml"
    )
    project.write("[completion.z]\nwrong = 1\n[completion.a]\nwrong = 1\n[bad.x]\n", "a.toml")
    places = [line.split() for line in project.call("plan").err.splitlines() if "  on " in line]
    found = [(words[1], int(words[3].strip(",:"))) for words in places]
    assert found == sorted(found)
    assert len(found) > 3
    told = project.call("plan", "--json").of("diagnostic")
    events = [event["diagnostic"] for event in told]
    validated = json.loads(project.call("validate", "--json").out)["diagnostics"]
    assert validated == events
    ranges = [event["range"] for event in events]
    assert [(each["filename"], each["start"]["line"]) for each in ranges] == found


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ('"one {{ a.b }} two"', "{{ a.b }}"),
        ('"say \\"x\\" \\u00e4 {{ var.t | nofilter }}"', "{{ var.t | nofilter }}"),
        ("'''\none\ntwo {{ a.b }} three\n'''", "{{ a.b }}"),
        ('"""\none \\\n  two {{ a.b }} three"""', "{{ a.b }}"),
        ("'''\n{% if var.t %}\n x {{ var.zzz }} y\n{% endif %}'''", "{{ var.zzz }}"),
        ("'''\none\n {% iff var.t %} two'''", "{% iff var.t %}"),
        ("'''\n{% if true %}\n x {{ [] | first }} y\n{% endif %}'''", "{{ [] | first }}"),
        ("'one {{ var.t.x.y }} {{ var.t }}'", "{{ var.t.x.y }}"),
    ],
)
def test_the_caret_marks_the_hole(tmp_path: Path, text: str, marked: str) -> None:
    project = Project(tmp_path)
    body = f'model = "m"\n[[completion.a.messages]]\nrole = "user"\ncontent = {text}\n'
    project.write(f'[variable.t]\ndefault = "x"\n[completion.a]\n{body}')
    lines = project.call("validate").err.splitlines()
    at = next(n for n, line in enumerate(lines) if set(line.strip()) == {"^"})
    caret = lines[at].index("^")
    assert lines[at - 1][caret : len(lines[at])] == marked


def test_what_is_wrong_on_one_line_shows_the_line_once(tmp_path: Path) -> None:
    project = Project(tmp_path)
    holes = " ".join(f"{{{{ {name} }}}}" for name in "abcdefgh")
    project.write(
        f'[completion.a]\nmodel = "m"\nmessages = [{{ role = "user", content = "{holes}" }}]\n'
    )
    ran = project.call("validate")
    assert ran.err.startswith("Error: Unknown name (8 on this line)\n")
    assert ran.err.count("line 3") == ran.err.count("{{ a }}") == 1
    assert ran.err.count("There is no name") == 8
    source = next(line for line in ran.err.splitlines() if "{{ a }}" in line)
    carets = next(line for line in ran.err.splitlines() if line.strip().startswith("^"))
    assert carets.split() == ["^" * 7] * 8
    assert source[carets.index("^") :].startswith("{{ a }}")
    assert len(project.call("plan", "--json").of("diagnostic")) == 8
