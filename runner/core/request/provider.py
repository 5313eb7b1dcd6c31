"""Who answers a request, and what its requests start from."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from runner.core.canonical import canonical
from runner.core.request.provider_types import EMBEDDED, ProviderType, type_of


class Provider(Struct, frozen=True):
    """What a request needs to know of its provider.

    `identity` is what answers: a type and a declared base URL, or a model file's digest.
    `recorded_defaults` are the defaults with sensitive values masked; `secrets` what sensitive
    expressions in its block yield. `model_required` is false where its block says that the server
    needs to be told of no model. `strict` is whether it takes what OpenAI's API knows, and no more;
    `takes_schema` whether an answer can be held to a JSON Schema.
    """

    name: str
    type: ProviderType
    identity: str
    defaults: Mapping[str, Any] = {}
    recorded_defaults: Mapping[str, Any] = {}
    secrets: tuple[str, ...] = ()
    identity_json: bytes = b""
    model_required: bool = True
    header_names: tuple[str, ...] = ()
    strict: bool = True
    takes_schema: bool = True

    @property
    def needs_model(self) -> bool:
        """Whether a request has to say which model is asked."""
        return self.model_required and not self.type.has_model

    @classmethod
    def of(
        cls,
        name: str,
        type_: ProviderType,
        which: str,
        defaults: Mapping[str, Any],
        recorded_defaults: Mapping[str, Any],
        secrets: tuple[str, ...] = (),
    ) -> "Provider":
        """A provider by what its answers hang on."""
        shown = f"{type_.name} {which}"
        held = identity_json(shown)
        return cls(name, type_, shown, defaults, recorded_defaults, secrets, held)


ELSEWHERE = Provider("runner-state", EMBEDDED, "runner-state", identity_json=b'"runner-state"')
"""What stands where others have a provider, for the state of another project: it is no name of a
block, and no request leaves by it.
"""


def identity_json(shown: str) -> bytes:
    """The identity, as a fingerprint has it, of the one that a record shows."""
    kind, _, which = shown.partition(" ")
    return canonical({"type": kind, type_of(shown).hangs_on: which})
