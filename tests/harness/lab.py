"""A project in a folder of its own, planned and applied by the operations that every command goes
by, with a state and a cache on the disk; a model that answers at once stands at the client's port.
"""

import asyncio
import tempfile
import weakref
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any, Literal

import orjson

from runner.core.api.exchange import Answered, Failure, Outgoing
from runner.core.canonical import digest
from runner.core.modules.compile import compile_root
from runner.core.modules.module import CompiledModule
from runner.core.plan.events import Event, Writing
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.targets import Choice
from runner.core.secrets.secrets import Secrets
from runner.core.secrets.trust import Door
from runner.core.state.file import decode
from runner.core.state.records import Record
from runner.errors import Problem, RunnerError
from runner.io.apply.loop import Apply
from runner.io.apply.ports import Outcome
from runner.io.cache.reader import Reader
from runner.io.folders import Folders
from runner.io.providers.endpoint import Endpoint, ServerCall
from runner.operations.applying.apply import carry_out, check, held_plan
from runner.operations.applying.finish import finish
from runner.operations.connecting.connections import Connections
from runner.operations.options import ApplyOptions, Options, Overrides, ProjectPlace, VariableValue
from runner.operations.planning.plan import Planned
from runner.operations.planning.whole import whole_plan
from runner.operations.project.places import folders_of
from runner.operations.reading.load import load
from runner.operations.reading.loaded import Loaded

KEY = "sk-lab-0123456789-abcdefghij"
EVERYTHING = Choice()
Said = str | dict[str, Any]  # the content of an answer's message, or the message
Reply = Callable[[dict[str, Any]], Said | Failure]


def echo(body: dict[str, Any]) -> str:
    """An answer that hangs on the messages alone, and is one of few, so that some are equal."""
    return f"A{int(digest(orjson.dumps(body['messages'])), 16) % 3}"


def completion_body(number: int, said: Said, body: Mapping[str, Any]) -> bytes:
    """A response as a server writes it; `number` tells one paid answer from another."""
    message = {"role": "assistant", "content": said, "refusal": None}
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
                    "message": message if isinstance(said, str) else said,
                }
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
    )


@dataclass(slots=True)
class Model:
    """Whoever stands behind every endpoint: it answers after some turns of the loop, never by the
    clock. `opened` are the endpoints that were; `sent` what was asked since the last apply began,
    `called` what else was asked of a server: the method, the path and the body; `heard` is all
    that went to an endpoint, with what goes along with every request. With `keeps`, whatever is
    asked for by an id is stored there, and every list is empty.
    """

    reply: Reply
    limit: int = 4
    waiting: str | None = None
    max_response_bytes: int = 1_000_000
    keeps: bool = False
    opened: list[Endpoint] = field(default_factory=list)
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    called: list[tuple[str, str, bytes | None]] = field(default_factory=list)
    heard: list[tuple[Endpoint, str]] = field(default_factory=list)
    answered: int = 0
    most_at_once: int = 0
    halted: bool = False
    _now: int = 0

    @asynccontextmanager
    async def open(
        self,
        endpoint: Endpoint,
        *,
        tell: Callable[[Writing], None] | None = None,  # noqa: ARG002
    ) -> AsyncIterator["Opened"]:
        """As a client over HTTP is opened."""
        self.opened.append(endpoint)
        await asyncio.sleep(0)
        yield Opened(self, endpoint)

    def begin(self) -> None:
        """A run begins: what was sent in it is counted anew."""
        self.sent, self.called, self.opened, self.heard = [], [], [], []
        self.halted = False

    def halt(self) -> None:
        """Send nothing more."""
        self.halted = True

    async def answer(self, out: Outgoing) -> Answered | Failure:
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

    def look_up(self, path: str) -> Answered | Failure:
        """What is stored."""
        if not self.keeps:
            return Failure("not found", 404)
        if path.endswith(("/completions", "/messages")):
            return Answered(b'{"object":"list","data":[],"has_more":false}', 1, 1)
        return Answered(completion_body(0, "kept", {}), 1, 1)


