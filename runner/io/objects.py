"""The one door to object stores: a bucket of S3, GCS or Azure, or a folder that is used like one.

Four things are asked of it: create what is not there, get, list and delete. What goes wrong is a
RunnerError in words of our own: those of the library show whole addresses and what was sent.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct, structs

from runner.errors import RunnerError, Where, error, not_installed

if TYPE_CHECKING:
    from datetime import datetime

    from obstore.store import ObjectStore

BucketKind = Literal["s3", "gcs", "azure", "file"]

_T = TypeVar("_T")
_SCHEMES: Mapping[BucketKind, str] = {"s3": "s3", "gcs": "gs", "azure": "az", "file": "file"}
_TIMEOUT, _RETRIES = timedelta(seconds=30), timedelta(seconds=20)
_PAGE = 1_000  # objects that every store lists at once
_SOON = timedelta(seconds=1.8)
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_STATUS = re.compile(r"\b(?:status|code)\D{0,12}([345][0-9]{2})\b", re.IGNORECASE)
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound")
_REFUSED = ("Failure", "Denied", "AccessKey", "Signature", "Token")
_ABSENT = "there is no such bucket. Make it first, or mend its name"
_NOWHERE = "127.0.0.1:0"  # nobody ever listens there
# Who gives out keys to a cloud's own machines and tools.
_KEY_GIVERS = "169.254.0.0/16,amazonaws.com,googleapis.com,google.internal,microsoftonline.com"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_UNREACHED = ("error sending request", "dns error", "connect", "timed out", "operation timed out")


class ObjectPlace(Struct, frozen=True, repr_omit_defaults=True):
    """Which one, and what to go by besides the variables that a cloud's own tools read. `name` is
    the path of a folder for kind "file"; everything stands below `prefix`.
    """

    kind: BucketKind
    name: str
    prefix: str = ""
    region: str | None = None
    endpoint: str | None = None
    account: str | None = None
    access_key: str | None = None
    secret_key: str | None = None

    def __repr__(self) -> str:
        return f"ObjectPlace({self.shown})"

    @property
    def shown(self) -> str:
        """What messages call it."""
        name = f"{self.account}/{self.name}" if self.account else self.name
        return "/".join(filter(None, (f"{_SCHEMES[self.kind]}://{name}", self.prefix)))


class StoredObject(Struct, frozen=True):
    """An object in a listing; `key` is that below the prefix."""

    key: str
    size: int
    written: "datetime"


class Objects:
    """The objects of a bucket below its prefix. Not for a process that forks. Who is not patient
    learns within two seconds that nobody answers.
    """

    def __init__(self, place: ObjectPlace, *, is_patient: bool = True) -> None:
        self._place, self._is_patient = place, is_patient
        self._opened: ObjectStore | None = None

    @property
    def name(self) -> str:
        """What messages call it, with no query and nothing that is secret."""
        return self._place.shown

    def below(self, prefix: str) -> "Objects":
        """Those below one more prefix."""
        inner = "/".join(filter(None, (self._place.prefix, prefix)))
        found = Objects(structs.replace(self._place, prefix=inner))
        found._opened = self._opened = self._store()
        return found

    def create(self, key: str, data: bytes) -> bool:
        """Whether the object is there now with these bytes: else another one was there before. One
        whose creation was answered, and the answer lost, is ours all the same.
        """
        obstore = _library()
        with self._told("write", key):
            try:
                obstore.put(
                    self._store(), self._path(key), data, mode="create", use_multipart=False
                )
            except obstore.exceptions.AlreadyExistsError:
                return self.get(key) == data
        return True

    def put(self, key: str, data: bytes) -> None:
        """The object with these bytes, whatever was there."""
        with self._told("write", key):
            _library().put(self._store(), self._path(key), data, use_multipart=False)

    def get(self, key: str, most: int | None = None) -> bytes | None:
        """The object's bytes; None if there is none. One of more than `most` bytes is not read, and
        comes out empty.
        """
        with self._told("read", key):
            return self._unless_absent(lambda: self._read(key, most))

    def _read(self, key: str, most: int | None) -> bytes:
        found = _library().get(self._store(), self._path(key))
        return b"" if most is not None and found.meta["size"] > most else bytes(found.bytes())

    def listed(self, prefix: str) -> list[StoredObject]:
        """All objects below a prefix that ends in a slash, in no order."""
        return self._listed(prefix, lambda pages: [meta for page in pages for meta in page])

    def few(self, prefix: str) -> list[StoredObject] | None:
        """As `listed`, by one request; None where that may not be all."""
        found = self._listed(prefix, lambda pages: next(iter(pages), []))
        return found if len(found) < _PAGE else None

    def _listed(self, prefix: str, take: Callable[[Any], list[Any]]) -> list[StoredObject]:
        with self._told("list", prefix):
            pages = _library().list(self._store(), prefix=self._path(prefix), chunk_size=_PAGE)
            found = self._unless_absent(lambda: take(pages))
        begin = len(self._path(""))
        return [
            StoredObject(meta["path"][begin:], meta["size"], meta["last_modified"])
            for meta in found or ()
        ]

    def delete(self, *keys: str) -> None:
        """No object of these keys; there need not have been one."""
        paths = [self._path(key) for key in keys]
        # S3 takes several at once, and does not mind what is not there: elsewhere that ends them.
        together = [paths] if self._place.kind == "s3" else [[path] for path in paths]
        with self._told("delete", " and ".join(keys)):
            for some in together:
                self._unless_absent(lambda some=some: _library().delete(self._store(), some))  # type: ignore[misc]

    def clear_folders(self) -> None:
        """No empty folder of objects that were deleted, where a folder is used like a bucket."""
        if self._place.kind != "file":
            return
        here = Path(self._place.name, self._place.prefix)
        inner = [Path(folder) for folder, _, _ in os.walk(here, topdown=False)]
        for folder in (*inner, here.parent):
            with suppress(OSError):  # something is in it
                folder.rmdir()

    def _path(self, key: str) -> str:
        return f"{self._place.prefix}/{key}" if self._place.prefix else key

    def _store(self) -> "ObjectStore":
        if self._opened is None:
            self._opened = _opened(self._place, is_patient=self._is_patient)
        return self._opened

    def _unless_absent(self, ask: Callable[[], _T]) -> _T | None:
        """What it gives; None for an object that is not there. A bucket that is not there has
        another answer.
        """
        try:
            return ask()
        except FileNotFoundError as cause:
            if _code(cause)[2:-1] in _NO_BUCKET:
                raise
            return None

    @contextmanager
    def _told(self, verb: str, key: str) -> Iterator[None]:
        """In words of our own; the library's error is not even the cause of it."""
        library = _library().exceptions
        failed: RunnerError | None = None
        try:
            yield
        except RunnerError:
            raise
        except FileNotFoundError:
            failed = self._failed(verb, key, _ABSENT)
        except (library.PermissionDeniedError, library.UnauthenticatedError) as cause:
            failed = self._failed(
                verb,
                key,
                f"it was refused{_code(cause)}. Look at the keys, and at what they may do",
            )
        except (library.BaseError, OSError, ValueError) as cause:
            failed = self._failed(verb, key, _why(cause))
        if failed is not None:
            raise failed from None

    def _failed(self, verb: str, key: str, why: str) -> RunnerError:
        at = self._place.endpoint
        where = f" at {_plain(at)}" if at else ""
        return error(
            "Object store cannot be used",
            f"Could not {verb} {key or 'anything'} in {self.name}{where}: {why}.",
            Where(self.name),
        )


