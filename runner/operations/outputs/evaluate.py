"""Expressions and outputs over what is recorded, without planning anything."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from runner.core.api.answer import Answer
from runner.core.expansion.outputs import OutputValue, learn, outputs
from runner.core.expansion.scope import Scope
from runner.core.expansion.session import Session
from runner.core.expressions.foreign import instead
from runner.core.expressions.template import Hole, Node, compile_text, holes
from runner.core.plan.walk import Walk
from runner.core.state.records import Record
from runner.core.suggest import closest
from runner.core.values import MASK, NotKnown, Ref, TemplateError
from runner.errors import Problem, RunnerError, error, sentence
from runner.operations.reading.loaded import Loaded

_TO_COME = "(not known before apply)"
_DERIVED = ("json", "response")  # of an answer: the same again in other forms
_NAMESPACES = ("var", "local", "module")


def recorded_session(
    project: Loaded, records: Mapping[str, Record] | None = None, *, rejected: bool = False
) -> Session:
    """What the configuration and the recorded answers give, or those of `records`; with `rejected`,
    those that were not accepted as well.
    """
    return recorded_walk(project, records, rejected=rejected).session


def recorded_walk(
    project: Loaded, records: Mapping[str, Record] | None = None, *, rejected: bool = False
) -> Walk:
    """The same, with every instance of it."""
    session = Session(project.root, project.world, project.values, project.settings.workspace)
    Scope(session, project.root)
    learn(session, project.moved()[0] if records is None else records, rejected=rejected)
    walk = Walk(session)
    while walk.ready:
        vertex = walk.ready.popleft()
        if vertex.kind == "expand":
            try:
                walk.expand(vertex)
            except (NotKnown, RunnerError):
                continue  # its instances are not known; what needs them says so
        walk.settle(vertex)
    return walk


def all_outputs(project: Loaded, asked: str | None = None) -> Mapping[str, OutputValue]:
    """Every output as the records give it, or the one that is asked for; RunnerError for an
    expression that fails.
    """
    session = recorded_session(project)
    records, _ = project.moved()
    problems: list[Problem] = []
    found = outputs(session, records, problems, asked)
    if problems:
        raise RunnerError(*problems)
    return found


class Evaluator(Struct, frozen=True):
    """Expressions over one project, as it was read when this was made."""

    scope: Scope

    def value(self, source: str) -> Any:
        """What an expression gives, as JSON has values: an answer as its attributes, what has not
        come as a note, what is sensitive masked. A text of the project's that is secret may stand
        in it. RunnerError says why there is none.
        """
        try:
            node = _compiled(source)
            self._check_names(node)
            if any(self._hides(hole) for hole in holes(node)):
                return MASK
            return _plain(node.render(self.scope.names))
        except TemplateError as exc:
            raise _failed(exc.message) from exc
        except NotKnown as exc:
            address = exc.address
            raise _failed(f"{address} has no answer yet: `runner apply` gets it") from exc
        except MemoryError as exc:
            raise _failed("the value does not fit into memory") from exc

    def names(self) -> list[str]:
        """Every name of the project, and the functions."""
        module = self.scope.module
        found = [f"var.{name}" for name in module.variables]
        found += [f"local.{name}" for name in module.locals]
        found += [declared.address for declared in module.completions.values()]
        found += [declared.address for declared in module.data.values()]
        for call in module.calls.values():
            child = module.children.get(call.name)
            outputs = child.outputs if child is not None and not call.repeated else ()
            found += [call.address, *(f"{call.address}.{name}" for name in outputs)]
        found += [name for name, value in self.scope.names.items() if callable(value)]
        return [*found, "path.module", "path.root", "workspace"]

    def _check_names(self, node: Node) -> None:
        for hole in holes(node):
            for ref in hole.refs:
                name = str(ref[0])
                if name not in self.scope.names:
                    raise TemplateError(_no_name(name, hole.source, self.scope))

    def _hides(self, hole: Hole) -> bool:
        return self.scope.masks(hole) or any(self._shows_all(ref) for ref in hole.refs)

    def _shows_all(self, ref: Ref) -> bool:
        """Whether it is `var`, `local` or `module` as a whole, with something sensitive in it."""
        root = ref[0]
        if root not in _NAMESPACES or (len(ref) > 1 and isinstance(ref[1], str)):
            return False
        return any(self.scope.sensitive((root, name)) for name in self.scope.names[str(root)])


def evaluator(project: Loaded) -> Evaluator:
    """What the root module knows by its configuration and all recorded answers."""
    return Evaluator(recorded_session(project, rejected=True).scopes[""])


def _compiled(source: str) -> Node:
    """An expression, or a text with holes such as it stands in a prompt."""
    if "{%" in source or source.startswith("{{"):
        return compile_text(source)
    return compile_text("{{ " + source + " }}")


def _plain(value: Any) -> Any:
    """A table or list with each answer in it as its attributes, and those to come as a note."""
    match value:
        case None | str() | bool() | int() | float():
            return value
        case Answer():
            return {name: _plain(value[name]) for name in value if name not in _DERIVED}
        case Mapping():
            return {str(key): _item(value, key) for key in value}
        case Sequence() | range():
            return [_item(value, index) for index in range(len(value))]
        case _:
            kind = type(value).__name__
            raise TemplateError(f"the expression yields a {kind}, which is not a value")


def _item(value: Any, key: Any) -> Any:
    try:
        return _plain(value[key])
    except NotKnown:
        return _TO_COME


def _no_name(name: str, source: str, scope: Scope) -> str:
    for root in ("var", "local", "completion"):
        if name in scope.names[root]:
            return f'there is no name "{name}"; did you mean {root}.{name}?'
    near = closest(name, scope.names)
    other = instead(name, source) if near is None and f"{name}(" in source else None
    hint = f"did you mean {near}?" if near else f"names begin with {', '.join(_roots(scope))}"
    return f'there is no name or function "{name}"; {hint}' if other is None else other


def _roots(scope: Scope) -> list[str]:
    return [name for name, value in scope.names.items() if not callable(value)]


def _failed(said: str) -> RunnerError:
    return error("Invalid expression", sentence(said))
