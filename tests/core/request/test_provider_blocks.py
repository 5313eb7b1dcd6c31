"""The providers of a project: what each is, and what its requests start from."""

import orjson
import pytest

from runner.errors import RunnerError
from tests.harness.lab import Lab, project

ASK = "[completion.a]\nmessages = [{ role = 'user', content = 'x' }]\n"


def fingerprint(head: str, more: str = "") -> str:
    lab = project(f"{head}\n{ASK}{more}\n")
    lab.apply()
    return lab.records["completion.a"].fingerprint


def test_defaults_are_what_a_request_starts_from() -> None:
    lab = project(
        f"[provider.openai.defaults]\nmodel = 'd'\ntemperature = 0.5\n{ASK}temperature = 0\n"
    )
    lab.apply()
    body = dict(lab.model.sent)["completion.a"]
    assert (body["model"], body["temperature"]) == ("d", 0)


def test_a_default_and_the_same_written_out_ask_the_same() -> None:
    assert fingerprint("[provider.openai.defaults]\nmodel = 'd'\ntemperature = 1.0") == fingerprint(
        "", "model = 'd'\ntemperature = 1"
    )


def test_identity_is_type_and_declared_address_and_nothing_else() -> None:
    """Not the name, the key, the headers, the limits; a slash at the end is none."""
    text = "[provider.{}]\ntype = 'openai'\nbase_url = '{}'\n{}"
    one = fingerprint(text.format("p", "https://x.example/v1", ""), "model = 'm'\nprovider = 'p'")
    same = fingerprint(
        text.format(
            "q",
            "https://x.example/v1/",
            "api_key_env = 'K'\nheaders = { a = 'b' }\ntimeout = 5\nconcurrency = 2\n",
        ),
        "model = 'm'\nprovider = 'q'",
    )
    other = fingerprint(text.format("p", "https://y.example", ""), "model = 'm'\nprovider = 'p'")
    assert one == same
    assert one != other


def test_the_base_url_of_the_environment_is_no_part_of_it() -> None:
    """A proxy is a route: no url written is OpenAI's own."""
    assert fingerprint("", "model = 'm'") == fingerprint(
        "[provider.openai]\nbase_url = 'https://api.openai.com/v1'", "model = 'm'"
    )


def test_settings_may_hold_expressions() -> None:
    head = "[variable.host]\ndefault = 'x.example'\n[provider.openai]\nbase_url = 'https://{}/v1'"
    assert fingerprint(head.format("{{ var.host }}"), "model = 'm'") == fingerprint(
        head.format("x.example"), "model = 'm'"
    )


@pytest.mark.parametrize(
    ("head", "line", "said"),
    [
        ("[provider.mine]\nbase_url = 'https://x.example'\n", 1, "type"),
        ("[provider.openai]\nbase_url = '{{ var.nope }}'\n", 2, "nope"),
        ("[provider.openai.defaults]\nseed = '{{ 2 ** 60 }}'\n", 1, "2**53-1"),
        ("[provider.openai]\nbase_url = '{{ completion.a.content }}'\n", 2, "answer"),
        ("[provider.openai]\ntimeout = '{{ \"soon\" }}'\n", 2, "a number"),
        ("[provider.openai]\ndefaults = '{{ \"none\" }}'\n", 2, "a table"),
        ("[provider.openai]\nconcurrency = '{{ 0 }}'\n", 2, "at least 1"),
        ("[provider.openai]\nheaders = { a = '{{ [1] }}' }\n", 2, "a string"),
        ("[provider.openai]\nbase_url = '{{ \"example.com\" }}'\n", 2, "base_url"),
        ("[provider.openai]\napi_key_env = \"{{ env('K') }}\"\n", 2, "api_key_env"),
    ],
)
def test_a_provider_that_makes_no_sense_is_told(head: str, line: int, said: str) -> None:
    with pytest.raises(RunnerError) as caught:
        project(f"{head}{ASK}model = 'm'\n").plan()
    problem = caught.value.problems[0]
    assert said in problem.detail
    assert problem.where is not None
    assert problem.where.line in {line, 1}


def test_what_the_expressions_of_a_provider_yield_is_checked() -> None:
    lab = project(f"""[provider.openai]
timeout = "{{{{ 'long' }}}}"
concurrency = '{{{{ 0 }}}}'
headers = {{ x = '{{{{ 5 }}}}' }}
[provider.openai.defaults]
model = 'm'
temperature = '{{{{ 2 + 1 }}}}'
{ASK}""")
    with pytest.raises(RunnerError) as caught:
        lab.plan()
    places = [problem.where.line for problem in caught.value.problems if problem.where]
    assert {*places} == {2, 3, 7}
    assert len(places) == 3


def test_a_default_that_is_null_is_none() -> None:
    lab = project(f"[provider.openai.defaults]\nmodel = 'm'\ntemperature = '{{{{ none }}}}'\n{ASK}")
    lab.apply()
    assert "temperature" not in dict(lab.model.sent)["completion.a"]


def test_a_sensitive_default_is_sent_and_not_recorded() -> None:
    lab = Lab(
        {
            "configs/main.toml": (
                "[variable.key]\nsensitive = true\ndefault = 'hush-hush'\n"
                "[provider.openai.defaults]\nmodel = 'm'\ntemperature = 1.0\n"
                "user = '{{ var.key }}'\n" + ASK
            )
        }
    )
    lab.apply()
    assert dict(lab.model.sent)["completion.a"]["user"] == "hush-hush"
    recorded = lab.records["completion.a"].request
    assert b"hush" not in recorded
    assert orjson.loads(recorded)["user"] == "(sensitive)"
    assert lab.plan().empty


def test_a_setting_that_comes_out_null_is_as_if_absent() -> None:
    assert fingerprint("[provider.openai]\nbase_url = '{{ none }}'", "model = 'm'") == fingerprint(
        "", "model = 'm'"
    )
