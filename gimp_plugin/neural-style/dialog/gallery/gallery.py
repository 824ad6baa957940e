"""The gallery of styles: thumbnails to choose one from, or several to mix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GdkPixbuf, GLib, GObject, Gtk

from common.translation import _
from dialog.gallery.tile import BESIDE, Tile
from dialog.parts.room import let_shrink, text_height
from dialog.parts.widgets import put
from styles import gallery_folders, remembered, thumbnails

_COLUMNS = 3
#: Side of a tile's picture at the least, what a tile has around it, and by how much sides differ.
_SIDE, _AROUND, _STEP = 96, 12 + BESIDE, 8

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
    """Thumbnails of styles by their keys (see :mod:`styles`), with a box to show only some of them, and a search.

    ``picked`` is called with the keys when the user selects; ``activated`` on a double click or Return; ``ask`` to fill a
    menu for a style; ``others`` for the keys of images that are open.
    """

    def __init__(
        self,
        picked: Callable[[list[str]], None],
        activated: Callable[[], None],
        ask: Callable[[Gtk.Menu, str, Gtk.Widget], None],
        others: Callable[[], list[str]],
    ) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._picked, self._ask, self._others = picked, ask, others
        self._tiles: dict[str, Tile] = {}
        self._columns, self._side, self._grows = _COLUMNS, _SIDE, True
        self._favourites = remembered.favourites()
        self._thumbnails = thumbnails.Thumbnails(self._show_thumbnail)
        self.connect("destroy", lambda *_: self._thumbnails.close())
        self.top = self._build_top()
        self.pack_start(self.top, False, False, 0)
        self.pack_start(self._search, False, False, 0)
        self.pack_start(self._build_box(activated), True, True, 0)
        self.fill_kinds()
        for path in gallery_folders.in_folders(remembered.recent()):
            self.add_style(path)
        self._limit()

    def _build_top(self) -> Gtk.Box:
        self._filter = Gtk.ComboBoxText(tooltip_text=_("Which styles to show"))
        self._filter.get_accessible().set_name(_("Which styles to show"))
        self._filter.connect("changed", lambda *_: self._limit())
        self._entry = Gtk.SearchEntry(placeholder_text=_("Search styles"))
        self._entry.get_accessible().set_name(_("Search styles"))
        self._entry.connect("search-changed", lambda *_: self._limit())
        self._entry.connect("activate", lambda *_: self._box.enter())
        self._search = Gtk.SearchBar()
        self._search.add(self._entry)
        self._search.connect_entry(self._entry)
        find = Gtk.ToggleButton(relief=Gtk.ReliefStyle.NONE)
        find.set_tooltip_text(_("Search styles by name (or type in the gallery)"))
        find.add(Gtk.Image.new_from_icon_name("edit-find-symbolic", Gtk.IconSize.MENU))
        find.get_accessible().set_name(_("Search"))
        find.bind_property("active", self._search, "search-mode-enabled", GObject.BindingFlags.BIDIRECTIONAL)
        words = _("Style")
        title = Gtk.Label(xalign=0.0)
        title.set_markup(f"<b>{words}</b>")
        top = Gtk.Box(spacing=6)
        for button in (self._filter, find):
            button.set_valign(Gtk.Align.CENTER)
        top.pack_start(title, True, True, 0)
        top.pack_end(self._filter, False, False, 0)
        top.pack_end(find, False, False, 0)
        return top

    def fill_kinds(self) -> None:
        """Offer the kinds of styles that there are now; the one at hand stays."""
        chosen = self._filter.get_active_id() or gallery_folders.ALL
        self._filter.remove_all()
        for kind, label in gallery_folders.kinds():
            self._filter.append(kind, label)
        if not self._filter.set_active_id(chosen):
            self._filter.set_active_id(gallery_folders.ALL)

    def _build_box(self, activated: Callable[[], None]) -> Gtk.Widget:
        self._box = _Tiles(
            selection_mode=Gtk.SelectionMode.MULTIPLE,
            activate_on_single_click=False,
            homogeneous=True,
            min_children_per_line=2,
            max_children_per_line=24,
            valign=Gtk.Align.START,
        )
        self._box.get_style_context().add_class("neural-style-gallery")
        self._box.get_accessible().set_name(_("Styles"))
        provider = Gtk.CssProvider()
        provider.load_from_data(_CSS)
        Gtk.StyleContext.add_provider_for_screen(self.get_screen(), provider, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)
        self._box.set_filter_func(self._is_shown)
        self._box.connect("key-press-event", self._on_key)
        self._box.connect("button-press-event", self._on_button)
        self._box.connect("popup-menu", lambda box: self._open_menu(box.get_focus_child(), None))
        self._handler = self._box.connect("selected-children-changed", self._on_selected)
        self._box.connect("child-activated", lambda *_: activated())
        self._scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER, shadow_type=Gtk.ShadowType.IN)
        self._take(_COLUMNS, 2)
        self._scrolled.add(self._box)
        self._scrolled.connect("size-allocate", lambda _area, place: self._grow(place.width))
        self._none = Gtk.Label(wrap=True, max_width_chars=20, justify=Gtk.Justification.CENTER, no_show_all=True)
        self._none.get_style_context().add_class("dim-label")
        overlay = Gtk.Overlay()
        overlay.add(self._scrolled)
        overlay.add_overlay(self._none)
        overlay.set_overlay_pass_through(self._none, True)
        return overlay

    # How large

    def _take(self, columns: int, rows: int) -> None:
        """Take room for so many tiles at the least."""
        self._columns = columns
        self._box.set_min_children_per_line(columns)
        height = _SIDE + text_height(self, 2) + 14
        self._scrolled.set_size_request(columns * (_SIDE + _AROUND) + 4, rows * height)

    def make_small(self) -> None:
        """Take less room, for a narrow screen, and no more than that: the preview needs it."""
        self._grows = False
        self._take(_COLUMNS - 1, 2)

    def make_narrow(self) -> None:
        """Be one column of tiles, under each other what stands beside each other elsewhere."""
        self._take(1, 2)
        self.top.remove(self._filter)
        let_shrink(self._filter)
        self.pack_start(self._filter, False, False, 0)
        self.reorder_child(self._filter, 1)

    def spare_row(self, spare: bool) -> None:
        """Do with a row less at the least, where something below needs its room; or no longer."""
        self._take(self._columns, 1 if spare else 2)

    def _grow(self, width: int) -> None:
        """Let the tiles be as large as their columns leave them room for."""
        room = (width - 4) // self._columns - _AROUND
        side = min(max(_SIDE, room // _STEP * _STEP), thumbnails.SIZE) if self._grows else _SIDE
        if side != self._side:
            self._side = side
            GLib.idle_add(self._resize)  # not while sizes are being given

    def _resize(self) -> bool:
        for tile in self._tiles.values():
            tile.set_side(self._side)
        return GLib.SOURCE_REMOVE

    # Which are shown

    def _is_shown(self, tile: Tile) -> bool:
        kind, words = self._filter.get_active_id() or gallery_folders.ALL, self._entry.get_text().casefold().split()
        name = tile.name.casefold()
        return gallery_folders.is_of(tile.key, kind, self._favourites) and all(word in name for word in words)

    def _limit(self) -> None:
        if self._filter.get_active_id() == gallery_folders.OPEN:
            for key in self._others():
                self.add_style(key)
        self._box.invalidate_filter()
        left = any(tile.get_child_visible() for tile in self._tiles.values())
        if not left:
            if self._entry.get_text():
                text = _("No style has this in its name.")
            elif self._filter.get_active_id() == gallery_folders.OPEN:
                text = _("No other image is open.")
            elif self._filter.get_active_id() == gallery_folders.FAVOURITES:
                text = _("Click a style with the right mouse button to make it a favorite.")
            else:
                text = _("Drop picture files here to add them to your styles.")
            put(self._none, label=text)
        put(self._none, visible=not left)

    def set_favourite(self, key: str, on: bool) -> None:
        """Mark a style as a favourite, or not."""
        self._favourites = remembered.favourites()
        self._tiles[key].set_favourite(on)
        self._limit()

    def replace(self, key: str, new: str | None) -> None:
        """Show a style under another key, or no longer."""
        tile = self._tiles.pop(key)
        place = tile.get_index()
        with self._box.handler_block(self._handler):
            tile.destroy()
        self._favourites = remembered.favourites()
        if new is not None:
            self.add_style(new, place=place)
        self.fill_kinds()

    def tile(self, key: str) -> Gtk.Widget:
        """Return what shows a style."""
        return self._tiles[key]

    def select(self, keys: Sequence[str]) -> None:
        """Mark the styles as chosen, adding those that are not in the gallery."""
        if set(keys) != {tile.key for tile in self._box.get_selected_children()}:
            with self._box.handler_block(self._handler):
                self._box.unselect_all()
                for key in keys:
                    self.add_style(key, place=0)
                    self._box.select_child(self._tiles[key])
        if keys:
            GLib.idle_add(self._reveal, keys[-1])

    def focus(self) -> None:
        """Give the keyboard to the selected style, or to the first."""
        self._box.enter()

    def add_style(self, key: str, *, place: int = -1) -> None:
        """Show a style that is not there yet; the first of all has the place 0."""
        if key in self._tiles:
            return
        tile = self._tiles[key] = Tile(key, self._side, favourite=key in self._favourites)
        self._box.insert(tile, place)
        if gallery_folders.is_file(key):
            self._thumbnails.want(key)
        else:
            self._show_thumbnail(key, gallery_folders.thumbnail_in_gimp(key))

    def _show_thumbnail(self, key: str, thumbnail: GdkPixbuf.Pixbuf | None) -> None:
        if key in self._tiles:  # it may have been removed meanwhile
            self._tiles[key].set_thumbnail(thumbnail)

    def _reveal(self, key: str) -> bool:
        if key in self._tiles:
            place, seen = self._tiles[key].get_allocation(), self._scrolled.get_vadjustment()
            seen.clamp_page(place.y, place.y + place.height)
        return GLib.SOURCE_REMOVE

    # What the user does

    def _open_menu(self, tile: Tile | None, event: Gdk.Event | None) -> bool:
        if tile is None:
            return False
        menu = Gtk.Menu()
        menu.attach_to_widget(self._box, None)
        self._ask(menu, tile.key, tile)
        if menu.get_children():
            menu.show_all()
            if event is None:
                menu.popup_at_widget(tile, Gdk.Gravity.CENTER, Gdk.Gravity.NORTH_WEST, None)
            else:
                menu.popup_at_pointer(event)
        return True

    def _on_button(self, box: Gtk.FlowBox, event: Gdk.EventButton) -> bool:
        if event.button != Gdk.BUTTON_SECONDARY or event.type != Gdk.EventType.BUTTON_PRESS:
            return Gdk.EVENT_PROPAGATE
        return self._open_menu(box.get_child_at_pos(int(event.x), int(event.y)), event)

    def _on_key(self, box: Gtk.FlowBox, event: Gdk.EventKey) -> bool:
        """Let Space select the style, which GTK would activate; with Ctrl, one more or less. Letters are searched for."""
        tile = box.get_focus_child()
        held = event.state & Gtk.accelerator_get_default_mod_mask()
        if tile is not None and held == Gdk.ModifierType.CONTROL_MASK and event.keyval in (Gdk.KEY_Up, Gdk.KEY_Down):
            return self._go(tile, 1 if event.keyval == Gdk.KEY_Down else -1)
        if event.keyval != Gdk.KEY_space or held & ~Gdk.ModifierType.CONTROL_MASK or tile is None:
            return bool(event.keyval != Gdk.KEY_space and self._search.handle_event(event))
        if held and tile.is_selected():
            box.unselect_child(tile)
        else:
            if not held:
                with box.handler_block(self._handler):
                    box.unselect_all()
            box.select_child(tile)
        return Gdk.EVENT_STOP

    def _go(self, tile: Tile, rows: int) -> bool:
        """Give the keyboard to the tile above or below without selecting it, which GTK does not from row to row."""
        column = [each for each in self._box.get_children() if each.get_child_visible()]
        column = [each for each in column if each.get_allocation().x == tile.get_allocation().x]
        place = column.index(tile) + rows
        if 0 <= place < len(column):
            column[place].grab_focus()
        return Gdk.EVENT_STOP

    def _on_selected(self, box: Gtk.FlowBox) -> None:
        chosen = [tile.key for tile in box.get_selected_children()]
        if chosen:
            self._picked(chosen)
