"""Random projects by the files that they name: in the project, outside of it, and through links."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from hypothesis import strategies as st

from tests.harness.lab import Lab

PRIVATE = "nobody-may-see-this"
Way = Literal["file", "template", "document", "schema", "module", "output"]
Place = Literal["inside", "above", "absolute", "link", "folder link", "hidden"]


@dataclass(frozen=True, slots=True)
class Taking:
    """A file, or a module's folder, that a configuration names; how and where."""

    way: Way
    place: Place

    @property
    def is_inside(self) -> bool:
        """Whether it may be read, or written."""
        return self.place == "inside"

    def written(self, number: int, outside: Path) -> str:
        named = self._named(outside)
        match self.way:
            case "file":
                return _completion(number, f"'{{{{ file(\"{named}\") }}}}'")
            case "template":
                return _completion(number, f"'{{{{ template(\"{named}\") }}}}'")
            case "document":
                part = f"{{ type = 'file', file = {{ file = '{named}' }} }}"
                return _completion(number, f"[{part}]")
            case "schema":
                schema = f"{{ name = 's', schema = {{ file = '{named}' }} }}"
                wanted = f"response_format = {{ type = 'json_schema', json_schema = {schema} }}\n"
                return _completion(number, "'s'") + wanted
            case "module":
                return f"[module.b{number}]\nsource = '{named}'\n"
            case "output":
                value = f"{{{{ completion.b{number}.content }}}}"
                output = f"[output.b{number}]\nvalue = '{value}'\nfile = '{named}'\n"
                return _completion(number, "'o'") + output.replace("out/", f"out/{number}-")

    def _named(self, outside: Path) -> str:
        name = {"module": "m", "schema": "s.json", "output": "out/o.txt"}.get(self.way, "p.txt")
        match self.place:
            case "inside":
                return name if self.way == "output" else f"../held/{name}"
            case "above":
                return f"../../{outside.parent.name}/outside/{name}"
            case "absolute":
                return str(outside / name)
            case "link":
                return f"../links/{name}" if self.way != "output" else f"links/{name}"
            case "folder link":
                return f"../linked/{name}" if self.way != "output" else f"linked/{name}"
            case "hidden":
                return "../.env" if self.way != "output" else ".git/o.txt"


def _completion(number: int, content: str) -> str:
    said = f"messages = [{{ role = 'user', content = {content} }}]\n"
    return f"[completion.b{number}]\nmodel = 'm'\n{said}"


def files_of(found: list[Taking], outside: Path) -> dict[str, str]:
    """The files of a project that names these."""
    text = "".join(taking.written(i, outside) for i, taking in enumerate(found))
    return {"configs/main.toml": text, **{f"held/{name}": it for name, it in _HELD.items()}}


_HELD = {
    "p.txt": "inside",
    "s.json": '{"type": "object"}',
    "m/main.toml": _completion(0, "'m'"),
}


def lay_out(held: Lab, outside: Path) -> None:
    """What stands outside, and the links of the project that lead there."""
    for name in (*_HELD, "out/o.txt"):
        path = outside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        said = f"'{PRIVATE}'"
        path.write_text(_completion(0, said) if path.suffix == ".toml" else said, encoding="utf-8")
    links = held.directory / "links"
    links.mkdir()
    for name in ("p.txt", "s.json", "m", "out"):
        (links / name).symlink_to(outside / name)
    (held.directory / "linked").symlink_to(outside)
    held.environment = {**held.environment, "PRIVATE": PRIVATE}


takings = st.builds(Taking, st.sampled_from(get_args(Way)), st.sampled_from(get_args(Place)))
