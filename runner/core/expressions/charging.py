"""The code that the engine makes of a template, with what it costs charged where it runs.

What is written is charged by the block: a loop's body once a round, by the nodes and the text in
it. What hangs on values is charged by the environment, which operators, comparisons, slices and
calls go through. Nothing is computed while the code is made.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.idtracking import VAR_LOAD_RESOLVE

COUNTED = " counted"  # filters that no template can name
ITERATED = " iterated"

_LEAST = 40  # steps: a branch that costs less is charged with what it stands in
_STEPS: dict[type[nodes.Node], int] = {
    nodes.Const: 0,
    nodes.TemplateData: 1,
    nodes.Name: 1,
    nodes.Output: 1,
    nodes.Getattr: 6,
    nodes.Getitem: 6,
    nodes.Filter: 16,
    nodes.Test: 6,
    nodes.Call: 60,
    nodes.For: 12,
    nodes.Macro: 20,
    nodes.CallBlock: 80,
}
_A_NODE = 4
_BYTES: dict[type[nodes.Node], int] = {nodes.Filter: 64, nodes.List: 64, nodes.Tuple: 48}
_A_TABLE = 240

RenderingCost = tuple[int, int]  # steps, bytes


class Generator(CodeGenerator):
    """Makes code that charges the budget of the rendering that it is run for."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.optimizer = None
        self._costs: dict[int, RenderingCost] = {}  # by the identity of a block's list of nodes

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802
        """The whole template, its blocks weighed first."""
        for loop in node.find_all(nodes.For):
            loop.iter = _through(COUNTED if loop.test is not None else ITERATED, loop.iter)
        self._costs[id(node.body)] = self._cost_of(node.body)
        super().visit_Template(node, frame)

    def write_commons(self) -> None:
        """The names that all code uses."""
        super().write_commons()
        self.writeline("spend = context.budget.spend")
        self.writeline("concat = context.concat")

    def blockvisit(self, nodes: Iterable[nodes.Node], frame: Frame) -> None:
        """A block, charged where it begins."""
        cost = self._costs.get(id(nodes))
        if cost is not None:
            self.writeline(f"spend({cost[0]}, {cost[1]})")
        super().blockvisit(nodes, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        """Texts put together, which is charged by their lengths."""
        self.write("concat((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:  # noqa: N802
        """A comparison; the environment charges one that may go into what it compares."""
        if all(map(_is_small, (node.expr, *(operand.expr for operand in node.ops)))) or (
            len(node.ops) == 1 and _is_cheap(node.ops[0].op, node.expr, node.ops[0].expr)
        ):
            super().visit_Compare(node, frame)
            return
        self.write("environment.compare(context, ")
        self.visit(node.expr, frame)
        for operand in node.ops:
            self.write(f", ({operand.op!r}, lambda: ")
            self.visit(operand.expr, frame)
            self.write(")")
        self.write(")")

    def visit_List(self, node: nodes.List, frame: Frame) -> None:  # noqa: N802
        """A list, written out or made item by item; each item is charged before it is made."""
        match node.items:
            case [nodes.For() as loop]:
                self.write("[")
                clauses, item, inner = self._clauses(loop, frame)
                self.visit(item, inner)
                for clause in clauses:
                    clause()
                self.write("]")
            case _:
                super().visit_List(node, frame)

    def _clauses(
        self, loop: nodes.For, frame: Frame
    ) -> tuple[list[Callable[[], None]], nodes.Node, Frame]:
        """What writes each clause of the loops, and the item with the names that it sees."""
        inner = frame.inner()
        inner.symbols.analyze_node(loop)
        clauses = [lambda: self._clause(loop, frame, inner)]
        *_, last = loop.body
        if not isinstance(last, nodes.For):
            return clauses, last, inner
        more, item, innermost = self._clauses(last, inner)
        return [*clauses, *more], item, innermost

    def _clause(self, loop: nodes.For, frame: Frame, inner: Frame) -> None:
        steps, size = self._costs[id(loop.body)]
        self.write(" for ")
        self.visit(loop.target, inner)
        self.write(" in ")
        self.visit(loop.iter, frame)
        self.write(f" if spend({steps}, {size}) is None")
        for name, (how, of) in inner.symbols.loads.items():
            if how == VAR_LOAD_RESOLVE:
                self.write(f" for {name} in ({self.get_resolve_func()}({of!r}),)")
        for condition in loop.body[:-1]:
            self.write(" if ")
            self.visit(condition, inner)

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802
        """An item, or a slice, which is charged by its length."""
        if not isinstance(node.arg, nodes.Slice):
            super().visit_Getitem(node, frame)
            return
        self.write("environment.cut(context, ")
        self.visit(node.node, frame)
        for bound in (node.arg.start, node.arg.stop, node.arg.step):
            self.write(", ")
            self.write("None") if bound is None else self.visit(bound, frame)
        self.write(")")

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:  # noqa: N802
        """A table; a key that is computed is charged for its hash."""
        self.write("{")
        for pair in node.items:
            known = isinstance(pair.key, nodes.Const) and pair.key.value is not None
            self.write("" if known else "environment.keyed(context, ")
            self.visit(pair.key, frame)
            self.write(": " if known else "): ")
            self.visit(pair.value, frame)
            self.write(", ")
        self.write("}")

    # -- what a block costs

    def _cost_of(self, found: Iterable[nodes.Node]) -> RenderingCost:
        steps = size = 0
        for node in found:
            more, larger = self._cost(node)
            steps, size = steps + more, size + larger
        return steps, size

    def _cost(self, node: nodes.Node) -> RenderingCost:
        """Of a node once, without the blocks in it that are charged where they begin."""
        steps, size = _own(node)
        match node:
            case nodes.For():
                self._settle(node.body, node.target, *([node.test] if node.test else []))
                inner = self._cost_of([node.iter, *node.else_])
            case nodes.Macro():
                self._settle(node.body, *node.defaults, *node.args)
                inner = 0, 0
            case nodes.CallBlock():
                self._settle(node.body, *node.defaults)
                inner = self._cost(node.call)
            case nodes.If():
                inner = self._branches(node)
            case _:
                inner = self._cost_of(node.iter_child_nodes())
        return steps + inner[0], size + inner[1]

    def _settle(self, body: Sequence[nodes.Node], *more: nodes.Node) -> None:
        """A block that is charged each time it begins, with what is done for it besides."""
        steps, size = self._cost_of((*body, *more))
        self._costs[id(body)] = steps + _A_NODE, size

    def _branches(self, node: nodes.If) -> RenderingCost:
        steps, size = self._cost(node.test)
        for body in (node.body, node.else_):
            inner = self._cost_of(body)
            if inner[0] > _LEAST or inner[1] > _LEAST:
                self._costs[id(body)] = inner
            else:
                steps, size = steps + inner[0], size + inner[1]
        more = self._cost_of(node.elif_)
        return steps + more[0], size + more[1]


def _own(node: nodes.Node) -> RenderingCost:
    kind = type(node)
    steps, size = _STEPS.get(kind, _A_NODE), _BYTES.get(kind, 0)
    match node:
        case nodes.TemplateData():
            size += len(node.data) * (1 if node.data.isascii() else 4)
            steps += size >> 6
        case nodes.Output():
            holes = sum(not isinstance(part, nodes.TemplateData) for part in node.nodes)
            steps, size = steps + 4 * holes, size + 16 + 40 * holes
        case nodes.List() | nodes.Tuple():
            steps += len(node.items)
            size += 8 * len(node.items)
        case nodes.Dict():
            steps += 2 * len(node.items)
            size += _A_TABLE + 48 * len(node.items)
        case _:
            pass
    return steps, size


def _through(name: str, node: Any) -> Any:
    if isinstance(node, nodes.Filter) and node.name == name:
        return node  # it was made code before
    made = nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)
    made.set_environment(node.environment)
    return made


def _is_small(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Const)


def _is_cheap(operator: str, left: nodes.Expr, right: nodes.Expr) -> bool:
    """Whether what is written bounds what a comparison can cost."""
    if operator in ("in", "notin"):
        held = right.items if isinstance(right, nodes.List | nodes.Tuple) else [right]
        return all(map(_is_small, held))
    return _is_small(left) or _is_small(right)
