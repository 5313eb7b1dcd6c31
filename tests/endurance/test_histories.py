"""Histories of many shapes: merges, renames, reverts."""

from pathlib import Path

import pytest

from tests.operations.recorded.test_history import agrees


@pytest.mark.endurance
@pytest.mark.timeout(0)
def test_200_histories_are_what_checking_out_every_commit_gives(tmp_path: Path) -> None:
    for seed in range(1_000, 1_200):
        agrees(tmp_path / str(seed), seed)
