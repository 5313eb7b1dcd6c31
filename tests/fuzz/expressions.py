"""Expressions and templates as people mistype them, and as nobody would write them."""

from hypothesis import strategies as st

from tests.fuzz.odd import words

_NAMES = (
    *("var.topic", "var.people", "var.nope", "var", "var['topic']", "var[var.topic]", "vra.topic"),
    *("local.one", "local.two", "local.loop", "local.fuzz", "local", "self", "self.content"),
    *("completion.a", "completion.a.content", "completion.a.json", "completion.a.json.x[0]"),
    *("completion.a.choices[0].message", "completion.a.usage", "completion.a.response.x.y"),
    *("completion.fuzz.content", "completion.each", "completion.each['ada'].content"),
    *("completion.each[each.key].content", "completion.many", "completion.many[0]", "completion"),
    *("completion.many[count.index]", "completion.many[99].content", "completion.later"),
    *("data.chat_completion.kept.id", "data.chat_completions.all.ids", "data", "data.nope.x"),
    *("module.m", "module.m.said", "module.m.nope", "module.each['a'].said", "module"),
    *("each.key", "each.value", "each.value.name", "each", "count.index", "count", "path.root"),
    *("path", "range", "file", "csv", "loop", "caller", "namespace", "dict", "_self", "env"),
)
_LITERALS = (
    *("0", "-1", "1", "2.5", "1e308", "1e999", "10**15", "10**400", "''", "'a'", '"b\\n"', "none"),
    *("true", "[]", "{}", "()", "(1,)", "[1, 'a', none]", "{'a': 1}", "{1: 2}", "1_000", "'\\x00'"),
    *("'\\ud800'", "''' '''", "0x10", "'a' 'b'", "'👩‍👩‍👧'", "9007199254740993"),
)
_FILTERS = (
    *("tojson", "fromjson", "length", "upper", "join(', ')", "join", "first", "last", "list"),
    *("default('x')", "default('x', true)", "int", "float", "abs", "round(2)", "round(-400)"),
    *("round(400)", "sum", "sum(attribute='x')", "max", "min", "sort", "sort(attribute='a.b')"),
    *("unique", "groupby('name')", "map('upper')", "map(attribute='name')", "map('nope')"),
    *("select('odd')", "select('nope')", "reject('defined')", "selectattr('x', 'equalto', 1)"),
    *("batch(2)", "batch(0)", "slice(2)", "slice(0)", "slice('a')", "items", "dictsort"),
    *("replace('a', 'b')", "replace('', 'x')", "indent", "indent(-1)", "indent('  ')", "center(9)"),
    *("truncate(3)", "truncate(-1)", "wordwrap(0)", "wordwrap(-5)", "wordwrap(4)", "format(1, 2)"),
    *("string", "safe", "escape", "forceescape", "striptags", "title", "trim(1)", "reverse"),
    *("filesizeformat", "urlencode", "wordcount", "attr('__class__')", "attr('x')", "tojson(99)"),
    *("tojson(-1)", "tojson('x')", "nope", "lenght", "pprint", "random", "xmlattr", "urlize"),
)
_TESTS = ("defined", "none", "string", "mapping", "iterable", "divisibleby(0)", "in []", "nope")
_CALLS = (
    *("file('data/note.txt')", "file('nope.txt')", "file('data')", "file('')", "file()", "file(1)"),
    *(
        "file('/etc/passwd')",
        "file('../' * 40 + 'etc/passwd')",
        "file('a\\x00b')",
        "file('a' * 300)",
    ),
    *("file('data/' + var.topic)", "file(path='data/note.txt')", "file(local.one)"),
    *(
        "template('data/page.txt', name='x')",
        "template('data/page.txt')",
        "template('data/x.json')",
    ),
    *("template('data/page.txt', name=completion.a.content)", "template('data/self.txt')"),
    *(
        "csv('data/people.csv')",
        "csv('data/people.csv', key='id')",
        "csv('data/people.csv', key=1)",
    ),
    *("csv('data/people.csv', key='nope')", "csv('data/x.json')", "csv('data/people.csv', key=[])"),
    *("jsonl('data/rows.jsonl')", "jsonl('data/rows.jsonl', key='id')", "jsonl('data/people.csv')"),
    *("jsonl('data/rows.jsonl', key='deep')", "json('data/x.json')", "json('data/people.csv')"),
    *("toml('data/t.toml')", "toml('configs/main.toml')", "toml('main.toml')", "toml([])"),
    *("env('HOME')", "env('NOPE_NOPE')", "env('')", "env('a=b')", "env('a\\x00')", "env(1)"),
    *(
        "sha256('a')",
        "sha256(none)",
        "sha256({})",
        "sha256(completion.a.content)",
        "sha256('\\ud800')",
    ),
    *(
        "range(3)",
        "range(10**9)",
        "range(0)",
        "range(1, 9, 0)",
        "range('a')",
        "range()",
        "range(1.5)",
    ),
    *("range(10**30)", "range(-(10**30), 10**30, 1)", "range(1000000)[999999]", "range(true)"),
    *("namespace(a=1)", "dict(a=1)", "nope()", "var.topic()", "'a'.format(1)", "'{0.x}'.format(1)"),
    *("'%s %s' % 1", "'x' * 10**15", "[0] * 10**15", "'{:>99999999999}'.format(1)", "''.join(1)"),
    *(
        "''.__class__.__mro__",
        "self.__init__",
        "var.__class__",
        "local.one.upper()",
        "'a'.zfill(9)",
    ),
    *("{}.update(a=1)", "[].append(1)", "'abc'[::-1]", "'abc'[5]", "'abc'[::0]", "[1][:'a']"),
    *("'a'.encode()", "'a'.encode().hex()", "(1).bit_length()", "'a'.maketrans('a', 'b')"),
)
_OPERATORS = (
    *("+", "-", "*", "/", "//", "%", "==", "!=", "<", ">=", "and", "or", "in", "not in", "~"),
    *("is", "if", "**"),
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} | {}".format, inner, st.sampled_from(_FILTERS)),
        st.builds("({} {} {})".format, inner, st.sampled_from(_OPERATORS), inner),
        st.builds("{} is {}".format, inner, st.sampled_from(_TESTS)),
        st.builds(
            "{}.{}".format, inner, st.sampled_from(("x", "items", "0", "__class__", "upper()"))
        ),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("not {}".format, inner),
        st.builds("-{}".format, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} if {})".format, inner, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{'k': {}, 'l': {}}}".format, inner, inner),
        st.builds("{}({})".format, inner, inner),
        st.builds(
            "{}({}, {})".format,
            st.sampled_from(("file", "csv", "template", "sha256")),
            inner,
            inner,
        ),
    )


