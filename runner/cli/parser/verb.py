"""One verb being built, with the help that teaches it."""

from typing import Any

from runner.cli.parser import flags
from runner.cli.parser.help_text import HelpText
from runner.cli.parser.parser import Parser

PROG = "runner"


class Verb:
    """Called with what the verb is for, then asked for its actions, if it has several."""

    def __init__(self, verbs: Any, name: str) -> None:
        self._verbs, self._name = verbs, name
        self._actions: Any = None

    def __call__(
        self,
        about: str,
        example: str,
        *,
        module: str | None = None,
        detail: str = "",
        in_project: bool = True,
    ) -> Parser:
        """The parser of the verb, which the module of its name carries out if none is named; one
        that is not `in_project` is about the current folder, whatever stands above.
        """
        self._made = _command(self._verbs, self._name, about, example, detail)
        self._made.set_defaults(in_project=in_project)
        self._made.set_defaults(module=module or self._name.replace("-", "_"))
        return self._made

    def action(self, name: str, about: str, example: str) -> Parser:
        """The parser of a second word of the verb; `example` goes on after the verb."""
        if self._actions is None:
            self._actions = self._made.add_subparsers(
                metavar="ACTION", required=True, dest="action"
            )
        return _command(self._actions, name, about, f"{PROG} {self._name} {example}")


def _command(commands: Any, name: str, about: str, example: str, detail: str = "") -> Parser:
    made: Parser = commands.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}.{' ' + detail if detail else ''}",
        epilog=f"example:\n  {example}",
        formatter_class=HelpText,
    )
    flags.where_and_how(made, defaults=False)
    made.set_defaults(parser=made)
    return made
