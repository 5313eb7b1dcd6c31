"""The providers that are known by name: where each is, whose key it takes, what it does not do."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

_OPENAI_URL = "https://api.openai.com/v1"
RESOURCE = "{resource}"
"""What stands in a base URL for the one value that the user has to name."""


class Quirk(Struct, frozen=True):
    """What a server does with a parameter: refuse it, ignore it, or know it as `instead`.

    `key` is a path (`tools[].function.strict`: of any tool); with `above` only a greater number is
    meant, with `equal` only this value. `instead` is a path, too (`extra_body.random_seed`).
    """

    kind: Literal["refuses", "ignores", "names"]
    key: str
    above: float | None = None
    equal: str | None = None
    instead: str | None = None

    @property
    def parameter(self) -> str:
        """The parameter that has it."""
        return self.key.partition(".")[0].removesuffix("[]")

    def met(self, body: Mapping[str, Any]) -> bool:
        """Whether a request has what is meant."""
        return any(self._is_meant(value) for value in _at(body, self.key.split(".")))

    @property
    def what(self) -> str:
        """What is meant, in words."""
        if self.above is not None:
            return f"{self.key} above {self.above:g}"
        return self.key if self.equal is None else f'{self.key} = "{self.equal}"'

    def said(self, who: str) -> str:
        """In a sentence, with the way out."""
        what = self.what
        match self.kind:
            case "refuses":
                return (
                    f"{who} refuses {what}. It is sent as written, and the request will fail: "
                    "remove it."
                )
            case "ignores":
                return (
                    f"{who} ignores {what}. It is sent as written, and the answer is as if it were "
                    "not there."
                )
            case "names":
                table, _, name = (self.instead or "").rpartition(".")
                way = f"{table} = {{ {name} = .. }}" if table else f"{name} = .."
                return f"{who} knows {what} as {name}. It is sent as written: write {way}"

    def _is_meant(self, value: object) -> bool:
        if self.equal is not None:
            return value == self.equal
        if self.above is not None:
            return isinstance(value, int | float) and value > self.above
        if self.kind == "ignores":
            return value is not False and value not in ("", [], {})
        return True


class Preset(Struct, frozen=True):
    """One provider. `base_url` is where it is now and `identity` what answers are recorded under,
    for good; the variable `base_url_env` of the user's own environment leads elsewhere. The first
    of `keys` that is set is the key. `free` says that it costs nothing on this machine.
    """

    name: str
    base_url: str
    identity: str
    base_url_env: str | None = None
    keys: tuple[str, ...] = ()
    key_required: bool = True
    auth_header: str | None = None
    concurrency: int | None = None
    model_required: bool = True
    free: bool = False
    quirks: tuple[Quirk, ...] = ()

    @property
    def needs_resource(self) -> bool:
        """Whether the user says a part of its host, which is then not fixed by its name."""
        return RESOURCE in self.base_url


OPENAI_PRESET = Preset("openai", _OPENAI_URL, _OPENAI_URL, "OPENAI_BASE_URL", ("OPENAI_API_KEY",))

FindPreset = Callable[[str], Preset]
"""The preset of a name; asked only for names that are one."""


def preset_of(name: str, table: Mapping[str, Any]) -> Preset:
    """A preset by its table of the data."""
    held = dict(table)
    quirks = tuple(_quirks(held))
    keys = tuple(held.pop("keys", ()))
    return Preset(name, keys=keys, quirks=quirks, **{"identity": held["base_url"], **held})


def _quirks(table: dict[str, Any]) -> Iterator[Quirk]:
    """Those of a table, which are taken out of it."""
    for entry in table.pop("refuses", ()):
        yield _quirk("refuses", entry)
    for entry in table.pop("ignores", ()):
        yield _quirk("ignores", entry)
    for key, instead in table.pop("names", {}).items():
        yield Quirk("names", key, instead=instead)


def _quirk(kind: Literal["refuses", "ignores"], entry: str | Mapping[str, Any]) -> Quirk:
    if isinstance(entry, str):
        return Quirk(kind, entry)
    return Quirk(kind, entry["key"], entry.get("above"), entry.get("is"))


def _at(value: object, path: list[str]) -> Iterator[object]:
    """What a body has at a path; nothing where there is null."""
    if not path:
        if value is not None:
            yield value
        return
    name, *rest = path
    held = value.get(name.removesuffix("[]")) if isinstance(value, Mapping) else None
    if not name.endswith("[]"):
        yield from () if held is None else _at(held, rest)
    elif isinstance(held, list):
        for item in held:
            yield from _at(item, rest)
