"""Projects as the installed version leaves them, for every later version to find as they are.

python -m tests.data.make: writes tests/data/VERSION/, each project with what its commands said.
Once a version is out its projects are never made again: they are what its users have.
"""

import json
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner import __version__
from tests.harness.faults import completion as answer
from tests.harness.project import Project, Ran, completion, serving
from tests.harness.server import FakeAPI

HERE = Path(__file__).parent / __version__
ENV = {"RUNNER_VAR_secret": "hunter2-hunter2", "TEAM": "the penguins of team four"}
READS = (
    ("output", "--json"),
    ("output",),
    ("state", "list"),
    ("workspace", "list"),
    ("plan", "--detailed-exitcode", "--offline", "--no-color"),
)
LEFT = ("state.json.backup", ".lock", ".lock.info")  # of this machine and moment, not of a project

PROVIDER = "[provider.openai]\nconcurrency = 1\nmax_retries = 0\n\n"  # ids in order
EVERYTHING = """
[variable.topic]
type = "string"
default = "oceans"

[variable.secret]
type = "string"
sensitive = true

[locals]
style = "Short words about {{ var.topic }}."

[completion.chat]
model = "gpt-4o"
temperature = 0.7
max_completion_tokens = 40
metadata = { team = "four" }
messages = [
  { role = "system", content = "{{ local.style }}" },
  { role = "user", content = "Tell me about {{ var.topic }}: é, 海, 🐧." },
]

[completion.chat.lifecycle]
postcondition = [
  { condition = "{{ self.content | length > 5 }}", error_message = "Too short" },
]

[completion.follow]
model = "gpt-4o"
messages = [{ role = "user", content = "More than: {{ completion.chat.content }}" }]

[completion.greeting]
for_each = "{{ csv('data/people.csv', key='id') }}"
model = "gpt-4o"
messages = [{ role = "user", content = "Greet {{ each.value.name }} from {{ each.value.city }}." }]

[completion.sample]
count = 3
model = "gpt-4o"
temperature = 1
messages = [{ role = "user", content = "Roll a die." }]

[completion.list]
model = "gpt-4o"
response_format = { type = "json_object" }
messages = [{ role = "user", content = "Two rivers as JSON." }]

[completion.river]
for_each = "{{ completion.list.json }}"
model = "gpt-4o"
messages = [{ role = "user", content = "Where is {{ each.key }}?" }]

[completion.hidden]
model = "gpt-4o"
triggers = { rev = 3 }
messages = [{ role = "user", content = "The word is {{ var.secret }}." }]

[completion.team]
model = "gpt-4o"
messages = [{ role = "user", content = "We are {{ env('TEAM') }}." }]

[completion.off]
enabled = false
model = "gpt-4o"
messages = [{ role = "user", content = "Nobody asks this." }]

[module.essay]
source = "../modules/essay"
for_each = ["volcanoes", "rivers"]
topic = "{{ each.key }}"

[output.loud]
value = "{{ completion.chat.content | upper }}"
description = "A loud answer"
file = "out/loud.txt"

[output.places]
value = "{{ completion.river }}"
file = "out/places.json"

[output.essays]
value = "{{ module.essay['rivers'].text }}"

[output.word]
value = "{{ completion.hidden.content }}"
sensitive = true
"""
ESSAY = """
[variable.topic]
type = "string"

[completion.draft]
model = "gpt-4o"
messages = [{ role = "user", content = "An essay about {{ var.topic }}." }]

[output.text]
value = "{{ completion.draft.content }}"
"""
STORED = """
[completion.kept]
model = "gpt-4o"
store = true
metadata = { category = "geography" }
messages = [{ role = "user", content = "What is the capital of France?" }]

[completion.plain]
model = "gpt-4o"
messages = [{ role = "user", content = "Of {{ data.chat_completion.again.content }}" }]

[data.chat_completion.again]
completion_id = "{{ completion.kept.id }}"

[data.chat_completions.all]
metadata = { category = "geography" }

[completion.taken_in]
model = "gpt-4o"
store = true
messages = [{ role = "user", content = "Who was here before?" }]

[[import]]
to = "completion.taken_in"
id = "chatcmpl-elsewhere"
"""
EMBEDDED = """
[runner]
provider = "embedded"

[completion.hello]
temperature = 0
max_tokens = 8
messages = [{ role = "user", content = "Say hello." }]
"""
REJECTED = """
[completion.short]
model = "gpt-4o"
messages = [{ role = "user", content = "Say less." }]

[completion.short.lifecycle]
postcondition = [
  { condition = "{{ self.content | length > 100 }}", error_message = "Too short" },
]

[completion.shaped]
model = "gpt-4o"
messages = [{ role = "user", content = "A number, please." }]
[completion.shaped.response_format]
type = "json_schema"
[completion.shaped.response_format.json_schema]
name = "number"
schema = { type = "object", required = ["number"], properties = { number = { type = "integer" } } }

[completion.cut]
model = "gpt-4o"
max_completion_tokens = 1
messages = [{ role = "user", content = "length" }]

[completion.good]
model = "gpt-4o"
messages = [{ role = "user", content = "This one is good." }]

[output.said]
value = "{{ completion.short.content }}"
file = "out/said.txt"
"""
JUDGED = """
[runner]
judge = { model = "gpt-4o-mini" }

[runner.state]
layout = "split"

[completion.answer]
model = "gpt-4o"
messages = [{ role = "user", content = "{{ matrix.tone }} {{ matrix.case.text }}" }]

[completion.answer.matrix]
tone = ["kindly", "shortly"]
case = { sea = { text = "What is a sea?" }, river = { text = "What is a river?" } }

[check.holds]
of = "completion.answer"
expect = [{ contains = "What is" }]

[check.polite]
of = "completion.answer"
[check.polite.judge]
rubric = "The answer is polite."
"""


