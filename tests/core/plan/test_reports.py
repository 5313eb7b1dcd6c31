"""What servers reported narrows the estimate of other prompts, and is that of the same one."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from runner.core.plan.prompt import prompt_of
from runner.core.plan.reports import PromptTokens, Reports
from runner.core.request.outline import Outline
from runner.core.state.records import Record

ASK = "Tell me something about the planet {}, and say why it matters to somebody who is ten."


def asked(text: str, model: str = "m", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def record(number: int, body: dict[str, Any], reported: int | None) -> Record:
    usage = {} if reported is None else {"usage": {"prompt_tokens": reported}}
    address = f'completion.a["{number}"]'
    response = orjson.dumps(usage)
    return Record(address, "openai", "i", str(number), 0, orjson.dumps(body), response, "")


def tokens(body: dict[str, Any], *records: Record, old: Record | None = None) -> PromptTokens:
    return Reports(records).tokens("i", Outline(body), old=old)


def test_without_reports_the_script_tells() -> None:
    found = tokens(asked(ASK))
    assert found.basis == "script"
    assert found == tokens(asked(ASK), record(1, asked("other"), None))
    assert found == tokens(asked(ASK), record(1, asked("other", model="n"), 10))


def test_the_same_prompt_is_as_it_was_reported() -> None:
    before = record(1, asked(ASK, temperature=0), 4321)
    assert tokens(asked(ASK, temperature=1), before) == PromptTokens(4321, 4321, "same prompt")


def test_pictures_are_as_they_were_reported() -> None:
    parts = [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    body = asked("", messages=[{"role": "user", "content": parts}])
    assert tokens(body) == PromptTokens(tokens(body).low, None, "script")
    assert tokens(body).low >= 60
    assert tokens(body, record(1, body, 777)).high == 777


def test_what_was_masked_says_nothing() -> None:
    shown = record(1, asked("My name is (sensitive)"), 4000)
    assert tokens(asked("My name is (sensitive)"), shown).basis == "script"


@given(st.floats(0.2, 0.4), st.integers(1, 30))
def test_reports_of_alike_prompts_narrow_the_range_around_what_is_reported_next(
    rate: float, number: int
) -> None:
    bodies = [asked(ASK.format(name)) for name in range(number + 1)]
    counts = [round(rate * len(body["messages"][0]["content"])) for body in bodies]
    before = [record(i, bodies[i], counts[i]) for i in range(number)]
    found = tokens(bodies[-1], *before)
    alone = prompt_of(Outline(bodies[-1])).tokens()
    assert found.basis == "reports"
    assert found.high is not None
    assert found.low <= counts[-1] <= found.high
    assert found.high - found.low < alone.high - alone.low


def test_a_server_that_counts_what_it_adds_is_believed() -> None:
    bodies = [asked(ASK.format(name)) for name in range(9)]
    found = tokens(bodies[0], *(record(i, body, 9000) for i, body in enumerate(bodies) if i))
    assert found.high is not None
    assert 7000 < found.low < 9000 < found.high


def test_prompts_with_tools_and_without_are_not_taken_for_alike() -> None:
    tool = {"type": "function", "function": {"name": "look"}}
    assert tokens(asked("hi", tools=[tool]), record(1, asked(ASK), 30)).basis == "script"


def test_of_many_records_the_first_are_read_and_the_one_at_the_address() -> None:
    many = (record(i, asked(ASK.format(i)), 30) for i in range(2000))
    old = record(3000, asked("What was asked last"), 55)
    reports = Reports(many)
    again = Outline(asked("What was asked last"))
    assert reports.tokens("i", again, old=old).low == 55
    assert reports.tokens("i", again).basis == "reports"
    assert next(many).address == 'completion.a["1001"]'
