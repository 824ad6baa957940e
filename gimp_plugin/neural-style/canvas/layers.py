"""The layers that are styled, and the results on the canvas.

Reading never changes the image. While a job runs, the canvas shows a live layer that the undo history knows nothing
of; the results then go in as one undo step. The user's own layers are never written, removed or hidden.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace

from gi.repository import Babl, GdkPixbuf, Gegl, Gimp

from canvas import leftovers, pixels, provenance
from canvas.changes import Watched
from canvas.provenance import Memory
from canvas.snapshots import composed, snapshot
from canvas.unrecorded import unrecorded
from common.errors import PluginError
from common.translation import _
from server.protocol import MAX_PIXELS, Picture

#: A selection is styled with this much of its surroundings, so that the style does not see the selection's border.
_MARGIN = 48

#: The types of an image's layers with alpha.
LAYER_TYPES = {
    Gimp.ImageBaseType.RGB: Gimp.ImageType.RGBA_IMAGE,
    Gimp.ImageBaseType.GRAY: Gimp.ImageType.GRAYA_IMAGE,
    Gimp.ImageBaseType.INDEXED: Gimp.ImageType.INDEXEDA_IMAGE,
}
_EIGHT_BIT = (Gimp.Precision.U8_LINEAR, Gimp.Precision.U8_NON_LINEAR, Gimp.Precision.U8_PERCEPTUAL)
_SIXTEEN_BIT = (Gimp.Precision.U16_LINEAR, Gimp.Precision.U16_NON_LINEAR, Gimp.Precision.U16_PERCEPTUAL)

Area = tuple[int, int, int, int]


@dataclass(frozen=True)
class Source:
    """A layer to be styled, and the part of it that is: x, y, width, height in the layer's own coordinates.

    ``selection`` holds the selection over the whole layer, as :func:`_selection_over` reads it; None for none. ``there``
    is the place in the image (x, y, width, height) that the layer had, if it has another shape now that it was not
    followed into: area and selection are then of the layer as it was.
    """

    layer: Gimp.Layer
    name: str
    area: Area
    selection: bytes | None = field(default=None, repr=False)
    there: Area | None = None

    def same_place(self, other: Source) -> bool:
        """Return whether the other is the same part of the same layer, selected alike."""
        mine, theirs = ((s.layer.get_id(), s.area, s.selection) for s in (self, other))
        return mine == theirs


@dataclass(frozen=True)
class Result:
    """A finished picture of a source's area, and what the new layer remembers of how it was made."""

    source: Source
    picture: Picture
    name: str
    memory: Memory
    watched: Watched | None = field(default=None, repr=False)


def image_closed() -> PluginError:
    """Return the error for an image that the user closed meanwhile."""
    return PluginError(_("The image was closed while it was painted."), _("Open it and run the filter again."), again=False)


def is_colour(image: Gimp.Image) -> bool:
    """Return whether the image can hold every colour (it is neither grey nor indexed)."""
    return image.get_base_type() == Gimp.ImageBaseType.RGB


def sources(image: Gimp.Image, drawables: Sequence[Gimp.Drawable], *, whole: bool = False) -> list[Source]:
    """Return what to style: the selected layers, topmost first, each with the part that the selection leaves.

    With ``whole`` the selection limits nothing (it is what the style is taken from).

    Raises:
        PluginError: there is nothing that could be styled.
    """
    if image.get_floating_sel() is not None:
        raise PluginError(
            _("There is a floating selection."), _("Anchor it or make it a layer first (menu Layer), then run the filter.")
        )
    layers: dict[int, Gimp.Layer] = {}
    for drawable in drawables:
        # The user may be editing a layer's mask, which then is the drawable.
        layer = Gimp.Layer.from_mask(drawable) if isinstance(drawable, Gimp.LayerMask) else drawable
        if not isinstance(layer, Gimp.Layer):
            raise PluginError(
                _("A channel is selected, and only layers can be styled."), _("Click a layer, then try again.")
            )
        layers[layer.get_id()] = layer
    if not layers:
        raise PluginError(_("No layer is selected."), _("Select the layers to style, then run the filter."))
    ordered = sorted(layers.values(), key=_place_in_tree)
    found = [source for layer in ordered if (source := _source(image, layer, whole)) is not None]
    if not found:
        raise PluginError(
            _("The selection does not touch the selected layer."),
            _("Select a part of the layer, or nothing (Select > None)."),
        )
    return found


def _place_in_tree(layer: Gimp.Layer) -> list[int]:
    place: list[int] = []
    item: Gimp.Item | None = layer
    while item is not None:
        place.insert(0, layer.get_image().get_item_position(item))
        item = item.get_parent()
    return place


def _source(image: Gimp.Image, layer: Gimp.Layer, whole: bool) -> Source | None:
    width, height = layer.get_width(), layer.get_height()
    if whole or Gimp.Selection.is_empty(image):
        return Source(layer, layer.get_name(), (0, 0, width, height))
    area = area_now(image, layer, whole=whole)
    return None if area is None else Source(layer, layer.get_name(), area, _selection_over(image, layer))


