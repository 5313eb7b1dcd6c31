"""What may be written in a configuration file: every block, its keys and their types."""

from typing import Annotated, Any, Literal, NotRequired, Required

from pydantic import ConfigDict, Field, Tag, WithJsonSchema, with_config
from typing_extensions import TypedDict

from runner.core.api.parameters import PARAMETERS, Parameters, Positive
from runner.core.api.shapes import Text, closed, either
from runner.core.language.check_blocks import Check, CheckName, Compare
from runner.core.language.judge_blocks import UsualJudge
from runner.core.language.names import (
    CLUSTER,
    ENVIRONMENT_NAME,
    IDENTIFIER,
    OBJECT_KEY,
    PRESETS,
    WORKSPACE,
    BackendType,
    ExecutorType,
)
from runner.core.state.shards import OutputsKept, StateLayout

_KEY = r'(\[([0-9]+|"([^"\\]|\\.)*")\])?'
_NAME = "[A-Za-z_][A-Za-z0-9_]*"
ADDRESS = rf"^(module\.{_NAME}{_KEY}\.)*(completion|data\.[a-z_]+|module)\.{_NAME}{_KEY}$"
COMPLETION = rf"^(module\.{_NAME}{_KEY}\.)*completion\.{_NAME}({_KEY}|\[each\.(key|value)\])$"
URL = r"^https?://[^\s]+$"
OBJECTS_URL = r"^(s3|gs|az|file)://.+$"
IGNORABLE = (*PARAMETERS, "extra_body", "triggers")
"""What `ignore_changes` may name."""

RESOURCE_NAME = r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$"

Name = Annotated[str, Field(pattern=IDENTIFIER)]
Address = Annotated[str, Field(pattern=ADDRESS)]
Table = dict[str, Any]
_Key = Annotated[Any, WithJsonSchema({"type": "string"})]  # the rules say why, where it is none
_Served = Annotated[str, WithJsonSchema({"enum": ["openai", *PRESETS]})]  # the check says which
_Parameter = Annotated[str, WithJsonSchema({"enum": list(IGNORABLE)})]  # the rules say the closest
ForEach = Annotated[
    Annotated[list[_Key], Tag("(list)")] | Annotated[Table, Tag("(table)")],
    either("a table, a list of distinct strings or an expression"),
    Field(description="One instance for each entry: each.key and each.value."),
]
Count = Annotated[int, Field(ge=0, description="So many instances: count.index.")]
_Axis = Annotated[
    Annotated[list[Any], Tag("(list)")] | Annotated[Table, Tag("(table)")],
    either("a table, a list of distinct values or an expression"),
    Field(description="An axis: its values in a list, or by their keys."),
]
Matrix = Annotated[
    dict[Name, _Axis],
    Field(
        min_length=1,
        description="One instance for each combination: matrix.AXIS, and its key matrix.AXIS_key.",
    ),
]
DependsOn = Annotated[
    list[Address], Field(description="Addresses that come first; this orders, nothing else.")
]
Description = Annotated[str, Field(description="Said to people.")]
Sensitive = Annotated[bool, Field(description="Never printed, logged or written.")]


_Variable = Annotated[str, Field(pattern=ENVIRONMENT_NAME)]


@closed
class BackendTable(TypedDict, total=False):
    """Where the state lives, if in no folder of this machine. No value is an expression."""

    type: Annotated[BackendType, Field(description="What kind of place.")]
    bucket: Annotated[str, Field(min_length=1, description="s3, gcs: its name.")]
    container: Annotated[str, Field(min_length=1, description="azure: its name.")]
    account: Annotated[str, Field(min_length=1, description="azure: whose it is.")]
    path: Annotated[str, Field(min_length=1, description="file: a folder, from the project's.")]
    key: Annotated[str, Field(pattern=OBJECT_KEY, description="A prefix of all objects.")]
    region: Annotated[str, Field(min_length=1, description="s3: where the bucket is.")]
    endpoint: Annotated[str, Field(pattern=URL, description="Address of another server.")]
    access_key_env: Annotated[_Variable, Field(description="s3: variable with the key's ID.")]
    secret_key_env: Annotated[_Variable, Field(description="Variable with the secret key.")]
    history: Annotated[int, Field(ge=10, le=100_000, description="States that are kept (50).")]
    address: Annotated[str, Field(pattern=URL, description="http: address of the state.")]
    lock_address: Annotated[str, Field(pattern=URL, description="http: where it is locked.")]
    unlock_address: Annotated[str, Field(pattern=URL, description="http: where unlocked.")]
    lock_method: Annotated[str, Field(pattern="^[A-Z]+$", description="http: LOCK, or POST.")]
    unlock_method: Annotated[str, Field(pattern="^[A-Z]+$", description="http: UNLOCK, DELETE.")]
    username_env: Annotated[_Variable, Field(description="http: variable with the user's name.")]
    password_env: Annotated[_Variable, Field(description="http: variable with the password.")]


