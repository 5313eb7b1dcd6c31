"""Every reference names something that is there, and every call gives what its module wants."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from runner.core.address import BEGINNING, InText
from runner.core.api.answer import DATA_ATTRIBUTES
from runner.core.api.names import ASKABLE
from runner.core.expressions import functions
from runner.core.expressions.foreign import instead
from runner.core.expressions.tags import naming
from runner.core.expressions.template import Constant, Hole, Node, holes
from runner.core.language.names import RECORD_ATTRIBUTES, REPEATING
from runner.core.modules.check_addresses import looked_at
from runner.core.modules.conditions import as_declared
from runner.core.modules.folder import Block
from runner.core.modules.module import CompiledModule, Declared, DeclaredCheck, Rule
from runner.core.suggest import closest, did_you_mean, there_are
from runner.core.values import DYNAMIC_ENV, Ref, written
from runner.errors import Problem

ROOTS = (
    *("var", "local", "completion", "data", "module", "each", "count", "matrix", "self", "record"),
    *("path", "workspace"),
)

_Known = Mapping[str, Sequence[str]]
"""What an expression knows besides what all of its module do: each name, and what it has."""


def check_references(module: CompiledModule, problems: list[Problem]) -> None:
    """Append a problem for each name in a module's expressions that leads nowhere."""
    _Checker(module, problems).run()


