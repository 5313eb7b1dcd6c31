"""The outputs: what is declared, or each completion under its own name."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from runner.core.address import Key, with_key
from runner.core.api.answer import Answer, answer_in, output_value, text_alone
from runner.core.expansion.scope import Scope
from runner.core.expansion.session import Session
from runner.core.expressions.template import holes
from runner.core.modules.module import Declared, NamedValue
from runner.core.state.line import is_complete
from runner.core.state.records import Record
from runner.core.values import NotKnown, TemplateError, kind_of, plain
from runner.errors import Problem, RunnerError, sentence


class FileChange(Struct, frozen=True):
    """What will happen to the file of an output: `path` is relative to the project."""

    path: str
    output: str
    action: Literal["create", "change", "undecided"]


class OutputValue(Struct, frozen=True):
    """One output. `known` is false while an answer that it needs is missing, or was not accepted:
    `rejected` are the addresses of those.
    """

    name: str
    value: Any
    sensitive: bool = False
    known: bool = True
    file: str | None = None
    rejected: tuple[str, ...] = ()


def learn(session: Session, records: Mapping[str, Record], *, rejected: bool = False) -> None:
    """Make recorded answers known where no other answer is; those that were not accepted are
    recorded and no answers, unless somebody wants to look at them.
    """
    for address, record in records.items():
        is_answer = rejected or is_complete(record) or not record.rejected
        if address not in session.answers and is_answer:
            session.answers[address] = answer_in(record)


def outputs(
    session: Session,
    records: Mapping[str, Record],
    problems: list[Problem],
    asked: str | None = None,
) -> dict[str, OutputValue]:
    """Every output by name, sorted, or the one that is asked for; those of failed completions are
    not known.
    """
    scope = session.scopes[""]
    found: dict[str, OutputValue] = {}
    for name, value in scope.module.outputs.items():
        if asked in (None, name):
            found[name] = _declared(name, value, scope, problems, records)
    for name, declared in scope.module.completions.items():
        if name not in found and asked in (None, name):
            output = _own(name, declared, scope, records)
            if output is not None:
                found[name] = output
    return dict(sorted(found.items()))


def declared_outputs(session: Session, problems: list[Problem]) -> dict[str, OutputValue]:
    """The outputs of [output.*] blocks alone."""
    scope = session.scopes[""]
    return {
        name: _declared(name, value, scope, problems, {})
        for name, value in sorted(scope.module.outputs.items())
    }


def shown_outputs(found: Mapping[str, OutputValue]) -> dict[str, Any]:
    """What outputs.json holds: the known outputs, less the sensitive ones."""
    return {name: out.value for name, out in found.items() if out.known and not out.sensitive}


def _declared(
    name: str,
    value: NamedValue,
    scope: Scope,
    problems: list[Problem],
    records: Mapping[str, Record],
) -> OutputValue:
    table = value.block.table
    sensitive = table.get("sensitive") is True
    file = _file(name, scope, problems)
    if not sensitive and any(scope.masks(hole) for hole in holes(value.node)):
        said = (
            f"output.{name} shows a sensitive value. If that is meant, say so: sensitive = true; "
            "it then stays out of outputs.json."
        )
        problems.append(value.block.problem("Output refers to sensitive value", said, ("value",)))
        return OutputValue(name, None, sensitive=True, known=False)
    try:
        filled = plain(scope.value("output", name))
    except NotKnown as exc:
        record = records.get(exc.address)
        rejected = (exc.address,) if record is not None and record.rejected else ()
        return OutputValue(name, None, sensitive, False, file, rejected)
    except TemplateError as exc:
        said = f"In output.{name}: {sentence(exc.message)}"
        problem = value.block.problem("Invalid expression", said, exc.path, at=exc.at)
        problems.append(problem)
        return OutputValue(name, None, sensitive, False, file)
    except RunnerError as exc:
        problems.extend(exc.problems)
        return OutputValue(name, None, sensitive, False, file)
    return OutputValue(name, filled, sensitive, True, file)


def _file(name: str, scope: Scope, problems: list[Problem]) -> str | None:
    """Where an output is written as well; no answer is a part of it."""
    value = scope.module.files.get(name)
    if value is None:
        return None
    if any(scope.masks(hole) for hole in holes(value.node)):
        said = f"The name of the file of output.{name} would show a sensitive value."
        problems.append(value.block.problem("Sensitive value in a file's name", said, ("file",)))
        return None
    try:
        path = plain(value.node.render(scope.names))
    except TemplateError as exc:
        said = f"In output.{name}: {sentence(exc.message)}"
        problem = value.block.problem("Invalid expression", said, exc.path, at=exc.at)
        problems.append(problem)
        return None
    if not isinstance(path, str):
        said = f"The name of a file is a text, and this is a {kind_of(path)}."
        problems.append(value.block.problem("Wrong type", said, ("file",)))
        return None
    return path


def _own(
    name: str, declared: Declared, scope: Scope, records: Mapping[str, Record]
) -> OutputValue | None:
    address = scope.address(declared)
    if not declared.repeated:
        record = records.get(address)
        if record is not None and record.rejected:
            return OutputValue(name, None, known=False, rejected=(address,))
        return None if record is None else OutputValue(name, _value(record))
    keys = scope.session.keys.get(address)
    if keys is None:
        return None
    answers: dict[Key, Any] = {}
    rejected: list[str] = []
    for key in keys:
        place = with_key(address, key)
        record = records.get(place)
        if record is None:
            continue
        if record.rejected:
            rejected.append(place)
        else:
            answers[key] = _value(record)
    if keys and not (answers or rejected):
        return None  # none was issued yet, as where there is no other instance
    if declared.has_keys:
        by_key = {str(key): value for key, value in answers.items()}
        return OutputValue(name, by_key, rejected=tuple(rejected))
    # An answer that is missing leaves its place empty: the others keep their index.
    return OutputValue(name, [answers.get(key) for key in keys], rejected=tuple(rejected))


def _value(record: Record) -> Any:
    return text_alone(record.response) or output_value(Answer(record.response))
