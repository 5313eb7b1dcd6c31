"""The judge of a check as the completion that it is, once for each answer that it judges."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from runner.core.address import BEGINNING, Path
from runner.core.expressions.template import (
    Constant,
    Expression,
    Hole,
    ItemsNode,
    Node,
    TableNode,
    TextNode,
    compile_text,
)
from runner.core.language.names import JUDGE_META
from runner.core.modules.check_addresses import named_addresses
from runner.core.modules.folder import Block
from runner.core.modules.judge_prompt import (
    PROMPT_NAMES,
    answer_text,
    as_text,
    fenced,
    instructions,
    request_text,
    verdict_format,
)
from runner.core.modules.module import Declared, Judging, refs_of
from runner.core.values import Names, TemplateError
from runner.errors import Problem, sentence

Compile = Callable[[Block, Any, Path], Node]
"""A value of a block, compiled; its mistakes are told."""

_SELF = (("self",),)
_TEXT = r'"(?:[^"\\]|\\.)*"'
_KEY = re.compile(rf'\[(?:\d+|{_TEXT}|[A-Za-z_]\w*=(?:{_TEXT}|[^"\]])*)\]')


def judge_block(check: Block, usual: Mapping[str, Any]) -> Block | None:
    """The table of a check's judge, where it stands; None if the check has none. One that names
    neither provider nor model has those of `usual`.
    """
    table = check.table.get("judge")
    if not isinstance(table, Mapping):
        return None
    named = "provider" in table or "model" in table
    held = dict(table) if named else {**usual, **table}
    at = check.holder(("judge",))
    return Block("check", f"{check.name}.judge", held, at.source, (*at.path, "judge"))


def judge_of(
    check: Block,
    judge: Block,
    value: Compile,
    completions: Iterable[str],
    problems: list[Problem],
) -> Declared:
    """The completion that a judge is; without a provider and a model, that is a problem.
    `completions` are those that a glob may mean.
    """
    if "provider" not in judge.table and "model" not in judge.table:
        problems.append(_nobody(judge))
    judging = _judging(check, judge, completions)
    held = {key: value(judge, judge.table[key], (key,)) for key in judge.table if key != "rubrics"}
    problems.extend(_wrong_prompt(judge, held))
    rubrics = _rubrics(judge, value)
    names = tuple(rubrics) if judging.rubrics else ()
    params = {key: node for key, node in held.items() if key not in JUDGE_META}
    if judging.samples == 1:
        params.setdefault("temperature", Constant(0))
    scored = judging.scale is not None
    params.setdefault("response_format", Constant(verdict_format(names, scored=scored)))
    params["messages"] = _messages(
        instructions(names, judging.scale), _prompt(rubrics, judging, held)
    )
    asked = ("provider", "extra_body", "extra_headers")
    meta = {key: held[key] for key in asked if key in held}
    own = refs_of([*params.values(), *meta.values()])
    refs = (*own, *(tuple(block.split(".")[:2]) for block in judging.blocks))
    return Declared(
        "check", judge.name, judge, params, meta, refs=refs, own_refs=own, judging=judging
    )


def _nobody(judge: Block) -> Problem:
    said = (
        f"check.{judge.name} names neither provider nor model, and no answer is judged by whoever "
        'happens to be there. Write model = ".." (and provider), or for all checks of the project '
        '[runner] judge = { provider = "..", model = ".." }.'
    )
    return judge.problem("No judge", said)


def _judging(check: Block, judge: Block, completions: Iterable[str]) -> Judging:
    samples, scale = judge.table.get("samples"), judge.table.get("scale")
    rubrics, of = judge.table.get("rubrics"), named_addresses(check)
    return Judging(
        check.name,
        of,
        tuple(_blocks(of, completions)),
        samples if isinstance(samples, int) and samples > 0 else 1,
        tuple(rubrics) if isinstance(rubrics, Mapping) else (),
        scale if isinstance(scale, int | float) and not isinstance(scale, bool) else None,
        check.table.get("unscored") == "error",
    )


def _blocks(of: Iterable[str], completions: Iterable[str]) -> dict[str, None]:
    """The blocks that addresses mean, each once: a module's by all modules around it."""
    found: dict[str, None] = {}
    for address in of:
        block = _KEY.sub("", address)
        is_glob = "*" in block or "?" in block
        named = (f"completion.{name}" for name in completions) if is_glob else (block,)
        found.update(dict.fromkeys(named))
    return found


def _rubrics(judge: Block, value: Compile) -> dict[str, Node]:
    """The rubrics by their names; the only one has none."""
    several = judge.table.get("rubrics")
    if isinstance(several, Mapping):
        return {name: value(judge, text, ("rubrics", name)) for name, text in several.items()}
    return {"": value(judge, judge.table.get("rubric", ""), ("rubric",))}


