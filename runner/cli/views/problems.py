"""What went wrong, in the five parts of Terraform's diagnostics, or as JSON."""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from runner.cli.views.style import Style, style
from runner.core.language.findings import KEY
from runner.core.secrets.secrets import Secrets
from runner.core.toml.source import masked
from runner.errors import Problem, Where

if TYPE_CHECKING:
    from runner.operations.reading.loaded import Loaded

_LONGEST_LINE, _NARROWEST = 200, 20  # characters of a source line, and of a terminal's
_HUGE = re.compile(r"\S{1000,}")  # a name or a value in what is said


def report(
    problems: Iterable[Problem], secrets: Secrets | None = None, *, as_json: bool = False
) -> None:
    """Every problem to stderr, equal ones folded; with --json, as events on stdout. `secrets` are
    those of the project, if one was read.
    """
    problems = map((secrets or Secrets()).problem, problems)
    problems = by_place(problems)
    if as_json:
        for problem in problems:
            sys.stdout.write(json.dumps(event(problem), ensure_ascii=False) + "\n")
        return
    shown = style(sys.stderr)
    sys.stderr.write("\n".join(_folded(problems, shown)))
    sys.stderr.flush()


def tell_warnings(project: "Loaded", *, as_json: bool = False) -> None:
    """Warnings, once, to stderr (with --json, as events on stdout); none at log level error."""
    if project.warnings and (as_json or project.settings.log_level != "error"):
        report(project.warnings, project.secrets, as_json=as_json)
        project.warnings.clear()


def by_place(problems: Iterable[Problem]) -> list[Problem]:
    """Errors first; what is wrong in files as it stands there, all else as it was found."""
    return sorted(problems, key=_rank)


def _rank(problem: Problem) -> tuple[bool, bool, str, int, int]:
    where, last = problem.where, problem.severity != "error"
    if where is None or where.file is None or where.line is None:
        return last, True, "", 0, 0
    return last, False, where.file, where.line, where.column or 0


def event(problem: Problem) -> dict[str, Any]:
    """One problem as a `diagnostic` event, in the shape that editors know from Terraform."""
    return {"type": "diagnostic", "level": problem.severity, "diagnostic": diagnostic(problem)}


def diagnostic(problem: Problem) -> dict[str, Any]:
    """severity, summary, detail, and range and snippet where the place is known."""
    found: dict[str, Any] = {
        "severity": problem.severity,
        "summary": problem.summary,
        "detail": _brief(problem.detail),
    }
    where = problem.where
    if where is not None and where.file is not None and where.line is not None:
        column = where.column or 1
        end = column + where.width if where.column else len(where.source or "") + 1
        found["range"] = {
            "filename": where.file,
            "start": {"line": where.line, "column": column},
            "end": {"line": where.line, "column": end},
        }
        code, first = _around(_masked(where.source or ""), column, _LONGEST_LINE)
        found["snippet"] = {
            "context": where.block,
            "code": code,
            "start_line": where.line,
            "highlight_start_offset": (first or 1) - 1,
            "highlight_end_offset": min((first or 1) - 1 + end - column, len(code) + 1),
        }
    elif where is not None:
        found["address"] = str(where)
    return found


def _brief(detail: str) -> str:
    """What is said, without the end of a name or a value of thousands of characters."""
    return _HUGE.sub(lambda found: f"{found[0][:_LONGEST_LINE]}..", detail)


def _masked(source: str) -> str:
    """A line as it may be shown: a key pasted into it is not, and the columns stay."""
    return KEY.sub(lambda found: masked(found[0]), source)


def _visible(character: str) -> str:
    """A character that takes its own place and moves nothing on the terminal."""
    if character == "\t":
        return " "
    return character if character.isprintable() else "\ufffd"


def _folded(problems: Iterable[Problem], shown: Style) -> Iterator[str]:
    """Each once; those of one line together, which is then shown once."""
    tally = Counter(problems)
    groups: dict[object, list[Problem]] = {}
    for problem in tally:
        groups.setdefault(_line_of(problem), []).append(problem)
    for group in groups.values():
        yield "".join(_lines(group, tally, shown))


_MOST_HERE = 10  # of one line


def _line_of(problem: Problem) -> object:
    """What problems have in common that are told together; without a line, nothing."""
    where = problem.where
    if where is None or where.line is None:
        return problem
    return problem.severity, where.file, where.line


def _lines(group: list[Problem], tally: Counter[Problem], shown: Style) -> Iterator[str]:
    first = group[0]
    word, colour = ("Error", "red") if first.severity == "error" else ("Warning", "yellow")
    summaries = ", ".join(dict.fromkeys(problem.summary for problem in group))
    times = tally[first] if len(group) == 1 else 1
    folded = f" ({times} times)" if times > 1 else ""
    here = f" ({len(group)} on this line)" if len(group) > 1 else ""
    yield f"{shown(word, colour)}: {shown(summaries, 'bold')}{folded}{here}\n"
    if first.where is not None:
        yield from _place([problem.where for problem in group if problem.where], shown)
    yield "\n"
    details = list(dict.fromkeys(problem.detail for problem in group))
    for detail in details[:_MOST_HERE]:
        yield f"{shown.wrapped(_brief(detail))}\n"
    if len(details) > _MOST_HERE:
        yield f"... and {len(details) - _MOST_HERE} more on this line\n"


def _place(places: list[Where], shown: Style) -> Iterator[str]:
    """Where it is; of several on one line, the line with all that is meant of it."""
    where = places[0]
    if where.file is None:
        yield f"\n  on {where.block}\n"
        return
    line = f" line {where.line}" if where.line is not None else ""
    block = f", in {where.block}" if where.block else ""
    is_shown = where.source is not None and where.line is not None
    yield f"\n  on {where.file}{line}{block}{':' if is_shown else ''}\n"
    if where.source is not None and where.line is not None:
        source = "".join(map(_visible, _masked(where.source)))
        most = _LONGEST_LINE if shown.width is None else max(shown.width - 8, _NARROWEST)
        source, column = _around(source, where.column, most)
        yield f"  {where.line:>4}: {source}\n"
        if column is not None:
            moved = (where.column or 1) - column
            yield f"        {shown(_carets(places, len(source), moved), 'red')}\n"


def _carets(places: list[Where], length: int, moved: int) -> str:
    """Under a line of this length, whose beginning was cut by so many columns."""
    marks = [" "] * length
    for where in places:
        if where.column is not None:
            start = where.column - 1 - moved
            end = min(start + max(1, where.width), length)
            marks[max(start, 0) : end] = "^" * (end - max(start, 0))
    first = (places[0].column or 1) - 1 - moved
    return "".join(marks).rstrip() or f"{' ' * first}^"


def _around(source: str, column: int | None, most: int) -> tuple[str, int | None]:
    """A line and a column in it, cut to so many characters about that column."""
    if len(source) <= most:
        return source, column
    start = max(0, min((column or 1) - 1 - most // 3, len(source) - most))
    cut = source[start : start + most]
    cut = f"..{cut[2:]}" if start else cut
    cut = f"{cut[:-2]}.." if start + most < len(source) else cut
    return cut, None if column is None else column - start
