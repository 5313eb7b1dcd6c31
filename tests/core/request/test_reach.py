"""What a configuration may reach, told from its blocks before anything is evaluated."""

from collections.abc import Mapping

import pytest
from msgspec import structs

from runner.core.modules.compile import compile_root
from runner.core.modules.folder import Block
from runner.core.request.presets import OPENAI_PRESET, Preset
from runner.core.request.provider_blocks import DeclaredProvider
from runner.core.request.provider_types import EMBEDDED, TYPES
from runner.core.request.reach import Destination, destinations, reach
from runner.core.secrets.trust import KeyDoor, needs_asking
from runner.errors import Problem

GROQ, OPENAI = "https://api.groq.com", "https://api.openai.com"
BOTH = {OPENAI: {"A"}, GROQ: {"A"}}
IN_GROQ = 'provider = "groq"'


def variables(text: str, **modules: str) -> Mapping[str, frozenset[str]]:
    """What env() reads for which host, with openai as the default provider."""
    problems: list[Problem] = []
    held = {"configs": text, **{f"configs/{name}": inner for name, inner in modules.items()}}

    def read(folder: str) -> list[tuple[str, bytes]]:
        return [(f"{folder}/main.toml", held[folder].encode())] if folder in held else []

    root = compile_root("configs", read, problems)
    assert [p for p in problems if p.severity == "error"] == []
    blocks: Mapping[str, Block] = root.blocks.of("provider")
    providers = {
        "openai": DeclaredProvider(
            "openai", TYPES["openai"], blocks["openai"].table, blocks["openai"]
        )
        if "openai" in blocks
        else DeclaredProvider("openai", TYPES["openai"]),
        "embedded": DeclaredProvider("embedded", EMBEDDED),
        "groq": DeclaredProvider("groq", TYPES["openai"], {"base_url": f"{GROQ}/openai/v1"}),
    }
    return reach(root, providers, "openai", {}).variables


def ask(name: str, text: str, *more: str) -> str:
    head = (f"[completion.{name}]", 'model = "m"', *more)
    return "\n".join([*head, f"messages = [{{ role = 'user', content = \"{text}\" }}]\n"])


MODULE = (
    ask("inner", "{{ var.given }}") + "[variable.given]\n[output.said]\nvalue = '{{ var.given }}'\n"
)
CALL = "[module.m]\nsource = './m'\ngiven = \"{{ env('A') }}\"\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ask("a", "{{ env('A') }}"), {OPENAI: {"A"}}),
        (ask("a", "{% if env('A') == 'x' %}y{% endif %}"), {OPENAI: {"A"}}),
        (ask("a", "{{ env('A') | upper }} {{ env('B') }}"), {OPENAI: {"A", "B"}}),
        (ask("a", "x", "enabled = \"{{ env('A') == 'x' }}\""), {OPENAI: {"A"}}),
        (ask("a", "x", "extra_headers = { x = \"{{ env('A') }}\" }"), {OPENAI: {"A"}}),
        (ask("a", "x", IN_GROQ) + ask("b", "{{ env('A') }}"), {OPENAI: {"A"}}),
        (ask("a", "{{ env('A') }}", 'provider = "embedded"'), {}),
        ("[output.x]\nsensitive = true\nvalue = \"{{ env('A') }}\"\n" + ask("a", "x"), {}),
        ("[locals]\nl = \"{{ env('A') }}\"\n" + ask("a", "x"), {}),
        (
            "[locals]\nl = \"{{ env('A') }}\"\nk = '{{ local.l }}'\n" + ask("a", "{{ local.k }}"),
            {OPENAI: {"A"}},
        ),
        (ask("a", "x", "provider = \"{{ 'groq' }}\"", "user = \"{{ env('A') }}\""), BOTH),
        (
            "[data.chat_completion.d]\nprovider = 'groq'\ncompletion_id = \"{{ env('A') }}\"\n",
            {GROQ: {"A"}},
        ),
        (
            ask("a", "x") + "[[import]]\nto = 'completion.a'\nid = \"{{ env('A') }}\"\n",
            {OPENAI: {"A"}},
        ),
        (
            ask("a", "x")
            + "[[import]]\nto = 'completion.a'\nprovider = 'groq'\nid = \"{{ env('A') }}\"\n",
            {GROQ: {"A"}},
        ),
        ("[provider.openai.headers]\nx = \"{{ env('A') }}\"\n" + ask("a", "x"), {OPENAI: {"A"}}),
        # An answer may repeat what was asked, in other words.
        (
            ask("a", "{{ env('A') }}", 'provider = "embedded"')
            + ask("b", "{{ completion.a.content }}"),
            {OPENAI: {"A"}},
        ),
        (
            "[provider.openai.query]\nx = \"{{ env('A') }}\"\n"
            + ask("a", "x")
            + ask("b", "{{ completion.a.content }}", IN_GROQ),
            BOTH,
        ),
    ],
)
def test_what_env_reads_reaches_the_hosts_that_are_told_of_it(
    text: str, found: dict[str, set[str]]
) -> None:
    assert {host: set(names) for host, names in variables(text).items()} == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (CALL, {OPENAI: {"A"}}),
        (CALL + ask("b", "{{ module.m.said }}", IN_GROQ), BOTH),
        (CALL + ask("b", "{{ module.m | tojson }}", IN_GROQ), BOTH),
        (CALL.replace("env('A')", "'x'") + ask("b", "x", IN_GROQ), {}),
        (
            CALL.replace("\"{{ env('A') }}\"", "'x'") + "for_each = \"{{ [env('A')] }}\"\n",
            {OPENAI: {"A"}},
        ),
    ],
)
def test_modules_are_looked_through(text: str, found: dict[str, set[str]]) -> None:
    reached = variables(text, m=MODULE)
    assert {host: set(names) for host, names in reached.items()} == found