@closed
class CacheOptions(TypedDict, total=False):
    """What to go by besides the variables that a cloud's own tools read."""

    region: Annotated[str, Field(min_length=1, description="s3: where the bucket is.")]
    endpoint: Annotated[str, Field(pattern=URL, description="Address of another server.")]
    access_key_env: Annotated[_Variable, Field(description="s3: variable with the key's ID.")]
    secret_key_env: Annotated[_Variable, Field(description="Variable with the secret key.")]


@closed
class CacheTable(TypedDict, total=False):
    """Answers that a team shares. No value is an expression."""

    url: Annotated[
        str,
        Field(
            pattern=OBJECTS_URL,
            description="s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://ACCOUNT/CONTAINER/PREFIX or "
            "file:///FOLDER. Default: cache/ in the bucket of the backend.",
        ),
    ]
    options: Annotated[CacheOptions, Field(description="How to get there.")]
    read: Annotated[bool, Field(description="false: no answer is taken from there.")]
    write: Annotated[
        Literal["after", "never"],
        Field(description="after: each new answer is pushed, once it is on the disk (default)."),
    ]


@closed
class StateTable(TypedDict, total=False):
    """How the state stands in its folder, and its outputs."""

    layout: Annotated[
        StateLayout,
        Field(
            description="one: always one file. split: in shards, as a state is that is large "
            "(default: above 32 MB)."
        ),
    ]
    outputs: Annotated[
        OutputsKept,
        Field(
            description="file: all stand in outputs.json, always. lazy: none does, each is "
            "evaluated when it is asked for (default: above 32 MB)."
        ),
    ]


@closed
class ExecutorTable(TypedDict, total=False):
    """Who sends requests. No value is an expression."""

    type: Annotated[
        Required[ExecutorType],
        Field(description="local: this process (default). ray: workers of a Ray cluster."),
    ]
    address: Annotated[
        str,
        Field(
            pattern=CLUSTER,
            description="auto, or HOST:6379. Default: a cluster of this machine, for the run.",
        ),
    ]
    workers: Annotated[int, Field(ge=1, le=10_000, description="How many.")]
    cpus: Annotated[float, Field(gt=0, le=10_000, description="Of each worker; 1.")]
    resources: Annotated[
        dict[str, Annotated[float, Field(ge=0)]],
        Field(description="Of each worker: gpu, or what the cluster calls its own."),
    ]
    providers: Annotated[
        list[Name],
        Field(min_length=1, description="Whose requests; default: those of type embedded."),
    ]


@closed
class Runner(TypedDict, total=False):
    """Settings of this project."""

    required_version: Annotated[str, Field(description='Versions of runner, such as ">=0.1".')]
    provider: Annotated[Name, Field(description="Provider of completions that name none.")]
    concurrency: Annotated[int, Field(ge=1, le=10_000, description="Requests in flight at once.")]
    lock_timeout: Annotated[
        float, Field(ge=0, description="Seconds to wait for another command to end.")
    ]
    max_cost: Annotated[float, Field(ge=0, description="Most US dollars of one apply.")]
    max_requests: Annotated[int, Field(ge=0, description="Most requests of one apply.")]
    offline: Annotated[bool, Field(description="true: what needs a request is an error.")]
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="Least said on stderr.")
    ]
    workspace: Annotated[str, Field(pattern=WORKSPACE, description="Name of the state.")]
    backend: Annotated[BackendTable, Field(description="Where the state lives, for a team.")]
    cache: Annotated[CacheTable, Field(description="Answers that a team shares.")]
    state: Annotated[StateTable, Field(description="How the state is laid out.")]
    executor: Annotated[ExecutorTable, Field(description="Who sends requests.")]
    judge: Annotated[UsualJudge, Field(description="Who judges where a check does not say it.")]