def _library() -> Any:
    """RunnerError, naming the extra, where it is not installed."""
    try:
        import obstore  # noqa: PLC0415  # only who has a bucket needs it
        import obstore.exceptions  # noqa: PLC0415
    except ImportError as cause:
        raise not_installed(
            "The client of buckets is not installed",
            "Buckets and shared folders are reached by a package that is missing (obstore).",
            "remote",
        ) from cause
    return obstore


def _opened(place: ObjectPlace, *, is_patient: bool) -> "ObjectStore":
    from obstore import store as stores  # noqa: PLC0415

    client: Any = {"timeout": _TIMEOUT, "connect_timeout": timedelta(seconds=10)}
    retry: Any = {"max_retries": 4, "retry_timeout": _RETRIES}
    if not is_patient:
        client, retry = {"timeout": _SOON, "connect_timeout": _SOON}, {"max_retries": 0}
    client |= _within(place.endpoint)
    if (place.endpoint or "").startswith("http://"):
        client["allow_http"] = True
    match place.kind:
        case "s3":
            config = _set(
                region=place.region,
                endpoint=place.endpoint,
                access_key_id=place.access_key,
                secret_access_key=place.secret_key,
            )
            return stores.S3Store(
                place.name, config=config, client_options=client, retry_config=retry
            )
        case "gcs":
            config = _set(base_url=place.endpoint, service_account_key=place.secret_key)
            return stores.GCSStore(
                place.name, config=config, client_options=client, retry_config=retry
            )
        case "azure":
            config = _set(
                account_name=place.account, account_key=place.secret_key, endpoint=place.endpoint
            )
            return stores.AzureStore(
                place.name, config=config, client_options=client, retry_config=retry
            )
        case "file":
            return stores.LocalStore(place.name, mkdir=True, automatic_cleanup=False)