def _messages(system: str, user: Node) -> Node:
    def message(role: str, content: Node) -> Node:
        return TableNode((("role", Constant(role)), ("content", content)))

    return ItemsNode((message("system", Constant(system)), message("user", user)))


def _prompt(rubrics: Mapping[str, Node], judging: Judging, held: Mapping[str, Node]) -> Node:
    rubric = TextNode(tuple(_listed(rubrics)))
    reference = held.get("reference")
    if "prompt" in held:
        return TextNode((_own_prompt(held["prompt"], rubric, reference),))
    parts: list[str | Hole] = ["Rubrics:\n" if judging.rubrics else "Rubric:\n", *rubric.parts]
    if reference is not None:
        parts += ["\n\nReference:\n", _reference(reference)]
    last = "\n\nGrade the answer. Reply with the JSON alone."
    return TextNode((*parts, "\n\nAnswer:\n", Hole("answer", _SELF, _answer, (), BEGINNING), last))


def _listed(rubrics: Mapping[str, Node]) -> Iterable[str | Hole]:
    """The parts of one rubric, or of several, one below the other."""
    for index, (name, node) in enumerate(rubrics.items()):
        begin = "\n" if index else ""
        if name:
            yield f"{begin}- {name}: "
        match node:
            case Constant(value):
                yield str(value)
            case TextNode(parts):
                yield from parts
            case Expression(hole):
                yield hole
            case TableNode() | ItemsNode():
                pass  # no text: the check of the block says so


def _answer(names: Names) -> str:
    return fenced("answer", answer_text(names["self"]))


def _reference(node: Node) -> Hole:
    def fill(names: Names) -> str:
        return fenced("reference", as_text(node.render(names)))

    return Hole("reference", refs_of([node]), fill, ("reference",), BEGINNING)


def _own_prompt(prompt: Node, rubric: Node, reference: Node | None) -> Hole:
    """The prompt that a project wrote itself. One that names nothing of what a judge is shown gives
    the text of such a prompt, as `file()` does.
    """
    refs = refs_of([prompt])
    named = {str(ref[0]) for ref in refs} & {*PROMPT_NAMES, "self"}

    def shown(names: Names, wanted: Iterable[str]) -> dict[str, str]:
        values: dict[str, Callable[[], str]] = {
            "rubric": lambda: as_text(rubric.render(names)),
            "answer": lambda: _answer(names),
            "request": lambda: fenced("request", request_text(names["self"].request)),
        }
        if reference is not None:
            values["reference"] = lambda: fenced("reference", as_text(reference.render(names)))
        return {name: values[name]() for name in wanted if name in values}

    def fill(names: Names) -> str:
        if named:
            _require_answer(named)
            _require_known(named - {"self"}, has_reference=reference is not None)
            return as_text(prompt.render({**names, **shown(names, named)}))
        text = compiled_prompt(as_text(prompt.render(names)))
        asked = {str(ref[0]) for ref in refs_of([text])}
        _require_answer(asked)
        _require_known(asked, has_reference=reference is not None)
        return as_text(text.render(shown(names, asked)))

    besides = refs_of([node for node in (rubric, reference) if node is not None])
    own = tuple(ref for ref in refs if ref[0] not in PROMPT_NAMES)
    return Hole(
        "prompt", tuple(dict.fromkeys((*own, *besides, *_SELF))), fill, ("prompt",), BEGINNING
    )


def _wrong_prompt(judge: Block, held: Mapping[str, Node]) -> Iterator[Problem]:
    """What a prompt that stands in the block lacks, or names in vain; a file's is known once it is
    read.
    """
    prompt = held.get("prompt")
    if prompt is None:
        return
    named = {str(ref[0]) for ref in refs_of([prompt])} & {*PROMPT_NAMES, "self"}
    if not named and not isinstance(prompt, Constant):
        return
    try:
        if isinstance(prompt, Constant):
            named = {str(ref[0]) for ref in refs_of([compiled_prompt(as_text(prompt.value))])}
        _require_answer(named)
        _require_known(named - {"self"}, has_reference="reference" in held)
    except TemplateError as exc:
        yield judge.problem("Invalid prompt", sentence(exc.message), ("prompt",), at=exc.at)


def _require_known(named: Iterable[str], *, has_reference: bool) -> None:
    known = PROMPT_NAMES if has_reference else PROMPT_NAMES[:-1]
    for name in named:
        if name == "reference" and not has_reference:
            raise TemplateError(
                "the prompt names reference, and the judge has none: write reference = .."
            )
        if name not in known:
            raise TemplateError(f'there is no "{name}" in a prompt, but {", ".join(known)}')


compiled_prompt = lru_cache(maxsize=64)(compile_text)
"""A text with holes that a file held, compiled once."""


def _require_answer(named: Iterable[str]) -> None:
    if not {"answer", "self"}.intersection(named):
        raise TemplateError(
            "the prompt of a judge shows it the answer: write {{ answer }} where it has to stand"
        )
