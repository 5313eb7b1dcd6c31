"""What the end of an apply shows of outputs."""

from typing import Any

import pytest

from runner.cli.views.running.report import _outputs, output_lines
from runner.core.expansion.outputs import OutputValue

MANY = 100_000


@pytest.mark.parametrize(
    "value",
    [
        {f"k{number}": "an answer" for number in range(MANY)},
        dict.fromkeys(map(str, range(MANY)), ""),
        [0] * MANY,
        ["\u2028"] * MANY,
        {"deep": [{"text": "word " * 400}] * 20},
        ["short", None],
        "a text\n" * 400,
    ],
)
def test_a_large_output_is_shown_by_its_beginning(value: Any) -> None:
    whole = "\n".join(output_lines("page", value))
    (shown,) = _outputs({"page": OutputValue("page", value)})
    head, found, _ = shown.partition("\n.. (the rest: runner output page)")
    assert head == (whole[:1000] if found else whole)
    assert bool(found) == (len(whole) > 1000)
