"""The data of the presets: its names are the language's, and what was recorded stays."""

import re

from runner.core.api.parameters import PARAMETERS
from runner.core.language.names import PRESETS, PROVIDERS
from runner.core.secrets.trust import is_loopback, origin
from runner.io.presets import preset, presets
from runner.io.settings import _NOT_HERE
from tests import ROOT

IDENTITIES = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com/v1",
    "azure": "https://{resource}.openai.azure.com/openai/v1",
    "cerebras": "https://api.cerebras.ai/v1",
    "cohere": "https://api.cohere.ai/compatibility/v1",
    "dashscope": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    "deepseek": "https://api.deepseek.com",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/openai",
    "github": "https://models.github.ai/inference",
    "groq": "https://api.groq.com/openai/v1",
    "huggingface": "https://router.huggingface.co/v1",
    "litellm": "http://localhost:4000",
    "llamacpp": "http://localhost:8080/v1",
    "lmstudio": "http://localhost:1234/v1",
    "mistral": "https://api.mistral.ai/v1",
    "moonshot": "https://api.moonshot.ai/v1",
    "nebius": "https://api.studio.nebius.com/v1",
    "ollama": "http://localhost:11434/v1",
    "ollama_cloud": "https://ollama.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "perplexity": "https://api.perplexity.ai",
    "sambanova": "https://api.sambanova.ai/v1",
    "together": "https://api.together.xyz/v1",
    "vercel": "https://ai-gateway.vercel.sh/v1",
    "vllm": "http://localhost:8000/v1",
    "xai": "https://api.x.ai/v1",
}
"""What answers are recorded under. A line is added and never changed: whoever changes one makes
every project with that provider pay again.
"""


def test_an_identity_is_for_good() -> None:
    assert {one.name: one.identity for one in presets()} == IDENTITIES


def test_the_names_are_those_that_may_be_written() -> None:
    assert tuple(one.name for one in presets()[1:]) == PRESETS
    assert [preset(name).name for name in PRESETS] == list(PRESETS)
    assert "openai" in PROVIDERS


def test_each_has_what_a_request_takes() -> None:
    for one in presets():
        host = origin(one.base_url.replace("{resource}", "mine"))
        assert host is not None
        assert not one.base_url.endswith("/")
        assert one.keys or not one.key_required
        assert host.startswith("https://") or is_loopback(host)
        assert is_loopback(host) or not one.free
        assert all(re.fullmatch("[A-Z_]+", key) for key in one.keys)


def test_a_key_is_for_one_host() -> None:
    held = [(key, one.name) for one in presets() for key in one.keys]
    assert len({key for key, _ in held}) == len(held)


def test_a_quirk_is_about_a_parameter_of_the_api() -> None:
    for one in presets():
        assert {quirk.parameter for quirk in one.quirks} <= set(PARAMETERS), one.name


def test_no_file_of_a_project_says_where_a_preset_is() -> None:
    assert {one.base_url_env for one in presets() if one.base_url_env} <= _NOT_HERE


def test_the_reference_has_a_row_for_each_with_its_variables() -> None:
    page = (ROOT / "runner/docs/providers.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z_]+)`[^|]*\| (.*) \|$", page, re.MULTILINE))
    assert rows.keys() == IDENTITIES.keys()
    for one in presets():
        variables = set(re.findall(r"[A-Z]+_[A-Z_]+", rows[one.name]))
        assert variables == {*one.keys, one.base_url_env} - {None}
