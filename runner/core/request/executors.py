"""Who sends requests, as settings say it, and whom that has to be trusted with."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from runner.core.request.provider_blocks import DeclaredProvider
from runner.core.secrets.trust import ClusterDoor


class ExecutorSettings(Struct, frozen=True):
    """So many workers of a Ray cluster, each with so many cpus and other resources, that send the
    requests of these `providers`; without them, of all that are a model. Without an address it is a
    cluster of this machine.
    """

    address: str | None = None
    workers: int | None = None
    cpus: float = 1.0
    resources: Mapping[str, float] = {}
    providers: tuple[str, ...] | None = None

    def sends_for(self, provider: DeclaredProvider) -> bool:
        """Whether a provider's requests are sent by the workers."""
        if self.providers is not None:
            return provider.name in self.providers
        return not provider.type.leaves

    @property
    def door(self) -> ClusterDoor | None:
        """What has to be trusted before anything goes there; None for what is of this machine."""
        if self.address is None:
            return None
        return ClusterDoor(f"ray://{self.address}")


def executor_settings(table: Mapping[str, Any]) -> ExecutorSettings:
    """The settings of a table that was checked."""
    providers = table.get("providers")
    return ExecutorSettings(
        table.get("address"),
        table.get("workers"),
        float(table.get("cpus", 1)),
        table.get("resources", {}),
        None if providers is None else tuple(providers),
    )