class _Checker(Struct, frozen=True):
    """Every reference names something that is there."""

    module: CompiledModule
    problems: list[Problem]

    def run(self) -> None:
        module = self.module
        named = (*module.locals.values(), *module.outputs.values(), *module.files.values())
        for value in (*named, *module.imports):
            has_items = value.block.kind == "import" and "for_each" in value.block.table
            self._nodes(value.block, [value.node], _ITEM if has_items else {})
            self._rules(value.block, value.conditions, {})
        for name, value in self.module.variables.items():
            for rule in value.conditions:
                self._condition(value.block, rule, name)
        for check in self.module.checks.values():
            self._nodes(check.block, [node for _, node in check.entries], self._checked(check))
        for declared in self.module.declared:
            self._declared(declared)

    def _condition(self, block: Block, rule: Rule, name: str) -> None:
        scope = {} if rule.each is None else _ITEM
        for hole in (hole for node in rule.nodes for hole in holes(node)):
            for ref in hole.refs:
                if ref[0] == "var" and ref[1:2] != (name,):
                    said = f"The validation of var.{name} can look at var.{name} only."
                    self._say(block, hole, "Invalid validation", said)
                elif ref[0] != "var":  # of what is known by then: functions, the workspace
                    self._ref(block, hole, ref, {} if hole.path[-1:] == ("for_each",) else scope)

    def _rules(self, block: Block, rules: Iterable[Rule], scope: _Known) -> None:
        for rule in rules:
            inside = scope
            if rule.each is not None:
                self._nodes(block, [rule.each], scope)
                inside = {**scope, **_ITEM}
            self._nodes(block, [rule.condition, rule.message], inside)

    def _declared(self, declared: Declared) -> None:
        scope = _names_of_instances(declared)
        if declared.judging is not None:
            known = self._checked(self.module.checks[declared.judging.check])
            scope = {name: has for name, has in known.items() if name != "record"}
        before = [declared.meta[name] for name in REPEATING if name in declared.meta]
        self._nodes(declared.block, before, {})
        rest = [node for name, node in declared.meta.items() if name not in REPEATING]
        self._nodes(declared.block, [*declared.params.values(), *rest], scope)
        self._rules(declared.block, declared.preconditions, scope)
        self._rules(declared.block, declared.postconditions, {**scope, "self": ASKABLE})
        if declared.kind == "module" and declared.name in self.module.children:
            _check_call(declared, self.module.children[declared.name], self.problems)
        for ref, path in declared.depends_on:
            self._ref(
                declared.block, Hole(written(ref), (), lambda _: None, path, BEGINNING), ref, scope
            )

    def _checked(self, check: DeclaredCheck) -> _Known:
        """What the texts of a check know of an answer, whichever of its addresses that is of."""
        scope: dict[str, Sequence[str]] = {"self": ASKABLE, "record": RECORD_ATTRIBUTES}
        for address in check.of:
            for declared in looked_at(self.module, address):
                for name, has in _names_of_instances(declared).items():
                    scope[name] = tuple(dict.fromkeys((*scope.get(name, ()), *has)))
        return scope

    def _nodes(self, block: Block, nodes: Iterable[Node], scope: _Known) -> None:
        for node in nodes:
            for hole in holes(node):
                for ref in hole.refs:
                    self._ref(block, hole, ref, scope)

    def _say(
        self, block: Block, hole: Hole, summary: str, detail: str, at: InText | None = None
    ) -> None:
        self.problems.append(block.problem(summary, detail, hole.path, at=at or hole.at))

    def _ref(self, block: Block, hole: Hole, ref: Ref, scope: _Known) -> None:
        said = self._fault(ref, scope, hole.source)
        if said is not None:
            summary = "Invalid env()" if ref[0] == "env" else "Unknown name"
            at = hole.at if hole.at.span is not None else naming(hole.source, ref)
            self._say(block, hole, summary, said, at)

    def _fault(self, ref: Ref, scope: _Known, source: str) -> str | None:
        match ref[0]:
            case "var":
                return self._named(ref, "var", self.module.variables, "variable")
            case "local":
                return self._named(ref, "local", self.module.locals, "local value")
            case "completion":
                return self._completion(ref)
            case "data":
                return self._data(ref)
            case "module":
                return self._module(ref)
            case "each" | "count" | "matrix" | "self" | "record" as root:
                return _scoped(ref, root, scope)
            case "path":
                return self._named(ref, "path", ("root", "module"), "path")
            case "workspace":
                return None if len(ref) == 1 else "workspace is the name of the workspace: a text."
            case "terraform" if ref[1:2] == ("workspace",):
                return 'There is no name "terraform" here. Did you mean "workspace"?'
            case "env":
                return None if len(ref) > 1 else f"{DYNAMIC_ENV}."
            case root:
                return self._unknown(str(root), source, called=len(ref) == 1)

    def _named(
        self, ref: Ref, root: str, known: Collection[str], what: str, at: int = 1
    ) -> str | None:
        if len(ref) <= at or not isinstance(ref[at], str):
            return f"{root} is no value by itself; write {root}.NAME."
        if ref[at] in known:
            return None
        names = list(known)  # as many as there are blocks: only for the message
        near = closest(str(ref[at]), names)
        hint = f' Did you mean "{root}.{near}"?' if near else _there_are(names, what)
        return f'There is no {what} "{ref[at]}".{hint}'

    def _completion(self, ref: Ref) -> str | None:
        fault = self._named(ref, "completion", self.module.completions, "completion")
        if fault is not None:
            return fault
        return _attribute(ref, 2, self.module.completions[str(ref[1])], ASKABLE)

    def _data(self, ref: Ref) -> str | None:
        if len(ref) < 3:
            return "Write data.TYPE.NAME."
        name = f"{ref[1]}.{ref[2]}"
        if name not in self.module.data:
            near = closest(name, list(self.module.data))
            hint = f' Did you mean "data.{near}"?' if near else ""
            return f'There is no data source "data.{name}".{hint}'
        return _attribute(ref, 3, self.module.data[name], DATA_ATTRIBUTES[str(ref[1])])

    def _module(self, ref: Ref) -> str | None:
        fault = self._named(ref, "module", self.module.calls, "module")
        if fault is not None:
            return fault
        name = str(ref[1])
        child = self.module.children.get(name)
        if child is None:
            return None  # its own problem has been told
        at = 3 if self.module.calls[name].repeated else 2
        if len(ref) <= at or not isinstance(ref[at], str):
            return None
        return self._named(ref, written(ref[:at]), child.outputs, "output", at)

    def _unknown(self, root: str, source: str, *, called: bool) -> str | None:
        if root in functions.NAMES:
            return None
        for kind, names in (("var", self.module.variables), ("local", self.module.locals)):
            if root in names:
                return f'There is no name "{root}" here. Did you mean "{kind}.{root}"?'
        is_call = re.search(rf"(?<![\w.]){re.escape(root)}\s*\(", source) is not None
        other = instead(root, source) if is_call else None
        if other is not None:
            return f'There is no function "{root}". {other}'
        hint = did_you_mean(
            root, [*ROOTS, *functions.NAMES], f" Values begin with {', '.join(ROOTS)}."
        )
        what = "function" if is_call else "name"
        if not is_call and called:
            hint += " Text with braces of its own stands between {% raw %} and {% endraw %}."
        return f'There is no {what} "{root}".{hint}'


