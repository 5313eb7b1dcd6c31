import json
from dataclasses import replace
from pathlib import Path

import pytest

from runner.io.selection import select
from runner.operations.options import ProjectPlace
from runner.operations.project.places import workspace_meant
from tests.harness.project import Project, completion, provider, serving
from tests.harness.recorded import files_of, record, write_state


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "p")


def test_the_default_one_is_always_there(project: Project) -> None:
    assert project.call("workspace", "list").out == "* default\n"


def test_a_new_one_is_listed_and_is_current_where_it_is_named(project: Project) -> None:
    made = project.call("workspace", "new", "staging")
    assert made.status == 0
    assert "--workspace staging" in made.err
    assert project.call("workspace", "list").out == "* default\n  staging\n"
    chosen = project.call("--workspace", "staging", "workspace", "list")
    assert chosen.out == "  default\n* staging\n"


@pytest.mark.parametrize("name", ["staging", "default"])
def test_a_name_is_taken_once(project: Project, name: str) -> None:
    project.call("workspace", "new", "staging")
    ran = project.call("workspace", "new", name)
    assert ran.status == 1
    assert "Workspace exists" in ran.err


@pytest.mark.parametrize("name", ["a/b", "../x", ".hidden", "-x y", "", "x\n"])
def test_a_name_that_is_no_name_is_refused(project: Project, name: str) -> None:
    ran = project.call("workspace", "new", "--", name)
    assert ran.status == 1
    assert "Invalid name" in ran.err
    assert not (project.directory / "state").exists()


def test_output_takes_no_name_that_is_none(project: Project) -> None:
    ran = project.call("--workspace", "../..", "output")
    assert ran.status == 1
    assert "Invalid setting" in ran.err


IN_WORKSPACES = """[runner]
provider = "embedded"
[variable.model]
type = "string"
default = "small"
required_in = ["prod"]
validation = [
  { condition = "{{ workspace != 'prod' or var.model != 'small' }}", error_message = "Too small" },
]
[variable.size]
type = "number"
default = 1
[module.m]
source = "./m"
[output.x]
value = "{{ workspace }} {{ var.model }} {{ var.size }} {{ module.m.here }}"
"""


@pytest.fixture
def staged(project: Project) -> Project:
    project.write(IN_WORKSPACES)
    module = '[variable.y]\ndefault = "y"\n[output.here]\nvalue = "{{ workspace }} {{ var.y }}"\n'
    project.write(module, "m/main.toml")
    project.write("size = 2\n", "vars.toml")
    project.call("workspace", "new", "prod")
    return project


def shown(project: Project, *flags: str, workspace: str = "prod") -> str:
    ran = project.call("--workspace", workspace, "console", *flags, IN_X)
    return ran.out + ran.err


IN_X = "workspace ~ ' ' ~ var.model ~ ' ' ~ var.size ~ ' ' ~ module.m.here"


def test_a_workspace_has_a_name_and_values_of_its_own(staged: Project) -> None:
    staged.write('model = "big"\nsize = 4\n', "vars.prod.toml")
    staged.write("size = 3\n", "z.auto.vars.toml")
    assert shown(staged) == "prod big 4 prod y\n"
    assert shown(staged, workspace="default") == "default small 3 default y\n"
    assert shown(staged, "--var", "size=5") == "prod big 5 prod y\n"


def test_what_a_workspace_must_have_is_told_with_where_to_write_it(staged: Project) -> None:
    assert shown(staged, workspace="default").startswith("default small")
    ran = staged.call("--workspace", "prod", "validate")
    assert ran.status == 1
    assert "on configs/main.toml line 6, in variable.model" in ran.err
    assert "configs/vars.prod.toml" in ran.err
    assert shown(staged, "--var", "model=huge").startswith("prod huge")
    assert "Too small" in shown(staged, "--var", "model=small")


def test_what_a_workspace_must_have_is_asked_of_the_call_of_a_module(staged: Project) -> None:
    staged.write('[variable.y]\ndefault = 1\nrequired_in = ["prod"]\n'
                 '[output.here]\nvalue = "{{ var.y }}"\n', "m/main.toml")  # fmt: skip
    staged.write('model = "big"\n', "vars.prod.toml")
    said = shown(staged)
    assert "on configs/main.toml line 13, in module.m" in said
    assert "Write y = .. in this block." in said


