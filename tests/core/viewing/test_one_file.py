"""A page of several files is one, and does what it did."""

import pytest

from runner.core.viewing.one_file import modules_as_one

A = 'import { b, c as d } from "./b.js";\nimport usual from "./more/e.js";\nb(d, usual);\n'
B = 'import e from "./more/e.js";\nexport function b() {}\nexport const c = e;\n'


def test_each_module_stands_once_after_those_that_it_imports() -> None:
    files = {"a.js": A, "b.js": B, "more/e.js": "export default 1;\n"}
    assert modules_as_one(files, "a.js") == (
        "const module1 = (() => {\nconst usual = 1;\nreturn { default: usual };\n})();\n"
        "const module2 = (() => {\nconst e = module1.default;\nfunction b() {}\nconst c = e;\n"
        "return { b, c };\n})();\n"
        "const module3 = (() => {\nconst { b, c : d } = module2;\n"
        "const usual = module1.default;\nb(d, usual);\nreturn {  };\n})();\n"
    )


def test_modules_that_import_each_other_are_refused() -> None:
    files = {"a.js": 'import b from "./b.js";\n', "b.js": 'import a from "./a.js";\n'}
    with pytest.raises(ValueError, match="imports itself"):
        modules_as_one(files, "a.js")
