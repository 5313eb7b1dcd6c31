"""How the words of --help are laid out."""

import argparse
from itertools import groupby


class HelpText(argparse.HelpFormatter):
    """Prose breaks between words where the terminal ends; indented lines stand as written."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        found: list[str] = []
        for is_prose, lines in groupby(text.splitlines(), lambda line: line[:1].strip() != ""):
            if is_prose:
                found.append(super()._fill_text("\n".join(lines), width, indent))
            else:
                found.extend(indent + line for line in lines)
        return "\n".join(found)
