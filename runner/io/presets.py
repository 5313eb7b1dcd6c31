"""The data of the providers that are known by name, in the package: read when one is named."""

from functools import cache
from pathlib import Path
from typing import Any

from runner.core.request.presets import OPENAI_PRESET, Preset, preset_of
from runner.core.toml.source import parse, source

_DATA = Path(__file__).parent.parent / "presets.toml"


def preset(name: str) -> Preset:
    """The preset of a name that is one."""
    return OPENAI_PRESET if name == OPENAI_PRESET.name else preset_of(name, _tables()[name])


def presets() -> tuple[Preset, ...]:
    """All of them, in the order of their names, OpenAI's own first."""
    return OPENAI_PRESET, *(preset_of(name, table) for name, table in sorted(_tables().items()))


@cache
def _tables() -> dict[str, Any]:
    return parse(source(_DATA.name, _DATA.read_bytes()))
