"""Loops over what is written out, item by item."""

from collections.abc import Mapping
from dataclasses import replace

from runner.hcl.scope import DEEPEST_HCL, HclScope, without_parens, written_key, written_keys
from runner.hcl.tree import HclNode

_MOST = 100_000  # nodes that one expression may become
_LOOPS = ("for_list", "for_map", "for_group")

WrittenItem = tuple[HclNode, HclNode]  # a key or index, and a value


def written_items(node: HclNode, scope: HclScope, depth: int = 0) -> tuple[WrittenItem, ...] | None:
    """The items of a list, map or set, seen through locals, in Terraform's order; None where they
    are not written out.
    """
    node = without_parens(node)
    match node.kind:
        case "list" if not any(child.kind == "spread" for child in node.children):
            numbered = enumerate(node.children)
            return tuple((replace(node, kind="number", text=f"{i}", children=()), each)
                         for i, each in numbered)  # fmt: skip
        case "object" if (keys := written_keys(node)) is not None:
            held = dict(zip(keys, node.children, strict=True))
            return tuple((literal(key, held[key]), held[key].children[1]) for key in sorted(held))
        case "attr" if node.children[0].text == "local" and depth < DEEPEST_HCL:
            local = scope.names.locals.get(node.text)
            return written_items(local, scope, depth + 1) if local is not None else None
        case "call" if node.text in ("tolist", "tomap") and len(node.children) == 1:
            return written_items(node.children[0], scope, depth)
        case "call" if node.text == "toset" and len(node.children) == 1:
            return _set(written_items(node.children[0], scope, depth))
        case _:
            return None


def _set(items: tuple[WrittenItem, ...] | None) -> tuple[WrittenItem, ...] | None:
    texts = {written_text(value): value for _, value in items or ()}
    if items is None or None in texts:
        return None
    return tuple((texts[text], texts[text]) for text in sorted(texts, key=str))


def written_text(node: HclNode) -> str | None:
    """A text that is written out, or None where the expression is another."""
    return written_key(node) if node.kind == "string" else None


def literal(text: str, at: HclNode) -> HclNode:
    """A text as an expression, which stands where another does."""
    return HclNode("string", "", (HclNode("chars", text),) if text else (), at.line, at.column)


def unrolled(node: HclNode, scope: HclScope) -> HclNode:
    """A for expression over what is written out as the list or object that it makes; any other
    expression as it is.
    """
    if node.kind not in ("for_list", "for_map") or _size(node, scope) > _MOST:
        return node
    items = written_items(node.children[0], scope)
    if items is None:
        return node
    made = [_turn(node, item) for item in items]
    turns = [turn for turn in made if turn is None or turn]
    if node.kind == "for_list":
        children = tuple(turn[0] for turn in turns if turn)
        return node if None in turns else replace(node, kind="list", text="", children=children)
    pairs = {written_text(turn[0]): turn for turn in turns if turn}
    if None in turns or None in pairs or len(pairs) < len(turns):
        return node
    children = tuple(replace(node, kind="pair", text="", children=turn) for turn in pairs.values())
    return replace(node, kind="object", text="", children=children)


def _turn(node: HclNode, item: WrittenItem) -> tuple[HclNode, ...] | None:
    """What a loop yields of one item, nothing where its condition is not met; None where either
    cannot be told.
    """
    names = node.text.split()
    given = dict(zip(names, item if len(names) > 1 else item[1:], strict=True))
    held = [put_in(child, given) for child in node.children[1:]]
    if None in held:
        return None
    count = 1 if node.kind == "for_list" else 2
    parts = tuple(part for part in held if part is not None)
    met = [decided(test) for test in parts[count:]]
    if None in met:
        return None
    return parts[:count] if all(met) else ()


def _size(node: HclNode, scope: HclScope) -> int:
    """How many nodes the expression is once its loops are unrolled."""
    if node.kind not in _LOOPS:
        return 1 + sum(_size(child, scope) for child in node.children)
    items = written_items(node.children[0], scope) or (0,)
    each = sum(_size(child, scope) for child in node.children[1:])
    return _size(node.children[0], scope) + len(items) * each