def test_mistakes_in_the_values_of_another_workspace_are_told_before_it_is_chosen(
    staged: Project,
) -> None:
    staged.write('modell = "big"\nsize = "many"\n[completion.a]\n', "vars.prod.toml")
    ran = staged.call("validate")
    assert ran.status == 1
    assert 'Did you mean "model"?' in ran.err
    assert 'a number is required, got "many"' in ran.err
    assert "configs/vars.prod.toml line 3" in ran.err
    assert "give a file with blocks another name" in ran.err


def test_an_empty_variable_names_no_workspace(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.directory / "state").mkdir()
    (project.directory / "state/outputs.json").write_text('{"a": "said"}')
    monkeypatch.setenv("RUNNER_WORKSPACE", "")
    assert project.call("output", "a").out == "said\n"


def test_each_has_its_own_state_and_outputs_and_all_share_the_cache(tmp_path: Path) -> None:
    with serving() as api:
        project = Project(tmp_path / "p")
        project.write(provider(api) + completion("a", "one"))
        assert project.call("workspace", "new", "staging").status == 0
        assert project.apply("--workspace", "staging").status == 0
        assert not project.state_file.exists()
        staging = project.directory / "state" / "workspaces" / "staging"
        assert sorted(path.name for path in staging.iterdir() if "lock" not in path.name) == [
            "outputs.json",
            "state.json",
        ]
        assert "1 from cache" in project.call("plan").out
        assert project.apply().status == 0
        assert len(api.completions) == 1


@pytest.mark.parametrize(
    "verb",
    [
        ("plan",),
        ("apply", "--auto-approve"),
        ("destroy", "--auto-approve"),
        ("validate",),
        ("output",),
        ("show",),
        ("state", "list"),
        ("state", "push", "FILE"),
        ("cache", "info"),
        ("force-unlock",),
    ],
)
def test_one_that_does_not_exist_is_an_error_and_is_not_made(
    project: Project, verb: tuple[str, ...]
) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "one"))
        project.call("workspace", "new", "prod")
        write_state(project, record("completion.a"))
        pushed = [str(project.state_file) if word == "FILE" else word for word in verb]
        ran = project.run("--workspace", "prdo", *pushed)
        assert (ran.status, ran.out) == (1, "")
        said = " ".join(ran.err.split())
        assert 'no workspace "prdo" (--workspace). Did you mean "prod"?' in said
        assert "workspace new prdo` makes it" in said
        assert not (project.directory / "state/workspaces/prdo").exists()
        assert api.requests == []
        assert project.run("--workspace", "prod", "plan").status == 0


