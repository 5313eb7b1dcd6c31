"""aiohttp, imported without the certificates of all authorities until one is looked for.

It loads them twice when it is imported, for a quarter of the CPU of its import and for http:// too;
the second time for connections that verify nothing, of which there are none here.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

__all__ = ["aiohttp"]


class _Unloaded(ssl.SSLContext):
    """A context that loads what it trusts with its first handshake."""

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        return self._loaded().wrap_bio(*args, **options)

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        return self._loaded().wrap_socket(*args, **options)

    def _loaded(self) -> ssl.SSLContext:
        """The same one, as it would have been from the start."""
        self.load_default_certs()
        whole: ssl.SSLContext = self
        whole.__class__ = ssl.SSLContext
        return whole


@contextmanager
def _unloaded() -> Iterator[None]:
    """Contexts that this thread makes meanwhile load no certificates yet."""
    here, load = get_ident(), ssl.SSLContext.set_default_verify_paths

    def put_off(context: ssl.SSLContext) -> None:
        if get_ident() == here:
            context.__class__ = _Unloaded
        else:
            load(context)

    ssl.SSLContext.set_default_verify_paths = put_off  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        del ssl.SSLContext.set_default_verify_paths  # it is inherited


with _unloaded():
    import aiohttp
