"""The procedure's arguments and return values, made from the one declaration of the settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gi.repository import Gimp, GLib, GObject

from common.translation import _
from stylecore.setting_kinds import Setting
from stylecore.settings import SETTINGS

#: Arguments of the plug-in itself, beside the settings.
STYLE = "style"
STYLES = "styles"
STYLE_LAYER = "style-layer"
STYLE_SELECTION = "style-selection"
STYLE_WEIGHTS = "style-weights"
CONVERT = "convert-to-rgb"
#: A channel or layer mask that says how strongly each place is painted.
STRENGTH_MASK = "strength-mask"
#: Where the result goes, and what becomes of what was painted on an earlier one.
TARGET = "target"
NEW_LAYER, UPDATE = "new-layer", "update"
STROKES = "strokes"
#: How many pictures of each layer, and what they differ in.
VARIANTS, VARY = "variants", "vary"
VARY_STRENGTH, VARY_BRUSH, VARY_STYLE, VARY_SEED = "strength", "brush-size", "style", "seed"
#: Settings and values to paint every combination of.
EXPLORE = "explore"
#: Those of one run: remembered, they would overrule the settings that one sees the next time.
OF_VARIATIONS = (VARIANTS, VARY, EXPLORE)
#: What to change in every result's settings.
CHANGES = "changes"
KEEP, KEEP_EXACTLY, PAINT_OVER = "keep", "keep-exactly", "paint-over"
#: Those that say what the styles are.
OF_STYLES = (STYLE, STYLES, STYLE_LAYER, STYLE_SELECTION, STYLE_WEIGHTS)

#: What can become of strokes on a result, as (value, label, more words).
STROKE_CHOICES = (
    (KEEP, _("Blend them into the style"), _("Paint them in the style, like the picture itself")),
    (KEEP_EXACTLY, _("Keep them exactly as painted"), _("Paint everything else again")),
    (PAINT_OVER, _("Paint over them"), _("Begin from the source again")),
)

_FLAGS = GObject.ParamFlags.READWRITE


def property_name(setting: Setting) -> str:
    """Return the PDB's name of a setting (``brush_size`` is ``brush-size`` there)."""
    return setting.name.replace("_", "-")


def declare(procedure: Gimp.Procedure) -> None:
    """Add the styles, every setting and the consent to convert as arguments."""
    procedure.add_file_argument(
        STYLE,
        _("Style _file"),
        _("The picture to take the style from: any file that GIMP opens"),
        Gimp.FileChooserAction.OPEN,
        True,
        None,
        _FLAGS,
    )
    procedure.add_string_array_argument(
        STYLES,
        _("More styles"),
        _(
            "Further styles, mixed with the first: names from the gallery (“wave-woodblock”), whole paths of files, or "
            "what is open in GIMP by its number (“layer 12”, “image 3”)"
        ),
        _FLAGS,
    )
    procedure.add_layer_argument(
        STYLE_LAYER,
        _("Style layer"),
        _("A layer of any open image as a style, mixed with the others if there are any"),
        True,
        _FLAGS,
    )
    procedure.add_boolean_argument(
        STYLE_SELECTION,
        _("Style from the selection"),
        _("Take the style layer's selected part only; a selection in the image that is painted then limits nothing"),
        False,
        _FLAGS,
    )
    # An array of numbers would be what it is, but GIMP's binding cannot read one in Python.
    procedure.add_string_argument(
        STYLE_WEIGHTS,
        _("Weights of the styles"),
        _(
            "How much of each style, as numbers with spaces between (“3 1”): the style file first, then the further "
            "styles, then the layer; empty for equal parts"
        ),
        "",
        _FLAGS,
    )
    for setting in SETTINGS:
        _declare_setting(procedure, setting)
    procedure.add_channel_argument(
        STRENGTH_MASK,
        _("Strength mask"),
        _(
            "A channel or a layer mask of the image: white is painted with the strength, black stays as it is, gray lies "
            "between; none for all of the picture"
        ),
        True,
        _FLAGS,
    )
    declare_target(procedure)
    declare_strokes(procedure)
    _declare_variants(procedure)
    procedure.add_boolean_argument(
        CONVERT,
        _("Convert t_he image to RGB"),
        _(
            "Convert a grayscale or indexed image to RGB so that the result can have every color; "
            "without this the result is stored in the image's own grays or palette"
        ),
        False,
        _FLAGS,
    )


def declare_target(procedure: Gimp.Procedure) -> None:
    """Add the argument that says where the result goes."""
    _declare_choice(
        procedure,
        TARGET,
        _("Result"),
        _("Where the result goes; layers not made by this filter always get a new layer"),
        (
            (NEW_LAYER, _("New layer"), _("Paint the selected layer as it looks now into a new layer above it")),
            (
                UPDATE,
                _("Update this layer"),
                _(
                    "Paint the selected results again, in their place, from the layers they were painted from; without any "
                    "style each keeps its own"
                ),
            ),
        ),
    )


