"""The files of outputs: named by the plan, and never written over what somebody else wrote."""

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.harness.faults import completion as answer
from tests.harness.project import Project, completion, provider, serving
from tests.harness.server import FakeAPI


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    with serving(script=lambda got: answer(got.body, 7)) as served:
        yield served


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "p")


def output(file: str, value: str = "{{ completion.chat.content }}", more: str = "") -> str:
    return f"[output.x]\nvalue = {json.dumps(value)}\nfile = {json.dumps(file)}\n{more}"


def config(api: FakeAPI, *blocks: str, prompt: str = "hi") -> str:
    return provider(api) + completion("chat", prompt) + "".join(blocks)


def files_of(project: Project, *flags: str) -> list[dict[str, Any]]:
    summary = project.call("plan", "--json", *flags).of("change_summary")[0]
    held: list[dict[str, Any]] = summary["files"]
    return held


def header(project: Project) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(project.state_file.read_bytes())
    return held


def test_the_plan_names_each_file(project: Project, api: FakeAPI) -> None:
    project.write(config(api, output("./out/x.md"), '[output.y]\nvalue = 1\nfile = "y.json"\n'))
    text = project.call("plan").out
    assert "Changes to Files:\n" in text
    assert "  ? out/x.md (output.x, once its answer is known)\n" in text
    assert "  + y.json (output.y)\n" in text
    assert "Plan: 1 to issue, 1 file to write. Estimated:" in text
    assert files_of(project) == [
        {"path": "out/x.md", "output": "x", "action": "undecided"},
        {"path": "y.json", "output": "y", "action": "create"},
    ]
    saved = project.directory / "saved"
    project.call("plan", "--out", str(saved))
    assert json.loads(saved.read_bytes())["files"] == files_of(project)
    assert not (project.directory / "y.json").exists()
    assert "\nApply complete! 1 issued, 2 files written." in project.apply().out
    assert (project.directory / "out/x.md").read_text() == "echo: hi"
    assert list(header(project)["files"]) == ["out/x.md", "y.json"]
    assert files_of(project) == []
    assert project.call("plan", "--detailed-exitcode").status == 0


def test_a_file_that_is_not_as_its_output_is_a_change(project: Project, api: FakeAPI) -> None:
    project.write(config(api, output("x.md")))
    project.apply()
    path = project.directory / "x.md"
    path.unlink()
    ran = project.call("plan", "--detailed-exitcode")
    assert (ran.status, "  + x.md (output.x)" in ran.out) == (2, True)
    assert "No changes" not in ran.out
    assert "\nPlan: 1 file to write.\n" in ran.out
    serial = header(project)["serial"]
    ran = project.apply()
    assert ran.status == 0
    assert "\nApply complete! 1 file written.\n" in ran.out
    assert path.read_text() == "echo: hi"
    assert header(project)["serial"] == serial  # it says so already
    assert len(api.completions) == 1


def test_the_file_of_a_new_answer_is_a_change(project: Project, api: FakeAPI) -> None:
    project.write(config(api, output("x.md")))
    project.apply()
    project.write(config(api, output("x.md"), prompt="ho"))
    assert [file["action"] for file in files_of(project)] == ["undecided"]
    assert project.apply().status == 0
    assert (project.directory / "x.md").read_text() == "echo: ho"


@pytest.mark.parametrize("known", [True, False])
def test_a_strangers_file_is_refused_before_any_spend(
    project: Project, api: FakeAPI, known: bool
) -> None:
    """Also where its own answer is not known yet."""
    project.write(
        config(api, output("x.md", "fixed" if known else "{{ completion.chat.content }}"))
    )
    path = project.directory / "x.md"
    path.write_text("mine")
    for words in (("plan",), ("apply", "--auto-approve")):
        ran = project.call(*words)
        assert ran.status == 1
        assert "The file x.md holds something that the runner did not write" in ran.err
        assert "main.toml line" in ran.err
    assert (path.read_text(), api.completions) == ("mine", [])
    more = "overwrite = true\n"
    project.write(
        config(api, output("x.md", "fixed" if known else "{{ completion.chat.content }}", more))
    )
    assert project.apply().status == 0
    assert path.read_text() == ("fixed" if known else "echo: hi")


