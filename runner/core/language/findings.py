"""What is wrong in a block, and how it is said."""

import json
import re
from collections.abc import Callable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from runner.core.address import Path
from runner.core.canonical import dotted

BESIDES = "What a server takes besides the API's own parameters goes into extra_body."

IsHole = Callable[[object], bool]
"""Whether a value is only known later."""


class Finding(Struct, frozen=True):
    """One thing wrong in a block.

    `path` leads to it from the block's table (an unknown key is its last element; of a missing
    key it is the table that lacks it); `summary` is fixed searchable words, `detail` full
    sentences. `foreign` is what another server than OpenAI's may take: a warning, or an error where
    a provider is strict, with `hint` how it is sent all the same.
    """

    path: Path
    summary: str
    detail: str
    severity: Literal["error", "warning"] = "error"
    foreign: bool = False
    hint: str = ""


def settled(found: Finding, provider: str, *, strict: bool) -> Finding:
    """The finding where this provider is asked, which is strict or not."""
    if not found.foreign or found.severity == "warning":
        return found
    if strict:
        return replace(found, detail=found.detail + found.hint)
    said = (
        f"{found.detail} That is OpenAI's API; {provider} may take more, so it is sent as written. "
        "strict = true in the provider makes it an error."
    )
    return replace(found, detail=said, severity="warning")


def unsaid(found: Finding) -> str:
    """The detail of a finding about a sensitive value, which is not shown."""
    return f"{dotted(found.path)} is not what it must be. Its value is sensitive and not shown."


def in_short(value: object) -> str:
    """The value as a message shows it: short, on one line, and never with a key in it."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = _spelled(value)
    text = KEY.sub(lambda m: f"{m.group()[:3]}…", text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _spelled(value: object) -> str:
    try:
        return str(value)
    except ValueError:  # Python spells no number of more than 4,300 digits
        return "a number of more than 4,300 digits"


def has_hole(value: object) -> bool:
    """Whether this is text with a template in it, whose value is known later."""
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def no_hole(_value: object) -> bool:
    """`has_hole` where texts are no templates."""
    return False


def contains(value: object, hole: IsHole) -> bool:
    """Whether something known later stands anywhere inside."""
    if isinstance(value, dict):
        return any(contains(inner, hole) for inner in value.values())
    if isinstance(value, list):
        return any(contains(inner, hole) for inner in value)
    return hole(value)


KEY = re.compile(r"(?<![A-Za-z0-9_-])sk-[A-Za-z0-9_-]{20,}")
"""Text that looks like a real API key."""

_SHOWN = 60
