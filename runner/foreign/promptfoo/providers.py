"""promptfoo's providers: who is asked, and with which parameters."""

import re
from dataclasses import dataclass
from typing import Any

from runner.core.address import Path
from runner.core.api.parameters import PARAMETERS
from runner.foreign.promptfoo.evaluation import Evaluation
from runner.foreign.requests import as_sent, nearest_name

_SAME = ("anthropic", "azure", "cerebras", "cohere", "deepseek", "fireworks", "github", "groq")
_SAME_TOO = (
    "huggingface",
    "mistral",
    "ollama",
    "openai",
    "openrouter",
    "perplexity",
    "vllm",
    "xai",
)
_NAMES = {
    **{name: name for name in (*_SAME, *_SAME_TOO)},
    "azureopenai": "azure",
    "google": "gemini",
    "togetherai": "together",
}
_KINDS = ("chat", "messages")
_OTHER_KINDS = frozenset(
    {"agents", "assistant", "completion", "embedding", "embeddings", "image", "moderation"}
    | {"realtime", "responses", "speech", "transcription", "video"}
)
_REASONS = re.compile(r"(.*/)?(o[134]|gpt-[56])")
_SETTINGS = {"apiBaseUrl": "base_url", "organization": "organization", "apiKeyEnvar": "api_key_env"}
_SECRET = ("apiKey", "api_key", "token")


@dataclass(frozen=True, slots=True)
class Target:
    """One that is asked: its key on the axis of a matrix, and its part of the completion's keys.
    `settings` make a provider of its own of it.
    """

    key: str
    keys: dict[str, Any]
    settings: dict[str, Any]


def targets(held: Evaluation) -> list[Target]:
    """All that can be asked here, each by a key of its own."""
    listed = held.value["providers"]
    made: list[Target] = []
    for index, each in enumerate(listed if isinstance(listed, list) else [listed]):
        path: Path = ("providers", index) if isinstance(listed, list) else ("providers",)
        found = target(held, path, each)
        if found is not None:
            taken = {one.key for one in made}
            key = found.key if found.key not in taken else f"{found.key}_{index + 1}"
            made.append(Target(key, found.keys, found.settings))
    return made


def target(held: Evaluation, path: Path, given: Any) -> Target | None:
    """One provider: its name, or a table of its own."""
    if isinstance(given, dict) and "id" not in given and len(given) == 1:
        ((name, more),) = given.items()  # openai:gpt-4o: { config: .. }
        given = {"id": name, **(more if isinstance(more, dict) else {})}
    table = {"id": given} if isinstance(given, str) else given
    if not isinstance(table, dict) or not isinstance(table.get("id"), str):
        held.refuse(path, "A provider is named, as in openai:gpt-4o, or has such an id.")
        return None
    named = _named(held, path, table["id"])
    if named is None:
        return None
    held.refuse_unknown(path, table, ("id", "label", "config"))
    provider, model = named
    keys, settings = _configured(held, (*path, "config"), table.get("config") or {})
    if provider == "openai" and "omitDefaults" not in (table.get("config") or {}):
        keys = {**_usual(model), **keys}
    return Target(
        str(table.get("label", model)), {"provider": provider, "model": model, **keys}, settings
    )


def _named(held: Evaluation, path: Path, name: str) -> tuple[str, str] | None:
    """The provider and the model of `openai:chat:gpt-4o`."""
    kind, _, rest = name.partition(":")
    between, _, last = rest.partition(":")
    if kind in _NAMES and between not in _OTHER_KINDS and rest:
        return _NAMES[kind], last if between in _KINDS and last else rest
    if kind in _NAMES:
        said = f"{name} answers no chat completions. Name a model for chat: {kind}:chat:MODEL."
    elif kind in ("file", "exec", "python", "package", "http", "https"):
        said = "A provider of your own is code, which the runner does not run. Put it behind a "
        said += 'server that speaks the API, and name that: [provider.mine] base_url = "..".'
    else:
        said = f"{kind} is not known by name. Where it speaks OpenAI's API, write [provider.{kind}]"
        said += " with its base_url: `runner docs providers`."
    held.refuse(path, said)
    return None


def _usual(model: str) -> dict[str, Any]:
    """What promptfoo sends to OpenAI where nothing else is said."""
    return {} if _REASONS.match(model) else {"temperature": 0, "max_tokens": 1024}


def _configured(
    held: Evaluation, path: Path, config: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters of a request, and what is said of the server."""
    keys: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for name, value in config.items():
        if name in _SECRET:
            said = "A key is never written in a configuration file: name the variable that holds "
            held.warn((*path, name), "Key not copied", f'{said}it, api_key_env = "..".')
        elif name in _SETTINGS:
            settings[_SETTINGS[name]] = value
        elif name == "apiHost":
            settings["base_url"] = f"https://{value}/v1"
        elif name == "passthrough" and isinstance(value, dict):
            keys["extra_body"] = as_sent(value)
        elif name == "headers" and isinstance(value, dict):
            keys["extra_headers"] = as_sent(value)
        elif isinstance(value, str) and value.startswith("file://"):
            said = f"Write what {value} holds, or {name} = \"{{{{ json('{value[7:]}') }}}}\"."
            held.refuse((*path, name), said)
        elif name in PARAMETERS and name not in ("messages", "model"):
            keys[name] = as_sent(value)
        elif name != "omitDefaults":
            held.refuse((*path, name), f"{name} is no parameter of the API. What a server takes "
                        "besides goes into extra_body.")  # fmt: skip
    return keys, settings


def provider_name(target: Target) -> str:
    """What a provider with settings of its own is called."""
    return nearest_name(target.key)
