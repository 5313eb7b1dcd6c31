"""Where a state lives, as settings say it, and what leaves for there."""

import re
from collections.abc import Mapping
from typing import Any, get_args

from msgspec import Struct

from runner.core.canonical import canonical, digest
from runner.core.language.names import ENVIRONMENT_NAME, OBJECT_KEY, BackendType
from runner.core.secrets.trust import BackendDoor, place
from runner.core.suggest import did_you_mean, there_are

HISTORY = 50
"""So many states are kept where nobody says otherwise."""

_SCHEMES = {"s3": "s3", "gcs": "gs", "azure": "az"}
_EVERY = ("type",)
_OBJECTS = ("key", "history")
_WANTED: Mapping[BackendType, tuple[str, ...]] = {
    "s3": ("bucket",),
    "gcs": ("bucket",),
    "azure": ("account", "container"),
    "file": ("path",),
    "http": ("address",),
}
_MORE: Mapping[BackendType, tuple[str, ...]] = {
    "s3": (*_OBJECTS, "region", "endpoint", "access_key_env", "secret_key_env"),
    "gcs": (*_OBJECTS, "endpoint", "secret_key_env"),
    "azure": (*_OBJECTS, "endpoint", "secret_key_env"),
    "file": _OBJECTS,
    "http": (
        "lock_address", "unlock_address", "lock_method", "unlock_method", "username_env",
        "password_env",
    ),
}  # fmt: skip
_USUAL: Mapping[BackendType, str | None] = {
    "s3": "AWS_SECRET_ACCESS_KEY",
    "gcs": "GOOGLE_APPLICATION_CREDENTIALS",
    "azure": "AZURE_STORAGE_ACCOUNT_KEY",
    "file": None,
    "http": None,
}
_URLS = ("endpoint", "address", "lock_address", "unlock_address")
_URL = re.compile(r"https?://[^\s?#@]+")


class BackendSettings(Struct, frozen=True):
    """Whatever of a backend is set; names of variables, and never what is in them."""

    type: BackendType
    values: Mapping[str, str | int]

    def text(self, name: str) -> str | None:
        """One of them."""
        value = self.values.get(name)
        return None if value is None else str(value)

    @property
    def history(self) -> int:
        """So many states are kept."""
        return int(self.values.get("history", HISTORY))

    @property
    def identity(self) -> str:
        """What is another one where the state is, or may be, another."""
        where = {n: v for n, v in self.values.items() if n in _SAYS_WHERE}
        return digest(canonical({"type": self.type, **where}))

    @property
    def shown(self) -> str:
        """What messages call it."""
        key = self.text("key")
        match self.type:
            case "http":
                return self.text("address") or ""
            case "file":
                path = self.text("path") or ""
                found = f"file://{path}" if path.startswith("/") else f"the folder {path}"
            case "s3" | "gcs":
                found = f"{_SCHEMES[self.type]}://{self.text('bucket')}"
            case "azure":
                found = f"az://{self.text('account')}/{self.text('container')}"
        return f"{found}/{key}" if key else found


_SAYS_WHERE = ("bucket", "container", "account", "path", "key", "endpoint", "address")


def backend_settings(values: Mapping[str, Any]) -> BackendSettings | str:
    """The settings that values from wherever say, or what is wrong with them in a sentence."""
    kind: BackendType | None = values.get("type")
    if kind is None or kind not in get_args(BackendType):
        said = f'"{kind}" is no type of a backend.' if kind else "A backend has a type."
        known_types = get_args(BackendType)
        return f"{said}{did_you_mean(str(kind or ''), known_types, there_are(known_types))}"
    wanted, known = _WANTED[kind], {*_EVERY, *_WANTED[kind], *_MORE[kind]}
    for name in values:
        if name not in known:
            return f"A backend of type {kind} has no {name}.{did_you_mean(name, known)}"
    if missing := [name for name in wanted if not values.get(name)]:
        return f"A backend of type {kind} needs {' and '.join(missing)}."
    if (fault := _fault(values)) is not None:
        return fault
    kept = {name: values[name] for name in sorted(values)}
    if "history" in kept:
        kept["history"] = int(kept["history"])
    return BackendSettings(kind, kept)


def _fault(values: Mapping[str, Any]) -> str | None:
    """What of one value is wrong, wherever it was said."""
    for name, value in values.items():
        text = str(value)
        if name == "history" and not (text.isdecimal() and 10 <= int(text) <= 100_000):
            return "history is a number from 10 to 100000."
        if name.endswith("_env") and not re.match(ENVIRONMENT_NAME, text):
            return f"{name} is the name of a variable of the environment, never a key itself."
        if name == "key" and not re.match(OBJECT_KEY, text):
            return "key is names of letters, digits, _, - and dots, with / between them."
        if name in _URLS and not _URL.fullmatch(text):
            return (
                f"{name} is an address without credentials and without a query: "
                "https://host/path. Keys are named by their variables."
            )
    return None


def backend_door(settings: BackendSettings, folder: str = "") -> BackendDoor:
    """What has to be trusted before anything of a backend is asked for. `folder` is where a path
    of type "file" leads.
    """
    match settings.type:
        case "http":
            at = place(settings.text("address") or "")
            named = settings.text("password_env")
        case "file":
            at, named = f"file://{folder}", None
        case "s3" | "gcs" | "azure":
            endpoint = settings.text("endpoint")
            names = (settings.text("account"), settings.text("container"), settings.text("bucket"))
            bucket = "/".join(filter(None, names))
            host = place(endpoint) if endpoint else f"{_SCHEMES[settings.type]}://"
            at = None if host is None else f"{host}{bucket}"
            named = settings.text("secret_key_env") or _USUAL[settings.type]
    return BackendDoor(at or settings.shown, named)
