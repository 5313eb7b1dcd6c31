"""Takes away what is wanted no more, here and at the server that stored it."""

from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import replace

import orjson
from msgspec import Struct

from runner.core.api.exchange import Answered, Failure
from runner.core.modules.module import declared_at
from runner.core.plan.actions import Remove
from runner.core.plan.events import Failed
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.removals import protected, unreachable
from runner.core.received import table_of
from runner.core.request.server_store import cached, is_stored, keeper, stored_id
from runner.core.state.cache_entry import to_entry
from runner.core.state.records import Record
from runner.errors import RunnerError
from runner.io.apply.ports import Doors, Outcome

_SORTED = orjson.OPT_SORT_KEYS


class Removal(Struct, frozen=True):
    """The removals of a plan, and `vanished`: what the apply found to be wanted no more."""

    plan: PlannedSteps
    outcome: Outcome
    doors: Doors
    vanished: Mapping[str, Record]

    async def run(self) -> None:
        """What the plan removes, and what turned out to be wanted no more."""
        gone = {step.address: removal for step, removal in self.plan.of(Remove)}
        for address, record in self.vanished.items():
            declared = declared_at(self.outcome.session.root, address)
            problems = protected(declared, address, "remove") if address not in gone else []
            if problems:
                self._not_removed(address, Failure(str(RunnerError(*problems))))
            else:
                gone.setdefault(address, Remove(record, "no longer wanted"))
        if not gone:
            return
        stays = [made for name, made in self.outcome.records.items() if name not in gone]
        kept = {stored_id(record) for record in stays if is_stored(record)}
        for address, removal in gone.items():
            if self.outcome.stopped is not None:
                return
            await self._remove_one(address, removal.record, forget=removal.forget, kept=kept)

    async def _remove_one(
        self, address: str, record: Record, *, forget: bool, kept: Set[str]
    ) -> None:
        if not forget and is_stored(record):
            try:
                named = stored_id(record) in kept or self.plan.elsewhere(record) is not None
            except RunnerError as exc:  # who else names it cannot be told
                self._not_removed(address, Failure(str(exc)))
                return
            result = None if named else await self._delete(record)
            if isinstance(result, Failure) and result.status != 404:
                self._not_removed(address, result)
                return
            if result is not None:
                with suppress(RunnerError):  # it is gone at the server, whatever the cache says
                    await self._unstore(record)
        self.outcome.records.pop(address, None)
        self.outcome.finish(self.doors.tell, address, "removed", None)

    async def _delete(self, record: Record) -> Answered | Failure:
        providers = self.plan.known.providers
        name = keeper(record, providers)
        if name is None:
            return Failure(str(RunnerError(*unreachable(record, providers))))
        return await self.doors.delete(name, stored_id(record))

    async def _unstore(self, record: Record) -> None:
        """The cached answer stays, and is no longer taken for one that the server keeps."""
        body = orjson.dumps({**table_of(record.request), "store": False}, option=_SORTED)
        key, _ = cached(record, self.plan.known.owner)
        await self.doors.save(key, to_entry(replace(record, request=body, line=None)))

    def _not_removed(self, address: str, failure: Failure) -> None:
        self.outcome.failed[address] = failure
        self.doors.tell(Failed(address, failure))
