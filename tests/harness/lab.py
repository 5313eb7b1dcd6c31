"""A project in memory, with a model that answers at once: real planning, real apply, no world."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from runner.core.api.exchange import Answered, Failure, Outgoing
from runner.core.canonical import digest
from runner.core.expansion.scope import Scope
from runner.core.expansion.session import Session
from runner.core.expressions.functions import World
from runner.core.modules.compile import compile_root
from runner.core.modules.module import CompiledModule
from runner.core.modules.moves import move_records
from runner.core.modules.variables import Given, resolve, sensitive_values
from runner.core.plan.events import Event
from runner.core.plan.known import Known
from runner.core.plan.plan import Inputs, PlannedSteps, make_plan
from runner.core.plan.samples import Samples
from runner.core.plan.targets import Choice
from runner.core.plan.walk import Walk
from runner.core.request.provider_blocks import declared, known
from runner.core.secrets.texts import sensitive_texts
from runner.core.state.cache_entry import Owner, cache_keys
from runner.core.state.records import Record
from runner.errors import Problem, RunnerError, error
from runner.io.apply.loop import Apply
from runner.io.apply.ports import Doors, Limits, Outcome

OWNER = Owner("lineage", "default")
EVERYTHING = Choice()
Reply = Callable[[dict[str, Any]], str | Failure]


def echo(body: dict[str, Any]) -> str:
    """An answer that hangs on the messages alone, and is one of few, so that some are equal."""
    return f"A{int(digest(orjson.dumps(body['messages'])), 16) % 3}"


def completion_body(number: int, content: str, body: Mapping[str, Any]) -> bytes:
    """A response as a server writes it; `number` tells one paid answer from another."""
    return orjson.dumps(
        {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": 1700000000,
            "model": body.get("model", "m"),
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": content, "refusal": None},
                }
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
    )


@dataclass(slots=True)
class FakeProvider:
    """A client at apply's port: it answers after some turns of the loop, never by the clock."""

    reply: Reply
    limit: int = 4
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answered: int = 0
    most_at_once: int = 0
    halted: bool = False
    _now: int = 0

    def halt(self) -> None:
        """Send nothing more."""
        self.halted = True

    async def complete(self, out: Outgoing) -> Answered | Failure:
        """The answer to one request."""
        if self.halted:
            return Failure("the run stopped", halted=True)
        body = orjson.loads(out.body)
        self.sent.append((out.address, body))
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            for _ in range(int(digest(out.body + out.address.encode()), 16) % 7):
                await asyncio.sleep(0)
        finally:
            self._now -= 1
        said = self.reply(body)
        if isinstance(said, Failure):
            return said
        self.answered += 1
        return Answered(completion_body(self.answered, said, body), 1, 1)


