"""Terraform's functions that read files: file, templatefile, csvdecode, jsondecode."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from runner.hcl.functions import Code
from runner.hcl.scope import DEEPEST_HCL, HclScope, Untranslatable, without_parens, written_keys
from runner.hcl.tree import HclNode


def file_call(node: HclNode, scope: HclScope) -> Code | None:
    """A call that reads a file, or None where it is another."""
    reader = _READERS.get(node.text)
    return reader(node, scope) if reader is not None and node.children else None


def _file(node: HclNode, scope: HclScope) -> Code | None:
    return Code(f"file({_path(node.children[0], scope)})") if len(node.children) == 1 else None


def _json_file(node: HclNode, scope: HclScope) -> Code | None:
    inner = without_parens(node.children[0]) if node.children else node
    if inner.kind == "call" and inner.text == "file" and len(inner.children) == 1:
        return Code(f"json({_path(inner.children[0], scope)})")
    return None


def _csv(node: HclNode, scope: HclScope) -> Code | None:
    path = csv_path(node, scope)
    if path is None:
        raise Untranslatable(node, "csvdecode() is converted where it reads a file: csv(path)")
    return Code(f"csv({path})")


def csv_path(node: HclNode, scope: HclScope, depth: int = 0) -> str | None:
    """The path in csvdecode(file(path)), seen through a local."""
    node = without_parens(node)
    if node.kind == "attr" and node.children[0].text == "local" and depth < DEEPEST_HCL:
        held = scope.names.locals.get(node.text)
        return csv_path(held, scope, depth + 1) if held is not None else None
    if node.kind != "call" or node.text != "csvdecode" or len(node.children) != 1:
        return None
    inner = without_parens(node.children[0])
    if inner.kind != "call" or inner.text != "file" or len(inner.children) != 1:
        return None
    return _path(inner.children[0], scope).text


def _template(node: HclNode, scope: HclScope) -> Code | None:
    if len(node.children) != 2:
        return None
    path, values = _path(node.children[0], scope), without_parens(node.children[1])
    scope.warn(
        node,
        f"The file {path} is written in Terraform's template syntax. "
        "Change each ${name} in it to {{ name }}, and each %{ .. } to {% .. %}.",
    )
    keys = written_keys(values) if values.kind == "object" else None
    if keys is None or not all(key.isidentifier() for key in keys):
        return Code(f"template({path}, **{scope.code(values):p})")
    pairs = zip(keys, values.children, strict=True)
    given = [f"{key}={scope.code(pair.children[1])}" for key, pair in pairs]
    return Code(f"template({', '.join([path.text, *given])})")


def _path(node: HclNode, scope: HclScope) -> Code:
    """A path; one that begins with ${path.module}/ is relative already."""
    node = without_parens(node)
    if node.kind == "string" and len(node.children) > 1:
        first, second, *rest = node.children
        inner = first.children[0] if first.kind == "interpolation" else first
        at_module = inner.kind == "attr" and inner.text == "module"
        if at_module and inner.children[0].text == "path" and second.text.startswith("/"):
            tail = HclNode("chars", second.text.lstrip("/"), (), second.line, second.column)
            return scope.code(replace(node, children=(tail, *rest)))
    return scope.code(node)


_READERS: Mapping[str, Callable[[HclNode, HclScope], Code | None]] = {
    "csvdecode": _csv,
    "file": _file,
    "jsondecode": _json_file,
    "templatefile": _template,
}
