"""What is done with less work comes out the same: calls without the engine, requests kept."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from msgspec import structs
from msgspec.structs import replace

from runner.core.address import Path
from runner.core.api.answer import Answer, warning
from runner.core.expansion.session import Instance
from runner.core.expressions import jinja
from runner.core.expressions.template import Expression, Hole, Node, TextNode, compile_text, holes
from runner.core.plan.drafts import Drafts
from runner.core.plan.known import Known, provider_of
from runner.core.plan.plan import Inputs
from runner.core.plan.samples import Samples
from runner.core.plan.targets import Choice
from runner.core.plan.walk import Walk
from runner.core.request.body import shape_of
from runner.core.request.build import Request, build, outline_of
from runner.core.request.provider import Provider
from runner.core.values import NotKnown, TemplateError
from runner.errors import RunnerError
from runner.operations.reading.loaded import Loaded
from tests.harness.lab import Lab, project

TEXTS = [
    "{{ csv('a.csv', key='id') }}",
    '{{csv( "a b.csv" )}}',
    "say {{ file('x.txt') }} and {{ x.y }}",
    "{{ env('K') }}",
    "{{ file('a', key='b') }}",
    "{{ json('f').a }}",
    "a {{ toml('f') }}",
    "{{ jsonl('f',key=\"k\") }}",
    "{{ csv('a', 'b') }}",
    "{{ file('') }}",
    "{{ file('{%') }}",
    "{{ csv('ä') }}\n{{ file('b') }}",
    "{{ file('a') | upper }}",
    "{{file('a')}}{{env('b')}}",
    "{{ csvx('a') }}",
    "{{ file ('a') }}",
    "{{ csv('a',) }}",
    "x\n{{ file(\n'a'\n) }}",
    "{{ csv('a', key=x.y) }}",
    "{{ file('a\\n') }}",
    "{{ file('it' ~ 's') }}",
]


def _named(path: str, key: str | None = None) -> str:
    return f"<{path}|{key}>"


def _file(path: str) -> str:
    return _named(path)


def _fails(path: str) -> str:
    raise TemplateError(f"no {path}")


NAMES = {
    "file": _file,
    "csv": _named,
    "jsonl": _named,
    "json": lambda path: {"a": path},
    "toml": lambda path: [path],
    "env": _fails,
    "x": {"y": "1"},
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_call_with_literals_needs_no_engine_and_says_the_same(text: str) -> None:
    assert _filled(text, compile_text) == _filled(text, _by_engine)


def test_the_engine_is_not_asked_for_a_call_with_literals() -> None:
    """Those who plan a table of prompts start without it."""
    code = (
        "import sys; from runner.core.expressions.template import compile_text; "
        "[compile_text(text) for text in sys.argv[1:]]; print('jinja2' in sys.modules)"
    )
    for texts, asked in ((TEXTS[:4], "False"), (TEXTS[-1:], "True")):
        done = subprocess.run(
            [sys.executable, "-c", code, *texts], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == asked


def _by_engine(text: str, path: Path) -> Node:
    parts: list[str | Hole] = [
        piece
        if isinstance(piece, str)
        else Hole(piece.source, piece.refs, piece.fill, path, piece.at)
        for piece in jinja.split(text, path)
    ]
    if len(parts) == 1 and isinstance(parts[0], Hole) and "{%" not in text:
        return Expression(parts[0])
    return TextNode(tuple(parts))


def _filled(text: str, compiled: Callable[[str, Path], Node]) -> object:
    try:
        node = compiled(text, ("p",))
    except TemplateError as exc:
        return ("not compiled", exc.message, exc.path, exc.at)
    found = [(hole.source, hole.refs, hole.at) for hole in holes(node)]
    try:
        return type(node), found, node.render(NAMES)
    except TemplateError as exc:
        return found, exc.message, exc.path, exc.at


CONFIG = """
[completion.a]
model = "m"
messages = [{ role = "user", content = "begin" }]
[completion.b]
count = 5
model = "m"
messages = [{ role = "user", content = "{{ count.index }} {{ completion.a.content }}" }]
"""


_ALL = Choice()


class Forgetful(Lab):
    """A lab in which every request is filled once more before it is sent."""

    def loaded(self, choice: Choice = _ALL) -> Loaded:
        """As a lab's, without room for drafts."""
        read = super().loaded(choice)
        return _Roomless(**{name: getattr(read, name) for name in Loaded.__struct_fields__})


class _Roomless(Loaded):
    def inputs(self, *given: Any) -> Inputs:
        made = super().inputs(*given)

        def start(samples: Samples) -> tuple[Walk, Known]:
            walk, known = made.start(samples)
            return walk, replace(known, drafts=Drafts(room=0))

        return structs.replace(made, start=start)


def test_a_request_that_is_kept_is_the_one_that_would_be_filled_again() -> None:
    files = {"configs/main.toml": CONFIG}
    kept = _sent(Lab(dict(files)))
    assert _sent(Forgetful(dict(files))) == kept
    assert len(kept) == 6


MESSAGES = [
    "{{ each.value }}",
    r"a {{ each.value }} b \" {{ each.key }}\n",
    "{{ each.value | upper }}{% if 1 %}x{% endif %}",
    "\ue0000\ue001 {{ each.value }}",
    "{{ [1, 2] }}",
    "{{ each.value.no }}",
    "{{ completion.other.content }} {{ each.value }}",
]
VALUES = [
    *("plain", 'a "quote" \\ and \u0001', "\u00e9 \u65e5 \U0001f600 \u2028", "x" * 5000),
    *(5, 1.0, True),
]


