"""What is looked at once for all requests of an outline is what each of them says as a whole."""

from functools import partial
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.canonical import canonical
from runner.core.expressions.template import compile_value
from runner.core.plan.estimate import Bound, bound, terms_of
from runner.core.plan.forms import request_form
from runner.core.plan.prompt import prompt_of
from runner.core.plan.reports import Reports
from runner.core.request.build import Request, outline_of
from runner.core.request.outline import Outline
from runner.core.request.provider_blocks import DeclaredProvider
from runner.core.request.provider_types import EMBEDDED, OPENAI
from runner.core.request.text_body import TextBody, text_body
from runner.core.state.records import Record
from runner.io.presets import presets
from tests.core.plan.test_tokens import COUNTED

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
CALLS = [{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}

PROVIDERS = [DeclaredProvider("p", EMBEDDED)]
PROVIDERS += [DeclaredProvider(known.name, OPENAI, preset=known) for known in presets()]

texts = st.text() | st.sampled_from([str(counted["text"]) for counted in COUNTED])
FILLED = ["{{ own }}", "Tell me: {{ own }} {{ more }}", "{{ more }}"]
CONSTANT = ["Be kind.", "", "\u65e5\u672c \u00e9", None, [{"type": "text", "text": "?"}, PICTURE]]
messages = st.lists(
    st.fixed_dictionaries(
        {
            "content": st.sampled_from(FILLED) | st.sampled_from([*FILLED, *CONSTANT]),
            "role": st.sampled_from(["system", "user", "user", "assistant", "{{ role }}"]),
        },
        optional={
            "name": st.sampled_from(["ann", "bob", "{{ role }}"]),
            "tool_calls": st.just(CALLS),
        },
    ),
    min_size=1,
    max_size=4,
)
beside = st.fixed_dictionaries(
    {"model": st.sampled_from(["gpt-4o", "gpt-oss", "other", "sonar"])},
    optional={
        "tools": st.just([TOOL]),
        "n": st.integers(1, 3),
        "max_completion_tokens": st.integers(1, 500),
        "stop": texts,
    },
)
values = st.fixed_dictionaries({"own": texts, "more": texts, "role": texts})


@settings(max_examples=300)
@given(messages, beside, st.lists(values, min_size=1, max_size=4), st.lists(st.integers(1, 900)))
def test_a_request_weighs_by_its_outline_what_it_weighs_as_a_whole(
    said: list[dict[str, Any]],
    rest: dict[str, Any],
    named: list[dict[str, Any]],
    reported: list[int],
) -> None:
    body = text_body(compile_value(said), lambda placed: {**rest, "messages": placed})
    asked = [request for names in named if (request := _filled(body, names)) is not None]
    before = [_record(*pair) for pair in zip(asked, reported[:2], strict=False)]
    for request in asked:
        whole = Outline(orjson.loads(request.body))
        outline = outline_of(request)
        assert outline.whole(request.texts) == whole.body
        assert prompt_of(outline).tokens(request.texts) == prompt_of(whole).tokens()
        for old in (None, *before[:1]):
            assert _weight(request, outline, request.texts, before, old) == _weight(
                request, whole, (), before, old
            )
        for provider in PROVIDERS:
            assert [*provider.limits(outline.body)] == [*provider.limits(whole.body)]
        for is_alone in (True, False):
            form = request_form(request, outline, is_alone=is_alone)
            assert form == request_form(request, whole, is_alone=is_alone)


def _filled(body: TextBody | None, names: dict[str, Any]) -> Request | None:
    made = None if body is None else body.filled(names)
    if body is None or made is None:
        return None
    sent, own = made
    return Request("openai", "i", "f", sent, sent, None, outline=body.outline, texts=own)


def _record(request: Request, reported: int) -> Record:
    usage = orjson.dumps({"usage": {"prompt_tokens": reported, "completion_tokens": 9}})
    address = f'completion.a["{reported}"]'
    return Record(address, "openai", "i", "f", 0, canonical(_other(request)), usage, "")


def _other(request: Request) -> dict[str, Any]:
    """What has the same prompt."""
    return {**orjson.loads(request.body), "seed": 1}


def _weight(
    request: Request, outline: Outline, own: tuple[str, ...], before: list[Record], old: Any
) -> Bound:
    prompt = Reports(before).tokens("i", outline, own, old)
    terms = terms_of(request, outline, lambda *who: partial(_price, *who), lambda *_: "here")
    return bound(prompt, old, terms)


def _price(_: str, model: str, tokens_in: int, tokens_out: int) -> float | None:
    return None if model == "other" else tokens_in * 0.1 + tokens_out * 0.3
