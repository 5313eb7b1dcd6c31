"""What a project takes from the answers of its team while it is planned and applied, and gives."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.core.state.cache_entry import cache_key
from runner.errors import Problem, counted
from runner.io.apply.ports import Fetch
from runner.operations.caches.answers import answers_of
from runner.operations.project.places import same_place
from runner.operations.project.shared_cache import (
    closed_cache_door,
    open_shared,
    shared_settings_of,
)
from runner.operations.reading.loaded import Loaded
from runner.operations.reading.trust import admit_doors

if TYPE_CHECKING:
    from runner.io.cache.answers import CachedAnswers
    from runner.io.cache.pushing import Pushing
    from runner.io.cache.shared import SharedAnswers
    from runner.io.cache.writer import Cache

_Say = Callable[[str], None]


def shared_answers(project: Loaded) -> "SharedAnswers | None":
    """The answers of the project's team, opened once; None where there are none, or nothing is
    taken or given. Untrusted if nobody says that the project may.
    """
    if project.shared is None:
        place = project.options.place
        settings = shared_settings_of(place, project.root.blocks)
        if settings is None or not (settings.reads or settings.pushes):
            return None
        door = closed_cache_door(settings, place)
        if door is not None and not project.trust.opens(door):
            admit_doors(project, (door,))
        project.shared = open_shared(settings, place)
    return project.shared


def tell_of_sweep(project: Loaded, answers: "CachedAnswers") -> None:
    """What kept answers of the team from being taken, among the warnings; once."""
    shared = answers.shared
    if shared is None:
        return
    if answers.unkept is not None:
        found = answers.unkept.problems[0]
        _warn(project, "Shared answers are not kept", found.detail)
    if shared.refused:
        _warn(
            project,
            "Shared answers are not taken",
            f"Under the names of {counted(len(shared.refused), 'answer')} in {shared.name} stands "
            "what is no answer to that request, and is left there. Whoever may write there may "
            "have put it: look who that is.",
        )
    _tell_failure(project, shared)


def _tell_failure(project: Loaded, shared: "SharedAnswers") -> None:
    if shared.failure is not None and not shared.is_told:
        shared.is_told = True
        later = f" What is answered here stays here until {_again(project)}."
        _warn(
            project,
            "Shared cache cannot be used",
            f"{shared.failure.problems[0].detail} This goes on without it: what others were "
            f"answered is not known.{later if shared.pushes else ''}",
        )


def _warn(project: Loaded, summary: str, detail: str) -> None:
    told = Problem(summary, detail, None, "warning")
    if told not in project.warnings:
        project.warnings.append(told)


def _again(project: Loaded) -> str:
    return f"`{same_place(project.options.place)} cache push`"


def give_rest(project: Loaded) -> None:
    """Push what the team has yet to get, where a command has nothing else to do; what cannot be is
    among the warnings.
    """
    shared = project.shared
    if shared is None or not shared.pushes or project.settings.offline:
        return
    from runner.io.cache.upkeep import pushed  # noqa: PLC0415  # only who shares answers

    with answers_of(project.store, project.owner) as answers:
        left = answers.unpushed()
    given = dict(shared.give_all(left))
    pushed(project.store.cache, [key for key, how in given.items() if how is not None])
    _tell_unpushed(project, shared, sum(how is None for how in given.values()))


class Shares(Struct, frozen=True):
    """How an apply saves an answer, and how it looks farther away for one. `pushing` is what takes
    answers to the team behind it, where there is such a thing.
    """

    save: Callable[[str, bytes], Awaitable[None]]
    fetch: Fetch | None = None
    pushing: "Pushing | None" = None

    @property
    def waiting(self) -> str | None:
        """What is on its way to the team, in words, if anything is."""
        return None if self.pushing is None else self.pushing.waiting

    async def settled(self, given_up: Callable[[], bool]) -> None:
        """Waits for what is on its way; where somebody has `given_up`, it is left."""
        if self.pushing is not None:
            await self.pushing.settled(given_up)
            if given_up():
                self.pushing.leave()


@asynccontextmanager
async def sharing(
    project: Loaded, answers: "CachedAnswers | None", cache: "Cache", say: _Say
) -> AsyncIterator[Shares]:
    """While it lasts, what is saved is pushed as well, if the project does that; at its end it says
    what came of that.
    """
    shared = None if answers is None else answers.shared
    if answers is None or shared is None:
        yield Shares(cache.save)
        return
    fetch = _fetching(answers, shared, cache) if shared.reads else None
    if not shared.pushes or project.settings.offline:
        yield Shares(cache.save, fetch)
        return
    from runner.io.cache.pushing import Pushing  # noqa: PLC0415  # only who shares answers

    pushing = Pushing(cache, shared, answers.unpushed())
    async with pushing:
        yield Shares(pushing.save, fetch, pushing)
    _tell(project, shared, pushing, say)


def _fetching(answers: "CachedAnswers", shared: "SharedAnswers", cache: "Cache") -> Fetch:
    async def fetch(fingerprint: str, sample: int) -> bool:
        key = cache_key(fingerprint, sample)
        data = await shared.look(key)
        if data is None:
            return False
        await cache.take(key, data)
        answers.fetched(key, data)
        return True

    return fetch


def _tell(project: Loaded, shared: "SharedAnswers", pushing: "Pushing", say: _Say) -> None:
    if pushing.theirs:
        were = "was" if pushing.theirs == 1 else "were"
        say(
            f"{counted(pushing.theirs, 'answer')} {were} already paid for by a colleague: theirs "
            f"stays in {shared.name}, yours in this state."
        )
    _tell_unpushed(project, shared, pushing.unpushed)


def _tell_unpushed(project: Loaded, shared: "SharedAnswers", unpushed: int) -> None:
    if not unpushed or shared.is_told:
        return
    shared.is_told = True
    why = "" if shared.failure is None else f" {shared.failure.problems[0].detail}"
    _warn(
        project,
        "Answers are not pushed",
        f"{counted(unpushed, 'answer')} of this machine {'is' if unpushed == 1 else 'are'} not in "
        f"{shared.name} yet.{why} Nothing is lost: the next apply pushes them, or "
        f"{_again(project)}.",
    )
