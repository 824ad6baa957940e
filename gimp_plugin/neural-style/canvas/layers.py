"""The layers that a painting makes: a live one while it is painted, and the results.

The undo history knows nothing of a live layer; the results then go in as one undo step. The user's own layers are never
written, removed or hidden.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from gi.repository import Gegl, Gimp

from canvas import leftovers, pixels, provenance
from canvas.changes import Watched
from canvas.provenance import Memory
from canvas.sources import Area, Source, image_closed, is_colour, mask_format, own_space, read_whole
from canvas.unrecorded import unrecorded
from server.protocol import Picture

#: The types of an image's layers with alpha.
LAYER_TYPES = {
    Gimp.ImageBaseType.RGB: Gimp.ImageType.RGBA_IMAGE,
    Gimp.ImageBaseType.GRAY: Gimp.ImageType.GRAYA_IMAGE,
    Gimp.ImageBaseType.INDEXED: Gimp.ImageType.INDEXEDA_IMAGE,
}


@dataclass(frozen=True)
class Result:
    """A finished picture of a source's area, and what the new layer remembers of how it was made."""

    source: Source
    picture: Picture
    name: str
    memory: Memory
    watched: Watched | None = field(default=None, repr=False)


def show_frame(layer: Gimp.Layer, area: Area, picture: Picture) -> None:
    """Put a frame on a live layer, and lock its pixels: a stroke on it would be gone with the next frame.

    Does nothing once the user removed the layer or closed the image, while a group around it is locked, or where the
    layer, cropped for itself, has no such area any more.
    """
    if not layer.is_valid() or locked_group(layer) is not None:
        return
    image, buffer = layer.get_image(), layer.get_buffer()
    if image is None or buffer is None:  # the user removed it just now
        return
    if area[0] + area[2] > layer.get_width() or area[1] + area[3] > layer.get_height():
        return
    with leftovers.writing(image):
        with unrecorded(image):
            layer.set_lock_content(False)  # GIMP ends a plug-in that writes to locked pixels
        try:
            pixels.write(buffer, area, picture, own_space(image))
        finally:
            with unrecorded(image):
                layer.set_lock_content(True)
    layer.update(*area)
    Gimp.displays_flush()


def locked_group(layer: Gimp.Layer) -> Gimp.GroupLayer | None:
    """Return the outermost group around the layer whose pixels are locked: GIMP ends a plug-in that writes into it."""
    found, group = None, layer.get_parent()
    while group is not None:
        if group.get_lock_content():
            found = group
        group = group.get_parent()
    return found


class LiveLayer:
    """A layer that shows the painting on the canvas while it is made, and that the undo history never sees."""

    def __init__(self, image: Gimp.Image, source: Source, name: str) -> None:
        self._image = image
        self._area = source.area
        selected = image.get_selected_layers()
        layer = _new_layer(image, source, name)
        leftovers.mark(layer)
        with unrecorded(image):
            _insert(image, source, layer, live=True)
            layer.set_lock_content(True)  # as `show_frame` leaves it
        image.set_selected_layers(selected)
        self._layer, self._number = layer, layer.get_id()
        self._below = source.layer
        self._beside = {each.get_id() for each in stack(image, layer)}

    def show(self, picture: Picture) -> None:
        """Put a frame on the canvas."""
        show_frame(self._layer, self._area, picture)

    @property
    def there(self) -> bool:
        """Whether it still is in the image."""
        return self._layer.is_valid()

    def remove(self) -> bool:
        """Take the layer away without a trace; return whether the user has merged it into another, which stays."""
        if self._image.is_valid() and self._layer.is_valid():
            take_away(self._image, self._layer, self._beside)
            Gimp.displays_flush()
            return False
        return leftovers.is_merged(self._image, self._layer, self._number, self._below)


def stack(image: Gimp.Image, layer: Gimp.Layer) -> list[Gimp.Layer]:
    """Return the layers of the image or group that holds this one, from the top down."""
    parent = layer.get_parent()
    return image.get_layers() if parent is None else parent.get_children()


