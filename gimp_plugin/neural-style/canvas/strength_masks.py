"""Masks for strength: a channel or a layer's mask of the image, which says how strongly each place is painted."""

from __future__ import annotations

import hashlib

from gi.repository import Gegl, Gimp

from canvas.provenance import KnownMask
from canvas.sources import Area
from common.errors import PluginError
from common.translation import _
from server.protocol import Picture


def in_image(image: Gimp.Image) -> list[tuple[str, Gimp.Channel]]:
    """Return all that can be one, with words for it: the image's channels, and the masks of its layers."""
    found = [(_("Channel “{name}”").format(name=each.get_name()), each) for each in image.get_channels()]
    for layer in _flat(image.get_layers()):
        mask = layer.get_mask()
        if mask is not None:
            found.append((_("Mask of “{name}”").format(name=layer.get_name()), mask))
    return found


def checked(image: Gimp.Image, mask: Gimp.Channel | None) -> Gimp.Channel | None:
    """Return a mask that was chosen, or None where none was.

    Raises:
        PluginError: it is not in this image.
    """
    if mask is not None and (not mask.is_valid() or mask.get_image().get_id() != image.get_id()):
        raise PluginError(
            _("The mask for the strength is not in this image."), _("Choose a channel or a layer mask of it."), again=False
        )
    return mask


def read(mask: Gimp.Channel, layer: Gimp.Layer, area: Area) -> Picture:
    """Return how strongly each pixel of a layer's area is painted: white as the strength says, black not at all.

    Where a layer's mask ends there is no strength.
    """
    _found, x, y = layer.get_offsets()
    left, top = 0, 0
    if isinstance(mask, Gimp.LayerMask):
        _found, left, top = Gimp.Layer.from_mask(mask).get_offsets()
    place = Gegl.Rectangle.new(x + area[0] - left, y + area[1] - top, area[2], area[3])
    values = mask.get_buffer().get(place, 1.0, "Y u8", Gegl.AbyssPolicy.NONE)
    return Picture(area[2], area[3], 1, "u8", values)


def known(mask: Gimp.Channel | None, values: Picture | None) -> KnownMask | None:
    """Return what a result keeps of its mask."""
    if mask is None or values is None:
        return None
    tattoo = mask.get_tattoo() if mask.is_valid() else 0
    return KnownMask(mask.get_name() if mask.is_valid() else "", tattoo, digest(values))


def digest(values: Picture) -> str:
    """Return what tells a mask's values from any other's."""
    return hashlib.sha256(bytes(values.data)).hexdigest()


def of_result(image: Gimp.Image, mask: KnownMask | None) -> Gimp.Channel | None:
    """Return the mask that a result was painted with, if it is still there."""
    if mask is None or not mask.tattoo:
        return None
    return next((each for _words, each in in_image(image) if each.get_tattoo() == mask.tattoo), None)


def _flat(layers: list[Gimp.Layer]) -> list[Gimp.Layer]:
    return [each for layer in layers for each in (layer, *(_flat(layer.get_children()) if layer.is_group() else ()))]
