"""The one declaration of every setting (standard library only).

The GIMP dialog, the PDB arguments, the command line's flags, the wire's validation, the settings stored on a layer
and the README's table are all made from :class:`Settings`. Adding a setting is one field here and its use in the engine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from stylecore.setting_kinds import Choice, Setting, SettingError, british, declare, plain

#: Raised when a setting is renamed or changes its meaning; :meth:`Settings.from_stored` then knows the older ones.
VERSION = 1


@dataclass(frozen=True)
class Settings:
    """How a picture is to be painted: a complete, checked set of settings.

    Raises:
        SettingError: a value cannot be used.
    """

    # Mnemonics: GIMP's dialog itself takes A, C, H, L, R, S and V.
    strength: float = declare(
        50.0,
        "S_trength",
        "How far the picture is repainted: 0 leaves the photo as it is, 100 is nearly pure texture.",
        group="main",
        maximum=100.0,
        live=True,
    )
    brush_size: float = declare(
        100.0,
        "_Brush size",
        "Size of the style's strokes: 100 paints them as large in the picture as they are in the style picture.",
        group="main",
        minimum=25.0,
        maximum=400.0,
        unit="%",
    )
    colours: str = declare(
        "style",
        "Col_ors",
        "Where the colors come from.",
        group="main",
        live=True,
        choices=(
            Choice("style", "From the style", "The result takes the painting's colors."),
            Choice("photo", "From the photo", "Brightness comes from the result, color from the photo."),
            Choice("match", "Matched to the photo", "The painting is first recolored to the photo's palette."),
        ),
    )
    colours_amount: float = declare(
        100.0,
        "Color amo_unt",
        "How far the choice of colors goes: at 0, “style” keeps the photo's colors, “photo” and “match” the style's.",
        maximum=100.0,
        unit="%",
        live=True,
    )
    palette: float = declare(
        100.0,
        "Palette",
        "How closely colors keep to the style's: 100 keeps flat colors and drawings pure, 0 lets colors between them "
        "in. Used by the balanced objective.",
        maximum=100.0,
        unit="%",
        live=True,
        former=0.0,
    )
    edges: float = declare(
        100.0,
        "Edges",
        "How closely edges and even areas keep to the style's: 100 keeps flat areas flat and lines clean, 0 lets faint "
        "hatching in. Used by the balanced objective.",
        maximum=100.0,
        unit="%",
        live=True,
        former=0.0,
    )
    figures: str = declare(
        "few",
        "_Figures",
        "Whether whole things of the painting (flowers, eyes, stars) may appear in the picture. Used by the balanced "
        "objective.",
        group="main",
        choices=(
            Choice("none", "None", "Strokes and colors alone."),
            Choice("few", "Few", "Only where the photo is even, as in a sky: faces, lettering and buildings stay clear."),
            Choice("all", "As in the style", "Anywhere, as many as the painting has."),
        ),
        former="all",
    )
    quality: str = declare(
        "normal",
        "_Quality",
        "How long to paint.",
        group="main",
        choices=(
            Choice("draft", "Draft", "Quick look: about a third of the time of normal."),
            Choice("normal", "Normal", "Good for most pictures."),
            Choice("best", "Best", "Finest detail: about three times the time of normal."),
        ),
    )
    painting_size: str = declare(
        "full",
        "Painting si_ze",
        "How large the picture is painted, by its longer side; it is then enlarged, and given back the photo's own detail. "
        "Half the size takes a quarter of the time.",
        group="main",
        choices=(
            Choice("full", "Full size", "As large as the photo."),
            Choice("4000", "Up to 4000 pixels", "For large prints."),
            Choice("3000", "Up to 3000 pixels", "For prints."),
            Choice("2000", "Up to 2000 pixels", "For screens."),
            Choice("1500", "Up to 1500 pixels", "For small screens, and large photos on a computer without a GPU."),
            Choice("1000", "Up to 1000 pixels", "For trying out."),
        ),
    )
    objective: str = declare(
        "balanced",
        "Ob_jective",
        "What “looks like the style” means to the optimizer.",
        group="research",
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
    )
    statistics: str = declare(
        "covariance",
        "Stat_istics",
        "What the balanced objective compares between the picture's features and the style's.",
        group="research",
        choices=(
            Choice("covariance", "Mean and covariance", "Color and texture apart."),
            Choice("gram", "Gram matrix", "Color and texture in one, as in the paper."),
            Choice("gram-moments", "Gram matrix, mean and deviation", "Keeps the colors of the Gram matrix steadier."),
            Choice("wasserstein", "Wasserstein distance", "How far the features would have to be moved; gentle and slow."),
        ),
    )
    content_weight: float = declare(
        1.0,
        "Content _weight (raw)",
        "α of the paper: weight of the content loss. Used by the objectives of the paper and of Gram matrices.",
        group="research",
        maximum=1e9,
        live=True,
    )
    style_weight: float = declare(
        1000.0,
        "Style wei_ght (raw)",
        "β of the paper: weight of the style loss. Used by the objectives of the paper and of Gram matrices.",
        group="research",
        maximum=1e9,
        live=True,
    )
    layer_weights: str = declare(
        "1 1 1 1 1",
        "La_yer weights",
        "How much the style of each layer counts, from conv1_1 (colors, dots) to conv5_1 (whole figures): five numbers.",
        group="research",
        maximum=100.0,
        count=5,
        live=True,
    )
    pooling: str = declare(
        "max",
        "_Pooling",
        "How the network halves its feature maps. Only for the balanced objective.",
        group="research",
        choices=(
            Choice("max", "Maximum", "Crisp strokes."),
            Choice("average", "Average", "Rounder, smoother strokes."),
            Choice("l2", "L2", "Between maximum and average."),
        ),
    )
    start: str = declare(
        "content",
        "Start _from",
        "The first image of the optimization.",
        choices=(
            Choice("content", "The photo", "Keeps the scene's layout best."),
            Choice("noise", "White noise", "As in the paper; the seed decides which."),
            Choice("grey", "Gray", "A flat middle gray."),
        ),
    )
    iterations: int = declare(
        0, "Iteratio_ns", "Optimizer steps at the final size; 0 lets the quality decide.", maximum=2000, group="research"
    )
    total_variation: float = declare(
        0.5,
        "S_moothing",
        "Weight of the total variation: more removes fine noise and some crispness.",
        maximum=20.0,
        live=True,
    )
    seed: int = declare(
        0,
        "See_d",
        "Number that decides the noise when starting from noise: the same seed gives the same picture.",
        maximum=2**31 - 1,
    )
    memory_limit: float = declare(
        0.0,
        "_Memory limit",
        "The most memory that painting may take; larger pictures are then painted in blocks, which takes longer. "
        "0 takes what is free.",
        maximum=1024.0,
        unit="GB",
    )
    precision: str = declare(
        "auto",
        "Pr_ecision",
        "Arithmetic of the network.",
        group="research",
        choices=(
            Choice("auto", "Automatic", "bfloat16 where this machine computes it faster and right, else float32."),
            Choice("float32", "float32", "Exact and slower."),
            Choice("bfloat16", "bfloat16", "Fast on recent processors."),
        ),
    )

    def __post_init__(self) -> None:
        for setting in SETTINGS:
            object.__setattr__(self, setting.name, setting.check(getattr(self, setting.name)))

    @classmethod
    def checked(cls, values: Mapping[str, Any]) -> Settings:
        """Return ``values`` over the defaults.

        Raises:
            SettingError: a name is unknown or a value cannot be used.
        """
        for name in values:
            if name not in BY_NAME:
                raise SettingError(f"There is no setting “{name}”. The settings are: {', '.join(BY_NAME)}.")
        return cls(**values)

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Settings:
        """Return settings stored by any version as this version's; never raises.

        A stored set is a mapping of names to values with ``'version'``. Names that no longer exist are left out, values
        that no longer fit are replaced by the nearest that does, or by the default. Settings that came later are what they
        were before they came.
        """
        result: dict[str, Any] = {}
        if "version" in stored:
            result = {each.name: each.former for each in SETTINGS if each.former is not None}
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
        return cls(**result)

    @property
    def longest_side(self) -> float:
        """The most pixels that the longer side is painted with, however large the picture is."""
        return math.inf if self.painting_size == "full" else float(self.painting_size)

    def changed_from(self, other: Settings) -> list[str]:
        """Return the names of the settings whose values are not those of another set."""
        return [name for name in BY_NAME if getattr(self, name) != getattr(other, name)]

    def to_stored(self) -> dict[str, Any]:
        """Return the settings with their version, ready to be kept as JSON and read back by :meth:`from_stored`."""
        return {"version": VERSION, **asdict(self)}


SETTINGS: tuple[Setting, ...] = tuple(replace(each.metadata["setting"], name=each.name) for each in fields(Settings))
BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}


def named(text: str) -> Setting | None:
    """Return the setting that a person calls so (``brush-size``, ``Colors``), or ``None``."""
    name = british(text.strip().lower()).replace("-", "_")
    return BY_NAME.get(name) or BY_NAME.get(name.replace("colour", "colours"))


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
