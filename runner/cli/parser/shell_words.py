"""A command line as far as it is typed, in words: the last quote may still be open."""

import re

_PIECE = re.compile(r"""\\(.)|'([^']*)(?:'|\Z)|"((?:[^"\\]|\\.)*)(?:"|\Z)|(\s+)|(.)""", re.DOTALL)
_ESCAPED = re.compile(r"\\([\\\"$`])")


def shell_words(line: str) -> list[str]:
    """The words of a line as a POSIX shell takes them; the last one is the one that the cursor is
    in, empty after a blank.
    """
    words = [""]
    for escaped, single, double, blank, plain in _PIECE.findall(line.lstrip()):
        if blank:
            words.append("")
        else:
            words[-1] += escaped or single or _ESCAPED.sub(r"\1", double) or plain
    return words