def test_an_edited_file_is_not_overwritten(project: Project, api: FakeAPI) -> None:
    project.write(config(api, output("x.md")))
    project.apply()
    (project.directory / "x.md").write_text("edited by hand")
    assert "was changed since" in project.call("plan").err
    assert (project.directory / "x.md").read_text() == "edited by hand"


@pytest.mark.parametrize("clone", [True, False])
def test_without_a_digest_what_the_records_yield_is_ours(
    project: Project, api: FakeAPI, clone: bool
) -> None:
    """A state of 0.1.0 has none; outputs.json may not have been committed."""
    project.write(config(api, output("x.md")))
    project.apply()
    whole = project.state_file.read_bytes()
    held = json.dumps(header(project)["files"]).replace(" ", "")
    project.state_file.write_bytes(whole.replace(f'"files":{held},'.encode(), b""))
    assert "files" not in header(project)
    (project.directory / "state/state.json.backup").unlink(missing_ok=True)
    if clone:
        (project.directory / "state/outputs.json").unlink()
    before = project.state_file.read_bytes()
    assert project.apply().status == 0
    assert project.state_file.read_bytes() == before
    project.write(config(api, output("x.md"), prompt="ho"))
    assert project.apply().status == 0
    assert (project.directory / "x.md").read_text() == "echo: ho"
    assert "x.md" in header(project)["files"]


def test_a_crash_before_the_file_was_written_leaves_it_ours(project: Project, api: FakeAPI) -> None:
    """The state says what the file is to hold, and its backup what it holds."""
    project.write(config(api, output("x.md")))
    project.apply()
    old = (project.directory / "x.md").read_bytes()
    outputs = (project.directory / "state/outputs.json").read_bytes()
    project.write(config(api, output("x.md"), prompt="ho"))
    project.apply()
    (project.directory / "x.md").write_bytes(old)
    (project.directory / "state/outputs.json").write_bytes(outputs.replace(b"hi", b"??"))
    assert [file["action"] for file in files_of(project)] == ["change"]
    assert project.apply().status == 0
    assert (project.directory / "x.md").read_text() == "echo: ho"


def test_a_file_that_appears_meanwhile_is_not_overwritten(project: Project) -> None:
    path = project.directory / "x.md"

    def script(got: Any) -> dict[str, object]:
        path.write_text("mine")
        return answer(got.body, 7)

    with serving(script=script) as api:
        project.write(config(api, output("x.md")))
        ran = project.apply()
        assert (ran.status, "holds something that the runner did not write" in ran.err) == (1, True)
        assert path.read_text() == "mine"
        assert project.outputs["x"] == "echo: hi"
        assert "files" not in header(project)
        path.unlink()
        assert project.apply().status == 0
    assert (path.read_text(), len(api.completions)) == ("echo: hi", 1)


HOSTILE = (
    ".git/config", "out/../.git/hooks/post-checkout", ".GIT/config", ".envrc", "State/x", "STATE/x",
    ".github/workflows/x.yml", "GIT~1/config", "Configs/more.toml", "modules/m/more.toml",
    "data/people.csv", "DATA/people.csv", "link/x.md", "link.md", "../x", "nul",
)  # fmt: skip


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("file", HOSTILE)
def test_no_output_is_written_where_orders_are_read(
    project: Project, api: FakeAPI, file: str, overwrite: bool
) -> None:
    root = project.directory
    outside = root.parent / "outside"
    for folder in (outside, root / "data", root / ".git"):
        folder.mkdir()
    (root / "data/people.csv").write_text("id\nada\n")
    (root / "link").symlink_to(outside)
    (root / "link.md").symlink_to(outside / "x.md")
    project.write('[output.y]\nvalue = "y"\n', "../modules/m/main.toml")
    blocks = (
        '[module.m]\nsource = "../modules/m"\n[locals]\np = "{{ csv(\'../data/people.csv\') }}"\n'
    )
    blocks += completion("each", "{{ local.p[0].id }}")
    project.write(config(api, blocks, output(file, more="overwrite = true\n" if overwrite else "")))
    for words in (("plan",), ("apply", "--auto-approve")):
        ran = project.call(*words)
        assert (ran.status, "Output cannot be written" in ran.err) == (1, True), ran.out + ran.err
    assert (list(outside.iterdir()), list((root / ".git").iterdir())) == ([], [])
    assert api.completions == []