def area_now(image: Gimp.Image, layer: Gimp.Layer, *, whole: bool = False) -> Area | None:
    """Return the part of a layer that the selection (not with ``whole``) leaves to be styled; None for nothing."""
    width, height = layer.get_width(), layer.get_height()
    if whole or Gimp.Selection.is_empty(image):
        return 0, 0, width, height
    touched, x, y, across, down = layer.mask_intersect()
    if not touched or across < 1 or down < 1:
        return None
    left, top = max(0, x - _MARGIN), max(0, y - _MARGIN)
    right, bottom = min(width, x + across + _MARGIN), min(height, y + down + _MARGIN)
    return left, top, right - left, bottom - top


def _selection_over(image: Gimp.Image, layer: Gimp.Layer) -> bytes:
    """Return how much of each of the layer's pixels is selected, as :func:`mask_format` has it."""
    _found, x, y = layer.get_offsets()
    place = Gegl.Rectangle.new(x, y, layer.get_width(), layer.get_height())
    return image.get_selection().get_buffer().get(place, 1.0, mask_format(image), Gegl.AbyssPolicy.NONE)


def as_now(source: Source) -> Source:
    """Return a source whose turn comes later than its choice with the part that it is now, if its size is another."""
    layer = source.layer
    if not layer.is_valid():
        return source
    size = layer.get_width(), layer.get_height()
    if source.selection is None:
        return replace(source, area=(0, 0, *size))
    expected = size[0] * size[1] * (1 if mask_format(layer.get_image()) == "Y u8" else 4)
    if len(source.selection) == expected:
        return source
    return _source(layer.get_image(), layer, whole=False) or source


def mask_format(image: Gimp.Image) -> str:
    """Return babl's name of a selection's or mask's pixels, as deep as the image's; a number is a share here."""
    return "Y u8" if image.get_precision() in _EIGHT_BIT else "Y float"


def read(source: Source) -> Picture:
    """Return the pixels of the source's area, non-destructive effects included, as deep as the image is.

    Raises:
        PluginError: the layer is gone, or has more pixels than can be sent.
    """
    if not source.layer.is_valid():
        raise PluginError(
            _("The layer “{name}” was removed.").format(name=source.name), _("Undo that, then run the filter again.")
        )
    if source.area[2] * source.area[3] > MAX_PIXELS:
        raise PluginError(
            _("The layer “{name}” is too large.").format(name=source.name),
            _("Select a smaller part, or scale the image down."),
        )
    image, channels = source.layer.get_image(), 4 if source.layer.has_alpha() else 3
    with composed(source.layer) as layer:
        return pixels.read(layer.get_buffer(), source.area, kind_of(image), channels, own_space(image))


def own_space(image: Gimp.Image) -> Babl.Object | None:
    """Return the colour space that the image is painted in: its own if it has one, so that no colour is lost to sRGB.

    None stands for sRGB, also for grey and indexed images and for profiles without a gamma, whose numbers the network
    would take for a much darker picture.
    """
    profile = image.get_color_profile()
    layers = image.get_layers()
    if not is_colour(image) or profile is None or profile.is_linear() or not layers:
        return None
    return Babl.format_get_space(layers[0].get_format())


def shown(image: Gimp.Image, picture: Picture) -> GdkPixbuf.Pixbuf:
    """Return a picture in the image's space as the dialog shows it."""
    return pixels.to_pixbuf(pixels.converted(picture, own_space(image) if image.is_valid() else None, None))


def whole(layer: Gimp.Layer, kind: str | None = None) -> Picture:
    """Return all pixels of a layer, without its effects; as deep as its image unless ``kind`` says how."""
    with snapshot(layer) as now:
        area = (0, 0, now.get_width(), now.get_height())
        return pixels.read(now.get_buffer(), area, kind or kind_of(layer.get_image()), 4)


def kind_of(image: Gimp.Image) -> str:
    """Return the kind of the wire's pixels that is as deep as the image."""
    precision = image.get_precision()
    # 16-bit integers are clipped to sRGB on the way, which the network needs; float is sent as it is.
    return "u8" if precision in _EIGHT_BIT else "u16" if precision in _SIXTEEN_BIT else "f32"


def thumbnail(source: Source, size: int) -> GdkPixbuf.Pixbuf:
    """Return the source's area as 8-bit, scaled to fit into ``size`` × ``size``."""
    left, top, across, down = source.area
    factor = min(1.0, size / max(across, down))
    area = (int(left * factor), int(top * factor), max(1, int(across * factor)), max(1, int(down * factor)))
    place = Gegl.Rectangle.new(*area)
    with composed(source.layer) as layer:
        data = layer.get_buffer().get(place, factor, pixels.format_name("u8", 4), Gegl.AbyssPolicy.CLAMP)
    return pixels.to_pixbuf(Picture(area[2], area[3], 4, "u8", data))


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
            provenance.keep(layer, result.memory, whole(layer))
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
