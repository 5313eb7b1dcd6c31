"""Nothing that a repository links is read or written outside of it."""

from pathlib import Path

import pytest

from tests.harness.project import Project

GOOD = """
[runner]
provider = "embedded"
[variable.topic]
default = "rain"
[completion.a]
messages = [{ role = "user", content = "About {{ var.topic }}" }]
"""
STATE = (
    b'{"version":1,"lineage":"l","serial":7,"runner_version":"0","root":"configs","records":[\n]}\n'
)
HELD = (
    "state", "state/state.json", "state/state.json.backup", "state/outputs.json", "state/.lock",
    "state/.lock.info", "state/cache", "state/cache/cache.db", "state/cache/cache.db-wal",
)  # fmt: skip


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


@pytest.fixture
def mine(tmp_path: Path) -> Project:
    project = Project(tmp_path / "clone")
    project.write(GOOD)
    return project


@pytest.mark.parametrize("dangling", [True, False])
@pytest.mark.parametrize("name", HELD)
def test_nothing_of_the_state_is_written_through_a_link(
    mine: Project, outside: Path, name: str, dangling: bool
) -> None:
    is_folder = name in ("state", "state/cache")
    target = outside / "target"
    if not dangling:
        target.mkdir() if is_folder else target.write_bytes(STATE)
    link = mine.directory / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
    advice = "RUNNER_CACHE=DIR" if "cache" in name else "--state DIR"
    verbs = [("plan",), ("apply", "--auto-approve"), ("state", "list")]
    for words in [*verbs, ("output",)] if name in ("state", "state/outputs.json") else verbs:
        ran = mine.call(*words)
        assert ran.status == 1, words
        assert f"{link} is a link to {target}. " in ran.err, words
        assert advice in ran.err, words
    assert list(outside.iterdir()) == ([] if dangling else [target])
    assert dangling or is_folder or target.read_bytes() == STATE


@pytest.mark.parametrize("inner", ["workspaces", "workspaces/dev"])
def test_no_workspace_is_behind_a_link(mine: Project, outside: Path, inner: str) -> None:
    (outside / "dev").mkdir()
    link = mine.directory / "state" / inner
    link.parent.mkdir(parents=True)
    link.symlink_to(outside / "dev" if inner.endswith("dev") else outside)
    ran = mine.call("--workspace", "dev", "apply", "--auto-approve")
    assert (ran.status, "is a link" in ran.err) == (1, True)
    assert not list((outside / "dev").iterdir())
    if inner == "workspaces":
        assert mine.call("workspace", "list").status == 1


def test_a_state_that_the_user_names_may_be_anywhere(mine: Project, outside: Path) -> None:
    (outside / "link").symlink_to(outside / "disk")
    (outside / "disk").mkdir()
    ran = mine.call("--state", str(outside / "link"), "workspace", "new", "dev")
    assert ran.status == 0
    assert (outside / "disk/workspaces/dev").is_dir()


def test_a_cache_that_the_environment_names_may_be_anywhere(
    mine: Project, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mine.directory / "state").mkdir()
    (mine.directory / "state/cache").symlink_to(outside)
    (mine.directory / ".env").write_text(f"RUNNER_CACHE={outside}\n")
    assert mine.call("cache", "info").status == 1
    (mine.directory / ".env").unlink()
    monkeypatch.setenv("RUNNER_CACHE", str(outside))
    ran = mine.call("cache", "info")
    assert (ran.status, f"directory   {outside}\n" in ran.out) == (0, True)


@pytest.mark.parametrize(
    "name",
    ["configs/b.toml", "configs/vars.toml", "configs/x.auto.vars.toml", ".env", "configs",
     "configs/modules/m/a.toml", "configs/modules/m"],
)  # fmt: skip
def test_nothing_of_the_configuration_is_read_through_a_link(
    mine: Project, outside: Path, name: str
) -> None:
    secret = 'topic = "a-secret-of-mine"\n'
    target = outside / "secret.toml"
    target.write_text("OPENAI_API_KEY=a-secret-of-mine\n" if name == ".env" else secret)
    mine.write(f'{GOOD}[module.m]\nsource = "./modules/m"\n' if "modules" in name else GOOD)
    link = mine.directory / name
    if name == "configs":
        (link / "main.toml").rename(outside / "main.toml")
        link.rmdir()
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target if link.suffix or name == ".env" else outside)
    ran = mine.call("plan")
    assert ran.status == 1
    assert "is a link to" in ran.err or "outside of the project" in ran.err
    if link.suffix == ".toml" and link.parent == mine.directory / "configs":
        assert f"on {name}\n\n{name} is a link" in ran.err
        assert ("--var-file" in ran.err) is ("vars" in name)
    assert (f"--config {outside}\n" in ran.err) is (name == "configs")
    assert "a-secret-of-mine" not in ran.out + ran.err


def test_a_link_inside_of_the_project_is_read(mine: Project) -> None:
    (mine.directory / "shared").mkdir()
    (mine.directory / "shared/vars.toml").write_text('topic = "snow"\n')
    (mine.directory / "configs/vars.toml").symlink_to("../shared/vars.toml")
    ran = mine.call("plan")
    assert (ran.status, "About snow" in ran.out) == (0, True)


