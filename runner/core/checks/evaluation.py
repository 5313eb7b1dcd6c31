"""A check on recorded answers: a pure function of what is declared and what is recorded."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.core.address import Path
from runner.core.api.answer import Answer
from runner.core.budget import Rendering
from runner.core.canonical import dotted
from runner.core.checks.known_values import ValueFault, as_if_written, value_fault
from runner.core.checks.matchers import Expectation, expectation
from runner.core.checks.matching import ExaminedAnswer, Measures, score_of, verdict_on
from runner.core.checks.outcomes import CheckedAnswer
from runner.core.checks.programs import Command, line_for, programs_of
from runner.core.checks.telling import cut_short, shown_why
from runner.core.checks.verdicts import CheckVerdict, DoesNot, Holds, Mismatch, Unscored, every
from runner.core.expansion.lazy import Lazy
from runner.core.expansion.scope import Scope
from runner.core.expansion.session import OF_INSTANCE, Instance
from runner.core.expressions.template import Constant, Hole, Node, holes
from runner.core.language.check_rules import MATCHERS
from runner.core.language.names import RECORD_ATTRIBUTES
from runner.core.modules.module import DeclaredCheck
from runner.core.received import table_of
from runner.core.state.records import Record
from runner.core.values import MASK, Names, NotKnown, Ref, TemplateError, plain
from runner.errors import RunnerError, sentence


@dataclass(frozen=True, slots=True)
class Around:
    """What a check's texts may name besides the answer: the root module; `hide` takes out of a text
    what nobody may see; `say` starts a program, which says something of each of some lines.
    """

    scope: Scope
    measures: Measures
    hide: Callable[[str], str]
    say: Callable[[Command, Sequence[bytes]], Sequence[CheckVerdict]]


def checked(
    check: DeclaredCheck, answers: Sequence[tuple[Instance, Record]], around: Around
) -> Iterator[CheckedAnswer]:
    """What is found about each answer; RunnerError where a text of the check cannot be filled, by
    no fault of the answer.
    """
    entries = [_Entry(check, path, node, around) for path, node in check.entries]
    said = _said(check, answers, around)
    for index, (instance, record) in enumerate(answers):
        told = {command: verdicts[index] for command, verdicts in said.items()}
        answer = Answer(record.response, record.request)
        answered = ExaminedAnswer(record.address, record, answer, around.measures, told)
        names = _Names(instance, answered, around)
        if check.score is not None:
            verdict = entries[0].score(answered, names)
        else:
            verdict = every([entry.verdict(answered, names) for entry in entries])
        if isinstance(verdict, Unscored):
            verdict = Unscored(shown_why(verdict.why, around.hide))
        yield CheckedAnswer(record.address, record.fingerprint, verdict)


def _said(
    check: DeclaredCheck, answers: Sequence[tuple[Instance, Record]], around: Around
) -> Mapping[Command, Sequence[CheckVerdict]]:
    """What each program says of the answers: one process a check, however many they are."""
    commands = programs_of(check)
    if not (commands and answers):
        return {}
    lines = []
    for instance, record in answers:
        own = instance.names()
        of = {name: plain(own[name]) for name in OF_INSTANCE if name in own}
        request = table_of(record.request)
        lines.append(line_for(record.address, Answer(record.response), request, of))
    return {command: around.say(command, lines) for command in commands}


class _Names:
    """What texts may name beside one answer, made when the first of them is filled."""

    __slots__ = ("_answered", "_around", "_instance", "_made")

    def __init__(self, instance: Instance, answered: ExaminedAnswer, around: Around) -> None:
        self._instance, self._answered, self._around = instance, answered, around
        self._made: Names | None = None

    def all(self) -> Names:
        if self._made is None:
            own = self._instance.names()
            root = self._around.scope.names
            shown = own if self._instance.scope is self._around.scope else root
            also = {name: own[name] for name in OF_INSTANCE if name in own}
            record = _told_of(self._answered)
            self._made = {**shown, **also, "self": self._answered.answer, "record": record}
        return self._made

    def unknown(self, refs: Iterable[Ref]) -> str | None:
        """What of the record that is referred to nobody knows."""
        record = self.all()["record"]
        for ref in refs:
            if ref[0] == "record" and len(ref) > 1 and record[ref[1]] is None:
                cost = ref[1] == "cost"
                return "nobody knows its price" if cost else f"its {ref[1]} is not known"
        return None


def _told_of(answered: ExaminedAnswer) -> Mapping[str, Any]:
    """`record`: what an answer took, looked up when it is asked for."""
    record = answered.record

    def value(name: str) -> Any:
        match name:
            case "cost":
                return answered.measures.cost(record)
            case "seconds":
                return record.duration_ms / 1000
            case "attempts":
                return record.attempts
            case _:
                return answered.answer["model"]

    return Lazy(RECORD_ATTRIBUTES, value)


class _Entry:
    """One entry of a check; what is written as it is, is read once."""

    def __init__(self, check: DeclaredCheck, path: Path, node: Node, around: Around) -> None:
        self._check, self._path, self._node, self._around = check, path, node, around
        source: Any = check.block.table
        for step in path:
            source = source[step]
        self._source: Mapping[str, Any] = source
        self._masked = around.scope.masks_any(node)
        self._constant = self._read(node.value, None) if isinstance(node, Constant) else None

    def verdict(self, answered: ExaminedAnswer, names: _Names) -> CheckVerdict:
        found = self._filled(names)
        if not isinstance(found, Expectation):
            return found
        verdict = verdict_on(found, answered)
        return self._as_shown(verdict) if isinstance(verdict, DoesNot) else verdict

    def score(self, answered: ExaminedAnswer, names: _Names) -> CheckVerdict:
        found = self._filled(names)
        if not isinstance(found, Expectation):
            return found
        score = score_of(found, answered)
        return score if isinstance(score, Unscored) else Holds(score)

    def _filled(self, names: _Names) -> Expectation | DoesNot | Unscored:
        if self._constant is not None:
            return self._constant
        try:
            with Rendering():
                table = plain(self._node.render(names.all()))
        except NotKnown as exc:
            return Unscored(f"{exc.address} has no answer yet")
        except TemplateError as exc:
            return self._unusable(exc, names)
        return self._read(table, names)

    def _read(self, table: Any, names: _Names | None) -> Expectation | DoesNot | Unscored:
        """What values expect that are known, as if they had been written there."""
        try:
            held = as_if_written(table)
        except TemplateError as exc:
            return self._unusable(TemplateError(exc.message, self._path, exc.at), names)
        fault = value_fault(self._path, held, is_score=self._check.score is not None)
        return expectation(held, self._source) if fault is None else self._faulty(fault, names)

    def _faulty(self, fault: ValueFault, names: _Names | None) -> DoesNot | Unscored:
        said = f"{dotted(fault.path)} is not what it must be" if self._masked else fault.said
        if fault.is_nothing and names is not None:
            return Unscored(f"nothing is expected of it: {sentence(said)}")
        return self._unusable(TemplateError(said, fault.path), names)

    def _unusable(self, exc: TemplateError, names: _Names | None) -> DoesNot | Unscored:
        """What a value that is of no use says of the answer; RunnerError where it reads none, and
        is wrong whatever the answer is.
        """
        refs = [ref for hole in self._holes_at(exc.path) for ref in hole.refs]
        unknown = None if names is None else names.unknown(refs)
        if unknown is not None:
            return Unscored(unknown)
        if any(ref[0] in {"self", "record"} for ref in refs):
            return self._as_shown(DoesNot((Mismatch(self._told(), exc.message),), either_way=True))
        raise self._fault(exc) from exc

    def _holes_at(self, path: Path) -> Iterator[Hole]:
        for hole in holes(self._node):
            near = min(len(path), len(hole.path))
            if hole.path[:near] == path[:near]:
                yield hole

    def _told(self) -> str:
        key = next((name for name in MATCHERS if name in self._source), "")
        return f"{key} of {self._source.get('on', self._source.get(key))}"

    def _fault(self, exc: TemplateError) -> RunnerError:
        said = f"In {self._check.address}: {sentence(self._around.hide(exc.message))}"
        return RunnerError(
            self._check.block.problem("Invalid expression", said, exc.path, at=exc.at)
        )

    def _as_shown(self, verdict: DoesNot) -> DoesNot:
        hide, masked = self._around.hide, self._masked
        faults = tuple(
            Mismatch(
                MASK if masked else cut_short(hide(fault.expected)), cut_short(hide(fault.got))
            )
            for fault in verdict.faults
        )
        return DoesNot(faults, verdict.either_way)
