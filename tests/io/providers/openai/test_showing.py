"""What is told of an answer while it is written."""

from collections.abc import Iterator

from runner.core.plan.events import CutOff, Writing, Written
from runner.io.providers.openai.showing import Showing


def told(pieces: list[str], *secrets: str, answered: bool = True) -> list[Writing]:
    heard: list[Writing] = []
    showing = Showing("a", heard.append, secrets, lambda: 0.0)
    for piece in pieces:
        showing.text(piece, 1)
    showing.end(answered=answered)
    return heard


def written(*texts: str, pieces: tuple[int, ...] = ()) -> list[Writing]:
    counts = pieces or (1,) * len(texts)
    return [Written("a", text, count) for text, count in zip(texts, counts, strict=True)]


def test_what_begins_no_secret_is_told_at_once() -> None:
    assert told(["The sun", " was", "n't"], "fish") == written("The sun", " was", "n't")
    assert told(["The s", "un"], "swordfish") == written("The ", "sun")
    assert told(["a swo", "rdf", "ish!"], "swordfish", "") == written(
        "a ", "(sensitive)!", pieces=(1, 2)
    )


def test_what_was_written_of_no_answer_is_said_to_be_none() -> None:
    assert told(["The s"], "swordfish", answered=False) == [
        *written("The ", "s", pieces=(1, 0)),
        CutOff("a"),
    ]
    assert told([], answered=False) == []


def test_the_first_token_may_be_no_text() -> None:
    times: Iterator[float] = iter((3.0, 4.0))
    showing = Showing("a", lambda _: None, (), lambda: next(times))
    assert showing.first is None
    showing.begin()
    assert showing.first == 3.0