@dataclass(frozen=True, slots=True)
class Opened:
    """The model behind one endpoint: it hears what a server there would."""

    model: Model
    endpoint: Endpoint

    @property
    def limit(self) -> int:
        return self.model.limit

    @property
    def waiting(self) -> str | None:
        return self.model.waiting

    @property
    def max_response_bytes(self) -> int:
        return self.model.max_response_bytes

    @property
    def elsewhere(self) -> Literal[False]:
        return False

    def halt(self) -> None:
        """Send nothing more."""
        self.model.halt()

    async def complete(self, out: Outgoing) -> Answered | Failure:
        """The answer to one request."""
        self._hears(*(value for _, value in out.headers), out.body.decode())
        return await self.model.answer(out)

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
    ) -> Answered | Failure:
        """Another request."""
        self._hears(path, *(value for _, value in query), (body or b"").decode())
        self.model.called.append((method, path, body))
        return self.model.look_up(path) if method == "GET" else Answered(b"{}", 1, 1)

    async def ask(self, call: ServerCall) -> Answered | Failure:
        """Another request, which says how."""
        return await self.call(call.method, call.path, query=call.query, body=call.body)

    def _hears(self, *said: str) -> None:
        """Any of an endpoint's servers may be the one that is asked."""
        for server in (self.endpoint, *self.endpoint.others):
            along = (value for _, value in (*server.headers, *server.query))
            self.model.heard.append((server, "\n".join((*along, *said))))