def declare_strokes(procedure: Gimp.Procedure) -> None:
    """Add the argument that says what becomes of what the artist painted on a result."""
    _declare_choice(
        procedure,
        STROKES,
        _("Your strokes"),
        _("What happens to your own strokes when the result is updated"),
        STROKE_CHOICES,
    )


def _declare_variants(procedure: Gimp.Procedure) -> None:
    procedure.add_int_argument(
        VARIANTS,
        _("Variations"),
        _("How many pictures to paint of each layer; more than one become a layer group with the first visible"),
        1,
        12,
        1,
        _FLAGS,
    )
    _declare_choice(
        procedure,
        VARY,
        _("Variations differ in"),
        _("What the variations differ in"),
        (
            (VARY_STRENGTH, _("Strength"), _("From gentler to stronger than chosen")),
            (VARY_BRUSH, _("Brush size"), _("From half to double the size chosen")),
            (VARY_STYLE, _("Style"), _("Each chosen style on its own; with only one, the next ones in the gallery")),
            (VARY_SEED, _("Seed"), _("Each starts from different noise")),
        ),
    )
    procedure.add_string_argument(
        EXPLORE,
        _("E_xplore"),
        _(
            "Settings and the values to try, e.g. “strength=25,50,75” or “strength=25,50,75 brush-size=50,200”: every "
            "combination is painted, and they become a layer group with the first visible; instead of variations"
        ),
        "",
        _FLAGS,
    )


def declare_update(procedure: Gimp.Procedure) -> None:
    """Add the arguments and the return value of *Update Results*."""
    procedure.add_string_argument(
        CHANGES,
        _("Changes of settings"),
        _("Settings that all results are to have from now on, e.g. “strength=70 colors=photo”; empty for none"),
        "",
        _FLAGS,
    )
    declare_strokes(procedure)
    procedure.add_int_return_value(
        "updated", _("Updated results"), _("How many results were painted again"), 0, GLib.MAXINT32, 0, _FLAGS
    )


def _declare_choice(
    procedure: Gimp.Procedure, name: str, label: str, words: str, entries: tuple[tuple[str, str, str], ...]
) -> None:
    choice = Gimp.Choice.new()
    for number, (value, entry, explained) in enumerate(entries):
        choice.add(value, number, entry, explained)
    procedure.add_choice_argument(name, label, words, choice, entries[0][0], _FLAGS)


def _declare_setting(procedure: Gimp.Procedure, setting: Setting) -> None:
    name, words = property_name(setting), _(setting.help)
    label = f"{_(setting.label)} ({_(setting.unit)})" if setting.unit else _(setting.label)
    if setting.kind == "choice":
        choice = Gimp.Choice.new()
        for number, entry in enumerate(setting.choices):
            choice.add(entry.value, number, _(entry.label), _(entry.help))
        procedure.add_choice_argument(name, label, words, choice, setting.default, _FLAGS)
    elif setting.kind == "bool":
        procedure.add_boolean_argument(name, label, words, setting.default, _FLAGS)
    elif setting.kind == "numbers":
        procedure.add_string_argument(name, label, words, setting.default, _FLAGS)
    elif setting.kind == "int":
        low, high = int(setting.minimum), int(setting.maximum)
        procedure.add_int_argument(name, label, words, low, high, setting.default, _FLAGS)
    else:
        procedure.add_double_argument(name, label, words, setting.minimum, setting.maximum, setting.default, _FLAGS)


def settings_of(config: Gimp.ProcedureConfig) -> dict[str, Any]:
    """Return the values of every setting in ``config``, by the settings' own names."""
    return {setting.name: config.get_property(property_name(setting)) for setting in SETTINGS}


def set_settings(config: Gimp.ProcedureConfig, values: Mapping[str, Any]) -> None:
    """Write settings, by their own names, into ``config``."""
    for setting in SETTINGS:
        if setting.name in values:
            config.set_property(property_name(setting), values[setting.name])


def changed(config: Gimp.ProcedureConfig, names: Iterable[str]) -> dict[str, Any]:
    """Return those of the arguments that differ from their defaults, with these defaults; no text is an empty one."""
    defaults = {name: config.find_property(name).get_default_value() for name in names}
    values = {name: config.get_property(name) for name in defaults}
    return {
        name: default for name, default in defaults.items() if ("" if values[name] is None else values[name]) != default
    }


def reset(config: Gimp.ProcedureConfig, names: Iterable[str]) -> None:
    """Set arguments to their defaults."""
    for name, default in changed(config, names).items():
        config.set_property(name, default)


def return_values(procedure: Gimp.Procedure, layers: list[Gimp.Layer]) -> Gimp.ValueArray:
    """Return a success with the first of the new layers.

    GIMP's binding has no way to return an array of layers from Python.
    """
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
    if layers:
        values.remove(1)
        values.insert(1, GObject.Value(Gimp.Layer, layers[0]))
    return values
