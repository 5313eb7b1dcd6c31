"""`runner console`: expressions evaluated against the configuration and the recorded answers."""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from io import TextIOWrapper

from runner.cli.commands.reading import read
from runner.cli.views.problems import report, tell_warnings
from runner.cli.views.values import value_text
from runner.core.expansion.scope import Scope
from runner.core.expressions.template import Hole, Node, compile_text, holes
from runner.core.suggest import closest
from runner.core.values import MASK, NotKnown, Ref, TemplateError
from runner.errors import RunnerError, error, sentence
from runner.operations.evaluate import recorded_session
from runner.operations.loaded import Loaded

_LEAVE = ("exit", "quit")
_NAMESPACES = ("var", "local", "module")


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Expressions over one project, as it was read when the console began."""

    project: Loaded
    scope: Scope

    def text(self, source: str) -> str:
        """The value of an expression as text; RunnerError says why there is none."""
        try:
            node = _compiled(source)
            self._check_names(node)
            if any(self._hides(hole) for hole in holes(node)):
                return MASK
            value = node.render(self.scope.names)
            return self.project.secrets.text(value_text(value))
        except TemplateError as exc:
            raise _failed(exc.message) from exc
        except NotKnown as exc:
            address = exc.address
            raise _failed(f"{address} has no answer yet: `runner apply` gets it") from exc
        except MemoryError as exc:
            raise _failed("the value does not fit into memory") from exc

    def _check_names(self, node: Node) -> None:
        for hole in holes(node):
            for ref in hole.refs:
                name = str(ref[0])
                if name not in self.scope.names:
                    raise TemplateError(_no_name(name, self.scope))

    def _hides(self, hole: Hole) -> bool:
        return self.scope.masks(hole) or any(self._shows_all(ref) for ref in hole.refs)

    def _shows_all(self, ref: Ref) -> bool:
        """Whether it is `var`, `local` or `module` as a whole, with something sensitive in it."""
        root = ref[0]
        if root not in _NAMESPACES or (len(ref) > 1 and isinstance(ref[1], str)):
            return False
        return any(self.scope.sensitive((root, name)) for name in self.scope.names[str(root)])


def run(arguments: argparse.Namespace) -> int:
    """Read expressions from the terminal, or line by line from stdin: 1 if one of those failed."""
    project = read(arguments)
    tell_warnings(project)
    evaluator = Evaluator(project, recorded_session(project, rejected=True).scopes[""])
    if sys.stdin.isatty():
        from runner.cli.terminal.prompting import lines  # noqa: PLC0415  # 0.1 s, terminals only

        _each(lines(names(evaluator.scope)), evaluator)
        return 0
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # what is not UTF-8 is no expression either
    return 1 if _each(sys.stdin, evaluator) else 0


def names(scope: Scope) -> list[str]:
    """What may be typed: every name of the project, and the functions."""
    module = scope.module
    found = [f"var.{name}" for name in module.variables]
    found += [f"local.{name}" for name in module.locals]
    found += [declared.address for declared in module.completions.values()]
    found += [declared.address for declared in module.data.values()]
    for call in module.calls.values():
        child = module.children.get(call.name)
        outputs = child.outputs if child is not None and not call.repeated else ()
        found += [call.address, *(f"{call.address}.{name}" for name in outputs)]
    found += [name for name, value in scope.names.items() if callable(value)]
    return [*found, "path.module", "path.root", *_LEAVE]


def _each(lines: Iterable[str], evaluator: Evaluator) -> int:
    """Evaluate each line; how many failed."""
    failed = 0
    for line in lines:
        source = line.strip()
        if source in _LEAVE:
            break
        if not source:
            continue
        try:
            sys.stdout.write(f"{evaluator.text(source)}\n")
        except RunnerError as exc:
            failed += 1
            sys.stdout.flush()
            report(exc.problems, evaluator.project.secrets)
        sys.stdout.flush()
    return failed


def _compiled(source: str) -> Node:
    """An expression, or a text with holes such as it stands in a prompt."""
    if "{%" in source or source.startswith("{{"):
        return compile_text(source)
    return compile_text("{{ " + source + " }}")


def _no_name(name: str, scope: Scope) -> str:
    for root in ("var", "local", "completion"):
        if name in scope.names[root]:
            return f'there is no name "{name}"; did you mean {root}.{name}?'
    near = closest(name, scope.names)
    hint = f"did you mean {near}?" if near else f"names begin with {', '.join(_roots(scope))}"
    return f'there is no name or function "{name}"; {hint}'


def _roots(scope: Scope) -> list[str]:
    return [name for name, value in scope.names.items() if not callable(value)]


def _failed(said: str) -> RunnerError:
    return error("Invalid expression", sentence(said))
