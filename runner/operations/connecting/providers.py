"""Which providers there are: what each setting is, who says so, and whether there is a key."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from runner.core.request.presets import OPENAI_PRESET, Quirk
from runner.core.request.provider_blocks import DeclaredProvider
from runner.core.request.provider_types import OPENAI
from runner.core.request.reach import destinations
from runner.core.secrets.secrets import Secrets
from runner.core.secrets.trust import place
from runner.core.suggest import did_you_mean
from runner.errors import error
from runner.io.presets import presets
from runner.io.settings import environment
from runner.operations.options import Options
from runner.operations.project.places import folders_of, project_directory
from runner.operations.reading.load import load
from runner.operations.reading.loaded import Loaded

_TIMES = {"timeout": 600, "connect_timeout": 10, "max_retries": 5}
_ELSEWHERE = ("type", "base_url", "base_urls", "resource", "api_key_env")  # told on their own


class Setting(Struct, frozen=True):
    """One setting, and who says so: a place, `preset`, `default`, or a variable with its $."""

    name: str
    value: Any
    source: str


class KeyVariable(Struct, frozen=True):
    """The variable that a key is in; `is_set` says whether it is there, nothing says what it is."""

    variable: str
    is_set: bool
    source: str


class ShownProvider(Struct, frozen=True):
    """A provider as it would be asked. `where` is its block's, if it has one; `identity` is None
    where a part of the host is to be said first, and for one in this process.
    """

    name: str
    preset: str | None
    where: str | None
    identity: str | None
    key: KeyVariable | None
    settings: tuple[Setting, ...]
    quirks: tuple[Quirk, ...]


def shown_providers(options: Options, secrets: Secrets) -> tuple[ShownProvider, ...]:
    """Those of the project, where there is one, then all that are known by name; RunnerError if the
    configuration cannot be read.
    """
    project = load(options, secrets) if folders_of(options.place).config.is_dir() else None
    held = {} if project is None else dict(project.declared)
    known = environment(project_directory(options.place))
    concurrency = 32 if project is None else project.settings.concurrency
    for preset in presets():
        held.setdefault(preset.name, DeclaredProvider(preset.name, OPENAI, preset=preset))
    found = [_shown(one, known, project, concurrency) for one in held.values()]
    return tuple(sorted(found, key=lambda one: (one.where is None, one.name)))


def shown_provider(name: str, known: tuple[ShownProvider, ...]) -> ShownProvider:
    """The one of a name; RunnerError if there is none."""
    for one in known:
        if one.name == name:
            return one
    hint = did_you_mean(name, [one.name for one in known], " `runner providers` lists them.")
    raise error("Unknown provider", f'There is no provider "{name}".{hint}')


def _shown(
    provider: DeclaredProvider,
    known: Mapping[str, str],
    project: Loaded | None,
    concurrency: int,
) -> ShownProvider:
    block, leaves = provider.block, provider.type.leaves
    settings = [*_urls(provider, known)] if leaves else []
    settings += _settings(provider, concurrency)
    if project is not None:  # an expression may have put what is secret into a setting
        settings = [Setting(s.name, _hidden(s.value, project), s.source) for s in settings]
    is_whole = leaves and ("resource" in provider.table or not provider.preset.needs_resource)
    return ShownProvider(
        provider.name,
        provider.preset.name if leaves and _by_name(provider) else None,
        str(block.where()) if block is not None else None,
        f"openai {provider.identity}" if is_whole or provider.urls else None,
        _key(provider, known, is_whole=is_whole or bool(provider.urls)) if leaves else None,
        tuple(settings),
        provider.preset.quirks,
    )


def _by_name(provider: DeclaredProvider) -> bool:
    return provider.preset is not OPENAI_PRESET or provider.table.get("type", provider.name) == (
        provider.name
    )


def _urls(provider: DeclaredProvider, known: Mapping[str, str]) -> Iterator[Setting]:
    preset = provider.preset
    variable = preset.base_url_env or ""
    if "base_urls" in provider.table and provider.urls:
        yield Setting("base_urls", [_bare(u) for u in provider.urls], _at(provider, "base_urls"))
    elif provider.urls:
        yield Setting("base_url", _bare(provider.urls[0]), _at(provider, "base_url"))
    elif known.get(variable):
        yield Setting("base_url", _bare(known[variable]), f"${variable}")
    elif preset.needs_resource and "resource" in provider.table:
        yield Setting("base_url", provider.preset_url, _at(provider, "resource"))
    else:
        yield Setting("base_url", preset.base_url, "preset")
        if preset.needs_resource:
            yield Setting("resource", "to be written in its block", "")


def _settings(provider: DeclaredProvider, concurrency: int) -> Iterator[Setting]:
    table, preset = provider.table, provider.preset
    for name, value in table.items():
        if name in ("headers", "query", "defaults"):  # what they say may be secret
            yield Setting(name, [*value], _at(provider, name))
        elif name not in _ELSEWHERE:
            yield Setting(name, value, _at(provider, name))
    if not provider.type.leaves:
        return
    if preset.auth_header is not None and "auth_header" not in table:
        yield Setting("auth_header", preset.auth_header, "preset")
    if "concurrency" not in table and preset.concurrency is not None:
        yield Setting("concurrency", preset.concurrency, "preset")
    elif "concurrency" not in table:
        yield Setting("concurrency", concurrency, "settings")
    if not preset.model_required and "model_required" not in table:
        yield Setting("model_required", False, "preset")
    if preset.free and "price" not in table:
        yield Setting("price", "nothing on this machine", "preset")
    for name, default in _TIMES.items():
        if name not in table:
            yield Setting(name, default, "default")


def _key(
    provider: DeclaredProvider, known: Mapping[str, str], *, is_whole: bool
) -> KeyVariable | None:
    """The key that goes with its requests; of several servers, with those of the first."""
    written = provider.table.get("api_key_env")
    if written is not None:
        return KeyVariable(
            str(written), bool(known.get(str(written))), _at(provider, "api_key_env")
        )
    if not is_whole:
        keys = provider.preset.keys
        name = next((key for key in keys if known.get(key)), keys[0])
    else:
        going = destinations(provider, known)[0]
        if going.credential is None:
            return None
        name = going.credential
    return KeyVariable(name, bool(known.get(name)), "preset")


def _at(provider: DeclaredProvider, name: str) -> str:
    return str(provider.block.where((name,), on="key")) if provider.block is not None else ""


def _bare(url: str) -> str:
    """Without credentials and query, which are shown to nobody."""
    return (place(url) or "").rstrip("/")


def _hidden(value: Any, project: Loaded) -> Any:
    match value:
        case str():
            return project.secrets.text(value)
        case list():
            return [_hidden(item, project) for item in value]
        case Mapping():
            return {key: _hidden(item, project) for key, item in value.items()}
        case _:
            return value


def in_json(provider: ShownProvider) -> dict[str, Any]:
    """One as JSON."""
    key = provider.key
    return {
        "name": provider.name,
        "preset": provider.preset,
        "where": provider.where,
        "identity": provider.identity,
        "key": None
        if key is None
        else {"variable": key.variable, "set": key.is_set, "source": key.source},
        "settings": {s.name: {"value": s.value, "source": s.source} for s in provider.settings},
        "quirks": [
            {"kind": quirk.kind, "parameter": quirk.what, "instead": quirk.instead}
            for quirk in provider.quirks
        ],
    }
