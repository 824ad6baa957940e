"""The one declaration of every setting (standard library only).

The GIMP dialog, the PDB arguments, the command line's flags, the wire's validation, the settings stored on a layer
and the README's table are all made from :data:`SETTINGS`. Adding a setting is one entry here and its use in the engine.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: Raised when a setting is renamed or changes its meaning; :func:`migrate` then knows how to read the older ones.
VERSION = 1

Value = float | int | bool | str
#: No more of a wrong value is repeated.
_LONGEST_SAID = 100


class SettingError(ValueError):
    """A setting's name or value that cannot be used; the message is a sentence for people.

    Args:
        problem: the sentence, or what ``name`` begins to say: ``'must be a number.'``
        name: the setting's.
        remedy: what to write instead, if that can be guessed.
    """

    def __init__(self, problem: str, name: str = "", remedy: str = "") -> None:
        super().__init__(f"“{name}” {problem}" if name else problem)
        self.name = name
        self.remedy = remedy
        self._problem = problem

    def called(self, name: str) -> str:
        """Return the sentence with another name for the setting, e.g. its flag."""
        return f"{name} {self._problem}" if self.name else self._problem


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
    front) or ``'advanced'``. ``live`` says that a running job takes a new value without starting over. ``former`` is what
    results were painted with before the setting was there, if that is not the default.
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
    former: Value | None = None

    def check(self, value: Any) -> Value:
        """Return ``value`` as this setting's type.

        Raises:
            SettingError: the type is wrong, or the value is out of range or not one of the choices.
        """
        if self.kind == "bool":
            if isinstance(value, bool):
                return value
            raise self._error(f"must be true or false, not {_quoted(value)}.")
        if self.kind == "choice":
            names = [choice.value for choice in self.choices]
            if isinstance(value, str) and value in names:
                return value
            raise self._error(f"must be one of {', '.join(names)}, not {_quoted(value)}.", meant(str(value), names))
        if self.kind == "numbers":
            return self._check_numbers(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._error(f"must be a number, not {_quoted(value)}.")
        if self.kind == "int" and value != int(value):
            raise self._error(f"must be a whole number, not {plain(value)}.")
        if not self.minimum <= value <= self.maximum:
            raise self._error(f"must be between {plain(self.minimum)} and {plain(self.maximum)}, not {plain(value)}.")
        return int(value) if self.kind == "int" else float(value)

    def read(self, text: str) -> Value:
        """Return the value that a person has written, e.g. ``70``, ``70 %``, ``4GB``, ``Gray``.

        Raises:
            SettingError: it is none for this setting; the remedy says what may have been meant.
        """
        written = text.strip()
        if self.kind == "bool":
            said = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
            return self.check(said.get(written.lower(), written))
        if self.kind == "choice":
            word = british(written.lower())
            return self.check(word if any(choice.value == word for choice in self.choices) else written)
        if self.kind == "numbers":
            return self.check(written)
        bare = self._without_unit(written)
        try:
            number = float(bare)
        except ValueError:
            what = f"a {'whole ' if self.kind == 'int' else ''}number{f' of {self.unit}' if self.unit.isalpha() else ''}"
            problem = f"must be {what}, not {_quoted(text)}."
            raise self._error(problem, _with_a_point(bare, whole=self.kind == "int")) from None
        return self.check(number)

    def _without_unit(self, text: str) -> str:
        units = [self.unit] if self.unit else ["%"] if self.maximum == 100 else []
        if self.unit == "GB":
            units += ["GiB", "G"]
        for unit in units:
            if text.lower().endswith(unit.lower()):
                return text[: -len(unit)].rstrip()
        return text

    def _error(self, problem: str, remedy: str = "") -> SettingError:
        return SettingError(problem, self.name, remedy)

    def _check_numbers(self, value: Any) -> str:
        try:
            parts = numbers(value)
        except (ValueError, AttributeError):
            parts = []
        if len(parts) != self.count or not all(self.minimum <= part <= self.maximum for part in parts) or not any(parts):
            raise self._error(
                f"must be {self.count} numbers between {plain(self.minimum)} and {plain(self.maximum)} with spaces between "
                f"them, not all 0; it is {_quoted(value)}."
            )
        return str(value)


def plain(number: float) -> str:
    """Return a number with all its digits, as people write it: ``2147483647``, ``0.5``."""
    return f"{number:.15g}"


def british(text: str) -> str:
    """Return a word of the settings, which may be written the American way, as they spell it: ``color``, ``gray``."""
    return text.replace("color", "colour").replace("gray", "grey")


def meant(word: str, possible: Iterable[str]) -> str:
    """Return the question whether a word like this one was meant, or nothing if none is like it."""
    near = difflib.get_close_matches(word.lower(), list(possible), 1)
    return f"Did you mean {near[0]}?" if near else ""


def _quoted(value: object) -> str:
    said = value if isinstance(value, str) else repr(value)
    said = said if len(said) <= _LONGEST_SAID else f"{said[:_LONGEST_SAID]}…"
    return f"“{said}”" if isinstance(value, str) else said


def _with_a_point(text: str, *, whole: bool) -> str:
    """Return the remedy for a number that holds a comma, for its decimals or its thousands; else nothing."""
    if whole and re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+", text):
        return f"Write {text.replace(',', '')}."
    if re.fullmatch(r"[-+]?[0-9]*,[0-9]*", text):
        return f"Write {text.replace(',', '.')}, with a point."
    return ""


def numbers(value: Value) -> list[float]:
    """Return the numbers of a ``'numbers'`` setting's value."""
    return [float(part) for part in str(value).replace(",", " ").split()]


