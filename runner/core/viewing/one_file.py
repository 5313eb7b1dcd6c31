"""A page of several files as one: no other is read, and nothing is fetched."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from posixpath import dirname, join, normpath

_IMPORT = re.compile(r'^import\s+([^;]*?)\s+from\s+"(\.[^"]+)";$', re.MULTILINE)
_DECLARED = re.compile(r"^export (?=(?:async )?(?:function|class|const)\s+(\w+))", re.MULTILINE)
_DEFAULT = re.compile(r"^export default ", re.MULTILINE)
_RENAMED = re.compile(r"\bas\b")


def one_file(files: Mapping[str, str], values: bytes) -> str:
    """`index.html` with its icon, its style and its scripts in itself, and with `values` in an
    element of that id, in base64. `files` are named by their paths, as the page names them.
    """
    style = "\n" + files["style.css"]
    first = "\n" + files["theme.js"]
    main = "\n" + modules_as_one(files, "main.js")
    icon = b64encode(files["icon.svg"].encode()).decode()
    held = b64encode(values).decode()
    put = {
        '<link rel="icon" href="/icon.svg" type="image/svg+xml">': (
            f'<link rel="icon" href="data:image/svg+xml;base64,{icon}">'
        ),
        '<link rel="stylesheet" href="/style.css">': f"<style>{style}</style>",
        '<script src="/theme.js"></script>': f"<script>{first}</script>",
        '<script type="module" src="/main.js"></script>': (
            f'<script type="application/octet-stream" id="values">{held}</script>\n'
            f'<script type="module">{main}</script>'
        ),
        '<meta charset="utf-8">': f'<meta charset="utf-8">\n{_policy((first, main), style)}',
    }
    return re.sub("|".join(map(re.escape, put)), lambda found: put[found[0]], files["index.html"])


def modules_as_one(files: Mapping[str, str], start: str) -> str:
    """ES modules as one script that does the same: each a function that gives what it exports,
    after those that it imports. ValueError for modules that import each other.
    """
    names: dict[str, str] = {}
    return "".join(_with_imported(files, start, names, ()))


def _with_imported(
    files: Mapping[str, str], path: str, names: dict[str, str], above: tuple[str, ...]
) -> Iterator[str]:
    if path in above:
        raise ValueError(f"{path} imports itself by {above[-1]}")
    if path in names:
        return
    text = files[path]
    for _, other in _IMPORT.findall(text):
        yield from _with_imported(files, _beside(path, other), names, (*above, path))
    names[path] = f"module{len(names) + 1}"
    yield _module(text, path, names)


def _module(text: str, path: str, names: Mapping[str, str]) -> str:
    given = [f"{name}" for name in _DECLARED.findall(text)]
    if _DEFAULT.search(text):
        given.append("default: usual")
    body = _IMPORT.sub(lambda found: _taken(found[1], names[_beside(path, found[2])]), text)
    body = _DEFAULT.sub("const usual = ", _DECLARED.sub("", body))
    return f"const {names[path]} = (() => {{\n{body}return {{ {', '.join(given)} }};\n}})();\n"


def _taken(what: str, module: str) -> str:
    """An import as a declaration: of the default, or of names in braces."""
    if what.startswith("{"):
        return f"const {_RENAMED.sub(':', what)} = {module};"
    return f"const {what} = {module}.default;"


def _beside(path: str, other: str) -> str:
    return normpath(join(dirname(path), other))


def _policy(scripts: tuple[str, ...], style: str) -> str:
    """What the page may do: run these scripts, look like this, and no more."""
    policy = (
        f"default-src 'none'; script-src {' '.join(map(_hashed, scripts))}; "
        f"style-src {_hashed(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}">'


def _hashed(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
