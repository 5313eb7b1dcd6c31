"""Terraform's configuration in, the runner's configuration out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runner.core.language import blocks
from runner.core.language.findings import KEY
from runner.core.toml.write import Entry, Remark, Section, write_toml
from runner.errors import Problem, RunnerError, gathering
from runner.hcl.blocks import items
from runner.hcl.context import Context, Items, note
from runner.hcl.extent import check_size, deepest, too_deep
from runner.hcl.keys import (
    ADDRESSES,
    DATA_KEYS,
    META_KEYS,
    MODULE,
    OUTPUT,
    PROVIDER,
    VARIABLE,
    value_is_literal,
)
from runner.hcl.scope import HclNames, data_type, identifier
from runner.hcl.survey import survey
from runner.hcl.syntax import parse_hcl, require_parser
from runner.hcl.tree import Attribute, HclFile, HclText, Nested, attribute


def _keys(made: Any) -> frozenset[str]:
    """The keys of a block, by the type that declares them."""
    return frozenset(made.__required_keys__ | made.__optional_keys__)


_COMPLETION = _keys(blocks.Completion)
_DATA = {
    "chat_completion": _keys(blocks.ChatCompletion),
    "chat_completions": _keys(blocks.ChatCompletions),
    "chat_completion_messages": _keys(blocks.ChatCompletionMessages),
}
_LISTED = {
    "moved": _keys(blocks.Moved),
    "removed": _keys(blocks.Removed) | {"lifecycle"},
    "import": _keys(blocks.Import),
}
_OUTPUT, _PROVIDER, _VARIABLE = map(_keys, (blocks.Output, blocks.OpenAIProvider, blocks.Variable))


_KEY_SUMMARY = "Key not copied"
_KEY_DETAIL = (
    "This line holds what looks like a key, and files are shared and kept. Put it in a variable of "
    "the environment: a provider's own key is named by its api_key_env, and any other is read "
    "with the function env(). The key in the .tf file is no secret any more: replace it."
)


@dataclass(frozen=True, slots=True)
class Converted:
    """`text` is TOML 1.0; `problems` name all that could not be kept, each with its place."""

    text: str
    problems: tuple[Problem, ...]


def convert(files: Sequence[tuple[str, str]]) -> Converted:
    """Terraform files, each a name and its text, as one TOML configuration.

    What has no counterpart is named in `problems` (a warning where nothing is lost, an error
    where meaning is) and left in the text as a comment. RunnerError where a file is not HCL,
    with the problems of all files, or what reads it is not installed.
    """
    require_parser()
    try:
        parsed = _parsed(files)
        return _Conversion(survey(parsed)).run(parsed)
    except RecursionError:
        places = (deepest(HclText(*file)) for file in files)
        raise too_deep(max(places, key=lambda found: found[0])[1]) from None


def _parsed(files: Sequence[tuple[str, str]]) -> list[HclFile]:
    parsed: list[HclFile] = []
    problems: list[Problem] = []
    for name, text in files:
        source = HclText(name, text.removeprefix("\ufeff").replace("\r\n", "\n"))
        with gathering(problems):
            check_size(source)
            parsed.append(HclFile(source, parse_hcl(source)))
    if problems:
        raise RunnerError(*problems)
    return parsed


@dataclass(slots=True)
class _Conversion:
    """The tables made so far; one for each block, in the order of the files."""

    names: HclNames
    problems: list[Problem] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    seen: dict[tuple[str, ...], str] = field(default_factory=dict)
    locals_at: int | None = None

    def run(self, files: Sequence[HclFile]) -> Converted:
        for file in files:
            for element in file.body.elements:
                context = Context(file.source, self.names, _header(element), self.problems)
                if isinstance(element, Attribute):
                    said = f"{element.name} stands outside any block, where it means nothing."
                    self._left_out(context, element, said)
                else:
                    self._block(context, element)
            if file.body.below:
                self.sections.append(Section((), below=file.body.below))
            self._name_keys(file.source)
        text = KEY.sub(lambda key: f"{key[0][:3]}…", write_toml(self.sections))
        return Converted(text, tuple(self.problems))

    def _name_keys(self, source: HclText) -> None:
        """Every line that holds what looks like a key, unless that was said of it."""
        said = {each.where for each in self.problems if each.summary == _KEY_SUMMARY}
        told = {(where.file, where.line) for where in said if where is not None}
        for number, line in enumerate(source.text.split("\n"), start=1):
            found = KEY.search(line)
            if found is not None and (source.file, number) not in told:
                where = source.where(number, found.start() + 1)
                self.problems.append(Problem(_KEY_SUMMARY, _KEY_DETAIL, where))

    def _block(self, context: Context, block: Nested) -> None:
        match block.kind, block.labels:
            case "module", (name,) if name not in self.names.completions:
                said = f"module.{name} stays a module: convert the files of its folder as well."
                context.warning("Module", said, block)
                self._add(context, block, ("module", name), items(context, block.body, MODULE))
            case ("module", (name,)) | ("resource", ("openai_chat_completion", name)):
                context = replace(context, tables=True)
                found = items(context, block.body, META_KEYS, _COMPLETION)
                self._add(context, block, ("completion", name), found)
            case "data", (kind, name) if data_type(kind):
                known = data_type(kind) or ""
                found = items(context, block.body, DATA_KEYS, _DATA[known])
                self._add(context, block, ("data", known, name), found)
            case "variable", (name,):
                found = items(context, block.body, VARIABLE, _VARIABLE)
                self._add(context, block, ("variable", name), found)
            case "output", (name,):
                found = items(context, block.body, OUTPUT, _OUTPUT)
                self._add(context, block, ("output", name), found)
            case "provider", ("openai",):
                self._provider(context, block)
            case "locals", ():
                self._locals(context, block)
            case (("moved" | "removed" | "import"), ()):
                self._listed(context, block)
            case _:
                self._unknown(context, block)

    def _add(self, context: Context, block: Nested, path: tuple[str, ...], found: Items) -> None:
        """A table, unless there is one of its name."""
        named = (*path[:-1], identifier(path[-1]))
        if named != path:
            said = f"Names have no dashes here: {path[-1]} is called {named[-1]}."
            context.warning("Renamed", said, block)
        place = f"{context.file.file}:{block.line}"
        if named in self.seen:
            said = f"{'.'.join(named)} was made from {self.seen[named]}. Rename one of the two."
            self._left_out(context, block, said)
            return
        self.seen[named] = place
        self.sections.append(Section(named, tuple(found), block.above, block.body.below))

    def _provider(self, context: Context, block: Nested) -> None:
        alias = attribute(block.body, "alias")
        name = "openai"
        found: Items = []
        if alias is not None and value_is_literal(alias):
            name = "".join(part.text for part in alias.children)
            found.append(Entry("type", "openai"))
        found += items(context, block.body, PROVIDER, _PROVIDER)
        self._add(context, block, ("provider", name), found)

    def _locals(self, context: Context, block: Nested) -> None:
        """All locals blocks are one table, where the first stood."""
        found = items(context, block.body, {})
        if self.locals_at is None:
            self.locals_at = len(self.sections)
            self.sections.append(Section(("locals",), tuple(found), block.above, block.body.below))
            return
        held = self.sections[self.locals_at]
        known = {item.key for item in held.items if isinstance(item, Entry)}
        twice = [item.key for item in found if isinstance(item, Entry) and item.key in known]
        for name in twice:
            context.error(f"local.{name} is declared twice; the first one is kept.", block)
        kept = [
            Remark((note(f"{item.key}, declared twice"),))
            if isinstance(item, Entry) and item.key in known
            else item
            for item in found
        ]
        above = (Remark(block.above),) if block.above else ()
        self.sections[self.locals_at] = replace(
            held,
            items=(*held.items, *above, *kept),
            below=(*held.below, *block.body.below),
        )

    def _listed(self, context: Context, block: Nested) -> None:
        """moved, removed and import: entries of lists."""
        found = tuple(items(context, block.body, ADDRESSES, _LISTED[block.kind]))
        if block.kind == "removed":
            found = _with_destroy(found)
        below = block.body.below
        if any(isinstance(item, Remark) for item in found):
            lines = [line for item in found if isinstance(item, Remark) for line in item.lines]
            self.sections.append(Section((), above=(*block.above, *lines, *below)))
            return
        self.sections.append(Section((block.kind,), found, block.above, below, many=True))

    def _unknown(self, context: Context, block: Nested) -> None:
        if block.kind == "terraform":
            said = (
                "A terraform block says nothing to the runner: its own settings stand in [runner], "
                "its state in the folder state/, and it has no plug-ins."
            )
            self._left_out(context, block, said, warning=True)
            return
        self._left_out(
            context,
            block,
            f"{_header(block)} is nothing that the runner has. It converts the chat-completion "
            "module and resource, variables, locals, outputs, modules, the openai provider and "
            "its data sources. Keep the rest in Terraform.",
        )

    def _left_out(
        self, context: Context, element: Attribute | Nested, said: str, *, warning: bool = False
    ) -> None:
        if warning:
            context.warning("Left out", said, element)
        else:
            context.error(said, element)
        shown = note(f"{_header(element)} ({context.file.file}:{element.line})")
        self.sections.append(Section((), above=(*element.above, shown)))


def _with_destroy(found: Sequence[Entry | Remark]) -> tuple[Entry | Remark, ...]:
    """The items of a removed block: destroy stands in it, and without it Terraform destroys."""
    held: dict[str, Entry] = {item.key: item for item in found if isinstance(item, Entry)}
    lifecycle = held.get("lifecycle", Entry("lifecycle", {}))
    destroy = Entry("destroy", lifecycle.value.get("destroy", True), lifecycle.above)
    return (*(item for item in found if item is not held.get("lifecycle")), destroy)


def _header(element: Attribute | Nested) -> str:
    if isinstance(element, Attribute):
        return element.name
    return " ".join((element.kind, *(f'"{label}"' for label in element.labels)))
