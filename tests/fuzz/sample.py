"""A sound project that uses all of the language: what the fuzz begins with, and damages."""

import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from tests import ROOT

_MAIN = Path(__file__).with_name("sample.toml").read_text(encoding="utf-8")
_MODULE = """
[variable.word]
type = "string"

[completion.inner]
messages = [{ role = "user", content = "{{ var.word }} {{ path.module }}" }]

[output.said]
value = "{{ completion.inner.content }}"
"""

FILES: dict[str, bytes] = {
    "configs/modules/m/main.toml": _MODULE.encode(),
    "configs/data/people.csv": b"id,name,age\nada,Ada,36\nbob,Bob,7\n",
    "configs/data/x.json": b'{"list": [1, {"a": null}], "text": "t"}',
    "configs/data/rows.jsonl": b'{"id": "r1", "deep": {"x": 1}}\n{"id": "r2", "deep": 2}\n',
    "configs/data/t.toml": b'a = 1\n[b]\nc = "d"\n',
    "configs/data/note.txt": b"A note.\n",
    "configs/data/page.txt": b"Dear {{ name }}, {{ file('note.txt') }}",
    "configs/data/self.txt": b"{{ template('self.txt') }}",
    "configs/data/dot.png": b"\x89PNG\r\n\x1a\n",
}


def tree(url: str) -> dict[str, Any]:
    """The root module's tables, for an API at `url`."""
    return tomllib.loads(_MAIN.replace("URL", url))


def project(url: str, **more: bytes) -> dict[str, bytes]:
    """Every file of the sound project."""
    return {"configs/main.toml": tomli_w.dumps(tree(url)).encode(), **FILES, **more}


def shipped() -> list[bytes]:
    """The configuration files of this repository."""
    found = [*(ROOT / "configs").glob("*.toml"), *(ROOT / "tests/data/hcl").glob("*.toml")]
    return [_MAIN.encode(), *(path.read_bytes() for path in sorted(found))]


def terraform() -> list[bytes]:
    """The Terraform files of the tests."""
    return [path.read_bytes() for path in sorted((ROOT / "tests/data/hcl").glob("*.tf"))]
