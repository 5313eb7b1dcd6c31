"""Somebody else's mock of the Batch API, stopped by who asked for it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.object_stores import _free_port, _running, need
from tests.harness.project import trusting


@contextmanager
def aimock(home: Path) -> Iterator[str]:
    """The base URL of a server that answers a batch when it is looked at for the second time."""
    program = shutil.which("aimock")
    need(None if program else "aimock (npm install -g @copilotkit/aimock@1)")
    assert program is not None
    (home / "fx").mkdir(parents=True)
    (home / "fx" / "none.json").write_text('{"fixtures":[]}')
    (home / "aimock.json").write_text('{"llm":{"fixtures":"./fx"}}')
    port = _free_port()
    with _running([program, "-c", "aimock.json", "-p", str(port)], home, port):
        url = f"http://127.0.0.1:{port}/v1"
        with trusting(url):
            yield url
