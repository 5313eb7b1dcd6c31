"""A stranger's repository: links out of it, outputs into what others obey, code to be imported."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from tests.fuzz.trying import BrokenError, Folder

_STATE = (
    *("state", "state/state.json", "state/state.json.backup", "state/outputs.json", "state/.lock"),
    *("state/.lock.info", "state/cache", "state/cache/cache.db", "state/cache/cache.db-wal"),
    *("state/cache/cache.db-shm", "state/workspaces", "state/workspaces/dev"),
)
_READ = (
    *("configs", "configs/main.toml", "configs/more.toml", "configs/vars.toml", ".env"),
    *("configs/x.auto.vars.toml", "configs/modules", "configs/modules/m", "configs/data"),
    *("configs/data/note.txt", "configs/data/people.csv", "configs/modules/m/main.toml"),
)
_WRITTEN = ("out", "out/first.txt", "out/more")
_OBEYED = (
    *(".git/config", ".git/hooks/post-checkout", ".envrc", ".github/workflows/x.yml", ".env"),
    *(
        "GIT~1/config",
        ".GIT/config",
        "./.git/config",
        "out/../.git/config",
        "out/more/../../.envrc",
    ),
    *(".g\u200cit/config", "\u200d.git/x", ".git./config", ".git /config", ".git::$DATA", "con"),
    *("configs/more.toml", "CONFIGS/main.toml", "configs/data/note.txt", "state/x", "State/y"),
    *("../outside/x", "/etc/x", "out\\..\\.git\\config", "json.py/../.envrc", "", ".", "..", "out"),
)
_NAMES = st.sampled_from((*_OBEYED, *_WRITTEN, "out/x.txt", "README.md")) | st.text(max_size=12)
_MODULES = (
    "json.py",
    "orjson.py",
    "aiohttp.py",
    "sitecustomize.py",
    "pip/__main__.py",
    "brotli.py",
)
_SECRET = "a-secret-of-the-user"


@dataclass(frozen=True, slots=True)
class Repository:
    """What a stranger committed: links by name, each to a target outside; names of outputs."""

    links: dict[str, str]
    files: list[str]
    overwrite: bool

    @property
    def blocks(self) -> str:
        """The outputs that it declares."""
        return "".join(
            f'[output.o{number}]\nvalue = "planted"\nfile = {_toml(file)}\n'
            f"overwrite = {'true' if self.overwrite else 'false'}\n"
            for number, file in enumerate(self.files)
        )


@st.composite
def repositories(draw: st.DrawFn) -> Repository:
    """Some links, some outputs."""
    names = st.sampled_from((*_STATE, *_READ, *_WRITTEN))
    targets = st.sampled_from(("file", "folder", "missing", "folder/missing", "link"))
    links = draw(st.dictionaries(names, targets, max_size=3))
    return Repository(links, draw(st.lists(_NAMES, max_size=2)), draw(st.booleans()))


def plant(folder: Folder, made: Repository) -> Path:
    """Put it into a filled folder; the folder outside, which the user has."""
    outside = folder.path.parent / "outside"
    shutil.rmtree(outside, ignore_errors=True)
    (outside / "folder").mkdir(parents=True)
    (outside / "file").write_text(f'topic = "{_SECRET}"\nA_NAME={_SECRET}\n')
    (outside / "folder/main.toml").write_text(f'[locals]\nx = "{_SECRET}"\n')
    (outside / "link").symlink_to("folder")
    for name in _MODULES:
        path = folder.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"open({str(outside / 'ran')!r}, 'w').close()\n")
    (folder.path / ".git").mkdir(exist_ok=True)
    for name, target in made.links.items():
        _link(folder.path / name, outside / target)
    return outside


def check(folder: Folder, outside: Path, said: str) -> None:
    """Nothing outside was written or read, and nothing that others obey was made."""
    found = sorted(path.relative_to(outside).as_posix() for path in outside.rglob("*"))
    if found != ["file", "folder", "folder/main.toml", "link"]:
        raise BrokenError("something outside was written", str(found))
    held = (outside / "file").read_text() + (outside / "folder/main.toml").read_text()
    if held.count(_SECRET) != 3 or len(held) > 200:
        raise BrokenError("something outside was changed", held)
    if _SECRET in said:
        raise BrokenError("something outside was read", said)
    for path in folder.path.rglob("*"):
        parts = path.relative_to(folder.path).parts
        if not path.is_symlink() and path.is_file() and _is_obeyed(path, parts):
            raise BrokenError("an output is where others look for orders", str(path))


def _is_obeyed(path: Path, parts: tuple[str, ...]) -> bool:
    """Whether an output stands there; the state has a lock of its own, the configuration rows."""
    if not any(part.startswith(".") or part in ("configs", "state") for part in parts):
        return False
    return path.read_bytes() == b"planted"


def _link(path: Path, target: Path) -> None:
    if any(above.is_symlink() for above in path.parents):
        return  # a link above it was planted first
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def _toml(text: str) -> str:
    shown = "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in text)
    return f'"{shown}"'
