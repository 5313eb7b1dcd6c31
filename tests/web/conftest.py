from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.harness.browser import Serving, Shown, browser, needs_a_browser, shown, viewing
from tests.harness.demo import demo
from tests.harness.project import Project

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """One browser for the tests of a module: while it runs, its driver's event loop does, and no
    test of another module could run one of its own.
    """
    needs_a_browser()
    with browser() as running:
        yield running


@pytest.fixture(scope="session")
def demo_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A matrix of 240 answers with checks that do not all hold; nobody changes it."""
    return demo(tmp_path_factory.mktemp("shop"), commits=1)


@pytest.fixture(scope="session")
def demo_serving(demo_project: Project) -> Iterator[Serving]:
    """`runner view` of it."""
    with viewing(demo_project) as serving:
        yield serving


@pytest.fixture
def demo_page(chromium: "Browser", demo_serving: Serving) -> Iterator[Shown]:
    """A new page on it."""
    with shown(chromium, demo_serving) as page:
        yield page
