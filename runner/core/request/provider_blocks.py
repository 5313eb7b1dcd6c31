"""The providers of a project: what each is, and what its requests start from."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from msgspec import Struct, structs

from runner.core.canonical import normalise
from runner.core.expansion.scope import Scope
from runner.core.expressions.template import compile_value
from runner.core.language.findings import contains, has_hole
from runner.core.language.names import PRESETS
from runner.core.modules.folder import Block
from runner.core.modules.module import CompiledModule
from runner.core.request.presets import OPENAI_PRESET, RESOURCE, FindPreset, Preset
from runner.core.request.provider import Provider
from runner.core.request.provider_types import OPENAI, TYPES, ProviderType
from runner.core.secrets.texts import yielded_secrets
from runner.core.secrets.trust import is_openai
from runner.core.values import NotKnown, TemplateError, plain, present, to_text
from runner.errors import Problem, RunnerError, sentence


class Limit(Struct, frozen=True):
    """What a provider does not do, in a sentence; the parameter that asks for it, if one does."""

    said: str
    parameter: str | None


class DeclaredProvider(Struct, frozen=True):
    """A provider block, filled. `table` holds its settings (never a key); what they do not say, its
    preset does. A provider that stays in this process has none of its own.
    """

    name: str
    type: ProviderType
    table: Mapping[str, Any] = {}
    block: Block | None = None
    preset: Preset = OPENAI_PRESET

    @property
    def urls(self) -> tuple[str, ...]:
        """The base URLs that its block says, the first of them for all in its identity."""
        several, one = self.table.get("base_urls"), self.table.get("base_url")
        if not isinstance(several, list) or not several:  # its check says so
            several = [one] if one else []
        return tuple(str(url).rstrip("/") for url in several)

    def asked_at(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """The base URLs that its requests go to. `environment` is the user's own."""
        named = environment.get(self.preset.base_url_env or "")
        return self.urls or (named or self.preset_url,)

    @property
    def preset_url(self) -> str:
        """The base URL that its preset says."""
        return self._filled(self.preset.base_url)

    @property
    def identity(self) -> str:
        """Which server answers, as fingerprints and records have it, for good."""
        return next(iter(self.urls), self._filled(self.preset.identity).rstrip("/"))

    def is_strict(self, environment: Mapping[str, str]) -> bool:
        """Whether what OpenAI's API does not know is an error. `environment` is the user's own."""
        said = self.table.get("strict")
        if isinstance(said, bool):
            return said
        return not self.type.leaves or all(map(is_openai, self.asked_at(environment)))

    @property
    def takes_schema(self) -> bool:
        """Whether nothing says that it does not hold an answer to a JSON Schema."""
        told = (quirk for quirk in self.preset.quirks if quirk.kind != "names")
        return not any(quirk.met(_WITH_SCHEMA) for quirk in told)

    def limits(self, body: Mapping[str, Any]) -> Iterator[Limit]:
        """What a request with this body asks for and this provider does not do."""
        limits = self.type.limits
        for said in limits(body, self.table) if limits is not None else ():
            yield Limit(said, None)
        for quirk in self.preset.quirks:
            if quirk.met(body):
                yield Limit(quirk.said(self.name), quirk.parameter)

    def _filled(self, url: str) -> str:
        return url.replace(RESOURCE, str(self.table.get("resource", "")).lower())


_WITH_SCHEMA = {"response_format": {"type": "json_schema"}}


def providers_as_written(
    module: CompiledModule, find: FindPreset, named: Iterable[str]
) -> dict[str, DeclaredProvider]:
    """As `declared`, with every expression as it stands there: where a mistake leaves no values."""
    found = _without_a_block(find, named)
    for name, block in module.blocks.of("provider").items():
        found[name] = of_block(block, block.table, find)
    return found


def usual_provider(named: str | None, root: CompiledModule) -> str:
    """The provider of completions that name none; `named` is the one of the settings."""
    if named:
        return named
    blocks = root.blocks.of("provider")
    return next(iter(blocks)) if len(blocks) == 1 else OPENAI.name


def declared(
    scope: Scope, problems: list[Problem], find: FindPreset, named: Iterable[str]
) -> dict[str, DeclaredProvider]:
    """Every provider of the root module, the types of provider under their own names, and those
    that are `named` without a block and are a preset.
    """
    found = _without_a_block(find, named)
    for name, block in scope.module.blocks.of("provider").items():
        table = _fill(block, scope, problems)
        for key, problem in _misfits(block, table, scope):
            problems.append(problem)
            table.pop(key, None)
        found[name] = of_block(block, table, find)
        problems.extend(_sensitive(block, scope))
    problems.extend(said for provider in found.values() for said in _incomplete(provider))
    return found


def _without_a_block(find: FindPreset, named: Iterable[str]) -> dict[str, DeclaredProvider]:
    found = {name: DeclaredProvider(name, known) for name, known in TYPES.items()}
    for name in named:
        if name in PRESETS:
            found[name] = DeclaredProvider(name, OPENAI, preset=find(name))
    return found


def of_block(block: Block, table: Mapping[str, Any], find: FindPreset) -> DeclaredProvider:
    """The provider of a block whose settings are these."""
    kind = str(table.get("type", block.name))
    preset = find(kind) if kind in PRESETS else OPENAI_PRESET
    return DeclaredProvider(block.name, TYPES.get(kind, OPENAI), table, block, preset)


