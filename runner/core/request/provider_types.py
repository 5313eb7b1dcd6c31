"""The types of provider: what holds for all of one type, whether declared or recorded."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from runner.core.language.names import PROVIDERS, ProviderKind

_PARTS = {"image_url": "images", "input_audio": "audio", "file": "files"}


def _not_embedded(body: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Whether another model than the default one knows tools is not known here."""
    texts = []
    if "model_path" not in settings:
        texts += [f"The embedded model ignores {k}." for k in ("tools", "functions") if body.get(k)]
    if isinstance(body.get("n"), int) and body["n"] > 1:
        texts.append("The embedded model gives one choice: it will refuse n above 1.")
    parts = {
        _PARTS[part["type"]]
        for message in body.get("messages") or ()
        if isinstance(message.get("content"), list)
        for part in message["content"]
        if part.get("type") in _PARTS
    }
    texts += [
        f"The embedded model will refuse the {kind} in the messages." for kind in sorted(parts)
    ]
    if "audio" in (body.get("modalities") or ()):
        texts.append("The embedded model answers in text, not in audio.")
    if body.get("store"):
        texts.append("The embedded model has no store: store = true keeps nothing.")
    return tuple(texts)


class ProviderType(Struct, frozen=True):
    """One type. `hangs_on` names what its answers hang on, as a fingerprint has it; `leaves` is
    whether requests leave this process, which takes trust and a key; `stores` whether it keeps
    completions; `has_model` whether it knows a model without being told one; `is_free` whether it
    costs nothing. `limits` gives what a request asks for and it does not do, each in a sentence,
    by the body and the provider's own settings; None if that is not known.
    """

    name: ProviderKind
    hangs_on: str
    leaves: bool
    stores: bool
    has_model: bool
    is_free: bool
    limits: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[str, ...]] | None = None


OPENAI = ProviderType(
    "openai", "base_url", leaves=True, stores=True, has_model=False, is_free=False
)
EMBEDDED = ProviderType(
    "embedded",
    "model",
    leaves=False,
    stores=False,
    has_model=True,
    is_free=True,
    limits=_not_embedded,
)


def _type(name: ProviderKind) -> ProviderType:
    match name:
        case "openai":
            return OPENAI
        case "embedded":
            return EMBEDDED


TYPES: Mapping[str, ProviderType] = {name: _type(name) for name in PROVIDERS}


def type_of(identity: str) -> ProviderType:
    """The type of the provider that a request or a record names: `openai https://..`, or
    `embedded SHA256`. One that nobody knows any more is a server like most.
    """
    return TYPES.get(identity.partition(" ")[0], OPENAI)
