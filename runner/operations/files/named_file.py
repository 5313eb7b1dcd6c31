"""Files that the user names: to be read, or piped; and to be written, as `plan --out` does."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from runner.errors import Where, error
from runner.io import files, links


class NamedFile(Struct, frozen=True):
    """Named with `flag` for content of one `kind`, which `is_one` tells from any other."""

    project: Path
    name: str
    flag: str
    kind: str
    is_one: Callable[[bytes], bool]

    def target(self) -> Path:
        """Where it will be, links followed; a pipe or a device as it was named. RunnerError if a
        link of the project leads out of it, which the user need not know; if something else than
        one of this kind stands there; or for "-", which elsewhere is standard output and no name
        of a file.
        """
        if self.name == "-":
            raise error(
                "Invalid file name",
                f"{self.flag} wants the name of a file: nothing is written to standard output by "
                'it. A file that is to be called "-" is ./-',
            )
        advice = f"Take the link away, or name another file with {self.flag}."
        target = links.refuse_leaving(self.project, Path(self.name), advice)
        if files.is_stream(Path(self.name)):
            return Path(self.name)
        if files.identity(target) is None:
            return target
        data = None if target.is_dir() else files.read(target)
        if data is None or (data and not self.is_one(data)):
            raise error(
                "File exists",
                f"{target} is there already and is no {self.kind}, so it was not overwritten. Name "
                f"another file with {self.flag}.",
                Where(str(target)),
            )
        return target

    def write(self, data: bytes) -> None:
        """In the place of what may stand there; RunnerError as `target` says."""
        files.write_named(self.target(), data)


def read_source(source: str | bytes) -> tuple[str, bytes]:
    """The name and the bytes of a file, or of what was piped, as bytes; RunnerError if there is no
    such file.
    """
    if isinstance(source, bytes):
        return "standard input", source
    return source, files.read_named(source)
