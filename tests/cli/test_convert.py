import sys
import tomllib
from pathlib import Path

import pytest

from runner.errors import DISTRIBUTION
from tests import ROOT
from tests.harness.project import Project, missing
from tests.harness.recorded import stdin

CHAT = """
module "chat" {
  source = "path/to/modules/chat_completion"
  model  = "gpt-4o"
  messages = [
    { role = "user", content = "Tell me about ${var.topic}." }
  ]
}
variable "topic" {
  default = "the sea"
}
output "answer" {
  value = module.chat.content
}
"""
UNKNOWN = '\nresource "aws_s3_bucket" "b" {\n  bucket = "x"\n}\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "p")


def tf(tmp_path: Path, text: str, name: str = "main.tf") -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def test_toml_goes_to_stdout_and_is_a_project_that_plans(project: Project, tmp_path: Path) -> None:
    ran = project.call("convert", tf(tmp_path, CHAT))
    assert (ran.status, ran.err) == (0, "")
    assert tomllib.loads(ran.out)["completion"]["chat"]["model"] == "gpt-4o"
    project.write(ran.out)
    plan = project.call("plan")
    assert plan.status == 0
    assert "Tell me about the sea." in plan.out


def test_several_files_or_a_folder_are_one_configuration(project: Project, tmp_path: Path) -> None:
    chat, _, rest = CHAT.partition('variable "topic"')
    one = tf(tmp_path, chat, "a.tf")
    other = tf(tmp_path, f'variable "topic"{rest}', "b.tf")
    by_name = project.call("convert", one, other)
    assert by_name.status == 0
    assert project.call("convert", str(tmp_path)).out == by_name.out


def test_what_cannot_be_kept_is_named_with_its_place_and_is_status_1(
    project: Project, tmp_path: Path
) -> None:
    file = tf(tmp_path, CHAT + UNKNOWN)
    ran = project.call("convert", file)
    assert ran.status == 1
    assert tomllib.loads(ran.out)["completion"]["chat"]
    assert f"{file} line {CHAT.count(chr(10)) + 2}" in ran.err


def test_a_warning_alone_is_status_0(project: Project, tmp_path: Path) -> None:
    ran = project.call("convert", tf(tmp_path, CHAT + "\nterraform {}\n"))
    assert ran.status == 0
    assert "Warning" in ran.err


def test_out_writes_a_file_and_overwrites_none(project: Project, tmp_path: Path) -> None:
    file = tf(tmp_path, CHAT)
    target = tmp_path / "new" / "main.toml"
    ran = project.call("convert", file, "--out", str(target))
    assert (ran.status, ran.out) == (0, "")
    held = target.read_text()
    assert tomllib.loads(held)["completion"]
    target.write_text("mine")
    again = project.call("convert", file, "--out", str(target))
    assert again.status == 1
    assert "File exists" in again.err
    assert target.read_text() == "mine"


def test_every_file_that_cannot_be_read_is_told(project: Project, tmp_path: Path) -> None:
    broken = tf(tmp_path, 'module "x" {\n', "broken.tf")
    ran = project.call("convert", broken)
    assert ran.status == 1
    assert "broken.tf line" in ran.err
    ran = project.call("convert", "one.tf", "two.tf")
    assert ran.status == 1
    assert '"one.tf"' in ran.err
    assert '"two.tf"' in ran.err
    (tmp_path / "latin.tf").write_bytes(b"# \xe9\n")
    ran = project.call("convert", str(tmp_path / "latin.tf"))
    assert ran.status == 1
    assert "not UTF-8" in ran.err


def test_standard_input_is_a_file(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stdin(CHAT.encode()))
    ran = project.call("convert", "-")
    assert ran.status == 0
    assert tomllib.loads(ran.out)["output"]["answer"]


LINE = '{"model": "m", "messages": [{"role": "user", "content": "x"}]}\n'


def test_a_file_of_requests_is_told_by_its_name_or_its_first_character(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r.jsonl").write_text(LINE)
    named = project.call("convert", str(tmp_path / "r.jsonl"))
    monkeypatch.setattr(sys, "stdin", stdin(LINE.encode()))
    piped = project.call("convert", "-")
    assert (named.status, piped.status) == (0, 0)
    assert tomllib.loads(named.out)["completion"] == tomllib.loads(piped.out)["completion"]


def test_files_of_several_kinds_are_no_one_configuration(project: Project, tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text(LINE)
    ran = project.call("convert", str(tmp_path / "r.jsonl"), tf(tmp_path, CHAT))
    assert ran.status == 1
    assert "r.jsonl (JSONL)" in ran.err
    assert "main.tf (HCL)" in ran.err


def test_without_the_extra_it_is_said_what_to_install(project: Project, tmp_path: Path) -> None:
    """Once, however many files there are, and by the name that this project is built under."""
    (tmp_path / "in").mkdir()
    files = [tf(tmp_path / "in", CHAT, name) for name in ("a.tf", "b.tf")]
    ran = project.run("convert", *files, env=missing(tmp_path / "missing", "hcl2"))
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("The parser of HCL is not installed") == 1
    assert f'pip install "{DISTRIBUTION}[convert]"' in " ".join(ran.err.split())
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert built["name"] == DISTRIBUTION
    assert "convert" in built["optional-dependencies"]
