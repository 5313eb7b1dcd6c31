"""Which check is of which answers: one of each assertion, for all tests that make it."""

from collections.abc import Iterator, Sequence

from runner.core.language.check import check
from runner.core.toml.write import Entry, Section
from runner.foreign.promptfoo.assertions import Asserted, Assertions
from runner.foreign.promptfoo.cases import Cases
from runner.foreign.promptfoo.evaluation import Evaluation
from runner.foreign.requests import nearest_name

_OF_A_TEST = ("description", "vars", "assert", "metadata", "options")

_Group = tuple[Asserted, list[str]]  # and the keys of the cases it is about


def checks_of(
    held: Evaluation, found: Cases, prompts: Sequence[str], make: Assertions
) -> Iterator[Section]:
    """All checks, by names of their own."""
    every = [key for test in found.tests for key in test.keys]
    taken: set[str] = set()
    for asserted, keys in [*_usual(held, every, make), *_of_tests(held, found, make)]:
        name = nearest_name(asserted.name)
        name = name if name not in taken else f"{name}_{len(taken) + 1}"
        taken.add(name)
        some = [] if keys == every or not found.names else keys
        of = [address for prompt in prompts for address in _addresses(prompt, some)]
        table = {"of": of[0] if len(of) == 1 else of, **asserted.keys}
        wrong = [each for each in check("check", table, name=name) if each.severity == "error"]
        for each in wrong:
            held.refuse((), f"{asserted.name}: {each.detail}")
        if not wrong:
            items = tuple(Entry(key, value) for key, value in table.items())
            yield Section(("check", name), items)


def _addresses(prompt: str, keys: Sequence[str]) -> Iterator[str]:
    yield from [f"completion.{prompt}[case={key}]" for key in keys] or [f"completion.{prompt}"]


def _usual(held: Evaluation, every: list[str], make: Assertions) -> Iterator[_Group]:
    """What is asserted of all."""
    usual = held.value.get("defaultTest")
    if isinstance(usual, dict):
        held.refuse_unknown(("defaultTest",), usual, _OF_A_TEST)
        for asserted in make.of(("defaultTest", "assert"), usual.get("assert")):
            yield asserted, every
    elif usual is not None:
        held.refuse(("defaultTest",), "Write out what it holds: vars and assert.")


def _of_tests(held: Evaluation, found: Cases, make: Assertions) -> list[_Group]:
    groups: list[_Group] = []
    for test in found.tests:
        held.refuse_unknown(test.path, test.table, _OF_A_TEST)
        for asserted in make.of((*test.path, "assert"), test.table.get("assert")):
            same = next((keys for one, keys in groups if one == asserted), None)
            if same is None:
                groups.append((asserted, list(test.keys)))
            else:
                same += test.keys
    return groups
