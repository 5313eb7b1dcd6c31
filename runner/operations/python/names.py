"""What Python is told: parameters where others are told flags, and nothing that is secret."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from msgspec import structs

from runner.core.plan.events import CutOff, Done, Event, Failed, Skipped, Started, Written
from runner.core.secrets.secrets import Secrets
from runner.errors import Problem, RunnerError

BY_FLAG = {
    "--batch": "batch",
    "--concurrency": "concurrency",
    "--config": "config",
    "--exclude": "excludes",
    "--executor": "executor",
    "--fail-fast": "fail_fast",
    "--ignore-batches": "ignore_batches",
    "--lock-timeout": "lock_timeout",
    "--max-cost": "max_cost",
    "--max-requests": "max_requests",
    "--no-checks": "checks",
    "--no-wait": "wait",
    "--offline": "offline",
    "--replace": "replaces",
    "--state": "state",
    "--stream": "stream",
    "--target": "targets",
    "--trust": "trust",
    "--var": "variables",
    "--var-file": "variable_files",
    "--workspace": "workspace",
}
"""The parameters of `Project` and its methods, by the flags that are the same."""

# A command in a message is typed as it stands there, with its flags.
_COMMAND_OR_FLAG = re.compile(r"`[^`\n]*`|(?<![\w-])--[a-z]+(?:-[a-z]+)*(?![\w-])")


def text_in_python(text: str) -> str:
    """A message of operations, which names what was asked for by its flag."""
    return _COMMAND_OR_FLAG.sub(lambda found: BY_FLAG.get(found[0], found[0]), text)


def in_python(problem: Problem) -> Problem:
    """A problem, whose summary and detail may name flags."""
    summary, detail = text_in_python(problem.summary), text_in_python(problem.detail)
    return replace(problem, summary=summary, detail=detail)


def event_in_python(event: Event) -> Event:
    """What happened, with why."""
    match event:
        case Failed(failure=failure):
            told = structs.replace(failure, message=text_in_python(failure.message))
            return structs.replace(event, failure=told)
        case Skipped(because=because):
            return structs.replace(event, because=text_in_python(because))
        case Started() | Written() | CutOff() | Done():
            return event


def told(problems: Iterable[Problem], secrets: Secrets) -> tuple[Problem, ...]:
    """Problems as Python is told them: without what is secret."""
    return tuple(in_python(secrets.problem(problem)) for problem in problems)


@contextmanager
def told_in_python() -> Iterator[Secrets]:
    """What is secret in a project; no error that leaves this tells it, or speaks of flags."""
    secrets = Secrets()
    try:
        yield secrets
    except RunnerError as exc:
        exc.problems = exc.args = told(exc.problems, secrets)
        raise exc from None  # the cause may tell it