def is_bounded(items: tuple[WrittenItem, ...], each: HclNode, scope: HclScope) -> bool:
    """Whether as many of an expression as there are items may be written out."""
    return len(items) * _size(each, scope) <= _MOST


def put_in(node: HclNode, given: Mapping[str, HclNode]) -> HclNode | None:
    """The expression with values in the place of names; None where a name in it is another's.

    A key of `given` is a name, or a name with what follows it: `messages.value`.
    """
    if node.kind == "name" and node.text in given:
        return given[node.text]
    if node.kind == "attr" and node.children[0].kind == "name":
        held = given.get(f"{node.children[0].text}.{node.text}")
        if held is not None:
            return held
    named = {name.split(".")[0] for name in given}
    if node.kind in (*_LOOPS, "for") and not named.isdisjoint(node.text.split()):
        return None
    children = []
    for index, child in enumerate(node.children):
        is_word = node.kind == "pair" and not index and child.kind == "name"
        made = child if is_word else put_in(child, given)
        if made is None:
            return None
        children.append(made)
    return _taken(replace(node, children=tuple(children)))


def _taken(node: HclNode) -> HclNode:
    """The item of an object that is written out, and a text without holes that hold texts."""
    match node.kind, [without_parens(child) for child in node.children]:
        case "attr", [HclNode("object") as held]:
            return _item(held, node.text) or node
        case "index", [HclNode("object") as held, key] if (name := written_text(key)) is not None:
            return _item(held, name) or node
        case "call", [HclNode("object") as held, key, *other] if node.text == "lookup":
            name = written_text(key)
            if name is None or written_keys(held) is None:
                return node
            return _item(held, name) or (other[0] if other else node)
        case "conditional", [test, then, other]:
            met = decided(test)
            return node if met is None else then if met else other
        case "interpolation", [HclNode("string", _, (HclNode("chars") as chars,))]:
            return chars
        case "string", parts if len(parts) > 1:
            plain = [_as_text(part) for part in parts]
            if all(part.kind == "chars" for part in plain):
                return literal("".join(part.text for part in plain), node)
            return replace(node, children=tuple(plain))
        case _:
            return node


def _as_text(part: HclNode) -> HclNode:
    """Part of a longer text: a whole number or a truth value in it is written out."""
    inner = part.children[0] if part.kind == "interpolation" else part
    is_whole = inner.kind == "number" and inner.text.isdigit()
    is_truth = inner.kind == "word" and inner.text != "null"
    return HclNode("chars", inner.text) if is_whole or is_truth else part


def _item(held: HclNode, name: str) -> HclNode | None:
    keys = written_keys(held)
    if keys is None or name not in keys:
        return None
    return held.children[keys.index(name)].children[1]


def decided(test: HclNode) -> bool | None:
    """What a condition is, or None where that is not written out."""
    match test.kind, [without_parens(child) for child in test.children]:
        case "parens", [inner]:
            return decided(inner)
        case "word", _ if test.text in ("true", "false"):
            return test.text == "true"
        case "not", [inner]:
            held = decided(inner)
            return None if held is None else not held
        case "binary", [left, right] if test.text in ("&&", "||"):
            either = {decided(left), decided(right)}
            deciding = test.text == "||"
            return deciding if deciding in either else None if None in either else not deciding
        case "binary", [left, right] if test.text in ("==", "!="):
            same = _same(left, right)
            return None if same is None else same == (test.text == "==")
        case _:
            return None


def _same(left: HclNode, right: HclNode) -> bool | None:
    """Whether two values are the same, as far as they are written out."""
    kinds = {left.kind, right.kind}
    if is_null(left) or is_null(right):
        return None if not kinds <= _VALUES else is_null(left) and is_null(right)
    written = [_written(left), _written(right)]
    return None if None in written else written[0] == written[1]


_VALUES = {"word", "number", "string", "heredoc", "list", "object"}


def _written(node: HclNode) -> object:
    """Something that is the same for the same value; None where that is not written out."""
    match node.kind:
        case "word":
            return node.text
        case "number":
            return float(node.text)
        case "string":
            text = written_text(node)
            return None if text is None else (text,)  # no text is a word
        case _:
            return None


def is_null(node: HclNode) -> bool:
    """Whether an expression is the word null."""
    return without_parens(node).kind == "word" and without_parens(node).text == "null"
