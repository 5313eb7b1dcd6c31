"""What Terraform, Python and others call a function, and how an expression has it."""

import re
from collections.abc import Mapping

from runner.core.suggest import closest

# The one argument is piped through these.
FILTERS: Mapping[str, str] = {
    "abs": "abs",
    "ceil": "round(0, 'ceil') | int",
    "compact": "reject('in', ['', none]) | list",
    "distinct": "distinct",
    "flatten": "flatten",
    "floor": "round(0, 'floor') | int",
    "jsondecode": "fromjson",
    "jsonencode": "tojson",
    "keys": "dictsort(true) | map('first') | list",
    "length": "length",
    "lower": "lower",
    "one": "first",
    "reverse": "reverse | list",
    "sort": "sort(case_sensitive=true)",
    "strrev": "reverse",
    "sum": "sum",
    "tobool": "string | lower | fromjson",
    "tolist": "list",
    "tonumber": "string | fromjson",
    "toset": "unique(true) | sort(case_sensitive=true)",
    "tostring": "string",
    "trimspace": "trim",
    "upper": "upper",
    "values": "dictsort(true) | map('last') | list",
}

WHY: Mapping[str, str] = {
    "bcrypt": "its result differs at every run, so the request would never be the same twice",
    "plantimestamp": "nothing in a configuration reads the clock",
    "sensitive": "mark the variable or the output `sensitive = true` instead",
    "timestamp": "nothing in a configuration reads the clock",
    "uuid": "nothing in a configuration is random",
}

_WRITTEN: Mapping[str, str] = {
    "alltrue": "list | reject | list | length == 0",
    "anytrue": "list | select | list | length > 0",
    "base64encode": "base64(text)",
    "basename": "path.split('/') | last",
    "can": "x is defined",
    "chunklist": "list | batch(2) | list",
    "chomp": "text.rstrip('\\r\\n')",
    "coalesce": "[x, y] | reject('in', ['', none]) | first",
    "coalescelist": "[xs, ys] | select | first",
    "concat": "x + y",
    "contains": "item in list",
    "csvdecode": "csv('data.csv')",
    "element": "list[3 % (list | length)]",
    "endswith": "text.endswith('x')",
    "format": "'a' ~ x ~ 'b'",
    "indent": "text | indent(4, blank=true)",
    "index": "list.index(item)",
    "join": "list | join(', ')",
    "len": "x | length",
    "lookup": "map.get('key', y)",
    "max": "[x, y] | max",
    "min": "[x, y] | min",
    "nonsensitive": "x",
    "fileexists": "fileset('path') | length > 0",
    "filemd5": "md5(file('path'))",
    "filesha256": "sha256(file('path'))",
    "parseint": "text | int(base=10)",
    "pow": "x ** y",
    "regex": "regex_findall(text, pattern) | first",
    "regexall": "regex_findall(text, pattern)",
    "replace": "text | replace('old', 'new')",
    "setintersection": "[x for x in xs if x in ys] | unique(true) | sort(case_sensitive=true)",
    "setproduct": "[[x, y] for x in xs for y in ys]",
    "setsubtract": "[x for x in xs if x not in ys] | unique(true) | sort(case_sensitive=true)",
    "setunion": "(x + y) | unique(true) | sort(case_sensitive=true)",
    "split": "text.split(',')",
    "startswith": "text.startswith('x')",
    "str": "x | string",
    "strcontains": "'x' in text",
    "substr": "text[0:5]",
    "templatefile": "template('file.txt', name=value)",
    "tomap": "x",
    "trim": "text | trim('x')",
    "trimprefix": "text.removeprefix('x')",
    "trimsuffix": "text.removesuffix('x')",
    "try": "x | default(y)",
    "yamldecode": "yaml('data.yaml')",
    "zipmap": "{k: v for k, v in zip(keys, values)}",
}
_ONE = r"[A-Za-z_][\w.\[\]\"']*|\"[^\"{}]*\"|'[^'{}]*'|[\d.]+"

_SPLAT = re.compile(r"([A-Za-z_](?:[\w.]|\[[^\]*{}]*\])*?)(?:\[\*\]|\.\*)((?:\.\w+)*)")


def instead(name: str, source: str) -> str | None:
    """How what somebody calls as a function is written, in a sentence; None where nothing is known.
    `source` is the expression it stands in.
    """
    if name in WHY:
        return f"Terraform's {name}() is not here: {WHY[name]}."
    written = _WRITTEN.get(name)
    if written is None and (name in FILTERS or _is_filter(name)):
        written = f"{_argument(name, source)} | {FILTERS.get(name, name)}"
    if written is None:
        near = closest(name, {*FILTERS, *_WRITTEN})
        return None if near is None else instead(near, source)
    return f"{name}(..) is written {{{{ {written} }}}} here."


def without_splat(source: str) -> str | None:
    """How the first `list[*].name` of an expression is written, in a sentence; None without one."""
    found = _SPLAT.search(source)
    if found is None:
        return None
    listed, inside = found.groups()
    written = f"{{{{ [x{inside} for x in {listed}] }}}}"
    return f"{found[0]} is written {written} here; of a map, x in {listed}.values()"


def _argument(name: str, source: str) -> str:
    """What it is called with, where that is easily told."""
    found = re.search(rf"(?<![\w.]){re.escape(name)}\(\s*({_ONE})\s*\)", source)
    return "x" if found is None else found[1]


def _is_filter(name: str) -> bool:
    from runner.core.expressions.sandbox import jinja_environment  # noqa: PLC0415  # only in errors

    return name in jinja_environment().filters
