"""A project in a real browser: one browser for a module, a real `runner view` for each project.

    def test_..(demo_page: Shown) -> None:
        demo_page.open("answers?q=lima")
        ...
        demo_page.keys("j", "Enter")

What a browser test needs is in the extra `oracles`, and chromium: where it is missing the tests are
skipped, and where CI is set they fail.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.project import HANG, Process, Project, interrupt

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
_QUIET = (
    *("--no-sandbox", "--disable-background-networking", "--disable-component-update"),
    *("--disable-default-apps", "--disable-sync", "--no-first-run", "--disable-gpu"),
)


def lacking() -> str | None:
    """What is missing for a test in a browser."""
    names = [name for name in ("playwright", "axe_core_python") if find_spec(name) is None]
    if CHROMIUM is None:
        names.append("chromium (apt-get install chromium)")
    return ", ".join(names) or None


def needs_a_browser() -> None:
    """Skips a test where there is none, but where CI is set, which has to have one."""
    missing = lacking()
    if missing is not None and os.environ.get("CI"):
        pytest.fail(f"CI tests in a browser, and there is no {missing}")
    if missing is not None:
        pytest.skip(f"no {missing}")


@contextmanager
def browser() -> Iterator["Browser"]:
    """Chromium, without a window."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=list(_QUIET))
        yield running
        running.close()


@dataclass
class Serving:
    """A `runner view` that runs, and where."""

    process: Process
    address: str

    @property
    def root(self) -> str:
        """The address without the token."""
        return self.address.partition("#")[0]

    @property
    def token(self) -> str:
        """The token of this start."""
        return self.address.partition("#")[2]


@contextmanager
def viewing(
    project: Project, *flags: str, env: Mapping[str, str] | None = None
) -> Iterator[Serving]:
    """`runner view` in a process of its own, until the block is left."""
    process = project.start("view", "--no-open", *flags, env=dict(env or {}))
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://"), process.communicate(timeout=HANG)
        yield Serving(process, address)
    finally:
        if process.poll() is None:
            interrupt(process)
        try:
            process.communicate(timeout=HANG)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


@dataclass
class Shown:
    """A page of a project; `said` is what its console said, `asked` where requests went."""

    page: "Page"
    serving: Serving
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, where: str = "") -> None:
        """Goes to `answers?q=..`, and waits until it is drawn."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.serving.address}/{where}" if where else self.serving.address)
        self.page.locator("main > *").first.wait_for()

    def keys(self, *names: str) -> None:
        """Presses keys, one after the other."""
        for name in names:
            self.page.keyboard.press(name)

    def count(self, what: str) -> int:
        """How many elements there are of a selector."""
        return self.page.locator(what).count()

    def text(self, what: str) -> str:
        """What the first element of a selector says."""
        return self.page.locator(what).first.inner_text()

    @property
    def where(self) -> str:
        """The page and the query that the address names."""
        return self.page.url.partition("#")[2].partition("/")[2]

    def faults(self) -> list[str]:
        """What axe finds of the page that is serious or worse: its rule and where."""
        from axe_core_python import sync_playwright  # noqa: PLC0415

        source = Path(sync_playwright.__file__).with_name("axe.min.js").read_text()
        self.page.evaluate(source)
        found: dict[str, Any] = self.page.evaluate("axe.run()")
        return [
            f"{each['id']}: {node['target']} {node['failureSummary']}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]


@contextmanager
def shown(running: "Browser", serving: Serving, **options: Any) -> Iterator[Shown]:
    """A page in a context of its own; no error in its console, no request to anywhere else."""
    context = running.new_context(
        **{"viewport": {"width": 1280, "height": 800}, "color_scheme": "light", **options}
    )
    made = Shown(context.new_page(), serving)
    made.page.set_default_timeout(HANG * 1000)
    made.page.on(
        "console",
        lambda message: made.said.append(message.text) if message.type == "error" else None,
    )
    made.page.on("pageerror", lambda exc: made.said.append(str(exc)))
    made.page.on("request", lambda request: made.asked.append(request.url))
    yield made
    context.close()
    outside = [url for url in made.asked if not url.startswith((serving.root, "about:"))]
    assert outside == []
    assert made.said == []
