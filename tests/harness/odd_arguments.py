"""Every filter, test and method of expressions, with arguments that nobody would give it."""

from itertools import product

from runner.core.expressions import guards
from runner.core.expressions.sandbox import jinja_environment
from runner.core.expressions.values import OF_VALUES

VALUES = (
    *("'abc'", "''", "'a b\\nc'", "'<b>&'", "'<b>' | e", "0", "-1", "3", "2.5", "10 ** 30", "true"),
    *("none", "[]", "[1, 'a', none]", "[[1], [2]]", "{}", "{'a': 1}", "(1, 2)", "missing"),
    *("range", "[1, 2] | map('string')", "namespace(a=1)", "1e999", "'%s%d'", "'{}{0}'"),
)
GIVEN = (
    *(
        "",
        "-1",
        "0",
        "'x'",
        "''",
        "none",
        "[]",
        "{}",
        "2.5",
        "10 ** 12",
        "1, 2",
        "'a', 'b'",
        "true",
    ),
    *("'a', -1", "-1, true, 'xxxx'", "attribute='a'", "x=1", "missing", "'a', 'b', 'c', 'd', 'e'"),
)


def _all() -> tuple[str, ...]:
    env = jinja_environment()
    named = [name for name in env.filters if not name.startswith(" ")]
    tested = [name for name in env.tests if name.isidentifier() and name != "in"]
    methods = [*guards.METHODS, "encode", "format", "format_map", "join", "translate", "pop", "x"]
    forms = [
        *(f"({{}}) | {name}({{}})" for name in named),
        *(f"({{}}) is {name}({{}})" for name in tested),
        *(f"({{}}).{name}({{}})" for name in methods),
        *(f"{name}({{}}, {{}})" for name in OF_VALUES),
        *("[x for x in ({}) if [{}]]", "{{{{x: y for x, y in ({})}}}} | string({})"),
    ]
    return tuple(form.format(*given) for form in forms for given in product(VALUES, GIVEN))


EXPRESSIONS = _all()
"""One for each name, value and arguments."""