def test_who_names_one_that_does_not_exist_is_told(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write('[runner]\nworkspace = "prdo"\n[output.a]\nvalue = "x"\n')
    ran = project.call("plan")
    assert "(workspace in [runner]). There is only default." in " ".join(ran.err.split())
    assert "configs/main.toml line 2" in ran.err
    (project.directory / ".env").write_text("RUNNER_WORKSPACE=stagin\n")
    assert "(RUNNER_WORKSPACE in .env)" in project.call("plan").err
    monkeypatch.setenv("RUNNER_WORKSPACE", "other")
    assert "(RUNNER_WORKSPACE)" in project.call("plan").err
    assert project.call("workspace", "new", "other").status == 0
    assert project.call("plan").status == 0
    assert project.call("--workspace", "default", "plan").status == 0


def test_delete_takes_an_empty_one_away(project: Project) -> None:
    project.call("workspace", "new", "staging")
    assert project.call("workspace", "delete", "staging").status == 0
    assert project.call("workspace", "list").out == "* default\n"
    assert not (project.directory / "state/workspaces/staging").exists()


def test_delete_keeps_records_unless_forced(project: Project) -> None:
    write_state(project, record("completion.a"), workspace="staging")
    ran = project.call("workspace", "delete", "staging")
    assert ran.status == 1
    assert "Workspace holds records" in ran.err
    assert "staging holds 1 record. `" in ran.err
    assert (project.directory / "state/workspaces/staging/state.json").exists()
    assert project.call("workspace", "delete", "--force", "staging").status == 0
    assert not (project.directory / "state/workspaces/staging").exists()


def test_delete_never_removes_what_is_not_a_states(project: Project) -> None:
    """Rescued answers, above all."""
    write_state(project, record("completion.a"), workspace="staging")
    rescued = project.directory / "state/workspaces/staging/errored-1.jsonl"
    rescued.write_text("{}\n")
    ran = project.call("workspace", "delete", "--force", "staging")
    assert ran.status == 1
    assert rescued.exists()
    assert (rescued.parent / "state.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("workspace", "delete", "default"), "Error: Workspace cannot be deleted\n\ndefault is"),
        (("workspace", "new", ".x"), "it begins with a letter, a digit or _."),
        (("workspace", "delete", "stagin"), 'Did you mean "staging"?'),
        (("workspace", "delete", "../.."), "Unknown workspace"),
        (("--workspace", "staging", "workspace", "delete", "staging"), "Workspace is in use"),
        (("--workspace", "a/b", "workspace", "list"), "Invalid setting"),
    ],
)
def test_delete_refuses(project: Project, arguments: tuple[str, ...], said: str) -> None:
    project.call("workspace", "new", "staging")
    ran = project.call(*arguments)
    assert ran.status == 1
    assert said in ran.err
    assert (project.directory / "state/workspaces/staging").is_dir()


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration folder of the user's, where what is selected is kept."""
    folder = tmp_path / "own"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    return folder


def test_one_is_selected_for_the_user_and_never_in_the_repository(
    project: Project, own: Path
) -> None:
    project.call("workspace", "new", "staging")
    held = files_of(project.directory)
    assert project.call("workspace", "show").out == "default\n"
    chosen = project.call("workspace", "select", "staging")
    assert (chosen.status, chosen.out) == (0, "")
    assert project.call("workspace", "show").out == "staging\n"
    assert files_of(project.directory) == held
    assert 'workspace = "staging"' in next(own.rglob("*.toml")).read_text()
    other = Project(project.directory.parent / "other")
    other.call("workspace", "new", "staging")
    assert other.call("workspace", "show").out == "default\n"


