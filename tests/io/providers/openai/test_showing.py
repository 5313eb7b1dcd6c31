"""What a person sees of an answer while it is written."""

from runner.io.providers.openai.showing import Showing


def shown(pieces: list[str], *secrets: str, answered: bool = True) -> list[str]:
    written: list[str] = []
    showing = Showing(written.append, secrets)
    for piece in pieces:
        showing.text(piece)
    showing.end(answered=answered)
    return written


def test_what_begins_no_secret_is_shown_at_once() -> None:
    assert shown(["The sun", " was", "n't"], "fish") == ["The sun", " was", "n't"]
    assert shown(["The s", "un"], "swordfish") == ["The ", "sun"]
    assert shown(["a swo", "rdf", "ish!"], "swordfish", "") == ["a ", "(sensitive)!"]


def test_another_attempt_begins_on_a_line_of_its_own() -> None:
    assert shown(["The s"], "swordfish", answered=False) == ["The ", "s", "\n"]
    assert shown([], answered=False) == []
