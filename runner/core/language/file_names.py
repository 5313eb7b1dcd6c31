"""Names that an output's file may have: on no file system one that a program takes orders from."""

import re
import unicodedata

_ENDS = (".", " ")  # Windows drops them
_SHORT = re.compile(r"[^.~]{1,6}~[0-9]+(\..{0,3})?", re.DOTALL)  # Windows' second name of .git
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])", re.IGNORECASE)
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))  # some file systems leave them out
_RUN = frozenset(("node_modules", "site-packages", "dist-packages", "__pycache__"))
ANOTHER = "Choose another name."
_LONGEST_NAME, _LONGEST_PATH = 255, 3000  # bytes


def normalised(path: str) -> str | None:
    """A relative path without `.` and `..`; None if it leads out of where it begins."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and not parts:
            return None
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def one_spelling(path: str) -> str:
    """The same for all names that some file system takes for one file."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", path).casefold())


def name_fault(path: str) -> str | None:
    """Why no output is written under this path, whatever the system; None if it may be. It is
    `normalised`, and relative.
    """
    if not path:
        return "It names no file."
    shown = ascii(path)[1:-1] if any(map(_is_unseen, path)) else path
    for part in path.split("/"):
        said = _fault(part)
        if said is not None:
            return f'"{shown}" {said} {ANOTHER}'
    if len(path.encode(errors="replace")) > _LONGEST_PATH:
        return f'"{shown[:60]}.." is too long for a path. {ANOTHER}'
    return None


def _fault(part: str) -> str | None:
    if any(map(_is_unseen, part)):
        return "holds a character that is not seen, and some systems take for none."
    if unicodedata.normalize("NFKC", part).startswith("."):
        return (
            "has a part that begins with a dot: such files tell git, shells and CI what to do, and "
            "no answer may."
        )
    if _is_run(one_spelling(part)):
        return (
            "is a place from which Python or Node runs what it finds, and no answer may be there."
        )
    if "\\" in part:
        return (
            "holds a backslash, which is a part of names here and stands behind folders elsewhere."
        )
    if ":" in part:
        return "holds a colon, which leads to other content of a file on Windows."
    if part.endswith(_ENDS):
        return "has a part that ends with a dot or a space, which Windows leaves out."
    if _SHORT.fullmatch(part):
        return "has a part like GIT~1, which Windows takes for the short name of another file."
    if _DEVICE.fullmatch(part.partition(".")[0].rstrip()):
        return "has a part that is the name of a device on Windows."
    if len(part.encode(errors="replace")) > _LONGEST_NAME:
        return "has a part that is too long for the name of a file."
    return None


def _is_run(spelling: str) -> bool:
    return spelling in _RUN or spelling.endswith((".pth", ".pyc"))


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN
