"""Folders of TOML into modules: every text compiled once, every mistake told together."""

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, Protocol

from msgspec import Struct

from runner.core.address import Path, is_address
from runner.core.expressions.tags import terraform_holes
from runner.core.expressions.template import Constant, Node, compile_text, compile_value, holes
from runner.core.language.names import DATA_META, META, MODULE_META, REPEATING
from runner.core.language.type_syntax import with_nulls
from runner.core.modules.check_addresses import (
    check_addresses,
    named_addresses,
    with_schemas_read,
)
from runner.core.modules.dependencies import answers_behind
from runner.core.modules.folder import Block, Blocks, ReadFolder, load_folder
from runner.core.modules.git_source import GitSource, git_source, is_elsewhere
from runner.core.modules.judges import judge_block, judge_of
from runner.core.modules.module import (
    CompiledModule,
    Declared,
    DeclaredCheck,
    DeclaredKind,
    NamedValue,
    Placed,
    Rule,
    refs_of,
)
from runner.core.modules.moves import check_moves
from runner.core.modules.references import check_references
from runner.core.values import Ref, TemplateError, texts
from runner.errors import Problem, RunnerError, error, sentence

_DEEPEST_MODULES = 32
_MOST_MODULES = 10_000  # of a project, a module counted as often as it is called
_TOO_MANY = "Too many modules"
_PASTED = "Key in a configuration file"
_ABOUT_KEYS = ("Unknown key", "Deprecated parameter", _PASTED)


FetchedFolder = Callable[[GitSource], str]  # the folder that holds a repository's files


def _none_fetched(_: GitSource) -> str:
    raise error("Module is not fetched", "There are no modules of repositories here.")


class RightBlocks(Protocol):
    """The blocks that were checked before and had no mistake."""

    def has(self, text: bytes) -> bool:
        """Whether this was checked, by the rules as they are now."""

    def add(self, text: bytes) -> None:
        """Nothing was found in this."""


def compile_root(
    folder: str,
    read: ReadFolder,
    problems: list[Problem],
    *,
    may_be_empty: bool = False,
    checked: RightBlocks | None = None,
    fetched: FetchedFolder = _none_fetched,
) -> CompiledModule:
    """The root module with all modules below it; mistakes are appended to `problems`.

    `fetched` says where a repository's files are; RunnerError if they were not fetched.
    """
    root = _Tree(read, problems, checked, fetched).compile(folder, ())
    blocks = root.blocks
    is_empty = not (blocks.by_kind or any(blocks.lists.values()))
    if is_empty and not may_be_empty and not problems:
        detail = (
            f"There is no block in {folder}/*.toml. Planning without a configuration would mark "
            "every answer for removal. Write a [completion.NAME], or run `runner init`; "
            "`runner destroy` removes what the state holds."
        )
        problems.append(Problem("No configuration", detail))
    if not any(problem.severity == "error" for problem in problems):
        problems.extend(_answers_in_names(root))
        problems.extend(check_addresses(root))
    return root


def _answers_in_names(root: CompiledModule) -> Iterator[Problem]:
    """Where an output is written is known, and shown, before anything is paid for."""
    for name, value in root.files.items():
        for hole in holes(value.node):
            for address in answers_behind(root, hole.refs)[:1]:
                said = (
                    f"The name of the file of output.{name} would hang on the answer of {address}. "
                    "It may be made of variables, locals and texts: no answer chooses a file."
                )
                yield value.block.problem("Answer in a file's name", said, hole.path, at=hole.at)