# Mnemonics: GIMP's dialog itself takes A, C, H, L, R, S and V.
SETTINGS: tuple[Setting, ...] = (
    Setting(
        "strength",
        "float",
        50.0,
        "S_trength",
        "How far the picture is repainted: 0 leaves the photo as it is, 100 is nearly pure texture.",
        group="main",
        maximum=100.0,
        live=True,
    ),
    Setting(
        "brush_size",
        "float",
        100.0,
        "_Brush size",
        "Size of the style's strokes: 100 paints them as large in the picture as they are in the style picture.",
        group="main",
        minimum=25.0,
        maximum=400.0,
        unit="%",
    ),
    Setting(
        "colours",
        "choice",
        "style",
        "Col_ours",
        "Where the colours come from.",
        group="main",
        live=True,
        choices=(
            Choice("style", "From the style", "The result takes the painting's colours."),
            Choice("photo", "From the photo", "Brightness comes from the result, colour from the photo."),
            Choice("match", "Matched to the photo", "The painting is first recoloured to the photo's palette."),
        ),
    ),
    Setting(
        "colours_amount",
        "float",
        100.0,
        "Colour amo_unt",
        "How far the choice of colours goes: at 0, “style” keeps the photo's colours, “photo” and “match” the style's.",
        maximum=100.0,
        unit="%",
        live=True,
    ),
    Setting(
        "palette",
        "float",
        100.0,
        "Palette",
        "How closely colours keep to the style's: 100 keeps flat colours and drawings pure, 0 lets colours between them "
        "in. Used by the balanced objective.",
        maximum=100.0,
        unit="%",
        live=True,
        former=0.0,
    ),
    Setting(
        "quality",
        "choice",
        "normal",
        "_Quality",
        "How long to paint.",
        group="main",
        choices=(
            Choice("draft", "Draft", "Quick look: about a third of the time of normal."),
            Choice("normal", "Normal", "Good for most pictures."),
            Choice("best", "Best", "Finest detail: about three times the time of normal."),
        ),
    ),
    Setting(
        "objective",
        "choice",
        "balanced",
        "Ob_jective",
        "What “looks like the style” means to the optimiser.",
        choices=(
            Choice(
                "balanced",
                "Balanced",
                "Mean and covariance of the features, balanced so that one strength suits every pair of pictures.",
            ),
            Choice(
                "gram", "Gram matrices", "The objective of neural-style and pastiche, with raw content and style weights."
            ),
            Choice(
                "paper",
                "Paper (Gatys et al.)",
                "The objective of arXiv 1508.06576 as printed, with raw content and style weights.",
            ),
        ),
    ),
    Setting(
        "statistics",
        "choice",
        "covariance",
        "Stat_istics",
        "What the balanced objective compares between the picture's features and the style's.",
        choices=(
            Choice("covariance", "Mean and covariance", "Colour and texture apart."),
            Choice("gram", "Gram matrix", "Colour and texture in one, as in the paper."),
            Choice("gram-moments", "Gram matrix, mean and deviation", "Keeps the colours of the Gram matrix steadier."),
            Choice("wasserstein", "Wasserstein distance", "How far the features would have to be moved; gentle and slow."),
        ),
    ),
    Setting(
        "content_weight",
        "float",
        1.0,
        "Content _weight (raw)",
        "α of the paper: weight of the content loss. Used by the objectives of the paper and of Gram matrices.",
        maximum=1e9,
        live=True,
    ),
    Setting(
        "style_weight",
        "float",
        1000.0,
        "Style wei_ght (raw)",
        "β of the paper: weight of the style loss. Used by the objectives of the paper and of Gram matrices.",
        maximum=1e9,
        live=True,
    ),
    Setting(
        "layer_weights",
        "numbers",
        "1 1 1 1 1",
        "La_yer weights",
        "How much the style of each layer counts, from conv1_1 (colours, dots) to conv5_1 (whole figures): five numbers.",
        maximum=100.0,
        count=5,
        live=True,
    ),
    Setting(
        "pooling",
        "choice",
        "max",
        "_Pooling",
        "How the network halves its feature maps. The other two objectives always use average pooling.",
        choices=(
            Choice("max", "Maximum", "Crisp strokes."),
            Choice("average", "Average", "Rounder, smoother strokes."),
            Choice("l2", "L2", "Between maximum and average."),
        ),
    ),
    Setting(
        "start",
        "choice",
        "content",
        "Start _from",
        "The first image of the optimisation.",
        choices=(
            Choice("content", "The photo", "Keeps the scene's layout best."),
            Choice("noise", "White noise", "As in the paper; the seed decides which."),
            Choice("grey", "Grey", "A flat middle grey."),
        ),
    ),
    Setting(
        "iterations", "int", 0, "Iteratio_ns", "Optimiser steps at the final size; 0 lets the quality decide.", maximum=2000
    ),
    Setting(
        "total_variation",
        "float",
        0.5,
        "S_moothing",
        "Weight of the total variation: more removes fine noise and some crispness.",
        maximum=20.0,
        live=True,
    ),
    Setting(
        "seed",
        "int",
        0,
        "See_d",
        "Number that decides the noise when starting from noise: the same seed gives the same picture.",
        maximum=2**31 - 1,
    ),
    Setting(
        "memory_limit",
        "float",
        0.0,
        "_Memory limit",
        "The most memory that painting may take; larger pictures are then painted in blocks, which takes longer. "
        "0 takes what is free.",
        maximum=1024.0,
        unit="GB",
    ),
    Setting(
        "precision",
        "choice",
        "auto",
        "Pr_ecision",
        "Arithmetic of the network.",
        choices=(
            Choice("auto", "Automatic", "bfloat16 where this machine computes it faster and right, else float32."),
            Choice("float32", "float32", "Exact and slower."),
            Choice("bfloat16", "bfloat16", "Fast on recent processors."),
        ),
    ),
)

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}


def named(text: str) -> Setting | None:
    """Return the setting that a person calls so (``brush-size``, ``Colors``), or ``None``."""
    name = british(text.strip().lower()).replace("-", "_")
    return BY_NAME.get(name) or BY_NAME.get(name.replace("colour", "colours"))


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
    that no longer fit are replaced by the nearest that does, or by the default. Settings that came later are what they
    were before they came.
    """
    result = defaults()
    if "version" in stored:
        result.update({each.name: each.former for each in SETTINGS if each.former is not None})
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
            values = f"{setting.count} numbers, each {plain(setting.minimum)} – {plain(setting.maximum)}"
        else:
            values = f"{plain(setting.minimum)} – {plain(setting.maximum)}{' ' + setting.unit if setting.unit else ''}"
        default = plain(setting.default) if isinstance(setting.default, float) else f"{setting.default}"
        rows.append(f"| `{setting.name}` | {values} | {default} | {setting.help} |")
    return "\n".join(rows)
