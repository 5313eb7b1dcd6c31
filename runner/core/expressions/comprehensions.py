"""Lists and tables made item by item: `[x.name for x in xs if x.on]`, `{k: v for k, v in xs}`.

The engine knows loops that make text. One that makes values is the same loop standing in a list: a
`For` whose body is its conditions, then the item; of several loops the item is the next one.
"""

from jinja2 import nodes
from jinja2.parser import Parser

TABLE = " table"  # filters that no template can name
ROWS = " rows"

_FOR = "name:for"
_WRITTEN_LIST = "{{ [x.name for x in xs if x.on] }} makes a list of another: the value comes first"
_WRITTEN_TABLE = "{{ {x.id: x.name for x in xs} }} makes a table of a list: the key comes first"


class ValuesParser(Parser):
    """Reads expressions with lists and tables that are made item by item."""

    def parse_list(self) -> nodes.List:
        """A list, written out or made of another."""
        token = self.stream.expect("lbracket")
        self._refuse_for_first(_WRITTEN_LIST)
        items: list[nodes.Expr] = []
        while not self.stream.current.test("rbracket"):
            items.append(self.parse_expression())
            if len(items) == 1 and self.stream.current.test(_FOR):
                items = [self._loops(items[0])]
                break
            if not self.stream.skip_if("comma"):
                break
        self.stream.expect("rbracket")
        return nodes.List(items, lineno=token.lineno)

    def parse_dict(self) -> nodes.Dict:
        """A table, written out or made of a list."""
        token = self.stream.expect("lbrace")
        self._refuse_for_first(_WRITTEN_TABLE)
        pairs: list[nodes.Pair] = []
        while not self.stream.current.test("rbrace"):
            key = self.parse_expression()
            self.stream.expect("colon")
            pairs.append(nodes.Pair(key, self.parse_expression(), lineno=key.lineno))
            if len(pairs) == 1 and self.stream.current.test(_FOR):
                return self._table(pairs[0], token.lineno)
            if not self.stream.skip_if("comma"):
                break
        self.stream.expect("rbrace")
        return nodes.Dict(pairs, lineno=token.lineno)

    def _table(self, pair: nodes.Pair, line: int) -> nodes.Dict:
        item = nodes.Tuple([pair.key, pair.value], "load", lineno=line)
        made = nodes.List([self._loops(item)], lineno=line)
        self.stream.expect("rbrace")
        held: nodes.Expr = nodes.Filter(made, TABLE, [], [], None, None, lineno=line)
        return held  # type: ignore[return-value]  # a value like any other to whoever asked

    def _loops(self, item: nodes.Expr) -> nodes.Expr:
        """The loops that follow an item, the outermost first, each with its conditions."""
        line = self.stream.expect(_FOR).lineno
        target = self.parse_assign_target(extra_end_rules=("name:in",))
        self.stream.expect("name:in")
        source = self.parse_expression(with_condexpr=False)
        if isinstance(target, nodes.Tuple):
            source = nodes.Filter(source, ROWS, [], [], None, None, lineno=line)
        body: list[nodes.Node] = []
        while self.stream.skip_if("name:if"):
            body.append(self.parse_expression(with_condexpr=False))
        body.append(self._loops(item) if self.stream.current.test(_FOR) else item)
        loop: nodes.Node = nodes.For(target, source, body, [], None, False, lineno=line)
        return loop  # type: ignore[return-value]  # stands where an item stands

    def _refuse_for_first(self, said: str) -> None:
        following = self.stream.look()
        if self.stream.current.test(_FOR) and following.type == "name" and following.value != "in":
            self.fail(said, self.stream.current.lineno)
