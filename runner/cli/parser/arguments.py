"""The command line: the verbs, and the flags of all of them."""

from functools import partial
from typing import Any

from runner import __version__
from runner.cli.parser import flags
from runner.cli.parser.help_text import HelpText
from runner.cli.parser.parser import LateVerbs, Parser
from runner.cli.parser.verb import PROG, Verb
from runner.cli.parser.verbs import SHELLS, VERBS

INTERRUPTED = 130  # exit status
CHANGED = 2  # exit status: done, and there are changes, where that was asked
UNMET = 3  # exit status: done, but not as wanted
_DESCRIPTION = """\
Terraform for LLM completions: declare chat completions in TOML, see what a
change will cost before it is spent, and keep every answer.
"""
_EPILOG = """\
examples:
  runner init hello && cd hello     a small project that runs without a key
  runner plan                       what would be issued, why, and what it costs
  runner apply                      the same, then asks, then issues
  runner output chat --raw          one answer

`runner COMMAND --help` explains each command.
"""


def parser() -> Parser:
    """The parser of the whole command line."""
    top = Parser(
        prog=PROG,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=HelpText,
    )
    top.add_argument("--version", action="version", version=f"{PROG} {__version__}")
    flags.where_and_how(top, defaults=True)
    verbs: Any = top.add_subparsers(
        action=LateVerbs, metavar="COMMAND", required=True, title="commands"
    )
    for name, build in VERBS.items():
        verbs.expect(name, partial(build, Verb(verbs, name)))
    verbs.expect("complete", partial(_complete, verbs))
    return top


def _complete(verbs: Any) -> None:
    """What the scripts of shell-completion ask; without a help it stands in no list."""
    made = verbs.add_parser("complete")
    made.add_argument("shell", choices=SHELLS)
    made.add_argument("words", nargs="+")
    made.set_defaults(module="complete", parser=made, in_project=True)
