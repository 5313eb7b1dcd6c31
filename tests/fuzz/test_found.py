"""What the fuzz has found: each stays mended."""

from collections.abc import Iterator

import pytest

from runner.io.providers.openai.stream import Cut, Stream
from tests.fuzz.answers import ANSWER
from tests.fuzz.kinds import ENV, Bench, bench
from tests.fuzz.odd import as_json
from tests.fuzz.trying import Told

_ASK = 'model = "m"\nmessages = [{ role = "user", content = "x" }]\n'


@pytest.fixture(scope="module")
def held() -> Iterator[Bench]:
    with bench() as made:
        yield made


def _checked(held: Bench, text: str) -> Told:
    held.folder.fill({"configs/main.toml": text.encode()})
    return held.folder.reads("validate", env=ENV)


@pytest.mark.parametrize(
    "value",
    [
        "[" * 65 + "]" * 65,
        "[{a=" * 1200 + "1" + "}]" * 1200,
        "{a=" * 3000 + "1" + "}" * 3000,
    ],
    ids=["just too deep", "mixed", "tables"],
)
def test_deep_nesting_is_refused_before_the_parser_breaks(held: Bench, value: str) -> None:
    """The TOML parser ends the process where it has to say the place of what is so deep."""
    told = _checked(held, f"[locals]\na = {value}\n[nope]\n")
    assert told.status == 1
    assert "deeper than 64 levels" in told.err


def test_a_deep_header_is_refused(held: Bench) -> None:
    told = _checked(held, "[locals." + ".".join("a" * 2000) + "]\n[nope]\n")
    assert told.status == 1
    assert "deeper than 64 levels" in told.err


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("'x' * 10**15", "more than 100,000,000 bytes"),
        ("[0] * 10**12", "more than 100,000,000 bytes"),
        ("9 ** (9 ** 9)", "too large a number"),
        ("'{:>99999999999999}'.format(1)", ""),
        ("1e999", "a number is too large"),
        ("'a' ~ 10 ** 9000", "digits"),
        ("'\\\\ud800'", "half of a character"),
        ("'%c' % 55296", "half of a character"),
        ("''.__class__.__mro__", "is unsafe"),
        ("{} | groupby('a') | first | upper", ""),
        ("(1,)[5] | upper", ""),
    ],
)
def test_an_expression_that_cannot_be_computed_is_told(
    held: Bench, expression: str, said: str
) -> None:
    told = _checked(
        held, f'[locals]\na = "{{{{ {expression} }}}}"\n[output.a]\nvalue = "{{{{ local.a }}}}"\n'
    )
    assert told.status == 1
    assert "Invalid expression" in told.err
    assert said in told.err


def test_more_loops_than_the_engine_can_nest_are_told(held: Bench) -> None:
    loops = "{% for x in [1] %}" * 25 + "x" + "{% endfor %}" * 25
    told = _checked(held, f'[locals]\na = "{loops}"\n[output.a]\nvalue = "{{{{ local.a }}}}"\n')
    assert told.status == 1
    assert "nested" in told.err


@pytest.mark.parametrize("kind", ["moved", "removed", "import"])
def test_an_entry_that_is_no_table_is_told(held: Bench, kind: str) -> None:
    told = _checked(held, f"{kind} = [2024-02-29, 1]\n")
    assert told.status == 1
    assert "Not a table (2 on this line)" in told.err


def test_an_extra_body_that_is_no_table_is_told(held: Bench) -> None:
    told = _checked(held, f"[completion.a]\n{_ASK}extra_body = \"{{{{ 'text' }}}}\"\n")
    assert told.status == 1
    assert "extra_body" in told.err


@pytest.mark.parametrize("source", ["a" * 300, "a/" * 2000])
def test_a_name_too_long_for_a_file_is_told(held: Bench, source: str) -> None:
    texts = (
        f'[module.a]\nsource = "./{source}"\n',
        f"[output.a]\nvalue = \"{{{{ file('{source}') }}}}\"\n",
        f'[output.a]\nvalue = "x"\nfile = "{source}"\n',
    )
    for text in texts:
        assert _checked(held, text).status == 1


def test_a_variable_that_is_no_text_is_told(held: Bench) -> None:
    text = '[variable.a]\ntype = "string"\n[output.a]\nvalue = "{{ var.a }}"\n'
    held.folder.fill({"configs/main.toml": text.encode()})
    told = held.folder.reads("plan", "--var=a=\udcff", env=ENV)
    assert told.status == 1
    assert "not UTF-8" in told.err


