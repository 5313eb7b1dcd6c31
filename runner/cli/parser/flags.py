"""Flags that several verbs take, each said once."""

import argparse
import re
from collections.abc import Callable
from typing import Any

VAR, VAR_FILE = "--var", "--var-file"
_UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}


def where_and_how(made: argparse.ArgumentParser, *, defaults: bool) -> None:
    """The flags of every command; without `defaults`, one not given leaves what an earlier said."""
    held = made.add_argument_group("where and how")

    def add(*names: str, **rest: Any) -> None:
        # Flags may stand before the verb or after it; the later one wins.
        if not defaults:
            rest["default"] = argparse.SUPPRESS
        held.add_argument(*names, **rest)

    add("-C", "--chdir", metavar="DIR", help="work in this project, not in the one here or above")
    add("--config", metavar="DIR", default="configs", help="folder of the root module")
    add("--state", metavar="DIR", default="state", help="folder of the state")
    add("--workspace", metavar="WORKSPACE", help="own state and outputs, shared cache")
    add("--no-color", action="store_true", help="no colour")
    add(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        help="how much to say on stderr",
    )
    add("-q", "--quiet", action="store_true", help="neither warnings nor progress")
    add(
        "-v",
        "--verbose",
        action="store_const",
        const="info",
        dest="log_level",
        help="each step on stderr: --log-level info",
    )


def against(made: argparse.ArgumentParser) -> None:
    """The other side of a comparison in time."""
    made.add_argument(
        "--against",
        metavar="REV",
        help="compare with the answers of a git revision; main... is where this branch left main",
    )


def variables(made: argparse.ArgumentParser) -> None:
    """Values of input variables, as pairs (flag, text) in `given`."""
    # Into one list, in their order: the later one wins.
    for flag, metavar in ((VAR, "NAME=VALUE"), (VAR_FILE, "FILE")):
        made.add_argument(
            flag, action="append", default=[], dest="given", metavar=metavar, type=_flagged(flag)
        )


def choice(made: argparse.ArgumentParser) -> None:
    """What a plan is about, and how it is made and shown."""
    addresses(made)
    made.add_argument(
        "--replace", action="append", default=[], metavar="ADDR", help="issue again, unchanged"
    )
    made.add_argument(
        "--no-checks", action="store_false", dest="checks", help="ask no judge for a verdict"
    )
    made.add_argument("--refresh", action="store_true", help="look whether stored ones are there")
    made.add_argument(
        "--refresh-only",
        action="store_true",
        help="only what data sources and stored ones are at their servers; issue nothing",
    )
    made.add_argument("--offline", action="store_true", default=None, help="ask no provider")
    whole(made)


def whole(made: argparse.ArgumentParser) -> None:
    """How much of a plan is shown."""
    made.add_argument(
        "--full", action="store_true", help="show each completion by itself, and cut no text"
    )


def addresses(made: argparse.ArgumentParser) -> None:
    """Which completions, the others being left as they are."""
    made.add_argument("--target", action="append", default=[], metavar="ADDR", help="only this")
    made.add_argument("--exclude", action="append", default=[], metavar="ADDR", help="all but this")


def approval(made: argparse.ArgumentParser) -> None:
    """To go on without a question."""
    made.add_argument("-y", "--auto-approve", action="store_true", help="do not ask")
    asking(made)


def asking(made: argparse.ArgumentParser) -> None:
    """Whether a person who sits there may be asked anything."""
    made.add_argument(
        "--no-input", action="store_false", dest="input", help="ask nothing, fail instead"
    )
    made.add_argument("--input", action="store_true", default=True, help=argparse.SUPPRESS)


def parallel(made: argparse.ArgumentParser) -> None:
    """How many requests go at once, also by Terraform's word for it."""
    made.add_argument(
        "--concurrency",
        "--parallelism",
        type=whole_number,
        metavar="N",
        help="requests in flight at once",
    )


def spending(made: argparse.ArgumentParser) -> None:
    """How much a run may cost."""
    made.add_argument("--max-cost", type=usd, metavar="USD", help="stop before this is crossed")
    made.add_argument("--max-requests", type=whole_number, metavar="N", help="stop before one more")


def batching(made: argparse.ArgumentParser) -> None:
    """Whether requests go in batches."""
    made.add_argument(
        "--batch",
        action="store_true",
        help="in batches, at the batch price: within 24 hours; see `runner docs batch`",
    )


def executing(made: argparse.ArgumentParser) -> None:
    """Who sends requests."""
    made.add_argument(
        "--executor",
        choices=("local", "ray"),
        help="who sends requests: this process, or workers of a Ray cluster; see `runner docs ray`",
    )


def trusting(made: argparse.ArgumentParser) -> None:
    """Hosts that whatever is sent may go to, in this run."""
    made.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="HOST",
        help="trust this host for one run with what the project sends it; see `runner trust`",
    )


def waiting(made: argparse.ArgumentParser) -> None:
    """How long another writer of the state is waited for, in seconds."""
    made.add_argument(
        "--lock-timeout", type=_seconds, metavar="S", help="wait for another writer: 10, 90s, 5m"
    )


def events(made: argparse.ArgumentParser) -> None:
    """What happens, as JSON instead of words."""
    made.add_argument("--json", action="store_true", help="one JSON event a line")


def at_least(least: int, most: int | None = None) -> Callable[[str], int]:
    """The type of a whole number within bounds."""
    bounds = f"{least} or more" if most is None else f"from {least} to {most}"

    def bounded(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= (most or int(text)):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number, {bounds}")
        return int(text)

    return bounded


def whole_number(text: str) -> int:
    """The type of a whole number, whose bounds somebody else knows."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def usd(text: str) -> float:
    """The type of an amount of money."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount in USD such as 0.50") from None


def share(text: str) -> float:
    """The type of a share of all: 5% or 0.05."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(%?)", text)
    value = 0.0 if found is None else float(found[1]) / (100 if found[2] else 1)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share of all such as 5%")
    return value


def positive(text: str) -> int:
    """A number from 1 up."""
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 up")
    return int(text)


def size(text: str) -> int:
    """A number of bytes: 20MB, 500kB."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?(k|M|G)?B?", text, re.ASCII)
    value = 0.0 if found is None else float(found[1]) * _UNITS[found[2] or ""]
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 20MB")
    return int(value)


def _seconds(text: str) -> float:
    """A time in seconds, or as Terraform has it: 90s, 1m30s."""
    number = r"([0-9]+(?:\.[0-9]+)?)"
    parts = re.fullmatch(rf"(?:{number}h)?(?:{number}m)?(?:{number}s?)?", text)
    if parts is None or not text:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 10, 90s or 1m30s")
    hours, minutes, seconds = (float(part or 0) for part in parts.groups())
    return hours * 3600 + minutes * 60 + seconds


def _flagged(flag: str) -> Callable[[str], tuple[str, str]]:
    return lambda text: (flag, text)
