"""A project whose answers are reviewed: one completion with instances, and one check."""

import json

from tests.harness.project import Project, completion
from tests.harness.recorded import record, write_state

PROVIDER = '[provider.openai]\nbase_url = "http://127.0.0.1:9/v1"\n'
CHECK = '[check.polite]\nof = "completion.answer"\nexpect = [{ contains = "please" }]\n'


def write(project: Project, answers: dict[str, str], checks: str = CHECK) -> None:
    """The project, with what was answered to each key."""
    keys = ", ".join(map(json.dumps, answers))
    each = completion("answer", "Say {{ each.key }}", f"for_each = [{keys}]")
    project.write(PROVIDER + each + checks)
    held = (record(f'completion.answer["{key}"]', said) for key, said in answers.items())
    write_state(project, *held)
