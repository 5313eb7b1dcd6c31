"""States made by hand, for verbs that ask nobody."""

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.core.state.file import decode
from runner.core.state.records import Record, State, empty
from tests.harness.project import Project
from tests.harness.states import local_store

LINEAGE = "11111111-2222-3333-4444-555555555555"


def record(address: str, content: str = "An answer.", **changes: Any) -> Record:
    """A record of `address` as an apply writes one."""
    body = {"messages": [{"content": f"ask {address}", "role": "user"}], "model": "gpt-4o"}
    answer = {
        "id": f"chatcmpl-{address}",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": content, "refusal": None},
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30},
    }
    made = Record(
        address=address,
        provider="openai",
        identity="openai https://api.openai.com/v1",
        fingerprint=hashlib.sha256(address.encode()).hexdigest(),
        sample=0,
        request=json.dumps(body, separators=(",", ":")).encode(),
        response=json.dumps(answer, separators=(",", ":")).encode(),
        issued_at="2026-01-02T03:04:05.678Z",
        duration_ms=1234,
    )
    return replace(made, **changes)


def write_state(
    project: Project, *records: Record, workspace: str | None = None, **header: Any
) -> State:
    """Writes the state of a project, or of one of its workspaces."""
    directory = project.directory / "state"
    if workspace is not None:
        directory = directory / "workspaces" / workspace
    store = local_store(directory)
    held = store.load() or empty(LINEAGE, "configs")
    return store.write(replace(held, records={r.address: r for r in records}, **header))


def read_state(project: Project) -> State:
    """The state as it is on the disk."""
    return decode(project.state_file.read_bytes(), "state.json")


def stdin(data: bytes) -> io.TextIOWrapper:
    """Something piped into a command: for monkeypatch.setattr(sys, "stdin", ..)."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")


def files_of(directory: Path) -> dict[str, bytes]:
    """Every file below a directory, by its name relative to it."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
