"""A style in the gallery: its thumbnail, and its name below."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, Gtk

from styles import gallery_folders

#: Pixels by which a name may be wider than its picture.
BESIDE = 10


class Tile(Gtk.FlowBoxChild):
    """The style of a key, with a picture of ``side`` × ``side`` pixels."""

    def __init__(self, key: str, side: int, *, favourite: bool) -> None:
        super().__init__(valign=Gtk.Align.START, halign=Gtk.Align.CENTER, tooltip_text=gallery_folders.tooltip(key))
        self.key, self.name = key, gallery_folders.name_of(key)
        self.picture = Gtk.Image.new_from_icon_name("image-x-generic", Gtk.IconSize.DIALOG)
        self._label = Gtk.Label(
            wrap=True,
            lines=2,
            ellipsize=3,
            max_width_chars=1,  # no wider than the picture, in any font
            justify=Gtk.Justification.CENTER,
            valign=Gtk.Align.START,
        )
        self._thumbnail: GdkPixbuf.Pixbuf | None = None
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        column.pack_start(self.picture, False, False, 0)
        column.pack_start(self._label, False, False, 0)
        self.add(column)
        self.get_accessible().set_name(self.name)
        self.set_side(side)
        self.set_favourite(favourite)
        self.show_all()

    def set_side(self, side: int) -> None:
        """Show the picture in this size."""
        self._side = side
        self.picture.set_size_request(side, side)
        self._label.set_size_request(side + BESIDE, -1)
        if self._thumbnail is not None:
            self.set_thumbnail(self._thumbnail)

    def set_thumbnail(self, thumbnail: GdkPixbuf.Pixbuf | None) -> None:
        """Show a picture; None says that there cannot be one."""
        self._thumbnail = thumbnail
        if thumbnail is None:
            self.picture.set_from_icon_name("image-missing", Gtk.IconSize.DIALOG)
        else:
            self.picture.set_from_pixbuf(thumbnail.scale_simple(self._side, self._side, GdkPixbuf.InterpType.BILINEAR))

    def set_favourite(self, on: bool) -> None:
        """Mark it as one of the user's favourites, or not."""
        self._label.set_text(f"★ {self.name}" if on else self.name)
