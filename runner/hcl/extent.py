"""How long and how deep a Terraform file is, before it is read and where that failed."""

import re

from runner.errors import RunnerError, Where, error
from runner.hcl.tree import HclText

_LONGEST = 4_000_000
"""Characters; reading takes some 200 bytes of memory for each."""
_DEEPEST = 100_000
"""Open brackets; reading that many takes seconds, and ever more for each."""
_STEP = re.compile(r"[\[({]|[\])}]|[-!?:+*/%&|=.<>]")


def check_size(source: HclText) -> None:
    """RunnerError, with the first line that is too far down or the deepest one, where a file is
    too long or too deep to read.
    """
    if len(source.text) > _LONGEST:
        raise _too_long(source)
    if sum(map(source.text.count, "[({")) > _DEEPEST:
        most, where = deepest(source)
        if most > _DEEPEST:
            raise too_deep(where)


def too_deep(where: Where) -> RunnerError:
    """What says that a file cannot be converted for the levels that are open there."""
    said = "The values here are nested too deeply to convert. Give parts of them names in locals."
    return error("Nesting too deep", said, where)


def _too_long(source: HclText) -> RunnerError:
    said = (
        f"A Terraform file of more than {_LONGEST:,} characters is not converted; it ends its "
        "first part here. Take long texts out of it and read them with file()."
    )
    line = source.text.count("\n", 0, _LONGEST) + 1
    return error("File too long", said, source.where(line))


def deepest(source: HclText) -> tuple[int, Where]:
    """How many levels are open where most are, and the place: brackets, and the operators since
    the last line began, which nest as well.
    """
    depth = since = line = 0
    most, place = -1, 1
    for line, text in enumerate(source.text.split("\n"), start=1):
        since = 0
        for step in _STEP.findall(text):
            depth += (step in "[({") - (step in "])}")
            since += step not in "[](){}"
            if depth + since > most:
                most, place = depth + since, line
    return most, source.where(place)
