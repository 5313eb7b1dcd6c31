"""What may leave this machine, or be started on it: a closed set of doors, each opened by whoever
owns what is at stake.

A configuration is often somebody else's; the keys and the environment are the user's own.
"""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any, Literal

from msgspec import Struct

Purpose = Literal["completions"]

_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?:[^/?#\\@\s]*@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::(?P<port>[0-9]{1,5}))?(?=[/?]|$)",
    re.IGNORECASE,
)
_PROGRAM = re.compile(r"sha256:[0-9a-f]{64}")
_PLACE = re.compile(r"(s3|gs|az|file|ssh|ray)://.")
_HERE = IPv6Address("::1")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class KeyDoor(Struct, frozen=True):
    """Requests to a host, with the key in a variable of the environment, or with none.

    `host` is the origin (`https://api.groq.com`, without the port that its scheme has anyhow).
    """

    host: str
    credential: str | None
    purpose: Purpose = "completions"


class VariableDoor(Struct, frozen=True):
    """The value of a variable of the environment that env() reads, in requests to a host."""

    name: str
    host: str


class ProgramDoor(Struct, frozen=True):
    """A program that is started on this machine, as long as its files have this digest."""

    command: str
    digest: str


class BackendDoor(Struct, frozen=True):
    """A state in a place of others, with all that was asked and answered, and the credential in a
    variable of the environment, or none. `place` is a bucket, an address or a folder.
    """

    place: str
    credential: str | None


class ModuleDoor(Struct, frozen=True):
    """Modules that are fetched by git, with what the user's git sends to that host. `place` is a
    host (`https://..`, `ssh://..`), or a repository in a folder of this machine (`file://..`).
    """

    place: str


class TelemetryDoor(Struct, frozen=True):
    """What is asked and answered, to the collector at a host that the user's environment names."""

    host: str


class ClusterDoor(Struct, frozen=True):
    """Workers of a Ray cluster (`ray://HOST:PORT`; `ray://auto`, that of this machine). They are
    sent what is asked, use the keys of their own machines, and what they send back may be a
    program.
    """

    place: str


Door = KeyDoor | VariableDoor | ProgramDoor | BackendDoor | ModuleDoor | TelemetryDoor | ClusterDoor


class Trust(Struct, frozen=True):
    """What the user said yes to: `doors` for this project at any time, `hosts` with whatever goes
    there in this run.
    """

    doors: frozenset[Door]
    hosts: frozenset[str]

    def opens(self, door: Door) -> bool:
        """Whether the user said that something may go through a door."""
        return door in self.doors or host_of(door) in self.hosts


def needs_asking(door: Door, own: frozenset[Door]) -> bool:
    """Whether the user has to say yes to a door first. `own` are those that a provider has by its
    own name, or the user's environment; requests without a key to this machine ask nobody's leave.
    """
    match door:
        case KeyDoor(host, credential):
            return door not in own and not (credential is None and is_loopback(host))
        case BackendDoor(at, credential):
            return not (credential is None and is_loopback(origin(at) or ""))
        case TelemetryDoor(host):
            return not is_loopback(host)
        case VariableDoor() | ProgramDoor() | ModuleDoor() | ClusterDoor():
            return True


def host_of(door: Door) -> str:
    """Where a door leads: to a host, to a program, which `--trust` names by its digest, or to a
    bucket or folder.
    """
    match door:
        case KeyDoor(host) | VariableDoor(host=host) | TelemetryDoor(host):
            return host
        case ProgramDoor(digest=digest):
            return f"sha256:{digest}"
        case BackendDoor(at):
            return origin(at) or at
        case ModuleDoor(at) | ClusterDoor(at):
            return at


def in_words(door: Door) -> str:
    """What goes through a door, after "may"; whatever a name holds, it is one line of ASCII."""
    match door:
        case KeyDoor(host, credential):
            key = (
                ", without a key,"
                if credential is None
                else f" and the key in {_shown(credential)}"
            )
            return f"send requests{key} to {host}"
        case VariableDoor(name, host):
            return f"send the value of {_shown(name)} to {host}"
        case ProgramDoor(command, digest):
            return (
                f"start {command!a} on this machine, its files as they are (sha256:{digest[:12]})"
            )
        case BackendDoor(at, credential):
            key = "" if credential is None else f", with the key in {_shown(credential)}"
            return f"keep every question and answer (state, shared cache) in {_line(at)}{key}"
        case ModuleDoor(at):
            return f"fetch modules with git from {_line(at)}"
        case TelemetryDoor(host):
            return f"tell every question and answer to the telemetry collector at {host}"
        case ClusterDoor(at):
            return (
                f"have requests sent by the Ray cluster {_line(at)}, with the keys that it has; "
                "whoever runs it can read them, and run programs here"
            )


def ordered(doors: Iterable[Door]) -> tuple[Door, ...]:
    """Each door once, by host, what carries a key first."""
    return tuple(sorted(set(doors), key=_rank))


