"""The closed sets of names that the language and the API know."""

import re

PARAMETERS = (
    "messages",
    "model",
    "frequency_penalty",
    "presence_penalty",
    "temperature",
    "top_p",
    "n",
    "stop",
    "max_completion_tokens",
    "max_tokens",
    "seed",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "response_format",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "modalities",
    "audio",
    "prediction",
    "reasoning_effort",
    "verbosity",
    "service_tier",
    "store",
    "metadata",
    "stream",
    "stream_options",
    "web_search_options",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "user",
)
"""Every request parameter of POST /v1/chat/completions."""

IGNORABLE = (*PARAMETERS, "extra_body", "triggers")
"""What `ignore_changes` may name."""

TRANSPORT = frozenset(
    (
        "stream",
        "stream_options",
        "user",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "service_tier",
        "store",
        "metadata",
    )
)
"""Parameters that do not change what is asked: no part of the fingerprint."""

META = (
    "provider",
    "for_each",
    "count",
    "depends_on",
    "enabled",
    "triggers",
    "template",
    "lifecycle",
    "extra_body",
    "extra_headers",
)
"""What a completion says to the runner and not, under this name, to the server."""

MODULE_META = ("source", "for_each", "count", "depends_on")
"""What a module block says to the runner; its other keys are the module's variables."""

ATTRIBUTES = (
    "id",
    "created",
    "model",
    "choices",
    "content",
    "finish_reason",
    "function_call",
    "tool_calls",
    "refusal",
    "usage",
    "system_fingerprint",
    "service_tier",
    "logprobs",
    "json",
    "response",
)
"""What an expression may ask of a completion's answer."""

PROVIDERS = ("openai", "embedded")
"""Types of provider."""

DATA = ("chat_completion", "chat_completions", "chat_completion_messages")
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
)
"""Tables that may stand at the top of a configuration file."""

IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]*$"
"""What the name of a block looks like."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_identifier(name: str) -> bool:
    """Whether a block may have this name."""
    return _IDENTIFIER.fullmatch(name) is not None