def said(request: Any) -> Any:
    """A JSON object where one is asked for, a cut answer where that is; else the echo."""
    body = request.body
    if body.get("response_format", {}).get("type") == "json_object":
        return answer(body, request.number, '{"Nile": "Africa", "Rhine": "Europe"}')
    if body["model"] == "gpt-4o-mini":
        return answer(body, request.number, '{"reason": "It asks back.", "verdict": "pass"}')
    if body["messages"][-1]["content"] == "length":
        whole = answer(body, request.number)
        whole["choices"][0]["finish_reason"] = "length"
        return whole
    if body.get("temperature") == 1:
        return answer(body, request.number, f"a {request.number}")
    return "ok"


class Made:
    """One project on its way into tests/data; `seen` is what its commands said."""

    def __init__(self, name: str, root: Path, api: FakeAPI) -> None:
        self.name, self.api = name, api
        self.project = Project(root / name)
        self.env = {**ENV, "OPENAI_BASE_URL": api.url}
        self.seen: list[dict[str, Any]] = []

    def write(self, text: str, place: str) -> None:
        """A file of the project."""
        path = self.project.directory / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, *arguments: str, status: int = 0) -> Ran:
        """A command as a process of its own."""
        options = {"cwd": self.project.directory}
        ran = self.project.run(*arguments, env=self.env, **options)
        assert ran.status == status, (arguments, ran)
        assert self.api.url not in ran.out, arguments
        return ran

    def see(self, *arguments: str, status: int = 0) -> None:
        """A command whose words every later version repeats."""
        ran = self.run(*arguments, status=status)
        self.seen.append({"arguments": [*arguments], "status": status, "out": ran.out})

    def keep(self, **more: Any) -> None:
        """Put it where it stays: one file a cache, and nothing of this machine."""
        directory = self.project.directory
        for database in directory.glob("state/**/cache.db"):
            with sqlite3.connect(database) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()
            for end in ("-wal", "-shm"):
                database.with_name(f"{database.name}{end}").unlink(missing_ok=True)
        for left in directory.glob("state/**/*"):
            if left.name in LEFT:
                left.unlink()
        expected = {"env": ENV, "seen": self.seen, **more}
        text = json.dumps(expected, ensure_ascii=False, indent=1)
        (directory / "expected.json").write_text(f"{text}\n", encoding="utf-8")
        shutil.copytree(directory, HERE / self.name)


