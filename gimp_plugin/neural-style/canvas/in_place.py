"""Painting on a result where it is: shown on the canvas meanwhile, and kept as one undo step.

Until it is kept, the result itself is not touched: what the canvas shows is a copy that the undo history never sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from gi.repository import Gegl, Gimp

from canvas import layers, leftovers, pixels, provenance, strokes
from canvas.provenance import Area, Memory
from canvas.sources import image_closed, kind_of, own_space, read_whole
from canvas.unrecorded import unrecorded
from common.errors import PluginError
from common.translation import _
from server.protocol import Picture

#: The edge of a selection that is hard melts over this share of the selection's shorter side, in pixels at most so many.
_MELTING, _MOST_MELTING = 0.16, 32.0
_SAMPLES: dict[str, Literal["B", "H", "f"]] = {"u8": "B", "u16": "H", "f32": "f"}


@dataclass(frozen=True)
class Update:
    """A finished picture for a result's ``area``, and what the result knows from now on.

    ``selected`` keeps it to what is selected in the image; ``alpha`` leaves the layer's transparency as it is. ``before``
    is what the area was when the painting began, 8-bit; what differs from it by more than ``tolerance`` (of 255) was
    painted by the user since. ``strokes`` is white where there are strokes that were kept as they are.
    """

    layer: Gimp.Layer
    name: str
    area: Area
    picture: Picture = field(repr=False)
    memory: Memory = field(repr=False)
    selected: bool = False
    alpha: bool = False
    before: Picture | None = field(default=None, repr=False)
    tolerance: int = 0
    strokes: Picture | None = field(default=None, repr=False)


def check_unlocked(layer: Gimp.Layer) -> None:
    """Raise PluginError if the layer's pixels may not be changed."""
    item: Gimp.Item | None = layer
    while item is not None:
        if item.get_lock_content():
            raise PluginError(
                _("The pixels of “{name}” are locked.").format(name=item.get_name()),
                _("Unlock them in the Layers dialog, or make a new layer instead."),
            )
        item = item.get_parent()


class LiveCopy:
    """A copy of a result, in its place, that shows what becomes of it."""

    def __init__(self, image: Gimp.Image, layer: Gimp.Layer, area: Area) -> None:
        self._image, self._area = image, area
        self._original = layer
        selected = image.get_selected_layers()
        copy = layer.copy()
        copy.detach_parasite(provenance.PARASITE)
        copy.set_name(_("{layer} (painting)").format(layer=layer.get_name()))
        plain = layer.get_opacity() >= 100.0 and layer.get_mode() == Gimp.LayerMode.NORMAL
        self._hidden = layer.get_visible() and not plain  # else both would show
        leftovers.mark(copy, layer if self._hidden else None)
        with unrecorded(image):
            image.insert_layer(copy, layer.get_parent(), image.get_item_position(layer))
            copy.set_lock_content(True)  # as `layers.show_frame` leaves it
            if self._hidden:
                layer.set_visible(False)
        image.set_selected_layers(selected)
        self._copy, self._number = copy, copy.get_id()
        self._beside = {each.get_id() for each in layers.stack(image, copy)}

    def show(self, picture: Picture) -> None:
        """Put a frame on the canvas."""
        layers.show_frame(self._copy, self._area, picture)

    @property
    def there(self) -> bool:
        """Whether it still is in the image."""
        return self._copy.is_valid()

    def remove(self) -> bool:
        """Take the copy away without a trace; return whether the user has merged it into another layer, which stays."""
        if not self._image.is_valid():
            return False
        merged = leftovers.is_merged(self._image, self._copy, self._number, self._original)
        if self._copy.is_valid():
            layers.take_away(self._image, self._copy, self._beside)
        if self._hidden and self._original.is_valid():
            with unrecorded(self._image):
                self._original.set_visible(True)
        Gimp.displays_flush()
        return merged


