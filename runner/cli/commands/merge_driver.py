"""`runner merge-driver`: what git calls to merge a state or its outputs."""

import argparse
import sys
from pathlib import Path

from runner.core.address import first_few
from runner.errors import RunnerError
from runner.operations.files.merging import MergedFile, ThreeFiles, merge_files

_SHOWN = 5


def run(arguments: argparse.Namespace) -> int:
    """Merge into the second file; 1, as git expects it, where a person has to go on."""
    base, ours, theirs = (Path(name) for name in (arguments.base, arguments.ours, arguments.theirs))
    merged = merge_files(ThreeFiles(base, ours, theirs, arguments.path or arguments.ours))
    if merged.unreadable:
        raise RunnerError(*merged.unreadable)
    if not merged.is_whole:
        sys.stderr.write(_told(merged))
    return 0 if merged.is_whole else 1


def _told(merged: MergedFile) -> str:
    return (
        f"{merged.name}: both sides asked anew at {first_few(merged.clash, _SHOWN)}. Merge the "
        "configuration; then `runner state resolve` keeps the answer that it asks for.\n"
    )
