"""The procedure's arguments and return values, made from the one declaration of the settings."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp, GObject

from stylecore.settings import SETTINGS, Setting

#: Arguments of the plug-in itself, beside the settings.
STYLE = "style"
CONVERT = "convert-to-rgb"

_FLAGS = GObject.ParamFlags.READWRITE


def property_name(setting: Setting) -> str:
    """Return the PDB's name of a setting (``brush_size`` is ``brush-size`` there)."""
    return setting.name.replace("_", "-")


def declare(procedure: Gimp.Procedure) -> None:
    """Add the style file, every setting and the consent to convert as arguments."""
    procedure.add_file_argument(
        STYLE, "Style _file", "The picture to take the style from: any file that GIMP opens",
        Gimp.FileChooserAction.OPEN, True, None, _FLAGS,
    )  # fmt: skip
    for setting in SETTINGS:
        _declare_setting(procedure, setting)
    procedure.add_boolean_argument(
        CONVERT, "Convert the image to _RGB",
        "Convert a grey or indexed image to RGB so that the result can have every colour; "
        "without this the result is stored in the image's own greys or palette",
        False, _FLAGS,
    )  # fmt: skip


def _declare_setting(procedure: Gimp.Procedure, setting: Setting) -> None:
    name = property_name(setting)
    label = f"{setting.label} ({setting.unit})" if setting.unit else setting.label
    if setting.kind == "choice":
        choice = Gimp.Choice.new()
        for number, entry in enumerate(setting.choices):
            choice.add(entry.value, number, entry.label, entry.help)
        procedure.add_choice_argument(name, label, setting.help, choice, setting.default, _FLAGS)
    elif setting.kind == "bool":
        procedure.add_boolean_argument(name, label, setting.help, setting.default, _FLAGS)
    elif setting.kind == "numbers":
        procedure.add_string_argument(name, label, setting.help, setting.default, _FLAGS)
    elif setting.kind == "int":
        low, high = int(setting.minimum), int(setting.maximum)
        procedure.add_int_argument(name, label, setting.help, low, high, setting.default, _FLAGS)
    else:
        procedure.add_double_argument(
            name, label, setting.help, setting.minimum, setting.maximum, setting.default, _FLAGS
        )


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
