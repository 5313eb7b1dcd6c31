"""A little of the fuzz in every run; `python -m tests.fuzz --minutes 5` does more of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.kinds import Bench, bench, kinds

_NUMBER = 21


@pytest.fixture(scope="module")
def held() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.mark.parametrize("number", range(_NUMBER))
def test_no_input_makes_a_command_break_hang_or_write(held: Bench, number: int) -> None:
    """Whatever stands in files, variables and responses, a command says what is wrong and ends."""
    kind = kinds(held)[number]
    settled = settings(
        max_examples=kind.quick,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )

    @settled
    @given(st.data())
    def attempt(data: Any) -> None:
        kind.attempt(held, data.draw(kind.inputs))

    attempt()


def test_every_kind_has_its_turn(held: Bench) -> None:
    assert len(kinds(held)) == _NUMBER
