"""`runner report --html`: one file that shows what the view shows, with the network off."""

import base64
import re
import shutil
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.cli.test_report import hostile
from tests.harness.browser import Serving, Shown, needs_a_browser
from tests.harness.demo import demo
from tests.harness.project import Project
from tests.web.test_pages import record, with_records

if TYPE_CHECKING:
    from playwright.sync_api import Browser

KEY = "open-sesame-open"


@contextmanager
def opened(running: "Browser", file: Path, **options: Any) -> Iterator[Shown]:
    """The file in a browser without a network: nothing is asked for, nothing is complained of."""
    context = running.new_context(offline=True, **options)
    page = context.new_page()
    said, asked = list[str](), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda exc: said.append(str(exc)))
    page.on("request", lambda request: asked.append(request.url))
    yield Shown(page, Serving(None, f"{file.as_uri()}#"), said, asked)  # type: ignore[arg-type]
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith((file.as_uri(), "data:", "about:"))] == []


def values_in(page: bytes) -> list[Any]:
    """What stands in a report: the values, then the answers."""
    found = re.search(rb'id="values">([A-Za-z0-9+/=]*)</script>', page)
    assert found is not None
    lines = zlib.decompress(base64.b64decode(found[1])).split(b"\n")
    return [orjson.loads(line.rpartition(b"\t")[2]) for line in lines]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A matrix in two commits."""
    return demo(tmp_path_factory.mktemp("two") / "bicycles", cases=4, commits=2)


@pytest.fixture(scope="module")
def reported(two: Project) -> Path:
    """Its report against the first of them."""
    ran = two.run("report", "--against", "HEAD~1", "--html", str(two.directory / "report.html"))
    assert (ran.status, ran.out) == (0, ""), ran.err
    return two.directory / "report.html"


@pytest.mark.parametrize(("light", "width"), [("light", 1280), ("dark", 400)])
@pytest.mark.parametrize(
    "where", ["", "side", "answers", "answer?a=completion.week", "checks", "history", "cost"]
)
def test_it_opens_from_disk_without_a_fault(
    chromium: "Browser", reported: Path, where: str, light: Any, width: int
) -> None:
    size = {"width": width, "height": 800}
    with opened(chromium, reported, viewport=size, color_scheme=light) as page:
        page.open(where)
        page.page.locator(".page").wait_for()
        assert page.faults() == []
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_says_what_changed_and_leads_to_the_answers(chromium: "Browser", reported: Path) -> None:
    with opened(chromium, reported) as page:
        page.open()
        assert page.text("h1").startswith("25 answers changed")
        page.page.locator(".change summary").first.click()
        assert page.text(".change[open] ins") == "small"
        page.page.get_by_role("link", name="The whole answer").first.click()
        page.page.locator(".answered .text").wait_for()
        assert page.page.get_by_role("button", name="Copy the line").count() == 0


def test_it_filters_searches_and_compares_as_the_view_does(
    chromium: "Browser", reported: Path
) -> None:
    with opened(chromium, reported) as page:
        page.open("answers?q=brake")
        page.page.locator(".count", has_text="6 of 25 answers").wait_for()
        page.open("answers?q=/bra.e squeals/ model:mini")
        page.open("side?block=completion.ticket&by=tone&against=brief")
        page.page.locator(".cell ins").first.wait_for()
        page.keys("d")
        assert "only=differ" in page.page.url


def test_the_same_answers_make_the_same_bytes(two: Project, reported: Path) -> None:
    other = Project(two.directory.parent / "elsewhere")
    shutil.copytree(two.directory, other.directory, dirs_exist_ok=True)
    ran = other.run("report", "--against", "HEAD~1", "--html", str(other.directory / "report.html"))
    assert ran.status == 0, ran.err
    assert (other.directory / "report.html").read_bytes() == reported.read_bytes()
    assert str(two.directory.parent).encode() not in reported.read_bytes()


def test_what_was_asked_is_left_out_first(chromium: "Browser", tmp_path: Path) -> None:
    project = Project(tmp_path)
    with_records(project, [record(n, f"said {n}") for n in range(300)])
    whole = project.run("report", "--html", str(tmp_path / "whole.html"))
    size = (tmp_path / "whole.html").stat().st_size
    ran = project.run("report", "--html", str(tmp_path / "short.html"), "--max-size", str(size - 1))
    assert (whole.status, ran.status) == (0, 0)
    assert "Report without what was asked" in ran.err
    assert (tmp_path / "short.html").stat().st_size < size
    assert b"number 1" not in b"".join(
        map(orjson.dumps, values_in((tmp_path / "short.html").read_bytes()))
    )
    with opened(chromium, tmp_path / "short.html") as page:
        page.open("answers")
        page.page.get_by_text("What was asked is left out").wait_for()
    ran = project.run("report", "--html", str(tmp_path / "tiny.html"), "--max-size", "1kB")
    assert ran.status == 1
    assert "Report is too large" in ran.err
    assert not (tmp_path / "tiny.html").exists()


def test_another_file_is_not_overwritten(two: Project) -> None:
    kept = two.write("<!doctype html><p>mine", "mine.html")
    ran = two.run("report", "--html", str(kept))
    assert ran.status == 1
    assert "is no report" in ran.err
    assert kept.read_text() == "<!doctype html><p>mine"


def test_what_is_sensitive_now_is_in_no_report(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with_records(project, [record(0, f"it is {KEY}")])
    project.write(
        '[runner]\nprovider = "openai"\n[provider.openai]\n'
        f'[variable.key]\nsensitive = true\ndefault = "{KEY}"\n'
    )
    assert project.run("report", "--html", str(tmp_path / "report.html")).status == 0
    held = orjson.dumps(values_in((tmp_path / "report.html").read_bytes()))
    assert KEY.encode() not in held
    assert b"(sensitive)" in held


def test_hostile_answers_leave_it_well_formed_and_harmless(
    chromium: "Browser", tmp_path: Path
) -> None:
    project = Project(tmp_path)
    texts = [hostile(number).encode("utf-8", "replace").decode() for number in range(200)]
    with_records(project, [record(at, text) for at, text in enumerate(texts)])
    assert project.run("report", "--html", str(tmp_path / "report.html")).status == 0
    page = (tmp_path / "report.html").read_text()
    assert b"HOSTILE" not in page.encode()  # all of it is in base64
    with opened(chromium, tmp_path / "report.html") as shown:
        for at in range(0, 200, 20):
            shown.open(f"answer?a=completion.many[%22n{at:05}%22]&as=markdown")
            shown.page.locator(".answered .text").wait_for()
            assert shown.count("main img, main script, main iframe") == 0
    if find_spec("html5lib") is None:
        needs_a_browser()
        pytest.skip("no html5lib")
    import html5lib  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of its own imports
        html5lib.HTMLParser(strict=True).parse(page)


def test_all_rows_are_printed(chromium: "Browser", reported: Path) -> None:
    with opened(chromium, reported, viewport={"width": 800, "height": 300}) as page:
        page.open("answers")
        rows = page.page.locator(".row")
        rows.first.wait_for()
        assert rows.count() < 25
        page.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert rows.count() == 25
