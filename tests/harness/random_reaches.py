"""Random projects by what they reach for: hosts, keys, the environment, and files."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from hypothesis import strategies as st

from runner.core.secrets.trust import Door, KeyDoor, Trust, VariableDoor

OWN = "https://api.openai.com"  # needs no yes for the key that is its own
HOSTS = ("https://a.example", "https://b.example", OWN)
OWN_KEY = "OPENAI_API_KEY"
KEYS = ("KEY_A", "KEY_B")
SECRETS = ("SECRET_A", "SECRET_B")
ENVIRONMENT = {name: f"{name}-0123456789abcdef" for name in (*KEYS, *SECRETS, OWN_KEY)}


@dataclass(frozen=True, slots=True)
class Going:
    """A provider: its servers, the variable of the key that it names, and what of the environment
    goes along with every request.
    """

    hosts: tuple[str, ...]
    key: str | None
    header: str | None
    query: str | None

    def key_for(self, host: str) -> str | None:
        """The variable whose key may go to one of its servers."""
        return self.key or (OWN_KEY if host == OWN else None)

    def needs_yes(self, host: str) -> bool:
        """Whether the user has to say that requests may go there at all."""
        return host != OWN or self.key is not None

    def written(self, name: str) -> str:
        urls = [f"{host}/v1" for host in self.hosts]
        where = f"base_url = '{urls[0]}'" if len(urls) == 1 else f"base_urls = {urls}"
        key = f"api_key_env = '{self.key}'\n" if self.key else ""
        along = (("headers", self.header), ("query", self.query))
        tables = "".join(f"{table} = {{ x-a = '{said(it)}' }}\n" for table, it in along if it)
        return f"[provider.{name}]\ntype = 'openai'\n{where}\n{key}{tables}"


Kind = Literal["completion", "extra_headers", "data", "import"]


@dataclass(frozen=True, slots=True)
class Asker:
    """A block that asks a provider, by its number, for something that hangs on a variable of the
    environment, and on the answer of the completion of the block `after`.
    """

    kind: Kind
    provider: int
    secret: str | None
    after: int | None

    def written(self, number: int, askers: "tuple[Asker, ...]") -> str:
        is_answered = self.after is not None and askers[self.after].kind != "data"
        below = f"{{{{ completion.b{self.after}.content }}}}" if is_answered else ""
        by, reads = f"provider = 'p{self.provider}'\n", said(self.secret)
        match self.kind:
            case "completion":
                return _completion(number, f"{by}messages = {_user(number, reads + below)}\n")
            case "extra_headers":
                more = f"extra_headers = {{ x-b = '{reads}' }}\n"
                return _completion(number, f"{by}messages = {_user(number, below)}\n{more}")
            case "data":
                asks = f"metadata = {{ m = '{reads}{below}' }}\n"
                return f"[data.chat_completions.b{number}]\n{by}{asks}"
            case "import":
                brought = f"[[import]]\nto = 'completion.b{number}'\nid = '{number} {reads}'\n"
                return brought + _completion(number, f"{by}messages = {_user(number, below)}\n")


def said(variable: str | None) -> str:
    """An expression that reads the variable."""
    return f'{{{{ env("{variable}") }}}}' if variable else "nothing"


def _completion(number: int, rest: str) -> str:
    return f"[completion.b{number}]\nmodel = 'm'\n{rest}"


def _user(number: int, content: str) -> str:
    return f"[{{ role = 'user', content = '{number} {content}' }}]"


@dataclass(frozen=True, slots=True)
class Reaching:
    """A project that reaches for hosts and for the environment."""

    providers: tuple[Going, ...]
    askers: tuple[Asker, ...]

    @property
    def text(self) -> str:
        """Its configuration."""
        providers = [one.written(f"p{i}") for i, one in enumerate(self.providers)]
        return "".join(
            [*providers, *(b.written(i, self.askers) for i, b in enumerate(self.askers))]
        )

    @property
    def asked(self) -> Iterator[tuple[Going, str]]:
        """The servers of the providers that a block asks."""
        for number in {asker.provider for asker in self.askers}:
            yield from ((self.providers[number], host) for host in self.providers[number].hosts)

    @property
    def reads(self) -> set[str]:
        """The variables of the environment that something of it reads."""
        read = {asker.secret for asker in self.askers}
        read.update(name for going in self.providers for name in (going.header, going.query))
        return {name for name in read if name is not None}

    @property
    def hosts(self) -> set[str]:
        """Where it may send anything."""
        return {host for _, host in self.asked}


_read = st.sampled_from((None, None, *SECRETS))
_kinds = st.sampled_from(("completion", *get_args(Kind)))


@st.composite
def reaching(draw: st.DrawFn) -> Reaching:
    """Two or three providers, each with servers of its own, and two to four blocks that ask them
    in a row, most of them with the answer of the one before.
    """
    hosts = draw(st.permutations(HOSTS))
    servers = draw(st.sampled_from(([hosts[:1], hosts[1:]], [[host] for host in hosts])))
    keys = st.sampled_from((None, None, *KEYS))
    providers = [Going(tuple(named), draw(keys), draw(_read), draw(_read)) for named in servers]
    askers = [
        Asker(
            draw(_kinds),
            draw(st.integers(0, len(providers) - 1)),
            draw(st.sampled_from((*SECRETS, None))),
            draw(st.sampled_from((number - 1, number - 1, None))) if number else None,
        )
        for number in range(draw(st.integers(2, 4)))
    ]
    return Reaching(tuple(providers), tuple(askers))


@st.composite
def permitted(draw: st.DrawFn) -> tuple[Reaching, Trust]:
    """A project, and what the user said yes to: hosts, and every door to one of its hosts of what
    it reads, but for one.
    """
    reaches = draw(reaching())
    hosts = draw(st.sampled_from((frozenset[str](), frozenset[str](), frozenset(reaches.hosts))))
    keys = [KeyDoor(host, going.key_for(host)) for going, host in reaches.asked]
    values = [VariableDoor(name, host) for name in reaches.reads for host in reaches.hosts]
    closed = draw(st.sampled_from((None, *sorted(values, key=repr), keys[0])))
    return reaches, Trust(frozenset[Door]((*keys, *values)) - {closed}, hosts)