def test_a_configuration_whose_folder_was_a_link_is_moved_in_with_its_state(
    mine: Project, outside: Path
) -> None:
    """0.1.0 recorded the real folder as the root: the error says what is to be written there."""
    (mine.directory / "configs/main.toml").rename(outside / "main.toml")
    (mine.directory / "state").mkdir(exist_ok=True)
    mine.state_file.write_bytes(STATE.replace(b'"configs"', f'"{outside}"'.encode()))
    (outside / "main.toml").rename(mine.directory / "configs/main.toml")
    ran = mine.call("plan")
    assert ran.status == 1
    assert f'write "root":"configs" in the first line of {mine.state_file}' in ran.err
    mine.state_file.write_bytes(STATE)
    assert mine.call("plan").status == 0


def test_a_configuration_that_the_user_names_may_be_anywhere(mine: Project, outside: Path) -> None:
    (outside / "main.toml").write_text(GOOD)
    assert mine.call("--config", str(outside), "plan").status == 0


@pytest.mark.parametrize(
    ("verb", "flag", "then"),
    [("apply", "--offline", "Requests needed"), ("show", "--", "About snow"),
     ("show", "--json", "About snow")],
)  # fmt: skip
def test_a_saved_plan_names_no_file_outside_of_the_project(
    mine: Project, outside: Path, verb: str, flag: str, then: str
) -> None:
    """It may have come with the repository; a file that the user names is read."""
    given = outside / "mine.toml"
    given.write_text('topic = "snow"\n')
    saved = mine.directory / "saved"
    named = ("--var-file", str(given))
    assert mine.call("plan", "--out", str(saved), *named).status == 0
    ran = mine.call(verb, flag, str(saved))
    said = ran.out + ran.err
    assert (ran.status, "File is outside of the project" in said) == (1, True)
    assert f" {verb} {saved} --var-file {given}" in said
    ran = mine.call(verb, *named, flag, str(saved))
    assert then in ran.out + ran.err


@pytest.mark.parametrize(
    "name",
    [".env", ".ENV", ".git/config", "sub/.git/config", ".envrc", ".env.local", "prod.ENV", ".npmrc",
     ".git-credentials", ".aws/x"],
)  # fmt: skip
def test_no_prompt_holds_a_file_of_keys(mine: Project, name: str) -> None:
    path = mine.directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("A_NAME=a-secret-of-mine\n")
    mine.write(GOOD.replace("{{ var.topic }}", f"{{{{ file('../{name}') }}}}"))
    ran = mine.call("plan")
    assert (ran.status, "may hold keys" in ran.err) == (1, True)
    assert "a-secret-of-mine" not in ran.out + ran.err


@pytest.mark.parametrize("name", [".env", ".git/config"])
def test_no_configuration_is_a_file_of_keys(mine: Project, name: str) -> None:
    """The line of a mistake is shown, and CI shows it to everybody."""
    path = mine.directory / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("KEY=a-secret-of-mine\n")
    (mine.directory / "configs/x.toml").symlink_to(f"../{name}")
    ran = mine.call("plan")
    assert (ran.status, "may hold keys" in ran.err) == (1, True)
    assert "a-secret-of-mine" not in ran.out + ran.err


def test_init_writes_nothing_through_a_link(tmp_path: Path, outside: Path) -> None:
    for name in ("configs", ".gitignore"):
        folder = tmp_path / name.strip(".")
        folder.mkdir()
        (folder / name).symlink_to(outside if name == "configs" else outside / "gone")
        ran = Project(tmp_path / "here").call("init", str(folder))
        assert (ran.status, "is a link" in ran.err) == (1, True)
    assert not list(outside.iterdir())


@pytest.mark.parametrize("dangling", [True, False])
@pytest.mark.parametrize("inner", ["", "/inner.txt"])
@pytest.mark.parametrize(
    "words",
    [("plan", "--out"), ("apply", "--auto-approve", "--junit"), ("convert", "main.tf", "--out")],
)
def test_what_the_user_names_is_written_through_no_link_of_the_project(
    mine: Project,
    outside: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    inner: str,
    dangling: bool,
) -> None:
    """Whoever types plan.json need not know what the repository has made of it."""
    monkeypatch.chdir(mine.directory)
    (mine.directory / "main.tf").write_text('variable "a" {}\n')
    target = outside / "target"
    if inner and not dangling:
        target.mkdir()
    elif not dangling:
        target.write_text("")
    Path("link").symlink_to(target)
    ran = mine.call(*words, f"link{inner}")
    assert (ran.status, "link is a link to" in ran.err) == (1, True)
    assert [path.name for path in outside.rglob("*")] == ([] if dangling else ["target"])
    assert not target.is_file() or not target.read_text()
    assert not mine.state_file.exists()  # it is said before anything is asked


def test_what_the_user_names_outside_may_be_a_link(mine: Project, outside: Path) -> None:
    (outside / "link").symlink_to(outside / "plan")
    assert mine.call("plan", "--out", str(outside / "link")).status == 0
    assert (outside / "plan").is_file()


def test_a_hidden_configuration_that_the_user_names_reads_its_own_files(mine: Project) -> None:
    folder = mine.directory / ".prompts"
    folder.mkdir()
    (folder / "main.toml").write_text(GOOD.replace("{{ var.topic }}", "{{ file('text.md') }}"))
    (folder / "text.md").write_text("a text")
    assert "a text" in mine.call("--config", ".prompts", "plan").out
    (folder / ".env").write_text("A=a-secret-of-mine")
    (folder / "main.toml").write_text(GOOD.replace("{{ var.topic }}", "{{ file('.env') }}"))
    assert mine.call("--config", ".prompts", "plan").status == 1
