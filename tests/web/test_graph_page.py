"""The page of what waits for what."""

from pathlib import Path
from typing import TYPE_CHECKING

from tests.harness.browser import Shown, shown, viewing
from tests.harness.project import Project, completion

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_a_block_says_how_far_it_is_and_leads_to_its_answers(demo_page: Shown) -> None:
    demo_page.open("graph")
    box = demo_page.page.get_by_role("link", name="completion.ticket;")
    assert box.get_attribute("aria-label") == "completion.ticket; 120 done; 120 waiting"
    demo_page.keys("j", "Enter")
    demo_page.page.locator(".count", has_text="240 of").wait_for()
    assert "block%3Dcompletion.ticket" in demo_page.where


def test_a_module_is_opened_and_left_by_keys(chromium: "Browser", tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write(
        completion("a", "one") + '[module.m]\nsource = "./m"\nx = "{{ completion.a.content }}"\n'
    )
    (tmp_path / "configs/m").mkdir()
    project.write("[variable.x]\n" + completion("b", "{{ var.x }}"), "m/main.toml")
    with viewing(project) as running, shown(chromium, running) as page:
        page.open("graph")
        page.page.get_by_role(
            "link", name="module.m; module; 1 waiting; waits for completion.a"
        ).focus()
        page.keys("Enter")
        page.page.locator(".way").wait_for()
        assert "in=module.m" in page.where
        page.page.get_by_role("link", name="module.m.completion.b; 1 waiting").wait_for()
        assert page.faults() == []
        page.keys("Escape")
        page.page.locator(".way").wait_for(state="detached")
