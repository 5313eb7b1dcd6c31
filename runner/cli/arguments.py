"""The command line: every verb, its flags, and an example of each."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from runner import __version__

PROG = "runner"
VAR, VAR_FILE = "--var", "--var-file"
INTERRUPTED = 130  # exit status
_DESCRIPTION = """\
Terraform for LLM completions: declare chat completions in TOML, see what a change
will cost before it is spent, and keep every answer.
"""
_EPILOG = """\
examples:
  runner init hello && cd hello     a small project that runs without a key
  runner plan                       what would be issued, why, and what it costs
  runner apply                      the same, then asks, then issues
  runner output chat --raw          one answer

`runner COMMAND --help` explains each command.
"""


class Parser(argparse.ArgumentParser):
    """argparse whose mistakes exit with 1 and name the closest flag."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and leave with status 1."""
        hint = self._closest(message)
        self.exit(1, f"Error: {message}.{hint}\n\nFor help: {self.prog} --help\n")

    def _closest(self, message: str) -> str:
        from runner.core.suggest import closest  # noqa: PLC0415  # only when there is a mistake

        if "unrecognized arguments: " in message:
            word = message.partition("unrecognized arguments: ")[2].split()[0].partition("=")[0]
            near = closest(word, [*self._option_string_actions])
        elif "invalid choice: '" in message:
            word = message.partition("invalid choice: '")[2].partition("'")[0]
            verbs = [a.choices for a in self._actions if isinstance(a.choices, dict)]
            near = closest(word, [*verbs[0]]) if verbs else None
        else:
            near = None
        return f" Did you mean {near}?" if near else ""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse, but an unknown flag is told by the verb it was given to."""
        found, rest = self.parse_known_args(args, namespace)
        if rest:
            getattr(found, "parser", self).error(f"unrecognized arguments: {' '.join(rest)}")
        return found


def parser() -> Parser:
    """The parser of the whole command line."""
    top = Parser(
        prog=PROG,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"{PROG} {__version__}")
    _global_flags(top, defaults=True)
    verbs = top.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for name, build in _VERBS.items():
        build(_Verbs(verbs, name))
    return top


class _Verbs:
    """One verb being built."""

    def __init__(self, verbs: Any, name: str) -> None:
        self._verbs, self._name = verbs, name

    def __call__(
        self, about: str, example: str, *, module: str | None = None, detail: str = ""
    ) -> Parser:
        made: Parser = self._verbs.add_parser(
            self._name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.{' ' + detail if detail else ''}",
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(module=module or self._name.replace("-", "_"), parser=made)
        _global_flags(made, defaults=False)
        return made


def _global_flags(made: argparse.ArgumentParser, *, defaults: bool) -> None:
    held = made.add_argument_group("where and how")

    def add(*names: str, **rest: Any) -> None:
        # Flags may stand before the verb or after it; the later one wins.
        fallback = rest.pop("default", None)
        rest["default"] = fallback if defaults else argparse.SUPPRESS
        held.add_argument(*names, **rest)

    add("-C", "--chdir", metavar="DIR", default=".", help="work in this project")
    add("--config", metavar="DIR", default="configs", help="folder of the root module")
    add("--state", metavar="DIR", default="state", help="folder of the state")
    add("--workspace", metavar="NAME", help="own state and outputs, shared cache")
    add("--no-color", action="store_true", default=False, help="no colour")
    add(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        help="how much to say on stderr",
    )


def _variables(made: Parser) -> None:
    # Into one list, in their order: the later one wins.
    for flag, metavar in ((VAR, "NAME=VALUE"), (VAR_FILE, "FILE")):
        made.add_argument(
            flag, action="append", default=[], dest="given", metavar=metavar, type=_flagged(flag)
        )


def _flagged(flag: str) -> Callable[[str], tuple[str, str]]:
    return lambda text: (flag, text)


def _choice(made: Parser) -> None:
    made.add_argument("--target", action="append", default=[], metavar="ADDR", help="only this")
    made.add_argument("--exclude", action="append", default=[], metavar="ADDR", help="all but this")
    made.add_argument(
        "--replace", action="append", default=[], metavar="ADDR", help="issue again, unchanged"
    )
    made.add_argument("--refresh", action="store_true", help="look whether stored ones are there")
    made.add_argument("--offline", action="store_true", default=None, help="send nothing at all")
    made.add_argument("--full", action="store_true", help="show every instance in full")


def _plan(add: _Verbs) -> None:
    made = add(
        "show what would be issued, why, and what it costs",
        "runner plan --target completion.chat",
        detail="Nothing is sent and nothing is written.",
    )
    _variables(made)
    _choice(made)
    made.add_argument("--destroy", action="store_true", help="plan to remove everything")
    made.add_argument("--out", metavar="FILE", help="save the plan for `runner apply FILE`")
    made.add_argument(
        "--detailed-exitcode", action="store_true", help="exit with 2 if there are changes"
    )
    made.add_argument("--json", action="store_true", help="one JSON event a line")


def _apply(add: _Verbs) -> None:
    made = add(
        "issue what the plan says, and record every answer",
        "runner apply --auto-approve --concurrency 8",
        detail="Shows the plan and asks; only 'yes' is taken for yes.",
    )
    made.add_argument("plan", nargs="?", metavar="PLANFILE", help="a plan saved by plan --out")
    _variables(made)
    _choice(made)
    made.add_argument("--destroy", action="store_true", help="remove everything")
    made.add_argument("--auto-approve", action="store_true", help="do not ask")
    made.add_argument("--concurrency", type=int, metavar="N", help="requests in flight at once")
    made.add_argument("--max-cost", type=float, metavar="USD", help="stop before this is crossed")
    made.add_argument("--max-requests", type=int, metavar="N", help="stop before one more")
    made.add_argument("--lock-timeout", type=float, metavar="S", help="wait for another writer")
    made.add_argument("--fail-fast", action="store_true", help="stop at the first failure")
    made.add_argument("--stream", action="store_true", help="show one completion as it is written")
    made.add_argument("--junit", metavar="FILE", help="also write a JUnit XML report")
    made.add_argument("--json", action="store_true", help="one JSON event a line")


def _destroy(add: _Verbs) -> None:
    made = add(
        "remove every record",
        "runner destroy --auto-approve",
        detail="Deletes stored completions at their server; cached answers stay, so that a later "
        "apply is free.",
    )
    _variables(made)
    made.add_argument("--target", action="append", default=[], metavar="ADDR", help="only this")
    made.add_argument("--exclude", action="append", default=[], metavar="ADDR", help="all but this")
    made.add_argument("--auto-approve", action="store_true", help="do not ask")
    made.add_argument("--lock-timeout", type=float, metavar="S", help="wait for another writer")
    made.add_argument("--json", action="store_true", help="one JSON event a line")


def _output(add: _Verbs) -> None:
    made = add("print one output, or all", "runner output chat --raw")
    made.add_argument("name", nargs="?", metavar="NAME")
    form = made.add_mutually_exclusive_group()
    form.add_argument("--raw", action="store_true", help="the text as it is, nothing added")
    form.add_argument("--json", action="store_true", help="as JSON")
    _variables(made)


def _init(add: _Verbs) -> None:
    made = add(
        "write a small project that runs without a key",
        "runner init hello",
        detail="Never overwrites a file.",
    )
    made.add_argument("directory", nargs="?", metavar="DIR", default=None)


def _validate(add: _Verbs) -> None:
    made = add(
        "check everything that can be known without a request",
        "runner validate --json",
        detail="\n\nFor completion and checks as you type, in editors that use Taplo:\n"
        "  runner validate --schema > runner.schema.json\n"
        "and as the first line of a configuration file:\n"
        "  #:schema ../runner.schema.json",
    )
    _variables(made)
    form = made.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object, for editors")
    form.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of a configuration file"
    )


def _show(add: _Verbs) -> None:
    made = add(
        "show the state, one record, or a saved plan", "runner show 'completion.review[\"alice\"]'"
    )
    made.add_argument("what", nargs="?", metavar="ADDR|PLANFILE")
    made.add_argument("--json", action="store_true", help="as JSON")
    _variables(made)


def _state(add: _Verbs) -> None:
    made = add("list, show, move, remove, pull or push records", "runner state list 'completion.*'")
    verbs = made.add_subparsers(metavar="ACTION", required=True, dest="action")

    def action(name: str, about: str, example: str, *arguments: tuple[str, dict[str, Any]]) -> None:
        held = _action(verbs, name, about, f"runner state {example}")
        for flag, rest in arguments:
            held.add_argument(flag, **rest)

    lock = ("--lock-timeout", {"type": float, "metavar": "S", "help": "wait for another writer"})
    force = ("--force", {"action": "store_true", "help": "even another lineage, or an older one"})
    action(
        "list",
        "list addresses",
        "list 'completion.review[*]'",
        ("patterns", {"nargs": "*", "metavar": "ADDR"}),
    )
    action(
        "show",
        "show one record",
        "show completion.chat",
        ("address", {"metavar": "ADDR"}),
        ("--json", {"action": "store_true", "help": "as JSON"}),
    )
    action(
        "mv",
        "give a record, a block with its instances or a module another address",
        "mv completion.chat completion.greeting",
        ("source", {"metavar": "FROM"}),
        ("target", {"metavar": "TO"}),
        lock,
    )
    action(
        "rm",
        "forget records",
        "rm completion.chat",
        ("patterns", {"nargs": "+", "metavar": "ADDR"}),
        lock,
    )
    action("pull", "write the state file to stdout", "pull > state.copy.json")
    action(
        "push",
        "take a state file for the state, or merge the answers of an errored-*.jsonl file into it",
        "push state.copy.json",
        ("file", {"metavar": "FILE", "help": "or - for stdin"}),
        force,
        lock,
    )


def _import(add: _Verbs) -> None:
    made = add(
        "take a stored completion into the state, and print its block",
        "runner import completion.chat chatcmpl-abc123",
        module="import_",
    )
    made.add_argument("address", metavar="ADDR")
    made.add_argument("id", metavar="ID")
    made.add_argument("--provider", metavar="NAME", help="where it is stored")
    made.add_argument("--lock-timeout", type=float, metavar="S", help="wait for another writer")
    _variables(made)


def _convert(add: _Verbs) -> None:
    made = add(
        "turn Terraform HCL into this configuration language", "runner convert main.tf > main.toml"
    )
    made.add_argument("files", nargs="+", metavar="FILE.tf", help="or a folder, or - for stdin")
    made.add_argument("--out", metavar="FILE", help="write there instead of stdout")


def _graph(add: _Verbs) -> None:
    made = add(
        "draw what waits for what",
        "runner graph --format mermaid",
        detail="An arrow leads from a block to what it waits for.",
    )
    made.add_argument(
        "--format",
        choices=["dot", "mermaid", "svg"],
        default="dot",
        help="for Graphviz, for Markdown, or as an image",
    )
    _variables(made)


def _console(add: _Verbs) -> None:
    made = add(
        "evaluate expressions against configuration and state",
        "echo 'completion.chat.usage.total_tokens' | runner console",
    )
    _variables(made)


def _fmt(add: _Verbs) -> None:
    made = add("write the configuration in its canonical layout", "runner fmt --check")
    made.add_argument(
        "files", nargs="*", metavar="FILE", help="or a folder, or -; default: the root module's"
    )
    made.add_argument("--check", action="store_true", help="change nothing; exit 1 if needed")


def _action(verbs: Any, name: str, about: str, example: str) -> Parser:
    """The second word of a verb that has several."""
    held: Parser = verbs.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}.",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _global_flags(held, defaults=False)
    held.set_defaults(parser=held)
    return held


def _cache(add: _Verbs) -> None:
    made = add("tell about the cache of answers, or make it smaller", "runner cache info")
    verbs = made.add_subparsers(metavar="ACTION", required=True, dest="action")
    for name, about in (
        ("info", "how many answers, and how large"),
        ("prune", "drop what no record refers to"),
        ("clear", "drop everything; the state keeps its answers"),
    ):
        held = _action(verbs, name, about, f"runner cache {name}")
        if name != "info":
            held.add_argument("--auto-approve", action="store_true", help="do not ask")


def _workspace(add: _Verbs) -> None:
    made = add("list, make or delete workspaces", "runner workspace new staging")
    verbs = made.add_subparsers(metavar="ACTION", required=True, dest="action")
    for name, about in (
        ("list", "list workspaces"),
        ("new", "make a workspace"),
        ("delete", "delete a workspace that holds no records"),
    ):
        example = f"runner workspace {name}{'' if name == 'list' else ' staging'}"
        held = _action(verbs, name, about, example)
        if name != "list":
            held.add_argument("name", metavar="NAME")
        if name == "delete":
            held.add_argument("--force", action="store_true", help="even if it holds records")


def _force_unlock(add: _Verbs) -> None:
    add(
        "say who holds the lock",
        "runner force-unlock",
        detail="The lock of a local state belongs to its process and ends with it, so there is "
        "nothing to break; this tells which process that is.",
    )


def _completion(add: _Verbs) -> None:
    made = add(
        "print a completion script for a shell",
        "runner shell-completion bash > ~/.local/share/bash-completion/completions/runner",
        module="shell_completion",
    )
    made.add_argument("shell", choices=["bash", "zsh", "tcsh"])


_VERBS: dict[str, Callable[[_Verbs], None]] = {
    "init": _init,
    "validate": _validate,
    "plan": _plan,
    "apply": _apply,
    "destroy": _destroy,
    "output": _output,
    "show": _show,
    "state": _state,
    "import": _import,
    "convert": _convert,
    "graph": _graph,
    "console": _console,
    "fmt": _fmt,
    "cache": _cache,
    "workspace": _workspace,
    "force-unlock": _force_unlock,
    "shell-completion": _completion,
}

VERBS: Sequence[str] = tuple(_VERBS)