def _bounded(text: str) -> bool:
    """Leaves out towers of powers: what one number may cost is the test of its own below."""
    return text.count("**") < 2 and text.count("* ") < 3


expressions: st.SearchStrategy[str] = st.recursive(
    st.sampled_from(_NAMES) | st.sampled_from(_LITERALS) | st.sampled_from(_CALLS),
    _grown,
    max_leaves=5,
).filter(_bounded)

_STATEMENTS = (
    *("{{% if {} %}}yes{{% endif %}}", "{{% if {} %}}yes{{% else %}}no", "{{% else %}}{}"),
    *(
        "{{% for x in {} %}}{{{{ x }}}}{{% endfor %}}",
        "{{% for a, b in {} %}}{{{{ a }}}}{{% endfor %}}",
    ),
    *(
        "{{% for x in {} recursive %}}{{{{ loop(x) }}}}{{% endfor %}}",
        "{{% set x = {} %}}{{{{ x }}}}",
    ),
    *(
        "{{% for x in [1,2] %}}{{{{ loop.index }}}}{{{{ {} }}}}{{% endfor %}}",
        "{{% raw %}}{}{{% endraw %}}",
    ),
    *(
        "{{% set ns = namespace(a={}) %}}{{% set ns.a = ns %}}{{{{ ns.a }}}}",
        "{{% with x={} %}}{{{{ x }}}}",
    ),
    *("{{% macro m(x) %}}{{{{ m(x) }}}}{{% endmacro %}}{{{{ m({}) }}}}", "{{% include {} %}}"),
    *(
        "{{% filter upper %}}{}{{% endfilter %}}",
        "{{% call(x) {} %}}y{{% endcall %}}",
        "{{% import {} as q %}}",
    ),
    *(
        "{{% block b %}}{}{{% endblock %}}",
        "{{% extends {} %}}",
        "{{% do {} %}}",
        "{{%- if {} -%}} a",
    ),
    *(
        "{{% set x %}}{}{{% endset %}}{{{{ x }}}}",
        "{{% autoescape true %}}{{{{ {} }}}}{{% endautoescape %}}",
    ),
    *("{{# {} #}}", "{{% break %}}{}", "{{% trans %}}{}{{% endtrans %}}", "{{% debug %}}{}"),
)

texts: st.SearchStrategy[str] = st.one_of(
    st.builds("{{{{ {} }}}}".format, expressions),
    st.builds("{{{{ {} }}}}".format, expressions),
    st.builds("a {{{{ {} }}}} b {{{{- {} -}}}}\r\nc".format, expressions, expressions),
    st.builds(lambda form, held: form.format(held), st.sampled_from(_STATEMENTS), expressions),
    st.builds("{}{{{{ {}".format, words, expressions),
    st.builds("{}}}}}{{{{ {} }}}}".format, words, expressions),
    st.builds("{{{{ {} }}}}".format, words),
    st.sampled_from((1, 50, 99, 100, 400, 3000)).map(
        lambda n: "{{ " + "(" * n + "1" + ")" * n + " }}"
    ),
    st.sampled_from((50, 400, 3000)).map(lambda n: "{{ " + "not " * n + "1 }}"),
    st.sampled_from((50, 400, 3000)).map(lambda n: "{{ 1" + " + 1" * n + " }}"),
    st.sampled_from((50, 400, 3000)).map(lambda n: "{{ completion.a" + ".x" * n + " }}"),
    st.sampled_from((20, 60)).map(lambda n: "{% if true %}" * n + "x" + "{% endif %}" * n),
)
"""Texts with holes. Loops in them run over what is there, never over ranges of their own."""
