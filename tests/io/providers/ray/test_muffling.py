import os

import pytest

from runner.io.providers.ray.muffling import muffled

RAYS = b"[2026-11-26 00:55:10,099 W 25738 25738] gcs_client.cc:210: Failed to get cluster ID\n"


def test_lines_of_rays_core_go_nowhere_and_all_else_where_it_went(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with muffled():
        os.write(2, b"ours, " + RAYS[:0] + b"the first\n" + RAYS + b"[2 of 3] done\rno end yet")
        os.write(2, b"\n" + RAYS[:30])
        os.write(2, RAYS[30:])
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "ours, the first\n[2 of 3] done\rno end yet\nafter\n"
