"""What a server shows: files, resources and what changed, as whoever starts it gives them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from runner.io import files

_KINDS = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


class SiteContent(Struct, frozen=True):
    """A body, and the media type of it."""

    body: bytes
    kind: str = "application/json"


Resource = Callable[[Mapping[str, str]], SiteContent]
"""What stands behind a name under /api/, by the query that it is asked with."""


class Site(Struct, frozen=True):
    """`pages` by their whole path; `resources` by their name, one asked at a time, `first` before
    anybody does. `versions` is asked again and again, and says under which name there is something
    new by another value.
    """

    pages: Mapping[str, SiteContent]
    resources: Mapping[str, Resource]
    versions: Callable[[], Mapping[str, object]]
    first: str


def pages_in(folder: Path, index: str) -> dict[str, SiteContent]:
    """Every file of a folder that a browser is shown, by its path; `index` is the one that / is."""
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = _KINDS.get(path.suffix)
        data = files.read(path) if kind is not None and path.is_file() else None
        if kind is not None and data is not None:
            name = path.relative_to(folder).as_posix()
            shown = SiteContent(data, f"{kind}; charset=utf-8")
            found["/" if name == index else f"/{name}"] = shown
    return found
