"""A project shown in a browser: read again whenever it changes, and never written to."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files as packaged
from pathlib import Path

from msgspec import Struct

from runner.errors import error
from runner.io.web.site import Site, SiteContent, pages_in
from runner.operations.blocking import run_to_end
from runner.operations.options import Options
from runner.operations.viewing.project_view import Looked, Renewed
from runner.operations.viewing.resources import LIVE, RESOURCES, resource

_KEPT = 16  # values that are remembered until something changes


class ViewOptions(Struct, frozen=True):
    """Where a page is shown, port 0 being any that is free, and which state it is of."""

    host: str = "127.0.0.1"
    port: int = 0
    looked: Looked = Looked()


def show_project(options: Options, where: ViewOptions, ready: Callable[[str], object]) -> None:
    """Shows a project until that is interrupted; `ready` is told the address of the page.

    RunnerError where there is no such project or the address cannot be had. All that is wrong in
    the project is shown on the page.
    """
    from runner.io.web.server import serve  # noqa: PLC0415  # nobody else needs a server

    if not 0 <= where.port < 65536:
        raise error("Invalid port", f"--port {where.port} is none: from 1 to 65535, or 0 for any.")
    site = site_of(options, where.looked)
    run_to_end(serve(site, where.host, where.port, ready))


def site_of(options: Options, looked: Looked) -> Site:
    """The pages of a project. RunnerError for a place or a revision that there is none of: whoever
    misspelt it hears of that at once.
    """
    renewed = Renewed(options, looked)
    renewed.view()[0].look()
    known = _Known(renewed)
    pages = pages_in(Path(str(packaged("runner") / "web")), "index.html")
    resources = {name: partial(known.shown, name) for name in RESOURCES}
    return Site(pages, resources, renewed.versions, "index")


class _Known:
    """Values of the view as it is now."""

    def __init__(self, renewed: Renewed) -> None:
        self._renewed = renewed
        self._versions: Mapping[str, object] = {}
        self._made: dict[tuple[str, tuple[tuple[str, str], ...]], SiteContent] = {}

    def shown(self, name: str, query: Mapping[str, str]) -> SiteContent:
        view, versions = self._renewed.view()
        if versions != self._versions:
            self._made.clear()
            self._versions = versions
        if name in LIVE:
            return SiteContent(resource(view, name, query))
        key = name, tuple(sorted(query.items()))
        if key not in self._made:
            self._made[key] = SiteContent(resource(view, name, query))
            if len(self._made) > _KEPT:
                del self._made[next(iter(self._made))]
        return self._made[key]
