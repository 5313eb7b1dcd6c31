"""The names that the API knows."""

from runner.core.values import TRANSCRIPT

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
"""What a completion's answer has, where it is looked at as a whole."""

ASKABLE = (*ATTRIBUTES, TRANSCRIPT)
"""What an expression may ask of a completion's answer."""