def apply(image: Gimp.Image, updates: Sequence[Update]) -> tuple[list[Gimp.Layer], list[tuple[str, str]]]:
    """Put the pictures and memories on their layers as one undo step, and return the layers that are still there.

    What was painted on a layer meanwhile is kept in a layer of its own above it; of each, both names are returned, too.
    Name, mask, opacity, mode, place and locks of a layer stay, and so do the image's selection and selected layers.

    Raises:
        PluginError: the image was closed, or none of the layers is left.
    """
    if not image.is_valid():
        raise image_closed()
    left = [update for update in updates if update.layer.is_valid() and update.layer.get_image() is not None]
    if updates and not left:
        raise PluginError(_("The layer was removed."), _("Undo that, then run the filter again."))
    for update in left:
        check_unlocked(update.layer)
    chosen, kept = image.get_selected_layers(), []
    image.undo_group_start()
    selection: Gimp.Channel | None = None
    try:
        if not Gimp.Selection.is_empty(image):
            selection = Gimp.Selection.save(image)
        for update in left:
            if (painted := _painted_meanwhile(update)) is not None:
                kept.append((update.layer.get_name(), painted.get_name()))
            _select(image, update, selection)
            _write(update)
            delivered, look = None if update.selected else read_whole(update.layer), ""
            if delivered is not None and update.strokes is not None:
                look = strokes.look_beneath(delivered, update.area, update.strokes)
            provenance.keep(update.layer, update.memory, delivered, look)
    finally:
        if selection is not None:
            image.select_item(Gimp.ChannelOps.REPLACE, selection)
            image.remove_channel(selection)
        elif not Gimp.Selection.is_empty(image):
            Gimp.Selection.none(image)
        image.set_selected_layers([layer for layer in chosen if layer.is_valid()])
        image.undo_group_end()
        Gimp.displays_flush()
    return [update.layer for update in left], kept


def _painted_meanwhile(update: Update) -> Gimp.Layer | None:
    """Insert a layer with what the user painted on the update's area since it began; None if that is nothing."""
    layer, area = update.layer, update.area
    if update.before is None:
        return None
    image, buffer = layer.get_image(), layer.get_buffer()
    marks = strokes.changed(update.before, pixels.read(buffer, area, "u8", 4), update.tolerance)
    if marks is None:
        return None
    space = own_space(image)
    now = pixels.read(buffer, area, kind_of(image), 4, space)
    name = _("{layer} – painted meanwhile").format(layer=layer.get_name())
    size = layer.get_width(), layer.get_height()
    kind = layers.LAYER_TYPES[image.get_base_type()]
    above = Gimp.Layer.new(image, name, *size, kind, layer.get_opacity(), layer.get_mode())
    above.set_offsets(*layer.get_offsets()[1:])
    pixels.write(above.get_buffer(), area, strokes.where_marked(now, marks), space)
    image.insert_layer(above, layer.get_parent(), image.get_item_position(layer))
    return above


def _select(image: Gimp.Image, update: Update, selection: Gimp.Channel | None) -> None:
    """Select what the update may change: everything, or what was selected, with an edge that melts."""
    if selection is None or not update.selected:
        Gimp.Selection.none(image)
        return
    image.select_item(Gimp.ChannelOps.REPLACE, selection)
    _found, _x, _y, across, down = update.layer.mask_intersect()
    radius = min(_MOST_MELTING, min(across, down) * _MELTING)
    if radius < 1.0 or not is_hard(image):
        return
    # Inward only: what is not selected stays as it is.
    Gimp.Selection.shrink(image, round(radius / 2))
    if Gimp.Selection.is_empty(image):
        image.select_item(Gimp.ChannelOps.REPLACE, selection)
        return
    Gimp.Selection.feather(image, radius)
    image.select_item(Gimp.ChannelOps.INTERSECT, selection)


def is_hard(image: Gimp.Image) -> bool:
    """Return whether every pixel is selected wholly or not at all."""
    _found, _some, left, top, right, bottom = Gimp.Selection.bounds(image)
    place = Gegl.Rectangle.new(left, top, right - left, bottom - top)
    values = image.get_selection().get_buffer().get(place, 1.0, "Y u8", Gegl.AbyssPolicy.NONE)
    return not bytes(values).translate(None, b"\x00\xff")


def _write(update: Update) -> None:
    layer, area, picture = update.layer, update.area, update.picture
    if update.alpha and layer.has_alpha():
        picture = _with_alpha_of(layer, area, pixels.scaled(picture, area[2], area[3]))
    shadow = layer.get_shadow_buffer()
    whole = Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height())
    layer.get_buffer().copy(whole, Gegl.AbyssPolicy.NONE, shadow, whole)
    pixels.write(shadow, area, picture, own_space(layer.get_image()))
    shadow.flush()
    layer.merge_shadow(True)
    layer.update(0, 0, layer.get_width(), layer.get_height())


def _with_alpha_of(layer: Gimp.Layer, area: Area, picture: Picture) -> Picture:
    """Return the picture with the transparency that the layer has now."""
    now = pixels.read(layer.get_buffer(), area, picture.kind, 4, own_space(layer.get_image()))
    samples = _SAMPLES[picture.kind]
    new = bytearray(now.data)
    into, come = memoryview(new).cast(samples), memoryview(bytes(picture.data)).cast(samples)
    for channel in range(3):
        into[channel::4] = come[channel :: picture.channels]
    return Picture(picture.width, picture.height, 4, picture.kind, bytes(new))
