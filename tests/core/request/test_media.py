"""Local files inside a request."""

import base64
from typing import Any

import pytest

from runner.core.request.media import inline_files
from runner.core.values import TemplateError
from runner.errors import error


def read(path: str) -> bytes:
    if path.startswith("no"):
        raise error("No such file", f'There is no file "{path}".')
    return b'{"type": "object"}' if path.endswith(".json") else b"bytes"


DATA = base64.b64encode(b"bytes").decode()


def part(kind: str, **held: Any) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": [{"type": kind, kind: held}]}]}
    found: dict[str, Any] = inline_files(body, read)["messages"][0]["content"][0][kind]
    return found


def test_a_picture_becomes_a_data_url() -> None:
    assert part("image_url", file="a/cat.PNG", detail="low") == {
        "url": f"data:image/png;base64,{DATA}", "detail": "low",
    }  # fmt: skip


def test_a_sound_becomes_base64_with_its_format() -> None:
    assert part("input_audio", file="a.wav") == {"data": DATA, "format": "wav"}
    assert part("input_audio", file="a.bin", format="mp3") == {"data": DATA, "format": "mp3"}


def test_a_document_keeps_its_name() -> None:
    assert part("file", file="docs/a.pdf") == {
        "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{DATA}",
    }  # fmt: skip


def test_a_schema_may_stand_in_a_file() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"file": "s.json"}}}
    body = inline_files({"response_format": wanted}, read)
    assert body["response_format"]["json_schema"] == {"name": "x", "schema": {"type": "object"}}


def test_what_names_no_file_stays_as_it_is() -> None:
    body = {"messages": [{"role": "user", "content": "file"}, "(sensitive)"], "x": {"file": "a"}}
    assert inline_files(dict(body), read) == body
    assert part("image_url", url="https://x/y.png") == {"url": "https://x/y.png"}


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [("image_url", "no.png", "There is no file"), ("image_url", "cat", "no ending"),
     ("file", "a.xyz", "no ending")],
)  # fmt: skip
def test_a_file_that_cannot_be_sent_is_told_at_its_part(kind: str, name: str, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        part(kind, file=name)
    assert said in caught.value.message
    assert caught.value.path == ("messages", 0, "content", 0)


def test_a_schema_that_is_no_json_is_told() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"file": "s.txt"}}}
    with pytest.raises(TemplateError, match="not JSON"):
        inline_files({"response_format": wanted}, read)
