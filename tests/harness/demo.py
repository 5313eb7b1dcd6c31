"""A project worth looking at: a matrix of models, tones and cases, checks that do not all hold, and
a history in git. Its answers are made up here, and the same each time.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.core.canonical import digest
from tests.harness.faults import completion
from tests.harness.project import KEY, Project, serving

MODELS = ("gpt-4o-mini", "gpt-4o", "gpt-4.1")
_CONFIGURATION = """\
[completion.ticket]
matrix.case = "{{ csv('tickets.csv', key='id') }}"
matrix.tone = { brief = "Two sentences.", warm = "Be kind, and thank the customer." }
matrix.model = ["gpt-4o-mini", "gpt-4o", "gpt-4.1"]
model = "{{ matrix.model }}"
temperature = 0
max_tokens = 200

[[completion.ticket.messages]]
role = "system"
content = \"\"\"
You answer the mail of a small bicycle shop.
Begin with the team that is to take it on: Billing, Repairs or Shipping.
{{ matrix.tone }}
\"\"\"

[[completion.ticket.messages]]
role = "user"
content = "{{ matrix.case.text }}"

[completion.week]
model = "gpt-4o"
max_tokens = 300
messages = [{ role = "user", content = \"\"\"
What do these have in common? Answer as a list.

{{ completion.ticket["case=t01,model=gpt-4o,tone=brief"].content }}

{{ completion.ticket["case=t02,model=gpt-4o,tone=brief"].content }}
\"\"\" }]
"""
_CHECKS = """\
[check.team]
of = "completion.ticket"
description = "The right team is named first"
expect = [{ starts_with = "{{ matrix.case.team }}" }]
at_least = 0.9

[check.short]
of = "completion.ticket"
expect = [{ words = { max = 45 } }]
at_least = 0.95

[check.thanks]
of = "completion.ticket[tone=warm]"
expect = [{ contains = "thank", ignore_case = true }]
at_least = 0.8

[compare.models]
of = "completion.ticket"
by = "model"
baseline = "gpt-4o-mini"
checks = ["team", "short"]
"""
_THINGS = (
    ("Repairs", "the rear brake squeals since the last service", "bring it in", "brake"),
    ("Shipping", "my parcel with the two lamps has not arrived", "look for the parcel", "parcel"),
    ("Billing", "I was charged twice for the same saddle", "send one of the two back", "charge"),
    ("Repairs", "the chain jumps in the third gear", "set the derailleur", "chain"),
    ("Shipping", "you sent a left pedal twice and no right one", "send the right one", "pedal"),
    ("Billing", "the invoice has my old address on it", "write a new one", "invoice"),
    ("Repairs", "a spoke broke on the way home", "true the wheel", "spoke"),
    ("Shipping", "can the basket go to my office instead", "change the address", "basket"),
)
_WHO = ("Ada", "Bo", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ida", "Jon")
_OFF = {"gpt-4o-mini": 22, "gpt-4o": 9, "gpt-4.1": 5}  # of a hundred, which name another team


_WORSE = {"tiny bi": 17, "good bi": 15, "fine bi": 9, "red bi": 12, "blue bi": 6, "new bi": 3}


def tickets(count: int) -> str:
    """So many cases, as the project reads them."""
    rows = (
        f't{at + 1:02},{_THINGS[at % 8][0]},"Hello, {_THINGS[at % 8][1]}. Yours, {_WHO[at % 10]}"'
        for at in range(count)
    )
    return "\n".join(["id,team,text", *rows, ""])


def reply(body: Mapping[str, Any]) -> str:
    """What is said to a request: by what it asks, and by whom it asks."""
    said, model = body["messages"][-1]["content"], body["model"]
    if "in common" in said:
        return "- Both are about something that broke.\n- Both customers **wait** for a date.\n"
    chance = int(digest(f"{said}{model}".encode())[:8], 16) % 100
    team, _, does, _ = next(each for each in _THINGS if each[1] in said)
    who = said.rpartition(" ")[2]
    system = body["messages"][0]["content"]
    if chance < _OFF[model] + next((more for shop, more in _WORSE.items() if shop in system), 0):
        team = "Billing" if team != "Billing" else "Shipping"
    mood = int(digest(f"{body['messages']}{model}".encode())[:8], 16) % (
        3 if "mini" in model else 9
    )
    when = ("today", "tomorrow morning", "on Friday", *["today"] * 6)[mood]
    text = f"{team}. Dear {who}, we will {does} {when}."
    if "kind" in body["messages"][0]["content"]:
        text += " Thank you for telling us" if chance % 7 else " We are sorry"
        text += ", and for riding with us." if model != "gpt-4.1" else "."
    if model == "gpt-4.1" and chance % 5 == 0:
        text += (
            " So that this does not happen again we have looked at how it came about, and have "
            "written down what to do the next time, step by step, for everybody in the shop who "
            "answers the mail, also on Saturdays and before the holidays."
        )
    return text


def demo(directory: Path, cases: int = 40, commits: int = 10, latency: float = 0.0) -> Project:
    """The project with all its answers and a history of so many commits, the last one's prompt
    edited since. The answers of the last one take `latency` seconds each.
    """
    project = Project(directory)
    project.write(tickets(cases), "tickets.csv")
    project.write(_CHECKS, "checks.toml")
    (directory / ".gitignore").write_text("state/cache/\nstate/.lock*\nstate/*.backup\n")
    _git(project, "init", "--quiet", "--initial-branch", "main")
    with serving(script=lambda got: completion(got.body, got.number, reply(got.body))) as api:
        env = {"OPENAI_BASE_URL": api.url, "OPENAI_API_KEY": KEY}
        for number in range(commits):
            api.latency = latency if number == commits - 1 else 0.0
            project.write(_CONFIGURATION.replace("small bicycle", _shop(commits - number)))
            ran = project.run("apply", "--auto-approve", env=env)
            assert ran.status == 0, ran.err
            _git(project, "add", ".")
            _git(project, "commit", "--quiet", "-m", f"{_shop(commits - number)} shop", day=number)
    project.write(_CONFIGURATION.replace("Two sentences.", "Two short sentences."))
    return project


def _shop(number: int) -> str:
    sizes = ("tiny", "little", "quiet", "busy", "old", "new", "blue", "red", "fine", "good")
    return "small bicycle" if number == 1 else f"{sizes[number % 10]} bicycle"


def _git(project: Project, *words: str, day: int = 0) -> None:
    date = f"2026-11-{day % 28 + 1:02}T09:00:00Z"
    who = {"NAME": "Ada", "EMAIL": "ada@example.org", "DATE": date}
    env = {
        f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()
    }
    subprocess.run(
        ["git", "-C", str(project.directory), *words],
        check=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(project.directory), **env},
    )
