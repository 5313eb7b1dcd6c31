"""The tests, room by room as the program; harnesses for all of them are in `harness`."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA = Path(__file__).parent / "data"
