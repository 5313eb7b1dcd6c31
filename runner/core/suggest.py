"""The name that was probably meant."""

from collections.abc import Iterable

_CLOSE = 0.7  # of 1: "temprature" to "temperature" is 0.95, "user" to "store" is 0.44


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `name`, or None where nothing is near.

    Case, `-` for `_` and a cut-off end do not count as different. The same arguments, in any
    order of candidates, give the same answer.
    """
    known: dict[str, str] = {}
    for candidate in sorted(candidates):
        known.setdefault(_plain(candidate), candidate)
    plain = _plain(name)
    if plain in known:
        return known[plain]
    longer = [k for k in known if len(plain) > 2 and k.startswith(plain)]
    if len(longer) == 1:
        return known[longer[0]]
    from difflib import get_close_matches  # noqa: PLC0415  # only where something is misspelt

    near = get_close_matches(plain, known, n=1, cutoff=_CLOSE)
    return known[near[0]] if near else None


def did_you_mean(name: str, candidates: Iterable[str], otherwise: str = "") -> str:
    """`Did you mean "x"?` after a space, or what is said where nothing is near."""
    near = closest(name, candidates)
    return otherwise if near is None else f' Did you mean "{near}"?'


def there_are(names: Iterable[str], most: int = 8) -> str:
    """What there is, after a space, the first of many; nothing where there is nothing."""
    known = list(names)
    if len(known) == 1:
        return f" There is only {known[0]}."
    more = ", .." if len(known) > most else ""
    return f" There are {', '.join(known[:most])}{more}." if known else ""


def _plain(name: str) -> str:
    return name.casefold().replace("-", "_")
