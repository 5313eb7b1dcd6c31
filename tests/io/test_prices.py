"""What a request costs, and who says so: the project before the list, and this machine for free."""

import pytest

from runner.core.modules.folder import Block
from runner.core.request.declared_prices import declared_prices
from runner.core.request.provider_blocks import DeclaredProvider, of_block
from runner.core.request.provider_types import TYPES
from runner.core.toml.source import parse, source
from runner.errors import Problem
from runner.io.presets import preset
from runner.io.prices import Prices

GATE = "openai https://gate.example/v1"
OPENAI = "openai https://api.openai.com/v1"
BLOCKS = """
[provider.gate]
type = "openai"
base_url = "https://gate.example/v1/"
price = { input = 1, output = 10.0, cached_input = 0.25 }
[provider.gate.models."big/one"]
price = { input = 100, output = 1000 }
"""


def declared(
    text: str, problems: list[Problem] | None = None, environment: dict[str, str] | None = None
) -> Prices:
    """The prices of a project with these blocks."""
    file = source("main.toml", text.encode())
    tables = parse(file)["provider"]
    blocks = (
        Block("provider", name, table, file, ("provider", name)) for name, table in tables.items()
    )
    providers = [of_block(block, block.table, preset) for block in blocks]
    found: list[Problem] = [] if problems is None else problems
    return Prices(declared_prices(providers, found, environment or {}))


def test_what_a_provider_says_is_the_price_of_its_models_and_of_one_alone() -> None:
    prices = declared(BLOCKS)
    assert prices.price(GATE, "any", 1_000_000, 100_000) == pytest.approx(1 + 1)
    assert prices.price(GATE, "big/one", 1_000_000, 100_000) == pytest.approx(100 + 100)
    assert prices.source(GATE, "any") == "provider.gate"
    assert prices.price("openai https://other.example/v1", "any", 1, 1) is None


def test_it_goes_before_the_list() -> None:
    assert Prices().source(OPENAI, "gpt-4o") == "genai-prices"
    listed = Prices().price(OPENAI, "gpt-4o", 1000, 1000)
    own = declared("[provider.openai.models.gpt-4o]\nprice = { input = 1, output = 1 }\n")
    assert own.price(OPENAI, "gpt-4o", 1000, 1000) == pytest.approx(0.002)
    assert own.price(OPENAI, "gpt-4o-mini", 1, 1) == Prices().price(OPENAI, "gpt-4o-mini", 1, 1)
    assert listed not in (None, 0.0, pytest.approx(0.002))


@pytest.mark.parametrize(
    ("text", "identity", "free"),
    [
        ("[provider.ollama]\n", "openai http://localhost:11434/v1", True),
        ("[provider.litellm]\n", "openai http://localhost:4000", False),
        (
            '[provider.vllm]\nbase_url = "http://127.0.0.1:9/v1"\n',
            "openai http://127.0.0.1:9/v1",
            True,
        ),
        (
            '[provider.vllm]\nbase_url = "https://gpu.example"\n',
            "openai https://gpu.example",
            False,
        ),
        (
            "[provider.ollama]\nprice = { input = 1, output = 1 }\n",
            "openai http://localhost:11434/v1",
            False,
        ),
    ],
)
def test_a_server_of_this_machine_is_free_where_its_preset_says_so(
    text: str, identity: str, free: bool
) -> None:
    prices = declared(text)
    assert prices.is_free(identity, "m") is free
    assert (prices.price(identity, "m", 10, 10) == 0.0) is free


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        ("[provider.ollama]\n", {"OLLAMA_BASE_URL": "https://gpu.example/v1"}),
        ('[provider.vllm]\nbase_urls = ["http://127.0.0.1:9", "https://gpu.example"]\n', {}),
    ],
)
def test_it_is_free_only_where_nothing_leaves_this_machine(
    text: str, environment: dict[str, str]
) -> None:
    prices = declared(text, environment=environment)
    for identity in ("openai http://localhost:11434/v1", "openai http://127.0.0.1:9"):
        assert not prices.is_free(identity, "m")
        assert prices.price(identity, "m", 10, 10) is None
    here = declared("[provider.ollama]\n", environment={"OLLAMA_BASE_URL": "http://127.0.0.1:1"})
    assert here.is_free("openai http://localhost:11434/v1", "m")


