"""Where a team's answers are, as settings say it."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from runner.core.language.names import BackendType
from runner.core.request.backends import BackendSettings, backend_settings

_URL = re.compile(r"(s3|gs|az|file)://(.+)", re.DOTALL)
_BELOW = "cache"  # what stands in the bucket of the backend, where no other place is named
_NO = ("0", "false", "no", "off")
_YES = ("1", "true", "yes", "on")


class SharedSettings(Struct, frozen=True):
    """Where they are; whether answers are taken from there, and whether new ones are pushed."""

    at: BackendSettings
    reads: bool = True
    pushes: bool = True


def shared_settings(
    table: Mapping[str, Any], given: Mapping[str, str], backend: BackendSettings | None
) -> SharedSettings | str:
    """The settings that the table says, and before it what is `given` in the environment; or what
    is wrong with them, in a sentence. Without a URL it is the object store of the backend.
    """
    values = {**table, **given}
    url, write, read = values.get("url"), values.get("write", "after"), values.get("read", True)
    if write not in ("after", "never"):
        return f'write is "after" or "never", not "{write}".'
    reads = _truth(read)
    if reads is None:
        return f'read is true or false, not "{read}".'
    at = _of_backend(backend) if url is None else _located(str(url), table.get("options") or {})
    return at if isinstance(at, str) else SharedSettings(at, reads, write == "after")


def _truth(value: object) -> bool | None:
    word = str(value).lower()
    return True if word in _YES else False if word in _NO else None


def _of_backend(backend: BackendSettings | None) -> BackendSettings | str:
    if backend is None or backend.type == "http":
        return (
            "It has no url, and there is no backend whose bucket it could be in. Write one such as "
            'url = "s3://bucket/prefix".'
        )
    key = "/".join(filter(None, (backend.text("key"), _BELOW)))
    return BackendSettings(backend.type, {**backend.values, "key": key})


def _located(url: str, options: Mapping[str, Any]) -> BackendSettings | str:
    found = _URL.fullmatch(url)
    if found is None:
        return (
            f'"{url}" is no place of a cache. Write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, '
            "az://ACCOUNT/CONTAINER/PREFIX or file:///FOLDER."
        )
    rest = found[2].rstrip("/")
    kind: BackendType
    match found[1]:
        case "s3" | "gs" as scheme:
            kind = "s3" if scheme == "s3" else "gcs"
            bucket, _, key = rest.partition("/")
            values = {"bucket": bucket, "key": key}
        case "az":
            kind = "azure"
            account, container, key = (*rest.split("/", 2), "", "")[:3]
            values = {"account": account, "container": container, "key": key}
        case _:
            kind, values = "file", {"path": rest or "/"}
    named = {name: value for name, value in values.items() if value}
    return backend_settings({**options, **named, "type": kind})
