"""Providers by name, with real processes and a server of the test's own."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness.faults import completion as answer
from tests.harness.project import Project, completion, prompt_of, provider, serving, trusting

KEY = "preset-key-0123456789"
WORD, QUERY = "pass-word-77", "query-key-88"
SECRET = '[variable.r]\nsensitive = true\ndefault = "x"\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def asked(project: Project) -> dict[str, str]:
    """What each record says answered."""
    return {address: record["identity"] for address, record in project.records.items()}


def test_a_block_with_nothing_in_it_and_a_name_without_a_block_are_the_provider(
    project: Project,
) -> None:
    with serving() as api:
        here = {"OLLAMA_BASE_URL": api.url, "VLLM_BASE_URL": api.url, "VLLM_API_KEY": KEY}
        project.write(
            "[provider.ollama]\n[provider.vllm]\n"
            + completion("a", "one", 'provider = "ollama"')
            + completion("b", "two", 'provider = "vllm"')
        )
        ran = project.run("apply", "--auto-approve", env=here)
        assert ran.status == 0, ran.err
        sent = {prompt_of(one.body): one.headers for one in api.completions}
        keys = {prompt: headers.get("Authorization") for prompt, headers in sent.items()}
        assert keys == {"one": None, "two": f"Bearer {KEY}"}
        assert asked(project) == {
            "completion.a": "openai http://localhost:11434/v1",
            "completion.b": "openai http://localhost:8000/v1",
        }
        project.write(completion("a", "one") + completion("b", "two", 'provider = "vllm"'))
        here["RUNNER_PROVIDER"] = "ollama"
        again = project.run("plan", "--detailed-exitcode", env=here)
        assert again.status == 0, again.out


def test_a_url_that_was_written_and_the_preset_with_that_url_are_one_server(
    project: Project,
) -> None:
    ask = completion("a", "one", 'provider = "p"')
    with serving() as api:
        project.write('[provider.p]\ntype = "ollama"\n' + ask)
        ran = project.run("apply", "--auto-approve", env={"OLLAMA_BASE_URL": api.url})
        assert ran.status == 0, ran.err
    url = "http://localhost:11434/v1"
    project.write(f'[provider.p]\ntype = "openai"\nbase_url = "{url}/"\n' + ask)
    assert project.call("plan", "--detailed-exitcode").status == 0
    project.write(f'[provider.ollama]\nbase_url = "{url}"\n' + ask.replace('"p"', '"ollama"'))
    assert project.call("plan", "--detailed-exitcode").status == 0


def test_what_a_server_refuses_is_a_warning_at_its_line_and_is_sent_as_written(
    project: Project,
) -> None:
    with serving() as api:
        project.write(
            f'[provider.groq]\nbase_url = "{api.url}"\n[provider.groq.defaults]\nseed = 1\nn = 2\n'
            + completion("a", "one", 'provider = "groq"', "logprobs = true")
        )
        ran = project.run("apply", "--auto-approve")
        assert ran.status == 0, ran.err
        assert "main.toml line 5" in ran.err
        assert "groq refuses n above 1" in ran.err
        assert "groq refuses logprobs" in ran.err
        assert "seed" not in ran.err
        (one,) = api.completions
        assert (one.body["logprobs"], one.body["n"]) == (True, 2)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("[provider.azure]\n", 'resource = "my-resource"'),
        ('[provider.azure]\nresource = "evil.example/x"\n', "resource"),
        ('[provider.groq]\nresource = "x"\n', "groq has none"),
        ("[provider.grok]\n", 'Did you mean "groq"?'),
        ('[provider.x]\ntype = "grok"\n', 'Did you mean "groq"?'),
        (SECRET + '[provider.azure]\nresource = "{{ var.r }}"\n', "Sensitive resource"),
    ],
)
def test_what_is_wrong_with_a_block_of_a_preset_is_told_at_its_line(
    project: Project, block: str, said: str
) -> None:
    project.write(block + completion("a", "one", 'provider = "azure"' if "azure" in block else ""))
    ran = project.run("validate")
    assert ran.status == 1
    assert said in ran.err
    assert "on configs/main.toml line" in ran.err


def test_a_key_that_is_not_set_is_named_with_the_others_that_would_do(project: Project) -> None:
    project.write("[provider.gemini]\n" + completion("a", "one"))
    ran = project.run("apply", "--auto-approve", env={"GEMINI_API_KEY": "", "GOOGLE_API_KEY": ""})
    assert ran.status == 1
    assert "GEMINI_API_KEY or GOOGLE_API_KEY" in ran.err


def test_the_host_of_a_resource_is_asked_for_and_a_fixed_one_is_not(project: Project) -> None:
    project.write(
        '[provider.azure]\nresource = "Mine"\n'
        + completion("a", "one", 'provider = "azure"')
        + completion("b", "two", 'provider = "groq"')
    )
    ran = project.run("trust", env={"AZURE_API_KEY": KEY, "GROQ_API_KEY": KEY})
    assert (
        "+ send requests and the key in $AZURE_API_KEY to https://mine.openai.azure.com" in ran.out
    )
    assert (
        "send requests and the key in $GROQ_API_KEY to https://api.groq.com (needs no yes)"
        in ran.out
    )


def test_no_env_file_of_a_project_says_where_a_preset_is(project: Project) -> None:
    project.write("[provider.ollama]\n" + completion("a", "one"))
    (project.directory / ".env").write_text("OLLAMA_BASE_URL=http://evil.example\n")
    ran = project.run("plan")
    assert ran.status == 1
    assert "OLLAMA_BASE_URL says where things are sent" in ran.err


def test_what_an_address_of_the_environment_holds_is_shown_nowhere(project: Project) -> None:
    def script(got: Any) -> dict[str, Any]:
        whole = answer(got.body, got.number)
        whole["choices"][0]["message"]["content"] = f"{WORD} and {QUERY}"
        return whole

    with serving(script=script) as api:
        url = api.url.replace("//", f"//us:{WORD}@") + f"?api_key={QUERY}"
        project.write(completion("a", "one", 'provider = "vllm"'))
        ran = project.run("apply", "--auto-approve", env={"VLLM_BASE_URL": url})
        assert ran.status == 0, ran.err
        written = [path.read_bytes() for path in project.directory.rglob("*") if path.is_file()]
        held = b"".join(written).decode(errors="replace") + ran.out + ran.err
        assert (WORD in held, QUERY in held) == (False, False)


def several(*urls: str) -> str:
    """The block of a provider of several servers."""
    return f"[provider.openai]\nmax_retries = 0\nbase_urls = {list(urls)}\n".replace("'", '"')


def test_requests_are_spread_over_several_servers_and_one_more_costs_nothing(
    project: Project,
) -> None:
    each = completion("c", "{{ count.index }}", "count = 12")
    with serving() as one, serving() as two, serving() as three:
        project.write(several(one.url, two.url) + each)
        ran = project.run("apply", "--auto-approve")
        assert ran.status == 0, ran.err
        assert (len(one.completions), len(two.completions)) == (6, 6)
        assert set(asked(project).values()) == {f"openai {one.url}"}
        project.write(several(one.url, two.url, three.url) + each)
        assert project.run("plan", "--detailed-exitcode").status == 0
        project.write(several(one.url, two.url, three.url) + each.replace("{{", "more {{"))
        assert project.run("apply", "--auto-approve").status == 0
        assert len(three.completions) == 4


def test_a_run_goes_on_where_one_of_its_servers_is_gone(project: Project) -> None:
    with serving() as gone:
        pass
    with serving() as there, trusting(gone.url):
        project.write(
            several(gone.url, there.url) + completion("c", "{{ count.index }}", "count = 5")
        )
        ran = project.run("apply", "--auto-approve")
        assert ran.status == 0, ran.err
        assert len(there.completions) == 5


def test_each_of_several_servers_has_to_be_trusted(project: Project) -> None:
    with serving() as api:
        project.write(several(api.url, "http://other.example/v1") + completion("a", "one"))
        ran = project.run("apply", "--auto-approve")
        assert ran.status == 1
        assert "send requests, without a key, to http://other.example" in ran.err
        assert "on configs/main.toml line 3" in ran.err
        assert api.completions == []


@pytest.mark.parametrize(
    ("urls", "said"),
    [
        ("base_urls = []", "base_urls"),
        ("base_urls = 1", "base_urls"),
        ("base_urls = true", "base_urls"),
        ("base_urls = 2026-01-01", "base_urls"),
        ('base_urls = "http://a.example"', "base_urls"),
        ("price = { input = 1e308, output = 1 }", "price.input"),
        ("price = { input = 1, output = inf }", "price.output"),
        ("price = { input = 1, output = 1, cached_input = 2 }", "above input"),
        ('models."m".price = { input = 1, output = 1, cached_input = 2 }', "above input"),
        ('base_urls = ["http://a.example"]\nbase_url = "http://b.example"', "exclude each other"),
        ('base_urls = ["http://a.example", "ftp://b.example"]', "base_urls[1]"),
        ('base_urls = ["http://user:secret@a.example"]', "looks like a key"),
    ],
)
def test_what_is_wrong_with_several_servers_is_told_at_its_line(
    project: Project, urls: str, said: str
) -> None:
    project.write(f"[provider.openai]\n{urls}\n" + completion("a", "one"))
    ran = project.run("validate")
    assert ran.status == 1
    assert said in ran.err
    assert "on configs/main.toml line" in ran.err


PRICED = "price = { input = 1000, output = 2000 }\n"


def test_max_cost_is_kept_at_the_price_that_a_provider_declares(project: Project) -> None:
    ask = completion("c", "{{ count.index }}", "count = 20", "max_tokens = 100")
    with serving() as api:
        project.write(provider(api) + ask)
        unknown = project.run("apply", "--auto-approve", "--max-cost", "0.5")
        assert "nothing bounds the cost" in unknown.err
        assert api.completions == []
        project.write(provider(api) + PRICED + ask)
        planned = project.call("plan")
        assert "(provider.openai)" in planned.out
        (summary,) = project.call("plan", "--json").of("change_summary")
        assert summary["estimate"]["price_sources"] == ["provider.openai"]
        assert summary["estimate"]["unpriced_models"] == []
        ran = project.run("apply", "--auto-approve", "--max-cost", "0.4", "--concurrency", "1")
        assert ran.status == 1
        assert "--max-cost $0.40 would be crossed" in ran.err
        assert 0 < len(api.completions) < 20
        (record, *_) = json.loads(project.run("show", "completion.c", "--json").out)
        usage = record["response"]["usage"]
        cost = usage["prompt_tokens"] * 0.001 + usage["completion_tokens"] * 0.002
        assert record["cost"] == pytest.approx(cost)


def test_a_preset_of_this_machine_costs_nothing(project: Project) -> None:
    with serving() as api:
        project.write(completion("a", "one", 'provider = "ollama"'))
        here = {"OLLAMA_BASE_URL": api.url}
        planned = project.run("plan", env=here)
        assert "no cost (ollama on this machine)" in planned.out
        ran = project.run("apply", "--auto-approve", "--max-cost", "0", env=here)
        assert ran.status == 0, ran.err
