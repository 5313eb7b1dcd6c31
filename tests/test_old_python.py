"""An older Python is told what the runner needs, in a sentence."""

import ast
import subprocess
import sys

import pytest

from tests import ROOT


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py"])
def test_an_older_python_reads_what_tells_it(name: str) -> None:
    ast.parse((ROOT / "runner" / name).read_text(encoding="utf-8"), feature_version=(3, 8))


def test_an_older_python_is_told_what_is_needed() -> None:
    code = (
        "import runpy, sys; sys.version_info = (3, 10, 4, 'final', 0); "
        "runpy.run_module('runner', run_name='__main__')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert ran.returncode == 1
    assert ran.stderr == "The runner needs Python 3.11 or newer, and this is Python 3.10.\n"
