import json
import tomllib
from typing import Any, get_args

import pytest
from jsonschema_rs import validator_for
from typing_extensions import get_type_hints

from runner.core.api.parameters import PARAMETERS
from runner.core.language.blocks import Completion, Data, File, RunnerState
from runner.core.language.editor_schema import json_schema
from runner.core.language.names import BLOCKS, DATA, DATA_META, META

EXAMPLE = """
[runner]
required_version = ">=0.1"
provider = "embedded"
concurrency = 32
max_cost = 1
workspace = "default"

[provider.openai]
base_url = "{{ var.url }}"
api_key_env = "OPENAI_API_KEY"
timeout = 600
[provider.openai.defaults]
model = "gpt-4o"

[provider.embedded]
model_path = "models/other.gguf"

[variable.topic]
type = "string"
default = "the solar system"
validation = [{ condition = "{{ var.topic | length > 2 }}", error_message = "too short" }]

[locals]
persona = "You are a helpful assistant."
limits = [1, 2.5, { a = true }]

[completion.chat]
model = "gpt-4o"
temperature = "{{ var.t }}"
stop = ["a", "b"]
enabled = "{{ var.on }}"
messages = [
  { role = "system", content = "{{ local.persona }}" },
  { role = "user", content = [{ type = "image_url", image_url = { file = "cat.png" } }] },
  "{{ completion.first.choices[0].message }}",
]

[completion.review]
for_each = "{{ csv('data/people.csv', key='name') }}"
messages = "{{ json('messages.json') }}"

[data.chat_completion.retrieved]
completion_id = "{{ completion.stored.id }}"

[module.essay]
source = "./modules/essay"
topic = ["volcanoes"]

[output.answer]
value = "{{ completion.chat.content }}"
file = "out/answer.md"

[[moved]]
from = "completion.old"
to = "completion.chat"

[[removed]]
from = "module.old"

[[import]]
to = "completion.chat"
id = "chatcmpl-1"
"""


def changed(*path: str | int, to: object) -> dict[str, Any]:
    config = tomllib.loads(EXAMPLE)
    table: Any = config
    for step in path[:-1]:
        table = table[step]
    table[path[-1]] = to
    return config


def test_the_schema_accepts_a_whole_configuration() -> None:
    assert list(validator_for(json_schema()).iter_errors(tomllib.loads(EXAMPLE))) == []


@pytest.mark.parametrize(
    "config",
    [
        changed("completion", "chat", "temprature", to=1),
        changed("completion", "chat", "temperature", to=3),
        changed("completion", "chat", "temperature", to="0.7"),
        changed("completion", "chat", "messages", 0, "role", to="usr"),
        changed("completion", "chat", "messages", to=[]),
        changed("completion", "chat", "stop", to=["1", "2", "3", "4", "5"]),
        changed("completion", "a-b", to={}),
        changed("provider", "openai", "api_key", to="x"),
        changed("variable", "topic", "validation", to=[{"condition": True}]),
        changed("moved", 0, "to", to="chat"),
        changed("module", "essay", to={}),
        changed("data", "chat", to={}),
        changed("completions", to={}),
    ],
)
def test_the_schema_refuses_what_is_wrong(config: dict[str, Any]) -> None:
    assert not validator_for(json_schema()).is_valid(config)


def test_every_key_of_a_completion_is_described_for_editors() -> None:
    schema = json_schema()["definitions"]["Completion"]
    plain = {k for k, v in schema["properties"].items() if "description" not in v}
    assert plain == {"lifecycle"}  # its table has one
    assert schema["properties"]["functions"]["deprecated"] is True


def test_the_schema_is_json_with_no_reference_left_open() -> None:
    schema = json_schema()
    text = json.dumps(schema)
    for part in text.split('"$ref": "#/definitions/')[1:]:
        assert part.partition('"')[0] in schema["definitions"]


def test_a_completion_has_the_parameters_and_the_meta_arguments() -> None:
    assert set(Completion.__annotations__) == {*PARAMETERS, *META}
    assert len({*PARAMETERS, *META}) == len(PARAMETERS) + len(META)


def test_a_file_has_every_block_of_the_language() -> None:
    assert tuple(File.__annotations__) == BLOCKS


def test_what_a_data_source_says_to_the_runner_is_named_as_such() -> None:
    """Any other key of it is sent to the server."""
    types = [get_args(held)[1] for held in get_type_hints(Data).values()]
    assert tuple(get_type_hints(Data)) == DATA
    for made in types:
        none = {"provider"} if made is RunnerState else set()  # another project's is no server's
        assert set(made.__annotations__) & set(META) == set(DATA_META) - none
