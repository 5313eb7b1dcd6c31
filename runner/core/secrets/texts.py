"""The texts that no file may show, of values that are sensitive."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from runner.core.expressions.template import Masked, Node, holes
from runner.core.values import Names, TemplateError, to_text

_SHORTEST = 4  # a shorter value is part of too many words to be looked for in an answer


def sensitive_texts(values: Iterable[Any]) -> tuple[str, ...]:
    """The texts that no file may show: the leaves of sensitive values, longest first."""
    found: set[str] = set()
    for value in values:
        _leaves(value, found)
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


def yielded_secrets(nodes: Iterable[Node], masks: Masked, names: Names) -> tuple[str, ...]:
    """The texts that no file may show, of what the sensitive holes of these values yield."""
    secret = (hole for node in nodes for hole in holes(node) if masks(hole))
    return sensitive_texts([hole.value(names) for hole in secret])


def _leaves(value: Any, found: set[str]) -> None:
    if isinstance(value, Mapping):
        for inner in value.values():
            _leaves(inner, found)
    elif isinstance(value, list | tuple):
        for inner in value:
            _leaves(inner, found)
    elif value is not None and not isinstance(value, bool) and len(str(value)) >= _SHORTEST:
        with suppress(TemplateError):  # what cannot be put into a text stands in none
            found.add(to_text(value))
