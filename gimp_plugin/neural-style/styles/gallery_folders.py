"""Where styles come from: the shipped gallery, the user's folder, any file, any open image, layer or selection.

A style is named by its key: a file's path, or ``layer 12``, ``selection 12`` (the part of the layer that is selected
in its image) or ``image 3`` with GIMP's own numbers, which hold as long as GIMP runs.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from gi.repository import GdkPixbuf, Gimp

from canvas import pixels
from common import installation
from common.errors import PluginError
from common.translation import _
from styles import pictures, thumbnails

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".avif", ".heic", ".jxl", ".xcf", ".psd")
_MOST_RECENT = 12

ALL, RECENT, OWN, SHIPPED = "all", "recent", "own", "shipped"
KINDS = ((ALL, _("All styles")), (RECENT, _("Recent")), (OWN, _("My styles")), (SHIPPED, _("Included")))

_read: dict[tuple[str, int, int], pictures.Style] = {}
_recent_now: list[str] = []


def is_file(key: str) -> bool:
    """Return whether the key is a file's path."""
    return os.path.isabs(key)


def is_of(key: str, kind: str) -> bool:
    """Return whether the style is of one of :data:`KINDS`."""
    folder = Path(key).parent if is_file(key) else None
    if kind == OWN:
        return folder == installation.read().user_styles
    if kind == SHIPPED:
        return folder == installation.shipped_styles()
    return kind == ALL or key in _recent_now or not is_file(key)


def in_folders(recent: Sequence[str]) -> list[str]:
    """Return the paths of the user's own styles, of recent ones elsewhere, and of the shipped ones, in this order."""
    own, shipped = _pictures(installation.read().user_styles), _pictures(installation.shipped_styles())
    return [*own, *(path for path in recent if path not in own and path not in shipped), *shipped]


def _pictures(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(str(path) for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)


def named(name: str) -> str:
    """Return the path of a style given as a path, or as the name of a style in the gallery (``wave-woodblock``).

    Raises:
        PluginError: there is no such style.
    """
    if os.path.isabs(name):
        return name
    own, shipped = _pictures(installation.read().user_styles), _pictures(installation.shipped_styles())
    for path in [*own, *shipped]:
        if name.lower() in (Path(path).name.lower(), Path(path).stem.lower(), pictures.name_of_file(path).lower()):
            return path
    known = ", ".join(Path(path).stem for path in [*own, *shipped])
    raise PluginError(
        _("There is no style “{name}” in the gallery.").format(name=name),
        _("Give a file with its whole path, or one of: {known}.").format(known=known),
    )


def add(paths: Sequence[str]) -> list[str]:
    """Copy pictures into the user's own folder and return where they are now.

    Raises:
        PluginError: they cannot be copied.
    """
    folder = installation.read().user_styles
    added = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in map(Path, paths):
            target, number = folder / path.name, 2
            while target.exists() and not (path.samefile(target) or path.read_bytes() == target.read_bytes()):
                target = folder / f"{path.stem} {number}{path.suffix}"
                number += 1
            if not target.exists():
                shutil.copyfile(path, target)
            added.append(str(target))
    except OSError as error:
        raise PluginError(
            _("The style cannot be added to {folder}: {reason}.").format(folder=folder, reason=error.strerror or error),
            _("Use the picture file from where it is."),
        ) from None
    return added


def name_of(key: str) -> str:
    """Return a style's name as people read it."""
    if is_file(key):
        return pictures.name_of_file(key)
    kind, item = _item(key)
    if item is None:
        return _("Removed")
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
        raise PluginError(_("The layer that was chosen as style is gone."), _("Choose another style."), again=False)
    if kind == "image":
        return pictures.read_image(item)
    return pictures.read_layer(item, selection=kind == "selection")


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
    try:
        return thumbnails.of_picture(pixels.to_pixbuf(read(key).picture))
    except PluginError:
        return None


def open_in_gimp() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what is open in GIMP and can be a style: an image's name, and its parts as (label, key)."""
    found = []
    for image in Gimp.get_images():
        entries = [(_("Whole image as it looks"), f"image {image.get_id()}")]
        layers = _flat(image.get_layers())
        selected = image.get_selected_layers()
        if not Gimp.Selection.is_empty(image) and selected:
            label = _("Selected part of “{name}”").format(name=selected[0].get_name())
            entries.append((label, f"selection {selected[0].get_id()}"))
        entries += [(layer.get_name(), f"layer {layer.get_id()}") for layer in layers]
        found.append((image.get_name(), entries))
    return found


def _flat(layers: Sequence[Gimp.Layer]) -> list[Gimp.Layer]:
    return [each for layer in layers for each in (layer, *(_flat(layer.get_children()) if layer.is_group() else ()))]


def recent() -> list[str]:
    """Return the paths of the files that were applied last, newest first."""
    try:
        stored = json.loads(_recent_file().read_text(encoding="utf-8"))
        paths = [path for path in stored if isinstance(path, str) and os.path.isfile(path)]
    except (OSError, ValueError, TypeError):  # there are none yet, or the file is damaged and is written anew
        paths = []
    _recent_now[:] = paths[:_MOST_RECENT]
    return list(_recent_now)


def remember(keys: Sequence[str]) -> None:
    """Put the files among these styles in front of the recent ones."""
    files = [key for key in keys if is_file(key)]
    paths = [*files, *(path for path in recent() if path not in files)][:_MOST_RECENT]
    try:
        _recent_file().parent.mkdir(parents=True, exist_ok=True)
        new = _recent_file().with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(paths), encoding="utf-8")
        os.replace(new, _recent_file())
    except OSError as error:
        print(f"neural-style: cannot remember the recent styles: {error}")


def _recent_file() -> Path:
    return installation.thumbnail_folder().parent / "recent-styles.json"
