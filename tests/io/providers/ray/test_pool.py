"""Workers in this process, which are sent what travels as bytes and die when they are told to."""

import asyncio
import pickle
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
from aiohttp import web

from runner.core.api.exchange import Answered, Failure, Outgoing
from runner.core.plan.events import Writing, Written
from runner.errors import Problem, RunnerError
from runner.io.providers.endpoint import Endpoint, ServerCall
from runner.io.providers.openai.client import OpenAIClient, connect
from runner.io.providers.ray.pool import LIVES, Died, Pool
from runner.io.providers.ray.travelling import (
    Introduced,
    Remote,
    RemoteEvent,
    RemoteRequest,
    RemoteServer,
)
from runner.io.providers.ray.wires import remote_wires
from runner.io.providers.ray.worker import Worker
from tests.harness.clock import Clock
from tests.harness.faults import completion, events
from tests.harness.server import FakeAPI
from tests.harness.store_api import StoreAPI

KEY = "sk-key-of-the-node-0123456789"


def on_the_node() -> dict[str, str]:
    """The environment of a worker."""
    return {"NODE_KEY": KEY}


@dataclass(eq=False)
class Near:
    """An actor in this process."""

    cluster: "Here"
    worker: Worker = field(default_factory=Worker)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    given: list[int] = field(default_factory=list)

    async def hello(self) -> Introduced:
        if self.cluster.fault is not None:
            raise self.cluster.fault
        if self.cluster.stillborn:
            raise Died("the runner is not installed on its node")
        if self.cluster.never:
            await self.gone.wait()
            raise Died("it was killed")
        return replace_version(await self.worker.hello(), self.cluster.version)

    async def exchange(
        self, remote: Remote, asked: tuple[RemoteRequest, ...]
    ) -> AsyncIterator[list[RemoteEvent]]:
        self.given.append(len(asked))
        sent = pickle.dumps((remote, asked))
        self.cluster.sent.append(sent)
        source = self.worker.exchange(*pickle.loads(sent))
        while True:
            step = asyncio.ensure_future(anext(source))
            end = asyncio.ensure_future(self.gone.wait())
            await asyncio.wait({step, end}, return_when=asyncio.FIRST_COMPLETED)
            end.cancel()
            if self.gone.is_set():
                step.cancel()
                raise Died("it was killed")
            try:
                found = step.result()
            except StopAsyncIteration:
                return
            yield pickle.loads(pickle.dumps(found))

    def kill(self) -> None:
        self.gone.set()


def replace_version(said: Introduced, version: str | None) -> Introduced:
    return said if version is None else Introduced(version, said.node)


@dataclass
class Here:
    """A cluster of such actors."""

    version: str | None = None
    stillborn: bool = False
    never: bool = False
    is_there: bool = True
    soon: float = 60.0
    fault: Exception | None = None
    actors: list[Near] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def start(self) -> Near:
        self.actors.append(Near(self))
        return self.actors[-1]

    async def answers(self) -> bool:
        return self.is_there


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 120))


@asynccontextmanager
async def opened(
    api: FakeAPI,
    here: Here,
    workers: int = 2,
    tell: Callable[[Writing], None] | None = None,
    **options: Any,
) -> AsyncIterator[OpenAIClient]:
    clock = Clock()
    endpoint = Endpoint("openai", api.url, key_name="NODE_KEY", **options)
    async with Pool(here, workers, here.said.append, soon=here_soon(here)) as pool:
        wires = remote_wires(
            pool, lambda one: RemoteServer(replace(one, key=None, others=()), on_the_node)
        )
        async with connect(
            endpoint, now=clock.now, sleep=clock.sleep, jitter=lambda: 0.0, tell=tell, wires=wires
        ) as client:
            yield client


def here_soon(here: Here) -> float:
    """Nobody waits for whoever never comes."""
    return 0.0 if here.never else here.soon


async def asked_for(api: FakeAPI, number: int) -> None:
    """So many completions were asked for."""
    while len(api.completions) < number:  # noqa: ASYNC110  # the server says it in no other way
        await asyncio.sleep(0.001)


def out(text: str = "hello", **more: Any) -> Outgoing:
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
    return Outgoing(f"completion.{text}", orjson.dumps(body), stream="stream" in more)


