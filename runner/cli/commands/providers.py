"""`runner providers`: who can be asked, what each setting is and who says so; never a key."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence

from runner.cli.parser.instead import verb_instead
from runner.cli.parser.options import options_of, secrets_of
from runner.cli.views.style import style
from runner.errors import error
from runner.operations.connecting.providers import (
    KeyVariable,
    Setting,
    ShownProvider,
    in_json,
    shown_provider,
    shown_providers,
)


def run(arguments: argparse.Namespace) -> int:
    """All of them, a line each, or one with its settings."""
    known = shown_providers(options_of(arguments), secrets_of(arguments))
    if arguments.name is None:
        told = [in_json(one) for one in known]
        lines = _listed(known, style().width)
    else:
        names = [one.name for one in known]
        instead = verb_instead(f"runner providers {arguments.name}")
        if instead is not None and arguments.name not in names:
            raise error("Unknown provider", instead)
        one = shown_provider(arguments.name, known)
        told, lines = [in_json(one)], _one(one)
    if arguments.json:
        shown = told if arguments.name is None else told[0]
        sys.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.writelines(f"{line.rstrip()}\n" for line in lines)
    return 0


def _listed(known: tuple[ShownProvider, ...], width: int | None) -> Iterator[str]:
    """A line each; two, with the address on its own, where a terminal is too narrow."""
    rows = [(one.name, _first(one), _key(one.key), one.where or "") for one in known]
    lines = [line.rstrip() for line in _columns(rows)]
    if width is None or max(map(len, lines)) <= width:
        yield from lines
        return
    first = _columns([(name, key, where) for name, _, key, where in rows])
    indent = " " * (max(len(name) for name, *_ in rows) + 2)
    for line, (_, url, *_) in zip(first, rows, strict=True):
        yield from (line, f"{indent}{url}")


def _first(provider: ShownProvider) -> str:
    """Where it is, in one text."""
    urls = next((s.value for s in provider.settings if s.name.startswith("base_url")), None)
    match urls:
        case [str(first), *others]:
            return f"{first} and {len(others)} more" if others else first
        case str(url):
            return url
        case _:
            return "in this process"


def _key(key: KeyVariable | None) -> str:
    if key is None:
        return "no key"
    return f"${key.variable}, {'set' if key.is_set else 'not set'}"


def _one(provider: ShownProvider) -> Iterator[str]:
    names = {None: "", provider.name: ", known by name"}
    known = names.get(provider.preset, f", known as {provider.preset}")
    yield f"{provider.name}{known}{f', {provider.where}' if provider.where else ''}"
    yield ""
    rows = [(setting.name, _value(setting), setting.source) for setting in provider.settings]
    at = provider.key.source if provider.key is not None else ""
    if provider.key is None and not rows:
        rows.append(("base_url", _first(provider), ""))
    rows.insert(1, ("key", _key(provider.key), at))
    yield from (f"  {line}" for line in _columns(rows))
    if provider.identity is not None:
        yield ""
        yield f"Answers are recorded under {provider.identity}."
    if provider.quirks:
        yield ""
        yield from _quirks(provider)


def _quirks(provider: ShownProvider) -> Iterator[str]:
    for kind, said in (("refuses", "It refuses"), ("ignores", "It ignores")):
        names = [quirk.what for quirk in provider.quirks if quirk.kind == kind]
        if names:
            yield f"{said} {', '.join(names)}."
    for quirk in provider.quirks:
        if quirk.instead is not None:
            yield f"It knows {quirk.what} as {quirk.instead}."


def _value(setting: Setting) -> str:
    match setting.value:
        case str(text):
            return text
        case list(items) if all(isinstance(item, str) for item in items):
            return ", ".join(items)
        case value:
            return json.dumps(value, ensure_ascii=False, default=str)


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
