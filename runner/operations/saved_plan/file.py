"""Saved plans: written by `plan --out`, carried out while what they were made from holds."""

import shlex
from dataclasses import replace
from pathlib import Path

import msgspec
import orjson
from msgspec import Struct

from runner import __version__
from runner.core.plan.targets import Choice
from runner.core.received import DEEPEST, is_deep
from runner.core.state.written import UNREADABLE
from runner.errors import Where, error
from runner.io import files
from runner.operations.files.named_file import NamedFile
from runner.operations.options import Options, VariableFile, VariableText
from runner.operations.planning.plan import Planned
from runner.operations.project.places import project_directory, same_place
from runner.operations.reading.loaded import Loaded
from runner.operations.saved_plan.content import (
    PLAN_FORMAT,
    VERSION,
    Content,
    differences,
    made_from,
)


class _Sign(msgspec.Struct):
    format: str
    version: int = 0
    runner_version: str = "of an unknown version"


class Saved(Struct, frozen=True):
    """A plan as it was saved; as it was shown, it has no `path`. Its `text` and `summary` are for
    readers of other versions: they are in no digest, so nobody is shown them.
    """

    path: str
    content: Content

    def check(self, project: Loaded, made: Planned) -> None:
        """RunnerError unless `made` is this very plan, from the same configuration and state.

        An answer that was to be paid for and is in the cache by now is no difference: after a
        crash in the middle, the same plan goes on.
        """
        for stale in differences(self.content, project, made):
            said = f"{stale} since this plan was made at {self.content.created_at}, so it was not "
            if not self.path:
                raise error("Plan is stale", f"{said}carried out. It is shown anew.")
            raise error(
                "Saved plan is stale",
                f"{said}carried out. Look at a new one: runner plan --out {self.path}",
                Where(self.path),
            )


def save(project: Loaded, made: Planned, path: str, text: str) -> None:
    """Write the plan to a file, with its text for a person; RunnerError if that would replace one
    that is no plan.
    """
    built = msgspec.to_builtins(made_from(project, made, text))
    file = NamedFile(project.folders.project, path, "--out", "saved plan", _is_plan)
    file.write(orjson.dumps(built, option=orjson.OPT_INDENT_2) + b"\n")


def as_shown(project: Loaded, made: Planned) -> Saved:
    """The plan as if it had been saved: what is carried out is this very one."""
    return Saved("", made_from(project, made, ""))


def read_plan(path: str) -> Saved:
    """A saved plan; RunnerError if it is none, or is damaged."""
    where = Where(path)
    if Path(path).is_dir():
        raise error("Not a saved plan", f"{path} is a directory.", where)
    data = files.read_named(
        path,
        "`runner plan --out FILE` saves a plan; to apply parts of the configuration, name them "
        "with --target.",
    )
    if not _is_plan(data):
        said = f"{path} was not written by `runner plan --out`."
        raise error("Not a saved plan", said, where)
    if is_deep(data):
        said = f"It nests deeper than {DEEPEST} levels. Make a new one: runner plan --out {path}"
        raise error("Saved plan is damaged", said, where)
    try:
        sign = msgspec.json.decode(data, type=_Sign)
        if sign.version > VERSION:
            raise error(
                "Saved plan is from a newer runner",
                f"It has version {sign.version} and was made by runner {sign.runner_version}; "
                f"this is runner {__version__}, which reads version {VERSION}.",
                where,
            )
        return Saved(path, msgspec.json.decode(data, type=Content))
    except UNREADABLE as exc:
        said = f"{exc}. Make a new one: runner plan --out {path}"
        raise error("Saved plan is damaged", said, where) from exc


def options_in(saved: Saved, options: Options, verb: str) -> Options:
    """The options with the variables and the choice that the plan was made with.

    RunnerError if it reads a file outside of the project that the options do not name; `verb` is
    the command to which that is then to be said.
    """
    content = saved.content
    _refuse_other_files(saved, options, verb)
    named = tuple(map(VariableFile, content.variables.var_file))
    return replace(
        options,
        choice=Choice(
            tuple(content.choice.target),
            tuple(content.choice.exclude),
            tuple(content.choice.replace),
            content.choice.destroy,
            content.choice.checks,
        ),
        variables=(
            *named,
            *(_assigned(pair) for pair in content.variables.var),
            *(each for each in options.variables if each not in named),
        ),
        batch=content.choice.batch or options.batch,
    )


def _assigned(pair: str) -> VariableText:
    name, equals, text = pair.partition("=")
    return VariableText(name, text if equals else None)


def _refuse_other_files(saved: Saved, options: Options, verb: str) -> None:
    """What is read is what the user names: a plan may have come with the repository."""
    again = f"{same_place(options.place)} {verb} {shlex.quote(saved.path)}"
    project = files.followed(project_directory(options.place))
    given = {
        files.followed(Path(variable.path))
        for variable in options.variables
        if isinstance(variable, VariableFile)
    }
    for file in saved.content.variables.var_file:
        path = files.followed(Path(file))
        if not path.is_relative_to(project) and path not in given:
            raise error(
                "File is outside of the project",
                f"{saved.path} wants the variables in {file}, and a plan that may have come "
                "with the project does not say what is read elsewhere. If you mean it, say so: "
                f"{again} --var-file {shlex.quote(file)}",
                Where(saved.path),
            )


def _is_plan(data: bytes) -> bool:
    """Whether it says so: also of one that is damaged further down."""
    try:
        return msgspec.json.decode(data, type=_Sign).format == PLAN_FORMAT
    except UNREADABLE:
        return f'"format": "{PLAN_FORMAT}"'.encode() in data[:100]
