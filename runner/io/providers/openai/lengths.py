"""By how much a request is longer than a model takes, out of a server's words."""

import re

from runner.io.providers.openai.bodies import Said

_CODES = {"context_length_exceeded", "exceed_context_size_error", "too_many_prompt_tokens"}
_WORDS = (
    r"(?i)context (length|window|size)|(prompt|input|messages)\b[^.]{0,30} too long"
    r"|request too large"
)
_SAYS_IT = r"(?i)\bby \d[\d,]* tokens"
_N = r"(\d[\d,]*)"
_MOST = tuple(
    "(?i)" + pattern.replace("N", _N)
    for pattern in (
        r"maximum (?:context|prompt|input) length (?:is|of) (?:only )?N",
        r"maximum number of (?:input )?tokens allowed:? \(?N",
        r"N maximum context length",
        r"tokens > N maximum",
        r"(?:configured|token) limit of N",
        r"available context size \(?N",
        r"context (?:window|size|length) (?:of|is) N",
        r"\bn_ctx N",
        r"\blimit:? N",
    )
)
_ASKED = tuple(
    "(?i)" + pattern.replace("N", _N)
    for pattern in (
        r"too large: N\b.*? has N input tokens",
        r"requested N output tokens and your prompt contains (?:at least )?N input tokens",
        r"requested (?:about )?N tokens",
        r"resulted in N tokens",
        r"(?:request|prompt|input) (?:contains|has) (?:about |at least )?N",
        r"(?:request|prompt|input)(?: token count)? \(N",
        r"too long: N tokens",
        r"\bn_prompt_tokens N",
        r"\brequested:? N",
    )
)


def is_too_long(said: Said) -> bool:
    """Whether a request was refused for its length, and the error does not say by how much."""
    words = {(said.code or "").lower(), (said.type or "").lower()}
    named = bool(words & _CODES) or bool(re.search(_WORDS, said.message))
    return said.status in (400, 413, 422, 429) and named and not re.search(_SAYS_IT, said.message)


def excess(message: str) -> int | None:
    """The tokens above the most that a model takes, where both are told."""
    most, asked = _first(_MOST, message), _first(_ASKED, message)
    return asked - most if most is not None and asked is not None and asked > most else None


def _first(patterns: tuple[str, ...], message: str) -> int | None:
    found = next((match for pattern in patterns if (match := re.search(pattern, message))), None)
    if found is None:
        return None
    return sum(int(number.replace(",", "")) for number in found.groups())
