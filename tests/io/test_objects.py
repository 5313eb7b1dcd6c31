"""What goes wrong at an object store is told in words of our own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.errors import RunnerError
from runner.io.objects import ObjectPlace, Objects
from tests.harness.object_stores import (
    AZURE_ACCOUNT,
    azure_at,
    azurite,
    listening,
    moto,
    redirecting,
    s3_at,
)

KEYS = {"access_key": "AKIAWRONGKEYID", "secret_key": "d3JvbmctYnV0LXNlY3JldA=="}


@pytest.fixture
def wrong(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectPlace]:
    s3 = {"region": "us-east-1", **KEYS}
    match request.param:
        case "wrong keys":
            with moto(tmp_path / "moto", checks_keys=True) as url:
                yield ObjectPlace("s3", "team-state", "p", endpoint=url, **s3)
        case "wrong bucket":
            with moto(tmp_path / "moto") as url:
                yield ObjectPlace("s3", "no-such-bucket", "p", endpoint=url, **s3)
        case "dead host":
            yield ObjectPlace("s3", "team-state", "p", endpoint="http://127.0.0.1:9", **s3)
        case "redirect":
            with redirecting() as url:
                yield ObjectPlace("s3", "team-state", "p", endpoint=url, **s3)
        case _:
            with azurite(tmp_path / "azurite") as url:
                yield ObjectPlace(
                    "azure", "team-state", "p", endpoint=url, account=AZURE_ACCOUNT,
                    secret_key=KEYS["secret_key"],
                )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("wrong keys", "refused"),
        ("wrong bucket", "there is no such bucket"),
        ("dead host", "could not be reached"),
        ("redirect", "wrong region"),
        ("wrong keys of azure", "refused"),
    ],
    indirect=["wrong"],
)
def test_no_message_has_a_credential_or_a_query(wrong: ObjectPlace, why: str) -> None:
    objects = Objects(wrong)
    for ask in (
        lambda: objects.listed("state/"),
        lambda: objects.create("state/a", b"answer"),
        lambda: objects.put("beat/a", b"answer"),
        lambda: objects.get("state/a"),
    ):
        with pytest.raises(RunnerError) as told:
            ask()
        said = repr(told.value) + str(told.value) + repr(told.value.__cause__) + repr(objects)
        assert why in said
        assert told.value.__cause__ is None
        for part in (*KEYS.values(), "?", "X-Amz", "Signature", "Debug"):
            assert part not in said
    assert KEYS["secret_key"] not in repr(wrong)


@pytest.mark.parametrize("at", [s3_at, azure_at])
def test_nothing_goes_where_a_store_leads(
    at: Callable[[str, str], ObjectPlace], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-token")
    with listening() as (other, came), redirecting(other) as url:
        objects = Objects(at(url, "p"), is_patient=False)
        for ask in (
            lambda: objects.listed("state/"),
            lambda: objects.create("state/a", b"answer"),
            lambda: objects.put("beat/a", b"answer"),
            lambda: objects.get("state/a"),
            lambda: objects.delete("state/a"),
        ):
            with pytest.raises(RunnerError, match=r"another host|redirect"):
                ask()
    assert came == []


def test_an_object_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    objects = Objects(ObjectPlace("file", str(tmp_path), "p"))
    assert objects.create("a", b"123")
    assert [objects.get("a", most) for most in (None, 3, 2)] == [b"123", b"123", b""]
    assert objects.get("b", 2) is None
