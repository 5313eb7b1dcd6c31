"""Terraform for LLM completions: plan, apply, and keep every answer that was paid for.

    import runner

    project = runner.open("my-project")
    plan = project.plan(variables={"topic": "volcanoes"})
    result = project.apply(plan)
    result.outputs["summary"]

Each name is imported when it is first used.
"""

__version__ = "0.2.0"

__all__ = [
    "ABSENT",
    "Change",
    "CheckResult",
    "CutOff",
    "Done",
    "Estimate",
    "Event",
    "Failed",
    "Plan",
    "PlannedChange",
    "Problem",
    "Project",
    "Record",
    "Result",
    "RunnerError",
    "Skipped",
    "Started",
    "State",
    "Untrusted",
    "Where",
    "Written",
    "open",
]

TYPE_CHECKING = False  # as typing's, without the time that typing takes
if TYPE_CHECKING:
    from runner.core.plan.diff import ABSENT, Change
    from runner.core.plan.estimate import Estimate
    from runner.core.plan.events import CutOff, Done, Event, Failed, Skipped, Started, Written
    from runner.core.state.records import Record, State
    from runner.errors import Problem, RunnerError, Untrusted, Where
    from runner.operations.python.applying import Result
    from runner.operations.python.checked import CheckResult
    from runner.operations.python.plan import Plan, PlannedChange
    from runner.operations.python.project import Project
    from runner.operations.python.project import open_project as open  # noqa: A004

_PLACES = {
    "runner.core.plan.diff": ("ABSENT", "Change"),
    "runner.core.plan.estimate": ("Estimate",),
    "runner.core.plan.events": (
        *("CutOff", "Done", "Event", "Failed", "Skipped", "Started", "Written"),
    ),
    "runner.core.state.records": ("Record", "State"),
    "runner.errors": ("Problem", "RunnerError", "Untrusted", "Where"),
    "runner.operations.python.applying": ("Result",),
    "runner.operations.python.checked": ("CheckResult",),
    "runner.operations.python.plan": ("Plan", "PlannedChange"),
    "runner.operations.python.project": ("Project", "open"),
}


def __getattr__(name: str) -> object:
    for place, names in _PLACES.items():
        if name in names:
            from importlib import import_module  # noqa: PLC0415

            found = getattr(import_module(place), "open_project" if name == "open" else name)
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> "list[str]":  # as far as an older Python reads
    return sorted([*globals(), *__all__])
