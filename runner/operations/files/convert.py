"""What other programs are given, from files, as this configuration language."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runner.errors import Problem, RunnerError, Where, error
from runner.foreign.promptfoo.convert import convert_promptfoo
from runner.foreign.requests import convert_requests
from runner.hcl import Converted, convert
from runner.io import files, links
from runner.operations.files.named_file import read_source


def converted(sources: Sequence[str | bytes], out: str | None = None) -> Converted:
    """All sources as one configuration, written to `out` if that is given: files, folders for their
    *.tf, and what was piped, as bytes. RunnerError if there is a file `out` already.
    """
    target = None if out is None else Path(out)
    if target is not None:
        _refuse(target)
    made = _converted(_texts(sources))
    if target is not None:
        files.make_directory(target.parent)
        files.write_named(target, made.text.encode())
    return made


def _converted(texts: Sequence[tuple[str, str]]) -> Converted:
    kinds = {name: _kind(name, text) for name, text in texts}
    first, *others = set(kinds.values())
    if others:
        listed = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
        said = f"Files of one kind make one configuration, but these are several: {listed}."
        raise error("Several kinds of files", f"{said} Convert those of each kind by themselves.")
    return _READERS[first](texts)


def _kind(name: str, text: str) -> str:
    """What a file holds: its name says so, and of what was piped its first character."""
    ending = Path(name).suffix.lower()
    if ending in (".yaml", ".yml"):
        return "promptfoo"
    if ending in (".jsonl", ".ndjson") or (not ending and text.lstrip()[:1] == "{"):
        return "JSONL"
    return "HCL"


def _promptfoo(texts: Sequence[tuple[str, str]]) -> Converted:
    (name, text), *others = texts
    if others:
        said = (
            f"{others[0][0]} is a configuration of its own, as {name} is. Convert each by itself."
        )
        raise error("Several configurations", said, Where(others[0][0]))
    folder = Path(name).parent

    def read(file: str) -> str:
        target = folder / file
        return files.text_of(str(target), files.read_named(str(target)))

    return convert_promptfoo(name, text, read)


_READERS: Mapping[str, Callable[[Sequence[tuple[str, str]]], Converted]] = {
    "HCL": convert,
    "JSONL": convert_requests,
    "promptfoo": _promptfoo,
}


def _refuse(target: Path) -> None:
    links.refuse_leaving(Path(), target, "Take the link away, or name another file with --out.")
    if files.identity(target) is not None and not files.is_stream(target):
        raise error(
            "File exists",
            f"{target} is there already, and convert never overwrites. Name another file with "
            "--out, or take it away.",
            Where(str(target)),
        )


def _texts(sources: Sequence[str | bytes]) -> list[tuple[str, str]]:
    """Each file's name and text; every missing one is told."""
    found: list[tuple[str, str]] = []
    problems: list[Problem] = []
    for source in sources:
        try:
            found += _text(source)
        except RunnerError as exc:
            problems += exc.problems
    if problems:
        raise RunnerError(*problems)
    return found


def _text(source: str | bytes) -> list[tuple[str, str]]:
    if isinstance(source, str) and Path(source).is_dir():
        inside = sorted(Path(source).glob("*.tf"))
        if not inside:
            raise error("No such file", f'There are no *.tf files in "{source}".', Where(source))
        return [pair for file in inside for pair in _text(str(file))]
    name, data = read_source(source)
    return [(name, files.text_of(name, data))]