def going_to(
    table: Mapping[str, str], url: str | None, preset: Preset = OPENAI_PRESET
) -> Destination:
    """The one destination of a provider, where the environment names a URL, or none."""
    held = {} if url is None else {"OPENAI_BASE_URL": url}
    (going,) = destinations(DeclaredProvider("p", TYPES["openai"], table, preset=preset), held)
    return going


@pytest.mark.parametrize(
    ("table", "url", "going"),
    [
        ({}, None, (f"{OPENAI}/v1", OPENAI, "OPENAI_API_KEY", True)),
        ({"api_key_env": "K"}, None, (f"{OPENAI}/v1", OPENAI, "K", True)),
        ({"base_url": f"{OPENAI}/v2/"}, None, (f"{OPENAI}/v2", OPENAI, "OPENAI_API_KEY", True)),
        ({"base_url": f"{GROQ}/v1"}, None, (f"{GROQ}/v1", GROQ, None, False)),
        (
            {"base_url": f"{GROQ}/v1", "api_key_env": "K"},
            None,
            (f"{GROQ}/v1", GROQ, "K", False),
        ),
        ({}, f"{GROQ}/v1", (f"{GROQ}/v1", GROQ, "OPENAI_API_KEY", True)),
        (
            {"base_url": "http://127.0.0.1:1"},
            None,
            ("http://127.0.0.1:1", "http://127.0.0.1:1", None, False),
        ),
    ],
)
def test_a_host_that_the_configuration_names_gets_no_key_but_its_own(
    table: dict[str, str], url: str | None, going: tuple[object, ...]
) -> None:
    found = going_to(table, url)
    assert (found.base_url, found.host, found.credential, found.own) == going


@pytest.mark.parametrize(
    ("written", "mine", "own"),
    [
        ("/v1/mine", "/v1/mine", True),
        ("/v1/mine/", "/v1/mine", True),
        ("/v1/other", "/v1/mine", False),
        ("/v1/mine/../other", "/v1/mine", False),
        ("/v1/mine?account=other", "/v1/mine", False),
        ("/v1/mine?account=other", "/v1/mine?account=mine", False),
        ("/v1/mine", "/v1/mine?account=mine", False),
        ("/v1", "", False),
        ("", "", True),
    ],
)
def test_a_shared_gateway_gets_the_key_at_the_user_s_own_path_alone(
    written: str, mine: str, own: bool
) -> None:
    """Other paths are other accounts, of whoever reads what they are sent."""
    going = going_to({"base_url": f"HTTPS://API.groq.com:443{written}"}, f"{GROQ}{mine}")
    assert (going.own, going.credential) == (own, "OPENAI_API_KEY" if own else None)
    assert going.usual is own
    usual = frozenset((going_to({}, f"{GROQ}{mine}").door,))
    assert needs_asking(going.door, usual) is not own
    named = {"base_url": f"{GROQ}{written}", "api_key_env": "OPENAI_API_KEY"}
    chosen = going_to(named, f"{GROQ}{mine}")
    assert needs_asking(chosen.door, usual) is not own
    assert chosen.own or chosen.door == KeyDoor(GROQ, "OPENAI_API_KEY")


