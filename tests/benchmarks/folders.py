"""The projects that are measured, written to temporary folders."""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

SYSTEM = (
    "You are an editor of an encyclopedia for children. Answer in two plain sentences, name no "
    "sources, and do not repeat the question."
)
ASK = "What should a child of ten know about {{ each.value.topic }}? {{ each.value.note }}"
SETTINGS = '[runner]\nrequired_version = ">=0.1.0"\nconcurrency = 64\n\n'
NOTE = "Mention one number, and say why it matters to somebody who has never heard of it before."


def rows(directory: Path, number: int) -> Path:
    """One block, for_each over a CSV file of so many rows."""
    configs = _configs(directory)
    (configs / "main.toml").write_text(
        SETTINGS + "[locals]\nrows = \"{{ csv('rows.csv', key='id') }}\"\n\n"
        "[completion.page]\n"
        'for_each = "{{ local.rows }}"\n'
        f"{_body(ASK)}",
        encoding="utf-8",
    )
    with (configs / "rows.csv").open("w", encoding="utf-8") as out:
        out.write("id,topic,note\n")
        out.writelines(f'r{i},the ocean of planet {i},"{NOTE}"\n' for i in range(number))
    return directory


def change_one(directory: Path) -> None:
    """Another topic in one row."""
    table = directory / "configs" / "rows.csv"
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("the ocean of planet 500,", "the moons of planet 500,"), "utf-8")


def blocks(directory: Path, number: int) -> Path:
    """So many blocks, each with a reference to a local, one in ten with one to a completion."""

    def lines() -> Iterator[str]:
        yield f"[locals]\nnote = {json.dumps(NOTE)}\n"
        for i in range(number):
            said = f"Say something about planet {i}. {{{{ local.note }}}}"
            if i % 10 == 9:
                said += f" Not what is said here: {{{{ completion.c{i - 1}.content }}}}"
            yield f"[completion.c{i}]\n{_body(said)}"

    return _written(directory, lines())


def chain(directory: Path, number: int) -> Path:
    """Each completion asks about the one before."""

    def lines() -> Iterator[str]:
        yield f"[completion.c0]\n{_body('Begin.')}"
        for i in range(1, number):
            said = f"Go on, step {i}: {{{{ completion.c{i - 1}.content }}}}"
            yield f"[completion.c{i}]\n{_body(said)}"

    return _written(directory, lines())


def fan(directory: Path, number: int) -> Path:
    """One completion, so many that need it, and one that needs them all."""
    all_of_them = "{% for one in completion.many %}{{ one.content[:20] }} {% endfor %}"
    lines = [
        f"[completion.first]\n{_body('Name a planet.')}",
        f"[completion.many]\ncount = {number}\n"
        + _body("Fact {{ count.index }} about: {{ completion.first.content }}"),
        f"[completion.last]\n{_body('Choose the best: ' + all_of_them)}",
    ]
    return _written(directory, lines)


def terraform(directory: Path, number: int) -> Path:
    """So many terraform_data resources of a completion's size, for_each."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "main.tf").write_text(
        'resource "terraform_data" "page" {\n'
        f'  for_each = {{ for i in range({number}) : "r${{i}}" => i }}\n'
        f'  input = {{ model = "gpt-4o", system = {json.dumps(SYSTEM)},\n'
        f'    prompt = "The ocean of planet ${{each.value}}. {NOTE}",\n'
        f"    answer = {json.dumps(NOTE * 6)} }}\n"
        "}\n",
        encoding="utf-8",
    )
    return directory


def point(directory: Path, url: str | None) -> None:
    """Where the requests go: without a URL wherever the environment says, at the prices of the real
    one; to a server of one's own, for which there are no prices.
    """
    lines = "[provider.openai]\n" + (f'base_url = "{url}"\n' if url else "")
    (directory / "configs" / "provider.toml").write_text(lines, encoding="utf-8")


def write_bodies(directory: Path) -> Path:
    """The bodies that an apply sent, a line each, as its state recorded them."""
    target = directory / "bodies.jsonl"
    with target.open("wb") as out:
        for line in _records(directory):
            start = line.index(b'"request":') + len(b'"request":')
            out.write(line[start : line.index(b',"response":', start)] + b"\n")
    return target


def forget(directory: Path) -> None:
    """As it was before the first apply."""
    shutil.rmtree(directory / "state", ignore_errors=True)


def keep(directory: Path) -> None:
    """A copy of the state, to begin with again."""
    shutil.copytree(directory / "state", directory / "kept", dirs_exist_ok=True)


def restore(directory: Path) -> None:
    """The state as it was kept."""
    forget(directory)
    shutil.copytree(directory / "kept", directory / "state")


def _records(directory: Path) -> Iterator[bytes]:
    with (directory / "state" / "state.json").open("rb") as lines:
        yield from (line for line in lines if line.startswith(b'{"address"'))


def _body(said: str) -> str:
    return (
        'model = "gpt-4o"\ntemperature = 0.2\nmax_completion_tokens = 200\nmessages = [\n'
        f'  {{ role = "system", content = {json.dumps(SYSTEM)} }},\n'
        f'  {{ role = "user", content = {json.dumps(said)} }},\n]\n'
    )


def _written(directory: Path, lines: Iterable[str]) -> Path:
    """Piece by piece: what this process holds would be counted as its children's memory."""
    with (_configs(directory) / "main.toml").open("w", encoding="utf-8") as out:
        out.write(SETTINGS)
        out.writelines(f"{line}\n" for line in lines)
    return directory


def _configs(directory: Path) -> Path:
    configs = directory / "configs"
    configs.mkdir(parents=True, exist_ok=True)
    return configs
