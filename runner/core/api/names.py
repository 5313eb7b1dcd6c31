"""The names that the API knows."""

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
