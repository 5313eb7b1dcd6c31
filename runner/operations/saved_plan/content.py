"""What a saved plan holds, and how it differs from what is planned now."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from secrets import token_hex
from typing import Annotated, Any, Literal

import msgspec

from runner import __version__
from runner.core.address import covers
from runner.core.canonical import digest
from runner.core.modules.module import CompiledModule
from runner.core.plan.actions import (
    Absent,
    Action,
    Await,
    Instances,
    Issue,
    Keep,
    Read,
    Remove,
    Reuse,
    Update,
)
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.words import announced
from runner.core.state.line import encode_record
from runner.operations.options import VariableFile
from runner.operations.planning.plan import Planned
from runner.operations.reading.loaded import Loaded

PLAN_FORMAT: Literal["runner-plan"] = "runner-plan"
VERSION: Literal[1] = 1
_OPEN = ("undecided", "instances")


class Act(msgspec.Struct, forbid_unknown_fields=True):
    """What has to happen at one address."""

    address: str
    action: str
    fingerprint: str | None
    sample: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None
    reason: str


class SavedVariables(msgspec.Struct, forbid_unknown_fields=True):
    """Variables of the command line; sensitive ones are not among them."""

    var: list[str]
    var_file: list[str]


class SavedChoice(msgspec.Struct, forbid_unknown_fields=True):
    """Which addresses the plan is about, and whether what they ask goes in batches."""

    target: list[str]
    exclude: list[str]
    replace: list[str]
    destroy: bool
    checks: bool = True  # plans had none at first
    batch: bool = False  # nor this


class Basis(msgspec.Struct, forbid_unknown_fields=True):
    """What the plan was made from, as digests: each file, each variable's value, and all sensitive
    values together. `salt` is this plan's own, so that equal secrets do not show as equal.
    """

    root: str
    files: dict[str, str]
    values: dict[str, str]
    salt: str
    sensitive: str


Serial = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Of(msgspec.Struct, forbid_unknown_fields=True):
    """The state the plan was made from; no lineage if there was none yet. `records` is their
    digest: a merge or an editor changes them and leaves the serial as it is.
    """

    lineage: str | None
    serial: Serial
    records: str | None = None  # plans had none at first


class SavedFile(msgspec.Struct, forbid_unknown_fields=True):
    """The file of an output that will be written."""

    path: str
    output: str
    action: Literal["create", "change", "undecided"]


class Content(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file."""

    format: Literal["runner-plan"]
    version: Literal[1]
    runner_version: str
    created_at: str
    config: Basis
    variables: SavedVariables
    choice: SavedChoice
    state: Of
    actions: list[Act]
    summary: str
    text: str
    files: list[SavedFile] | None = None  # plans had none at first


def made_from(project: Loaded, made: Planned, text: str) -> Content:
    """The content of a plan file; `text` is the plan for a person."""
    return Content(
        PLAN_FORMAT,
        VERSION,
        __version__,
        datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        _basis(project, token_hex(16)),
        _given(project),
        SavedChoice(
            list(made.choice.targets),
            list(made.choice.excludes),
            list(made.choice.replaces),
            made.choice.destroy,
            made.choice.checks,
            project.options.batch,
        ),
        _of(project),
        list(_acts(project, made.plan)),
        made.summary,
        text,
        [SavedFile(file.path, file.output, file.action) for file in made.files],
    )


def differences(content: Content, project: Loaded, made: Planned) -> Iterator[str]:
    """What is not as it was when the plan was saved, in words; nothing if all is."""
    yield from _basis_differences(content.config, _basis(project, content.config.salt))
    now = _of(project)
    if now.lineage != content.state.lineage and None not in (now.lineage, content.state.lineage):
        yield f"This is another state (lineage {now.lineage}, not {content.state.lineage})"
    if (now.lineage, now.serial) != (content.state.lineage, content.state.serial):
        yield f"The state was written (serial {now.serial}, not {content.state.serial})"
    if content.state.records not in (None, now.records):
        yield f"The state was edited (its serial is {now.serial} as it was)"
    yield from _act_differences(content.actions, list(_acts(project, made.plan)))
    if content.files is not None:
        named = {file.path for file in content.files}
        for file in made.files:
            if file.path not in named:
                yield f"The file {file.path} is not as it was, and is to be written"


