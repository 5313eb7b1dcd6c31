"""Keys that must not stand in a configuration file."""

import re
from collections.abc import Iterator

from runner.core.address import Path
from runner.core.canonical import dotted
from runner.core.language.findings import KEY, Finding, has_hole

SUMMARY = "Key in a configuration file"


def key_findings(kind: str, table: dict[str, object]) -> list[Finding]:
    """A finding for every value that is, or looks like, a key; it shows three characters of it."""
    found = dict(_named(kind, table))
    if _holds_key(table):
        found |= dict(_pasted(table, ()))
    return [_finding(kind, path, value) for path, value in found.items()]


_NAMES = frozenset(("api_key", "apikey", "authorization"))
_PROVIDER_NAMES = frozenset(("key", "token", "api_token", "access_token", "secret", "password"))
_HEADERS = frozenset(("authorization", "api-key", "x-api-key"))
_USER = re.compile(r"https?://[^/?#]*@")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_MIXED = re.compile(r"(?=.*[0-9])(?=.*[a-z]).{20,}|.*\s.*", re.DOTALL)


def _named(kind: str, table: dict[str, object]) -> Iterator[tuple[Path, str]]:
    """What is a key by the name of its place."""
    headers = "headers" if kind == "provider" else "extra_headers"
    for key, value in table.items():
        if isinstance(value, str):
            if _is_key(kind, key, value):
                yield (key,), value
        elif (kind, key) == ("provider", "base_urls") and isinstance(value, list):
            for index, url in enumerate(value):
                if isinstance(url, str) and _USER.match(url):
                    yield (key, index), url
        elif key == headers and isinstance(value, dict):
            for name, text in value.items():
                if name.casefold() in _HEADERS and isinstance(text, str) and not has_hole(text):
                    yield (key, name), text


_FREE = frozenset(("locals", "module"))  # their keys are the user's own


def _is_key(kind: str, key: str, value: str) -> bool:
    if key == "api_key_env":
        return not _VARIABLE.fullmatch(value) and _MIXED.fullmatch(value) is not None
    if kind == "provider" and key == "base_url":
        return _USER.match(value) is not None
    plain = key.casefold().replace("-", "_")
    named = plain in _NAMES or (kind == "provider" and plain in _PROVIDER_NAMES)
    return named and kind not in _FREE


def _holds_key(table: dict[str, object]) -> bool:
    rest: list[object] = [table]
    while rest:
        value = rest.pop()
        if isinstance(value, str):
            if "sk-" in value and KEY.search(value):
                return True
        elif isinstance(value, dict):
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
    return False


def _pasted(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        if KEY.search(value):
            yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _pasted(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _pasted(inner, (*path, index))


def _finding(kind: str, path: Path, value: str) -> Finding:
    key = KEY.search(value)
    start = (key.group() if key else value)[:3]
    if path[0] in ("base_url", "base_urls") and kind == "provider":
        fix = (
            "Name the variable that holds it by api_key_env, or read it with env() in headers or "
            "query. openai, ollama, vllm and lmstudio, where their blocks have no base_url, take "
            "the whole address from the environment, as OPENAI_BASE_URL, OLLAMA_BASE_URL, "
            "VLLM_BASE_URL and LM_STUDIO_API_BASE."
        )
    elif kind == "provider":
        fix = (
            "Put it in an environment variable and give the NAME of that variable: "
            'api_key_env = "OPENAI_API_KEY".'
        )
    else:
        fix = (
            "Put it in an environment variable: a provider's own key is named by its "
            "api_key_env, and any other is read with the function env()."
        )
    return Finding(
        path,
        SUMMARY,
        f'{dotted(path)} holds what looks like a key ("{start}…"). Files are shared and kept, '
        f"so a key must not be in them. {fix}",
    )