def _sensitive(block: Block, scope: Scope) -> Iterator[Problem]:
    """What hangs on a sensitive value and may not: it is shown and recorded."""
    for key, why in _SHOWN.items():
        if _is_masked(block.table.get(key), scope):
            said = f"{key} hangs on a sensitive value, and it is {why}"
            yield block.problem(f"Sensitive {key}", said, (key,))


_RECORDED = "recorded with every answer. Put what is secret into headers or query, or into the key."
_SHOWN = {
    "base_url": _RECORDED,
    "base_urls": _RECORDED,
    "resource": _RECORDED,
    "api_key_env": "shown and recorded where you say whom you trust. Write the name of the "
    'variable itself: api_key_env = "..".',
}


def _incomplete(provider: DeclaredProvider) -> Iterator[Problem]:
    """A preset whose host has a part that nobody says, or a part for a host that has none."""
    block, preset = provider.block, provider.preset
    if preset.needs_resource and "resource" not in provider.table and not provider.urls:
        where = block.where() if block is not None else None
        said = (
            f"The provider {provider.name} needs the name of your resource, the first part of its "
            f'host: [provider.{provider.name}] resource = "my-resource" is '
            f"{preset.base_url.replace(RESOURCE, 'my-resource')}"
        )
        yield Problem("Missing key", said, where)
    if block is not None and "resource" in provider.table and not preset.needs_resource:
        said = f"resource is a part of the host of azure; {provider.name} has none. Remove it."
        yield block.problem("Unknown key", said, ("resource",))


def known(
    held: Mapping[str, DeclaredProvider],
    scope: Scope,
    model_digest: Callable[[str | None], str],
    problems: list[Problem],
    environment: Mapping[str, str],
) -> dict[str, Provider]:
    """The providers as requests see them. `model_digest` gives the sha256 of a model file, or
    raises RunnerError; `environment` is the user's own.
    """
    found: dict[str, Provider] = {}
    for name, provider in held.items():
        defaults = dict(provider.table.get("defaults", {}))
        try:
            normal = normalise(defaults)
        except ValueError as exc:
            if provider.block is not None:
                problems.append(provider.block.problem("Invalid value", f"{exc}.", ("defaults",)))
            continue
        try:
            identity = _identity(provider, model_digest)
        except RunnerError as exc:
            where = provider.block.where(("model_path",)) if provider.block is not None else None
            problems.extend(replace(problem, where=where) for problem in exc.problems)
            continue
        recorded = _masked(provider, scope, normal)
        secrets = _secrets(provider, scope)
        made = Provider.of(name, provider.type, identity, normal, recorded, secrets)
        said = provider.table.get("model_required", provider.preset.model_required)
        strict = provider.is_strict(environment)
        found[name] = structs.replace(
            made,
            model_required=said is not False,
            header_names=tuple(provider.table.get("headers", ())),
            strict=strict,
            takes_schema=provider.takes_schema,
        )
    return found


def _secrets(provider: DeclaredProvider, scope: Scope) -> tuple[str, ...]:
    """What its sensitive expressions yield: headers, query and defaults go to the server."""
    if provider.block is None or not provider.table:
        return ()
    return yielded_secrets([compile_value(provider.block.table)], scope.masks, scope.names)


def _identity(provider: DeclaredProvider, model_digest: Callable[[str | None], str]) -> str:
    """What a provider's answers hang on: its declared base URL, or its model file."""
    match provider.type.name:
        case "openai":
            return provider.identity
        case "embedded":
            return model_digest(provider.table.get("model_path"))


def _fill(block: Block, scope: Scope, problems: list[Problem]) -> dict[str, Any]:
    try:
        node = compile_value(block.table)
        filled: dict[str, Any] = present(plain(node.render(scope.names)))
    except TemplateError as exc:
        said = f"In provider.{block.name}: {sentence(exc.message)}"
        problems.append(block.problem("Invalid expression", said, exc.path, at=exc.at))
        return {}
    except NotKnown as exc:
        said = f"A provider cannot hang on an answer ({exc.address})."
        problems.append(block.problem("Invalid expression", said))
        return {}
    return filled


def _misfits(block: Block, table: Mapping[str, Any], scope: Scope) -> Iterator[tuple[str, Problem]]:
    """The settings that were expressions when the block was checked, and what is wrong now."""
    if not table or not contains(block.table, has_hole):
        return
    from runner.core.language.check import check, hidden  # noqa: PLC0415  # pydantic, 50 ms

    texts = {key: _texts(table[key]) for key in ("headers", "query") if key in table}
    for found in check("provider", {**table, **texts}, name=block.name):
        if found.severity == "error" and not found.foreign:
            key = str(found.path[0]) if found.path else ""
            said = hidden(found) if _is_masked(block.table.get(key), scope) else found
            yield key, block.problem(said.summary, said.detail, said.path)


def _texts(table: Any) -> Any:
    """Headers and queries with the numbers in them as they are sent."""
    if not isinstance(table, dict):
        return table
    return {k: to_text(v) if isinstance(v, int | float) else v for k, v in table.items()}


def _is_masked(value: Any, scope: Scope) -> bool:
    try:
        return scope.masks_any(compile_value(value))
    except TemplateError:  # said where it is filled
        return False


def _masked(
    provider: DeclaredProvider, scope: Scope, normal: Mapping[str, Any]
) -> Mapping[str, Any]:
    if provider.block is None:
        return normal
    try:
        node = compile_value(provider.block.table.get("defaults", {}))
    except TemplateError:
        return normal
    if not scope.masks_any(node):
        return normal
    shown = present(node.render(scope.names, scope.masks))
    return shown if isinstance(shown, dict) else normal