def everything(made: Made) -> None:
    """All that asks for an answer."""
    made.write(PROVIDER + EVERYTHING, "configs/main.toml")
    made.write("id,name,city\nada,Ada,London\ngrace,Grace,New York\n", "configs/data/people.csv")
    made.write(ESSAY, "modules/essay/main.toml")
    made.run("apply", "--auto-approve")
    for read in READS:
        made.see(*read)
    made.see("output", "word", "--raw")
    made.see("output", "sample", "--json")
    made.keep()


def workspaces(made: Made) -> None:
    """Two states that share a cache, and the answer to one request."""
    text = '[variable.topic]\ntype = "string"\ndefault = "oceans"\n\n'
    blocks = completion("about", "about {{ var.topic }}") + completion("same", "always")
    made.write(PROVIDER + text + blocks, "configs/main.toml")
    made.write('topic = "deserts"\n', "staging.toml")
    staging = ("--var-file", "staging.toml")
    made.run("apply", "--auto-approve")
    made.run("workspace", "new", "staging")
    made.run("--workspace", "staging", "apply", "--auto-approve", *staging)
    for read in READS:
        made.see(*read)
        made.see("--workspace", "staging", *read, *(staging if read[0] == "plan" else ()))
    made.keep()


def renamed(made: Made) -> None:
    """Names that changed since the apply: one by a [[moved]] block, one plainly."""
    made.write(
        PROVIDER + completion("old", "hello") + completion("before", "bye"), "configs/main.toml"
    )
    made.run("apply", "--auto-approve")
    moved = '[[moved]]\nfrom = "completion.old"\nto = "completion.new"\n'
    made.write(
        PROVIDER + completion("new", "hello") + completion("after", "bye") + moved,
        "configs/main.toml",
    )
    made.see("output", "--json")
    made.keep()


def stored(made: Made) -> None:
    """What the server keeps, one of it imported, and data sources that read it."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Who was here before?"}]}
    elsewhere = answer(body, 0) | {"id": "chatcmpl-elsewhere"}
    made.api.store.keep(elsewhere, body)
    made.write(PROVIDER + STORED, "configs/main.toml")
    made.run("apply", "--auto-approve")
    made.run("apply", "--auto-approve")  # the list was read before there was anything in it
    for read in READS:
        made.see(*read)
    store = made.api.store
    made.keep(store={"completions": store.completions, "messages": store.messages})


def embedded(made: Made) -> None:
    """An answer of the model that needs no key."""
    made.write(EMBEDDED, "configs/main.toml")
    made.run("apply", "--auto-approve")
    for read in READS:
        made.see(*read)
    made.keep()


def rejected(made: Made) -> None:
    """Answers that were paid for and are not what was wanted."""
    made.write(PROVIDER + REJECTED, "configs/main.toml")
    made.run("apply", "--auto-approve", status=1)
    made.see("state", "list")
    made.keep()


def planned(made: Made) -> None:
    """A plan that waits to be carried out."""
    text = '[variable.topic]\ntype = "string"\ndefault = "oceans"\n\n'
    blocks = completion("a", "about {{ var.topic }}") + completion("b", "always")
    made.write(PROVIDER + text + blocks, "configs/main.toml")
    made.run("apply", "--auto-approve")
    flags = ("--var", "topic=rivers", "--replace", "completion.b", "--out", "saved.plan")
    made.run("plan", *flags)
    made.see("output", "--json")
    made.keep()


def judged(made: Made) -> None:
    """A matrix, what a model says of its answers, and a state in shards."""
    made.write(PROVIDER + JUDGED, "configs/main.toml")
    made.run("apply", "--auto-approve")
    for read in (*READS, ("state", "pull")):
        made.see(*read)
    made.keep()


PROJECTS: tuple[Callable[[Made], None], ...] = (
    *(everything, workspaces, renamed, stored, embedded, rejected, planned, judged),
)


def main() -> None:
    """Make those that are not there yet."""
    for make in PROJECTS:
        if (HERE / make.__name__).exists():
            continue
        with tempfile.TemporaryDirectory() as root, serving(script=said) as api:
            make(Made(make.__name__, Path(root), api))
            sys.stdout.write(f"{HERE / make.__name__}\n")


if __name__ == "__main__":
    assert "OPENAI_API_KEY" not in os.environ
    main()
