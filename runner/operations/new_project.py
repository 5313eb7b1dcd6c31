"""A small project that plans as it is written, and runs without a key."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.errors import Where, error
from runner.io import files
from runner.io.links import refuse_links

_MAIN = """\
# A small project. `runner plan` shows what it would ask, `runner apply` asks and keeps the answers.

[runner]
provider = "embedded"  # a real, small model in this process: no key, no network

# With a key in OPENAI_API_KEY: provider = "openai" above, and a model for all completions here.
# [provider.openai.defaults]
# model = "gpt-4o-mini"

[variable.topic]
type = "string"
default = "the solar system"
description = "What to talk about"

[completion.chat]
temperature = 0
seed = 1
max_tokens = 120
messages = [
  { role = "system", content = "You are a helpful assistant." },
  { role = "user", content = "Tell me about {{ var.topic }} in three sentences." },
]

# An answer in a prompt: this one waits for the other, and is asked again only if that changes.
[completion.summary]
temperature = 0
seed = 1
max_tokens = 40

[[completion.summary.messages]]
role = "user"
content = \"\"\"
Summarise in one line:

{{ completion.chat.content }}
\"\"\"

[output.summary]
value = "{{ completion.summary.content }}"
description = "The topic in one line"
"""

IGNORED = ("state/cache/", ".lock", ".lock.info", "*.backup", "errored-*", ".env")
"""What of a project is not meant to be committed."""

_COMMITTED = "# state/state.json and outputs.json are meant to be committed; these are not."
_GITIGNORE = "".join(f"{line}\n" for line in (_COMMITTED, *IGNORED))

_README = """\
# {name}

Completions as code: `{config}/` says what is asked of which model, `state/` keeps every answer.

    runner plan                          what would be asked, why, and what it costs
    runner apply                         the same, then asks you, then the model
    runner output summary --raw          one answer
    runner apply --var topic=volcanoes   only what changed is asked again

Commit `{config}/` and `state/`: whoever clones this has the answers, and pays for none of them.
A key for another model goes into the environment or into `.env`, never into `{config}/`.
"""


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """A file of a new project. It was left as it is where it is not new."""

    path: Path
    is_new: bool


def new_project(directory: Path, config: str) -> Iterator[ProjectFile]:
    """Write what is not there yet: each file, once it is. RunnerError where there is a
    configuration already.
    """
    folder = directory / config
    _refuse(directory, folder)
    main, ignore, readme = folder / "main.toml", directory / ".gitignore", directory / "README.md"
    advice = "Take it away, or name another folder: runner init DIR"
    refuse_links(directory, (main, ignore, readme), advice)
    files.make_directory(folder)
    about = _README.format(name=directory.resolve().name or "project", config=config)
    for path, text in ((main, _MAIN), (ignore, _GITIGNORE), (readme, about)):
        is_new = files.identity(path) is None
        if is_new:
            files.write_atomic(path, text.encode())
        yield ProjectFile(path, is_new)


def _refuse(directory: Path, config: Path) -> None:
    for place in (directory, config):
        if files.identity(place) is not None and not place.is_dir():
            raise error("Not a directory", f"{place} is a file. Name another directory.")
    found = sorted(config.glob("*.toml")) if config.is_dir() else []
    if found:
        raise error(
            "Project is there already",
            f"{config} holds {found[0].name} already, and init never overwrites. Use it as it is "
            "(`runner plan`), or name another directory: runner init DIR.",
            Where(str(found[0])),
        )
