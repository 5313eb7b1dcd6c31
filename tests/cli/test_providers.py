"""`runner providers`: who can be asked, what each setting is and who says so; never a key."""

import json
from pathlib import Path
from typing import Any

import pytest

from runner.core.language.names import PRESETS
from tests.harness.project import Project, completion
from tests.harness.terminal import on_terminal

KEY = "very-secret-key-0123456789"
BLOCKS = """
[provider.groq]
concurrency = 3

[provider.fast]
type = "cerebras"
headers = { x-secret = "hidden-value-1" }

[provider.gate]
type = "openai"
base_urls = ["http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"]
api_key_env = "GATE_KEY"

[variable.org]
sensitive = true
default = "hidden-organization"

[provider.openai]
organization = "{{ var.org }}"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write(BLOCKS + completion("a", "x", 'provider = "groq"'))
    return made


def shown(project: Project, *arguments: str, **environment: str) -> Any:
    ran = project.run("providers", "--json", *arguments, env=environment)
    assert ran.status == 0, ran.err
    assert KEY not in ran.out
    assert "hidden" not in ran.out
    return json.loads(ran.out)


def test_all_are_listed_those_of_the_project_first(project: Project) -> None:
    found = [one["name"] for one in shown(project)]
    assert found[:4] == ["fast", "gate", "groq", "openai"]
    assert sorted(found[4:]) == sorted({*PRESETS, "embedded"} - {"groq"})
    text = project.run("providers", env={"GROQ_API_KEY": KEY}).out
    line = next(line for line in text.splitlines() if line.startswith("groq "))
    assert line.split() == [
        "groq", "https://api.groq.com/openai/v1", "$GROQ_API_KEY,", "set", "configs/main.toml:2",
    ]  # fmt: skip


def test_a_narrow_terminal_has_the_address_on_a_line_of_its_own(project: Project) -> None:
    lines = [line.rstrip() for line in on_terminal(project, "providers", columns=80).splitlines()]
    assert max(map(len, lines)) <= 80
    at = next(n for n, line in enumerate(lines) if line.startswith("groq "))
    assert lines[at].split()[1:] == ["$GROQ_API_KEY,", "not", "set", "configs/main.toml:2"]
    assert lines[at + 1].split() == ["https://api.groq.com/openai/v1"]


def test_without_a_project_they_are_those_that_are_known_by_name(tmp_path: Path) -> None:
    empty = Project(tmp_path)
    (tmp_path / "configs").rmdir()
    names = [one["name"] for one in shown(empty)]
    assert set(names) == {*PRESETS, "openai"}


def test_each_setting_has_who_says_so_and_the_key_whether_it_is_set(project: Project) -> None:
    groq = shown(project, "groq", GROQ_API_KEY=KEY)
    assert groq["key"] == {"variable": "GROQ_API_KEY", "set": True, "source": "preset"}
    assert groq["settings"]["concurrency"] == {"value": 3, "source": "configs/main.toml:3"}
    assert groq["settings"]["base_url"]["source"] == "preset"
    assert groq["settings"]["timeout"] == {"value": 600, "source": "default"}
    assert groq["identity"] == "openai https://api.groq.com/openai/v1"
    assert groq["where"] == "configs/main.toml:2"
    gate = shown(project, "gate")
    assert gate["preset"] is None
    assert gate["key"] == {
        "variable": "GATE_KEY", "set": False, "source": "configs/main.toml:12",
    }  # fmt: skip
    assert gate["settings"]["base_urls"]["value"] == [
        "http://127.0.0.1:1/v1",
        "http://127.0.0.1:2/v1",
    ]
    assert shown(project, "fast")["preset"] == "cerebras"
    assert shown(project, "openai")["settings"]["organization"]["value"] == "(sensitive)"


def test_an_address_of_the_environment_is_said_to_be_one(project: Project) -> None:
    ollama = shown(project, "ollama", OLLAMA_BASE_URL="http://user:hidden@gpu.example:1/v1")
    assert ollama["settings"]["base_url"] == {
        "value": "http://gpu.example:1/v1", "source": "$OLLAMA_BASE_URL",
    }  # fmt: skip
    assert ollama["identity"] == "openai http://localhost:11434/v1"
    assert ollama["key"] is None


def test_one_in_words(project: Project) -> None:
    text = project.run("providers", "mistral").out
    assert text.startswith("mistral, known by name\n")
    assert "It knows seed as extra_body.random_seed." in text
    assert "Answers are recorded under openai https://api.mistral.ai/v1." in text
    azure = project.run("providers", "azure").out
    assert "to be written in its block" in azure
    assert "in this process" in project.run("providers", "embedded").out


def test_a_name_that_is_none_is_told_with_the_closest(project: Project) -> None:
    ran = project.run("providers", "grok")
    assert ran.status == 1
    assert 'Did you mean "groq"?' in ran.err
