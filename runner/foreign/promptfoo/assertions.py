"""promptfoo's assertions: checks of the answers of their cases."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.core.address import Path
from runner.core.patterns import pattern
from runner.foreign.promptfoo.cases import read_beside
from runner.foreign.promptfoo.evaluation import Evaluation
from runner.foreign.promptfoo.providers import target
from runner.foreign.promptfoo.templates import Templates
from runner.foreign.requests import as_sent

_Made = dict[str, Any]

_KNOWN = ("type", "value", "threshold", "metric", "assert", "provider", "rubricPrompt", "config")
_JUDGES = ("llm-rubric", "g-eval", "model-graded-closedqa")
_CODE = ("javascript", "python", "ruby", "webhook")
_ALIKE = 0.75  # where no threshold is said


@dataclass(frozen=True, slots=True)
class Asserted:
    """What becomes of an assertion: the keys of a check, and what it may be called."""

    name: str
    keys: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Assertions:
    """Makes checks of assertions."""

    held: Evaluation
    templates: Templates

    def of(self, path: Path, listed: Any) -> list[Asserted]:
        """Those of a test."""
        made = []
        for place, each in self._each(path, listed):
            found = self._one(place, each)
            if found is not None:
                made.append(Asserted(str(each.get("metric") or each["type"]), found))
        return made

    def _each(self, path: Path, listed: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
        """What is an assertion; what is none is told."""
        for index, each in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(each, dict) and isinstance(each.get("type"), str):
                yield (*path, index), each
            else:
                self.held.refuse((*path, index), "An assertion is a table with a type.")

    def _one(self, path: Path, given: dict[str, Any]) -> dict[str, Any] | None:
        before = len(self.held.problems)
        self.held.refuse_unknown(path, given, _KNOWN)
        kind = given["type"]
        if kind in _JUDGES:
            return self._judged(path, given)
        entry = self._entry(path, given)
        wrong = [each for each in self.held.problems[before:] if each.severity == "error"]
        return None if entry is None or wrong else {"expect": [entry]}

    def _entry(self, path: Path, given: dict[str, Any]) -> _Made | None:
        """The matcher that says the same."""
        kind: str = given["type"]
        if kind.startswith("not-"):
            inner = self._entry(path, {**given, "type": kind.removeprefix("not-")})
            return None if inner is None else {"not": inner}
        if kind == "assert-set":
            return self._set(path, given)
        make = _MATCHERS.get(kind)
        if make is None:
            self.held.refuse(path, _why(kind))
            return None
        if kind == "similar":
            said = "similar compares what texts mean, and this their words: look at the threshold."
            self.held.warn(path, "Converted with a difference", said)
        value = self._filled((*path, "value"), given.get("value"))
        try:
            return make(value, given)
        except (ValueError, TypeError) as exc:
            self.held.refuse(path, f"{kind} with this value is not converted: {exc}.")
            return None

    def _set(self, path: Path, given: dict[str, Any]) -> _Made | None:
        if "threshold" in given:
            said = "A share of assertions has no counterpart. Write any = [..] or all = [..], or a "
            self.held.refuse(path, f"{said}check of each with its own at_least.")
            return None
        inside = self._each((*path, "assert"), given.get("assert"))
        entries = [self._entry(place, each) for place, each in inside]
        return {"all": [each for each in entries if each is not None]}

    def _filled(self, path: Path, value: Any) -> Any:
        match value:
            case None:
                return None
            case str() if value.startswith("file://"):
                return self._file(path, value.removeprefix("file://"))
            case str():
                made = self.templates.text(path, value)
                return "" if made is None else made
            case list():
                return [self._filled((*path, at), item) for at, item in enumerate(value)]
            case _:
                return as_sent(value)

    def _file(self, path: Path, file: str) -> Any:
        ending = file.rsplit(".", 1)[-1].lower()
        if ending not in ("json", "txt", "md"):
            said = "is code or no text. Write a program in its place: `runner docs checks`."
            self.held.refuse(path, f"file://{file} {said}")
            return ""
        return as_sent((read_beside(self.held, path, file) or "").strip())

    def _judged(self, path: Path, given: dict[str, Any]) -> dict[str, Any] | None:
        value = given.get("value")
        if not isinstance(value, str):
            self.held.refuse(
                path, 'A rubric is a text here; several are rubrics = { name = ".." }.'
            )
            return None
        rubric = self._filled((*path, "value"), value)
        judge: dict[str, Any] = {}
        asked = given.get("provider")
        if asked is not None:
            found = target(self.held, (*path, "provider"), asked)
            if found is None:
                return None
            judge = {key: value for key, value in found.keys.items() if key != "extra_headers"}
            judge.pop("max_tokens", None)
        if "rubricPrompt" in given:
            self.held.refuse(path, "A prompt of your own for the judge is the key prompt in it.")
        return {"judge": {**judge, "rubric": rubric}} if rubric else None


def _why(kind: str) -> str:
    if kind in _CODE:
        return (
            f'{kind} is code, which is not converted. Write a condition = "{{{{ .. }}}}", or a '
            'program = ["python", "check.py"] that is started once for all answers.'
        )
    if kind in ("contains-json", "is-sql", "is-xml", "is-html", "contains-sql", "contains-xml"):
        return f'{kind} has no counterpart. A program can tell: program = ["python", "check.py"].'
    return f"{kind} has no counterpart. Write a judge with a rubric, or a program."


def _text(value: Any) -> str:
    if isinstance(value, bool | dict | list) or value is None:
        raise TypeError("it wants a text")
    return str(value)


def _texts(value: Any) -> list[str]:
    """Several texts; of one text, what stands between commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return [_text(item) for item in value]