_ITEM: _Known = {"each": ("key", "value")}
_NAMED_BY = {"each": "for_each", "count": "count", "matrix": "matrix"}


def _names_of_instances(declared: Declared) -> _Known:
    """What the expressions of one instance know besides what every other one does."""
    found: dict[str, Sequence[str]] = {}
    if "for_each" in declared.meta:
        found["each"] = ("key", "value")
    if "count" in declared.meta:
        found["count"] = ("index",)
    table = declared.block.table.get("matrix")
    if isinstance(table, Mapping):
        found["matrix"] = (*table, *(f"{axis}_key" for axis in table))
    return found


def _scoped(ref: Ref, root: str, scope: _Known) -> str | None:
    if root not in scope:
        if root == "self":
            return (
                "self is the answer, and is known only in the postconditions of a lifecycle and in "
                "checks."
            )
        if root == "record":
            return "record is what an answer took, and is known only in checks."
        return f"{root} is known only in a block with {_NAMED_BY[root]}."
    allowed = scope[root]
    if len(ref) > 1 and ref[1] not in allowed:
        near = closest(str(ref[1]), allowed)
        hint = f' Did you mean "{root}.{near}"?' if near else ""
        return f'{root} has no "{ref[1]}"; it has {", ".join(allowed)}.{hint}'
    return None


def _attribute(ref: Ref, at: int, declared: Declared, known: Iterable[str]) -> str | None:
    names = list(known)
    if declared.repeated:
        at += 1  # an instance's key comes first
    if len(ref) <= at:
        return None
    name = ref[at]
    if isinstance(name, str) and name in names:
        return None
    shown = written(ref[:at])
    if not isinstance(name, str):
        return f"{shown} has no instances: it has neither for_each nor count nor matrix."
    near = closest(name, names)
    hint = f' Did you mean "{shown}.{near}"?' if near else ""
    return f'{shown} has no "{name}"; it has {", ".join(names)}.{hint}'


def _there_are(names: list[str], what: str) -> str:
    if not names:
        return f" None is declared: write [{what}.NAME]." if " " not in what else ""
    return there_are(names)


def _check_call(call: Declared, module: CompiledModule, problems: list[Problem]) -> None:
    """Append a problem for each variable that a call names wrongly, leaves out, or gives a value
    of another type (of what is written as it is; an expression's value is checked once known).
    """
    unknown = [name for name in call.params if name not in module.variables]
    problems += [_unknown(call, module, name) for name in unknown]
    for name, declared in module.variables.items():
        node = call.params.get(name)
        if node is None:
            table = declared.block.table
            if "default" not in table and table.get("nullable") is not True:
                problems.append(_missing(call, module, name))
        elif isinstance(node, Constant):
            try:
                as_declared(declared, node.value)
            except ValueError as exc:
                said = f"var.{name} of {call.address} does not fit: {exc}."
                problems.append(call.block.problem("Wrong type", said, (name,)))


def _unknown(call: Declared, module: CompiledModule, name: str) -> Problem:
    known = ", ".join(module.variables) or "none"
    hint = did_you_mean(name, module.variables, f" It has {known}.")
    said = f'The module "{module.folder}" has no variable "{name}".{hint}'
    where = call.block.where((name,), on="key")
    return Problem("Unknown variable", said, where)


def _missing(call: Declared, module: CompiledModule, name: str) -> Problem:
    declared = module.variables[name].block
    about = declared.table.get("description")
    shown = f" ({about})" if about else ""
    said = (
        f'{call.address} gives no value for "{name}"{shown}, and the variable has no default '
        f"({declared.where()}). Write {name} = .. in this block."
    )
    return call.block.problem("Missing variable", said)
