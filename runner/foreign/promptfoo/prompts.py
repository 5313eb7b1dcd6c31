"""promptfoo's prompts: messages, with the names of a case."""

import json
from collections.abc import Iterator
from typing import Any

from runner.core.address import Path
from runner.core.budget import Rendering
from runner.core.expressions.yaml import yaml_of
from runner.core.values import TemplateError
from runner.foreign.promptfoo.cases import read_beside
from runner.foreign.promptfoo.evaluation import Evaluation
from runner.foreign.promptfoo.templates import Templates
from runner.foreign.requests import nearest_name

_CHATS = ("json", "yaml", "yml")
_TEXTS = ("txt", "md", "j2")


def prompts(held: Evaluation, templates: Templates) -> dict[str, list[Any]]:
    """The messages of each prompt, by a name."""
    listed = held.value["prompts"]
    made: dict[str, list[Any]] = {}
    for path, label, written in _written(held, listed):
        messages = _messages(held, templates, path, written)
        if messages is not None:
            name = nearest_name(label) if label else f"prompt_{len(made) + 1}"
            made[name if name not in made else f"{name}_{len(made) + 1}"] = messages
    return made


def _written(held: Evaluation, listed: Any) -> Iterator[tuple[Path, str, str]]:
    """The place, the label and the text of each prompt."""
    if isinstance(listed, dict):  # a path, and what it is called
        for name, label in listed.items():
            yield from _texts(held, ("prompts", name), str(label), f"file://{name}")
        return
    for index, each in enumerate(listed if isinstance(listed, list) else [listed]):
        path: Path = ("prompts", index) if isinstance(listed, list) else ("prompts",)
        table = {"raw": each} if isinstance(each, str) else each
        source = (table.get("raw") or table.get("id")) if isinstance(table, dict) else None
        if not isinstance(source, str):
            held.refuse(path, "A prompt is a text, or a file: file://prompt.txt.")
            continue
        held.refuse_unknown(path, table, ("raw", "id", "label"))
        yield from _texts(held, path, str(table.get("label", "")), source)


def _texts(
    held: Evaluation, path: Path, label: str, source: str
) -> Iterator[tuple[Path, str, str]]:
    """A prompt as it stands, or those of a file."""
    ending = source.rsplit(".", 1)[-1].lower()
    is_file = source.startswith("file://") or ("\n" not in source and ending in (*_CHATS, *_TEXTS))
    if not is_file:
        yield path, label, source
        return
    file = source.removeprefix("file://")
    if "*" in file or ending not in (*_CHATS, *_TEXTS):
        said = "is a pattern: name each file" if "*" in file else "is no text: write what it makes"
        held.refuse(path, f"{source} {said}. Texts, JSON and YAML are read.")
        return
    text = read_beside(held, path, file)
    if text is None:
        return
    if ending in ("yaml", "yml"):
        yield path, label, _as_json(held, path, file, text)
        return
    for part in text.split("\n---\n") if ending == "txt" else [text]:
        yield path, label, part.strip()


def _as_json(held: Evaluation, path: Path, file: str, text: str) -> str:
    try:
        with Rendering():
            return json.dumps(yaml_of(text, file), ensure_ascii=False)
    except TemplateError as exc:
        held.refuse(path, f"{exc.message}.")
        return ""


def _messages(held: Evaluation, templates: Templates, path: Path, written: str) -> list[Any] | None:
    if not written:
        return None
    chat = _chat(written)
    if chat is None:
        chat = [{"role": "user", "content": written}]
    before = len(held.problems)
    made = _filled(templates, path, chat)
    return made if len(held.problems) == before else None


def _chat(written: str) -> list[Any] | None:
    """The messages of a prompt that is JSON."""
    if written[:1] not in "[{":
        return None
    try:
        held = json.loads(written)
    except ValueError:
        return None
    if isinstance(held, dict):
        held = held.get("messages", [held])
    is_chat = isinstance(held, list) and all(isinstance(each, dict) for each in held)
    return held if is_chat and all("role" in each for each in held) else None


def _filled(templates: Templates, path: Path, value: Any) -> Any:
    match value:
        case str():
            return templates.text(path, value)
        case list():
            return [_filled(templates, path, item) for item in value]
        case dict():
            return {key: _filled(templates, path, item) for key, item in value.items()}
        case _:
            return value
