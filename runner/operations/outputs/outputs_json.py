"""outputs.json: its one reader and its one writer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import error
from runner.io import files

if TYPE_CHECKING:
    from runner.core.expansion.outputs import OutputValue
    from runner.io.state.store import Store


SEEN = ".outputs.version"
"""Beside the outputs of a state that lives elsewhere: which version of it they are of."""


def read(path: Path) -> dict[str, Any]:
    """The outputs by name, sensitive ones left out; none if there is no such file. RunnerError for
    one that is damaged.
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
    return held


def held(store: "Store") -> Mapping[str, Any]:
    """What stands beside a state, each value read when it is asked for; nothing if it is damaged,
    and so will be written anew.
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
    return Lazy(texts, lambda name: value_of(bytes(texts[name])))


def merged(base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """The file where both sides changed it; what is damaged has no outputs, until they are written
    anew.
    """
    from runner.core.received import table_of  # noqa: PLC0415
    from runner.core.state.merge import merge_outputs  # noqa: PLC0415

    return _laid_out(merge_outputs(*map(table_of, (base, ours, theirs))))


def write(store: "Store", outputs: Mapping[str, "OutputValue"]) -> None:
    """Write the outputs that may be shown beside the state, unless they stand there already."""
    from runner.core.expansion.outputs import shown_outputs  # noqa: PLC0415
    from runner.io.state.local import OUTPUTS  # noqa: PLC0415

    path, values = store.directory / OUTPUTS, shown_outputs(outputs)
    data = _laid_out(values)
    if (values or files.identity(path) is not None) and files.read(path) != data:
        files.make_directory(path.parent)
        files.write_atomic(path, data)
    if store.backend.file is None and (values or store.version is not None):
        files.make_directory(path.parent)
        files.write_atomic(store.directory / SEEN, str(store.version).encode())


def as_read(outputs: Mapping[str, "OutputValue"]) -> dict[str, Any]:
    """The outputs as whoever reads the file has them."""
    from runner.core.expansion.outputs import shown_outputs  # noqa: PLC0415

    held: dict[str, Any] = json.loads(_laid_out(shown_outputs(outputs)))
    return held


def is_current(store: "Store") -> bool:
    """Whether the outputs beside a state are those of the state as it was read or written last,
    or else stands now: always, where it is a file beside them.
    """
    if store.backend.file is not None:
        return True
    version = store.backend.version() if store.version is None else store.version
    return (files.read(store.directory / SEEN) or b"") == str(version).encode()


def _laid_out(values: Mapping[str, Any]) -> bytes:
    import orjson  # noqa: PLC0415  # `runner output` reads without

    layout = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(values, option=layout)