def take_away(image: Gimp.Image, live: Gimp.Layer, beside: Container[int]) -> None:
    """Remove a live layer without a trace; what else was selected stays so.

    ``beside`` are the numbers of the layers that were in its stack from the beginning. One that came back since, by
    undoing its removal, was put where it had been counted from the top; below the live layer that is one too high.
    """
    selected = [layer for layer in image.get_selected_layers() if layer.get_id() != live.get_id()]
    layers, parent, number = stack(image, live), live.get_parent(), live.get_id()
    below = layers[image.get_item_position(live) + 1 :]
    back = [layer for layer in below if layer.get_id() < number and layer.get_id() not in beside]
    with unrecorded(image):
        image.remove_layer(live)
        for layer in reversed(back):
            image.reorder_item(layer, parent, image.get_item_position(layer) + 1)
    if selected:
        image.set_selected_layers(selected)


def insert_results(image: Gimp.Image, results: Sequence[Result], *, convert: bool) -> list[Gimp.Layer]:
    """Insert every result above its source as one undo step, and return the new layers in the results' order.

    ``convert`` says that a grey or indexed image may become RGB. What was selected stays selected.

    Raises:
        PluginError: the image was closed.
    """
    if not image.is_valid():
        raise image_closed()
    space = own_space(image)
    selected = image.get_selected_layers()
    made: list[Gimp.Layer] = []
    image.undo_group_start()
    try:
        if convert and not is_colour(image):
            image.convert_rgb()
        for result in results:
            layer = _new_layer(image, result.source, result.name)
            pixels.write(layer.get_buffer(), result.source.area, result.picture, space)
            made.append(layer)
            _insert(image, result.source, layer)
            provenance.keep(layer, result.memory, read_whole(layer))
        image.set_selected_layers([layer for layer in selected if layer.is_valid()])
    except BaseException:  # it goes on its way, but all results are in the image or none is
        for layer in made:
            if layer.is_valid() and layer.get_image() is not None:
                image.remove_layer(layer)
        raise
    finally:
        image.undo_group_end()
        Gimp.displays_flush()
    return made


def _new_layer(image: Gimp.Image, source: Source, name: str) -> Gimp.Layer:
    """Return a layer as large as the source and with its pixels, not yet in the image."""
    old = source.layer if source.layer.is_valid() else None
    width = old.get_width() if old else source.area[0] + source.area[2]
    height = old.get_height() if old else source.area[1] + source.area[3]
    if source.there is not None:
        width, height = source.there[2:]
    kind = LAYER_TYPES[image.get_base_type()]
    layer = Gimp.Layer.new(image, name, width, height, kind, 100.0, image.get_default_new_layer_mode())
    if source.there is not None:
        layer.set_offsets(*source.there[:2])
    elif old:
        _found, x, y = old.get_offsets()
        layer.set_offsets(x, y)
        everything = Gegl.Rectangle.new(0, 0, width, height)
        buffer = layer.get_buffer()
        old.get_buffer().copy(everything, Gegl.AbyssPolicy.NONE, buffer, everything)
        buffer.flush()
    return layer


def _insert(image: Gimp.Image, source: Source, layer: Gimp.Layer, *, live: bool = False) -> None:
    """Insert the layer above its source, with the selection and the source's own mask as its mask.

    A ``live`` one, which is still to be written to, is put above the groups around the source whose pixels are locked.
    """
    old = source.layer if source.layer.is_valid() else None
    # The source's own mask is of its present shape. It is written first: in a locked group it cannot be any more.
    mask = _mask(image, source, layer, old if source.there is None else None)
    below = (locked_group(old) if live and old is not None else None) or old
    if below is None:  # the user removed the source meanwhile: the result still has a place
        image.insert_layer(layer, None, 0)
    else:
        image.insert_layer(layer, below.get_parent(), image.get_item_position(below))
    if mask is not None:
        layer.add_mask(mask)
        layer.set_edit_mask(False)


def _mask(image: Gimp.Image, source: Source, layer: Gimp.Layer, old: Gimp.Layer | None) -> Gimp.LayerMask | None:
    """Return the selection and the mask of the ``old`` layer as a mask for the new one; None if there is neither."""
    old_mask = old.get_mask() if old is not None and old.get_apply_mask() else None
    if source.selection is None and old_mask is None:
        return None
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    if source.selection is not None:
        width, height = layer.get_width(), layer.get_height()
        pixels.write_raw(mask.get_buffer(), (width, height), mask_format(image), source.selection)
    if old_mask is not None:
        mask.combine_masks(old_mask, Gimp.ChannelOps.INTERSECT, 0, 0)
    return mask
