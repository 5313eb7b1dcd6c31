"""Who is answered: a browser on this machine that was given the address of this start.

A page of a stranger may send a request here in the name of whoever looks at it, under any name
that leads to this machine. It knows neither the token nor gets to read what comes back.
"""

from collections.abc import Mapping
from hmac import compare_digest
from secrets import token_urlsafe

from msgspec import Struct

TOKEN_HEADER = "X-Runner-Token"  # noqa: S105  # its name
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""What every answer has, also one that refuses."""

_LOCAL = ("127.0.0.1", "localhost")
_OURS = ("none", "same-origin")  # typed or followed by hand, or from a page of this server


class BrowserGuard(Struct, frozen=True):
    """The rules of one start: `hosts` are the names, with their port, that it answers to."""

    token: str
    hosts: frozenset[str]

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """The status and the reason where a request is not answered."""
        if method != "GET":
            return 405, "only GET"
        if headers.get("Host", "") not in self.hosts:
            return 403, "not a name of this server"
        if headers.get("Sec-Fetch-Site", "none") not in _OURS:
            return 403, "asked by a page from elsewhere"
        if path.startswith("/api/") and not self._is_known(headers.get(TOKEN_HEADER, "")):
            return 403, "without the token of this start"
        return None

    def _is_known(self, token: str) -> bool:
        return compare_digest(token.encode(), self.token.encode())


def guard_of(host: str, port: int) -> BrowserGuard:
    """The rules of a server at this host and port, with a token that nobody can guess."""
    names = (*_LOCAL, f"[{host}]" if ":" in host else host)
    return BrowserGuard(token_urlsafe(24), frozenset(f"{name}:{port}" for name in names))


def is_any(host: str) -> bool:
    """Whether it stands for every address of this machine, and is none itself."""
    return host in ("0.0.0.0", "::", "")  # noqa: S104  # looked for, not bound


def is_local(host: str) -> bool:
    """Whether only this machine reaches it."""
    return host in _LOCAL or host == "::1"
