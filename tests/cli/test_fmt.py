import sys
from pathlib import Path

import pytest

from tests.harness.project import Project
from tests.harness.recorded import files_of, stdin

UGLY = '[locals]\na=1 # one\n\n\n\nb   = "x"\n'
FINE = '[locals]\na = 1  # one\n\nb = "x"\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "p")


def test_it_lays_out_lists_what_changed_and_is_quiet_the_second_time(project: Project) -> None:
    project.write(UGLY)
    project.write(FINE, "fine.toml")
    ran = project.call("fmt")
    assert (ran.status, ran.out, ran.err) == (0, "configs/main.toml\n", "")
    assert project.write(FINE, "x.toml").read_text() == FINE
    assert (project.directory / "configs/main.toml").read_text() == FINE
    again = project.call("fmt")
    assert (again.status, again.out) == (0, "")


def test_check_changes_nothing_and_is_status_1_if_something_would(project: Project) -> None:
    project.write(UGLY)
    before = files_of(project.directory)
    ran = project.call("fmt", "--check")
    assert (ran.status, ran.out) == (1, "configs/main.toml\n")
    assert files_of(project.directory) == before
    project.write(FINE)
    assert project.call("fmt", "--check").status == 0


def test_modules_below_the_root_and_variable_files_are_laid_out_and_data_is_not(
    project: Project,
) -> None:
    project.write('[module.m]\nsource = "./modules/m"\n')
    project.write('[module.n]\nsource = "./n"\n'.replace(" = ", "="), "modules/m/main.toml")
    project.write("[locals]\na=1\n", "modules/m/n/main.toml")
    project.write("a=1\n", "vars.toml")
    data = project.write("a=1\n", "data/table.toml")
    ran = project.call("fmt")
    assert sorted(ran.out.splitlines()) == [
        "configs/modules/m/main.toml",
        "configs/modules/m/n/main.toml",
        "configs/vars.toml",
    ]
    assert data.read_text() == "a=1\n"


def test_a_file_that_is_not_toml_is_told_and_the_others_are_laid_out(project: Project) -> None:
    project.write("[locals\n", "broken.toml")
    project.write(b"a = '\xff'\n".decode("latin-1"), "a.toml").write_bytes(b"a = '\xff'\n")
    good = project.write(UGLY, "good.toml")
    ran = project.call("fmt")
    assert ran.status == 1
    assert ran.out == "configs/good.toml\n"
    assert good.read_text() == FINE
    assert "configs/broken.toml line 1" in ran.err
    assert "configs/a.toml line 1" in ran.err


def test_files_and_folders_can_be_named(project: Project, tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(UGLY)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "two.toml").write_text(UGLY)
    ran = project.call("fmt", str(tmp_path / "one.toml"), str(tmp_path / "d"))
    assert ran.out.splitlines() == [str(tmp_path / "one.toml"), str(tmp_path / "d" / "two.toml")]
    assert (tmp_path / "d" / "two.toml").read_text() == FINE


def test_a_file_that_is_not_there_is_an_error(project: Project) -> None:
    ran = project.call("fmt", "nowhere.toml")
    assert ran.status == 1
    assert 'There is no file "nowhere.toml"' in ran.err


def test_standard_input_goes_to_standard_output(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin(UGLY.encode()))
    ran = project.call("fmt", "-")
    assert (ran.status, ran.out) == (0, FINE)
    monkeypatch.setattr(sys, "stdin", stdin(UGLY.encode()))
    assert project.call("fmt", "--check", "-").status == 1
    monkeypatch.setattr(sys, "stdin", stdin(FINE.encode()))
    assert project.call("fmt", "--check", "-").status == 0


def test_a_file_keeps_its_mode_and_windows_line_ends_go(project: Project) -> None:
    path = project.write("")
    path.write_bytes(b"\xef\xbb\xbf" + UGLY.replace("\n", "\r\n").encode())
    path.chmod(0o640)
    assert project.call("fmt").status == 0
    assert path.read_bytes() == FINE.encode()
    assert path.stat().st_mode & 0o777 == 0o640


def test_without_a_configuration_there_is_an_error(tmp_path: Path) -> None:
    project = Project(tmp_path / "p")
    (project.directory / "configs").rmdir()
    ran = project.call("fmt")
    assert ran.status == 1
    assert "No configuration" in ran.err
