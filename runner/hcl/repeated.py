"""Blocks that stand in a block any number of times, dynamic ones too, as the list they make."""

from collections.abc import Sequence
from dataclasses import replace

from runner.hcl.scope import HclScope, Untranslatable, shape, without_parens
from runner.hcl.tree import Attribute, Body, HclNode, Nested, attribute
from runner.hcl.unroll import decided, is_bounded, is_null, put_in, written_items, written_text

LISTED = {name: f"{name}s" for name in ("message", "function", "tool")}
LISTED |= {name: name for name in ("messages", "functions", "tools")}
"""Blocks of a completion that are entries of a list, and the key of that list."""
LISTED_INSIDE = dict.fromkeys(("tool_call", "tool_calls"), "tool_calls")
"""The same of the blocks in those: a `function` in a tool is one, and no list."""


def made_kind(nested: Nested) -> str:
    """What a block is one of: of a dynamic one its label."""
    return nested.labels[0] if nested.kind == "dynamic" and nested.labels else nested.kind


def list_of(blocks: Sequence[Nested], scope: HclScope) -> HclNode:
    """The list that blocks of one name make, one after the other; Untranslatable where a dynamic
    one makes what no expression does.
    """
    parts: list[HclNode] = []
    for block in blocks:
        made = _made(block, scope)
        if parts and parts[-1].kind == made.kind == "list":
            parts[-1] = replace(parts[-1], children=(*parts[-1].children, *made.children))
        else:
            parts.append(made)
    full = [part for part in parts if part.kind != "list" or part.children]
    if len(full) < 2:
        return full[0] if full else parts[0]
    return replace(full[0], kind="call", text="concat", children=tuple(full))


def one_of(made: HclNode) -> HclNode:
    """The item of a list that holds at most one, null where it holds none."""
    made = without_parens(made)
    match made.kind, made.children:
        case "list", (inner,):
            return inner
        case "list", ():
            return replace(made, kind="word", text="null")
        case "conditional", (test, *either):
            return replace(made, children=(test, *map(one_of, either)))
        case _:
            raise Untranslatable(made, "this block stands once; write it out")


def _made(block: Nested, scope: HclScope) -> HclNode:
    at = HclNode("list", "", (), block.line, block.column)
    if block.kind != "dynamic":
        return replace(at, children=(_table(block.body, scope, at),))
    over, content = attribute(block.body, "for_each"), _content(block)
    if over is None or content is None:
        raise Untranslatable(at, "a dynamic block has a for_each and a content")
    named = attribute(block.body, "iterator")
    return _over(over, content, made_kind(block) if named is None else named.text, block, scope)


def _content(block: Nested) -> Body | None:
    inner = (each for each in block.body.elements if isinstance(each, Nested))
    return next((each.body for each in inner if each.kind == "content"), None)


def _over(over: HclNode, content: Body, iterator: str, block: Nested, scope: HclScope) -> HclNode:
    """The list that a content makes of what it is given one after the other."""
    over = without_parens(over)
    if over.kind == "conditional":
        test, *either = over.children
        met = decided(test)
        if met is not None:
            return _over(either[not met], content, iterator, block, scope)
        held = _or_empty(over)
        if held is None:
            made = tuple(_over(each, content, iterator, block, scope) for each in either)
            return replace(over, children=(test, *made))
        over = held
    over = _first_of(over)
    items = written_items(over, scope)
    table = _table(content, scope, over) if items is not None else over
    if items is not None and is_bounded(items, table, scope):
        filled = [
            put_in(table, {f"{iterator}.key": key, f"{iterator}.value": value})
            for key, value in items
        ]
        if None not in filled:
            tables = tuple(_without_nulls(each) for each in filled if each is not None)
            return replace(over, kind="list", text="", children=tables)
    copied = _copied(content, iterator)
    if copied is None:
        return _made_of_each(over, _table(content, scope, over), iterator)
    _warn_of_more(over, copied, scope)
    is_map = shape(over, scope) == "map"
    return replace(over, kind="call", text="values", children=(over,)) if is_map else over


def _made_of_each(over: HclNode, table: HclNode, iterator: str) -> HclNode:
    """The for expression that makes the list."""
    key, item = (replace(over, kind="name", text=name, children=())
                 for name in (f"{iterator}_key", iterator))  # fmt: skip
    made = put_in(table, {f"{iterator}.key": key, f"{iterator}.value": item})
    if made is None:
        raise Untranslatable(over, f"{iterator} is the name of a loop in it too; rename that one")
    names = f"{key.text} {item.text}" if _mentions(made, key.text) else item.text
    return replace(over, kind="for_list", text=names, children=(over, made))


def _mentions(node: HclNode, name: str) -> bool:
    named = node.kind == "name" and node.text == name
    return named or any(_mentions(child, name) for child in node.children)


