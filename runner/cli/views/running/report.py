"""What an apply did: failures each once, a table, the outputs."""

import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import orjson

from runner.cli.streams import harmless
from runner.cli.views.page import flow
from runner.cli.views.style import Style
from runner.core.expansion.outputs import OutputValue
from runner.core.plan.diff import lines_of
from runner.errors import counted
from runner.io.apply.ports import Outcome
from runner.operations.applying.ended import headline, unjudged
from runner.operations.applying.finish import Finished

_OUTPUTS_SHOWN = 20
_TEXT_SHOWN = 1_000
_NAMES_SHOWN = 5


def apply_text(finished: Finished, outcome: Outcome, style: Style) -> str:
    """The end of an apply for a person."""
    said = headline(outcome, finished.spent, finished.files, destroys=finished.destroys)
    lines = ["", style(style.wrapped(said), "bold")]
    if outcome.under_way and outcome.stopped is None:
        lines.append(style.wrapped(_how_to_go_on(outcome)))
    if outcome.kept_back:
        dependents = counted(outcome.kept_back, "dependent")
        lines.append(f"{dependents} unchanged: their requests came out the same.")
    if outcome.maybe_billed:
        attempts = counted(outcome.maybe_billed, "attempt")
        lines.append(f"{attempts} ended without an answer and may have been billed.")
    if outcome.failed or outcome.skipped:
        lines += ["", *_table(outcome, style)]
    known = {name: output for name, output in finished.outputs.items() if output.known}
    if outcome.failed or outcome.stopped:
        known = {name: output for name, output in known.items() if not _is_bare(output.value)}
    if known:
        lines += ["", style("Outputs:", "bold"), "", *_outputs(known)]
    return harmless("\n".join(lines) + "\n")


def _how_to_go_on(outcome: Outcome) -> str:
    """With what is left in batches."""
    more = len(outcome.skipped.keys() - outcome.under_way.keys())
    hang = f" {more} more {'hangs' if more == 1 else 'hang'} on their answers." if more else ""
    return f"`runner batch wait` waits for them; then apply again.{hang}"


def output_lines(name: str, value: Any) -> Iterator[str]:
    """`name = value` as Terraform prints it: text of several lines between <<EOT and EOT."""
    if isinstance(value, str) and "\n" in value:
        yield f"{name} = <<EOT"
        yield from lines_of(value)
        yield "EOT"
    elif isinstance(value, dict | list):
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
        yield f"{name} = {text}"
    else:
        text = _quoted(value) if isinstance(value, str) else orjson.dumps(value).decode()
        yield f"{name} = {text}"


def _quoted(text: str) -> str:
    return f'"{text}"' if '"' not in text and "\\" not in text else orjson.dumps(text).decode()


def _is_bare(value: Any) -> bool:
    """Whether no instance of a block has an answer yet."""
    return value == {} or (isinstance(value, list) and all(each is None for each in value))


def _table(outcome: Outcome, style: Style) -> Iterator[str]:
    unscored = unjudged(outcome)
    groups = (
        ("done", list(outcome.done)),
        ("failed", [address for address in outcome.failed if address not in unscored]),
        ("unscored", list(unscored)),
        ("in batch", list(outcome.under_way)),
        ("skipped", [name for name in outcome.skipped if name not in outcome.under_way]),
    )
    for word, names in groups:
        if names:
            left = len(names) - _NAMES_SHOWN
            shown = [*names[:_NAMES_SHOWN], *([f"and {left} more"] if left > 0 else [])]
            head = f"  {word:<8}{len(names):>6}  "
            room = style.width - len(head) if style.width is not None else sys.maxsize
            for number, line in enumerate(flow(shown, room)):
                yield f"{' ' * len(head) if number else head}{line}"


def _outputs(known: Mapping[str, OutputValue]) -> Iterator[str]:
    for name, output in list(known.items())[:_OUTPUTS_SHOWN]:
        if output.sensitive:
            yield f"{name} = <sensitive>"
        else:
            text = "\n".join(output_lines(name, _beginning(output.value)))
            if len(text) > _TEXT_SHOWN:
                text = f"{text[:_TEXT_SHOWN]}\n.. (the rest: runner output {name})"
            yield text
    if len(known) > _OUTPUTS_SHOWN:
        yield f"\n.. and {len(known) - _OUTPUTS_SHOWN} more: runner output"


def _beginning(value: Any) -> Any:
    """As much of a value as may be shown, and more: of 10,000 answers, the first ones."""
    most = _TEXT_SHOWN // 4  # each takes a line of at least as many characters
    match value:
        case dict():
            return dict(islice(value.items(), most))
        case list():
            return value[:most]
        case _:
            return value
