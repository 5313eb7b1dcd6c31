"""The page of what an apply would do: in a browser, and what the server says of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.harness.browser import Serving, Shown, shown, viewing
from tests.harness.project import Project, completion, provider, serving
from tests.web.test_serving import get

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_it_opens_on_a_plan_that_is_not_empty(demo_page: Shown) -> None:
    demo_page.open()
    assert demo_page.text("nav a[aria-current=page]") == "Plan"
    assert demo_page.text("h1") == "120 to re-issue (up to 1 more once those are known)."


def test_the_words_that_change_are_marked(demo_page: Shown) -> None:
    demo_page.open("plan")
    assert demo_page.text(".step .line.changed") == "~\nTwo short sentences."
    assert demo_page.text(".step ins").strip() == "short"


def test_a_step_is_reached_and_left_by_keys(demo_page: Shown) -> None:
    demo_page.open("plan")
    demo_page.keys("j", "j")
    demo_page.page.wait_for_url(lambda url: "at=1" in url)
    demo_page.keys("Enter")
    demo_page.page.get_by_text("The whole plan").wait_for()
    demo_page.page.wait_for_function("document.querySelectorAll('.step').length === 1")
    demo_page.keys("Escape")
    demo_page.page.locator(".tiles").wait_for()


def test_steps_are_filtered_and_the_address_says_it(
    chromium: "Browser", demo_serving: Serving
) -> None:
    with shown(chromium, demo_serving) as page:
        page.open("plan")
        page.keys("/")
        page.page.keyboard.type("t07")
        page.page.locator(".count", has_text="3 steps").wait_for()
        page.page.get_by_role("button", name="again").click()
        page.page.locator("button[aria-pressed=true]", has_text="again").wait_for()
        where = page.where
    with shown(chromium, demo_serving) as other:
        other.open(where)
        assert other.text(".count") == "3 steps"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """One answer, and another one wanted, of a server that nobody has trusted yet."""
    made = Project(tmp_path)
    with serving() as api:
        made.write(provider(api) + completion("old", "one"))
        assert made.apply().status == 0
        before = len(api.requests)
        made.write(provider(api) + completion("old", "one") + completion("new", "two"))
        yield made
        assert len(api.requests) == before  # a page sends nothing


def test_what_apply_would_ask_for_is_told_and_never_asked(tmp_path: Path) -> None:
    project = Project(tmp_path)
    elsewhere = '[provider.openai]\nbase_url = "https://models.example/v1"\n'
    project.write(elsewhere + completion("new", "two"))
    with viewing(project) as running:
        assert get(running, "/api/opens").value == {"page": "plan"}
        found = get(running, "/api/plan").value
        assert found["changes"] == {"issue": 1}
        assert "models.example" in found["untrusted"][0]
        assert "trust" in found["ways"]


def test_what_is_sensitive_is_masked_as_in_a_plan(tmp_path: Path) -> None:
    project = Project(tmp_path)
    secret = '[variable.word]\nsensitive = true\ndefault = "hush-hush-word"\n'
    project.write(secret + completion("new", "say {{ var.word }}"))
    assert "hush-hush-word" not in project.call("plan").out
    with viewing(project) as running:
        got = get(running, "/api/plan?a=completion.new", Accept_Encoding="identity")
        assert b"completion.new" in got.body
        assert b"hush-hush-word" not in got.body


def test_it_follows_the_configuration(chromium: "Browser", project: Project) -> None:
    with viewing(project) as running, shown(chromium, running) as page:
        page.open("plan")
        page.page.locator(".live", has_text="live").wait_for()
        assert page.count(".step") == 1
        project.write(completion("third", "three"), "more.toml")
        page.page.locator(".step", has_text="completion.third").wait_for()
        project.write("[completion.third]\nmodell = 1\n", "more.toml")
        page.page.locator(".trouble .where", has_text="more.toml:").first.wait_for()
        assert page.faults() == []
        project.write("", "more.toml")
        page.page.locator(".step", has_text="completion.new").wait_for()