@closed
class TelemetryTable(TypedDict, total=False):
    """What a run tells a collector of OpenTelemetry. Where that is, only the environment says."""

    enabled: Annotated[
        bool,
        Field(description="true: as if OTEL_EXPORTER_OTLP_ENDPOINT were set; false: nothing."),
    ]
    content: Annotated[bool, Field(description="true: what is asked and answered, too.")]
    propagate: Annotated[
        bool, Field(description="true: providers are told of the trace, by a header.")
    ]


class _Settings(TypedDict, total=False):
    timeout: Annotated[float, Field(gt=0, description="Seconds for one attempt, streamed or not.")]
    connect_timeout: Annotated[float, Field(gt=0, description="Seconds to connect.")]
    max_retries: Annotated[int, Field(ge=0, description="Tries after the first.")]
    concurrency: Annotated[Positive, Field(description="Requests in flight at once.")]
    requests_per_minute: Annotated[Positive, Field(description="Most requests a minute.")]
    tokens_per_minute: Annotated[Positive, Field(description="Most tokens a minute.")]
    strict: Annotated[
        bool,
        Field(
            description="What OpenAI's API does not know inside a parameter is an error (true), or "
            "a warning and sent as written (false). Default: true for OpenAI's own address."
        ),
    ]


Dollars = Annotated[float, Field(ge=0, le=1_000_000)]  # a dollar for one token: none is dearer


@closed
class TokenPrice(TypedDict):
    """US dollars for a million tokens."""

    input: Annotated[Dollars, Field(description="Of the prompt.")]
    output: Annotated[Dollars, Field(description="Of the answer.")]
    cached_input: NotRequired[
        Annotated[Dollars, Field(description="Of the prompt, where the server had it cached.")]
    ]


@closed
class ModelSettings(TypedDict, total=False):
    """What holds for one model of a provider."""

    price: Annotated[TokenPrice, Field(description="What it costs, before that of the provider.")]


@closed
class BatchTable(TypedDict, total=False):
    """How its requests go in batches."""

    window: Annotated[Text, Field(description='How long a batch may take; default: "24h".')]
    max_requests: Annotated[
        int, Field(ge=1, le=50_000, description="Most requests of one batch; 50000.")
    ]
    max_bytes: Annotated[Positive, Field(description="Most bytes of one batch; 50 MB.")]
    purpose: Annotated[Text, Field(description='Of the uploaded file: "batch".')]
    discount: Annotated[
        float,
        Field(ge=0, le=1, description="What a dollar comes to, where no list has batch prices."),
    ]
    poll: Annotated[
        float, Field(gt=0, description="Seconds between looks; grows to ten times as much; 30.")
    ]
    settle: Annotated[
        float, Field(ge=0, description="Seconds by which the server's lists may lag; 60.")
    ]
    url: Annotated[Text, Field(description='What each line asks: "/v1/chat/completions".')]


