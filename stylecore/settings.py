"""The one declaration of every setting (standard library only).

The GIMP dialog, the PDB arguments, the command line's flags, the wire's validation, the settings stored on a layer
and the README's table are all made from :data:`SETTINGS`. Adding a setting is one entry here and its use in the engine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: Raised when a setting is renamed or changes its meaning; :func:`migrate` then knows how to read the older ones.
VERSION = 1

Value = float | int | bool | str


class SettingError(ValueError):
    """A setting's name or value that cannot be used; the message is a sentence for people."""


@dataclass(frozen=True)
class Choice:
    """One value of a setting that takes one of several."""

    value: str
    label: str
    help: str


@dataclass(frozen=True)
class Setting:
    """One setting.

    ``kind`` is ``'float'``, ``'int'``, ``'bool'``, ``'choice'`` or ``'numbers'`` (text of ``count`` numbers with spaces
    between them); ``minimum`` and ``maximum`` hold for numbers, ``choices`` for choices. ``group`` is ``'main'`` (shown up
    front) or ``'advanced'``. ``live`` says that a running job takes a new value without starting over.
    """

    name: str
    kind: str
    default: Value
    label: str
    help: str
    group: str = "advanced"
    minimum: float = 0.0
    maximum: float = 0.0
    unit: str = ""
    choices: tuple[Choice, ...] = ()
    count: int = 0
    live: bool = False

    def check(self, value: Any) -> Value:
        """Return ``value`` as this setting's type.

        Raises:
            SettingError: the type is wrong, or the value is out of range or not one of the choices.
        """
        if self.kind == "bool":
            if isinstance(value, bool):
                return value
            raise SettingError(f"“{self.name}” must be true or false, not {value!r}.")
        if self.kind == "choice":
            if isinstance(value, str) and any(choice.value == value for choice in self.choices):
                return value
            names = ", ".join(choice.value for choice in self.choices)
            raise SettingError(f"“{self.name}” must be one of {names}, not {value!r}.")
        if self.kind == "numbers":
            return self._check_numbers(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise SettingError(f"“{self.name}” must be a number, not {value!r}.")
        if self.kind == "int" and value != int(value):
            raise SettingError(f"“{self.name}” must be a whole number, not {value!r}.")
        if not self.minimum <= value <= self.maximum:
            raise SettingError(
                f"“{self.name}” must be between {self.minimum:g} and {self.maximum:g}, not {value:g}."
            )
        return int(value) if self.kind == "int" else float(value)

    def _check_numbers(self, value: Any) -> str:
        try:
            parts = numbers(value)
        except (ValueError, AttributeError):
            parts = []
        if len(parts) != self.count or not all(self.minimum <= part <= self.maximum for part in parts) or not any(parts):
            raise SettingError(
                f"“{self.name}” must be {self.count} numbers between {self.minimum:g} and {self.maximum:g} with spaces "
                f"between them, not all 0; it is {value!r}."
            )
        return str(value)


def numbers(value: Value) -> list[float]:
    """Return the numbers of a ``'numbers'`` setting's value."""
    return [float(part) for part in str(value).replace(",", " ").split()]


# Mnemonics: GIMP's dialog itself takes A, C, H, L, R, S and V.
SETTINGS: tuple[Setting, ...] = (
    Setting(
        "strength", "float", 50.0, "S_trength",
        "How far the picture is repainted: 0 leaves the photo as it is, 100 is nearly pure texture.",
        group="main", maximum=100.0, live=True,
    ),
    Setting(
        "brush_size", "float", 100.0, "_Brush size",
        "Size of the style's strokes: 100 paints them as large in the picture as they are in the style picture.",
        group="main", minimum=25.0, maximum=400.0, unit="%",
    ),
    Setting(
        "colours", "choice", "style", "Col_ours",
        "Where the colours come from.",
        group="main", live=True,
        choices=(
            Choice("style", "From the style", "The result takes the painting's colours."),
            Choice("photo", "From the photo", "Brightness comes from the result, colour from the photo."),
            Choice("match", "Matched to the photo", "The painting is first recoloured to the photo's palette."),
        ),
    ),
    Setting(
        "colours_amount", "float", 100.0, "Colour amo_unt",
        "How far the choice of colours goes: at 0, “style” keeps the photo's colours, “photo” and “match” the style's.",
        maximum=100.0, unit="%", live=True,
    ),
    Setting(
        "quality", "choice", "normal", "_Quality",
        "How long to paint.",
        group="main",
        choices=(
            Choice("draft", "Draft", "Quick look: about a third of the time of normal."),
            Choice("normal", "Normal", "Good for most pictures."),
            Choice("best", "Best", "Finest detail: about three times the time of normal."),
        ),
    ),
    Setting(
        "objective", "choice", "balanced", "Ob_jective",
        "What “looks like the style” means to the optimiser.",
        choices=(
            Choice("balanced", "Balanced", "Mean and covariance of the features, balanced so that one strength suits "
                                           "every pair of pictures."),
            Choice("gram", "Gram matrices", "The objective of neural-style and pastiche, with raw content and style "
                                            "weights."),
            Choice("paper", "Paper (Gatys et al.)", "The objective of arXiv 1508.06576 as printed, with raw content and "
                                                    "style weights."),
        ),
    ),
    Setting(
        "statistics", "choice", "covariance", "Stat_istics",
        "What the balanced objective compares between the picture's features and the style's.",
        choices=(
            Choice("covariance", "Mean and covariance", "Colour and texture apart."),
            Choice("gram", "Gram matrix", "Colour and texture in one, as in the paper."),
            Choice("gram-moments", "Gram matrix, mean and deviation", "Keeps the colours of the Gram matrix steadier."),
            Choice("wasserstein", "Wasserstein distance", "How far the features would have to be moved; gentle and slow."),
        ),
    ),
    Setting(
        "content_weight", "float", 1.0, "Content _weight (raw)",
        "α of the paper: weight of the content loss. Used by the objectives of the paper and of Gram matrices.",
        maximum=1e9, live=True,
    ),
    Setting(
        "style_weight", "float", 1000.0, "Style wei_ght (raw)",
        "β of the paper: weight of the style loss. Used by the objectives of the paper and of Gram matrices.",
        maximum=1e9, live=True,
    ),
    Setting(
        "layer_weights", "numbers", "1 1 1 1 1", "La_yer weights",
        "How much the style of each layer counts, from conv1_1 (colours, dots) to conv5_1 (whole figures): five numbers.",
        maximum=100.0, count=5, live=True,
    ),
    Setting(
        "pooling", "choice", "max", "_Pooling",
        "How the network halves its feature maps. The other two objectives always use average pooling.",
        choices=(
            Choice("max", "Maximum", "Crisp strokes."),
            Choice("average", "Average", "Rounder, smoother strokes."),
            Choice("l2", "L2", "Between maximum and average."),
        ),
    ),
    Setting(
        "start", "choice", "content", "Start _from",
        "The first image of the optimisation.",
        choices=(
            Choice("content", "The photo", "Keeps the scene's layout best."),
            Choice("noise", "White noise", "As in the paper; the seed decides which."),
            Choice("grey", "Grey", "A flat middle grey."),
        ),
    ),
    Setting(
        "iterations", "int", 0, "Iteratio_ns",
        "Optimiser steps at the final size; 0 lets the quality decide.",
        maximum=2000,
    ),
    Setting(
        "total_variation", "float", 0.5, "S_moothing",
        "Weight of the total variation: more removes fine noise and some crispness.",
        maximum=20.0, live=True,
    ),
    Setting(
        "seed", "int", 0, "See_d",
        "Number that decides the noise when starting from noise: the same seed gives the same picture.",
        maximum=2**31 - 1,
    ),
    Setting(
        "memory_limit", "float", 0.0, "_Memory limit",
        "The most memory that painting may take; larger pictures are then painted in blocks, which takes longer. "
        "0 takes what is free.",
        maximum=1024.0, unit="GB",
    ),
    Setting(
        "precision", "choice", "auto", "Pr_ecision",
        "Arithmetic of the network.",
        choices=(
            Choice("auto", "Automatic", "bfloat16 where this machine computes it faster and right, else float32."),
            Choice("float32", "float32", "Exact and slower."),
            Choice("bfloat16", "bfloat16", "Fast on recent processors."),
        ),
    ),
)

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}


