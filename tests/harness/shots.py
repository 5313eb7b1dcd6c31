"""Every page of the view, as it looks: light and dark, wide and narrow.

`python -m tests.harness.shots [FOLDER]` makes a project, opens its pages in chromium and puts a
picture of each into a folder; `--readme` writes the one that the README shows. Look at them after
every change of how something looks. A new page gets a line in PAGES.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests import ROOT
from tests.harness.browser import Shown, browser, lacking, shown, viewing
from tests.harness.demo import demo

_ONE = 'completion.ticket["case=t09,model=gpt-4o-mini,tone=warm"]'
PAGES = {
    "plan": "plan",
    "graph": "graph",
    "run": "run",
    "plan-step": f"plan?a={_ONE.replace('warm', 'brief')}",
    "side": "side?against=gpt-4o-mini",
    "side-differ": "side?by=tone&only=differ&against=brief",
    "answers": "answers",
    "answers-failing": "answers?q=check:*=fail",
    "answer": f"answer?a={_ONE}",
    "answer-markdown": "answer?a=completion.week&as=markdown",
    "checks": "checks",
    "cost": "cost",
    "history": "history",
    "versions": "history?a=completion.week",
}
README = ROOT / ".github" / "view.png"
_SIZES = {"wide": (1280, 800), "narrow": (400, 800)}


def main() -> None:
    """Take the pictures."""
    words = argparse.ArgumentParser()
    words.add_argument("folder", nargs="?")
    words.add_argument("--readme", action="store_true")
    given = words.parse_args()
    missing = lacking()
    if missing is not None:
        sys.exit(f"no {missing}: pip install -e '.[oracles]'")
    folder = Path(given.folder or tempfile.mkdtemp(prefix="shots-"))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        project = demo(Path(place) / "bicycles", latency=0.6)
        with viewing(project) as serving, browser() as running:
            for light in ("light", "dark"):
                for name, (width, height) in _SIZES.items():
                    size = {"width": width, "height": height}
                    options = {"viewport": size, "color_scheme": light, "device_scale_factor": 1}
                    with shown(running, serving, **options) as page:
                        for title, where in PAGES.items():
                            _take(page, where, folder / f"{title}-{light}-{name}.png")
            if given.readme:
                size = {"width": 1120, "height": 640}
                with shown(running, serving, viewport=size, device_scale_factor=1) as page:
                    _take(page, PAGES["side"], README)
    sys.stdout.write(f"{folder}\n")


def _take(page: Shown, where: str, path: Path) -> None:
    page.open(where)
    page.page.wait_for_load_state("load")
    page.page.wait_for_timeout(1_500)  # what checks say, and words that differ
    page.page.screenshot(path=path)


if __name__ == "__main__":
    main()