@pytest.mark.parametrize("price", [0, 0.001, 1000])
def test_for_a_limit_the_dearer_of_project_and_list_counts(price: float) -> None:
    own = declared(f"[provider.openai]\nprice = {{ input = {price}, output = {price} }}\n")
    listed = Prices().price(OPENAI, "gpt-4o", 1000, 1000)
    assert listed is not None
    assert own.most(OPENAI, "gpt-4o", 1000, 1000) == max(listed, price * 2000 / 1_000_000)
    assert own.most(OPENAI, "of no list", 1000, 1000) == pytest.approx(price * 2000 / 1_000_000)
    assert declared(BLOCKS).most(GATE, "any", 1000, 0) == pytest.approx(0.001)


def test_what_was_cached_costs_less_where_that_is_said() -> None:
    rates = declared(BLOCKS).declared.rates(GATE, "any")
    assert rates is not None
    assert rates.cost(1_000_000, 0, 400_000) == pytest.approx(0.6 + 0.1)
    assert rates.cost(10, 0, 9_999) == pytest.approx(10 * 0.25 / 1_000_000)
    dear = declared(BLOCKS).declared.rates(GATE, "big/one")
    assert dear is not None
    assert dear.cost(10, 0, 10) == dear.cost(10, 0)


def test_an_answer_that_names_its_model_otherwise_costs_what_was_asked_for() -> None:
    rates = declared(BLOCKS).declared.rates(GATE, "big/one", "one-2026-01-01")
    assert rates is not None
    assert rates.input == 100
    other = declared(BLOCKS).declared.rates(GATE, "alias", "big/one")
    assert other is not None
    assert other.input == 100


def test_a_price_that_is_not_known_yet_is_none() -> None:
    text = BLOCKS.replace("input = 1,", 'input = "{{ var.x }}",')
    assert declared(text).price(GATE, "any", 1, 1) is None


def test_one_server_with_two_prices_is_a_mistake() -> None:
    problems: list[Problem] = []
    two = BLOCKS + BLOCKS.replace("gate]", "other]").replace("gate.models", "other.models")
    declared(two, problems)
    assert problems == []
    declared(two.replace("output = 1000", "output = 1", 1), problems)
    assert [(problem.summary, problem.severity) for problem in problems] == [
        ("Two prices", "error")
    ]
    assert 'of "big/one"' in problems[0].detail
    assert problems[0].where is not None
    assert problems[0].where.line == 14


def test_a_provider_without_a_block_is_free_as_one_with_it() -> None:
    ollama = DeclaredProvider("ollama", TYPES["openai"], preset=preset("ollama"))
    prices = Prices(declared_prices([ollama], [], {}))
    assert prices.source("openai http://localhost:11434/v1", "m") == "ollama on this machine"


def test_a_batch_costs_what_the_list_says_of_batches() -> None:
    live = Prices().price(OPENAI, "gpt-4o", 1000, 1000)
    batch = Prices().of_lane("batch").price(OPENAI, "gpt-4o", 1000, 1000)
    assert live is not None
    assert batch == pytest.approx(live / 2)
    assert Prices().of_lane("batch").knows_lane(OPENAI, "gpt-4o")


def test_where_the_list_knows_no_batches_the_project_says_what_a_dollar_comes_to() -> None:
    groq = "openai https://api.groq.com/openai/v1"
    model = "llama-3.3-70b-versatile"
    listed = Prices().price(groq, model, 1000, 1000)
    assert listed is not None
    assert Prices().of_lane("batch").price(groq, model, 1000, 1000) == listed
    assert not Prices().of_lane("batch").knows_lane(groq, model)
    told = Prices(discounts={groq: 0.5, OPENAI: 0.1}).of_lane("batch")
    assert told.price(groq, model, 1000, 1000) == pytest.approx(listed / 2)
    assert told.knows_lane(groq, model)
    known = Prices().of_lane("batch").price(OPENAI, "gpt-4o", 1000, 1000)
    assert told.price(OPENAI, "gpt-4o", 1000, 1000) == known