def content(answer: Answered | Failure) -> Any:
    assert isinstance(answer, Answered), answer
    return orjson.loads(answer.response)["choices"][0]["message"]["content"]


def test_requests_travel_together_to_all_workers_and_each_is_answered_once() -> None:
    async def work() -> None:
        here = Here()
        async with FakeAPI() as api, opened(api, here) as client:
            texts = [f"q{index}" for index in range(20)]
            answers = await asyncio.gather(*(client.complete(out(text)) for text in texts))
            assert [text in content(each) for text, each in zip(texts, answers, strict=True)]
            assert len(api.completions) == 20
            assert [actor.given for actor in here.actors] == [[10], [10]]
            assert all(each.headers["Authorization"] == f"Bearer {KEY}" for each in api.requests)

    run(work())


def test_the_name_of_a_key_travels_and_never_the_key() -> None:
    async def work() -> None:
        here = Here()
        async with FakeAPI() as api, opened(api, here, key=KEY) as client:
            assert isinstance(await client.complete(out()), Answered)
        assert here.sent
        assert b"NODE_KEY" in here.sent[0]
        assert not any(KEY.encode() in sent for sent in here.sent)

    run(work())


def test_a_key_that_only_the_node_has_is_in_no_answer() -> None:
    async def work() -> None:
        said = completion({"model": "m", "messages": []}, 1)
        said["choices"][0]["message"]["content"] = f"your key is {KEY}"
        async with FakeAPI(said) as api, opened(api, Here()) as client:
            answer = await client.complete(out())
            assert "your key is" in content(answer)
            assert KEY not in content(answer)

    run(work())


def test_without_its_key_a_worker_says_which_variable_is_missing_and_where() -> None:
    async def work() -> None:
        here = Here()
        endpoint = Endpoint("groq", "http://127.0.0.1:9/v1", key_name="NO_SUCH_KEY")
        async with Pool(here, 1, here.said.append) as pool:
            wires = remote_wires(pool, lambda one: RemoteServer(one, on_the_node))
            async with connect(endpoint, wires=wires) as client:
                with pytest.raises(RunnerError, match=r"On the node .*groq.*NO_SUCH_KEY"):
                    await client.complete(out())

    run(work())


def test_a_limit_of_the_server_is_waited_for_by_the_run_and_by_no_worker() -> None:
    async def work() -> None:
        here = Here()
        async with FakeAPI("429", retry_after="30") as api, opened(api, here) as client:
            asked = asyncio.ensure_future(client.complete(out()))
            await asked_for(api, 1)
            answer = await asked
            assert isinstance(answer, Answered)
            assert (answer.attempts, answer.maybe_billed) == (2, 0)
            assert sum(sum(actor.given) for actor in here.actors) == 2  # sent anew after the hold

    run(work())


def test_what_is_fatal_for_one_is_sent_for_no_other() -> None:
    async def work() -> None:
        async with FakeAPI("401", "401") as api, opened(api, Here(), concurrency=1) as client:
            both = await asyncio.gather(client.complete(out("a")), client.complete(out("b")))
            assert [isinstance(each, Failure) and each.fatal for each in both] == [True, True]
            assert len(api.completions) == 1

    run(work())


def test_what_a_dead_worker_had_is_sent_again_by_another_and_counted_as_perhaps_paid() -> None:
    async def work() -> None:
        here = Here()
        async with FakeAPI(held=True) as api, opened(api, here) as client:
            asked = [asyncio.ensure_future(client.complete(out(str(n)))) for n in range(6)]
            await asked_for(api, 6)
            here.actors[0].kill()
            await asked_for(api, 9)
            api.release()
            answers = await asyncio.gather(*asked)
            assert all(isinstance(each, Answered) for each in answers)
            assert sorted(each.maybe_billed for each in answers) == [0, 0, 0, 1, 1, 1]
            assert len(here.actors) == 3
            assert "died: it was killed. Another one is started." in here.said[0]

    run(work())


def test_a_worker_is_replaced_three_times_and_then_the_run_ends() -> None:
    async def work() -> None:
        here = Here(stillborn=True)
        async with FakeAPI() as api, opened(api, here) as client:
            with pytest.raises(RunnerError, match=r"No worker is left.*not installed on its node"):
                await client.complete(out())
            with pytest.raises(RunnerError, match="No worker is left"):
                await client.complete(out())
            assert len(here.actors) == 2 * (LIVES + 1)

    run(work())


