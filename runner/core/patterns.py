"""Regular expressions that take linear time, whatever text they meet (RE2)."""

from functools import lru_cache
from typing import Any

SYNTAX = "https://github.com/google/re2/wiki/Syntax"


@lru_cache(maxsize=1024)
def pattern(source: str) -> Any:
    """The pattern, with `search`; ValueError says why it is none."""
    import re2  # noqa: PLC0415  # only where a check has a pattern

    options = re2.Options()
    options.log_errors = False  # it would write to stderr itself
    try:
        return re2.compile(source, options)
    except re2.error as exc:
        said = exc.args[0]
        said = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        if "invalid perl operator: (?" in said:
            said += "; there is no look-around and no back-reference, so that each pattern takes "
            said += "linear time: write two checks, one of them { not = { matches = .. } }"
        raise ValueError(f"{said} ({SYNTAX})") from exc
