"""The gallery of styles: thumbnails to choose from, loaded little by little so that the dialog opens at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GdkPixbuf", "2.0")
from gi.repository import Gdk, GdkPixbuf, GLib, Gtk

import installation
import pixels
from canvas import read_style, style_name
from report import PluginError

_SIZE = 112
_COLUMNS = 4
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".avif", ".heic", ".jxl", ".xcf", ".psd")

_CSS = b"""
.neural-style-gallery flowboxchild { border: 3px solid transparent; border-radius: 6px; padding: 3px; }
.neural-style-gallery flowboxchild:hover { border-color: alpha(@theme_selected_bg_color, 0.4); }
.neural-style-gallery flowboxchild:selected {
  border-color: #3584e4; background-color: alpha(#3584e4, 0.25); color: inherit;
}
.neural-style-gallery flowboxchild:selected label { font-weight: bold; }
"""


class Gallery(Gtk.ScrolledWindow):
    """Thumbnails of the shipped styles, the user's own, and a file chosen elsewhere; one can be selected.

    ``picked`` is called with the path when the user selects a style, ``activated`` on a double click or Return.
    """

    def __init__(self, picked: Callable[[str], None], activated: Callable[[], None]) -> None:
        super().__init__(hscrollbar_policy=Gtk.PolicyType.NEVER, shadow_type=Gtk.ShadowType.IN)
        self.set_size_request(_COLUMNS * (_SIZE + 24) + 24, 2 * (_SIZE + 40))
        self._picked = picked
        self._tiles: dict[str, Gtk.FlowBoxChild] = {}
        self._box = Gtk.FlowBox(
            selection_mode=Gtk.SelectionMode.SINGLE, activate_on_single_click=False, homogeneous=True,
            min_children_per_line=2, max_children_per_line=8, valign=Gtk.Align.START, margin=6,
        )  # fmt: skip
        self._box.get_style_context().add_class("neural-style-gallery")
        self._box.get_accessible().set_name("Styles")
        provider = Gtk.CssProvider()
        provider.load_from_data(_CSS)
        Gtk.StyleContext.add_provider_for_screen(
            self.get_screen(), provider, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION
        )
        self._box.connect("key-press-event", self._on_key)
        self._handler = self._box.connect("selected-children-changed", self._on_selected)
        self._box.connect("child-activated", lambda *_: activated())
        self.add(self._box)
        for path in styles():
            self._add(str(path))
        self._loading = self._load_thumbnails()
        self._idle = GLib.idle_add(self._load_next)
        self.connect("destroy", self._on_destroy)

    def select(self, path: str | None) -> None:
        """Mark the style as the chosen one, adding it to the gallery if it is not there."""
        with self._box.handler_block(self._handler):
            self._box.unselect_all()
            if path is None:
                return
            if path not in self._tiles:
                self._add(path, first=True)
                _show_thumbnail(path, self._tiles[path])
            tile = self._tiles[path]
            self._box.select_child(tile)
        GLib.idle_add(self._reveal, tile)

    def focus(self) -> None:
        """Give the keyboard to the selected style, or to the first."""
        chosen = self._box.get_selected_children() or self._box.get_children()[:1]
        if chosen:
            chosen[0].grab_focus()

    def _add(self, path: str, *, first: bool = False) -> None:
        name = style_name(path)
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        picture = Gtk.Image.new_from_icon_name("image-x-generic", Gtk.IconSize.DIALOG)
        picture.set_size_request(_SIZE, _SIZE)
        label = Gtk.Label(label=name, ellipsize=3, max_width_chars=13, width_chars=13)
        column.pack_start(picture, False, False, 0)
        column.pack_start(label, False, False, 0)
        shipped = Path(path).parent == installation.shipped_styles()
        tile = Gtk.FlowBoxChild(tooltip_text=name if shipped else path, valign=Gtk.Align.START, halign=Gtk.Align.CENTER)
        tile.add(column)
        tile.picture, tile.path = picture, path
        tile.get_accessible().set_name(name)
        tile.show_all()
        self._box.insert(tile, 0 if first else -1)
        self._tiles[path] = tile

    def _reveal(self, tile: Gtk.FlowBoxChild) -> bool:
        place, seen = tile.get_allocation(), self.get_vadjustment()
        seen.clamp_page(place.y, place.y + place.height)
        return GLib.SOURCE_REMOVE

    def _on_key(self, box: Gtk.FlowBox, event: Gdk.EventKey) -> bool:
        """Let Space select the style, which GTK would activate."""
        tile = box.get_focus_child()
        if event.keyval != Gdk.KEY_space or event.state & Gtk.accelerator_get_default_mod_mask() or tile is None:
            return Gdk.EVENT_PROPAGATE
        box.select_child(tile)
        return Gdk.EVENT_STOP

    def _on_selected(self, box: Gtk.FlowBox) -> None:
        chosen = box.get_selected_children()
        if chosen:
            self._picked(chosen[0].path)

    def _load_thumbnails(self) -> Iterator[None]:
        for path, tile in list(self._tiles.items()):
            _show_thumbnail(path, tile)
            yield

    def _load_next(self) -> bool:
        for _ in self._loading:
            return GLib.SOURCE_CONTINUE
        self._idle = 0
        return GLib.SOURCE_REMOVE

    def _on_destroy(self, _: Gtk.Widget) -> None:
        if self._idle:
            GLib.source_remove(self._idle)
            self._idle = 0


def styles() -> list[Path]:
    """Return the pictures of the gallery: the user's own styles first, then those that come with the plug-in."""
    found: list[Path] = []
    for folder in (installation.read().user_styles, installation.shipped_styles()):
        if folder.is_dir():
            found += sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    return found


def _show_thumbnail(path: str, tile: Gtk.FlowBoxChild) -> None:
    try:
        tile.picture.set_from_pixbuf(_thumbnail(path))
    except (GLib.Error, OSError, PluginError):  # its tile keeps the icon; choosing it says what is wrong
        tile.picture.set_from_icon_name("image-missing", Gtk.IconSize.DIALOG)


def _thumbnail(path: str) -> GdkPixbuf.Pixbuf:
    """Return the middle of the picture as a square, from the cache if it is there."""
    state = os.stat(path)
    key = hashlib.sha256(f"{path}\0{state.st_mtime_ns}\0{state.st_size}\0{_SIZE}".encode()).hexdigest()
    cached = installation.thumbnail_folder() / f"{key}.png"
    if cached.is_file():
        return _read(str(cached))
    picture = _read(path)
    factor = _SIZE / min(picture.get_width(), picture.get_height())
    width, height = (max(_SIZE, round(side * factor)) for side in (picture.get_width(), picture.get_height()))
    picture = picture.scale_simple(width, height, GdkPixbuf.InterpType.BILINEAR)
    square = picture.new_subpixbuf((width - _SIZE) // 2, (height - _SIZE) // 2, _SIZE, _SIZE)
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        new = cached.with_suffix(f".{os.getpid()}")
        square.savev(str(new), "png", [], [])
        os.replace(new, cached)
    except (GLib.Error, OSError) as error:  # a thumbnail that is not kept is made again next time
        print(f"neural-style: cannot keep the thumbnail of {path}: {error}")
    return square


def _read(path: str) -> GdkPixbuf.Pixbuf:
    try:
        picture = GdkPixbuf.Pixbuf.new_from_file(path)
    except GLib.Error:  # slower, but GIMP reads far more formats
        return pixels.to_pixbuf(read_style(path).picture)
    return picture.apply_embedded_orientation() or picture
