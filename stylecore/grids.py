"""Settings that take several values: the axes of a grid of pictures.

The plug-in uses this too, so it imports the standard library only, and the settings.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from stylecore.errors import StyleError
from stylecore.setting_kinds import SettingError, Value, meant, plain
from stylecore.settings import BY_NAME, named

#: What people call the setting ``iterations``.
_ALIASES = {"steps": "iterations"}
STEPS = "iterations"


@dataclass(frozen=True)
class Axis:
    """One setting and the values it takes."""

    name: str
    values: tuple[Value, ...]

    def words(self, value: Value) -> str:
        """Return the label of a value, e.g. ``'style weight 8000'``."""
        if self.name == STEPS:
            return f"{value} step{'s' if value != 1 else ''}"
        return f"{self.name.replace('_', ' ')} {plain(value) if isinstance(value, float) else value}"


def check_axes(axes: Sequence[Axis], most: int) -> None:
    """Make sure that axes make a grid that can be painted.

    Raises:
        StyleError: ``bad-arguments`` if there is none, more than two, one twice, or more than ``most`` cells.
    """
    if len({axis.name for axis in axes}) != len(axes) or not 1 <= len(axes) <= 2:
        raise StyleError("bad-arguments", "One setting can be varied, or two different ones.", "Name one or two.")
    cells = math.prod(len(axis.values) for axis in axes)
    if cells > most:
        raise StyleError("bad-arguments", f"That would be {cells} pictures.", f"Vary less: at most {most} are painted.")


def parse_axes(text: str) -> list[Axis]:
    """Return the axes in a line like ``strength=25,50,75 brush-size=50,200``; values with spaces are put in quotes.

    Raises:
        StyleError: ``bad-arguments``.
    """
    try:
        parts = shlex.split(text)
    except ValueError:
        raise StyleError("bad-arguments", f"“{text}”: a quotation mark has no second one.", "Add it.") from None
    return [parse_axis(part) for part in parts]


def parse_axis(text: str) -> Axis:
    """Return the axis in ``NAME=V,V,…``; the values of a setting of several numbers stand between semicolons.

    Raises:
        StyleError: ``bad-arguments``.
    """
    written, _, listed = text.partition("=")
    setting = named(_ALIASES.get(written.strip().lower(), written))
    if setting is None:
        names = [each.replace("_", "-") for each in BY_NAME]
        remedy = " ".join(filter(None, [meant(written, names), f"The settings are: {', '.join(names)}."]))
        raise StyleError("bad-arguments", f"“{text}”: there is no setting “{written.strip()}”.", remedy)
    values: list[Value] = []
    for part in filter(None, (part.strip() for part in listed.split("," if setting.kind != "numbers" else ";"))):
        try:
            value = setting.read(part)
        except SettingError as error:
            said = error.called(f"“{setting.name.replace('_', '-')}”")
            raise StyleError("bad-arguments", f"“{text}”: {said}", error.remedy or "Correct that value.") from None
        if value not in values:
            values.append(value)
    if not values:
        raise StyleError("bad-arguments", f"“{text}” has no values.", "Write it like strength=25,50,75.")
    if setting.name == STEPS and 0 in values:
        raise StyleError("bad-arguments", f"“{text}”: a run has at least 1 step.", "Leave the 0 out.")
    return Axis(setting.name, tuple(values))