@pytest.mark.parametrize("said", MESSAGES)
def test_a_body_that_is_written_but_for_its_texts_is_the_one_that_is_filled(said: str) -> None:
    text = (
        "[completion.other]\nmodel = 'm'\nmessages = [{ role = 'user', content = 'o' }]\n"
        "[completion.each]\nmodel = 'm'\ntemperature = 0.000002\nstop = ['e-6']\n"
        "triggers = { k = '{{ each.key }}' }\nextra_headers = { x-a = '{{ each.key }}' }\n"
        "tools = [{ type = 'function', function = { name = 'f', parameters = '{}' } }]\n"
        "tool_choice = 'f'\nfor_each = \"{{ json('v.json') }}\"\n"
        "messages = [{ role = 'system', content = 'Be kind.' },\n"
        f"  {{ role = 'user', name = 'n', content = \"{said}\" }},\n"
        "  { role = 'user', content = 'and {{ each.key }}' }]\n"
    )
    held = {f"k{at}": value for at, value in enumerate(VALUES)}
    lab = Lab({"configs/main.toml": text, "configs/v.json": orjson.dumps(held).decode()})
    project = lab.loaded()
    walk, known = project.inputs(lambda *_: None, {}, _ALL, None).start(Samples({}))
    instances = [v.instance for v in walk.vertices.values() if v.instance and v.instance.key]
    assert len(instances) == len(VALUES)
    provider = provider_of(instances[0], known)
    shape = shape_of(instances[0], provider)
    assert shape.texts is not None
    short = [_requested(instance, provider) for instance in instances]
    of = instances[0].declared.address, provider.name
    instances[0].scope.shapes[of] = structs.replace(shape, texts=None)
    assert short == [_requested(instance, provider) for instance in instances]


def _requested(instance: Instance, provider: Provider) -> object:
    """The request of an instance, or what keeps it from being one."""
    try:
        made = build(instance, provider)
        assert outline_of(made).whole(made.texts) == orjson.loads(made.body)
        return structs.replace(made, outline=None, texts=())
    except RunnerError as exc:
        return [str(problem) for problem in exc.problems]
    except NotKnown as exc:
        return exc.address


@pytest.mark.parametrize(
    "more",
    [
        "user = 'somebody'",
        "seed = '{{ each.key | length }}'",
        "extra_body = { k = '{{ each.key }}' }",
        "template = false",
        "stop = ['\ue0000\ue001']",
    ],
)
def test_a_body_of_which_more_is_filled_or_not_all_counts_is_filled_as_a_whole(more: str) -> None:
    lab = project(
        f"[completion.each]\nmodel = 'm'\nfor_each = ['k']\n{more}\n"
        "messages = [{ role = 'user', content = '{{ each.key }}' }]\n"
    )
    walk, known = lab.loaded().inputs(lambda *_: None, {}, _ALL, None).start(Samples({}))
    (instance,) = (v.instance for v in walk.vertices.values() if v.instance)
    assert shape_of(instance, provider_of(instance, known)).texts is None


def test_a_prompt_that_changed_since_is_sent_as_it_is_now() -> None:
    lab = project(CONFIG)
    lab.apply()
    lab.files["configs/main.toml"] = CONFIG.replace("begin", "start")
    lab.apply()
    assert lab.model.sent[0][1]["messages"][0]["content"] == "start"


def test_drafts_hold_no_more_than_they_have_room_for() -> None:
    def request(size: int) -> Request:
        body = b"x" * size
        return Request("p", "i", "f", body, body, None)

    drafts = Drafts(room=2000)
    drafts.keep("a", request(600))
    drafts.keep("b", request(600))
    assert drafts.take("b") is None
    assert drafts.take("a") == request(600)
    assert drafts.take("a") is None
    drafts.keep("b", request(1400))
    assert drafts.take("b") == request(1400)


def test_what_is_held_besides_what_is_sent_takes_room_as_well() -> None:
    drafts = Drafts(room=2000)
    sent = b"x" * 1000
    drafts.keep("a", Request("p", "i", "f", sent, b"y" * 1000, None))
    drafts.keep("b", Request("p", "i", "f", sent, sent, None, texts=("x" * 600,)))
    assert (drafts.held("a"), drafts.held("b")) == (None, None)


def _sent(lab: Lab) -> list[tuple[str, dict[str, Any]]]:
    lab.apply()
    return sorted(lab.model.sent, key=lambda pair: pair[0])


def _answer(**message: Any) -> dict[str, Any]:
    reason = message.pop("reason", "stop")
    return {"choices": [{"finish_reason": reason, "message": {"content": "c", **message}}]}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (_answer(), False),
        (_answer(refusal=None), False),
        (_answer(refusal="no"), True),
        (_answer(reason="length"), True),
        (_answer(reason="content_filter", refusal=None), True),
        (_answer(content='a "refusal" is "stop"'), False),
        (_answer(content="refusal", refusal=None), False),
        ({"choices": [*_answer(reason="length")["choices"], *_answer()["choices"]]}, True),
    ],
)
@pytest.mark.parametrize("dump", [orjson.dumps, lambda body: orjson.dumps(body, option=2)])
def test_an_answer_that_is_not_all_there_is_noticed(
    body: dict[str, Any], said: bool, dump: Callable[[Any], bytes]
) -> None:
    raw = dump(body)
    assert (warning(raw) is not None) == said
    assert Answer(raw)["content"] is not None