def _within(endpoint: str | None) -> dict[str, Any]:
    """What keeps a client at the endpoint that is named. The library follows redirects, and takes a
    session token along: whatever is not for that host goes by a proxy that is none. A cloud's own
    hosts may lead to each other; where the environment names a proxy, that one decides.
    """
    if endpoint is None or _has_proxy():
        return {}
    hosts = f"{urlsplit(endpoint).hostname},{_KEY_GIVERS}"
    return {"proxy_url": f"http://{_NOWHERE}", "proxy_excludes": hosts}


def _has_proxy() -> bool:
    if sys.platform in ("darwin", "win32"):  # the system may have one
        from urllib.request import getproxies  # noqa: PLC0415  # costly, and only there needed

        return bool(getproxies())
    return any(os.environ.get(name) for name in os.environ if name.lower() in _PROXIES)


def _set(**values: str | None) -> Any:
    return {name: value for name, value in values.items() if value is not None}


def _code(cause: Exception) -> str:
    """What a server calls its error, if that is one word."""
    found = _CODE.search(str(cause))
    return f" ({found[1]})" if found else ""


def _refused(cause: Exception) -> str:
    return f"it was refused{_code(cause)}. Look at the keys, and at what they may do"


def _why(cause: Exception) -> str:
    said = str(cause)
    status = _STATUS.search(said)
    if _NOWHERE in said:
        return "it leads to another host, which is not followed. Name the bucket's own endpoint"
    if "redirect" in said.lower() or (status and status[1].startswith("3")):
        return "it answers with a redirect, as for a wrong region. Name the bucket's own region"
    if _code(cause)[2:-1] in _NO_BUCKET:
        return _ABSENT
    if any(part in _code(cause) for part in _REFUSED):
        return _refused(cause)
    if _code(cause) or status:
        return (
            f"it answers with an error{_code(cause) or f' (status {status[1]})' if status else ''}"
        )
    if any(part in said.lower() for part in _UNREACHED):
        return "it could not be reached. Look at the network and the endpoint"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return f"the library says {type(cause).__name__}. Look at its region, endpoint and keys"


def _plain(endpoint: str) -> str:
    """Without a query and credentials."""
    scheme, _, rest = endpoint.partition("?")[0].partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