@closed
class OpenAISettings(_Settings, total=False):
    """Where an OpenAI-compatible endpoint is, and how much of it is used."""

    type: _Served
    base_url: Annotated[
        str,
        Field(pattern=URL, description="Default: the preset's; of openai, $OPENAI_BASE_URL first."),
    ]
    base_urls: Annotated[
        list[Annotated[str, Field(pattern=URL)]],
        Field(min_length=1, description="Equal servers; answers are recorded under the first."),
    ]
    price: Annotated[TokenPrice, Field(description="What each of its models costs.")]
    batch: Annotated[BatchTable, Field(description="Its Batch API.")]
    models: Annotated[dict[str, ModelSettings], Field(description="What holds for one model.")]
    resource: Annotated[
        str, Field(pattern=RESOURCE_NAME, description="Azure: the first part of the host.")
    ]
    api_key_env: Annotated[
        str,
        Field(pattern=ENVIRONMENT_NAME, description="The NAME of the variable with the key."),
    ]
    organization: Annotated[Text, Field(description="OpenAI organization.")]
    project: Annotated[Text, Field(description="OpenAI project.")]
    headers: Annotated[dict[str, str], Field(description="Headers of every request.")]
    query: Annotated[dict[str, str], Field(description="Query of every request's address.")]
    auth_header: Annotated[Text, Field(description='Header of the key; Azure: "api-key".')]
    model_required: Annotated[
        bool, Field(description="false: the server knows its model; a request may name none.")
    ]
    max_wait: Annotated[
        float, Field(gt=0, description="Most seconds of the waits that the server names; 600.")
    ]
    max_response_bytes: Annotated[
        Positive, Field(description="Most bytes of a response, unpacked; default: 64 MB.")
    ]


@closed
class EmbeddedSettings(_Settings, total=False):
    """Which model runs in this process."""

    type: Literal["embedded"]
    model_path: Annotated[Text, Field(description="A GGUF file; default: SmolLM2-135M-Instruct.")]


Defaults = Annotated[
    Parameters, Field(description="Parameters of completions that do not set their own.")
]


@closed
class OpenAIProvider(OpenAISettings, total=False):
    """Any OpenAI-compatible endpoint."""

    defaults: Defaults


@closed
class EmbeddedProvider(EmbeddedSettings, total=False):
    """A real model in this process: no key, no network."""

    defaults: Defaults


@closed
class Condition(TypedDict):
    """What must hold, and what to say where it does not."""

    condition: Annotated[bool, Field(description='An expression: "{{ var.n > 2 }}".')]
    error_message: Text
    for_each: NotRequired[
        Annotated[
            Annotated[list[Any], Tag("(list)")] | Annotated[Table, Tag("(table)")],
            either("a list, a table or an expression"),
            Field(description="It must hold of each item: each.key and each.value."),
        ]
    ]


@closed
class Variable(TypedDict, total=False):
    """A value given from outside."""

    type: Annotated[Text, Field(description="string, number, bool, list(string), ...")]
    default: Annotated[Any, Field(description="The value where none is given.")]
    description: Description
    sensitive: Sensitive
    nullable: Annotated[bool, Field(description="Whether null is a value of it.")]
    required_in: Annotated[
        list[Annotated[str, Field(pattern=WORKSPACE)]],
        Field(description="Workspaces in which it has to be given, whatever its default."),
    ]
    validation: list[Condition]


@closed
class Lifecycle(TypedDict, total=False):
    """How a completion changes and goes."""

    prevent_destroy: Annotated[bool, Field(description="Refuse to remove its record.")]
    ignore_changes: Annotated[
        list[_Parameter], Field(description="Parameters whose change issues nothing.")
    ]
    precondition: Annotated[list[Condition], Field(description="Checked before the request.")]
    postcondition: Annotated[
        list[Condition], Field(description="Checked after the answer; self is the completion.")
    ]


@closed
class Meta(TypedDict, total=False):
    """What a completion says to the runner."""

    provider: Annotated[Text, Field(description="Name of the provider.")]
    for_each: ForEach
    count: Count
    matrix: Matrix
    depends_on: DependsOn
    enabled: Annotated[bool, Field(description="false: as if it were not there.")]
    triggers: Annotated[Table, Field(description="Any values; a change issues again.")]
    template: Annotated[bool, Field(description="false: texts are sent as written.")]
    lifecycle: Lifecycle
    extra_body: Annotated[Table, Field(description="Merged into the request's body.")]
    extra_headers: Annotated[dict[str, str], Field(description="Headers of the request.")]
    batch: Annotated[
        bool, Field(description="true: always in a batch; false: never, also with --batch.")
    ]


@closed
class Completion(Parameters, Meta, total=False):
    """A chat completion: the parameters of its request, and meta-arguments."""