def test_a_state_whose_request_is_no_table_is_told(held: Bench) -> None:
    state = held.applied["state/state.json"]
    held.folder.fill(
        {**held.applied, "state/state.json": state.replace(b'"request":{', b'"request":[],"x":{')}
    )
    told = held.folder.reads("plan", env=ENV)
    assert told.status == 1
    assert "State file is damaged" in told.err


def test_numbers_that_no_double_holds_are_null_in_an_answer(held: Bench) -> None:
    """The answer was paid for; a number that is read by nothing else is not worth losing it."""
    text = f'[provider.openai]\nbase_url = "{held.server.url}"\n[completion.a]\n{_ASK}'
    held.folder.fill({"configs/main.toml": text.encode()})
    body = as_json({**ANSWER, "a": 10**400}).replace(b'"gpt-4o"', b'"gpt-4o", "b": 1e999')
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    held.server.script = [head + body]
    assert held.folder.run("apply", "--auto-approve", env=ENV).status == 0
    told = held.folder.reads("show", "--json", env=ENV)
    assert '"a": null' in told.out
    assert '"b": null' in told.out


@pytest.mark.parametrize("body", [b"", b"null", b"5", b"[]", b'{"data": 1}', b'{"data": [1]}'])
def test_a_stored_completion_that_is_none_is_told(held: Bench, body: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    text = (
        f'[provider.openai]\nbase_url = "{held.server.url}"\nmax_retries = 0\n'
        '[data.chat_completion_messages.a]\ncompletion_id = "x"\n'
    )
    held.folder.fill({"configs/main.toml": text.encode()})
    held.server.script = [head + body]
    told = held.folder.reads("plan", env=ENV)
    assert told.status == 1
    assert "Cannot read data source" in told.err


def test_a_redirect_to_no_address_is_told(held: Bench) -> None:
    provider = f'[provider.openai]\nbase_url = "{held.server.url}"\nmax_retries = 0\n'
    text = f"{provider}[completion.a]\n{_ASK}"
    held.folder.fill({"configs/main.toml": text.encode()})
    held.server.script = [b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n"]
    told = held.folder.run("apply", "--auto-approve", env=ENV)
    assert told.status == 1
    assert "redirects to nowhere" in told.err


def test_a_cache_whose_schema_is_no_text_can_be_cleared(held: Bench) -> None:
    database = held.applied["state/cache/cache.db"].replace(
        b"CREATE TABLE", b"CREATE \xff\xfe\xfd\xfc\xfb"
    )
    files = {name: data for name, data in held.applied.items() if "cache" not in name}
    held.folder.fill({**files, "state/cache/cache.db": database})
    told = held.folder.run("plan", env=ENV)
    assert told.status == 1
    assert "runner cache clear" in told.err
    assert held.folder.run("cache", "clear", "--auto-approve", env=ENV).status == 0
    assert held.folder.run("plan", env=ENV).status == 0


@pytest.mark.parametrize(
    "content", ["[{'type': 'text', 'text': 2 ** 70}]", "'a' if 0 else 10 ** 9000"]
)
def test_a_number_that_no_request_can_hold_is_told(held: Bench, content: str) -> None:
    message = f'{{ role = "user", content = "{{{{ {content} }}}}" }}'
    told = _checked(held, f'[completion.a]\nmodel = "m"\nmessages = [{message}]\n')
    assert told.status == 1
    assert "Invalid expression" in told.err


@pytest.mark.parametrize("choices", [b"5", b"true", b'"x"', b'{"a": 1}'])
def test_choices_of_a_stream_that_are_no_list_are_none(choices: bytes) -> None:
    stream = Stream()
    stream.feed(b'data: {"choices": %b}\n\ndata: [DONE]\n\n' % choices)
    assert stream.finish() == Cut("the stream ended without a choice")


def test_an_output_that_no_file_can_hold_is_told(held: Bench) -> None:
    told = _checked(held, '[output.a]\nvalue = { x = ["{{ 10 ** 40 }}"] }\n')
    assert told.status == 1
    assert "more than 64 bits" in told.err


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("count = '{{ completion.a[0].created }}'", ""),
        ("for_each = '{{ completion.a[\"x\"].json }}'", ""),
        ("for_each = '{{ completion.b[0].json }}'", "count = '{{ completion.a[\"x\"].created }}'"),
    ],
)
def test_instances_that_hang_on_themselves_are_a_cycle(
    held: Bench, first: str, second: str
) -> None:
    told = _checked(held, f"[completion.a]\n{_ASK}{first}\n[completion.b]\n{_ASK}{second}\n")
    assert told.status == 1
    assert "ycle" in told.err
