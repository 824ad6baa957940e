"""Style pictures, read by GIMP from a file, a layer, a selection or a whole image.

Which of them there are to choose from, and under what key, is known in :mod:`styles`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gi.repository import GdkPixbuf, Gimp, Gio

from canvas import pixels
from canvas.snapshots import composed
from common.errors import PluginError
from common.translation import _, reason_of
from server.protocol import MAX_PIXELS, Picture


@dataclass(frozen=True)
class Style:
    """A style picture as the user chose it: a file (``path``) or a layer (``tattoo``, in its image)."""

    name: str
    sha256: str
    picture: Picture
    path: str = ""
    tattoo: int = 0


#: Styles, each with its weight.
WeightedStyles = Sequence[tuple[Style, float]]


#: The shipped styles, by their files' names without the ending.
_SHIPPED = {
    "balloon-halftone": _("Balloon halftone"),
    "castle-pen": _("Castle pen"),
    "concert-geometric": _("Concert geometric"),
    "dahlias-pastel": _("Dahlias pastel"),
    "fox-woodcut": _("Fox woodcut"),
    "iris-glass": _("Iris glass"),
    "koi-mosaic": _("Koi mosaic"),
    "lagoon-watercolour": _("Lagoon watercolor"),
    "lilies-poster": _("Lilies poster"),
    "mountains-ink": _("Mountains ink"),
    "peacock-batik": _("Peacock batik"),
    "river-points": _("River points"),
    "starlit-oil": _("Starlit oil"),
    "sunflowers-oil": _("Sunflowers oil"),
    "wave-woodblock": _("Wave woodblock"),
}


def name_of_file(path: str | Path) -> str:
    """Return a style's name as people read it: ``stained-glass.jpg`` is “Stained glass”; shipped ones are translated."""
    if (shipped := _SHIPPED.get(Path(path).stem)) is not None:
        return shipped
    words = Path(path).stem.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:] or Path(path).name


def name_of_image(image: Gimp.Image) -> str:
    """Return an open image's name as people read it: GIMP writes brackets around that of a file which it has imported."""
    file = image.get_file() or image.get_imported_file()
    return name_of_file(file.get_basename()) if file is not None else str(image.get_name())


def read_file(path: str) -> Style:
    """Return a style picture, read by GIMP itself: any format, colour profile and rotation that it knows.

    Raises:
        PluginError: the file is missing, is not a picture, or is too large.
    """
    try:
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise PluginError(
            _("The style picture {path} cannot be read: {reason}.").format(path=path, reason=reason_of(error)),
            _("Choose another style."),
            again=False,
        ) from None
    _format, width, height = GdkPixbuf.Pixbuf.get_file_info(path)  # 0 × 0 when it cannot say; GIMP may still open it
    if width * height > MAX_PIXELS:
        raise PluginError(
            _("The style picture {path} is too large ({width} × {height} px).").format(
                path=path, width=width, height=height
            ),
            _("Scale it down first, or choose another."),
            again=False,
        )
    with _quietly():
        image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    if image is None:
        reason = (Gimp.get_pdb().get_last_error() or "").strip().rstrip(".")
        told = len(reason.split()) > 2  # else it is GIMP's own “execution error”, in any language
        raise PluginError(
            _("The style picture {path} is not a picture that GIMP can open{reason}.").format(
                path=path, reason=f": {reason}" if told else ""
            ),
            _("Choose another style, for example a JPEG or PNG file."),
            again=False,
        )
    try:
        layers = image.get_layers()
        if not layers:
            raise PluginError(
                _("The style picture {path} has no layers.").format(path=path), _("Choose another style."), again=False
            )
        # The frames of an animation are layers; its first frame is the lowest.
        animation = len(layers) > 1 and path.lower().endswith((".gif", ".webp", ".apng", ".png"))
        plain = animation or len(layers) == 1
        layer = layers[-1] if plain else Gimp.Layer.new_from_visible(image, image, "style")
        area = (0, 0, layer.get_width(), layer.get_height())
        picture = pixels.read(layer.get_buffer(), area, "u8", 4 if layer.has_alpha() else 3)
        return Style(name_of_file(path), digest, picture, path)
    finally:
        image.delete()
        Gimp.progress_end()  # loading it has filled the bar in the image window


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep GIMP from opening a window over the dialog, and taking the keyboard, for what its loaders say of a file."""
    before = Gimp.message_get_handler()
    Gimp.message_set_handler(Gimp.MessageHandlerType.CONSOLE)
    try:
        yield
    finally:
        Gimp.message_set_handler(before)


def read_layer(layer: Gimp.Layer, *, selection: bool = False) -> Style:
    """Return a layer of any open image as a style, or with ``selection`` the part of it that its image selects.

    Raises:
        PluginError: nothing of the layer is selected, or it is too large.
    """
    if not selection:
        return replace(_style_of(layer, layer.get_name()), tattoo=layer.get_tattoo())
    image = layer.get_image()
    touched, _x, _y, across, down = layer.mask_intersect()
    if Gimp.Selection.is_empty(image) or not touched or across < 1 or down < 1:
        raise PluginError(
            _("Nothing of the layer “{name}” is selected.").format(name=layer.get_name()),
            _("Select the part to take the style from."),
        )
    # A named buffer takes a soft selection along as transparency, and leaves the user's clipboard alone.
    buffer = Gimp.edit_named_copy([layer], "neural-style")
    try:
        copied = Gimp.edit_named_paste_as_new_image(buffer)
    finally:
        Gimp.buffer_delete(buffer)
    try:
        return _style_of(copied.get_layers()[0], _("Selection of {name}").format(name=layer.get_name()))
    finally:
        copied.delete()


def read_image(image: Gimp.Image) -> Style:
    """Return an open image, as it looks with all its visible layers, as a style.

    Raises:
        PluginError: it is too large.
    """
    layer = Gimp.Layer.new_from_visible(image, image, "style")
    try:
        return _style_of(layer, name_of_image(image))
    finally:
        layer.delete()


def _style_of(layer: Gimp.Layer, name: str) -> Style:
    width, height = layer.get_width(), layer.get_height()
    if width * height > MAX_PIXELS:
        raise PluginError(_("The style “{name}” is too large.").format(name=name), _("Use a smaller picture."), again=False)
    with composed(layer) as seen:
        picture = pixels.read(seen.get_buffer(), (0, 0, width, height), "u8", 4 if layer.has_alpha() else 3)
    return Style(name, hashlib.sha256(picture.data).hexdigest(), picture)