def test_a_cluster_that_is_gone_is_not_asked_for_another_worker() -> None:
    async def work() -> None:
        here = Here()
        async with FakeAPI(held=True) as api, opened(api, here, workers=1) as client:
            asked = asyncio.ensure_future(client.complete(out()))
            await asked_for(api, 1)
            here.is_there = False
            here.actors[0].kill()
            with pytest.raises(RunnerError, match="The Ray cluster is gone"):
                await asked
            assert len(here.actors) == 1
            api.release()

    run(work())


def test_where_no_node_has_room_that_is_said() -> None:
    async def work() -> None:
        async with FakeAPI() as api, opened(api, Here(never=True)) as client:
            with pytest.raises(RunnerError, match="No node has room: None of 2 workers"):
                await client.complete(out())

    run(work())


def test_a_worker_that_died_is_not_waited_for_where_no_node_has_room_for_another() -> None:
    async def work() -> None:
        here = Here(soon=0.0)
        async with FakeAPI(held=True) as api, opened(api, here, workers=1) as client:
            asked = asyncio.ensure_future(client.complete(out()))
            await asked_for(api, 1)
            here.never = True
            here.actors[0].kill()
            with pytest.raises(RunnerError, match="No node has room"):
                await asked
            api.release()

    run(work())


def test_a_bug_while_workers_are_started_is_told_to_whoever_waits_for_them() -> None:
    async def work() -> None:
        async with FakeAPI() as api, opened(api, Here(fault=KeyError("a bug"))) as client:
            with pytest.raises(KeyError, match="a bug"):
                await client.complete(out())

    run(work())


def test_another_version_of_the_runner_on_a_node_is_refused() -> None:
    async def work() -> None:
        async with FakeAPI() as api, opened(api, Here(version="0.0.1")) as client:
            with pytest.raises(RunnerError, match=r"Another version.* is 0\.0\.1, and"):
                await client.complete(out())

    run(work())


def test_a_streamed_answer_is_told_in_its_pieces() -> None:
    told: list[Writing] = []

    async def work() -> None:
        pieces = [
            {"choices": [{"index": 0, "delta": {"content": text}}]} for text in ("The ", "sea")
        ]
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        step = events(*pieces, end)
        async with FakeAPI(step) as api, opened(api, Here(), tell=told.append) as client:
            assert content(await client.complete(out(stream=True))) == "The sea"
        assert "".join(each.text for each in told if isinstance(each, Written)) == "The sea"

    run(work())


class Filed(StoreAPI):
    """A server that has one file, whatever is asked for."""

    def serve(self, *_: Any) -> web.Response:
        return web.Response(body=b'{"a":1}\n{"b":2}')


def test_lines_of_a_file_are_handed_out_one_by_one() -> None:
    async def work() -> None:
        lines: list[bytes] = []
        async with FakeAPI() as api, opened(api, Here()) as client:
            api.store = Filed()

            async def take(some: Sequence[bytes]) -> None:
                lines.extend(some)

            got = await client.ask(ServerCall("GET", "/files/f/content", take=take))
            assert isinstance(got, Answered)
            assert lines == [b'{"a":1}', b'{"b":2}']

    run(work())


def test_what_goes_wrong_where_an_answer_is_taken_is_of_that_request_alone() -> None:
    async def work() -> None:
        lines: list[bytes] = []
        here = Here()
        async with FakeAPI() as api, opened(api, here, workers=1) as client:
            api.store = Filed()

            async def refuse(_: Sequence[bytes]) -> None:
                raise RunnerError(Problem("No space left", "The cache takes none."))

            async def take(some: Sequence[bytes]) -> None:
                lines.extend(some)

            calls = [ServerCall("GET", "/files/f/content", take=each) for each in (refuse, take)]
            refused, taken = await asyncio.gather(*map(client.ask, calls), return_exceptions=True)
            assert here.actors[0].given == [2]  # they went together
            assert isinstance(refused, RunnerError)
            assert isinstance(taken, Answered)
            assert lines == [b'{"a":1}', b'{"b":2}']

    run(work())
