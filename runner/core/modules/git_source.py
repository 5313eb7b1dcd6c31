"""Modules that stand in a repository: what a source says, and what the lock file holds of it."""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from runner.core.toml.source import parse, source
from runner.errors import error

LOCK_FILE = ".modules.lock.toml"
CHECKOUTS = ".modules"
"""The folder of what was fetched, beside the lock file."""

_PREFIX = "git::"
_URL = (
    r"(?a)git::(?P<url>(?:https://[A-Za-z0-9][\w.-]*(?::\d+)?|ssh://(?:[A-Za-z0-9][\w.-]*@)?"
    r"[A-Za-z0-9][\w.-]*(?::\d+)?|file://)/(?:[^/?#\s\\]+/)*[^/?#\s\\]+/?)"
    r"(?://(?P<folder>[^?#\\]*))?(?:\?(?P<query>[^#]*))?"
)
_HOST = r"(?P<scheme>https|ssh)://(?:[^@/]*@)?(?P<host>[^/:]+)(?P<port>:\d+)?"
_PORTS = {"https": ":443", "ssh": ":22"}
_REF = r"(?a)[A-Za-z0-9_](?:[\w.+/-]*[\w+-])?"
_COMMIT = r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$"
_ELSEWHERE = r"^\w+::|^\w[\w+.-]*://|^github\.com/|^[\w.-]+@[\w.-]+:"
_SCP = r"(?P<host>[\w.-]+@[\w.-]+):(?P<path>[^?]+?)(?:\?.*)?$"
_ADVICE = "https://HOST/REPOSITORY.git//FOLDER?ref=TAG"
_HEAD = (
    "# Written by `runner init`, to be committed. `runner init --upgrade` resolves each ref anew.\n"
)


class GitSource(Struct, frozen=True):
    """A folder of a repository at a ref: a tag, a branch or a whole commit."""

    url: str
    ref: str
    folder: str

    @property
    def name(self) -> str:
        """What is fetched, in words."""
        return f"{self.url} at {self.ref}"

    @property
    def place(self) -> str:
        """Where it is fetched from, as the user's trust has it: a host, or a folder."""
        found = re.match(_HOST, self.url)
        if found is None:
            return self.url
        port = (found["port"] or "").removesuffix(_PORTS[found["scheme"]])
        return f"{found['scheme']}://{found['host'].lower()}{port}"


class LockedModule(Struct, frozen=True, forbid_unknown_fields=True):
    """What a ref of a repository named when it was fetched: a commit, and its files."""

    source: str
    ref: str
    commit: Annotated[str, Meta(pattern=_COMMIT)]
    digest: Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")]

    @property
    def folder(self) -> str:
        """The name of the folder that holds its files."""
        return sha256(f"{self.source} {self.commit}".encode()).hexdigest()[:16]


Lock = Mapping[tuple[str, str], LockedModule]


class _LockFile(Struct, frozen=True):
    module: tuple[LockedModule, ...] = ()


def is_elsewhere(text: str) -> bool:
    """Whether a source is an address, and no folder."""
    return re.search(_ELSEWHERE, text) is not None


def git_source(text: str) -> GitSource:
    """What an address names; ValueError, saying what to write, for one that is not taken."""
    found = re.fullmatch(_URL, text)
    if found is None:
        raise ValueError(_otherwise(text))
    folder = (found["folder"] or "").strip("/")
    if any(part in ("", ".", "..") for part in folder.split("/")) and folder:
        raise ValueError(f'"{folder}" is no folder of a repository.')
    name, _, ref = (found["query"] or "ref=HEAD").partition("=")
    if name != "ref" or not re.fullmatch(_REF, ref) or ".." in ref:
        said = "After the question mark stands ref= with a tag, a branch or a whole commit"
        raise ValueError(f'"{text}": {said}: git::{_ADVICE}')
    return GitSource(found["url"].rstrip("/"), ref, folder)


def _otherwise(text: str) -> str:
    wanted = _ADVICE
    scp = re.match(_SCP, text)
    if scp is not None:
        wanted = f"ssh://{scp['host']}/{scp['path'].lstrip('/')}"
    elif text.startswith(("https://", "ssh://", "file://")) and re.fullmatch(_URL, _PREFIX + text):
        wanted = text
    elif text.startswith("github.com/") and re.fullmatch(_URL, f"git::https://{text}"):
        wanted = f"https://{text}"
    elif text.startswith("git::https://") and "@" in text.partition("?")[0]:
        return (
            "An address in a configuration holds no user and no key: git asks your credential "
            f"helper. Write git::{wanted}"
        )
    return (
        "It is an address, and a module is a folder of this project, or one of a git repository: "
        f'source = "./modules/NAME", or source = "{_PREFIX}{wanted}" (https, ssh or file).'
    )


def read_lock(name: str, data: bytes | None) -> Lock:
    """What a lock file holds; nothing where there is none. RunnerError if it is damaged."""
    if data is None:
        return {}
    try:
        held = msgspec.convert(parse(source(name, data)), _LockFile)
    except msgspec.ValidationError as cause:
        said = f"{name}: {cause}. Take it from version control, or write it anew: runner init"
        raise error("Lock file is damaged", said) from cause
    return {(one.source, one.ref): one for one in held.module}


def written_lock(held: Iterable[LockedModule]) -> bytes:
    """A lock file, sorted."""
    import tomli_w  # noqa: PLC0415  # only `runner init` writes one

    ordered = sorted(held, key=lambda one: (one.source, one.ref))
    return (_HEAD + tomli_w.dumps({"module": [*map(msgspec.to_builtins, ordered)]})).encode()


def files_digest(files: Mapping[str, bytes]) -> str:
    """What stands for the names and the content of files."""
    found = sha256()
    for name in sorted(files):
        found.update(f"{len(name.encode())} {len(files[name])} {name}".encode())
        found.update(files[name])
    return f"sha256:{found.hexdigest()}"
