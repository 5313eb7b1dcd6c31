"""outputs.json: its one reader and its one writer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import error
from runner.io import files

if TYPE_CHECKING:
    from runner.core.expansion.outputs import OutputValue
    from runner.core.state.shards import OutputsKept
    from runner.io.state.store import Store


SEEN = ".outputs.version"
"""Beside the outputs of a state that lives elsewhere: which version of it they are of."""


_LEFT_OUT = "(left out)"
"""No output can be called so: it says that the file holds none of them, whatever else it holds."""

_WHY = (
    "No output stands here: `runner output` evaluates each from the state. [runner.state] "
    'outputs = "file" has them all here, however large they are.'
)


def read(path: Path) -> dict[str, Any] | None:
    """The outputs by name, sensitive ones left out; none if there is no such file, and None where
    they are to be evaluated. RunnerError for one that is damaged.
    """
    data = files.read(path)
    if data is None:
        return {}
    try:
        held = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise error(
            "Damaged outputs",
            f"{path} is not JSON ({exc}). `runner apply` writes it again from the state, for free.",
        ) from exc
    if not isinstance(held, dict):
        raise error("Damaged outputs", f"{path} is not a JSON object. `runner apply` rewrites it.")
    return None if _LEFT_OUT in held else held


def held(store: "Store") -> Mapping[str, Any] | None:
    """What stands beside a state, each value read when it is asked for; nothing if it is damaged,
    and so will be written anew. None where they are to be evaluated.
    """
    import msgspec  # noqa: PLC0415  # `runner output` reads without

    from runner.core.expansion.lazy import Lazy  # noqa: PLC0415
    from runner.core.received import value_of  # noqa: PLC0415
    from runner.io.state.local import OUTPUTS  # noqa: PLC0415

    data = files.read(store.directory / OUTPUTS)
    try:
        texts = msgspec.json.decode(data or b"{}", type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {}
    return None if _LEFT_OUT in texts else Lazy(texts, lambda name: value_of(bytes(texts[name])))


def merged(base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """The file where both sides changed it; what is damaged has no outputs, until they are written
    anew.
    """
    from runner.core.received import table_of  # noqa: PLC0415
    from runner.core.state.merge import merge_outputs  # noqa: PLC0415

    return _laid_out(merge_outputs(*map(table_of, (base, ours, theirs))))


def outputs_file(
    outputs: Mapping[str, "OutputValue"], kept: "OutputsKept | None", limit: int | None = None
) -> bytes | None:
    """The file with the outputs that may be shown; None where they are to be evaluated, because
    the project says so or, unless it says otherwise, because the file would be above the limit.
    """
    from runner.core.expansion.outputs import shown_outputs  # noqa: PLC0415
    from runner.core.state.shards import LARGE  # noqa: PLC0415

    values = shown_outputs(outputs)
    most = LARGE if limit is None else limit
    if values and (kept == "lazy" or (kept is None and _at_least(values) > most)):
        return None  # without the memory that it would take
    data = _laid_out(values)
    return None if kept is None and len(data) > most else data


def write(store: "Store", data: bytes | None) -> bool:
    """Write an `outputs_file` beside the state, unless it stands there already; whether the outputs
    are left out from now on.
    """
    from runner.io.state.local import OUTPUTS  # noqa: PLC0415

    path, new = store.directory / OUTPUTS, _laid_out({_LEFT_OUT: _WHY}) if data is None else data
    is_empty = new == _laid_out({})
    differs = (not is_empty or files.identity(path) is not None) and files.read(path) != new
    if differs:
        files.make_directory(path.parent)
        files.write_atomic(path, new)
    if store.backend.file is None and (not is_empty or store.version is not None):
        files.make_directory(path.parent)
        files.write_atomic(store.directory / SEEN, str(store.version).encode())
    return differs and data is None


def as_read(data: bytes | None) -> dict[str, Any] | None:
    """The outputs of an `outputs_file` as whoever reads the file has them."""
    held: dict[str, Any] | None = None if data is None else json.loads(data)
    return held


def is_current(store: "Store") -> bool:
    """Whether the outputs beside a state are those of the state as it was read or written last,
    or else stands now: always, where it is a file beside them.
    """
    if store.backend.file is not None:
        return True
    version = store.backend.version() if store.version is None else store.version
    return (files.read(store.directory / SEEN) or b"") == str(version).encode()


def _at_least(values: Mapping[str, Any]) -> int:
    """So many bytes, or more, are the texts of these outputs."""

    def size(value: Any) -> int:
        return len(value) if isinstance(value, str) else 0

    found = 0
    for value in values.values():
        inner = value.values() if isinstance(value, Mapping) else value
        found += sum(map(size, inner)) if isinstance(value, Mapping | list) else size(value)
    return found


def _laid_out(values: Mapping[str, Any]) -> bytes:
    import orjson  # noqa: PLC0415  # `runner output` reads without

    layout = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(values, option=layout)
