from typing import Any, get_args, get_type_hints

import pytest

from runner.core.language.blocks import EmbeddedSettings
from runner.core.language.editor_schema import json_schema
from runner.core.language.names import PRESETS, PROVIDERS
from runner.core.request.provider import identity_json
from runner.core.request.provider_blocks import DeclaredProvider
from runner.core.request.provider_types import EMBEDDED, OPENAI, TYPES, type_of

QUESTION = {"messages": [{"role": "user", "content": "Say hello."}]}


def limits(body: dict[str, Any], **settings: Any) -> tuple[str, ...]:
    found = DeclaredProvider("local", EMBEDDED, settings).limits(body)
    return tuple(limit.said for limit in found)


def test_the_types_are_those_that_may_be_written() -> None:
    assert tuple(TYPES) == PROVIDERS
    schema = json_schema()["definitions"]
    assert schema["OpenAIProvider"]["properties"]["type"]["anyOf"][0]["enum"] == [
        "openai",
        *PRESETS,
    ]
    assert get_args(get_type_hints(EmbeddedSettings)["type"]) == ("embedded",)


@pytest.mark.parametrize(
    ("identity", "known", "held"),
    [
        ("openai https://x/v1", OPENAI, b'{"base_url":"https://x/v1","type":"openai"}'),
        ("embedded ab12", EMBEDDED, b'{"model":"ab12","type":"embedded"}'),
        ("later https://x", OPENAI, b'{"base_url":"https://x","type":"later"}'),
        ("embeddedness x", OPENAI, b'{"base_url":"x","type":"embeddedness"}'),
    ],
)
def test_an_identity_tells_its_type(identity: str, known: object, held: bytes) -> None:
    assert type_of(identity) is known
    assert identity_json(identity) == held


def test_what_the_model_cannot_do_is_known_before() -> None:
    image = {"role": "user", "content": [{"type": "text"}, {"type": "image_url"}]}
    body = QUESTION | {"tools": [{}], "n": 2, "messages": [image, image], "store": True}
    assert limits(body) == (
        "The embedded model ignores tools.",
        "The embedded model gives one choice: it will refuse n above 1.",
        "The embedded model will refuse the images in the messages.",
        "The embedded model has no store: store = true keeps nothing.",
    )
    assert "ignores" not in " ".join(limits(body, model_path="m.gguf"))
    assert limits({"modalities": ["text", "audio"]})
    assert limits(QUESTION) == ()
    assert limits(QUESTION | {"tools": [], "functions": None, "n": 1}) == ()
    assert list(DeclaredProvider("openai", OPENAI).limits(body)) == []
