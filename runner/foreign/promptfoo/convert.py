"""A promptfoo configuration in, completions and checks out."""

from collections.abc import Iterator
from typing import Any

from runner.core.toml.write import Entry, Section, write_toml
from runner.errors import Problem
from runner.foreign.promptfoo.assertions import Assertions
from runner.foreign.promptfoo.cases import Cases, cases
from runner.foreign.promptfoo.checks import checks_of
from runner.foreign.promptfoo.evaluation import Evaluation, ReadText, evaluation
from runner.foreign.promptfoo.prompts import prompts
from runner.foreign.promptfoo.providers import Target, provider_name, targets
from runner.foreign.promptfoo.templates import Templates
from runner.hcl import Converted

_KNOWN = ("description", "prompts", "providers", "targets", "tests", "defaultTest")
_HARMLESS = ("evaluateOptions", "outputPath", "sharing", "commandLineOptions", "tags")
_JUDGE = {"provider": "openai", "model": "gpt-4.1"}


def convert_promptfoo(file: str, text: str, read: ReadText) -> Converted:
    """The configuration as TOML. What cannot be converted is named in `problems`, each with its
    line, and left in the text as a comment. RunnerError where the file is no such configuration.
    """
    held = evaluation(file, text, read)
    held.refuse_unknown((), held.value, (*_KNOWN, *_HARMLESS))
    for name in _HARMLESS:
        if name in held.value:
            held.warn((name,), "Left out", f"{name} says nothing to the runner.")
    found = cases(held)
    templates = Templates(held, found.names)
    asked = targets(held)
    made = prompts(held, templates)
    checks = list(checks_of(held, found, list(made), Assertions(held, templates)))
    sections = [*_settings(held, checks), *_providers(asked), *_locals(found, asked)]
    sections += [_completion(name, messages, asked, found) for name, messages in made.items()]
    sections += checks
    if not made or not asked:
        said = "Nothing is left to ask, or nobody to be asked."
        held.problems.append(Problem("Not converted", said, held.where(())))
        sections = []
    sections.append(Section((), above=tuple(held.left_out)))
    return Converted(write_toml([each for each in sections if each.path or each.above]),
                     tuple(held.problems))  # fmt: skip


def _settings(held: Evaluation, checks: list[Section]) -> Iterator[Section]:
    """Who judges where an assertion does not say it."""
    judges = [item.value for each in checks for item in each.items
              if isinstance(item, Entry) and item.key == "judge"]  # fmt: skip
    if all("model" in judge for judge in judges):
        return
    said = "promptfoo asks its own choice of a model; here it is named, in [runner] judge."
    held.warn((), "Judge", said)
    yield Section(("runner",), (Entry("judge", _JUDGE),))


def _providers(asked: list[Target]) -> Iterator[Section]:
    """Each that is asked: what an expression names is declared."""
    own = {
        provider_name(each): {"type": "openai", **each.settings} for each in asked if each.settings
    }
    known: dict[str, dict[str, Any]] = {
        each.keys["provider"]: {} for each in asked if not each.settings
    }
    for name, settings in {**known, **own}.items():
        yield Section(("provider", name), _entries(settings))


def _locals(found: Cases, asked: list[Target]) -> Iterator[Section]:
    held = {
        **({"targets": {each.key: _keys(each) for each in asked}} if len(asked) > 1 else {}),
        **({"cases": found.values} if found.names else {}),
    }
    if held:
        yield Section(("locals",), _entries(held))


def _entries(table: dict[str, Any]) -> tuple[Entry, ...]:
    return tuple(Entry(key, value) for key, value in table.items())


def _completion(name: str, messages: list[Any], asked: list[Target], found: Cases) -> Section:
    """A prompt, asked of each target about each case."""
    matrix: dict[str, Any] = {}
    if len(asked) > 1:
        matrix["target"] = "{{ local.targets }}"
        keys = {key: _of_target(key, asked) for each in asked for key in _keys(each)}
    else:
        keys = _keys(asked[0]) if asked else {}
    if found.names:
        matrix["case"] = "{{ local.cases }}"
    table = {**({"matrix": matrix} if matrix else {}), **keys, "messages": messages}
    return Section(("completion", name), _entries(table))


def _of_target(key: str, asked: list[Target]) -> str:
    """What a target has under a key; one that has it not sends none."""
    default = "" if all(key in _keys(each) for each in asked) else " | default(none)"
    return f"{{{{ matrix.target.{key}{default} }}}}"


def _keys(each: Target) -> dict[str, Any]:
    own = {"provider": provider_name(each)} if each.settings else {}
    return {**each.keys, **own}