def _equal(value: Any, _given: Mapping[str, Any]) -> _Made:
    if isinstance(value, dict | list):
        return {"json_schema": {"const": value}}
    return {"equals": _text(value)}


def _pattern(value: Any, _given: Mapping[str, Any]) -> _Made:
    if "{{" not in _text(value):
        pattern(value)
    return {"matches": value}


def _json(value: Any, _given: Mapping[str, Any]) -> _Made:
    if isinstance(value, str):
        value = json.loads(value) if value else None
    return {"json": True} if value is None else {"json_schema": value}


def _similar(value: Any, given: Mapping[str, Any]) -> _Made:
    least = given.get("threshold", _ALIKE)
    return {"similarity": _text(value), "by": "token-f1", "at_least": least}


def _words(value: Any, _given: Mapping[str, Any]) -> _Made:
    if isinstance(value, int | str):
        return {"words": {"min": int(value), "max": int(value)}}
    return {"words": {key: value[key] for key in ("min", "max") if key in value}}


def _most(given: Mapping[str, Any]) -> float:
    if not isinstance(given.get("threshold"), int | float):
        raise TypeError("it wants a threshold")
    return float(given["threshold"])


_Make = Callable[[Any, Mapping[str, Any]], _Made]
_FOLDED = {"ignore_case": True}
_MATCHERS: Mapping[str, _Make] = {
    "equals": _equal,
    "contains": lambda value, _: {"contains": _text(value)},
    "icontains": lambda value, _: {"contains": _text(value), **_FOLDED},
    "contains-any": lambda value, _: {"contains_any": _texts(value)},
    "icontains-any": lambda value, _: {"contains_any": _texts(value), **_FOLDED},
    "contains-all": lambda value, _: {"contains_all": _texts(value)},
    "icontains-all": lambda value, _: {"contains_all": _texts(value), **_FOLDED},
    "starts-with": lambda value, _: {"starts_with": _text(value)},
    "regex": _pattern,
    "is-json": _json,
    "cost": lambda _, given: {"cost": {"max": _most(given)}},
    "latency": lambda _, given: {"seconds": {"max": _most(given) / 1000}},
    "finish-reason": lambda value, _: {"finish_reason": _text(value)},
    "word-count": _words,
    "rouge-n": _similar,
    "similar": _similar,
}
