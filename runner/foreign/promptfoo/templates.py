"""Nunjucks as Jinja: the same but for the names, which are those of a case here."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from runner.core.address import Path
from runner.core.expressions.template import compile_value
from runner.core.values import TemplateError
from runner.foreign.promptfoo.evaluation import Evaluation

_HOLE = re.compile(r"(\{\{-?|\{%-?)(.*?)(-?\}\}|-?%\})", re.DOTALL)
_WORD = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<before>[.|]\s*)?(?P<name>[A-Za-z_]\w*)"""
)
_WORDS = frozenset(
    {"if", "else", "elif", "elseif", "endif", "for", "endfor", "in", "not", "and", "or", "is"}
    | {"set", "endset", "true", "false", "none", "null", "loop", "raw", "endraw", "defined"}
    | {"undefined"}
)
_FILTERS = {"dump": "tojson", "null": "none", "elseif": "elif"}


@dataclass(frozen=True, slots=True)
class Templates:
    """The texts of a configuration, whose tests have these variables."""

    held: Evaluation
    names: Collection[str]

    def text(self, path: Path, text: str) -> str | None:
        """The text with the names of a case; None, and a problem, where that cannot be told."""
        own = set(re.findall(r"\{%-?\s*(?:for|set)\s+(\w+)(?:\s*,\s*(\w+))?", text))
        loops = {name for pair in own for name in pair if name}
        unknown: list[str] = []
        made = _HOLE.sub(lambda hole: self._hole(hole, loops, unknown), text)
        if unknown:
            what = "a variable of the environment: write env('NAME')" if unknown[0] == "env" else (
                "a variable of no test: add it to vars, or to the vars of defaultTest"
            )  # fmt: skip
            self.held.refuse(path, f"{unknown[0]} is {what}.")
            return None
        try:
            compile_value(made)
        except TemplateError as exc:
            self.held.refuse(path, f"It is no template here: {exc.message}.")
            return None
        return made

    def _hole(self, hole: re.Match[str], loops: set[str], unknown: list[str]) -> str:
        def word(found: re.Match[str]) -> str:
            name = found["name"]
            if found["text"] is not None:
                return found[0]
            if found["before"]:
                before = found["before"]
                return f"{before}{_FILTERS.get(name, name)}" if before[0] == "|" else found[0]
            if name in self.names and name not in loops:
                return f"matrix.case.{name}"
            if name not in _WORDS and name not in loops:
                unknown.append(name)
            return _FILTERS.get(name, name)

        return f"{hole[1]}{_WORD.sub(word, hole[2])}{hole[3]}"