class _Tree(Struct):
    """The modules of one project; a folder that is named twice is compiled once."""

    read: ReadFolder
    problems: list[Problem]
    checked: RightBlocks | None
    fetched: FetchedFolder
    known: dict[str, CompiledModule] = {}
    inside: dict[str, int] = {}  # how many modules are called in a folder
    defaults: dict[str, Any] = {}  # of the root's providers
    judge: Mapping[str, Any] = {}  # [runner] judge
    checkouts: set[str] = set()  # the folders of repositories

    def compile(self, folder: str, stack: tuple[str, ...]) -> CompiledModule:
        blocks = load_folder(folder, self.read, self.problems, root=not stack)
        if not stack:
            self.defaults, self.judge = _defaults(blocks), _judge(blocks)
        foreign = self._check(blocks)
        module = _compiled(folder, blocks, self.judge, self.problems)
        module.foreign.update(foreign)
        self.known[folder] = module
        self.inside[folder] = 0
        for name, call in module.calls.items():
            child = self._child(call, folder, (*stack, folder))
            if child is not None and self._counts(call, folder, child.folder):
                module.children[name] = child
        check_references(module, self.problems)
        check_moves(module, self.problems)
        return module

    def _counts(self, call: Declared, folder: str, called: str) -> bool:
        """Whether there may be that many modules; told once, where it becomes too many."""
        total = self.inside[folder] + self.inside[called] + 1
        if total > _MOST_MODULES and any(p.summary == _TOO_MANY for p in self.problems):
            return False
        if total > _MOST_MODULES:
            said = (
                f"With this call there are {total:,} modules in {folder}, each counted as often as "
                f"it is called, and a project has {_MOST_MODULES:,} at most. Call a module once "
                "with for_each instead of in many blocks."
            )
            self.problems.append(call.block.problem(_TOO_MANY, said, ("source",)))
            return False
        self.inside[folder] = total
        return True

    def _check(self, blocks: Blocks) -> dict[str, list[Placed]]:
        """Every mistake in the blocks is told, but for those that are none to another server: they
        come back by block. What was checked before and had none is not checked again.
        """
        text = _all_that_is_checked(blocks, self.defaults)
        if self.checked is not None and self.checked.has(text):
            return {}
        from runner.core.language.check import check  # noqa: PLC0415  # pydantic, 100 ms

        foreign: dict[str, list[Placed]] = {}
        is_faultless = True
        held = [block for named in blocks.by_kind.values() for block in named.values()]
        for block in (*held, *(block for listed in blocks.lists.values() for block in listed)):
            kind = f"data.{block.name.split('.')[0]}" if block.kind == "data" else block.kind
            table = block.table
            if kind == "local":
                kind, table = "locals", {block.name: block.table["value"]}
            findings = check(kind, table, name=block.name, defaults=self.defaults)
            is_faultless = is_faultless and not findings
            start = 1 if kind == "locals" else 0
            for found in findings:
                if found.summary == _PASTED:
                    holder = block.holder(found.path[start:])
                    holder.source.hide((*holder.path, *found.path[start:]))
            for found in findings:
                on: Literal["key", "value"] = "key" if found.summary in _ABOUT_KEYS else "value"
                where = block.where(found.path[start:], on=on)
                if found.foreign:
                    foreign.setdefault(f"{kind}.{block.name}", []).append(Placed(found, where))
                    continue
                problem = Problem(found.summary, found.detail, where, found.severity)
                self.problems.append(problem)
        if self.checked is not None and is_faultless:
            self.checked.add(text)
        return foreign

    def _child(self, call: Declared, folder: str, stack: tuple[str, ...]) -> CompiledModule | None:
        source = call.block.table.get("source")
        if not isinstance(source, str):
            return None  # the check of the block has said so
        target = self._target(call, folder, source)
        if target is None:
            return None
        if target in stack or len(stack) > _DEEPEST_MODULES:
            chain = " -> ".join((*stack[stack.index(target) if target in stack else 0 :], target))
            said = f"The module calls itself: {chain}. A module cannot stand inside itself."
            self.problems.append(call.block.problem("Recursive module", said, ("source",)))
            return None
        if target in self.known:
            return self.known[target]
        before = len(self.problems)
        try:
            child = self.compile(target, stack)
        except RunnerError as exc:
            said = " ".join(problem.detail for problem in exc.problems)
            self.problems.append(call.block.problem("No such module", said, ("source",)))
            return None
        if not child.blocks.sources and len(self.problems) == before:
            said = (
                f'There are no *.toml files in "{target}". A source is a folder, relative to the '
                "file that names it."
            )
            self.problems.append(call.block.problem("No such module", said, ("source",)))
            return None
        return child

    def _target(self, call: Declared, folder: str, source: str) -> str | None:
        """The folder that a source names; None where there is none, which is told."""
        if is_elsewhere(source):
            return self._checkout(call, source)
        target = posixpath.normpath(posixpath.join(folder, source))
        around = next((one for one in self.checkouts if _is_in(folder, one)), None)
        if around is not None and not _is_in(target, around):
            said = f'"{source}" leads out of the repository that this module was fetched from.'
            self.problems.append(call.block.problem("Source leaves it", said, ("source",)))
            return None
        return target

    def _checkout(self, call: Declared, source: str) -> str | None:
        """The folder of a repository, as `runner init` fetched it."""
        try:
            meant = git_source(source)
            around = self.fetched(meant)
        except ValueError as exc:
            self.problems.append(call.block.problem("Source is elsewhere", f"{exc}", ("source",)))
            return None
        except RunnerError as exc:
            for one in exc.problems:
                self.problems.append(call.block.problem(one.summary, one.detail, ("source",)))
            return None
        self.checkouts.add(around)
        return posixpath.normpath(posixpath.join(around, meant.folder))


