"""What may stand where the cursor of a shell is, by what the verbs take."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runner.cli.parser.parser import Parser

Offer = tuple[str, str]
"""A word that may stand there, and what it is about."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the cursor is. `kept` of the word stays as it is (`--target=`), and `typed` is what is
    completed. Known are the `words` that may stand there, or the metavar of the value, `wanted`
    after the words of a `verb`; `given` are the values of flags so far.
    """

    kept: str
    typed: str
    words: tuple[Offer, ...] = ()
    wanted: str | None = None
    verb: tuple[str, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)


def cursor(top: Parser, words: Sequence[str], typed: str) -> Cursor:
    """Where the cursor is, after whole words and at the end of one."""
    way = _Way(top)
    for index, word in enumerate(words):
        if way.verb == ["help"]:
            return cursor(top, words[index:], typed)
        way.go(word)
    if way.verb == ["help"]:
        return cursor(top, (), typed)
    if way.waiting is not None:
        return way.value(way.waiting, "", typed)
    if typed.startswith("-") and not way.plain:
        flag, equals, value = way.here.long(typed).partition("=")
        action = way.here.options.get(flag)
        if equals and action is not None:
            return way.value(action, typed[: len(typed) - len(value)], value)
        return Cursor("", typed, tuple(way.flags(typed)))
    if way.here.verbs:
        return Cursor("", typed, way.here.verbs_in_words)
    positional = way.positional()
    return Cursor("", typed) if positional is None else way.value(positional, "", typed)


class _Way:
    """The words so far, taken as argparse takes them."""

    def __init__(self, top: Parser) -> None:
        self.here = top
        self.verb: list[str] = []
        self.given: dict[str, str] = {}
        self.waiting: argparse.Action | None = None
        self.plain = False  # after --
        self._used: set[str] = set()
        self._taken = 0

    def go(self, word: str) -> None:
        """One word more."""
        if self.waiting is not None:
            self.given[self.waiting.dest] = word
            self.waiting = None
        elif self.plain or word in ("", "-") or not word.startswith("-"):
            self._step(word)
        elif word == "--":
            self.plain = True
        else:
            self._flag(word)

    def _step(self, word: str) -> None:
        if word in self.here.verbs:
            self.here, self._taken = self.here.verbs[word], 0
            self.verb.append(word)
        else:
            self._taken += 1

    def _flag(self, word: str) -> None:
        flag, equals, value = self.here.long(word).partition("=")
        action = self.here.options.get(flag)
        if action is None:
            return
        if not isinstance(action, argparse._AppendAction):  # noqa: SLF001  # only these repeat
            self._used.update(action.option_strings)
        if equals:
            self.given[action.dest] = value
        elif action.nargs not in (0, "?"):
            self.waiting = action

    def value(self, action: argparse.Action, kept: str, typed: str) -> Cursor:
        """The value of a flag, or a positional."""
        choices = tuple((str(one), "") for one in action.choices or ())
        wanted = None if choices else str(action.metavar)
        return Cursor(kept, typed, choices, wanted, tuple(self.verb), self.given)

    def positional(self) -> argparse.Action | None:
        """The one that comes next; None if there is none any more."""
        found = self.here.positionals
        if self._taken < len(found):
            return found[self._taken]
        return found[-1] if found and found[-1].nargs in ("*", "+") else None

    def flags(self, typed: str) -> Iterator[Offer]:
        """The flags that may still be given, with as many dashes as are typed."""
        dashes = 1 if typed[1:2] not in ("", "-") else 2
        for flag, action in self.here.options.items():
            if flag.startswith("--") and flag not in self._used and action.help != _HIDDEN:
                yield flag[2 - dashes :], action.help or ""


_HIDDEN = argparse.SUPPRESS
