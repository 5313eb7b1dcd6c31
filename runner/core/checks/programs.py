"""What a program is told of each answer, and what it says of it: a line of JSON each way."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from runner.core.address import Path
from runner.core.api.answer import Answer, output_value
from runner.core.checks.verdicts import CheckVerdict, DoesNot, Holds, Mismatch, Unscored
from runner.core.modules.module import DeclaredCheck
from runner.core.received import value_of

Command = tuple[str, ...]
"""A program, and the words after it."""


def programs_of(check: DeclaredCheck) -> tuple[Command, ...]:
    """The programs that a check starts, each once."""
    return tuple(dict.fromkeys(command for _, command in placed_programs(check)))


def placed_programs(check: DeclaredCheck) -> Iterator[tuple[Path, Command]]:
    """The programs that a check starts, each with its place in the block."""
    table = check.block.table
    yield from _commands((("expect", i), one) for i, one in enumerate(table.get("expect", ())))
    yield from _commands([(("score",), table.get("score"))])


def line_for(address: str, answer: Answer, request: Any, of: Mapping[str, Any]) -> bytes:
    """What a program reads of one answer; `of` are the values of its instance."""
    told = {"address": address, "content": output_value(answer), **of}
    told |= {"request": request, "response": answer["response"]}
    return orjson.dumps(told)


def verdicts_of(command: Command, said: str, count: int) -> list[CheckVerdict]:
    """What each line of a program's says, in the order of the answers; those for which there is no
    line, or none that says pass or score, are unscored.
    """
    # Only "\n" ends a line: JSON may hold what Unicode calls the end of one, as an answer may.
    lines = said.removesuffix("\n").split("\n") if said else []
    if len(lines) > count:
        why = f"{command[0]} wrote {len(lines)} lines for {count} answers"
        return [Unscored(why) for _ in range(count)]
    found = [_verdict(command, line) for line in lines]
    missing = Unscored(f"{command[0]} wrote no line for it")
    return [*found, *(missing for _ in range(count - len(found)))]


def _verdict(command: Command, line: str) -> CheckVerdict:
    expected = f"{' '.join(command)} to pass"
    match value_of(line.encode()):
        case {"pass": True}:
            return Holds()
        case {"pass": False, **rest}:
            return DoesNot((Mismatch(expected, str(rest.get("reason", "no"))),))
        case {"score": int() | float() as score} if 0 <= score <= 1 and score is not True:
            return Holds(float(score))
        case _:
            shown = json.dumps(line, ensure_ascii=False)
            return Unscored(f"{command[0]} wrote neither pass nor a score from 0 to 1: {shown}")


def _commands(entries: Iterable[tuple[Path, Any]]) -> Iterator[tuple[Path, Command]]:
    for path, entry in entries:
        match entry:
            case {"program": [*words]}:
                yield (*path, "program"), tuple(map(str, words))
            case {"not": inner}:
                yield from _commands([((*path, "not"), inner)])
            case {"any": [*inner]}:
                yield from _commands(((*path, "any", i), one) for i, one in enumerate(inner))
            case {"all": [*inner]}:
                yield from _commands(((*path, "all", i), one) for i, one in enumerate(inner))
            case _:
                pass
