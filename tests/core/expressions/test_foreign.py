"""What Terraform calls a function is told as it is written here."""

import re

import pytest

from runner.core.expressions.foreign import FILTERS, WHY, instead
from runner.core.expressions.template import compile_text
from runner.hcl import functions

KNOWN = {
    *FILTERS,
    *WHY,
    *(name for name, _ in functions._PATTERNS),
    *functions._MANY,
    *("concat", "format", "jsonencode", "merge", "nonsensitive", "substr", "templatefile", "len"),
} - {"range", "sha256"}  # are functions here too


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_each_function_that_convert_knows_is_told_as_an_expression(name: str) -> None:
    said = instead(name, f"{name}(var.x, 1)")
    assert said is not None
    for hole in re.findall(r"\{\{.*?\}\}", said):
        compile_text(hole)


def test_a_filter_is_told_with_what_it_was_called_with() -> None:
    assert instead("upper", "upper(var.x)") == "upper(..) is written {{ var.x | upper }} here."
    assert instead("tojson", "tojson(x ~ y)") == "tojson(..) is written {{ x | tojson }} here."
    assert instead("lenght", "lenght(x)") == "length(..) is written {{ x | length }} here."
    assert instead("frobnicate", "frobnicate(x)") is None