class _Instances(TypedDict, total=False):
    for_each: ForEach
    count: Count
    matrix: Matrix
    depends_on: DependsOn


class _Data(_Instances, total=False):
    provider: Annotated[Text, Field(description="Name of the provider.")]


class _Pages(TypedDict, total=False):
    after: Annotated[str, Field(description="Id of the last one of the page before.")]
    limit: Annotated[Positive, Field(description="Most to read.")]
    order: Literal["asc", "desc"]


CompletionId = Annotated[Text, Field(description="Id of a stored completion.")]


@closed
class ChatCompletion(_Data, total=False):
    """One completion of the Chat Completions Store."""

    completion_id: Required[CompletionId]


@closed
class ChatCompletions(_Data, _Pages, total=False):
    """Completions of the Chat Completions Store."""

    model: Annotated[Text, Field(description="Only those of this model.")]
    metadata: Annotated[dict[str, str], Field(description="Only those with these pairs.")]


@closed
class ChatCompletionMessages(_Data, _Pages, total=False):
    """The messages of a stored completion."""

    completion_id: Required[CompletionId]


@closed
class RunnerState(_Instances, total=False):
    """The outputs of another project, as its newest state has them."""

    backend: Required[Annotated[BackendTable, Field(description="Where that state lives.")]]
    workspace: Annotated[Text, Field(description="Which of its workspaces (default).")]


@with_config(ConfigDict(strict=True, extra="allow"))
class Module(TypedDict, total=False):
    """A folder of TOML with its own variables, completions and outputs."""

    source: Annotated[
        Required[Text],
        Field(
            description="Path of the folder, or git::https://HOST/REPOSITORY.git//FOLDER?ref=TAG, "
            "which `runner init` fetches."
        ),
    ]
    for_each: ForEach
    count: Count
    matrix: Matrix
    depends_on: DependsOn


@closed
class Output(TypedDict, total=False):
    """A value for the outside."""

    value: Annotated[Required[Any], Field(description="The value, mostly an expression.")]
    description: Description
    sensitive: Sensitive
    file: Annotated[
        Text, Field(description="Also written there, atomically. No answer is part of the name.")
    ]
    overwrite: Annotated[
        bool, Field(description="true: also where the file is not the runner's own.")
    ]
    precondition: Annotated[
        list[Condition], Field(description="What must hold, or the output has no value.")
    ]


Destroy = Annotated[bool, Field(description="true: delete what was stored, too.")]

Moved = TypedDict("Moved", {"from": Address, "to": Address})
Moved.__doc__ = "A block that has a new name; its record goes with it."
closed(Moved)
Removed = TypedDict("Removed", {"from": Address, "destroy": NotRequired[Destroy]})
Removed.__doc__ = "A block whose record is forgotten; what a server stored stays there."
closed(Removed)


@closed
class Import(TypedDict):
    """A stored completion taken into the state."""

    to: Annotated[str, Field(pattern=COMPLETION)]
    id: CompletionId
    for_each: NotRequired[ForEach]
    provider: NotRequired[Annotated[Name, Field(description="Where it is stored.")]]


@closed
class Data(TypedDict, total=False):
    """What is read."""

    chat_completion: dict[Name, ChatCompletion]
    chat_completions: dict[Name, ChatCompletions]
    chat_completion_messages: dict[Name, ChatCompletionMessages]
    runner_state: dict[Name, RunnerState]


Locals = Annotated[dict[Name, Any], Field(description="Values by name: local.x.")]

File = TypedDict(
    "File",
    {
        "runner": Runner,
        "provider": dict[Name, OpenAIProvider | EmbeddedProvider],
        "variable": dict[Name, Variable],
        "locals": Locals,
        "completion": dict[Name, Completion],
        "data": Data,
        "module": dict[Name, Module],
        "output": dict[Name, Output],
        "moved": list[Moved],
        "removed": list[Removed],
        "import": list[Import],
        "check": dict[CheckName, Check],
        "compare": dict[CheckName, Compare],
        "telemetry": TelemetryTable,
    },
    total=False,
)
File.__doc__ = "A configuration file of runner."
closed(File)
