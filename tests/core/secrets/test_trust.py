"""Doors: where requests go, in one spelling; what has to be asked for, and how it is written."""

import pytest

from runner.core.secrets.trust import (
    ClusterDoor,
    Door,
    KeyDoor,
    ProgramDoor,
    Trust,
    VariableDoor,
    as_table,
    from_table,
    in_words,
    named_hosts,
    needs_asking,
    ordered,
    origin,
)

GROQ = "https://api.groq.com"
OPENAI_HOST = "https://api.openai.com"
OWN = frozenset[Door](
    KeyDoor(host, "OPENAI_API_KEY") for host in (OPENAI_HOST, "https://proxy.corp")
)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.openai.com/v1", OPENAI_HOST),
        ("HTTPS://API.OpenAI.com:443/v1", OPENAI_HOST),
        ("http://api.openai.com/v1", "http://api.openai.com"),
        ("https://api.openai.com:8443", "https://api.openai.com:8443"),
        ("https://user:secret@api.groq.com/v1?x=1", GROQ),
        ("http://[0:0::1]:080/v1", "http://[::1]"),
        ("http://bücher.example/v1", "http://xn--bcher-kva.example"),
        ("https://api.openai.com@evil.example/v1", "https://evil.example"),
        ("https://evil.example\\@api.openai.com/v1", None),
        ("https://evil.example#@api.openai.com/v1", None),
        ("https://evil.example?@api.openai.com/v1", "https://evil.example"),
        ("https://api%2eopenai.com/v1", None),
        ("https://api.openai.com:443x/v1", None),
        ("https://", None),
        ("ftp://api.openai.com", None),
    ],
)
def test_a_base_url_is_one_host_in_one_spelling_or_none(url: str, host: str | None) -> None:
    assert origin(url) == host


@pytest.mark.parametrize(
    ("door", "asked"),
    [
        (KeyDoor(OPENAI_HOST, "OPENAI_API_KEY"), False),
        (KeyDoor(OPENAI_HOST, "AWS_SECRET_ACCESS_KEY"), True),
        (KeyDoor("http://api.openai.com", "OPENAI_API_KEY"), True),
        (KeyDoor("https://proxy.corp", "OPENAI_API_KEY"), False),
        (KeyDoor("https://proxy.corp", "OTHER_KEY"), True),
        (KeyDoor(GROQ, "OPENAI_API_KEY"), True),
        (KeyDoor(GROQ, None), True),
        (KeyDoor("http://127.0.0.1:8000", None), False),
        (KeyDoor("http://localhost", None), False),
        (KeyDoor("http://[::1]:1", None), False),
        (KeyDoor("http://127.1.2.3", None), False),
        (KeyDoor("http://127.0.0.1.evil.example", None), True),
        (KeyDoor("http://127.300.1.1", None), True),
        (KeyDoor("http://127.0.0.001", None), True),
        (KeyDoor("http://127.1", None), True),
        (KeyDoor("http://[::ffff:127.0.0.1]", None), True),
        (KeyDoor("http://localhost.evil.example", None), True),
        (KeyDoor("http://127.0.0.1:8000", "GROQ_API_KEY"), True),
        (VariableDoor("HOME", OPENAI_HOST), True),
        (VariableDoor("HOME", "http://127.0.0.1:8000"), True),
        (ClusterDoor("ray://auto"), True),
        (ClusterDoor("ray://127.0.0.1:6379"), True),
    ],
)
def test_only_what_its_owner_fixed_needs_no_asking(door: Door, asked: bool) -> None:
    assert needs_asking(door, OWN) is asked


def test_a_yes_is_for_one_door_and_a_host_of_one_run_for_all_that_lead_there() -> None:
    trust = Trust(frozenset((KeyDoor(GROQ, "A"),)), frozenset(("https://b.example",)))
    opened: list[Door] = [
        KeyDoor(GROQ, "A"),
        KeyDoor("https://b.example", "X"),
        VariableDoor("Y", "https://b.example"),
    ]
    closed: list[Door] = [KeyDoor(GROQ, "B"), KeyDoor(GROQ, None), VariableDoor("A", GROQ)]
    assert [trust.opens(door) for door in opened + closed] == [True] * 3 + [False] * 3


@pytest.mark.parametrize(
    "door",
    [
        KeyDoor(GROQ, "A"),
        KeyDoor(GROQ, None),
        VariableDoor("A", GROQ),
        ClusterDoor("ray://head:6379"),
    ],
)
def test_a_door_is_read_back_as_it_was_written(door: Door) -> None:
    assert from_table(as_table(door)) == door


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"kind": "program", "digest": "ab"},
        {"kind": "key", "host": GROQ, "credential": "A", "purpose": "batches"},
        {"kind": "key", "host": GROQ, "credential": 1, "purpose": "completions"},
        {"kind": "variable", "name": "A"},
    ],
)
def test_what_a_newer_version_recorded_opens_nothing(table: dict[str, object]) -> None:
    assert from_table(table) is None


def test_doors_are_told_by_host_and_a_name_cannot_write_to_the_terminal() -> None:
    doors: list[Door] = [
        VariableDoor("A\x1b[2K\u202e", GROQ),
        KeyDoor(GROQ, "KEY"),
        KeyDoor("http://x.example", None),
    ]
    assert [in_words(door) for door in ordered(doors)] == [
        "send requests, without a key, to http://x.example",
        f"send requests and the key in $KEY to {GROQ}",
        f"send the value of the variable 'A\\x1b[2K\\u202e' to {GROQ}",
    ]


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", set()),
        ("api.groq.com", {GROQ}),
        (" api.groq.com , https://b.example:8443/v1", {GROQ, "https://b.example:8443"}),
        ("http://gpu:8000", {"http://gpu:8000"}),
        ("localhost:8000", {"https://localhost:8000", "http://localhost:8000"}),
    ],
)
def test_hosts_of_one_run_are_https_unless_they_say_otherwise(text: str, hosts: set[str]) -> None:
    assert named_hosts(text) == hosts


@pytest.mark.parametrize("text", ["*", "a.example,b c", "ftp://a.example", "*.example"])
def test_what_is_no_host_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        named_hosts(text)


def test_a_program_is_a_door_that_its_digest_names() -> None:
    door = ProgramDoor("python checks/\x1bp.py", "a" * 64)
    assert from_table(as_table(door)) == door
    assert needs_asking(door, OWN)
    assert "\x1b" not in in_words(door)
    opened = Trust(frozenset(), named_hosts(f"api.groq.com, sha256:{'a' * 64}"))
    assert opened.opens(door)
    assert not opened.opens(ProgramDoor(door.command, "b" * 64))
    assert ordered([door, KeyDoor(GROQ, None)]) == (KeyDoor(GROQ, None), door)
    with pytest.raises(ValueError, match="sha256:a"):
        named_hosts("sha256:aa")