def test_a_name_may_be_made_of_variables(project: Project, api: FakeAPI) -> None:
    blocks = '[variable.env]\ndefault = "dev"\n[locals]\nfolder = "out/{{ var.env }}"\n'
    project.write(config(api, blocks, output("{{ local.folder }}/x.txt")))
    assert files_of(project)[0]["path"] == "out/dev/x.txt"
    assert project.apply("--var", "env=prod").status == 0
    assert (project.directory / "out/prod/x.txt").read_text() == "echo: hi"
    assert "begins with a dot" in project.call("plan", "--var", "env=../.git").err


@pytest.mark.parametrize(
    ("file", "blocks"),
    [("{{ completion.chat.content }}.md", ""),
     ("{{ local.a }}.md", '[locals]\na = "{{ completion.chat.id }}"\n'),
     ("{{ module.m.y }}.md", '[module.m]\nsource = "./m"\na = "{{ completion.chat.id }}"\n')],
)  # fmt: skip
def test_no_answer_is_part_of_a_name(
    project: Project, api: FakeAPI, file: str, blocks: str
) -> None:
    project.write('[variable.a]\n[output.y]\nvalue = "{{ var.a }}"\n', "m/main.toml")
    project.write(config(api, blocks, output(file)))
    for words in (("validate",), ("plan",)):
        ran = project.call(*words)
        assert ran.status == 1
        assert "Answer in a file's name" in ran.err
        assert "file = " in ran.err


def test_no_secret_is_part_of_a_name(project: Project, api: FakeAPI) -> None:
    blocks = '[variable.key]\nsensitive = true\ndefault = "s3cr3t-value"\n'
    project.write(config(api, blocks, output("{{ var.key }}.md", "v")))
    ran = project.call("plan")
    assert (ran.status, "Sensitive value in a file's name" in ran.err) == (1, True)
    assert "s3cr3t-value" not in ran.out + ran.err


def test_a_name_is_a_text(project: Project, api: FakeAPI) -> None:
    project.write(config(api, output("{{ [1] }}", "v")))
    assert "The name of a file is a text" in project.call("plan").err


def test_two_workspaces_do_not_write_one_file(project: Project, api: FakeAPI) -> None:
    project.write(config(api, output("x.md")))
    project.call("workspace", "new", "prod")
    assert project.apply().status == 0
    ran = project.call("--workspace", "prod", "plan")
    assert ran.status == 1
    assert '"x.md" is written by the workspace default as well' in ran.err
    assert 'file = "{{ var.env }}/x.md"' in ran.err


@pytest.mark.parametrize("is_whole", [True, False])
def test_what_another_workspace_wrote_before_states_had_digests_is_told_as_its_own(
    project: Project, api: FakeAPI, is_whole: bool
) -> None:
    """Its outputs.json says what it wrote; else it may have, and `overwrite` is not all advice."""
    project.write(config(api, output("out/x.md")))
    project.call("workspace", "new", "prod")
    assert project.apply().status == 0
    lines = project.state_file.read_bytes().splitlines(keepends=True)
    head = json.loads(lines[0] + b"]}")
    del head["files"]
    lines[0] = json.dumps(head)[:-2].encode() + b"\n"
    project.state_file.write_bytes(b"".join(lines))
    (project.directory / "state/state.json.backup").unlink(missing_ok=True)
    if not is_whole:
        (project.directory / "state/outputs.json").unlink()
    project.write(config(api, output("out/x.md"), prompt="another"))
    ran = project.call("--workspace", "prod", "plan")
    assert (ran.status, "overwrite" in ran.err) == (1, not is_whole)
    said = "is written by the workspace default" if is_whole else "Another workspace may have"
    assert said in ran.err
    assert 'file = "out/{{ var.env }}/x.md"' in ran.err
    assert "output.x" in ran.err
    blocks = '[variable.env]\ndefault = "dev"\n'
    project.write(config(api, blocks, output("out/{{ var.env }}/x.md")))
    assert (
        project.call("--workspace", "prod", "apply", "--auto-approve", "--var", "env=p").status == 0
    )
    assert project.apply().status == 0


