"""A text is found where people would read it, and not in the form of a record."""

import json
import re

import orjson
import pytest

from runner.core.viewing.searching import has_match, has_text, spellings


def line(asked: str, answered: str, *, ascii_only: bool = False) -> bytes:
    held = {
        "address": "completion.a",
        "fingerprint": "feed",
        "request": {"messages": [{"role": "user", "content": [{"type": "text", "text": asked}]}]},
        "response": {"id": "x1", "choices": [{"message": {"content": answered}}]},
    }
    return json.dumps(held).encode() if ascii_only else orjson.dumps(held)


@pytest.mark.parametrize("text", ["lima", "LIMA", "peru's", '"quoted"', "two\nlines"])
def test_a_text_is_found_in_question_and_answer(text: str) -> None:
    for held in (line(f"x {text} y", ""), line("", f"x {text} y")):
        assert has_text(held, text)
        assert any(spelling in held.lower() for spelling in spellings(text))


def test_letters_beyond_ascii_are_found_however_they_are_written() -> None:
    for held in (line("", "süß 🙂"), line("", "süß 🙂", ascii_only=True)):
        for text in ("süß", "🙂"):
            assert any(spelling in held.lower() for spelling in spellings(text))
            assert has_text(held, text)


@pytest.mark.parametrize("text", ["role", "user", "text", "feed", "x1", "content"])
def test_the_form_is_no_text(text: str) -> None:
    assert not has_text(line("a", "b"), text)


def test_a_pattern_is_searched_there_too() -> None:
    assert has_match(line("", "Lima, Peru"), re.compile("Lima.*Peru").search)
    assert not has_match(line("", "Lima"), re.compile("user").search)


def test_what_is_no_record_has_no_text() -> None:
    assert not has_text(b"{", "a")