@dataclass(slots=True)
class Lab:
    """`files` are texts by path (`configs/main.toml`); `cache` and `records` outlive an apply."""

    files: dict[str, str]
    reply: Reply = echo
    variables: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    cache: dict[str, bytes] = field(default_factory=dict)
    saved: list[str] = field(default_factory=list)  # the keys of the last apply, as they came
    events: list[Event] = field(default_factory=list)
    client: FakeProvider = field(init=False)
    limits: Limits = field(default_factory=lambda: Limits(concurrency=4))
    moves: tuple[tuple[str, str], ...] = ()
    connect: Callable[[str], Awaitable[Any]] | None = None
    deleted: list[str] = field(default_factory=list)
    told: list[bytes] = field(default_factory=list)  # metadata that the server was given
    watch: Callable[[Event], None] = lambda _: None

    def __post_init__(self) -> None:
        self.client = FakeProvider(self.reply)

    @property
    def sent(self) -> list[str]:
        """The addresses whose requests the last apply sent, in order."""
        return [address for address, _ in self.client.sent]

    def read(self, folder: str, path: str) -> bytes:
        """A file of the project."""
        name = _normal(f"{folder}/{path}")
        if name.startswith("../"):
            raise error("Path leaves the project", f'"{path}" leads outside of the project.')
        if name not in self.files:
            raise error("No such file", f'There is no file "{path}" (looked for {name}).')
        return self.files[name].encode()

    def read_folder(self, folder: str) -> list[tuple[str, bytes]]:
        """The TOML files directly in a folder."""
        return [
            (name, text.encode())
            for name, text in sorted(self.files.items())
            if name.endswith(".toml") and name.rpartition("/")[0] == folder
        ]

    def compiled(self) -> CompiledModule:
        """The root module; RunnerError with every mistake."""
        problems: list[Problem] = []
        root = compile_root("configs", self.read_folder, problems)
        _raise(problems)
        return root

    def inputs(self, choice: Choice = EVERYTHING) -> Inputs:
        """What a plan is made from, as the command line makes it."""
        problems: list[Problem] = []
        root = self.compiled()
        world = World(self.read, self.environment.get)
        given = [Given(name, "a test", None, value) for name, value in self.variables.items()]
        values = resolve(root, given, problems)
        _raise(problems)
        scope = Scope(Session(root, world, values), root)
        providers = known(declared(scope, problems), scope, lambda _: "0" * 64, problems)
        _raise(problems)
        secrets = sensitive_texts(sensitive_values(root, values))
        self.limits = replace(self.limits, secrets=lambda: secrets)
        records, moves = move_records(self.records, self.moves)

        def start(samples: Samples) -> tuple[Walk, Known]:
            session = Session(root, world, values)
            Scope(session, root)
            facts = Known(
                session,
                records,
                providers,
                "openai",
                self.cached,
                samples,
                lambda address: address in choice.replaces,
                {},
                owner=OWNER,
            )
            return Walk(session), facts

        return Inputs(start, records, choice, moves)

    def cached(self, fingerprint: str, sample: int) -> bytes | None:
        """What the cache holds, as the command line looks."""
        keys = cache_keys(fingerprint, sample, OWNER)
        return next((self.cache[key] for key in keys if key in self.cache), None)

    def plan(self, choice: Choice = EVERYTHING) -> PlannedSteps:
        """The plan for the files as they are."""
        return make_plan(self.inputs(choice))

    def apply(
        self,
        choice: Choice = EVERYTHING,
        *,
        stop_after: int | None = None,
        abandon_after: int | None = None,
        keep_state: bool = True,
    ) -> Outcome:
        """Plan and carry out. `stop_after` events somebody presses Ctrl-C, `abandon_after`
        events twice; with `keep_state` false the state is never written, as by `kill -9`.
        """
        inputs = self.inputs(choice)
        outcome = asyncio.run(self._run(make_plan(inputs), inputs, stop_after, abandon_after))
        if keep_state:
            self.records = dict(outcome.records)
        return outcome

    async def _run(
        self, plan: PlannedSteps, inputs: Inputs, stop_after: int | None, abandon_after: int | None
    ) -> Outcome:
        walk, facts = inputs.start(plan.known.samples)
        answered = self.client.answered
        self.client = FakeProvider(self.reply, answered=answered)
        self.saved, self.events = [], []

        def tell(event: Event) -> None:
            self.events.append(event)
            self.watch(event)
            if len(self.events) == stop_after:
                run.interrupt()
            if len(self.events) == abandon_after:
                run.abandon()

        async def connect(_: str) -> FakeProvider:
            await asyncio.sleep(0)
            return self.client

        async def save(key: str, data: bytes) -> None:
            await asyncio.sleep(0)
            self.saved.append(key)
            self.cache[key] = data

        async def nothing(*_: object) -> Answered | Failure:
            return Failure("no such door in this test")

        async def update(_: str, __: str, body: bytes) -> Answered | Failure:
            self.told.append(body)
            return Answered(b"{}", 1, 1)

        async def delete(_: str, identifier: str) -> Answered | Failure:
            self.deleted.append(identifier)
            return Answered(b"{}", 1, 1)

        async def checkpoint(_: Mapping[str, Record]) -> None:
            return None

        doors = Doors(
            self.connect or connect,
            save,
            lambda _: "rescue",
            nothing,
            update,
            delete,
            checkpoint,
            lambda: "2026-01-01T00:00:00Z",
            tell,
        )
        run = Apply(plan, walk, facts, doors, self.limits)
        return await asyncio.wait_for(run.run(), 120)


def project(text: str, **more: str) -> Lab:
    """A lab of one configuration file, and others by name with `__` for `/`."""
    files = {"configs/main.toml": text}
    files.update({name.replace("__", "/"): inner for name, inner in more.items()})
    return Lab(files)


def _normal(path: str) -> str:
    import posixpath  # noqa: PLC0415  # as the shell's folders do

    return posixpath.normpath(path)


def _raise(problems: list[Problem]) -> None:
    found = [problem for problem in problems if problem.severity == "error"]
    if found:
        raise RunnerError(*found)
