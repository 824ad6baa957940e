"""Where styles come from: the shipped gallery, the user's folder, any file, any open image, layer or selection.

A style is named by its key: a file's path, or ``layer 12``, ``selection 12`` (the part of the layer that is selected
in its image) or ``image 3`` with GIMP's own numbers, which hold as long as GIMP runs.
"""

from __future__ import annotations

import os
from collections.abc import Container, Sequence
from pathlib import Path

from gi.repository import GdkPixbuf, Gimp

from canvas import pixels
from common import installation
from common.errors import PluginError
from common.translation import _
from styles import own_styles, pictures, remembered, thumbnails

ALL, FAVOURITES, RECENT, OWN, SHIPPED, OPEN = "all", "favourites", "recent", "own", "shipped", "open"
_GROUP = "group:"

_read: dict[tuple[str, int, int], pictures.Style] = {}


def is_file(key: str) -> bool:
    """Return whether the key is a file's path."""
    return os.path.isabs(key)


def kinds() -> list[tuple[str, str]]:
    """Return the kinds of styles that the gallery can be limited to, as (name, label); own groups are among them."""
    return [
        (ALL, _("All styles")),
        (FAVOURITES, _("Favorites")),
        (RECENT, _("Recent")),
        (OWN, _("My styles")),
        *((f"{_GROUP}{name}", name) for name in own_styles.groups()),
        (SHIPPED, _("Included")),
        (OPEN, _("Open in GIMP")),
    ]


def is_of(key: str, kind: str, favourites: Container[str] = ()) -> bool:
    """Return whether the style is of one of :func:`kinds`."""
    if not is_file(key):
        return kind in (ALL, OPEN)
    if kind.startswith(_GROUP):
        return own_styles.is_own(key) and own_styles.group_of(key) == kind[len(_GROUP) :]
    of_kind = {
        ALL: True,
        FAVOURITES: key in favourites,
        RECENT: remembered.is_recent(key),
        OWN: own_styles.is_own(key),
        SHIPPED: Path(key).parent == installation.shipped_styles(),
    }
    return of_kind.get(kind, False)


def in_folders(recent: Sequence[str]) -> list[str]:
    """Return the paths of the styles: those used last first, then the user's own ones and the shipped ones."""
    found = [*own_styles.own(), *own_styles.pictures_in(installation.shipped_styles())]
    return [*recent, *(path for path in found if path not in recent)]


def named(name: str) -> str:
    """Return the path of a style given as a path, or as the name of a style in the gallery (``wave-woodblock``).

    Raises:
        PluginError: there is no such style.
    """
    if os.path.isabs(name):
        return name
    known_paths = in_folders([])
    for path in known_paths:
        if name.lower() in (Path(path).name.lower(), Path(path).stem.lower(), pictures.name_of_file(path).lower()):
            return path
    known = ", ".join(Path(path).stem for path in known_paths)
    raise PluginError(
        _("There is no style “{name}” in the gallery.").format(name=name),
        _("Give a file with its whole path, or one of: {known}.").format(known=known),
    )


def name_of(key: str) -> str:
    """Return a style's name as people read it."""
    if is_file(key):
        return pictures.name_of_file(key)
    kind, item = _item(key)
    if item is None:
        return _("Removed")
    if kind == "image":
        return pictures.name_of_image(item)
    return _("Selection of {name}").format(name=item.get_name()) if kind == "selection" else item.get_name()


def tooltip(key: str) -> str:
    """Return what tells the style from others: its path, unless it is a shipped one."""
    return key if is_file(key) and not is_of(key, SHIPPED) else name_of(key)


def _item(key: str) -> tuple[str, Gimp.Layer | Gimp.Image | None]:
    kind, _space, number = key.partition(" ")
    if kind == "image":
        image = Gimp.Image.get_by_id(int(number))
        return kind, image if image is not None and image.is_valid() else None
    layer = Gimp.Item.get_by_id(int(number))
    return kind, layer if layer is not None and layer.is_valid() else None


def read(key: str) -> pictures.Style:
    """Return the picture of a style; a file is read once unless it changes.

    Raises:
        PluginError: it is gone, or is not a picture.
    """
    if is_file(key):
        try:
            state = os.stat(key)
        except OSError:
            return pictures.read_file(key)  # which says what is wrong
        known = (key, state.st_mtime_ns, state.st_size)
        if known not in _read:
            _read[known] = pictures.read_file(key)
        return _read[known]
    kind, item = _item(key)
    if item is None:
        raise gone()
    if kind == "image":
        return pictures.read_image(item)
    return pictures.read_layer(item, selection=kind == "selection")


def gone() -> PluginError:
    """Return the error for a layer or an image that is not open any more."""
    return PluginError(_("The layer that was chosen as style is gone."), _("Choose another style."), again=False)


def uses_selection_of(keys: Sequence[str], image: Gimp.Image) -> bool:
    """Return whether one of the styles is what is selected in this image."""
    for key in keys:
        if key.startswith("selection "):
            layer = _item(key)[1]
            if layer is not None and layer.get_image() is image:
                return True
    return False


def thumbnail_in_gimp(key: str) -> GdkPixbuf.Pixbuf | None:
    """Return the thumbnail of a style that is open in GIMP, None if it cannot be read."""
    small = small_picture(key, 2 * thumbnails.SIZE)
    if small is not None and min(small.get_width(), small.get_height()) >= thumbnails.SIZE // 2:
        return thumbnails.of_picture(small)
    try:
        return thumbnails.of_picture(pixels.to_pixbuf(read(key).picture))
    except PluginError:
        return None


def open_in_gimp() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what is open in GIMP and can be a style: an image's name, and its parts as (label, key)."""
    found = []
    for image in Gimp.get_images():
        entries = [(_("Visible image"), f"image {image.get_id()}")]
        layers = _flat(image.get_layers())
        selected = image.get_selected_layers()
        if not Gimp.Selection.is_empty(image) and selected:
            label = _("Selected part of “{name}”").format(name=selected[0].get_name())
            entries.append((label, f"selection {selected[0].get_id()}"))
        entries += [(layer.get_name(), f"layer {layer.get_id()}") for layer in layers]
        found.append((pictures.name_of_image(image), entries))
    return found


def open_images(but: Gimp.Image) -> list[str]:
    """Return the keys of the images that are open in GIMP, but one of them."""
    return [f"image {image.get_id()}" for image in Gimp.get_images() if image.get_id() != but.get_id()]


def small_picture(key: str, side: int) -> GdkPixbuf.Pixbuf | None:
    """Return a small picture of an image or a layer for a menu, as GIMP has it at hand; None if it has none."""
    kind, item = _item(key)
    if item is None or kind == "selection":
        return None
    return item.get_thumbnail(side, side, Gimp.PixbufTransparency.SMALL_CHECKS)


def _flat(layers: Sequence[Gimp.Layer]) -> list[Gimp.Layer]:
    return [each for layer in layers for each in (layer, *(_flat(layer.get_children()) if layer.is_group() else ()))]
