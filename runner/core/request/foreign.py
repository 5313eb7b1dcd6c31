"""What is no part of OpenAI's API in a block: an error or a warning, by whom the block may ask."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from runner.core.address import Path
from runner.core.modules.module import CompiledModule, Placed
from runner.core.request.provider_blocks import DeclaredProvider
from runner.core.request.reach import providers_of
from runner.errors import Problem


def foreign_problems(
    root: CompiledModule,
    providers: Mapping[str, DeclaredProvider],
    default: str,
    environment: Mapping[str, str],
) -> Iterator[Problem]:
    """Each of it, in all modules; what is alike in one block and is a warning, once.

    A completion that names its provider by an expression is an error only where all of them are
    strict: the plan knows which one it is. Where there is no provider of that name, nobody knows
    what it would take, and the plan says so.
    """
    strict = {name: each.is_strict(environment) for name, each in providers.items()}
    for module in _modules(root):
        for block, found in module.foreign.items():
            kind, _, name = block.partition(".")
            asked: tuple[str, ...] = (name,)
            if kind == "completion":
                asked = providers_of(module.completions[name], default, providers)
            asked = tuple(each for each in asked if each in strict)
            refused = all(strict[each] for each in asked)
            said = next((each for each in asked if strict[each] == refused), None)
            if said is not None:
                yield from _told(found, f"provider.{said}", strict=refused)


def _told(found: list[Placed], provider: str, *, strict: bool) -> Iterator[Problem]:
    alike: dict[tuple[str, Path], list[Problem]] = {}
    for each in found:
        problem = each.problem(provider, strict=strict)
        if problem.severity == "error":
            yield problem
        else:
            kind = tuple(step for step in each.finding.path if isinstance(step, str))
            alike.setdefault((problem.summary, kind), []).append(problem)
    for first, *others in alike.values():
        more = f" ({len(others)} more like it.)" if others else ""
        yield replace(first, detail=first.detail + more)


def _modules(root: CompiledModule) -> Iterator[CompiledModule]:
    """Every module once, however often it is called."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        module = waiting.pop()
        if id(module) not in seen:
            seen.add(id(module))
            yield module
            waiting += module.children.values()