@dataclass
class Lab:
    """`files` are texts by path (`configs/main.toml`); `environment` is that of its .env."""

    files: dict[str, str]
    reply: Reply = echo
    variables: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=lambda: {"OPENAI_API_KEY": KEY, "K": KEY})
    concurrency: int = 4
    trust: tuple[str, ...] = ("https://x.example", "https://y.example")
    doors: frozenset[Door] = frozenset()  # what else the user said yes to
    state: str = "state"  # where --state says that it is
    saved: set[str] = field(default_factory=set)  # the keys of the last apply
    events: list[Event] = field(default_factory=list)
    watch: Callable[[Event], None] = lambda _: None
    model: Model = field(init=False)
    directory: Path = field(init=False)
    _written: dict[str, str] = field(default_factory=dict)
    _keys: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.model = Model(self.reply)
        self.directory = Path(tempfile.mkdtemp(prefix="lab-"))
        weakref.finalize(self, rmtree, self.directory, ignore_errors=True)

    @property
    def sent(self) -> list[str]:
        """The addresses whose requests the last apply sent, in order."""
        return [address for address, _ in self.model.sent]

    @property
    def told(self) -> list[bytes | None]:
        """What the last apply told a server about what is stored there, in order."""
        return [body for method, _, body in self.model.called if method == "POST"]

    @property
    def state_file(self) -> Path:
        """Where the records are."""
        return self.directory / self.state / "state.json"

    @property
    def records(self) -> dict[str, Record]:
        """The records of the state, as they are on the disk."""
        if not self.state_file.exists():
            return {}
        return dict(decode(self.state_file.read_bytes(), "state.json").records)

    @property
    def cache(self) -> dict[str, bytes]:
        """The answers in the cache, by their keys."""
        with Reader(self.directory / self.state / "cache") as held:
            return {key: held.get(key) or b"" for key in held.keys()}  # noqa: SIM118

    def lose_cache(self) -> None:
        """Somebody deletes it."""
        rmtree(self.directory / self.state / "cache", ignore_errors=True)
        self._keys = set()

    def lose_state(self) -> None:
        """Somebody deletes the state, and what stands beside it; the cache is left."""
        for path in (self.directory / self.state).glob("*"):
            if path.is_file():
                path.unlink()

    def loaded(self, choice: Choice = EVERYTHING) -> Loaded:
        """The project as an operation starts from it; RunnerError with every mistake."""
        self._write()
        variables = tuple(VariableValue(name, value) for name, value in self.variables.items())
        options = Options(
            ProjectPlace(str(self.directory), state=self.state),
            choice,
            variables,
            Overrides(concurrency=self.concurrency),
            self.trust,
        )
        project = load(options, Secrets(), connect=self.model.open)
        project.open(self.doors)
        return project

    @property
    def folders(self) -> Folders:
        """The files, as a project's are read."""
        self._write()
        return folders_of(ProjectPlace(str(self.directory)))

    def compiled(self) -> CompiledModule:
        """The root module; RunnerError with every mistake."""
        problems: list[Problem] = []
        root = compile_root("configs", self.folders.read_folder, problems)
        if any(problem.severity == "error" for problem in problems):
            raise RunnerError(*problems)
        return root

    def planned(self, choice: Choice = EVERYTHING) -> Planned:
        """The plan for the files as they are, and what it was made from."""
        return whole_plan(self.loaded(choice))

    def plan(self, choice: Choice = EVERYTHING) -> PlannedSteps:
        """The plan for the files as they are."""
        return self.planned(choice).plan

    def apply(
        self,
        choice: Choice = EVERYTHING,
        *,
        stop_after: int | None = None,
        abandon_after: int | None = None,
        keep_state: bool = True,
    ) -> Outcome:
        """Plan and carry out. `stop_after` events somebody presses Ctrl-C, `abandon_after`
        events twice; with `keep_state` false the state is as it was, as after `kill -9`.
        """
        before = self._state()
        self.model.reply, self.events, self.saved = self.reply, [], set()
        self.model.begin()
        project = self.loaded(choice)
        with held_plan(project, "runner apply") as made:
            if made.empty:
                finish(project, made, None)
                return Outcome(self.records, made.plan.walk.session)
            options = ApplyOptions()
            check(project, made)
            listener = _Listener(self, stop_after, abandon_after)
            outcome = carry_out(project, made, options, listener).outcome
        assert outcome is not None
        self.saved = self._new_keys()
        if not keep_state:
            self.lose_state()
            for path, data in before.items():
                path.write_bytes(data)
        return outcome

    def _new_keys(self) -> set[str]:
        with Reader(self.directory / self.state / "cache") as held:
            keys = {*held.keys()}
        new, self._keys = keys - self._keys, keys
        return new

    def _state(self) -> dict[Path, bytes]:
        files = (self.directory / self.state).glob("*")
        return {path: path.read_bytes() for path in files if path.is_file()}

    def _write(self) -> None:
        """The folder becomes what `files` and `environment` say."""
        wanted = dict(self.files)
        if self.environment:
            wanted[".env"] = "".join(
                f"{name}={value}\n" for name, value in self.environment.items()
            )
        for name in self._written.keys() - wanted.keys():
            (self.directory / name).unlink()
        for name, text in wanted.items():
            if self._written.get(name) != text:
                path = self.directory / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        self._written = wanted


@dataclass(slots=True)
class _Listener:
    """Notes what happens, and presses Ctrl-C when it is time to."""

    lab: Lab
    stop_after: int | None
    abandon_after: int | None
    run: Apply | None = None

    def tell(self, event: Event) -> None:
        self.lab.events.append(event)
        self.lab.watch(event)
        assert self.run is not None
        if len(self.lab.events) == self.stop_after:
            self.run.interrupt()
        if len(self.lab.events) == self.abandon_after:
            self.run.abandon()

    def say(self, _: str) -> None:
        pass

    def text(self, _: str) -> None:
        pass

    def tick(self) -> None:
        pass

    @contextmanager
    def during(self, run: Apply, _: Connections) -> Iterator[None]:
        self.run = run
        yield


def project(text: str, **more: str) -> Lab:
    """A lab of one configuration file, and others by name with `__` for `/`."""
    files = {"configs/main.toml": text}
    files.update({name.replace("__", "/"): inner for name, inner in more.items()})
    return Lab(files)