def defaults() -> dict[str, Value]:
    """Return every setting's name with its default value."""
    return {setting.name: setting.default for setting in SETTINGS}


def validate(values: Mapping[str, Any]) -> dict[str, Value]:
    """Return a complete, checked set of settings: ``values`` over the defaults.

    Raises:
        SettingError: a name is unknown or a value cannot be used.
    """
    result = defaults()
    for name, value in values.items():
        setting = BY_NAME.get(name)
        if setting is None:
            raise SettingError(f"There is no setting “{name}”. The settings are: {', '.join(BY_NAME)}.")
        result[name] = setting.check(value)
    return result


def migrate(stored: Mapping[str, Any]) -> dict[str, Value]:
    """Return settings stored by any version as a complete set of this version's; never raises.

    A stored set is a mapping of names to values with ``'version'``. Names that no longer exist are left out, values
    that no longer fit are replaced by the nearest that does, or by the default.
    """
    result = defaults()
    for name, value in stored.items():
        setting = BY_NAME.get(name)
        if setting is None:
            continue
        if isinstance(value, int | float) and not isinstance(value, bool) and setting.kind in ("int", "float"):
            if math.isnan(value):
                continue
            value = min(max(value, setting.minimum), setting.maximum)
        try:
            result[name] = setting.check(value)
        except SettingError:
            continue
    return result


def stored(values: Mapping[str, Value]) -> dict[str, Any]:
    """Return ``values`` with their version, ready to be kept as JSON and read back by :func:`migrate`."""
    return {"version": VERSION, **values}


def markdown_table(settings: Iterable[Setting] = SETTINGS) -> str:
    """Return the settings as the Markdown table that the README shows."""
    rows = ["| setting | values | default | what it does |", "|---|---|---|---|"]
    for setting in settings:
        if setting.kind == "choice":
            values = ", ".join(f"`{choice.value}`" for choice in setting.choices)
        elif setting.kind == "bool":
            values = "`true`, `false`"
        elif setting.kind == "numbers":
            values = f"{setting.count} numbers, each {setting.minimum:g} – {setting.maximum:g}"
        else:
            values = f"{setting.minimum:g} – {setting.maximum:g}{' ' + setting.unit if setting.unit else ''}"
        default = f"{setting.default:g}" if isinstance(setting.default, float) else f"{setting.default}"
        rows.append(f"| `{setting.name}` | {values} | {default} | {setting.help} |")
    return "\n".join(rows)
