"""What is said of an executor before anything is sent; real clusters are in tests/end_to_end."""

from pathlib import Path

import pytest

from tests.harness.project import KEY, Project, completion, missing, provider, serving
from tests.harness.ray_nodes import need_ray

APPLY = ("apply", "--auto-approve", "--no-input")


def executor(*lines: str) -> str:
    return "\n".join(["[runner.executor]", 'type = "ray"', *lines, ""])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (('address = "head:6379"',), "say how many workers it is to start"),
        (('address = "ray://head:10001"', "workers = 1"), "ray:// means Ray's own client"),
        (('providers = ["opnai"]',), 'no provider "opnai" whose requests workers could send.'),
        (("resources = { CPU = 1 }",), '"CPU" is no resource of a worker'),
        (("resources = { GPU = 1 }",), '"GPU" is no resource of a worker'),
        (("resources = { tpu = 0.00001 }",), "Ray counts in parts of 0.0001"),
        (("cpus = 0.00001",), "Ray counts in parts of 0.0001"),
    ],
)
def test_what_is_wrong_with_an_executor_is_told_at_its_place(
    tmp_path: Path, lines: tuple[str, ...], said: str
) -> None:
    project = Project(tmp_path)
    with serving() as api:
        project.write(provider(api) + executor(*lines) + completion("a", "hello"))
        ran = project.call(*APPLY)
        assert ran.status == 1
        assert said in ran.err
        assert lines[0] in ran.err  # the line itself
        assert not api.requests


@pytest.mark.parametrize("address", ["http://head", "127.0.0.1:65536", "head:0"])
def test_an_address_that_is_none_is_told_while_the_configuration_is_read(
    tmp_path: Path, address: str
) -> None:
    project = Project(tmp_path)
    project.write(executor(f'address = "{address}"') + completion("a", "hello"))
    ran = project.call("validate")
    assert ran.status == 1
    assert f'address = "{address}"' in ran.err


def test_a_cluster_is_connected_to_by_nobody_before_its_address_is_trusted(tmp_path: Path) -> None:
    """Nobody is at that address: it would be told, were it looked for."""
    need_ray()
    project = Project(tmp_path)
    with serving() as api:
        more = 'workers = 1\nproviders = ["openai"]'
        project.write(provider(api) + executor('address = "127.0.0.1:1"', more))
        project.write(completion("a", "hello"), "a.toml")
        refused = project.call(*APPLY)
        assert refused.status == 1
        assert "Not trusted" in refused.err
        assert (
            "have requests sent by the Ray cluster ray://127.0.0.1:1, with the keys" in refused.err
        )
        assert 'address = "127.0.0.1:1"' in refused.err
        trusted = project.call(*APPLY, "--trust", "ray://127.0.0.1:1")
        assert trusted.status == 1
        assert "No Ray cluster: Nobody answers at 127.0.0.1:1." in trusted.err
        assert not api.requests


def test_who_is_no_provider_of_an_executor_is_asked_by_this_process(tmp_path: Path) -> None:
    """Of a table that names nobody, that is whoever is no model."""
    need_ray()
    project = Project(tmp_path)
    with serving() as api:
        project.write(provider(api) + executor() + completion("a", "hello"))
        assert project.apply().status == 0
        assert len(api.completions) == 1


def test_a_flag_and_a_variable_count_before_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path)
    with serving() as api:
        project.write(provider(api) + executor('providers = ["nobody"]') + completion("a", "hello"))
        assert "nobody" in project.call(*APPLY).err
        monkeypatch.setenv("RUNNER_EXECUTOR", "local")
        assert "nobody" in project.call(*APPLY, "--executor", "ray").err
        assert project.call(*APPLY).status == 0
        assert len(api.completions) == 1


def test_without_ray_it_is_said_how_to_install_it(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with serving() as api:
        project.write(provider(api) + completion("a", "hello"))
        (tmp_path / "without").mkdir()
        (tmp_path / "without" / "sitecustomize.py").write_text(HIDDEN)
        env = {"OPENAI_API_KEY": KEY, **missing(tmp_path / "without")}
        ran = project.run(*APPLY, "--executor", "ray", env=env)
        assert ran.status == 1
        assert "Ray is not installed" in ran.err
        assert 'pip install "runner-llm[ray]"' in ran.err
        assert not api.requests


HIDDEN = """
import importlib.util
known = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "ray" else known(name, *rest)
"""
