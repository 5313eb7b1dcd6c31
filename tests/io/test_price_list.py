"""What the list of a package says, asked for once and kept in the user's cache."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot

from runner.io.price_list import PriceList
from tests import ROOT

URL = "https://api.openai.com/v1"
TOKENS = [(0, 0), (7, 3), (1_000, 0), (199_999, 1), (300_000, 70_001)]

PROBE = """
import sys
from pathlib import Path
from runner.io.price_list import PriceList
held = PriceList(Path(sys.argv[1]))
for model in sys.argv[2:]:
    print(held.price("https://api.openai.com/v1", model, 1234, 567))
print("genai_prices" in sys.modules)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def asked(project: Path, *models: str) -> tuple[list[str], bool]:
    """What a new process is told of these models, and whether it asked the list itself."""
    command = [sys.executable, "-c", PROBE, str(project), *models]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    *prices, loaded = done.stdout.splitlines()
    return prices, loaded == "True"


def models() -> Iterator[tuple[str, str]]:
    """Every model of the list, and an address of its provider."""
    for provider in get_snapshot().providers:
        written = provider.api_pattern.replace("(.*\\.)?", "").replace(".*", "x")
        url = re.sub(r"\\(.)", r"\1", written)
        for model in provider.models:
            yield url, model.id
    yield URL, "of no list"
    yield "https://of.no.list.example/v1", "gpt-4o"


def reckoned(url: str, model: str, read: int, said: int) -> float | None:
    """What the package itself says."""
    usage = Usage(input_tokens=read, output_tokens=said)
    try:
        return float(calc_price(usage, model, provider_api_url=url).total_price)
    except LookupError:
        return None


def test_a_price_is_what_the_list_reckons_for_every_request_of_every_model(
    cache: Path, tmp_path: Path
) -> None:
    known = 0
    for url, model in models():
        for kept in (PriceList(), PriceList(tmp_path / "a"), PriceList(tmp_path / "b")):
            # What `a` had to ask for, `b` finds in the file.
            for read, said in TOKENS:
                expected = reckoned(url, model, read, said)
                assert kept.price(url, model, read, said) == expected, (url, model, read, said)
                known += expected is not None
    assert known > 10_000
    assert (cache / "runner" / "prices.json").stat().st_size < 200_000


def test_a_model_that_was_asked_for_once_is_not_looked_up_again(
    cache: Path, tmp_path: Path
) -> None:
    assert not cache.exists()
    first, loaded = asked(tmp_path / "p", "gpt-4o", "of no list")
    assert loaded
    assert first == [str(reckoned(URL, "gpt-4o", 1234, 567)), "None"]
    assert asked(tmp_path / "p", "of no list", "gpt-4o") == ([*reversed(first)], False)
    assert asked(tmp_path / "p", "gpt-4o-mini")[1]


@pytest.mark.parametrize("damage", ["cut", "changed", "of another list", "no file", "none"])
def test_a_file_that_is_damaged_is_ignored(cache: Path, tmp_path: Path, damage: str) -> None:
    told, _ = asked(tmp_path / "p", "gpt-4o")
    (path,) = cache.rglob("prices.json")
    data = path.read_bytes()
    assert b"2.5" in data
    match damage:
        case "cut":
            path.write_bytes(data[:-5])
        case "changed":
            path.write_bytes(data.replace(b"2.5", b"0.5"))
        case "of another list":
            path.write_bytes(b"0" * 64 + data[64:])
        case "no file":
            path.unlink()
            path.mkdir()
        case _:
            pass
    assert asked(tmp_path / "p", "gpt-4o") == (told, damage != "none")


def test_a_project_that_has_the_users_cache_inside_says_no_prices(
    cache: Path, tmp_path: Path
) -> None:
    asked(tmp_path / "p", "gpt-4o")
    assert asked(tmp_path / "p", "gpt-4o")[1] is False
    assert asked(tmp_path, "gpt-4o")[1] is True
    assert cache.is_dir()


def test_where_nothing_can_be_kept_the_list_is_asked(cache: Path, tmp_path: Path) -> None:
    cache.write_bytes(b"a file")
    for _ in range(2):
        told, loaded = asked(tmp_path / "p", "gpt-4o")
        assert loaded
        assert told == [str(reckoned(URL, "gpt-4o", 1234, 567))]


@pytest.mark.usefixtures("cache")
def test_what_is_kept_of_a_batch_is_kept_beside_the_usual_price(tmp_path: Path) -> None:
    for held in (PriceList(), PriceList(tmp_path), PriceList(tmp_path)):
        live = held.price(URL, "gpt-4o", 1000, 1000)
        assert live is not None
        assert held.price(URL, "gpt-4o", 1000, 1000, "batch") == pytest.approx(live / 2)
        assert held.knows_batch(URL, "gpt-4o")
