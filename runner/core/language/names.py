"""The closed sets of names that the language knows."""

import re
from typing import Literal, get_args

META = (
    "provider",
    "for_each",
    "count",
    "matrix",
    "depends_on",
    "enabled",
    "triggers",
    "template",
    "lifecycle",
    "extra_body",
    "extra_headers",
    "batch",
)
"""What a completion says to the runner and not, under this name, to the server."""

MODULE_META = ("source", "for_each", "count", "matrix", "depends_on")
"""What a module block says to the runner; its other keys are the module's variables."""

REPEATING = ("for_each", "count", "matrix")
"""What gives a block its instances; a block has one of them at most."""

JUDGE_META = (
    "provider",
    "rubric",
    "rubrics",
    "reference",
    "prompt",
    "samples",
    "scale",
    "extra_body",
    "extra_headers",
)
"""What a check's judge says to the runner; its other keys are parameters of its request."""

DATA_META = ("provider", "for_each", "count", "matrix", "depends_on")
"""What a data source says to the runner; its other keys are asked of the server."""

ProviderKind = Literal["openai", "embedded"]
PROVIDERS: tuple[ProviderKind, ...] = get_args(ProviderKind)
"""Types of provider."""

PRESETS = (
    "anthropic",
    "azure",
    "cerebras",
    "cohere",
    "dashscope",
    "deepseek",
    "fireworks",
    "gemini",
    "github",
    "groq",
    "huggingface",
    "litellm",
    "llamacpp",
    "lmstudio",
    "mistral",
    "moonshot",
    "nebius",
    "ollama",
    "ollama_cloud",
    "openrouter",
    "perplexity",
    "sambanova",
    "together",
    "vercel",
    "vllm",
    "xai",
)
"""Providers that are known by name, all of type openai: presets.toml says what they are."""

DATA = ("chat_completion", "chat_completions", "chat_completion_messages", "runner_state")
"""Types of data source."""

BLOCKS = (
    "runner",
    "provider",
    "variable",
    "locals",
    "completion",
    "data",
    "module",
    "output",
    "moved",
    "removed",
    "import",
    "check",
    "compare",
    "telemetry",
)
"""Tables that may stand at the top of a configuration file."""

RECORD_ATTRIBUTES = ("cost", "seconds", "attempts", "served_model")
"""What a check may ask of what an answer took."""

IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]*$"
"""What the name of a block looks like."""

ENVIRONMENT_NAME = r"^[A-Z_a-z][0-9A-Z_a-z]*$"
OBJECT_KEY = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$"
BackendType = Literal["s3", "gcs", "azure", "file", "http"]
ExecutorType = Literal["local", "ray"]
_PORT = r"(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
CLUSTER = rf"^(auto|(ray://)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):{_PORT})$"
"""What the address of a cluster looks like."""
WORKSPACE = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
"""What the name of a workspace looks like."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORKSPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def is_identifier(name: str) -> bool:
    """Whether a block may have this name."""
    return _IDENTIFIER.fullmatch(name) is not None


def is_workspace(name: str) -> bool:
    """Whether a workspace may have this name."""
    return _WORKSPACE.fullmatch(name) is not None
