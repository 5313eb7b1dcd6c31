"""Terraform's for expressions as lists and maps made item by item, and as loops in a text."""

from collections.abc import Sequence

from runner.hcl.file_functions import csv_path
from runner.hcl.functions import FILTER, OR, Code, quoted
from runner.hcl.scope import HclScope, identifier, shape, without_parens
from runner.hcl.tree import HclNode


def loop(names: Sequence[str], iterable: HclNode, scope: HclScope) -> tuple[str, HclScope]:
    """`for x in xs` as the runner writes it, and the scope inside."""
    names = [identifier(name) for name in names]
    over = scope.code(iterable)
    if len(names) == 1:
        over = elements(iterable, over, scope)
    elif shape(iterable, scope) == "list":
        over = Code(f"zip(range({over:f} | length), {over})")
    else:
        over = Code(f"{over:f} | dictsort(true)", FILTER)
    return f"for {', '.join(names)} in {over.at(OR)}", scope.inside(*names)


def elements(iterable: HclNode, over: Code, scope: HclScope) -> Code:
    """What Terraform iterates over: the values of a map, in the order of its keys."""
    if shape(iterable, scope) == "map":
        return Code(f"{over:f} | dictsort(true) | map('last')", FILTER)
    return over


def for_list(node: HclNode, scope: HclScope) -> Code:
    """`[x.name for x in xs if x.good]`; a list that is copied as it is, is itself."""
    _, each, *condition = node.children
    names = node.text.split()
    if not condition and [without_parens(each).text] == names and each.kind == "name":
        over = elements(node.children[0], scope.code(node.children[0]), scope)
        return Code(f"{over:f} | list", FILTER)
    loops, inner = _loop(node, scope)
    return Code(f"[{inner.code(each)} {loops}]")


def for_map(node: HclNode, scope: HclScope) -> Code:
    """`{x.id: x for x in xs}`; rows of a file by a column, and a map as it is, are themselves."""
    names, (iterable, key, held, *condition) = node.text.split(), map(without_parens, node.children)
    if not condition and held.kind == "name" and held.text == names[-1]:
        path = csv_path(iterable, scope)
        if path is not None and key.kind == "attr" and key.children[0].text == names[-1]:
            return Code(f"csv({path}, key={quoted(key.text)})")
        if len(names) > 1 and key.kind == "name" and key.text == names[0]:
            return scope.code(iterable)
    loops, inner = _loop(node, scope)
    return Code(f"{{{inner.code(key)}: {inner.code(held)} {loops}}}")


def for_group(node: HclNode, scope: HclScope) -> Code:
    """`{for x in xs : x.kind => x...}`: the rows of each key, in the order of the list."""
    _, key, held, *_ = node.children
    loops, inner = _loop(node, scope)
    pairs = f"[[{inner.code(key)}, {inner.code(held)}] {loops}]"
    rows = f"groupby({pairs}, 0) | dictsort(true)"
    return Code(f"{{key: rows | map('last') | list for key, rows in {rows}}}")


def _loop(node: HclNode, scope: HclScope) -> tuple[str, HclScope]:
    """The loop and its condition, which come after what is made of each item."""
    made = 2 if node.kind == "for_list" else 3
    loops, inner = loop(node.text.split(), node.children[0], scope)
    tests = (f" if {inner.code(test):o}" for test in node.children[made:])
    return loops + "".join(tests), inner
