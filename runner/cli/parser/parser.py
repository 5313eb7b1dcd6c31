"""The parser of a command line: its mistakes are told with the closest word that was meant."""

import argparse
from typing import Any, NoReturn


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
