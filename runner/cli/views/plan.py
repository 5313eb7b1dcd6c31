"""A plan in Terraform's layout: the reason in the header, what changed below, one line at the
end.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from runner.cli.streams import harmless, on_one_line
from runner.cli.views.page import Page, flow
from runner.cli.views.request_changes import changed_parameters, changed_request, excerpt
from runner.cli.views.requests import head, new_request, parameters
from runner.cli.views.style import Style
from runner.cli.views.values import LINE, short
from runner.core.address import split_key
from runner.core.expansion.outputs import FileChange
from runner.core.plan.actions import Step
from runner.core.plan.alike import Alike, Various, alike, waits_for
from runner.core.plan.diff import ABSENT
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.words import Asked, asked, shown, tallied
from runner.core.secrets.secrets import Secrets
from runner.errors import counted
from runner.operations.planning.plan import Planned

_COLOURS = {"+": "green", "-/+": "yellow", "~": "yellow", "-": "red", "<=": "cyan", "?": "grey"}
_LEAST = 20  # columns of a value on a line
_LISTED = 49  # and the first: fifty
_FEW, _SHORT = 5, 40  # values that are shown of what differs in many, and characters of one
_SAID = "  # "  # before what is said of a step


def plan_text(made: Planned, secrets: Secrets, style: Style, *, full: bool = False) -> str:
    """The whole plan; `full` shows every instance, each text wherever it stands, and cuts none."""
    plan, outputs, files = made.plan, made.outputs, made.files
    page = Page(style, full)
    lines = [*_steps(plan, secrets, page), *_moves(plan), *_imports(plan)]
    if outputs:
        lines += ["Changes to Outputs:", *output_change_lines(outputs, page), ""]
    lines += page.end()
    if files:
        lines += ["Changes to Files:", *file_change_lines(files, style), ""]
    if made.batches:
        lines += [*_under_way(made, style), ""]
    if not plan.empty or files:
        lines += [style(style.wrapped(made.summary), "bold")]
        lines += [style.wrapped(made.verdicts.text)] if made.verdicts.text else []
    elif outputs:
        lines += [style("No request is needed: an apply writes these outputs.", "bold")]
    else:
        lines += [_nothing(made, style)]
    return harmless("\n".join(lines) + "\n")


def _under_way(made: Planned, style: Style) -> Iterator[str]:
    """What of the plan is in batches by now: it is asked for, and not to be paid for again."""
    for sent in dict.fromkeys(made.batches.values()):
        number = sum(one is sent for one in made.batches.values())
        since = datetime.fromtimestamp(sent.at).astimezone().strftime("%Y-%m-%d %H:%M")
        name = on_one_line(sent.batch or "a batch whose id is not known yet")
        yield style.wrapped(
            f"{counted(number, 'request')} of these: in {name} since {since}", _SAID
        )


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


def _steps(plan: PlannedSteps, secrets: Secrets, page: Page) -> Iterator[str]:
    for group in alike(plan, secrets, apart=page.full):
        match group:
            case Alike():
                yield from _first(plan, group, secrets, page)
                if group.others or group.more:
                    yield from _others(plan, group, secrets, page)
            case Various():
                yield from _various(group, secrets, page)
        yield ""


def _first(plan: PlannedSteps, group: Alike, secrets: Secrets, page: Page) -> Iterator[str]:
    step, like = group.first, len(group.others) + group.more
    seen = shown(step, secrets)
    more = f" and {like:,} like it" if like else ""
    yield page.style(page.style.wrapped(f"{step.address}{more} {seen.header}", _SAID), "bold")
    if seen.because:
        yield page.grey(page.style.wrapped(f"({on_one_line(seen.because)})", _SAID))
    on = waits_for(step)
    if on is not None and any(waits_for(other) != on for other in group.others):
        yield page.grey(page.style.wrapped("(each once the answer that it needs is known)", _SAID))
    symbol = page.style(seen.symbol, _COLOURS.get(seen.symbol, "grey"))
    made = asked(plan, step, secrets)
    if made is None:
        yield from head(page, seen.symbol, symbol, step.address, [])
    elif made.old is None:
        said = parameters(made)
        yield from head(page, seen.symbol, symbol, step.address, said)
        yield from new_request(page, step.address, made.new)
    else:
        yield from head(page, seen.symbol, symbol, step.address, changed_parameters(page, made))
        yield from changed_request(page, made)


def _others(plan: PlannedSteps, group: Alike, secrets: Secrets, page: Page) -> Iterator[str]:
    """The addresses of those that are like the first, with what tells them from it."""
    first = asked(plan, group.first, secrets)
    listed = group.others[:_LISTED]
    said = {step.address: _told_apart(plan, first, step, secrets, page) for step in listed}
    if any(said.values()):
        symbol = shown(group.first, secrets).symbol
        seen = page.style(symbol, _COLOURS.get(symbol, "grey"))
        for address, text in said.items():
            yield from head(page, symbol, seen, address, [text] if text else [])
    else:
        yield from (f"    {line}" for line in flow(list(said), page.width - 4))
    left = len(group.others) - len(listed) + group.more
    if left:
        page.is_cut = True
        unseen = "" if first is None else ", whose texts are not shown"
        yield f"    and {left:,} more like these{unseen}"


def _various(group: Various, secrets: Secrets, page: Page) -> Iterator[str]:
    """How many more there are of a block, and in what they differ."""
    page.is_cut = True
    seen, block = shown(group.first, secrets), split_key(group.first.address)[0]
    yield page.style(f"  # {group.number:,} more of {block} {seen.header}", "bold")
    symbol = page.style(seen.symbol, _COLOURS.get(seen.symbol, "grey"))
    said = [f"{on_one_line(name)} {_values(held)}" for name, held in group.values.items()]
    yield from head(page, seen.symbol, symbol, f"{block}[..]", said)


def _values(held: frozenset[bytes]) -> str:
    """Different values on one line: each of a few that are short, else how many."""
    texts = sorted(value.decode() for value in held)
    if len(texts) <= _FEW and all(len(text) <= _SHORT for text in texts):
        return on_one_line(" or ".join(texts))
    return f"({len(texts):,} values)" if len(texts) > 1 else "(another value)"


def _told_apart(
    plan: PlannedSteps, first: Asked | None, step: Step, secrets: Secrets, page: Page
) -> str:
    made = asked(plan, step, secrets)
    if first is None or made is None or made.old is not None:
        return ""
    return excerpt(page, first, made, max(33, len(step.address) + 6))


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


def output_change_lines(outputs: Mapping[str, tuple[Any, Any]], page: Page) -> Iterator[str]:
    """Each output that changes, on a line."""
    for name, (old, new) in outputs.items():
        values = [value for value in (old, new) if value is not ABSENT]
        shown = [_on_a_line(value, len(name), len(values), page) for value in values]
        symbol, colour = _symbol(old, new)
        yield f"{page.style(f'{symbol:>3}', colour)} {name} = {' -> '.join(shown)}"


def _symbol(old: Any, new: Any) -> tuple[str, str]:
    if old is ABSENT:
        return "+", "green"
    return ("-", "red") if new is ABSENT else ("~", "yellow")


def _on_a_line(value: Any, used: int, number: int, page: Page) -> str:
    """A value, one of so many on a line of which so many columns are taken."""
    whole = short(value, None)
    if page.full:
        return whole
    room = (page.width - used - len("  + ") - len(" -> ") * number) // number
    limit = LINE if page.style.width is None else min(max(room, _LEAST), LINE)
    page.is_cut = page.is_cut or len(whole) > limit
    return short(value, limit)


def file_change_lines(files: Sequence[FileChange], style: Style) -> Iterator[str]:
    """Each file of an output that is written."""
    for file in files:
        symbol, tail = _FILES[file.action]
        shown = style(f"{symbol:>3}", _COLOURS[symbol])
        yield f"{shown} {on_one_line(file.path)} (output.{file.output}{tail})"


_FILES = {
    "create": ("+", ""),
    "change": ("~", ""),
    "undecided": ("?", ", once its answer is known"),
}


def _nothing(made: Planned, style: Style) -> str:
    if made.choice.destroy:
        return f"{style('No changes.', 'green')} Nothing is recorded, so nothing is to be removed."
    number = made.plan.unchanged
    word = "answer is" if number == 1 else "answers are"
    return (
        f"{style('No changes.', 'green')} The configuration and the recorded answers match.\n\n"
        f"{number} {word} up to date; nothing would be sent."
    )