def test_a_saved_plan_writes_the_files_that_it_names(project: Project, api: FakeAPI) -> None:
    project.write(config(api, output("x.md")))
    project.apply()
    saved = str(project.directory / "saved")
    assert project.call("plan", "--out", saved).status == 0
    (project.directory / "x.md").unlink()
    ran = project.call("apply", saved)
    assert (ran.status, "The file x.md is not as it was" in ran.err) == (1, True)
    project.call("plan", "--out", saved)
    assert "  + x.md (output.x)" in project.call("show", saved).out
    assert project.call("apply", saved).status == 0
    assert (project.directory / "x.md").read_text() == "echo: hi"


def test_the_files_of_an_output_that_is_gone_are_left(project: Project, api: FakeAPI) -> None:
    project.write(config(api, output("x.md")))
    project.apply()
    project.write(config(api, prompt="ho"))
    project.apply()
    assert list(header(project)["files"]) == ["x.md"]
    project.write(config(api, output("x.md"), prompt="ho"))
    assert project.apply().status == 0  # it is the runner's still
    assert (project.directory / "x.md").read_text() == "echo: ho"


def test_a_move_in_the_state_leaves_files_and_state_together(
    project: Project, api: FakeAPI
) -> None:
    project.write(config(api, output("x.md", "{{ completion.chat.content }}")))
    project.apply()
    held = header(project)["files"]
    assert project.call("state", "push", "--force", str(project.state_file)).status == 0
    assert header(project)["files"] == held
    assert files_of(project) == []


def test_a_state_that_names_other_files_reads_none_of_them(
    project: Project, api: FakeAPI, tmp_path: Path
) -> None:
    """It may have come with the repository: only where outputs are written is looked at."""
    project.write(config(api, output("out/x.md")))
    project.apply()
    (tmp_path / "secret").write_text("secret")
    (project.directory / "link").symlink_to(tmp_path)
    (project.directory / ".hidden").write_text("secret")
    (project.directory / "mine").write_text("secret")
    os.mkfifo(project.directory / "pipe")
    named = f"sha256:{sha256(b'secret').hexdigest()}"
    foreign = ("/dev/zero", "pipe", "x\0y", "../secret", str(tmp_path / "secret"), "link/secret")
    names = (*foreign, ".hidden", "./mine", "mine", "")
    held = header(project)
    held["files"] |= dict.fromkeys(names, named)
    project.state_file.write_text(json.dumps(held))
    project.write(config(api, output("out/x.md"), prompt="ho"))
    assert project.apply().status == 0
    assert sorted(header(project)["files"]) == ["mine", "out/x.md"]


def test_an_output_where_a_pipe_stands_is_refused(project: Project, api: FakeAPI) -> None:
    os.mkfifo(project.directory / "pipe")
    project.write(config(api, output("pipe", more="overwrite = true\n")))
    ran = project.call("plan")
    assert (ran.status, "pipe is a pipe or a device" in ran.err) == (1, True)


def test_outputs_that_are_a_pipe_are_refused(project: Project) -> None:
    (project.directory / "state").mkdir()
    os.mkfifo(project.directory / "state/outputs.json")
    ran = project.call("output")
    assert (ran.status, "is a pipe or a device" in ran.err) == (1, True)


def test_no_output_is_written_into_an_environment(project: Project, api: FakeAPI) -> None:
    """What stands in one is run when Python starts, whoever wrote it."""
    project.write(config(api, output("venv/lib/x.py")))
    (project.directory / "venv").mkdir()
    (project.directory / "venv/pyvenv.cfg").touch()
    ran = project.call("plan")
    assert (ran.status, "an environment of Python (venv)" in " ".join(ran.err.split())) == (1, True)