def as_table(door: Door) -> dict[str, str]:
    """A door as a table of the record."""
    match door:
        case KeyDoor(host, credential, purpose):
            named = {} if credential is None else {"credential": credential}
            return {"kind": "key", "host": host, **named, "purpose": purpose}
        case VariableDoor(name, host):
            return {"kind": "variable", "name": name, "host": host}
        case ProgramDoor(command, digest):
            return {"kind": "program", "command": command, "digest": digest}
        case BackendDoor(at, credential):
            named = {} if credential is None else {"credential": credential}
            return {"kind": "backend", "place": at, **named}
        case ModuleDoor(at):
            return {"kind": "module", "place": at}
        case TelemetryDoor(host):
            return {"kind": "telemetry", "host": host}
        case ClusterDoor(at):
            return {"kind": "cluster", "place": at}


def from_table(table: Mapping[str, Any]) -> Door | None:
    """The door that a table of the record says; None for one of a kind from a newer version."""
    match table:
        case {"kind": "key", "host": str(host), "purpose": "completions", **rest}:
            match rest.get("credential"):
                case None | str() as credential:
                    return KeyDoor(host, credential)
                case _:
                    return None
        case {"kind": "variable", "name": str(name), "host": str(host)}:
            return VariableDoor(name, host)
        case {"kind": "program", "command": str(command), "digest": str(digest)}:
            return ProgramDoor(command, digest)
        case {"kind": "backend", "place": str(at), **rest}:
            match rest.get("credential"):
                case None | str() as credential:
                    return BackendDoor(at, credential)
                case _:
                    return None
        case {"kind": "module", "place": str(at)}:
            return ModuleDoor(at)
        case {"kind": "telemetry", "host": str(host)}:
            return TelemetryDoor(host)
        case {"kind": "cluster", "place": str(at)}:
            return ClusterDoor(at)
        case _:
            return None


def origin(url: str) -> str | None:
    """Scheme, host and port of a base URL, as doors have it; None if it cannot be told for sure."""
    found = _ORIGIN.match(url)
    if found is None:
        return None
    scheme, host = found["scheme"].lower(), found["host"].lower()
    try:
        if host.startswith("["):
            host = f"[{IPv6Address(host[1:-1]).compressed}]"
        else:
            host = host.encode("idna").decode()
    except ValueError:  # no address, or no name that a look-up could take
        return None
    port = int(found["port"] or _PORTS[scheme])
    return f"{scheme}://{host}" + ("" if port == _PORTS[scheme] else f":{port}")


def place(url: str) -> str | None:
    """As `origin`, with the path, which ends in a slash. No credentials and no query, which are
    shown to nobody.
    """
    host, found = origin(url), _ORIGIN.match(url)
    if host is None or found is None:
        return None
    return f"{host}{url[found.end() :].partition('?')[0].rstrip('/')}/"


def is_openai(url: str) -> bool:
    """Whether an address is OpenAI's own, also where its data stays in a region."""
    host = (origin(url) or "").removeprefix("https://")
    return host == "api.openai.com" or host.endswith(".api.openai.com")


def is_loopback(host: str) -> bool:
    """Whether an origin is on this machine; what only looks like an address is a name, for which
    somebody else answers.
    """
    found = _ORIGIN.fullmatch(host)
    if found is None:
        return False
    named = found["host"].lower().strip("[]")
    try:
        address = ip_address(named)
    except ValueError:
        return named == "localhost"
    return address.is_loopback if address.version == 4 else address == _HERE


def named_hosts(text: str) -> frozenset[str]:
    """The hosts of `--trust HOST[,HOST]`; ValueError, with the one that is none.

    A name without a scheme is https, and http as well where it is this machine; `sha256:..` is a
    program; what begins with s3, gs, az or file and :// is a bucket or a folder, with ssh a host,
    with ray a cluster.
    """
    found: set[str] = set()
    for name in filter(None, (part.strip() for part in text.split(","))):
        if is_no_host(name):
            found.add(name)
            continue
        schemes = ("",) if "://" in name else ("https://", "http://")
        hosts = [origin(f"{scheme}{name}") for scheme in schemes]
        if hosts[0] is None:
            raise ValueError(name)
        found.add(hosts[0])
        found.update(host for host in hosts[1:] if host is not None and is_loopback(host))
    return frozenset(found)


def is_no_host(name: str) -> bool:
    """Whether what `--trust` names is a program, a bucket, a folder or a cluster."""
    return bool(_PROGRAM.fullmatch(name) or _PLACE.match(name))


def _line(text: str) -> str:
    return text if text.isascii() and text.isprintable() else f"{text!a}"


def _shown(variable: str) -> str:
    return f"${variable}" if _PLAIN_NAME.fullmatch(variable) else f"the variable {variable!a}"


def _rank(door: Door) -> tuple[str, bool, str]:
    match door:
        case KeyDoor(host, credential):
            return host, False, credential or ""
        case VariableDoor(name, host):
            return host, True, name
        case ProgramDoor(command, digest):
            return f"~{command}", True, digest  # after every host
        case BackendDoor(at, credential):
            return at, False, credential or ""
        case ModuleDoor(at) | ClusterDoor(at):
            return at, True, ""
        case TelemetryDoor(host):
            return host, True, ""
