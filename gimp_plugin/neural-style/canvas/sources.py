"""What is painted of an image: its selected layers, the part of each that the selection leaves, and those pixels.

Reading never changes the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gi.repository import Babl, GdkPixbuf, Gegl, Gimp

from canvas import pixels
from canvas.snapshots import composed, snapshot
from common.errors import PluginError
from common.translation import _
from server.protocol import MAX_PIXELS, Picture

#: A selection is styled with this much of its surroundings, so that the style does not see the selection's border.
_MARGIN = 48

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


def selected_sources(image: Gimp.Image, drawables: Sequence[Gimp.Drawable], *, whole: bool = False) -> list[Source]:
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


def read_pixels(source: Source) -> Picture:
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


def read_whole(layer: Gimp.Layer, kind: str | None = None) -> Picture:
    """Return all pixels of a layer, without its effects; as deep as its image unless ``kind`` says how."""
    with snapshot(layer) as now:
        area = (0, 0, now.get_width(), now.get_height())
        return pixels.read(now.get_buffer(), area, kind or kind_of(layer.get_image()), 4)


def thumbnail(source: Source, size: int) -> GdkPixbuf.Pixbuf:
    """Return the source's area as 8-bit, scaled to fit into ``size`` × ``size``."""
    left, top, across, down = source.area
    factor = min(1.0, size / max(across, down))
    area = (int(left * factor), int(top * factor), max(1, int(across * factor)), max(1, int(down * factor)))
    place = Gegl.Rectangle.new(*area)
    with composed(source.layer) as layer:
        data = layer.get_buffer().get(place, factor, pixels.format_name("u8", 4), Gegl.AbyssPolicy.CLAMP)
    return pixels.to_pixbuf(Picture(area[2], area[3], 4, "u8", data))


def thumbnail_now(source: Source, size: int) -> GdkPixbuf.Pixbuf | None:
    """Return the same, or None if the layer is gone."""
    return thumbnail(source, size) if source.layer.is_valid() else None


def shown(image: Gimp.Image, picture: Picture) -> GdkPixbuf.Pixbuf:
    """Return a picture in the image's space as the dialog shows it."""
    return pixels.to_pixbuf(pixels.converted(picture, own_space(image) if image.is_valid() else None, None))


def image_closed() -> PluginError:
    """Return the error for an image that the user closed meanwhile."""
    return PluginError(
        _("The image was closed while it was being painted."), _("Open it and run the filter again."), again=False
    )


def is_colour(image: Gimp.Image) -> bool:
    """Return whether the image can hold every colour (it is neither grey nor indexed)."""
    return image.get_base_type() == Gimp.ImageBaseType.RGB


def mask_format(image: Gimp.Image) -> str:
    """Return babl's name of a selection's or mask's pixels, as deep as the image's; a number is a share here."""
    return "Y u8" if image.get_precision() in _EIGHT_BIT else "Y float"


def kind_of(image: Gimp.Image) -> str:
    """Return the kind of the wire's pixels that is as deep as the image."""
    precision = image.get_precision()
    # 16-bit integers are clipped to sRGB on the way, which the network needs; float is sent as it is.
    return "u8" if precision in _EIGHT_BIT else "u16" if precision in _SIXTEEN_BIT else "f32"


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
