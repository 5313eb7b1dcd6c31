"""A served API, and a project that asks it; a test that wants another of either says so itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.git import GitFolder
from tests.harness.project import Project, provider, serving
from tests.harness.server import FakeAPI


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    with serving() as served:
        yield served


@pytest.fixture
def project(tmp_path: Path, api: FakeAPI) -> Project:
    made = Project(tmp_path)
    made.write(provider(api), "provider.toml")
    return made


@pytest.fixture
def repository(tmp_path: Path) -> GitFolder:
    """One that has what a project does not commit among what it ignores."""
    made = GitFolder(tmp_path)
    made.write(".gitignore", "cache/\n*.backup\n")
    return made