def _is_in(folder: str, around: str) -> bool:
    return folder == around or folder.startswith(f"{around}/")


def _defaults(blocks: Blocks) -> dict[str, Any]:
    """What any provider may give a completion: checks of what is missing count it as there."""
    found: dict[str, Any] = {}
    for block in blocks.of("provider").values():
        held = block.table.get("defaults")
        if isinstance(held, Mapping):
            found.update(held)
    return found


def _judge(blocks: Blocks) -> Mapping[str, Any]:
    """Who judges where a check does not say it."""
    settings = blocks.of("runner").get("runner")
    held = settings.table.get("judge") if settings is not None else None
    return held if isinstance(held, Mapping) else {}


def _all_that_is_checked(blocks: Blocks, defaults: Mapping[str, Any]) -> bytes:
    """What the check of these blocks hangs on, besides its rules."""
    texts = [(source.file, source.text) for source in blocks.sources]
    return repr((texts, defaults)).encode(errors="surrogatepass")


def _compiled(
    folder: str, blocks: Blocks, usual: Mapping[str, Any], problems: list[Problem]
) -> CompiledModule:
    module = CompiledModule(folder, blocks)
    compiler = _Compiler(problems)
    for name, block in blocks.of("variable").items():
        default = Constant(with_nulls(block.table.get("default")))
        rules = compiler.conditions(block, block.table.get("validation"), ("validation",))
        module.variables[name] = NamedValue(default, block, rules)
    for name, block in blocks.of("locals").items():
        module.locals[name] = NamedValue(compiler.value(block, block.table["value"], ()), block)
    for name, block in blocks.of("completion").items():
        module.completions[name] = compiler.completion(block)
    for name, block in blocks.of("data").items():
        module.data[name] = compiler.declared(block, "data", DATA_META)
    for name, block in blocks.of("module").items():
        module.calls[name] = compiler.declared(block, "module", MODULE_META)
    for name, block in blocks.of("output").items():
        node = compiler.value(block, block.table.get("value"), ("value",))
        rules = compiler.conditions(block, block.table.get("precondition"), ("precondition",))
        module.outputs[name] = NamedValue(node, block, rules)
        if "file" in block.table:
            module.files[name] = NamedValue(
                compiler.value(block, block.table["file"], ("file",)), block
            )
    for block in blocks.lists["import"]:
        module.imports.append(NamedValue(compiler.value(block, block.table, ()), block))
    for name, block in blocks.of("check").items():
        judge = judge_block(block, usual)
        if judge is not None:
            made = judge_of(block, judge, compiler.value, module.completions, problems)
            module.judges[judge.name] = made
        module.checks[name] = compiler.check(block, made if judge is not None else None)
    module.comparisons.update(blocks.of("compare"))
    return module


