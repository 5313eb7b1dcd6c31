"""The functions of expressions."""

from typing import Any

import pytest

from runner.core.expressions.functions import NAMES, World, functions
from runner.core.expressions.template import compile_text
from runner.core.values import TemplateError
from tests.harness.lab import Lab

FILES = {
    "configs/a.txt": "text\n",
    "configs/bom.txt": "\ufefftext",
    "configs/people.csv": 'name,city\nada,"Rome, Italy"\nbob,"two\nlines"\n',
    "configs/windows.csv": "name,city\r\nada,Rome\r\n",
    "configs/short.csv": "name,city\nada\n",
    "configs/open.csv": 'name,city\n"ada,Rome\n',
    "configs/twice.csv": "name,name\n1,2\n",
    "configs/same.csv": "name\nada\nada\n",
    "configs/empty.csv": "",
    "configs/rows.jsonl": '{"id": 1, "x": [1]}\n\n{"id": 2}\n',
    "configs/bad.jsonl": '{"id": 1}\n{"id": \n',
    "configs/x.json": '{"a": [1, 2.5, null]}',
    "configs/bad.json": "{",
    "configs/x.toml": "a = 1\n[b]\nc = 'd'\n",
    "configs/bad.toml": "a = 1\nb = =\n",
    "configs/prompts/hello.md": "Hello {{ name }}, {{ file('near.txt') }}!",
    "configs/prompts/near.txt": "near",
    "configs/prompts/wrong.md": "one\ntwo {{ nmae }}",
    "configs/prompts/env.md": "{{ env('KEY') }}",
    "configs/prompts/self.md": "{{ template('self.md') }}",
    "configs/prompts/front.md": "---\nmodel: small\ntags: [a, b]\n---\n\nTell of {{ topic }}.\n",
    "configs/prompts/plus.md": "+++\nmodel = 'small'\n+++\nOne.",
    "configs/prompts/open.md": "---\nmodel: small\n",
    "configs/prompts/list.md": "---\n- a\n---\n",
    "configs/prompts/badfront.md": "---\nmodel: small\nmodel: large\n---\n",
    "configs/prompts/badbody.md": "---\nmodel: small\n---\n\nOne\n{{ nmae }}",
    "configs/prompts/.hidden.md": "hidden",
    "configs/prompts/deep/er/last.md": "last",
    "configs/x.yaml": "a: [1, 2.5, ~]\n",
    "configs/bad.yaml": "a: 1\nb: c: d\n",
}


