"""The keys of Terraform's blocks that are more than values, and what becomes of each."""

import json
from dataclasses import replace

from runner.core.toml.write import Entry, Remark
from runner.core.values import to_text
from runner.hcl.context import (
    Context,
    Items,
    KeyRule,
    Rules,
    as_written,
    commented_entry,
    dropped,
    remark,
)
from runner.hcl.expressions import code
from runner.hcl.scope import HclScope, Untranslatable, identifier, written_key
from runner.hcl.tree import Attribute, HclNode
from runner.hcl.unroll import is_null
from runner.hcl.values import NULL, value

_KEY_ADVICE = (
    "A key is never written in a configuration file, nor passed through a variable. Put it in an "
    'environment variable and name that one: api_key_env = "{name}".'
)


def constant(context: Context, attribute: Attribute) -> Items:
    """A key whose value the runner reads as it is written."""
    return commented_entry(
        attribute, value(attribute.value, context.scope(constant=True), attribute.name)
    )


def _nullable(context: Context, attribute: Attribute) -> Items:
    """Terraform's variables may be null unless they say no; what has a default is never absent."""
    if attribute.value.text == "true":
        return [Remark(attribute.above)] if attribute.above else []
    return constant(context, attribute)


def _type(context: Context, attribute: Attribute) -> Items:
    return commented_entry(attribute, _type_text(attribute.value, context.scope()))


def _type_text(node: HclNode, scope: HclScope) -> str:  # one case per kind
    match node.kind:
        case "name":
            return node.text
        case "string":
            return "".join(part.text for part in node.children)
        case "parens":
            return _type_text(node.children[0], scope)
        case "call" if node.text == "optional" and len(node.children) == 2:
            kind, default = node.children
            written = "" if is_null(default) else f", {_json(default, scope)}"
            return f"optional({_type_text(kind, scope)}{written})"
        case "call":
            inner = ", ".join(_type_text(child, scope) for child in node.children)
            return f"{node.text}({inner})"
        case "list":
            return f"[{', '.join(_type_text(child, scope) for child in node.children)}]"
        case "object":
            pairs = (pair.children for pair in node.children)
            inner = ", ".join(
                f"{written_key(key)} = {_type_text(kind, scope)}" for key, kind in pairs
            )
            return f"{{ {inner} }}"
        case _:
            return code(node, scope).text


def _json(node: HclNode, scope: HclScope) -> str:
    """The default of an optional attribute, as types of the runner have it."""
    written = json.dumps(value(node, replace(scope, constant=True)), ensure_ascii=False)
    return written.replace(json.dumps(NULL), "null")


def _texts(context: Context, attribute: Attribute) -> Items:
    """A map of texts: Terraform makes text of its numbers and truth values."""
    held = value(attribute.value, context.scope(), attribute.name)
    if isinstance(held, dict):
        held = {k: to_text(v) if isinstance(v, int | float) else v for k, v in held.items()}
    return commented_entry(attribute, held)


def _sourced(_context: Context, attribute: Attribute) -> Items:
    """The source that made the block a completion: [completion] says so."""
    return [Remark(attribute.above)] if attribute.above else []


def _version(context: Context, attribute: Attribute) -> Items:
    return dropped(context, attribute, "A module of the runner is a folder; it has no version.")


def _provider_name(_context: Context, attribute: Attribute) -> Items:
    return commented_entry(attribute, _configuration(attribute.value), "provider")


def _providers(context: Context, attribute: Attribute) -> Items:
    pairs = [pair.children for pair in attribute.value.children]
    if attribute.value.kind != "object" or len(pairs) != 1 or not context.tables:
        raise Untranslatable(attribute.value, "name the provider in each completion instead")
    return commented_entry(attribute, _configuration(pairs[0][1]), "provider")


def _configuration(node: HclNode) -> str:
    """`openai` or `openai.azure`: the provider block is named by its alias."""
    if node.kind == "attr" and node.children[0].kind == "name":
        return identifier(node.text)
    if node.kind == "name":
        return identifier(node.text)
    raise Untranslatable(node, "a provider is named, as in openai.azure")


def address(node: HclNode, scope: HclScope) -> str:
    """The address of a block, as in depends_on."""
    written = code(node, scope)
    found = written.text.replace("['", '["').replace("']", '"]')
    if not found.startswith(("completion.", "data.", "module.")):
        raise Untranslatable(node, f"{found} is no address of a block")
    return found


