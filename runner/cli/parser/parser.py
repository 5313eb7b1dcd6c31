"""The parser of a command line: its mistakes are told with the closest word that was meant."""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

_YES = frozenset(("1", "t", "T", "true", "TRUE", "True"))  # as Go's flags have them
_NO = frozenset(("0", "f", "F", "false", "FALSE", "False"))


class Parser(argparse.ArgumentParser):
    """argparse whose mistakes exit with 1 and name the closest flag. A long flag may have one dash,
    and one without a value may be told =true or =false: as Terraform's flags are written. One that
    may have a value has it behind an equals sign, and never takes the next word.
    """

    @property
    def options(self) -> dict[str, argparse.Action]:
        """Every flag, by each of its names."""
        return self._option_string_actions

    @property
    def positionals(self) -> list[argparse.Action]:
        """What stands there without a flag, in order."""
        return self._get_positional_actions()

    @property
    def verbs(self) -> "dict[str, Parser]":
        """The parsers of the verbs; none where there are none."""
        found = self._verbs()
        if isinstance(found, LateVerbs):
            return found.parsers
        return {} if found is None else dict(found.choices)

    @property
    def verbs_in_words(self) -> tuple[tuple[str, str], ...]:
        """The verbs that --help names, and what each is for."""
        found = self._verbs()
        told = () if found is None else found._get_subactions()  # noqa: SLF001  # argparse's own
        return tuple((one.dest, one.help or "") for one in told)

    def _verbs(self) -> "argparse._SubParsersAction[Parser] | None":
        kind = argparse._SubParsersAction  # noqa: SLF001  # which argparse names nowhere else
        return next((action for action in self._actions if isinstance(action, kind)), None)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and leave with status 1."""
        self.exit(1, f"Error: {self._told(message)}\n\nFor help: {self.prog} --help\n")

    def _told(self, message: str) -> str:
        from runner.cli.parser.instead import flag_instead, verb_instead  # noqa: PLC0415
        from runner.core.suggest import closest  # noqa: PLC0415  # only when there is a mistake

        missing = re.match(r"the following arguments are required: (COMMAND|ACTION)", message)
        choice = re.match(r"argument ([^:/]+)[^:]*: invalid choice: '([^']*)'", message)
        unknown = re.match(r"argument (?:COMMAND|ACTION): invalid choice: '([^']*)'", message)
        if "unrecognized arguments: " in message:
            word = message.partition("unrecognized arguments: ")[2].split()[0].partition("=")[0]
            known, instead = [*self.options], flag_instead(word)
        elif unknown is not None:
            word = unknown[1]
            message = f'there is no command "{self.prog} {word}"'
            known = [*self.verbs]
            instead = verb_instead(f"{self.prog} {word}")
        elif missing is not None:
            if missing[1] == "COMMAND":
                return "COMMAND is missing. What there is: runner; the version: runner version."
            return f"{self.prog} is to do one of {', '.join(self.verbs)}."
        elif choice is not None:
            (flag, word), instead = choice.groups(), None
            known = [*self._choices(flag)]
            message = f"{flag}: {word!r} is none of {', '.join(known)}"
        else:
            said = message.removeprefix("argument ")
            return f"{said.replace(': expected one argument', ' wants a value behind it')}."
        near = closest(word, known)
        hint = instead or (f"Did you mean {near}?" if near else "")
        return f"{message}. {hint}".rstrip()

    def _choices(self, name: str) -> Iterable[str]:
        """What may stand behind a flag, or for a word without one."""
        given = self.options.get(name)
        held = [given] if given is not None else self.positionals
        return next((one.choices for one in held if one.choices and name in _names(one)), ())

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse, but an unknown flag is told by the verb it was given to."""
        found, rest = self.parse_known_args(args, namespace)
        if rest:
            getattr(found, "parser", self).error(f"unrecognized arguments: {' '.join(rest)}")
        return found

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse, which hands a verb's words on to the verb's own parser."""
        words = sys.argv[1:] if args is None else args
        return super().parse_known_args([*self._spelled(words)], namespace)

    def _spelled(self, words: Iterable[str]) -> Iterator[str]:
        """The words as argparse knows them; after -- they are nobody's flags."""
        rest = iter(words)
        for word in rest:
            flag, equals, value = self.long(word).partition("=")
            action = self.options.get(flag)
            plain = f"{flag}=" if action is not None and action.nargs == "?" else flag
            may_be_told = action is not None and action.nargs in (0, "?")
            if equals and may_be_told and value in _YES | _NO:
                opposite = f"--no-{flag[2:]}"
                if value in _YES:
                    yield plain
                elif opposite in self.options:
                    yield opposite
            else:
                yield f"{flag}{equals}{value}" if equals else plain
            if word == "--":
                yield from rest

    def long(self, word: str) -> str:
        """The word with two dashes, if with them it is a flag of this parser."""
        flag = f"-{word.partition('=')[0]}"
        return f"-{word}" if flag[:2] == "--" and flag in self.options else word


class LateVerbs(argparse._SubParsersAction):  # type: ignore[type-arg]  # noqa: SLF001
    """Verbs whose parsers are made when they are asked for: a start needs that of one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._makers: dict[str, Callable[[], object]] = {}
        self.choices = self._makers

    def expect(self, name: str, make: Callable[[], object]) -> None:
        """There is a verb of this name, whose parser is added by `make`."""
        self._makers[name] = make

    @property
    def parsers(self) -> dict[str, Parser]:
        """All of them."""
        return {name: self._made(name) for name in self._makers}

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        """As argparse, which hands the words behind a verb on to its parser."""
        self._made(values[0])
        super().__call__(parser, namespace, values, option_string)

    def _made(self, name: str) -> Parser:
        if name not in self._name_parser_map:
            self._makers[name]()
        made: Parser = self._name_parser_map[name]
        return made

    def _get_subactions(self) -> list[argparse.Action]:
        """What --help says of them, in their order."""
        order = [*self.parsers]
        return sorted(self._choices_actions, key=lambda told: order.index(told.dest))


def _names(action: argparse.Action) -> tuple[str, ...]:
    """By which a mistake about it calls it."""
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    return (*action.option_strings, metavar, action.dest)
