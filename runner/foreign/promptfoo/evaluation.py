"""A promptfoo configuration as it was written, with its places, and what is wrong with it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from runner.core.address import Path
from runner.core.budget import Rendering
from runner.core.expressions.yaml import yaml_lines, yaml_of
from runner.core.language.findings import KEY
from runner.core.values import TemplateError
from runner.errors import Problem, Where, error

ReadText = Callable[[str], str]
"""The text of a file named from the folder of the configuration; RunnerError if there is none."""


@dataclass(slots=True)
class Evaluation:
    """What the file holds. `left_out` are the comments that stand for what was not converted."""

    file: str
    text: str
    read: ReadText
    value: dict[str, Any]
    lines: dict[Path, int]
    problems: list[Problem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def where(self, path: Path) -> Where:
        """The line of a value, or of what holds it."""
        while path and path not in self.lines:
            path = path[:-1]
        number = self.lines.get(path, 1)
        shown = self.text.split("\n")[number - 1].rstrip()
        column = len(shown) - len(shown.lstrip()) + 1
        hidden = KEY.sub(lambda key: f"{key[0][:3]}…", shown)
        return Where(self.file, number, column, hidden)

    def refuse(self, path: Path, said: str) -> None:
        """Something whose meaning is lost: why, and what to write."""
        self.problems.append(Problem("Not converted", said, self.where(path)))
        name = ".".join(map(str, path)) or "this file"
        self.left_out.append(f"# not converted: {name} ({self.where(path)})")

    def warn(self, path: Path, summary: str, said: str) -> None:
        """Something that loses no meaning, or that needs a look."""
        self.problems.append(Problem(summary, said, self.where(path), "warning"))

    def refuse_unknown(self, path: Path, table: dict[str, Any], known: Iterable[str]) -> None:
        """The keys of a table that nothing is made of."""
        for key in table.keys() - set(known):
            self.refuse((*path, key), f"{key} has no counterpart here. {_ADVICE.get(key, _LEAVE)}")


_LEAVE = "Leave it out, or keep it in promptfoo."
_ADVICE = {
    "scenarios": "Write out its tests, or make an axis of a matrix of each list.",
    "transform": 'Look at a part of the answer instead: on = "{{ self.json.city }}" in a check.',
    "nunjucksFilters": "Write the expression with the filters of `runner docs expressions`.",
    "env": "Variables of the environment stand in the shell, or in the file .env of the project.",
    "outputPath": "Write outputs: `runner docs outputs`; a report: `runner report --json FILE`.",
    "redteam": "The runner attacks no models.",
    "extensions": "The runner runs no hooks.",
    "threshold": "Write at_least in a check: the share of answers that has to hold.",
    "weight": "A check is met or not; a share is said with at_least.",
    "provider": "Name the judge in each assertion, or in [runner] judge.",
}


def evaluation(file: str, text: str, read: ReadText) -> Evaluation:
    """The file, read. RunnerError where it is not YAML, or no configuration."""
    try:
        with Rendering():
            value, lines = yaml_of(text, file), yaml_lines(text, file)
    except TemplateError as exc:
        raise error("Invalid YAML", exc.message, Where(file)) from exc
    if not isinstance(value, dict) or "prompts" not in value or "providers" not in value:
        said = "A promptfoo configuration has prompts and providers; this file does not."
        raise error("No promptfoo configuration", said, Where(file))
    return Evaluation(file, text, read, value, lines)