def evaluate(expression: str, **environment: str) -> Any:
    lab = Lab(FILES)
    world = World(lab.folders.read, environment.get, lab.folders.matching)
    return compile_text(f"{{{{ {expression} }}}}").render(functions(world, "configs"))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("file('a.txt')", "text\n"),
        ("file('bom.txt')", "text"),
        ("file('./prompts/../a.txt')", "text\n"),
        ("csv('people.csv')", [{"name": "ada", "city": "Rome, Italy"},
                               {"name": "bob", "city": "two\nlines"}]),
        ("csv('people.csv', key='name')['ada'].city", "Rome, Italy"),
        ("csv('windows.csv')", [{"name": "ada", "city": "Rome"}]),
        ("jsonl('rows.jsonl')", [{"id": 1, "x": [1]}, {"id": 2}]),
        ("jsonl('rows.jsonl', key='id')['1'].x", [1]),
        ("json('x.json').a", [1, 2.5, None]),
        ("toml('x.toml').b.c", "d"),
        ("template('prompts/hello.md', name='Ada')", "Hello Ada, near!"),
        ("sha256('')", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("sha256(1)", "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"),
        ("range(3)", [0, 1, 2]),
        ("range(1, 10, 4)", [1, 5, 9]),
        ("env('KEY')", "v"),
        ("yaml('x.yaml').a", [1, 2.5, None]),
        ("fileset('prompts/ne*.md')", []),
        ("fileset('prompts/*a?.txt')", ["prompts/near.txt"]),
        ("fileset('./prompts/[hn]e*')", ["prompts/hello.md", "prompts/near.txt"]),
        ("fileset('prompts/d*/**/*.md')", ["prompts/deep/er/last.md"]),
        ("fileset('**/last.md')", ["prompts/deep/er/last.md"]),
        ("fileset('prompts/deep/**')", ["prompts/deep/er/last.md"]),
        ("fileset('prompts/.*')", []),
        ("fileset('../configs/a.t*')", ["../configs/a.txt"]),
        ("fileset('a.txt')", ["a.txt"]),
        ("fileset('nothing/*')", []),
        ("frontmatter('prompts/front.md')",
         {"metadata": {"model": "small", "tags": ["a", "b"]}, "body": "Tell of {{ topic }}.\n"}),
        ("frontmatter('prompts/front.md', topic='tea').body", "Tell of tea.\n"),
        ("frontmatter('prompts/plus.md')", {"metadata": {"model": "small"}, "body": "One."}),
        ("frontmatter('a.txt')", {"metadata": {}, "body": "text\n"}),
        ("merge({'a': 1, 'b': 1}, none, {'b': 2})", {"a": 1, "b": 2}),
        ("flatten([1, [2, [3, []]], 'ab'])", [1, 2, 3, "ab"]),
        ("[[1], [2]] | flatten", [1, 2]),
        ("zip([1, 2], ['a', 'b'])", [[1, "a"], [2, "b"]]),
        ("zip()", []),
        ("slice([1, 2, 3], 1, 3)", [2, 3]),
        ("distinct([1, true, 1, 1.0, {'a': [1]}, {'a': [1]}])", [1, True, {"a": [1]}]),
        ("groupby([{'c': 'x', 'n': 1}, {'c': 2}, {'c': 'x'}], 'c')",
         {"x": [{"c": "x", "n": 1}, {"c": "x"}], "2": [{"c": 2}]}),
        ("regex_findall('a1 b22', '[a-z][0-9]+')", ["a1", "b22"]),
        ("regex_findall('a1 b22', '([a-z])([0-9]+)')", [["a", "1"], ["b", "22"]]),
        ("'a1' | regex_findall('(?P<l>[a-z])(?P<n>x)?')", [{"l": "a", "n": None}]),
        ("regex_findall('a', 'b')", []),
        ("regex_replace('hello world', 'o(.?)', '0')", "hell0w0ld"),
        (r"'2024-11' | regex_replace('([0-9]+)-([0-9]+)', '\\2/\\1')", "11/2024"),
        ("base64('héllo')", "aMOpbGxv"),
        ("base64decode(base64('héllo'))", "héllo"),
        ("md5('a')", "0cc175b9c0f1b6a831c399e269772661"),
    ],
)  # fmt: skip
def test_a_function_gives(expression: str, value: Any) -> None:
    assert evaluate(expression, KEY="v") == value


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("file('nothing.txt')", 'no file "nothing.txt"'),
        ("file('../../etc/passwd')", "outside of the project"),
        ("csv('../../x.csv')", "outside of the project"),
        ("template('../../x.md')", "outside of the project"),
        ("file(1)", "a path is text"),
        ("csv('short.csv')", "short.csv:2: 1 fields, the header has 2"),
        ("yaml('bad.yaml')", "bad.yaml:2: this is not YAML"),
        ("fileset('../../*')", "outside of the project"),
        ("fileset('.git/**')", '".git/**" may hold keys'),
        ("fileset('../.ssh/*')", "may hold keys"),
        ("frontmatter('prompts/open.md')", "prompts/open.md:1: the front matter has no end"),
        ("frontmatter('prompts/list.md')", "prompts/list.md:2: front matter is names and values"),
        ("frontmatter('prompts/badfront.md')", 'prompts/badfront.md:3: the key "model" stands'),
        ("frontmatter('prompts/badbody.md', name=1)", "prompts/badbody.md:6: there is no"),
        ("merge([1])", "merge wants a map, not list"),
        ("flatten({})", "flatten wants a list, not map"),
        ("zip([1], [1, 2])", "zip wants lists of one length, not of 1 and 2"),
        ("slice([1], 0, 2)", "slice wants 0 <= start <= end <= 1, the length of the list"),
        ("groupby([{'a': 1}], 'b')", 'this map has no "b"'),
        ("regex_findall('a', '(')", "regex_findall: this is no pattern"),
        ("regex_replace('a', '(', '')", "this is no pattern"),
        (r"regex_replace('a', 'a', '\\9')", "is no replacement"),
        ("base64decode('a')", "base64decode: this is not text in base64"),
        ("merge({}.nothing)", 'has no "nothing"'),
        ("csv('open.csv')", "open.csv:"),
        ("csv('twice.csv')", 'the column "name" stands twice'),
        ("csv('same.csv', key='name')", '"ada" stands twice'),
        ("csv('people.csv', key='nmae')", 'row 1 has no "nmae". Did you mean "name"?'),
        ("csv('empty.csv')", "empty.csv is empty"),
        ("jsonl('bad.jsonl')", "bad.jsonl:2: this is not JSON"),
        ("json('bad.json')", "bad.json: this is not JSON"),
        ("toml('bad.toml')", "bad.toml:2"),
        ("template('prompts/wrong.md', name='x')", "prompts/wrong.md:2:"),
        ("template('prompts/self.md')", "nested too deeply"),
        ("template('prompts/env.md')", "hand the value in"),
        ("env('NOTHING')", "the environment variable NOTHING is not set"),
        ("range(10 ** 9)", "at most 1,000,000"),
        ("range('a')", "whole numbers"),
        ("sha256([1])", "cannot be put into text"),
        ("file()", "argument"),
    ],
)
def test_what_a_function_cannot_do_says_why(expression: str, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        evaluate(expression, KEY="v")
    assert said in caught.value.message


def test_a_file_is_read_once() -> None:
    """However many instances name it."""
    asked: list[str] = []

    def read(folder: str, path: str) -> bytes:
        asked.append(path)
        return b"id\n1\n2\n"

    names = functions(World(read, lambda _: None), "configs")
    node = compile_text("{{ csv('t.csv', key='id')['1'].id }}")
    assert [node.render(names) for _ in range(3)] == ["1", "1", "1"]
    assert asked == ["t.csv"]


def test_a_file_is_parsed_once_however_it_is_spelled() -> None:
    """Else a template could hold what a large file holds as often as it likes."""
    data = b"[1, 2]"
    names = functions(World(lambda _folder, _path: data, lambda _: None), "configs")
    first, *others = (names["json"](f"{'./' * n}t.json") for n in range(3))
    assert all(other is first for other in others)


def test_every_function_is_known_by_name() -> None:
    """A name that is none of them is told before anything runs."""
    assert tuple(functions(World(lambda *_: b"", lambda _: None), "configs")) == NAMES


def test_a_file_that_is_no_text_is_named() -> None:
    world = World(lambda _folder, _path: b"\xff", lambda _: None)
    call = functions(world, "configs")["yaml"]
    with pytest.raises(TemplateError, match=r"^a\.yaml: Byte 0 \(0xff\) is not UTF-8 text"):
        call("a.yaml")
