"""`runner apply`: shows the plan, asks, carries it out, and keeps every answer."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from runner.cli.commands import plan as plan_verb
from runner.cli.commands.reading import read
from runner.cli.parser.arguments import INTERRUPTED, UNMET
from runner.cli.parser.options import apply_options_of, options_of
from runner.cli.streams import put
from runner.cli.terminal.asking import approved
from runner.cli.terminal.interrupting import Interrupts
from runner.cli.views.problems import report, tell_warnings
from runner.cli.views.running.progress import write_stderr
from runner.cli.views.running.report import apply_text
from runner.cli.views.running.streaming import RawAnswer
from runner.cli.views.running.telling import progress
from runner.cli.views.style import style
from runner.core.plan.actions import Issue
from runner.errors import error
from runner.operations.applying.apply import carry_out, check, check_reach, held_plan, streaming_one
from runner.operations.applying.ended import unfinished
from runner.operations.applying.finish import Finished, finish, reported
from runner.operations.caches.sharing import give_rest
from runner.operations.files.named_file import NamedFile
from runner.operations.observing import observed
from runner.operations.options import ApplyOptions
from runner.operations.planning.plan import Planned, unfinished_answers
from runner.operations.reading.loaded import Loaded
from runner.operations.reading.trust import asks
from runner.operations.spending import Ledger

if TYPE_CHECKING:
    from runner.operations.saved_plan.file import Saved

_QUESTION = "\nDo you want to perform these actions?"
_OTHERWISE = ", or apply a saved plan: runner plan --out FILE, then runner apply FILE"


def run(arguments: argparse.Namespace) -> int:
    """Plan, ask, apply."""
    if getattr(arguments, "refresh_only", False):
        from runner.cli.commands.refresh import apply_refresh  # noqa: PLC0415  # aiohttp

        return apply_refresh(arguments)
    return apply(arguments, _saved(arguments))


def apply(arguments: argparse.Namespace, saved: "Saved | None") -> int:
    """Carry out what was saved, or plan and ask first."""
    options = options_of(arguments)
    if saved is not None:
        from runner.operations.saved_plan.file import options_in  # noqa: PLC0415  # most plan here

        options = options_in(saved, options, "apply")
    project = read(arguments, options)
    report_file = _junit_file(project, arguments)
    if report_file is not None:
        report_file.target()  # known before anything is paid
    command = f"runner {'destroy' if options.choice.destroy else 'apply'}"
    say = _quiet if arguments.quiet or arguments.json else _said
    with held_plan(project, command, say=say) as made:
        if report_file is not None:
            from runner.cli.views.junit import refuse_crowd  # noqa: PLC0415  # asked for by a flag

            refuse_crowd(len(made.plan.decisions.keys() | made.plan.known.records.keys()))
        how = streaming_one(made, apply_options_of(arguments))
        with _answer_alone(arguments, how) as answer:
            return _applied(project, made, saved, arguments, _Way(how, answer, saved is None))


def _quiet(_: str) -> None:
    """Nobody wants to know."""


def _said(text: str) -> None:
    write_stderr(f"{text}\n")


class _Way(Struct, frozen=True):
    """How an apply runs, who shows the one answer that was named, and whether a plan was shown."""

    options: ApplyOptions
    answer: RawAnswer | None
    is_shown: bool

    def end(self, made: Planned, finished: Finished) -> None:
        """An answer that was there before is shown too, unless there should be another by now."""
        outcome, address = finished.outcome, self.options.stream
        if self.answer is None or not isinstance(address, str):
            return
        if outcome is None:
            self.answer.whole(made.plan.known.records.get(address))
        elif address not in outcome.failed and address not in outcome.skipped:
            self.answer.whole(outcome.records.get(address))


@contextmanager
def _answer_alone(arguments: argparse.Namespace, how: ApplyOptions) -> Iterator[RawAnswer | None]:
    """With --stream=ADDR nothing but that answer goes to standard output."""
    if isinstance(how.stream, bool) or arguments.json:
        yield None
        return
    answer = RawAnswer(how.stream, sys.stdout)
    with redirect_stdout(sys.stderr):
        yield answer


def _applied(
    project: Loaded,
    made: Planned,
    saved: "Saved | None",
    arguments: argparse.Namespace,
    way: _Way,
) -> int:
    if saved is not None:
        saved.check(project, made)
    else:
        check_reach(project, made)
    if saved is None or made.empty:  # of a saved one, that there is nothing to do
        plan_verb.show(project, made, arguments)
    if made.empty:
        give_rest(project)
        finished = finish(project, made, None)
        way.end(made, finished)
        with _observed(project, arguments):
            return _tell(project, finished, arguments)
    check(project, made, way.options)
    writes = not made.plan.empty or made.files
    about = "runner will perform the actions described above."
    if writes and saved is None and not approved(arguments, _QUESTION, about, _OTHERWISE):
        return 1
    return _carry_out(project, made, arguments, way)


def _saved(arguments: argparse.Namespace) -> "Saved | None":
    """The saved plan that is named; RunnerError if addresses are chosen beside it."""
    if not arguments.plan:
        return None
    from runner.operations.saved_plan.file import read_plan  # noqa: PLC0415  # most plan here

    saved = read_plan(arguments.plan)
    names = ("target", "exclude", "replace", "destroy")
    beside = [f"--{name}" for name in names if getattr(arguments, name)]
    for flag in (*beside, *(() if arguments.checks else ("--no-checks",))):
        raise error(
            "Choice is in the plan",
            f"A saved plan is applied as it is, so {flag} cannot stand beside it. Give it to "
            "`runner plan --out FILE` instead.",
        )
    return saved


def _carry_out(project: Loaded, made: Planned, arguments: argparse.Namespace, way: _Way) -> int:
    interrupts, ledger = Interrupts(), Ledger(project.prices)
    asking = [step.action for step in made.plan.steps if asks(step.action)]
    is_alone = len(asking) == 1 and isinstance(asking[0], Issue)
    shown = progress(
        arguments,
        len(made.plan.steps),
        ledger.paid,
        interrupts.during,
        is_alone=is_alone,
        answer=way.answer,
    )
    with interrupts.heard(), _observed(project, arguments):
        with shown as told:
            finished = _not_told(
                made, carry_out(project, made, way.options, told, ledger), way.is_shown
            )
        way.end(made, finished)
        status = _tell(project, finished, arguments)
    return INTERRUPTED if interrupts.pressed else status


def _not_told(made: Planned, finished: Finished, is_shown: bool) -> Finished:
    """Without what the plan, where it was shown, said of answers that were there before."""
    told = [*unfinished(unfinished_answers(made.plan))] if is_shown else []
    left = tuple(problem for problem in finished.problems if problem not in told)
    return replace(finished, problems=left)


@contextmanager
def _observed(project: Loaded, arguments: argparse.Namespace) -> Iterator[None]:
    """Told to a collector too, if one is named; what it did not take is said last."""
    verb = "destroy" if project.options.choice.destroy else "apply"
    with observed(project, f"runner {verb}", checks=True):
        yield
    tell_warnings(project, as_json=arguments.json)


def _tell(project: Loaded, finished: Finished, arguments: argparse.Namespace) -> int:
    """What happened, in words or as events; and with which status to leave."""
    for content in finished.unsaved:  # what no file could take: the last place left
        put(content)
    finished = _with_junit(project, finished, arguments)
    tell_warnings(project, as_json=arguments.json)
    if arguments.json:
        _tell_events(project, finished)
    else:
        if finished.problems:
            report(finished.problems, project.secrets)
        if finished.outcome is not None:
            sys.stdout.write(apply_text(finished, finished.outcome, style()))
    if finished.interrupted:
        return INTERRUPTED
    unmet = _check(project, arguments)
    waits = finished.outcome is not None and finished.outcome.under_way
    return 1 if finished.failed else UNMET if waits else unmet


def _check(project: Loaded, arguments: argparse.Namespace) -> int:
    """What the checks of the answers come to; and the status that goes with it."""
    root = project.root
    if not (root.checks or root.comparisons) or project.options.choice.destroy:
        return 0
    from runner.cli.views.checks.checks import check_event, checks_text  # noqa: PLC0415  # only with checks
    from runner.cli.views.checks.comparisons import comparison_event  # noqa: PLC0415
    from runner.operations.checks.checking import ChosenChecks, check_answers  # noqa: PLC0415

    checked = check_answers(project, ChosenChecks())
    if arguments.json:
        from runner.cli.views.json_lines import write  # noqa: PLC0415

        for each in checked.checks:
            write(check_event(each))
        for comparison in checked.comparisons:
            write(comparison_event(comparison))
    else:
        sys.stdout.write(f"\n{style()('Checks:', 'bold')}\n\n{checks_text(checked, style())}")
    return UNMET if checked.failing and arguments.check else 0


def _tell_events(project: Loaded, finished: Finished) -> None:
    from runner.cli.views.json_lines import write  # noqa: PLC0415
    from runner.operations.applying.events import apply_end  # noqa: PLC0415

    report(finished.problems, project.secrets, as_json=True)
    told = finished.outcome, finished.outputs, finished.spent, finished.files
    for event in apply_end(*told, destroys=finished.destroys):
        write(event)


def _junit_file(project: Loaded, arguments: argparse.Namespace) -> NamedFile | None:
    if not arguments.junit:
        return None
    from runner.cli.views.junit import is_junit  # noqa: PLC0415  # asked for by a flag

    folder = project.folders.project
    return NamedFile(folder, arguments.junit, "--junit", "JUnit report", is_junit)


def _with_junit(project: Loaded, finished: Finished, arguments: argparse.Namespace) -> Finished:
    """Its report written, if it is asked for."""
    file = _junit_file(project, arguments)
    if finished.outcome is None or file is None:
        return finished
    from runner.cli.views.junit import junit  # noqa: PLC0415  # asked for by a flag

    return reported(finished, file, junit(finished.outcome))
