"""What a person sees of an answer while it is written."""

from hypothesis import given
from hypothesis import strategies as st

from runner.core.redact import redact_text
from runner.shell.providers.showing import Showing

PIECES = st.lists(st.text("ab c", max_size=6), max_size=8)
SECRETS = st.lists(st.text("ab", min_size=1, max_size=5), max_size=3).map(tuple)


def shown(pieces: list[str], *secrets: str, answered: bool = True) -> list[str]:
    written: list[str] = []
    showing = Showing(written.append, secrets)
    for piece in pieces:
        showing.text(piece)
    showing.end(answered=answered)
    return written


@given(PIECES, SECRETS)
def test_no_cut_lets_a_secret_through(pieces: list[str], secrets: tuple[str, ...]) -> None:
    assert "".join(shown(pieces, *secrets)) == redact_text("".join(pieces), secrets)


def test_what_begins_no_secret_is_shown_at_once() -> None:
    assert shown(["The sun", " was", "n't"], "fish") == ["The sun", " was", "n't"]
    assert shown(["The s", "un"], "swordfish") == ["The ", "sun"]
    assert shown(["a swo", "rdf", "ish!"], "swordfish", "") == ["a ", "(sensitive)!"]


def test_another_attempt_begins_on_a_line_of_its_own() -> None:
    assert shown(["The s"], "swordfish", answered=False) == ["The ", "s", "\n"]
    assert shown([], answered=False) == []