@pytest.mark.usefixtures("own")
def test_a_flag_then_a_variable_then_what_is_selected_then_the_project(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c", "d"):
        project.call("workspace", "new", name)
    project.write('[runner]\nworkspace = "d"\n')
    assert project.call("workspace", "show").out == "d\n"
    project.call("workspace", "select", "c")
    assert project.call("workspace", "show").out == "c\n"
    monkeypatch.setenv("RUNNER_WORKSPACE", "b")
    assert project.call("workspace", "show").out == "b\n"
    assert project.call("-workspace=a", "workspace", "show").out == "a\n"
    again = project.call("workspace", "select", "c")
    assert "counts before that, and names b" in again.err


@pytest.mark.usefixtures("own")
def test_output_and_plan_are_of_the_one_that_is_selected(project: Project) -> None:
    project.write(completion("a", "one"))
    write_state(project, record("completion.a"), workspace="staging")
    outputs = project.directory / "state/workspaces/staging/outputs.json"
    outputs.write_text('{"a": "of staging"}')
    assert "In the workspace" not in project.call("plan").err
    project.call("workspace", "select", "staging")
    assert project.call("output", "a").out == "of staging\n"
    assert project.call("plan").err.startswith("In the workspace staging:\n\n")


@pytest.mark.usefixtures("own")
def test_one_that_is_not_there_is_not_selected_unless_it_may_be_made(project: Project) -> None:
    project.write(completion("a", "one"))
    project.call("workspace", "new", "staging")
    ran = project.call("workspace", "select", "stagin")
    assert ran.status == 1
    assert 'Did you mean "staging"?' in ran.err
    assert project.call("workspace", "select", "-or-create", "blue").status == 0
    assert project.call("workspace", "show").out == "blue\n"
    refused = project.call("workspace", "delete", "blue")
    assert "Workspace is in use" in refused.err
    (project.directory / "state/workspaces/blue").rmdir()
    gone = project.call("plan")
    assert gone.status == 1
    assert "(selected by `runner workspace select`)" in gone.err
    assert project.call("workspace", "select", "default").status == 0


@pytest.mark.usefixtures("own")
def test_workspaces_are_listed_as_json(project: Project) -> None:
    project.call("workspace", "new", "staging")
    assert json.loads(project.call("workspace", "list", "-json").out) == [
        {"name": "default", "current": True},
        {"name": "staging", "current": False},
    ]


def test_nothing_is_kept_inside_of_the_project(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project must not say itself which workspace its user selected."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(project.directory))
    project.call("workspace", "new", "staging")
    ran = project.call("workspace", "select", "staging")
    assert ran.status == 1
    assert "inside of the project" in ran.err
    assert project.call("workspace", "show").out == "default\n"


@pytest.mark.usefixtures("own")
def test_one_that_was_selected_and_is_gone_is_no_other(project: Project) -> None:
    """Git keeps no empty folder: without one, default is not what is meant."""
    project.write(completion("a", "one"))
    project.call("workspace", "new", "staging")
    project.call("workspace", "select", "staging")
    (project.directory / "state/workspaces/staging").rmdir()
    (project.directory / "state/workspaces").rmdir()
    for verb in (
        ("plan",),
        ("apply", "--auto-approve"),
        ("destroy", "--auto-approve"),
        ("output",),
    ):
        ran = project.call(*verb)
        assert ran.status == 1
        said = " ".join(ran.err.split())
        assert 'no workspace "staging" (selected by `runner workspace select`)' in said
        assert "`runner workspace select default` leaves it" in said.replace(
            f"-C {project.directory} ", ""
        )
    assert project.call("workspace", "select", "default").status == 0
    assert project.call("plan").status == 0


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("text", ["workspace = 5\n", "", 'workspace = "a b"\n', "workspace = ["])
def test_a_record_that_names_no_workspace_is_an_error(
    project: Project, own: Path, text: str
) -> None:
    project.call("workspace", "new", "staging")
    project.call("workspace", "select", "staging")
    next(own.rglob("*.toml")).write_text(text)
    ran = project.call("workspace", "show")
    assert ran.status == 1
    assert "Selected workspace is damaged" in ran.err
    assert project.call("workspace", "select", "staging").status == 0
    assert project.call("workspace", "show").out == "staging\n"


@pytest.mark.usefixtures("own")
def test_a_folder_whose_name_is_none_is_no_workspace(project: Project) -> None:
    (project.directory / "state/workspaces/a b").mkdir(parents=True)
    assert project.call("workspace", "list").out == "* default\n"
    assert "Unknown workspace" in project.call("workspace", "select", "a b").err
    assert project.call("workspace", "show").out == "default\n"


@pytest.mark.usefixtures("own")
def test_what_counts_before_a_selection_is_not_another_selection(project: Project) -> None:
    """Somebody else's may come between: neither flag nor variable is then said to be there."""
    for name in ("w1", "w2"):
        project.call("workspace", "new", name)
    place = ProjectPlace(str(project.directory))
    select(project.directory, "w2")
    assert workspace_meant(place, "w1") == "w1"
    assert workspace_meant(replace(place, workspace="w2"), "w1") == "w2"


def test_outputs_of_a_workspace_that_is_gone_are_not_those_of_another(tmp_path: Path) -> None:
    """Whatever the file that names it is called, and though no other is there any more."""
    project = Project(tmp_path)
    state = project.directory / "state"
    state.mkdir()
    (state / "outputs.json").write_text('{"a": "of default"}')
    project.write('[output.a]\nvalue = "x"\n')
    assert project.call("output", "a").out == "of default\n"
    project.write('[runner]\nworkspace = "gone"\n', "zz.toml")
    for asked in (("output", "a"), ("output",)):
        ran = project.call(*asked)
        assert ran.status == 1
        assert 'no workspace "gone" (workspace in [runner])' in " ".join(ran.err.split())
        assert ran.out == ""
