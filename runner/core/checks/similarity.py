"""How alike two texts are, from 0 to 1."""

import re
from collections import Counter
from typing import Literal, get_args

SimilarityKind = Literal["indel", "token-f1", "rouge-l"]
WAYS: tuple[SimilarityKind, ...] = get_args(SimilarityKind)

_TOKEN = re.compile(r"\w+")
_SIGNS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # scripts without spaces
_WRITTEN = re.compile(rf"[^\W{_SIGNS}]+|\S")


def similarity(text: str, reference: str, by: SimilarityKind) -> float:
    """`indel`: characters to put in and take out (Levenshtein without replacing); `token-f1`: the
    words that both have, in any order (Rajpurkar et al. 2016); `rouge-l`: the longest run of words
    that stands in both in this order (Lin 2004). Words are compared without case.
    """
    from rapidfuzz.distance import Indel, LCSseq  # noqa: PLC0415  # only where texts are compared

    if by == "indel":
        return Indel.normalized_similarity(text, reference)
    words, wanted = _words(text), _words(reference)
    if by == "token-f1":
        return _f1((Counter(words) & Counter(wanted)).total(), len(words), len(wanted))
    return _f1(LCSseq.similarity(words, wanted), len(words), len(wanted))


def words_apart(text: str, other: str) -> float:
    """How many of the words and marks of two texts are to be taken out and put in, that one becomes
    the other: none 0, all 1. White space is no word.
    """
    from rapidfuzz.distance import Indel  # noqa: PLC0415  # only where texts are compared

    return Indel.normalized_distance(_WRITTEN.findall(text), _WRITTEN.findall(other))


def set_f1(held: Counter[str], wanted: Counter[str]) -> float:
    """How much of what is wanted is there, and of what is there is wanted: their F1."""
    return _f1((held & wanted).total(), held.total(), wanted.total())


def _words(text: str) -> list[str]:
    return _TOKEN.findall(text.casefold())


def _f1(common: int, held: int, wanted: int) -> float:
    return 2 * common / (held + wanted) if held + wanted else 1.0
