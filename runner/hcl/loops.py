"""Terraform's for expressions as filters, and as loops in a text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.core.expressions.foreign import FILTERS
from runner.hcl.file_functions import csv_path
from runner.hcl.functions import AND, COMPARE, FILTER, OR, Code, quoted
from runner.hcl.references import mapped, steps_of
from runner.hcl.scope import HclScope, Untranslatable, identifier, shape, without_parens
from runner.hcl.tree import HclNode

_TESTS = {"==": "eq", "!=": "ne", "<": "lt", ">": "gt", "<=": "le", ">=": "ge"}


def loop(names: Sequence[str], iterable: HclNode, scope: HclScope) -> tuple[str, str, HclScope]:
    """The names, the iterable and the inner scope of a loop, as the runner writes them."""
    names = [identifier(name) for name in names]
    over = scope.code(iterable)
    if len(names) == 1:
        over = elements(iterable, over, scope)
    elif shape(iterable, scope) == "list":
        raise Untranslatable(iterable, "a loop over a list has no index; use loop.index0 by hand")
    else:
        over = Code(f"{over:f} | dictsort(true)", FILTER)
    return ", ".join(names), over.at(OR), scope.inside(*names)


def elements(iterable: HclNode, over: Code, scope: HclScope) -> Code:
    """What Terraform iterates over: the values of a map, in the order of its keys."""
    if shape(iterable, scope) == "map":
        return Code(f"{over:f} | dictsort(true) | map('last')", FILTER)
    return over


def for_list(node: HclNode, scope: HclScope) -> Code:
    """[for x in xs : x.name if x.good] as filters, as far as filters go."""
    iterable, each, *condition = node.children
    over = _Loop.over(node.text.split(), iterable, scope)
    tests = "".join(over.filtered(test) for test in _conjuncts(condition))
    return Code(f"{over.base:f}{tests}{over.each(each)} | list", FILTER)


TRUTHS = ("alltrue", "anytrue")


def truth_of_all(node: HclNode, scope: HclScope) -> Code:
    """alltrue([for x in xs : x.good]), or anytrue(..), as a count of those that fail or pass."""
    (each,) = node.children
    iterable, test, *condition = each.children
    over = _Loop.over(each.text.split(), iterable, scope)
    base = f"{over.base:f}{''.join(over.filtered(kept) for kept in _conjuncts(condition))}"
    outer, inner, verb, count = (
        ("&&", "||", "reject", "== 0") if node.text == "alltrue" else ("||", "&&", "select", "> 0")
    )
    counts = [
        f"{base}{''.join(over.filtered(one, verb) for one in _parts([part], inner))}"
        f" | list | length {count}"
        for part in _parts([test], outer)
    ]
    sign, level = ("and", AND) if outer == "&&" else ("or", OR)
    return Code(f" {sign} ".join(counts), level if len(counts) > 1 else COMPARE)


def _conjuncts(condition: Sequence[HclNode]) -> list[HclNode]:
    return _parts(condition, "&&")


def _parts(condition: Sequence[HclNode], sign: str) -> list[HclNode]:
    """What stands on the sides of `&&` or `||`, without brackets."""
    nodes = [without_parens(node) for node in condition]
    if nodes and nodes[0].kind == "binary" and nodes[0].text == sign:
        return [test for child in nodes[0].children for test in _parts([child], sign)]
    return nodes


def _comparison(test: HclNode) -> tuple[HclNode, str, HclNode]:
    """What a condition asks about, the test's name here, and what it is compared with."""
    match test.kind, test.text, test.children:
        case "binary", sign, (asked, against) if sign in _TESTS:
            return asked, _TESTS[sign], against
        case "call", "contains", (against, asked):
            return asked, "in", against
        case _:
            return test, "", test


@dataclass(frozen=True, slots=True)
class _Loop:
    """A loop over `base`; `paths` is where in an item each of its names is found."""

    base: Code
    paths: Mapping[str, str]
    scope: HclScope

    @staticmethod
    def over(names: Sequence[str], iterable: HclNode, scope: HclScope) -> "_Loop":
        if len(names) == 1:
            base = elements(iterable, scope.code(iterable), scope)
            return _Loop(base, {names[0]: ""}, scope)
        if shape(iterable, scope) == "list":
            raise Untranslatable(iterable, "the index of a list in a for has no counterpart")
        base = Code(f"{scope.code(iterable):f} | dictsort(true)", FILTER)
        return _Loop(base, {names[0]: "0", names[1]: "1"}, scope)

    def path(self, node: HclNode) -> str | None:
        """Where in an item `x.a.b` is; empty for the item itself, None for anything else."""
        root, steps = steps_of(without_parens(node))
        if root.kind != "name" or root.text not in self.paths:
            return None
        if any(step.kind != "attr" for step in steps):
            return None
        return ".".join(filter(None, [self.paths[root.text], *(step.text for step in steps)]))

    def filtered(self, test: HclNode, verb: str = "select") -> str:
        """A filter that keeps the items that pass the test, or with `reject` those that do not."""
        inner = test
        while inner.kind == "not":
            verb = "reject" if verb == "select" else "select"
            inner = without_parens(inner.children[0])
        path = self.path(inner)
        if path is not None:
            return f" | {verb}" if not path else f" | {verb}attr({quoted(path)})"
        asked, name, against = _comparison(inner)
        path = self.path(asked)
        if path is None or self._mentions(against):
            raise Untranslatable(
                test,
                "this condition of a for expression has no counterpart: one that has compares "
                'what an item holds with a value, x.a == "b" or contains([..], x.a)',
            )
        where, kind = (f"{quoted(path)}, " if path else ""), "attr" if path else ""
        return f" | {verb}{kind}({where}{quoted(name)}, {self.scope.code(against)})"

    def each(self, node: HclNode) -> str:
        """The filters that turn an item into what the for expression yields."""
        node = without_parens(node)
        if [part.kind for part in node.children] == ["interpolation"]:
            node = without_parens(node.children[0].children[0])
        path = self.path(node)
        if path is not None:
            return mapped(path)
        simple = node.kind == "call" and len(node.children) == 1 and node.text in FILTERS
        if simple and FILTERS[node.text].isidentifier():
            return f"{self.each(node.children[0])} | map({quoted(FILTERS[node.text])})"
        raise Untranslatable(node, "this for expression has no counterpart in the runner's filters")

    def _mentions(self, node: HclNode) -> bool:
        named = node.kind == "name" and node.text in self.paths
        return named or any(self._mentions(child) for child in node.children)


def for_map(node: HclNode, scope: HclScope) -> Code:
    """The maps that for_each is given: rows of a file by a column, a list's items by themselves."""
    names, (iterable, key, held, *condition) = node.text.split(), map(without_parens, node.children)
    if not condition and held.kind == "name" and held.text == names[-1]:
        path = csv_path(iterable, scope)
        if path is not None and key.kind == "attr" and key.children[0].text == names[-1]:
            return Code(f"csv({path}, key={quoted(key.text)})")
        if key.kind == "name" and key.text == names[0]:
            return scope.code(iterable)
    raise Untranslatable(
        node,
        "a for expression that makes a map has no counterpart; give for_each a map, a list of "
        "texts, csv(path, key=..) or jsonl(path, key=..)",
    )
