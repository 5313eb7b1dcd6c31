"""Names that a configured header may have: none that says to whom a request goes, or where it ends.

Whoever reads a request by its Host, behind the address that the user said yes to, gets its key.
"""

import re
from collections.abc import Iterator

from runner.core.address import Path
from runner.core.canonical import dotted
from runner.core.language.findings import Finding

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_TAKEN = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te",
     "trailer", "expect", "forwarded", "x-forwarded-host", "x-forwarded-for", "x-forwarded-port",
     "x-forwarded-proto", "x-forwarded-server", "x-original-host", "x-host")
)  # fmt: skip


_SAID = ("content", "accept", "user-agent", "cookie", "date", "range", "openai")


def header_findings(path: Path, table: object) -> Iterator[Finding]:
    """What is wrong with the names of headers in a table."""
    for name in table if isinstance(table, dict) else ():
        said = fault(str(name))
        if said is not None:
            yield Finding((*path, name), "Invalid header", f"{dotted((*path, name))} {said}")


def fault(name: str) -> str | None:
    """Why no header of this name is sent; None if it may be."""
    if _TOKEN.fullmatch(name) is None:
        return "is no name of a header: letters, digits and hyphens. Write one such as X-Team."
    plain = name.casefold().replace("_", "-")  # some servers take the one for the other
    if plain in _TAKEN or plain.startswith("proxy-"):
        return (
            "decides to whom a request goes, or where it ends, and that is what base_url and the "
            "runner say. Leave it out."
        )
    return None


def key_fault(name: str) -> str | None:
    """Why a key does not go in a header of this name; None if it may."""
    plain = name.casefold().replace("_", "-")
    if any(plain == taken or plain.startswith(f"{taken}-") for taken in _SAID):
        return 'says something else of a request than whose key it has. Azure\'s is "api-key".'
    return fault(name)