def _or_empty(over: HclNode) -> HclNode | None:
    """`xs` in `xs != null ? xs : []`, said either way around."""
    test, then, other = (without_parens(child) for child in over.children)
    if test.kind != "binary" or test.text not in ("==", "!="):
        return None
    full, empty = (then, other) if test.text == "!=" else (other, then)
    sides = [without_parens(side) for side in test.children]
    asked = [side for side in sides if not is_null(side)]
    is_empty = empty.kind == "list" and not empty.children
    return full if is_empty and len(asked) == 1 and same(asked[0], full) else None


def _first_of(over: HclNode) -> HclNode:
    """`xs` in `coalesce(xs, [])` and `try(xs, [])`."""
    match over.text, [without_parens(child) for child in over.children]:
        case (("coalesce" | "try"), [first, HclNode("list", _, ())]) if over.kind == "call":
            return first
        case _:
            return over


def same(one: HclNode, other: HclNode) -> bool:
    """Whether two expressions are written alike, wherever they stand."""
    one, other = without_parens(one), without_parens(other)
    if (one.kind, one.text, len(one.children)) != (other.kind, other.text, len(other.children)):
        return False
    return all(map(same, one.children, other.children))


def _table(body: Body, scope: HclScope, at: HclNode) -> HclNode:
    """A body as the object that it stands for."""
    held: dict[str, HclNode] = {}
    blocks: dict[str, list[Nested]] = {}
    for element in body.elements:
        if isinstance(element, Nested):
            blocks.setdefault(made_kind(element), []).append(element)
        else:
            held[element.name] = element.value
    for name, each in blocks.items():
        made = list_of(each, scope)
        key = LISTED_INSIDE.get(name)
        held[key or name] = made if key else one_of(made)
    pairs = [
        replace(at, kind="pair", children=(replace(at, kind="name", text=name, children=()), value))
        for name, value in held.items()
    ]
    return _without_nulls(replace(at, kind="object", text="", children=tuple(pairs)))


def _without_nulls(table: HclNode) -> HclNode:
    """An object without the keys that are null: nothing is set then."""
    return replace(
        table, children=tuple(pair for pair in table.children if not is_null(pair.children[1]))
    )


def _copied(content: Body, iterator: str) -> set[str] | None:
    """The keys that a content copies from its item as they are; None where it does more."""
    keys: set[str] = set()
    for element in content.elements:
        if isinstance(element, Attribute):
            if _copy_of(element.value, iterator) != element.name:
                return None
            keys.add(element.name)
        elif not _copies_block(element, iterator):
            return None
        else:
            keys.add(made_kind(element))
    return keys


def _copy_of(node: HclNode, iterator: str) -> str | None:
    """The key `a` of `x.value.a`, `x.value["a"]`, `lookup(x.value, "a", null)`, `try(.., null)`."""
    node = without_parens(node)
    match node.kind, node.text, node.children:
        case "attr", name, (item,) if _is_item(item, iterator):
            return name
        case "index", _, (item, key) if _is_item(item, iterator):
            return written_text(without_parens(key))
        case "call", "lookup", (item, key, *rest) if _is_item(item, iterator):
            return written_text(without_parens(key)) if all(map(is_null, rest)) else None
        case "call", "try", (inner, *rest) if all(map(is_null, rest)):
            return _copy_of(inner, iterator)
        case _:
            return None


def _is_item(node: HclNode, iterator: str) -> bool:
    node = without_parens(node)
    is_value = node.kind == "attr" and node.text == "value" and node.children[0].kind == "name"
    return is_value and node.children[0].text == iterator


def _copies_block(block: Nested, iterator: str) -> bool:
    """Whether a dynamic block copies the item's object of its name, or its list of them."""
    name = made_kind(block)
    over, content = attribute(block.body, "for_each"), _content(block)
    if block.kind != "dynamic" or over is None or content is None:
        return False
    over = without_parens(over)
    if over.kind == "conditional":
        test, *either = map(without_parens, over.children)
        asked = [side for side in test.children if not is_null(side)]
        full = [each for each in either if each.kind != "list" or each.children]
        if test.kind != "binary" or len(asked) != 1 or _copy_of(asked[0], iterator) != name:
            return False
        if len(full) != 1 or either.index(full[0]) != (test.text == "=="):
            return False
        over = full[0]
    if over.kind == "list" and len(over.children) == 1 and name not in LISTED_INSIDE:
        over = over.children[0]
    named = attribute(block.body, "iterator")
    inner = name if named is None else named.text
    return _copy_of(over, iterator) == name and _copied(content, inner) is not None


def _warn_of_more(over: HclNode, copied: set[str], scope: HclScope) -> None:
    """An item may hold more than what is copied, unless its type says what it holds."""
    root = over.children[0].text if over.kind == "attr" and over.children else ""
    declared = scope.names.items.get(over.text) if root == "var" else None
    if declared is None or not declared <= copied:
        said = f"Each item is sent whole, where the block took {', '.join(sorted(copied))} of it."
        scope.warn(over, said)
