"""A saved plan, planned again from what its configuration and state are now, without a request."""

from runner.core.secrets.secrets import Secrets
from runner.errors import Problem, RunnerError, Where
from runner.operations.options import Options
from runner.operations.planning.plan import Planned, planned
from runner.operations.reading.load import load
from runner.operations.saved_plan.content import differences
from runner.operations.saved_plan.file import Saved, options_in


def planned_again(options: Options, saved: Saved, secrets: Secrets) -> Planned | Problem:
    """The plan, if it still is this one; else a warning that says why it is not. RunnerError if it
    reads what the options do not name.
    """
    chosen = options_in(saved, options, "show")
    try:
        project = load(chosen, secrets)
        project.settings.offline, project.shares = True, False  # nothing is asked of anybody
        made = planned(project)
        why = next(differences(saved.content, project, made), None)
    except RunnerError as exc:
        first = exc.problems[0]
        why = f"{first.summary}: {first.detail.rstrip('.')}"
    if why is None:
        return made
    said = f"{why}. What the file lists is shown, without its requests; only an apply checks it."
    where = Where(saved.path)
    return Problem("Plan cannot be shown in full", secrets.text(said), where, "warning")
