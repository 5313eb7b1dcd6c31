"""The page of an apply, while it runs in another process."""

from pathlib import Path
from typing import TYPE_CHECKING

from tests.harness.browser import shown, viewing
from tests.harness.faults import error
from tests.harness.project import Project, completion, ended, provider, serving
from tests.web.test_serving import get

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_a_run_is_followed_from_its_begin_to_its_end(chromium: "Browser", tmp_path: Path) -> None:
    project = Project(tmp_path)
    with serving(held=True) as api:
        each = 'for_each = ["a", "b", "c"]'
        project.write(provider(api, max_retries=0) + completion("x", "say {{ each.key }}", each))
        with viewing(project) as running, shown(chromium, running) as page:
            page.open("run")
            assert page.text("h1") == "No apply runs"
            page.page.locator(".live", has_text="live").wait_for()
            process = project.start("apply", "--auto-approve", "--stream")
            page.page.locator("h1", has_text="Applying: 0 of 3 done").wait_for()
            page.page.locator(".flights li").nth(2).wait_for()
            assert get(running, "/api/opens").value == {"page": "run"}
            assert page.faults() == []
            api.release()
            page.page.locator("h1", has_text="Apply complete! 3 issued").wait_for()
            assert ended(process).status == 0
            assert page.count(".endings li") == 3
            assert get(running, "/api/opens").value["page"] != "run"


def test_what_failed_stands_together_with_why(chromium: "Browser", tmp_path: Path) -> None:
    project = Project(tmp_path)
    with serving(script=lambda _: error(400, message="no such thing"), held=True) as api:
        each = 'for_each = ["a", "b"]'
        project.write(provider(api, max_retries=0) + completion("x", "say {{ each.key }}", each))
        with viewing(project) as running, shown(chromium, running) as page:
            page.open("run")
            page.page.locator(".live", has_text="live").wait_for()
            process = project.start("apply", "--auto-approve")
            page.page.locator(".flights li").first.wait_for()
            api.release()
            page.page.locator(".failures h2", has_text="2 failures").wait_for()
            assert page.count(".failures .closed") == 1
            assert "no such thing" in page.text(".failures .closed")
            assert ended(process).status == 1
