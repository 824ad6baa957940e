"""The gallery of styles: thumbnails to choose one from, or several to mix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GdkPixbuf, GLib, Gtk

from common.translation import _
from dialog.parts.room import text_height
from styles import gallery_folders, thumbnails

_COLUMNS = 3
_BESIDE = 10  # pixels by which a name may be wider than its picture

_CSS = b"""
.neural-style-gallery flowboxchild { border: 3px solid transparent; border-radius: 6px; padding: 2px; }
.neural-style-gallery label { font-size: smaller; }
.neural-style-gallery flowboxchild:hover { border-color: alpha(@theme_selected_bg_color, 0.4); }
.neural-style-gallery flowboxchild:selected {
  border-color: #3584e4; background-color: alpha(#3584e4, 0.25); color: inherit;
}
"""


class _Tiles(Gtk.FlowBox):
    """A flow box that is one stop on the way of the Tab key; from tile to tile go the arrows."""

    def do_focus(self, direction: Gtk.DirectionType) -> bool:
        """Move the keyboard as GTK asks, and return whether it stays within."""
        if direction not in (Gtk.DirectionType.TAB_FORWARD, Gtk.DirectionType.TAB_BACKWARD):
            return Gtk.FlowBox.do_focus(self, direction)
        if self.get_focus_child() is not None:
            return False
        return self.enter()

    def enter(self) -> bool:
        """Give the keyboard to the selected tile, or to the first; return whether there is one."""
        tiles = [tile for tile in self.get_selected_children() or self.get_children() if tile.get_child_visible()]
        if tiles:
            tiles[0].grab_focus()
        return bool(tiles)


class Gallery(Gtk.Box):
    """Thumbnails of styles by their keys (see :mod:`styles`), with a box to show only some of them.

    ``picked`` is called with the keys when the user selects; ``activated`` on a double click or Return.
    """

    def __init__(self, picked: Callable[[list[str]], None], activated: Callable[[], None]) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._picked = picked
        self._tiles: dict[str, Gtk.FlowBoxChild] = {}
        self._thumbnails = thumbnails.Thumbnails(self._show_thumbnail)
        self.connect("destroy", lambda *_: self._thumbnails.close())

        self._filter = Gtk.ComboBoxText()
        for kind, label in gallery_folders.KINDS:
            self._filter.append(kind, label)
        self._filter.set_active_id(gallery_folders.ALL)
        self._filter.set_tooltip_text(_("Which styles to show"))
        self._filter.get_accessible().set_name(_("Which styles to show"))
        self._filter.connect("changed", lambda *_: self._box.invalidate_filter())
        title = Gtk.Label(xalign=0.0)
        title.set_markup(f"<b>{_('Style')}</b>")
        top = Gtk.Box(spacing=12)
        top.pack_start(title, True, True, 0)
        top.pack_end(self._filter, False, False, 0)
        self.pack_start(top, False, False, 0)
        self.top = top
        self.pack_start(self._build_box(activated), True, True, 0)
        recent = gallery_folders.recent()
        for path in gallery_folders.in_folders(recent):
            self.add_style(path)

    def _build_box(self, activated: Callable[[], None]) -> Gtk.Widget:
        self._box = _Tiles(
            selection_mode=Gtk.SelectionMode.MULTIPLE,
            activate_on_single_click=False,
            homogeneous=True,
            min_children_per_line=2,
            max_children_per_line=8,
            valign=Gtk.Align.START,
        )
        self._box.get_style_context().add_class("neural-style-gallery")
        self._box.get_accessible().set_name(_("Styles"))
        provider = Gtk.CssProvider()
        provider.load_from_data(_CSS)
        Gtk.StyleContext.add_provider_for_screen(self.get_screen(), provider, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)
        self._box.set_filter_func(
            lambda tile: gallery_folders.is_of(tile.key, self._filter.get_active_id() or gallery_folders.ALL)
        )
        self._box.connect("key-press-event", self._on_key)
        self._handler = self._box.connect("selected-children-changed", self._on_selected)
        self._box.connect("child-activated", lambda *_: activated())
        self._scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER, shadow_type=Gtk.ShadowType.IN)
        self._take(_COLUMNS, 2)
        self._scrolled.add(self._box)
        return self._scrolled

    def _take(self, columns: int, rows: int) -> None:
        """Take room for so many tiles at the least."""
        self._box.set_min_children_per_line(columns)
        height = thumbnails.SIZE + text_height(self, 2) + 14
        self._scrolled.set_size_request(columns * (thumbnails.SIZE + 22) + 4, rows * height)

    def make_small(self) -> None:
        """Take less room, for a narrow screen."""
        self._take(_COLUMNS - 1, 2)

    def make_flat(self) -> None:
        """Be wide and low, to stand above the preview."""
        self._take(_COLUMNS - 1, 1)

    def select(self, keys: Sequence[str]) -> None:
        """Mark the styles as chosen, adding those that are not in the gallery."""
        if set(keys) != {tile.key for tile in self._box.get_selected_children()}:
            with self._box.handler_block(self._handler):
                self._box.unselect_all()
                for key in keys:
                    self.add_style(key, first=True)
                    self._box.select_child(self._tiles[key])
        if keys:
            GLib.idle_add(self._reveal, self._tiles[keys[-1]])

    def focus(self) -> None:
        """Give the keyboard to the selected style, or to the first."""
        self._box.enter()

    def add_style(self, key: str, *, first: bool = False) -> None:
        """Show a style that is not there yet."""
        if key in self._tiles:
            return
        name = gallery_folders.name_of(key)
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        picture = Gtk.Image.new_from_icon_name("image-x-generic", Gtk.IconSize.DIALOG)
        picture.set_size_request(thumbnails.SIZE, thumbnails.SIZE)
        label = Gtk.Label(
            label=name,
            wrap=True,
            lines=2,
            ellipsize=3,
            max_width_chars=1,  # no wider than the picture, in any font
            justify=Gtk.Justification.CENTER,
            valign=Gtk.Align.START,
        )
        label.set_size_request(thumbnails.SIZE + _BESIDE, -1)
        column.pack_start(picture, False, False, 0)
        column.pack_start(label, False, False, 0)
        tile = Gtk.FlowBoxChild(tooltip_text=gallery_folders.tooltip(key), valign=Gtk.Align.START, halign=Gtk.Align.CENTER)
        tile.add(column)
        tile.picture, tile.key = picture, key
        tile.get_accessible().set_name(name)
        tile.show_all()
        self._box.insert(tile, 0 if first else -1)
        self._tiles[key] = tile
        if gallery_folders.is_file(key):
            self._thumbnails.want(key)
        else:
            self._show_thumbnail(key, gallery_folders.thumbnail_in_gimp(key))

    def _show_thumbnail(self, key: str, thumbnail: GdkPixbuf.Pixbuf | None) -> None:
        tile = self._tiles[key]
        if thumbnail is None:
            tile.picture.set_from_icon_name("image-missing", Gtk.IconSize.DIALOG)
        else:
            tile.picture.set_from_pixbuf(thumbnail)

    def _reveal(self, tile: Gtk.FlowBoxChild) -> bool:
        place, seen = tile.get_allocation(), self._scrolled.get_vadjustment()
        seen.clamp_page(place.y, place.y + place.height)
        return GLib.SOURCE_REMOVE

    def _on_key(self, box: Gtk.FlowBox, event: Gdk.EventKey) -> bool:
        """Let Space select the style, which GTK would activate; with Ctrl, one more or one less."""
        tile = box.get_focus_child()
        held = event.state & Gtk.accelerator_get_default_mod_mask()
        if event.keyval != Gdk.KEY_space or held & ~Gdk.ModifierType.CONTROL_MASK or tile is None:
            return Gdk.EVENT_PROPAGATE
        if held and tile.is_selected():
            box.unselect_child(tile)
        else:
            if not held:
                with box.handler_block(self._handler):
                    box.unselect_all()
            box.select_child(tile)
        return Gdk.EVENT_STOP

    def _on_selected(self, box: Gtk.FlowBox) -> None:
        chosen = [tile.key for tile in box.get_selected_children()]
        if chosen:
            self._picked(chosen)
