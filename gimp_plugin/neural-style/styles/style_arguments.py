"""The chosen styles in a procedure's arguments: read from there, and written there by the dialog."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gi.repository import Gimp, Gio

from common import arguments
from common.errors import PluginError
from common.translation import _
from styles import gallery_folders

#: Something that is open in GIMP among the further styles, with its number; remembered, also in which GIMP that holds.
_IN_GIMP = re.compile(r"((?:layer|selection|image) \d+)(?: in GIMP (\d+))?")


def keys_of(config: Gimp.ProcedureConfig) -> list[str]:
    """Return the keys (see :mod:`styles`) of the styles that the arguments name, in the order of their weights.

    Raises:
        PluginError: one of them is unknown, is not a file on this computer, or was open in another GIMP.
    """
    keys = []
    file = config.get_property(arguments.STYLE)
    if file is not None:
        path = file.get_path()
        if path is None:
            raise PluginError(
                _("The style {address} is not a file on this computer.").format(address=file.get_uri()),
                _("Save it to a folder first."),
            )
        # GIMP gives back what it stored as file:////home/…: the same file, but not the same key.
        keys.append("/" + path.lstrip("/") if path.startswith("//") else path)
    keys += [_key(name) for name in config.get_property(arguments.STYLES) or []]
    layer = config.get_property(arguments.STYLE_LAYER)
    if layer is not None:
        part = config.get_property(arguments.STYLE_SELECTION)
        keys.append(f"{'selection' if part else 'layer'} {layer.get_id()}")
    return keys


def _key(name: str) -> str:
    """Return the key of a further style: of a file, by its path or its name in the gallery, or of what is open in GIMP."""
    found = _IN_GIMP.fullmatch(name)
    if found is None:
        return gallery_folders.named(name)
    if found[2] not in (None, str(Gimp.getpid())):
        raise gallery_folders.gone()
    return found[1]


def weights_of(config: Gimp.ProcedureConfig, count: int) -> list[float]:
    """Return a weight for each of ``count`` styles; all are 1 if the arguments give none.

    Raises:
        PluginError: there are more weights than styles, one is negative, or all are 0.
    """
    text = config.get_property(arguments.STYLE_WEIGHTS) or ""
    try:
        weights = [float(word) for word in text.replace(",", " ").split()] or [1.0] * count
    except ValueError:
        weights = []
    if len(weights) != count or not all(0.0 <= weight < 1e6 for weight in weights):
        raise PluginError(
            _("The weights “{weights}” do not fit the styles, which are {count}.").format(weights=text, count=count),
            _("Give one number of at least 0 for each style, with spaces between."),
        )
    if count and not sum(weights):
        raise PluginError(_("All styles have the weight 0."), _("Give at least one style more than that."))
    return weights


def store(config: Gimp.ProcedureConfig, weights: Mapping[str, float]) -> None:
    """Write the chosen styles and their weights into the arguments, so that they are remembered and can be repeated.

    GIMP remembers no layers from one run to the next, so what is open in it is written as a text.
    """
    files = [key for key in weights if gallery_folders.is_file(key)]
    in_gimp = [key for key in weights if not gallery_folders.is_file(key)]
    values = {
        arguments.STYLE: Gio.File.new_for_path(files[0]) if files else None,
        arguments.STYLES: [*files[1:], *(f"{key} in GIMP {Gimp.getpid()}" for key in in_gimp)],
        arguments.STYLE_LAYER: None,
        arguments.STYLE_SELECTION: False,
        arguments.STYLE_WEIGHTS: " ".join(f"{weights[key]:g}" for key in (*files, *in_gimp)) if len(weights) > 1 else "",
    }
    for name, value in values.items():
        config.set_property(name, value)