def test_an_address_with_a_query_is_the_user_s_own_if_it_is_the_very_same() -> None:
    url = f"{GROQ}/v1?account=mine"
    assert going_to({"base_url": url}, url).own


NAMED = Preset("named", f"{GROQ}/v1", f"{GROQ}/v1", "NAMED_BASE_URL", ("A_KEY", "B_KEY"))
PART = structs.replace(NAMED, base_url="https://{resource}.corp.example/v1", base_url_env=None)
HERE = structs.replace(NAMED, base_url="http://localhost:8000/v1", key_required=False)


@pytest.mark.parametrize(
    ("preset", "table", "environment", "found"),
    [
        (NAMED, {}, {}, (KeyDoor(GROQ, "A_KEY"), False)),
        (NAMED, {}, {"B_KEY": "k"}, (KeyDoor(GROQ, "B_KEY"), False)),
        (NAMED, {}, {"A_KEY": "k", "B_KEY": "k"}, (KeyDoor(GROQ, "A_KEY"), False)),
        (NAMED, {"api_key_env": "C_KEY"}, {}, (KeyDoor(GROQ, "C_KEY"), True)),
        # Another host than its own gets no key of it, and asks.
        (NAMED, {"base_url": "https://x.example"}, {}, (KeyDoor("https://x.example", None), True)),
        (
            NAMED,
            {"base_url": "https://x.example", "api_key_env": "A_KEY"},
            {},
            (KeyDoor("https://x.example", "A_KEY"), True),
        ),
        (NAMED, {"base_url": f"{GROQ}/beta"}, {}, (KeyDoor(GROQ, "A_KEY"), False)),
        # What the user's own environment names is the user's own, at its path.
        (
            NAMED,
            {},
            {"NAMED_BASE_URL": "https://gate.example/me"},
            (KeyDoor("https://gate.example/me/", "A_KEY"), False),
        ),
        (
            HERE,
            {},
            {"NAMED_BASE_URL": "https://gate.example/me"},
            (KeyDoor("https://gate.example/me/", None), False),
        ),
        (HERE, {}, {}, (KeyDoor("http://localhost:8000", None), False)),
        (HERE, {}, {"B_KEY": "k"}, (KeyDoor("http://localhost:8000", "B_KEY"), False)),
        # A host with a part that the configuration says is nobody's own before the user says so.
        (PART, {"resource": "Mine"}, {}, (KeyDoor("https://mine.corp.example", "A_KEY"), True)),
    ],
)
def test_the_key_of_a_preset_goes_to_its_own_host_and_only_a_fixed_one_needs_no_asking(
    preset: Preset,
    table: dict[str, str],
    environment: dict[str, str],
    found: tuple[KeyDoor, bool],
) -> None:
    declared = DeclaredProvider("p", TYPES["openai"], table, preset=preset)
    (going,) = destinations(declared, environment)
    usual = frozenset((going.door,)) if going.usual else frozenset()
    assert (going.door, needs_asking(going.door, usual)) == found


def test_each_of_several_servers_is_a_host_to_be_trusted_and_has_its_own_key_alone() -> None:
    table = {"base_urls": [f"{OPENAI}/v1", f"{GROQ}/v1"]}
    declared = DeclaredProvider("p", TYPES["openai"], table)
    found = [going.door for going in destinations(declared, {"OPENAI_API_KEY": "k"})]
    assert found == [KeyDoor(OPENAI, "OPENAI_API_KEY"), KeyDoor(GROQ, None)]


def test_each_type_leaves_this_process_exactly_if_it_leads_somewhere() -> None:
    """What leads nowhere has no door, so that nobody would be asked about it."""
    root = compile_root("configs", lambda _: [], [])
    providers = {name: DeclaredProvider(name, known) for name, known in TYPES.items()}
    found = reach(root, providers, "openai", {}).destinations
    assert set(found) == {name for name, known in TYPES.items() if known.leaves}