class _Compiler(Struct, frozen=True):
    problems: list[Problem]

    def value(self, block: Block, value: Any, path: Path) -> Node:
        def tell(exc: TemplateError) -> None:
            said = sentence(exc.message)
            problem = block.problem("Invalid expression", said, exc.path, at=exc.at)
            self.problems.append(problem)

        self._foreign(block, value, path)
        try:
            return compile_value(value, path, tell)
        except RecursionError:
            said = "This value is nested too deeply."
            self.problems.append(block.problem("Nesting too deep", said, path))
        return Constant(None)

    def _foreign(self, block: Block, value: Any, path: Path) -> None:
        """A warning at each hole in Terraform's spelling, which is sent as the text that it is."""
        if not any(each.source.has_dollars for each in (block, *block.over)):  # of a whole file
            return
        for at, text in texts(value, path):
            for hole in terraform_holes(text):
                source = text[slice(*hole.span)] if hole.span is not None else text
                said = (
                    f"{source} is text here, and is sent as it stands: the value is "
                    f"{{{{ {source[2:-1].strip()} }}}}. Where the text is meant, put it between "
                    "{% raw %} and {% endraw %}."
                )
                problem = block.problem("Terraform's spelling", said, at, at=hole, warning=True)
                self.problems.append(problem)

    def conditions(self, block: Block, rules: Any, path: Path) -> tuple[Rule, ...]:
        found = []
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            if isinstance(rule, Mapping):
                at = (*path, index)
                condition = self.value(block, rule.get("condition"), (*at, "condition"))
                message = self.value(block, rule.get("error_message"), (*at, "error_message"))
                each = rule.get("for_each")
                items = None if each is None else self.value(block, each, (*at, "for_each"))
                found.append(Rule(condition, message, (*at, "condition"), items))
        return tuple(found)

    def declared(self, block: Block, kind: DeclaredKind, meta: Iterable[str]) -> Declared:
        meta_names = frozenset(meta)
        params: dict[str, Node] = {}
        held: dict[str, Node] = {}
        for key, value in block.table.items():
            if key not in {"depends_on", "source", "lifecycle"}:
                target = held if key in meta_names else params
                target[key] = self.value(block, value, (key,))
        depends_on = self._depends_on(block)
        refs, own_refs = _refs_with_and_without_keys([*params.values()], held)
        return Declared(
            kind, block.name, block, params, held, depends_on, refs=refs, own_refs=own_refs
        )

    def completion(self, block: Block) -> Declared:
        as_written = block.table.get("template") is False
        params: dict[str, Node] = {}
        meta: dict[str, Node] = {}
        for key, value in block.table.items():
            if key not in META:
                params[key] = Constant(value) if as_written else self.value(block, value, (key,))
            elif key == "extra_body" and as_written:
                meta[key] = Constant(value)
            elif key not in {"depends_on", "lifecycle", "template"}:
                meta[key] = self.value(block, value, (key,))
        lifecycle = block.table.get("lifecycle")
        rules = lifecycle if isinstance(lifecycle, Mapping) else {}
        before = self.conditions(block, rules.get("precondition"), ("lifecycle", "precondition"))
        after = self.conditions(block, rules.get("postcondition"), ("lifecycle", "postcondition"))
        nodes = [*params.values()]
        nodes += [node for rule in (*before, *after) for node in rule.nodes]
        return Declared(
            "completion",
            block.name,
            block,
            params,
            meta,
            self._depends_on(block),
            before,
            after,
            *_refs_with_and_without_keys(nodes, meta),
            _only_message_texts(params),
        )

    def check(self, block: Block, judge: Declared | None) -> DeclaredCheck:
        table = block.table
        listed = table.get("expect")
        expect = tuple(
            self.value(block, with_schemas_read(entry), ("expect", index))
            for index, entry in enumerate(listed if isinstance(listed, list) else ())
        )
        score = table.get("score")
        scored = None if score is None else self.value(block, score, ("score",))
        return DeclaredCheck(block, named_addresses(block), expect, scored, judge)

    def _depends_on(self, block: Block) -> tuple[tuple[Ref, Path], ...]:
        listed = block.table.get("depends_on")
        found = []
        for index, text in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(text, str) and is_address(text):  # else the check of the block says so
                (ref,) = refs_of([compile_text("{{ " + text + " }}")])
                found.append((ref, ("depends_on", index)))
        return tuple(found)


def _refs_with_and_without_keys(
    nodes: list[Node], meta: Mapping[str, Node]
) -> tuple[tuple[Ref, ...], tuple[Ref, ...]]:
    """What a block refers to; and what one instance of it does, whichever there are."""
    own = [node for name, node in meta.items() if name not in REPEATING]
    refs = refs_of([*nodes, *meta.values()])
    return refs, refs if len(own) == len(meta) else refs_of([*nodes, *own])


def _only_message_texts(params: Mapping[str, Node]) -> bool:
    """Whether holes stand nowhere but in messages[..].content: no type can come out wrong."""
    for name, node in params.items():
        for hole in holes(node):
            if name != "messages" or len(hole.path) != 3 or hole.path[2] != "content":
                return False
    return True
