"""What must hold between the keys of a completion."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from runner.core.address import Path
from runner.core.canonical import dotted
from runner.core.language.findings import Finding, IsHole, in_short
from runner.core.language.json_schemas import schema_findings
from runner.core.suggest import did_you_mean

LINKED = frozenset(
    (
        "top_logprobs",
        "logprobs",
        "stream_options",
        "stream",
        "function_call",
        "functions",
        "tool_choice",
        "tools",
        "modalities",
        "audio",
    )
)
"""Parameters that have to agree with each other."""


def local_findings(table: Mapping[str, Any], hole: IsHole) -> Iterator[Finding]:
    """What is wrong inside single parameters, as their types cannot say it."""
    yield from _deprecated(table)
    yield from _names_differ(table, hole)
    for index, message in enumerate(_tables(table.get("messages"))):
        yield from _message(("messages", index), message, hole)
    yield from schema_findings(table, hole)


def pair_findings(
    own: Mapping[str, Any], merged: Mapping[str, Any], hole: IsHole
) -> Iterator[Finding]:
    """What is wrong between the parameters of `own`, where `merged` has its defaults too.

    A rule is left out where a template makes it undecidable.
    """
    yield from _needs(own, merged, hole)
    if "messages" not in merged:
        yield Finding((), "Missing key", 'A completion needs "messages": what the model reads.')
    if "function_call" in own:
        yield from _function_call(own["function_call"], merged.get("functions"), hole)
    if "tool_choice" in own:
        yield from _tool_choice(own["tool_choice"], merged.get("tools"), hole)


_REPLACED = {
    "functions": "tools",
    "function_call": "tool_choice",
    "prompt_cache_retention": "prompt_cache_options",
    "user": "safety_identifier and prompt_cache_key",
}


def _deprecated(table: Mapping[str, Any]) -> Iterator[Finding]:
    for key, instead in _REPLACED.items():
        if key in table:
            yield _warning((key,), f"{key} still works; the API replaces it by {instead}.")
    for index, message in enumerate(_tables(table.get("messages"))):
        if message.get("role") == "function":
            detail = 'The role "function" still works; the API replaces it by the role "tool".'
            yield _warning(("messages", index, "role"), detail)
            break


def _warning(path: Path, detail: str) -> Finding:
    return Finding(path, "Deprecated parameter", detail, "warning")


def _names_differ(table: Mapping[str, Any], hole: IsHole) -> Iterator[Finding]:
    functions = [
        (("functions", i, "name"), f.get("name"))
        for i, f in enumerate(_tables(table.get("functions")))
    ]
    tools = [
        (("tools", i, kind, "name"), _inner(tool, kind).get("name"))
        for i, tool in enumerate(_tables(table.get("tools")))
        for kind in ("function", "custom")
        if kind in tool
    ]
    for named in (functions, tools):
        seen = set()
        for path, name in named:
            if isinstance(name, str) and not hole(name) and name in seen:
                detail = f'"{name}" is there twice. Each {path[0][:-1]} needs a name of its own.'
                yield Finding(path, "Duplicate name", detail)
            seen.add(name if isinstance(name, str) else None)


_SAYS = ("content", "refusal", "audio", "tool_calls", "function_call")


def _message(path: Path, message: Mapping[str, Any], hole: IsHole) -> Iterator[Finding]:
    if message.get("role") == "assistant" and not any(key in message for key in _SAYS):
        yield Finding(
            path,
            "Missing key",
            f'{dotted(path)} says nothing: a message of role assistant needs "content", '
            '"tool_calls" or "function_call".',
            foreign=True,
        )
    for index, part in enumerate(_tables(message.get("content"))):
        yield from _part((*path, "content", index), part, hole)


_SOURCES = {
    "image_url": ("url", "file"),
    "input_audio": ("data", "file"),
    "file": ("file_id", "file_data", "file"),
}


def _part(path: Path, part: Mapping[str, Any], hole: IsHole) -> Iterator[Finding]:
    kind = part.get("type")
    if not isinstance(kind, str) or kind not in _SOURCES or not isinstance(part.get(kind), dict):
        return
    sources, inner, inside = _SOURCES[kind], part[kind], (*path, kind)
    given = [key for key in sources if key in inner]
    if len(given) != 1:
        choice = " or ".join(f'"{key}"' for key in sources)
        found = f"it has {len(given)} of them" if given else "it has none"
        detail = f"{dotted(inside)} needs exactly one of {choice}, but {found}."
        summary = "Conflicting keys" if given else "Missing key"
        yield Finding(inside, summary, detail, foreign=not given)
    elif kind == "input_audio" and "format" not in inner:
        name = inner.get("file", "")
        if isinstance(name, str) and not hole(name) and not name.casefold().endswith(_SOUNDS):
            detail = f'{dotted(inside)} needs "format": "wav" or "mp3".'
            yield Finding(inside, "Missing key", detail, foreign=True)


_SOUNDS = (".wav", ".mp3")


def _needs(own: Mapping[str, Any], merged: Mapping[str, Any], hole: IsHole) -> Iterator[Finding]:
    for key, other in (("top_logprobs", "logprobs"), ("stream_options", "stream")):
        value = merged.get(other)
        if key in own and value is not True and not hole(value) and not hole(own[key]):
            detail = f"{key} needs {other} = true."
            yield Finding((key,), "Missing key", detail)
    for key, other in (("function_call", "functions"), ("tool_choice", "tools")):
        choice = own.get(key)
        if isinstance(choice, str | dict) and other not in merged and not hole(choice):
            detail = f"{key} needs {other}: it says which of them the model calls."
            yield Finding((key,), "Missing key", detail)
    modalities = own.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities and "audio" not in merged:
        detail = "modalities asks for audio, so audio must say its voice and format."
        yield Finding(("modalities",), "Missing key", detail)


def _function_call(value: object, functions: object, hole: IsHole) -> Iterator[Finding]:
    path: Path = ("function_call",)
    name: object = value
    if isinstance(value, dict):
        path, name = ("function_call", "name"), value.get("name")
    elif value in ("auto", "none"):
        return
    known = _names(_tables(functions), functions, hole)
    keywords = () if isinstance(value, dict) else ("auto", "none")
    yield from _declared(path, name, known, keywords, hole)


def _tool_choice(value: object, tools: object, hole: IsHole) -> Iterator[Finding]:
    functions = _tools(tools, "function", hole)
    if isinstance(value, str):
        words = ("none", "auto", "required")
        if value not in words:
            for found in _declared(("tool_choice",), value, functions, words, hole):
                yield replace(found, foreign=True)
        return
    named: list[tuple[Path, object]] = [(("tool_choice",), value)]
    if isinstance(value, dict) and isinstance(value.get("allowed_tools"), dict):
        allowed = value["allowed_tools"].get("tools")
        named = [
            (("tool_choice", "allowed_tools", "tools", i), t)
            for i, t in enumerate(_tables(allowed))
        ]
    for path, choice in named:
        for kind in ("function", "custom"):
            inner = _inner(choice, kind)
            if "name" in inner:
                known = functions if kind == "function" else _tools(tools, kind, hole)
                yield from _declared((*path, kind, "name"), inner["name"], known, (), hole)


def _declared(
    path: Path, name: object, known: list[str] | None, keywords: tuple[str, ...], hole: IsHole
) -> Iterator[Finding]:
    """`name` must be one of the known names or keywords; None: they are not known yet."""
    if not isinstance(name, str) or hole(name) or known is None or name in known:
        return
    words = ", ".join(f'"{word}"' for word in keywords) + " or " if keywords else ""
    declared = ", ".join(f'"{k}"' for k in dict.fromkeys(known)) if known else "none is declared"
    yield Finding(
        path,
        "Unknown value",
        f"{dotted(path)} must be {words}the name of a declared function ({declared}), "
        f"but it is {in_short(name)}.{did_you_mean(name, [*known, *keywords])}",
    )


def _tools(tools: object, kind: str, hole: IsHole) -> list[str] | None:
    chosen = [
        _inner(tool, kind) for tool in _tables(tools) if kind in tool or hole(tool.get("type"))
    ]
    return _names(chosen, tools, hole)


def _names(tables: list[dict[str, Any]], given: object, hole: IsHole) -> list[str] | None:
    """Names of the tables; None where one is known only later."""
    if hole(given) or (isinstance(given, list) and any(map(hole, given))):
        return None
    names = [table.get("name") for table in tables]
    return None if any(map(hole, names)) else [n for n in names if isinstance(n, str)]


def _tables(value: object) -> list[dict[str, Any]]:
    """The tables of a list, others as empty ones, so that places stay right."""
    if not isinstance(value, list):
        return []
    return [item if isinstance(item, dict) else {} for item in value]


def _inner(table: object, key: str) -> dict[str, Any]:
    inner = table.get(key) if isinstance(table, dict) else None
    return inner if isinstance(inner, dict) else {}
