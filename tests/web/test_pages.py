"""The page in a real browser: what is there, by keys alone, in every light, and at any width."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from runner.core.state.file import encode
from runner.core.state.records import Record, State
from tests.harness.browser import Serving, Shown, shown, viewing
from tests.harness.project import Project, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FIRST = 'completion.ticket["case=t01,model=gpt-4.1,tone=brief"]'
PAGES = (
    "plan",
    "run",
    f"plan?a={FIRST}",
    "side",
    "answers?q=check%3Ateam%3Dfail",
    f"answer?a={FIRST}",
    "checks",
    "cost",
    "history",
)


def test_answers_of_a_matrix_are_side_by_side(demo_page: Shown) -> None:
    demo_page.open("side")
    assert demo_page.text("nav a[aria-current=page]") == "Side by side"
    heads = demo_page.page.locator("[role=columnheader] strong").all_inner_texts()
    assert heads == ["gpt-4.1", "gpt-4o", "gpt-4o-mini"]  # the project compares by model


@pytest.mark.parametrize("where", PAGES)
@pytest.mark.parametrize(("light", "width"), [("light", 1280), ("dark", 400)])
def test_a_page_has_no_serious_fault(
    chromium: "Browser", demo_serving: Serving, where: str, light: str, width: int
) -> None:
    size = {"width": width, "height": 800}
    with shown(chromium, demo_serving, viewport=size, color_scheme=light) as page:
        page.open(where)
        assert page.faults() == []
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_is_wrong_is_found_by_keys_alone(demo_page: Shown) -> None:
    demo_page.open("answers")
    demo_page.keys("/")
    demo_page.page.keyboard.type("check:team=fail model:mini")
    rows = demo_page.page.locator("[role=row].row")
    rows.locator(".fail").first.wait_for()
    demo_page.keys("Enter", "j", "j", "k", "Enter")
    demo_page.page.locator("h1 .key").wait_for()
    assert "gpt-4o-mini" in demo_page.text("h1 .key")
    assert "does not hold" in demo_page.text(".verdicts")
    demo_page.keys("Escape")
    demo_page.page.locator(".page-answers").wait_for()
    assert (
        demo_page.page.locator("input[type=search]").input_value() == "check:team=fail model:mini"
    )


def test_an_answer_that_was_opened_by_its_address_leads_to_the_table(demo_page: Shown) -> None:
    demo_page.open(f"answer?a={FIRST}")
    demo_page.keys("j")
    demo_page.page.locator("h1 .key", has_text="tone=warm").wait_for()
    demo_page.page.evaluate("history.replaceState({ at: 0 }, '')")
    demo_page.page.reload()
    demo_page.page.locator("h1 .key", has_text="tone=warm").wait_for()
    demo_page.keys("Escape")
    demo_page.page.locator(".page-answers .row").first.wait_for()


def test_the_next_answer_is_the_one_below_it_in_the_list_that_it_was_opened_from(
    demo_page: Shown,
) -> None:
    demo_page.open("answers?sort=-tokens&q=model:mini")
    rows = demo_page.page.locator("[role=row].row .address")
    rows.first.wait_for()
    third, second = rows.nth(2).get_attribute("title"), rows.nth(1).get_attribute("title")
    demo_page.keys("j", "Enter")
    demo_page.page.locator("h1 .key").wait_for()
    assert _shown_answer(demo_page) == second
    demo_page.keys("j")
    wait_until(lambda: _shown_answer(demo_page) == third, "the third")
    demo_page.keys("k")
    wait_until(lambda: _shown_answer(demo_page) == second, "the second again")


def _shown_answer(page: Shown) -> str:
    return f'{page.text("h1 .of")}["{page.text("h1 .key")}"]'


def test_only_where_they_differ_is_one_key(demo_page: Shown) -> None:
    demo_page.open("side?by=model")
    count = demo_page.page.locator(".count")
    before = count.inner_text()
    demo_page.keys("d")
    assert "only=differ" in demo_page.where
    assert count.inner_text() != before
    assert demo_page.count(".case:not(.differs)") == 0
    demo_page.keys("d")
    assert count.inner_text() == before


def test_the_words_that_differ_are_marked(demo_page: Shown) -> None:
    demo_page.open("side?by=tone&against=brief")
    added = demo_page.page.locator(".cell ins").first
    added.wait_for()
    assert "Thank you" in added.inner_text() or "sorry" in added.inner_text()


def test_help_is_one_key(demo_page: Shown) -> None:
    demo_page.open("answers")
    demo_page.keys("?")
    assert "filter" in demo_page.text("dialog")
    demo_page.keys("Escape")
    demo_page.page.locator("dialog").wait_for(state="detached")


def test_everything_shown_is_in_the_address(chromium: "Browser", demo_serving: Serving) -> None:
    with shown(chromium, demo_serving) as page:
        page.open("answers")
        page.page.get_by_role("button", name="Cost").click()
        page.keys("/")
        page.page.keyboard.type("brake")
        page.page.locator(".count", has_text="30 of 241 answers").wait_for()
        page.keys("Enter", "j", "j")
        seen = page.page.locator("[role=row].active").inner_text()
        where = page.where
    with shown(chromium, demo_serving) as other:
        other.open(where)
        wait_until(
            lambda: (
                other.count("[role=row].active") == 1
                and other.page.locator("[role=row].active").inner_text() == seen
            ),
            "the same row",
        )


def test_an_address_of_an_earlier_start_is_told(chromium: "Browser", demo_serving: Serving) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{demo_serving.root}#an-earlier-one/answers")
    page.get_by_role("heading", name="This address is of an earlier start").wait_for()
    context.close()


# -- large, hostile, and changing


def record(number: int, text: str) -> Record:
    return Record(
        f'completion.many["n{number:05}"]',
        "openai",
        "openai https://api.openai.com/v1",
        f"{number:064x}",
        0,
        b'{"messages":[{"content":"number %d","role":"user"}],"model":"gpt-4o"}' % number,
        answer(text),
        "2026-11-01T09:00:00Z",
        1200,
    )


def answer(text: str) -> bytes:
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": text},
    }
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    return orjson.dumps({"id": "c", "model": "gpt-4o", "choices": [choice], "usage": usage})


def with_records(project: Project, records: list[Record]) -> None:
    project.write('[runner]\nprovider = "openai"\n[provider.openai]\n')
    project.state_file.parent.mkdir(exist_ok=True)
    state = State(1, "l", 1, "0.1.0", "configs", {each.address: each for each in records})
    beside = project.state_file.with_suffix(".new")
    beside.write_bytes(encode(state))
    beside.replace(project.state_file)


@pytest.fixture(scope="module")
def many(chromium: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Project:
    """10,000 answers."""
    project = Project(tmp_path_factory.mktemp("many"))
    words = "the sea is wide and full of whales " * 40
    with_records(
        project, [record(n, f"{n} {words}{'kraken' if n % 7 == 0 else ''}") for n in range(10_000)]
    )
    return project


@pytest.fixture(scope="module")
def many_serving(many: Project) -> Iterator[Serving]:
    with viewing(many) as serving:
        yield serving


def test_ten_thousand_answers_are_few_elements(chromium: "Browser", many_serving: Serving) -> None:
    with shown(chromium, many_serving) as page:
        page.open("answers")
        page.page.locator(".count", has_text="10,000 answers").wait_for()
        assert page.page.evaluate("document.querySelectorAll('*').length") < 500
        page.keys("End")
        page.page.locator(".row.active", has_text="n09999").wait_for()
        assert page.page.evaluate("document.querySelectorAll('*').length") < 500


def test_a_word_at_the_end_of_an_answer_is_found(
    chromium: "Browser", many_serving: Serving
) -> None:
    with shown(chromium, many_serving) as page:
        page.open("answers?q=kraken")
        page.page.locator(".count", has_text="1,429 of 10,000 answers").wait_for()


HOSTILE = (
    '<img src=x onerror="document.title=1">',
    "</script><script>document.title=1</script>",
    "\u202egnirts desrever\u202c \u0000 \u2028",
    "![pixel](http://evil.example/pixel.png) [a](javascript:document.title=1)",
    "x" * 2_000_000,
)


def test_hostile_answers_harm_nothing(chromium: "Browser", tmp_path: Path) -> None:
    project = Project(tmp_path)
    with_records(project, [record(at, text) for at, text in enumerate(HOSTILE)])
    with viewing(project) as serving, shown(chromium, serving) as page:
        page.open("answers")
        page.page.locator(".count", has_text="5 answers").wait_for()
        for at, text in enumerate(HOSTILE):
            look = "markdown" if text.startswith("!") else "text"
            page.open(f"answer?a=completion.many[%22n{at:05}%22]&as={look}")
            page.page.locator(".answered .text").wait_for()
            assert page.count("main img, main script, main iframe") == 0
            assert page.count(".answered a") == 0
            if at < 2:
                assert text in page.page.locator(".answered").inner_text()
        assert page.page.title().startswith(project.directory.name)


def test_it_follows_the_state_and_keeps_its_place(chromium: "Browser", tmp_path: Path) -> None:
    project = Project(tmp_path)
    records = [record(n, f"answer {n}") for n in range(500)]
    with_records(project, records)
    with viewing(project) as serving, shown(chromium, serving) as page:
        page.open("answers")
        page.page.locator(".live", has_text="live").wait_for()
        page.keys(*["PageDown"] * 5)
        top = page.page.evaluate("document.querySelector('.table').scrollTop")
        assert top > 0
        with_records(project, [*records, *(record(n, "new") for n in range(500, 600))])
        page.page.locator(".count", has_text="600 answers").wait_for()
        assert page.page.evaluate("document.querySelector('.table').scrollTop") == top


def test_a_server_that_ended_is_told(chromium: "Browser", demo_project: Project) -> None:
    with viewing(demo_project) as serving:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(f"{serving.address}/side")
        page.locator(".live", has_text="live").wait_for()
        page.locator(".cell").first.wait_for()
        serving.process.kill()
        page.get_by_text("The server has ended").wait_for()
        assert page.locator(".cell").count() > 0  # what was there can still be read
        context.close()
