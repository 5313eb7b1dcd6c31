"""What judges said of answers: their recorded verdicts, read, and several of one answer as one."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson

from runner.core.api.answer import Answer
from runner.core.checks.telling import cut_short, shown_why
from runner.core.checks.verdicts import CheckVerdict, DoesNot, Holds, Mismatch, Unscored
from runner.core.expansion.session import Instance
from runner.core.modules.judge_prompt import answer_text
from runner.core.modules.module import Judging
from runner.core.plan.known import Known, request_of
from runner.core.received import json_of
from runner.core.values import NotKnown
from runner.errors import RunnerError

NOT_YET = Unscored("it has no verdict yet; `runner apply` asks for it")
_STALE = (
    "its verdict is about another answer or another rubric than now; `runner apply` asks for it"
)
_BLOCK = re.compile(r"\A\s*```(?:json)?\s*\n(.*)\n\s*```\s*\Z", re.DOTALL)


def given_verdicts(
    judging: Judging, instances: Iterable[Instance], known: Known, hide: Callable[[str], str]
) -> dict[str, dict[str, CheckVerdict]]:
    """The verdict on each answer that is there, by its address: one for each rubric, whose name is
    empty where there is only one. A verdict counts only for what it would be asked about now;
    `hide` takes out of a text what nobody may see.
    """
    given: dict[str, list[dict[str, CheckVerdict]]] = {}
    for instance in instances:
        if instance.judged is not None and known.session.answers.get(instance.judged.address):
            said = _recorded(instance, judging, known)
            given.setdefault(instance.judged.address, []).append(said)
    return {
        address: {
            name: _shown(majority([each[name] for each in said]), hide)
            for name in rubrics_of(judging)
        }
        for address, said in given.items()
    }


def _shown(verdict: CheckVerdict, hide: Callable[[str], str]) -> CheckVerdict:
    match verdict:
        case Holds():
            return verdict
        case DoesNot(faults):
            return DoesNot(
                tuple(Mismatch(each.expected, cut_short(hide(each.got))) for each in faults)
            )
        case Unscored(why):
            return Unscored(shown_why(why, hide))


def _recorded(instance: Instance, judging: Judging, known: Known) -> dict[str, CheckVerdict]:
    record = known.records.get(instance.address)
    try:
        current = request_of(instance, known).fingerprint
    except NotKnown:
        return _all(judging, NOT_YET)
    except RunnerError as exc:
        why = " ".join(problem.detail for problem in exc.problems)
        return _all(judging, Unscored(f"no verdict can be asked for: {why}"))
    if record is None:
        return _all(judging, NOT_YET)
    if record.fingerprint != current:
        return _all(judging, Unscored(_STALE))
    return read_verdicts(record.response, judging)


def read_verdicts(response: bytes, judging: Judging) -> dict[str, CheckVerdict]:
    """What a judge's reply says by each rubric. What cannot be read as a verdict tells nothing, and
    stands whole in the reason.
    """
    answer = Answer(response)
    text = answer_text(answer)
    try:
        value = _json(text)
    except ValueError:
        cut = ", and was cut at max tokens" if answer["finish_reason"] == "length" else ""
        return _all(judging, Unscored(f"the judge's reply is no JSON{cut}: {_as_text(text)}"))
    if not judging.rubrics:
        return {"": _verdict(value, "", judging.scale)}
    held = value if isinstance(value, dict) else {}
    return {name: _verdict(held.get(name), name, judging.scale) for name in judging.rubrics}


def majority(verdicts: Sequence[CheckVerdict]) -> CheckVerdict:
    """What more than half of them say; of scores, the mean. Else it could not be told."""
    scored = [verdict for verdict in verdicts if not isinstance(verdict, Unscored)]
    scores = [said.score for said in scored if isinstance(said, Holds) and said.score is not None]
    if 2 * len(scores) > len(verdicts):
        return Holds(sum(scores) / len(scores))
    for kind in (Holds, DoesNot):
        alike = [verdict for verdict in scored if isinstance(verdict, kind)]
        if 2 * len(alike) > len(verdicts):
            return alike[0]
    if len(scored) < len(verdicts):
        return next(verdict for verdict in verdicts if isinstance(verdict, Unscored))
    return Unscored(f"{len(verdicts)} verdicts, and no majority")


def rubrics_of(judging: Judging) -> tuple[str, ...]:
    """The names of the rubrics; the only one has none."""
    return judging.rubrics or ("",)


def _all(judging: Judging, verdict: CheckVerdict) -> dict[str, CheckVerdict]:
    return dict.fromkeys(rubrics_of(judging), verdict)


def _json(text: str) -> Any:
    """The JSON that a reply is, also in a block of code, as many models write it."""
    block = _BLOCK.match(text)
    return json_of(block[1] if block is not None else text)


def _verdict(value: Any, rubric: str, scale: float | None) -> CheckVerdict:
    held: Mapping[str, Any] = value if isinstance(value, dict) else {}
    if scale is not None:
        score = held.get("score")
        if isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= scale:
            return Holds(score / scale)
        return Unscored(f"{_who(rubric)} gave no score from 0 to {scale:g}: {_as_text(value)}")
    said = held.get("verdict")
    match said.strip().casefold() if isinstance(said, str) else None:
        case "pass":
            return Holds()
        case "fail":
            reason = held.get("reason")
            said = f"fail: {reason}" if isinstance(reason, str) and reason else "fail"
            return DoesNot((Mismatch(f"{_who(rubric)} says pass", said),))
        case _:
            return Unscored(f"{_who(rubric)} said neither pass nor fail: {_as_text(value)}")


def _who(rubric: str) -> str:
    return f"the judge of {rubric}" if rubric else "the judge"


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
