"""`runner init`: a small project that plans as it is written, and runs without a key."""

import argparse
import shlex
import sys
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

_GITIGNORE = """\
# state/state.json and outputs.json are meant to be committed; these are not.
state/cache/
.lock
.lock.info
*.backup
errored-*
.env
"""

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


def run(arguments: argparse.Namespace) -> int:
    """Write what is not there yet; RunnerError where there is a configuration already."""
    directory = Path(arguments.chdir) / (arguments.directory or ".")
    config = directory / arguments.config
    _refuse(directory, config)
    wanted = (config / "main.toml", directory / ".gitignore", directory / "README.md")
    advice = "Take it away, or name another folder: runner init DIR"
    refuse_links(directory, wanted, advice)
    files.make_directory(config)
    _write(config / "main.toml", _MAIN)
    kept = []
    readme = _README.format(name=directory.resolve().name or "project", config=arguments.config)
    for name, text in ((".gitignore", _GITIGNORE), ("README.md", readme)):
        if files.identity(directory / name) is None:
            _write(directory / name, text)
        else:
            kept.append(name)
    for name in kept:
        sys.stderr.write(f"{directory / name} is there already, and was left as it is.\n")
    if ".gitignore" in kept:
        sys.stderr.write("It should name: state/cache/ .lock .lock.info *.backup errored-* .env\n")
    sys.stderr.write(f"\nThe project is ready. Next:\n\n    {_next(arguments)}\n")
    return 0


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


def _write(path: Path, text: str) -> None:
    files.write_atomic(path, text.encode())
    sys.stdout.write(f"{path}\n")


def _next(arguments: argparse.Namespace) -> str:
    words = ["runner"]
    if arguments.chdir != ".":
        words += ["-C", arguments.chdir]
    if arguments.config != "configs":
        words += ["--config", arguments.config]
    if arguments.directory in (None, "."):
        return shlex.join([*words, "plan"])
    if arguments.chdir == ".":
        return f"cd {shlex.quote(arguments.directory)} && {shlex.join([*words, 'plan'])}"
    words[2] = str(Path(arguments.chdir) / arguments.directory)
    return shlex.join([*words, "plan"])
