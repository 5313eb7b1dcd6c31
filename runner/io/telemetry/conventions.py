"""The names by which requests to models are told: OpenTelemetry's conventions for generative AI.

Attributes of spans are those that the conventions up to 1.41 (open-telemetry/semantic-conventions,
docs/gen-ai) and their new home (open-telemetry/semantic-conventions-genai) both have. Of metrics
the names differ, and which are meant is said by OTEL_SEMCONV_STABILITY_OPT_IN. All of them are in
development, and the official packages mark theirs as deprecated: so they stand here.
"""

from functools import lru_cache
from urllib.parse import urlsplit

from msgspec import Struct

OPERATION = "gen_ai.operation.name"
PROVIDER_NAME = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
CHOICES = "gen_ai.request.choice.count"
STOP = "gen_ai.request.stop_sequences"
OUTPUT_TYPE = "gen_ai.output.type"
PROMPT_NAME = "gen_ai.prompt.name"
PROMPT_VERSION = "gen_ai.prompt.version"
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
TOOLS = "gen_ai.tool.definitions"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105  # of tokens, no password
EVALUATION = "gen_ai.evaluation.result"
EVALUATION_NAME = "gen_ai.evaluation.name"
SCORE = "gen_ai.evaluation.score.value"
SCORE_LABEL = "gen_ai.evaluation.score.label"
EXPLANATION = "gen_ai.evaluation.explanation"
ERROR_TYPE = "error.type"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
METHOD = "http.request.method"
RESEND_COUNT = "http.request.resend_count"
STATUS_CODE = "http.response.status_code"
URL_FULL = "url.full"

RUNNER_ADDRESS = "runner.address"
SAMPLE = "runner.sample"
DECISION = "runner.decision"
WHY_ISSUED = "runner.why"
ATTEMPTS = "runner.attempts"
WAITED = "runner.wait_seconds"
COST = "runner.cost.usd"
BATCH = "runner.batch"
OUTCOME = "runner.outcome"

NUMBERS = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
}
"""Parameters of a request that are told as numbers with a fraction."""

INTEGERS = {
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
}

TEXTS = {"model": REQUEST_MODEL, "reasoning_effort": "gen_ai.request.reasoning.level"}

OPENAI_REQUEST = {"service_tier": "openai.request.service_tier"}
OPENAI_RESPONSE = {
    "service_tier": "openai.response.service_tier",
    "system_fingerprint": "openai.response.system_fingerprint",
}
OPENAI_API = "openai.api.type"
OPENAI_KIND = ("openai", "azure.ai.openai")
"""Providers of which there is more to tell."""

_HOSTS = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "x_ai",
    "api.perplexity.ai": "perplexity",
    "api.moonshot.ai": "moonshot_ai",
    "api.moonshot.cn": "moonshot_ai",
    "api.anthropic.com": "anthropic",
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "generativelanguage.googleapis.com": "gcp.gemini",
}

SECONDS = tuple(0.01 * 2**step for step in range(14))
"""Bounds of the buckets of a duration: 0.01 to 81.92."""

TOKENS = tuple(4**step for step in range(14))
"""Bounds of the buckets of a number of tokens: 1 to 67,108,864."""


class MetricNames(Struct, frozen=True):
    """What metrics are called. `tokens` is a histogram of both directions, where the conventions
    have one; else there is a counter for each in `counters`, by the attribute of the span.
    """

    duration: str
    first_chunk: str
    tokens: str | None
    counters: dict[str, str]


_COUNTED = (INPUT_TOKENS, OUTPUT_TOKENS, CACHED_TOKENS, REASONING_TOKENS)
USUAL_METRICS = MetricNames(
    "gen_ai.client.operation.duration",
    "gen_ai.client.operation.time_to_first_chunk",
    "gen_ai.client.token.usage",
    {},
)
NEWEST_METRICS = MetricNames(
    "gen_ai.client.inference.duration",
    "gen_ai.client.inference.time_to_first_chunk",
    None,
    {name: name.replace("gen_ai.", "gen_ai.client.inference.", 1) for name in _COUNTED},
)


@lru_cache(maxsize=256)
def provider_at(url: str, block: str) -> str:
    """What the conventions call whoever is at an address; the name of its block, if they do not."""
    host = urlsplit(url).hostname or ""
    known = (name for end, name in _HOSTS.items() if host == end or host.endswith(f".{end}"))
    return next(known, block)
