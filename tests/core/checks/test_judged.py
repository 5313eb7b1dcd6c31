"""A judge's reply is a verdict, or tells nothing: it is never a pass by mistake."""

from typing import Any

import orjson
import pytest

from runner.core.checks.judged import majority, read_verdicts
from runner.core.checks.verdicts import CheckVerdict, DoesNot, Holds, Mismatch, Unscored, outcome_of
from runner.core.modules.module import Judging

ONE = Judging("x", ("completion.a",))
TWO = Judging("x", ("completion.a",), rubrics=("accuracy", "clarity"))
SCALED = Judging("x", ("completion.a",), scale=10)
PASS, FAIL, NOTHING = (
    Holds(),
    DoesNot((Mismatch("the judge says pass", "fail: rude"),)),
    Unscored("why"),
)


def reply(said: Any, finish_reason: str = "stop") -> bytes:
    content = said if isinstance(said, str) else orjson.dumps(said).decode()
    message = {"role": "assistant", "content": content}
    return orjson.dumps({"choices": [{"message": message, "finish_reason": finish_reason}]})


def only(response: bytes, judging: Judging = ONE) -> CheckVerdict:
    (verdict,) = read_verdicts(response, judging).values()
    return verdict


def test_a_pass_holds_and_a_fail_does_not_with_its_reason() -> None:
    assert only(reply({"reason": "kind", "verdict": "pass"})) == Holds()
    assert only(reply({"reason": "rude", "verdict": "fail"})) == FAIL
    assert only(reply({"verdict": " PASS "})) == Holds()


@pytest.mark.parametrize("around", ["```json\n{}\n```", "```\n{}\n```\n", "\n{}\n"])
def test_json_that_was_asked_for_in_words_may_stand_in_a_block_of_code(around: str) -> None:
    assert only(reply(around.replace("{}", '{"reason": "", "verdict": "pass"}'))) == Holds()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("pass", "is no JSON"),
        ("Sure! The verdict is pass.", "is no JSON"),
        ('{"verdict": "pass"} and more', "is no JSON"),
        ("", "is no JSON"),
        ({}, "neither pass nor fail"),
        ([], "neither pass nor fail"),
        (None, "neither pass nor fail"),
        ({"verdict": True}, "neither pass nor fail"),
        ({"verdict": "passed"}, "neither pass nor fail"),
        ({"verdict": ["pass"]}, "neither pass nor fail"),
        ({"CheckVerdict": "pass"}, "neither pass nor fail"),
        ({"judgement": {"verdict": "pass"}}, "neither pass nor fail"),
    ],
)
def test_what_is_no_verdict_is_unscored(said: Any, why: str) -> None:
    verdict = only(reply(said))
    assert isinstance(verdict, Unscored)
    assert why in verdict.why


@pytest.mark.parametrize("body", [b"", b"{}", b'{"choices": []}', b"null", b'{"choices": [{}]}'])
def test_a_response_without_an_answer_is_unscored(body: bytes) -> None:
    assert isinstance(only(body), Unscored)


def test_a_reply_that_was_cut_says_so() -> None:
    verdict = only(reply('{"reason": "It is', finish_reason="length"))
    assert isinstance(verdict, Unscored)
    assert "was cut at max tokens" in verdict.why


def test_each_rubric_has_a_verdict_of_its_own() -> None:
    said = {"accuracy": {"reason": "rude", "verdict": "fail"}, "clarity": "pass"}
    found = read_verdicts(reply(said), TWO)
    assert found["accuracy"] == DoesNot(
        (Mismatch("the judge of accuracy says pass", "fail: rude"),)
    )
    assert isinstance(found["clarity"], Unscored)


@pytest.mark.parametrize("score", [-1, 11, True, "7", None])
def test_a_score_is_a_number_of_the_scale(score: Any) -> None:
    assert only(reply({"reason": "", "score": 7}), SCALED) == Holds(0.7)
    assert isinstance(only(reply({"score": score}), SCALED), Unscored)


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [
        ([PASS], "holds"),
        ([PASS, PASS, FAIL], "holds"),
        ([PASS, FAIL, FAIL], "does not hold"),
        ([PASS, PASS, NOTHING], "holds"),
        ([PASS, NOTHING, NOTHING], "unscored"),
        ([PASS, FAIL, NOTHING], "unscored"),
        ([PASS, FAIL], "unscored"),
        ([NOTHING], "unscored"),
    ],
)
def test_what_more_than_half_of_the_samples_say_counts(
    verdicts: list[CheckVerdict], outcome: str
) -> None:
    assert outcome_of(majority(verdicts)) == outcome


def test_several_scores_count_as_their_mean() -> None:
    assert majority([Holds(0.25), Holds(0.75), NOTHING]) == Holds(0.5)
    assert majority([Holds(1.0), NOTHING]) == NOTHING
