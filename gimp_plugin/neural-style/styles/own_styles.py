"""The user's own styles: a folder of pictures, whose sub-folders are groups; added, renamed and removed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from gi.repository import Gio, GLib

from common import installation
from common.errors import PluginError
from common.translation import _, reason_of
from styles import remembered

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".avif", ".heic", ".jxl", ".xcf", ".psd")
#: What a name must not have, so that the folder can be taken to any system.
_FORBIDDEN = re.compile(r'[\\/:*?"<>|\x00-\x1f]')


def folder() -> Path:
    """Return the folder; it may not be there yet."""
    return installation.read().user_styles


def pictures_in(place: Path) -> list[str]:
    """Return the paths of the pictures in a folder, sorted."""
    if not place.is_dir():
        return []
    found = (path for path in place.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    return sorted(str(path) for path in found if path.is_file())


def groups() -> list[str]:
    """Return the names of the sub-folders that hold pictures, sorted."""
    place = folder()
    if not place.is_dir():
        return []
    return sorted(each.name for each in place.iterdir() if each.is_dir() and pictures_in(each))


def own() -> list[str]:
    """Return the paths of all own styles: those in no group first."""
    return [path for place in (folder(), *(folder() / group for group in groups())) for path in pictures_in(place)]


def is_own(path: str) -> bool:
    """Return whether a file is one of them."""
    return folder() in Path(path).parents


def group_of(path: str) -> str:
    """Return the group of an own style; empty for none."""
    parent = Path(path).parent
    return parent.name if parent.parent == folder() else ""


def add(paths: Sequence[str]) -> list[str]:
    """Copy pictures into the folder and return where they are now; a folder's pictures become a group.

    Raises:
        PluginError: they cannot be copied, or are no pictures.
    """
    added = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = pictures_in(path)
            if not inside:
                raise PluginError(_("There are no pictures in {folder}.").format(folder=path), _("Choose another folder."))
            added += [_copy(Path(each), folder() / path.name) for each in inside]
        elif path.suffix.lower() not in SUFFIXES and not _is_picture(path):
            raise PluginError(_("{path} is not a picture.").format(path=path), _("Choose a JPEG or PNG file, for example."))
        else:
            added.append(_copy(path, folder()))
    return added


def add_bytes(data: bytes, name: str, suffix: str) -> str:
    """Keep a picture file's bytes as a style and return where it is; the same bytes are kept once.

    Raises:
        PluginError: it cannot be written.
    """
    target = folder() / f"{name} {hashlib.sha256(data).hexdigest()[:4]}{suffix}"
    try:
        folder().mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except OSError as error:
        raise _cannot_add(error) from None
    return str(target)


def rename(path: str, name: str) -> str:
    """Give an own style another name and return its path then.

    Raises:
        PluginError: the name cannot be a file's, or there is such a style already.
    """
    name, old = name.strip(), Path(path)
    if not name or name.startswith(".") or _FORBIDDEN.search(name):
        raise PluginError(
            _("A style cannot be called “{name}”.").format(name=name), _("Use letters, digits, spaces and hyphens.")
        )
    new = old.with_name(name + old.suffix)
    if new == old:
        return path
    if new.exists() and not new.samefile(old):
        raise PluginError(_("There is a style “{name}” already.").format(name=name), _("Choose another name."))
    try:
        old.rename(new)
    except OSError as error:
        raise PluginError(
            _("The style cannot be renamed: {reason}.").format(reason=reason_of(error)), _("Rename the file in its folder.")
        ) from None
    remembered.moved(path, str(new))
    return str(new)


def remove(path: str) -> None:
    """Move an own style to the trash; where there is none, delete it.

    Raises:
        PluginError: it cannot be removed.
    """
    try:
        try:
            Gio.File.new_for_path(path).trash(None)
        except GLib.Error:  # not on this file system
            os.remove(path)
    except OSError as error:
        raise PluginError(
            _("The style cannot be removed: {reason}.").format(reason=reason_of(error)), _("Delete the file in its folder.")
        ) from None
    remembered.moved(path, None)


def _copy(path: Path, place: Path) -> str:
    try:
        place.mkdir(parents=True, exist_ok=True)
        target, number = place / path.name, 2
        while target.exists() and not (path.samefile(target) or path.read_bytes() == target.read_bytes()):
            target = place / f"{path.stem} {number}{path.suffix}"
            number += 1
        if not target.exists():
            shutil.copyfile(path, target)
        return str(target)
    except OSError as error:
        raise _cannot_add(error) from None


def _cannot_add(error: OSError) -> PluginError:
    return PluginError(
        _("The style cannot be added to {folder}: {reason}.").format(folder=folder(), reason=reason_of(error)),
        _("Use the picture file from where it is."),
    )


def _is_picture(path: Path) -> bool:
    """Return whether the system takes a file for a picture, by its name or its first bytes."""
    try:
        file, wanted = Gio.File.new_for_path(str(path)), Gio.FILE_ATTRIBUTE_STANDARD_CONTENT_TYPE
        kind = file.query_info(wanted, Gio.FileQueryInfoFlags.NONE, None).get_content_type()
    except GLib.Error:
        return False
    return (Gio.content_type_get_mime_type(kind or "") or "").startswith("image/")
