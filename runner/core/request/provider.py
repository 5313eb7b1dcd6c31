"""Who answers a request, and what its requests start from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.core.canonical import canonical


@dataclass(frozen=True, slots=True)
class Provider:
    """What a request needs to know of its provider.

    `identity` is what answers: a type and a declared base URL, or a model file's digest.
    `recorded_defaults` are the defaults with sensitive values masked; `secrets` what sensitive
    expressions in its block yield.
    """

    name: str
    type: str
    identity: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    recorded_defaults: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    identity_json: bytes = b""

    @classmethod
    def of(
        cls,
        name: str,
        kind: str,
        identity: Mapping[str, str],
        defaults: Mapping[str, Any],
        recorded_defaults: Mapping[str, Any],
        secrets: tuple[str, ...] = (),
    ) -> "Provider":
        """A provider by the parts of its identity."""
        shown = " ".join([kind, *identity.values()])
        held = canonical({"type": kind, **identity})
        return cls(name, kind, shown, defaults, recorded_defaults, secrets, held)


def identity_json(shown: str) -> bytes:
    """The identity, as a fingerprint has it, of the one that a record shows."""
    kind, _, which = shown.partition(" ")
    return canonical({"type": kind, "model" if kind == "embedded" else "base_url": which})
