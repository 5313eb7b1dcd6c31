"""A plan in Terraform's layout: the reason in the header, what changed below, one line at the
end.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from runner.cli.streams import harmless, on_one_line
from runner.cli.views.style import Style
from runner.core.canonical import digest
from runner.core.expansion.outputs import FileChange
from runner.core.plan.actions import (
    Absent,
    Await,
    Instances,
    Issue,
    Keep,
    Read,
    Remove,
    Reuse,
    Step,
    Update,
)
from runner.core.plan.diff import ABSENT, Change, leaves, line_diff, lines_of
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.words import kind, request_changes, shown, tallied
from runner.core.request.build import Request
from runner.core.secrets.secrets import Secrets
from runner.operations.plan import Planned

_SHOWN_PER_BLOCK = 20
_LINE = 100
_BASE64 = re.compile(r"[A-Za-z0-9+/=]{200,}")
_KEY = re.compile(r"\[[^\[\]]*\]$")
_COLOURS = {"+": "green", "-/+": "yellow", "~": "yellow", "-": "red", "<=": "cyan", "?": "grey"}


def plan_text(made: Planned, secrets: Secrets, style: Style, *, full: bool = False) -> str:
    """The whole plan; `full` shows every instance and cuts no value."""
    plan, outputs, files = made.plan, made.outputs, made.files
    lines = list(_steps(plan, secrets, style, full=full))
    lines += [*_moves(plan), *_imports(plan)]
    if outputs:
        lines += ["Changes to Outputs:", *_outputs(outputs, style), ""]
    if files:
        lines += ["Changes to Files:", *_files(files, style), ""]
    if not plan.empty or files:
        lines += [style(made.summary, "bold")]
    elif not outputs and not files:
        lines += [_nothing(plan, style)]
    return harmless("\n".join(lines) + "\n")


def acts_text(acts: Iterable[tuple[str, str]], style: Style) -> str:
    """Each address and the word for what has to happen there, where no more is known."""
    tally: Counter[str] = Counter()
    lines: list[str] = []
    for address, word in acts:
        tally[word] += 1
        symbol, said = _ACTS.get(word, ("?", f"has an action that is not known here: {word}"))
        place = on_one_line(address)
        lines.append(style(f"  # {place} {on_one_line(said)}", "bold"))
        lines.append(f"{style(f'{symbol:>3}', _COLOURS.get(symbol, 'grey'))} {place}\n")
    lines.append(style(tallied(tally), "bold") if tally else style("No changes.", "green"))
    return harmless("\n".join(lines) + "\n")


_ACTS = {
    "issue": ("+", "will be issued"),
    "reissue": ("-/+", "will be issued again"),
    "replay": ("+", "will be taken from the cache, for free"),
    "update": ("~", "will be updated in place, without a new answer"),
    "remove": ("-", "will be removed"),
    "read": ("<=", "will be read during apply"),
    "undecided": ("?", "will be issued if its request is new once it is known"),
    "instances": ("?", "has instances known after an answer"),
    "move": ("", "has another address until now"),
    "import": ("", "will be imported"),
}


def _steps(plan: PlannedSteps, secrets: Secrets, style: Style, *, full: bool) -> Iterator[str]:
    per_block: Counter[tuple[str, str]] = Counter()
    hidden: Counter[tuple[str, str]] = Counter()
    for step in plan.steps:
        block = (_KEY.sub("", step.address), kind(step.action))
        per_block[block] += 1
        if per_block[block] > _SHOWN_PER_BLOCK and not full:
            hidden[block] += 1
            continue
        yield from _step(plan, step, secrets, style, None if full else _LINE)
    for (name, what), number in hidden.items():
        yield style(
            f"  # {number} more of {name} ({what}) are not shown; --full shows them", "grey"
        )
        yield ""


def _step(
    plan: PlannedSteps, step: Step, secrets: Secrets, style: Style, limit: int | None
) -> Iterator[str]:
    seen = shown(step, secrets)
    yield style(f"  # {step.address} {seen.header}", "bold")
    if seen.because:
        yield style(f"  # ({on_one_line(seen.because)})", "grey")
    yield f"{style(f'{seen.symbol:>3}', _COLOURS.get(seen.symbol, 'grey'))} {step.address}"
    found, request = request_changes(plan, step, secrets)
    if request is not None and _is_new(step):
        yield from _new(request, limit)
    for change in found:
        yield from _change(change, style, limit)
    yield ""


def _is_new(step: Step) -> bool:
    match step.action:
        case Issue(old=None) | Reuse(old=None):
            return True
        case Issue() | Reuse() | Update() | Remove() | Read() | Await() | Instances():
            return False
        case Keep() | Absent():
            return False


def _new(request: Request, limit: int | None) -> Iterator[str]:
    yield f"      provider: {request.provider}"
    body = orjson.loads(request.recorded)
    messages = body.pop("messages", [])
    for path, value in leaves(body) if body else ():
        yield from _value(Change(path, ABSENT, value).name, value, limit)
    for index, message in enumerate(messages):
        for path, value in leaves(message, ("messages", index)):
            yield from _value(Change(path, ABSENT, value).name, value, limit)


def _value(name: str, value: Any, limit: int | None) -> Iterator[str]:
    name = on_one_line(name)
    if isinstance(value, str) and "\n" in value:
        yield f"      {name}:"
        yield from (f"          {line}".rstrip(" ") for line in lines_of(value))
    else:
        yield f"      {name}: {short(value, limit)}"


def _change(change: Change, style: Style, limit: int | None) -> Iterator[str]:
    name, old, new = on_one_line(change.name), change.old, change.new
    if isinstance(old, str) and isinstance(new, str) and ("\n" in old + new or len(old + new) > 60):
        yield f"      {name}:"
        for whole in line_diff(old, new):
            line = _BASE64.sub(_abridged, whole)
            colour = {"- ": "red", "+ ": "green"}.get(line[:2])
            yield f"        {style(line, colour) if colour else line}".rstrip(" ")
    elif isinstance(old, str) and isinstance(new, str) and change.path[-1] == "content":
        yield f"      {name}:"
        yield f"        {style(f'- {old}', 'red')}"
        yield f"        {style(f'+ {new}', 'green')}"
    else:
        yield f"      {name}: {short(old, limit)} {style('->', 'yellow')} {short(new, limit)}"


def _abridged(data: re.Match[str]) -> str:
    """The content of a file as nobody reads it: its length and digest tell it from another."""
    return f"{data[0][:24]}.. ({len(data[0])} characters, sha256 {digest(data[0].encode())[:12]})"


def short(value: Any, limit: int | None = _LINE) -> str:
    """A value on one line, cut where it is longer than the limit, if there is one."""
    if value is ABSENT:
        return "(absent)"
    if isinstance(value, dict | list):
        text = orjson.dumps(value).decode()
    else:
        plain = isinstance(value, str) and "\n" not in value
        text = f'"{value}"' if plain else orjson.dumps(value).decode()
    return text if limit is None or len(text) <= limit else f"{text[: limit - 2]}.."


def _moves(plan: PlannedSteps) -> Iterator[str]:
    for source, target in plan.moves:
        yield f"  # {source} has moved to {target}"
    if plan.moves:
        yield ""


def _imports(plan: PlannedSteps) -> Iterator[str]:
    for address, identifier in plan.imports:
        yield f"  # {address} will be imported: {on_one_line(identifier)}"
    if plan.imports:
        yield ""


def _outputs(outputs: Mapping[str, tuple[Any, Any]], style: Style) -> Iterator[str]:
    for name, (old, new) in outputs.items():
        if old is ABSENT:
            yield f"{style('  +', 'green')} {name} = {short(new)}"
        elif new is ABSENT:
            yield f"{style('  -', 'red')} {name} = {short(old)}"
        else:
            yield f"{style('  ~', 'yellow')} {name} = {short(old)} -> {short(new)}"


def _files(files: Sequence[FileChange], style: Style) -> Iterator[str]:
    for file in files:
        symbol, tail = _FILES[file.action]
        shown = style(f"{symbol:>3}", _COLOURS[symbol])
        yield f"{shown} {on_one_line(file.path)} (output.{file.output}{tail})"


_FILES = {
    "create": ("+", ""),
    "change": ("~", ""),
    "undecided": ("?", ", once its answer is known"),
}


def _nothing(plan: PlannedSteps, style: Style) -> str:
    number = plan.unchanged
    word = "answer is" if number == 1 else "answers are"
    return (
        f"{style('No changes.', 'green')} The configuration and the recorded answers match.\n\n"
        f"{number} {word} up to date; nothing would be sent."
    )
