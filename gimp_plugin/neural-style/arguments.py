"""The procedure's arguments and return values, made from the one declaration of the settings."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp, GObject

from stylecore.settings import SETTINGS, Setting
from words import _

#: Arguments of the plug-in itself, beside the settings.
STYLE = "style"
STYLES = "styles"
STYLE_LAYER = "style-layer"
STYLE_SELECTION = "style-selection"
STYLE_WEIGHTS = "style-weights"
CONVERT = "convert-to-rgb"
#: Those that say what the styles are.
OF_STYLES = (STYLE, STYLES, STYLE_LAYER, STYLE_SELECTION, STYLE_WEIGHTS)

_FLAGS = GObject.ParamFlags.READWRITE


def property_name(setting: Setting) -> str:
    """Return the PDB's name of a setting (``brush_size`` is ``brush-size`` there)."""
    return setting.name.replace("_", "-")


def declare(procedure: Gimp.Procedure) -> None:
    """Add the styles, every setting and the consent to convert as arguments."""
    procedure.add_file_argument(
        STYLE, _("Style _file"), _("The picture to take the style from: any file that GIMP opens"),
        Gimp.FileChooserAction.OPEN, True, None, _FLAGS,
    )  # fmt: skip
    procedure.add_string_array_argument(
        STYLES, _("More styles"),
        _("Further styles, mixed with the first: names from the gallery (“wave-woodblock”) or whole paths of files"),
        _FLAGS,
    )  # fmt: skip
    procedure.add_layer_argument(
        STYLE_LAYER, _("Style layer"), _("A layer of any open image as a style, mixed with the others if there are any"),
        True, _FLAGS,
    )  # fmt: skip
    procedure.add_boolean_argument(
        STYLE_SELECTION, _("Style from the selection"),
        _("Take the style layer's selected part only; a selection in the image that is painted then limits nothing"),
        False, _FLAGS,
    )  # fmt: skip
    # An array of numbers would be what it is, but GIMP's binding cannot read one in Python.
    procedure.add_string_argument(
        STYLE_WEIGHTS, _("Weights of the styles"),
        _("How much of each style, as numbers with spaces between (“3 1”): the style file first, then the further "
          "styles, then the layer; empty for equal parts"),
        "", _FLAGS,
    )  # fmt: skip
    for setting in SETTINGS:
        _declare_setting(procedure, setting)
    procedure.add_boolean_argument(
        CONVERT, _("Convert the image to _RGB"),
        _("Convert a grey or indexed image to RGB so that the result can have every colour; "
          "without this the result is stored in the image's own greys or palette"),
        False, _FLAGS,
    )  # fmt: skip


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


def return_values(procedure: Gimp.Procedure, layers: list[Gimp.Layer]) -> Gimp.ValueArray:
    """Return a success with the first of the new layers.

    GIMP's binding has no way to return an array of layers from Python.
    """
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
    if layers:
        values.remove(1)
        values.insert(1, GObject.Value(Gimp.Layer, layers[0]))
    return values