def _address(context: Context, attribute: Attribute) -> Items:
    """The old address of moved and removed is declared nowhere any more: no warning."""
    scope = replace(context.scope(), warn=lambda _node, _said: None)
    return commented_entry(attribute, address(attribute.value, scope))


def _depends_on(context: Context, attribute: Attribute) -> Items:
    if attribute.value.kind != "list":
        raise Untranslatable(attribute.value, "depends_on is a list of addresses")
    scope = context.scope()
    return commented_entry(attribute, [address(child, scope) for child in attribute.value.children])


def _not_needed(said: str) -> KeyRule:
    return lambda context, attribute: dropped(context, attribute, said)


def _ignored(_context: Context, attribute: Attribute) -> Items:
    if attribute.value.kind != "list":
        raise Untranslatable(attribute.value, "write out the parameters that are to be ignored")
    return commented_entry(attribute, [_parameter(child) for child in attribute.value.children])


def _parameter(node: HclNode) -> str:
    match node.kind:
        case "name":
            return node.text
        case "string":
            return "".join(part.text for part in node.children)
        case _:
            raise Untranslatable(node, "only the whole of a parameter can be ignored, by its name")


def _triggered(_context: Context, attribute: Attribute) -> Items:
    raise Untranslatable(
        attribute.value,
        "use triggers = { .. } in the completion: a change of any value in it issues again",
    )


def _secret(context: Context, attribute: Attribute) -> Items:
    """A key: its value goes nowhere; the variable of the environment is named in its stead."""
    node = attribute.value
    from_variable = node.kind == "attr" and node.children[0].text == "var"
    name = node.text.upper() if from_variable else "OPENAI_API_KEY"
    leaked = "The key in the .tf file is no secret any more: replace it."
    said = _KEY_ADVICE.format(name=name)
    context.warning(
        "Key not copied", f"{said} {leaked}" if value_is_literal(node) else said, attribute
    )
    return [remark(attribute), Entry("api_key_env", identifier(name))]


def value_is_literal(node: HclNode) -> bool:
    """Whether a text is written out."""
    return node.kind in ("string", "heredoc") and all(p.kind == "chars" for p in node.children)


def _uncopied(context: Context, attribute: Attribute) -> Items:
    said = "A secret is never written in a configuration file. Keep it in the environment."
    context.warning("Key not copied", said, attribute)
    return [remark(attribute)]


def _setting(key: str) -> KeyRule:
    def rule(context: Context, attribute: Attribute) -> Items:
        return commented_entry(attribute, value(attribute.value, context.scope(), key), key)

    return rule


META_KEYS: Rules = {
    "depends_on": _depends_on,
    "imported": _not_needed(
        "What was imported stands in the state (`runner import`, or [[import]]), and which changes "
        "ask for nothing stands in ignore_changes."
    ),
    "metadata": _texts,
    "provider": _provider_name,
    "source": _sourced,
    "providers": _providers,
    "version": _version,
}
"""A completion's keys that are more than values; those of a resource and of a module."""

DATA_KEYS: Rules = {"depends_on": _depends_on, "provider": _provider_name}

MODULE: Rules = {
    "depends_on": _depends_on,
    "providers": _providers,
    "source": constant,
    "version": _version,
}

VARIABLE: Rules = {
    "default": constant,
    "description": constant,
    "ephemeral": _not_needed("No value of a variable is kept; sensitive = true hides it as well."),
    "nullable": _nullable,
    "type": _type,
}

OUTPUT: Rules = {
    "depends_on": _not_needed("An output waits for what its value names."),
    "description": constant,
    "ephemeral": _not_needed("Mark the output sensitive = true to keep it out of the files."),
}

ADDRESSES: Rules = {"from": _address, "provider": _provider_name, "to": _address}

PROVIDER: Rules = {
    "alias": lambda _context, _attribute: [],
    "api_key": _secret,
    **dict.fromkeys(("admin_key", "token", "secret", "password"), _uncopied),
    "api_url": _setting("base_url"),
    "organization_id": _setting("organization"),
    "project_id": _setting("project"),
    **{
        name: _setting(name)
        for name in ("base_url", "organization", "project", "timeout", "max_retries", "headers")
    },
}

LIFECYCLE: Rules = {
    "create_before_destroy": _not_needed("An answer is always kept until the new one is there."),
    "ignore_changes": _ignored,
    "prevent_destroy": as_written,
    "replace_triggered_by": _triggered,
}