def _given(project: Loaded) -> SavedVariables:
    """Files, and what no later file set otherwise: so that they come first when they are read."""
    plain = {name: t for name, t in project.flagged.items() if not _is_sensitive(project, name)}
    given = project.options.variables
    files = [variable.path for variable in given if isinstance(variable, VariableFile)]
    return SavedVariables([f"{name}={text}" for name, text in plain.items()], files)


def _is_sensitive(project: Loaded, name: str) -> bool:
    declared = project.root.variables.get(name)
    return declared is not None and declared.block.table.get("sensitive") is True


def _of(project: Loaded) -> Of:
    """A state that was never written has a new lineage each time: it is told as none."""
    state = project.state
    lines = b"\n".join(held.line or encode_record(held) for held in state.records.values())
    return Of(state.lineage if state.serial else None, state.serial, digest(lines))


def _basis(project: Loaded, salt: str) -> Basis:
    read = {name: digest(data) for name, data in project.folders.held.items()}
    plain = {name: v for name, v in project.values.items() if not _is_sensitive(project, name)}
    hidden = {name: v for name, v in project.values.items() if _is_sensitive(project, name)}
    return Basis(
        project.folders.root,
        dict(sorted({**read, **dict(_sources(project.root))}.items())),
        {name: _digest(value) for name, value in sorted(plain.items())},
        salt,
        _digest(hidden, salt) if hidden else "",
    )


def _digest(value: Any, salt: str = "") -> str:
    """Of any value that a variable can have: integers of any size, dates."""
    return digest(f"{salt}{json.dumps(value, sort_keys=True, default=str)}".encode())


def _sources(module: CompiledModule) -> Iterator[tuple[str, str]]:
    """The name and digest of every configuration file, those of modules included."""
    for source in module.blocks.sources:
        yield source.file, digest(source.text.encode())
    for child in module.children.values():
        yield from _sources(child)


def _acts(project: Loaded, plan: PlannedSteps) -> Iterator[Act]:
    """Every step, then what is renamed and what is taken in; the reasons are those of the plan."""
    for each in announced(plan, project.secrets):
        fingerprint, sample = (None, None) if each.step is None else _which(each.step.action)
        yield Act(each.address, each.word, fingerprint, sample, each.reason)


def _which(action: Action) -> tuple[str | None, int | None]:
    """Which request an action is about: its fingerprint and sample, as far as they are known."""
    match action:
        case Issue(fingerprint, sample):
            return fingerprint, sample
        case Reuse(record) | Update(record) | Remove(record):
            return record.fingerprint, record.sample
        case Read(fingerprint=fingerprint):
            return fingerprint, None
        case Keep() | Absent() | Await() | Instances():
            return None, None


def _basis_differences(then: Basis, now: Basis) -> Iterator[str]:
    if then.root != now.root:
        yield f"The root module is {now.root}, not {then.root},"
    for name, what in _changed(then.files, now.files):
        yield f"The configuration changed: {name} {what}"
    for name, what in _changed(then.values, now.values):
        yield f"The variables changed: var.{name} {what}"
    if then.sensitive != now.sensitive:
        yield "The variables changed: a sensitive one has another value"


def _changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in sorted({*then, *now}):
        if name not in now:
            yield name, "is gone"
        elif name not in then:
            yield name, "is new"
        elif then[name] != now[name]:
            yield name, "is not what it was"


def _act_differences(then: list[Act], now: list[Act]) -> Iterator[str]:
    """What was not announced. What hung on an answer may be decided by now: it is in the cache."""
    before, after = _by_place(then), _by_place(now)
    open_blocks = [act.address for act in then if act.action == "instances"]
    for place, act in before.items():
        found = after.get(place)
        if found is None and act.action not in _OPEN:
            yield f"{act.address} has nothing left to do"
        elif found is not None and not _same(act, found):
            yield f"What has to happen at {act.address} changed ({act.action}, now {found.action})"
    for place, act in after.items():
        if place not in before and not any(covers(block, act.address) for block in open_blocks):
            yield f"{act.address} was to be left alone, and is not up to date any more"


def _by_place(acts: list[Act]) -> dict[tuple[str, bool], Act]:
    """What moves to an address, or is imported there, may have to be handled there as well."""
    return {(act.address, act.action in ("move", "import")): act for act in acts}


def _same(before: Act, after: Act) -> bool:
    if before.action in _OPEN:
        return True
    if (before.fingerprint, before.sample) != (after.fingerprint, after.sample):
        return False
    return after.action == before.action or (
        after.action == "replay" and before.action in ("issue", "reissue")
    )
