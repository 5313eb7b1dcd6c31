"""Terraform's functions that read files: what they say of a path, as the runner's say it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from runner.hcl.functions import COMPARE, Code, unused
from runner.hcl.scope import (
    DEEPEST_HCL,
    HclScope,
    Untranslatable,
    without_parens,
    written_key,
    written_keys,
)
from runner.hcl.texts import joined_parts
from runner.hcl.tree import HclNode


def file_call(node: HclNode, scope: HclScope) -> Code | None:
    """A call that reads a file, or None where it is another."""
    reader = _READERS.get(node.text)
    return reader(node, scope) if reader is not None and node.children else None


def _file(node: HclNode, scope: HclScope) -> Code | None:
    return Code(f"file({_path(node.children[0], scope)})") if len(node.children) == 1 else None


def _json_file(node: HclNode, scope: HclScope) -> Code | None:
    path = _file_in(node)
    return None if path is None else Code(f"json({_path(path, scope)})")


def _yaml(node: HclNode, scope: HclScope) -> Code | None:
    path = _file_in(node)
    if path is None:
        raise Untranslatable(node, "yamldecode() is converted where it reads a file: yaml(path)")
    return Code(f"yaml({_path(path, scope)})")


def _file_in(node: HclNode) -> HclNode | None:
    """The path in f(file(path))."""
    inner = without_parens(node.children[0])
    is_file = inner.kind == "call" and inner.text == "file" and len(inner.children) == 1
    return inner.children[0] if is_file else None


def _digest(node: HclNode, scope: HclScope) -> Code | None:
    function = node.text.removeprefix("file")
    return Code(f"{function}(file({_path(node.children[0], scope)}))")


def _file_is_there(node: HclNode, scope: HclScope) -> Code | None:
    return Code(f"fileset({_path(node.children[0], scope)}) | length > 0", COMPARE)


def _binary_file(node: HclNode, _scope: HclScope) -> Code | None:
    said = 'the bytes of an image or a sound are sent as image_url = { file = "cat.png" }'
    raise Untranslatable(node, f"filebase64() is not converted: {said}")


def _fileset(node: HclNode, scope: HclScope) -> Code | None:
    """fileset(folder, pattern), whose paths begin in the folder."""
    if len(node.children) != 2:
        return None
    folder, pattern = map(without_parens, node.children)
    if "{" in (written_key(pattern) or ""):
        raise Untranslatable(pattern, "a pattern has no {a,b} here: add two filesets up")
    found = scope.code(folder).text
    if found in ("path.module", "'.'", "'./'"):
        return Code(f"fileset({scope.code(pattern)})")
    within = HclNode("chars", "/", (), folder.line, folder.column)
    start = _path(_joined((folder, within)), scope)
    whole = _path(_joined((folder, within, pattern)), scope)
    (name,) = unused([start])
    return Code(f"[{name}.removeprefix({start}) for {name} in fileset({whole})]")


def _joined(parts: Sequence[HclNode]) -> HclNode:
    """One text of several."""
    pieces: list[HclNode] = []
    for part in parts:
        if part.kind == "chars":
            pieces.append(part)
        elif part.kind == "string":
            pieces += part.children
        else:
            pieces.append(replace(part, kind="interpolation", text="", children=(part,)))
    return replace(parts[0], kind="string", text="", children=tuple(joined_parts(pieces)))


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
    path = _file_in(node)
    return None if path is None else _path(path, scope).text


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
    "filebase64": _binary_file,
    "fileexists": _file_is_there,
    "filemd5": _digest,
    "fileset": _fileset,
    "filesha256": _digest,
    "jsondecode": _json_file,
    "templatefile": _template,
    "yamldecode": _yaml,
}
