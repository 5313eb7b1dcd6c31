"""The providers of a project: what each is, and what its requests start from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from runner.core.canonical import normalise
from runner.core.expansion.scope import Scope
from runner.core.expressions.template import compile_value
from runner.core.language.findings import contains, has_hole
from runner.core.modules.folder import Block
from runner.core.request.provider import Provider
from runner.core.request.provider_types import OPENAI, TYPES, ProviderType
from runner.core.secrets.texts import yielded_secrets
from runner.core.values import NotKnown, TemplateError, plain, present, to_text
from runner.errors import Problem, RunnerError, sentence

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class DeclaredProvider:
    """A provider block, filled. `table` holds its settings (never a key)."""

    name: str
    type: ProviderType
    table: Mapping[str, Any] = field(default_factory=dict)
    block: Block | None = None

    def limits(self, body: bytes) -> tuple[str, ...]:
        """What a request asks for and this provider does not do, each in a sentence."""
        limits = self.type.limits
        return () if limits is None else limits(orjson.loads(body), self.table)


def declared(scope: Scope, problems: list[Problem]) -> dict[str, DeclaredProvider]:
    """Every provider of the root module, and the types of provider under their own names."""
    found = {name: DeclaredProvider(name, known) for name, known in TYPES.items()}
    for name, block in scope.module.blocks.of("provider").items():
        table = _fill(block, scope, problems)
        for key, problem in _misfits(block, table, scope):
            problems.append(problem)
            table.pop(key, None)
        kind = str(table.get("type", name))
        if kind not in TYPES:
            types = " or ".join(f'type = "{known}"' for known in TYPES)
            said = f'"{name}" is no type of provider; write {types}.'
            problems.append(block.problem("Missing type", said))
            kind = OPENAI.name
        found[name] = DeclaredProvider(name, TYPES[kind], table, block)
        if _is_masked(block.table.get("base_url"), scope):
            said = (
                "base_url hangs on a sensitive value, and it is recorded with every answer. Put "
                "what is secret into headers or query, or into the key."
            )
            problems.append(block.problem("Sensitive base_url", said, ("base_url",)))
        if _is_masked(block.table.get("api_key_env"), scope):
            said = (
                "api_key_env hangs on a sensitive value, and it is shown and recorded where you "
                'say whom you trust. Write the name of the variable itself: api_key_env = "..".'
            )
            problems.append(block.problem("Sensitive api_key_env", said, ("api_key_env",)))
    return found


def known(
    held: Mapping[str, DeclaredProvider],
    scope: Scope,
    model_digest: Callable[[str | None], str],
    problems: list[Problem],
) -> dict[str, Provider]:
    """The providers as requests see them. `model_digest` gives the sha256 of a model file, or
    raises RunnerError.
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
        model_required = provider.table.get("model_required") is not False
        found[name] = replace(made, model_required=model_required)
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
            return str(provider.table.get("base_url") or OPENAI_URL).rstrip("/")
        case "embedded":
            return model_digest(provider.table.get("model_path"))


def _fill(block: Block, scope: Scope, problems: list[Problem]) -> dict[str, Any]:
    try:
        node = compile_value(block.table)
        filled: dict[str, Any] = present(plain(node.render(scope.names)))
    except TemplateError as exc:
        said = f"In provider.{block.name}: {sentence(exc.message)}"
        problems.append(block.problem("Invalid expression", said, exc.path, line=exc.line))
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
        if found.severity == "error":
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
