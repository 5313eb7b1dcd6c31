"""Names of files that are refused on every system, because one system would obey them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.language.file_names import name_fault, normalised, one_spelling

HOSTILE = {
    ".git/config": "a dot",
    ".GIT/hooks/pre-commit": "a dot",
    ".envrc": "a dot",
    ".github/workflows/x.yml": "a dot",
    "sub/.git/config": "a dot",
    "\uff0egit/config": "a dot",
    ".g\u200cit/config": "not seen",
    "\u200d.git/config": "not seen",
    "\ufeff.git/config": "not seen",
    "x\u202egpj.sh": "not seen",
    "x\ny": "not seen",
    "GIT~1/config": "like GIT~1",
    "git~1": "like GIT~1",
    "ENVRC~2": "like GIT~1",
    "GITHUB~1.YML": "like GIT~1",
    "git::$INDEX_ALLOCATION/config": "colon",
    "x.txt:stream": "colon",
    "C:/x": "colon",
    "out\\..\\.git\\config": "backslash",
    "out./x": "dot or a space",
    "out /x": "dot or a space",
    "x...": "dot or a space",
    "lib/node_modules/x/index.js": "runs what it finds",
    "lib/Site-Packages/x.py": "runs what it finds",
    "x.PTH": "runs what it finds",
    "__pycache__/x.pyc": "runs what it finds",
    "CON": "device",
    "out/nul.txt": "device",
    "com1.tar.gz": "device",
    "LPT\u00b9": "device",
    "aux .md": "device",
    "a" * 256: "too long",
    "a/" * 2000 + "a": "too long",
    "": "no file",
}


@pytest.mark.parametrize("path", HOSTILE, ids=ascii)
def test_a_name_that_some_system_obeys_is_refused(path: str) -> None:
    said = name_fault(path) or ""
    assert HOSTILE[path] in said
    assert not path or said.endswith(" Choose another name.")


@pytest.mark.parametrize(
    "path",
    ["out/x.md", "out/a b.txt", "Résumé.txt", "out/v1.2/x", "console.txt", "a~b", "notes~",
     "日本/語", "out/10%.txt", "com10", "x" * 255],
)  # fmt: skip
def test_an_honest_name_is_not(path: str) -> None:
    assert name_fault(path) is None


@pytest.mark.parametrize(
    ("path", "found"),
    [("./out/x", "out/x"), ("out/./x//y/", "out/x/y"), ("a/../b", "b"), ("a/../.git", ".git"),
     ("../x", None), ("a/../../x", None), (".", "")],
)  # fmt: skip
def test_a_path_is_made_plain_before_it_is_judged(path: str, found: str | None) -> None:
    assert normalised(path) == found


@given(st.text(max_size=30))
def test_whatever_passes_has_no_part_that_begins_with_a_dot(text: str) -> None:
    inside = normalised(text)
    if inside is None or name_fault(inside) is not None:
        return
    for spelling in (inside, one_spelling(inside)):
        assert not any(part.startswith(".") for part in spelling.split("/"))


@pytest.mark.parametrize(
    ("one", "other"), [("State/x", "state/X"), ("caf\u00e9", "cafe\u0301"), ("\ufb01le", "file")]
)
def test_names_of_one_file_on_some_system_are_one(one: str, other: str) -> None:
    assert one_spelling(one) == one_spelling(other)
