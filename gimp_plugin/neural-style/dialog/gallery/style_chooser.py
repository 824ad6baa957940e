"""The left of the dialog: the gallery, the ways to other styles, and the mix of several."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, Gio, GLib, Gtk

from common import arguments
from common.errors import PluginError
from common.translation import _
from dialog.gallery.gallery import Gallery
from dialog.gallery.mix import Mixing
from dialog.gallery.style_actions import StyleActions
from dialog.parts.complaint import complain
from dialog.parts.menus import MenuButton, add_item, item_words
from dialog.parts.widgets import OwnChange
from styles import gallery_folders, own_styles, style_arguments

#: Pixels of the small pictures in the menu.
_MENU_PICTURE = 32
#: Letters of the hint on a small screen; the rest is in its tooltip.
_HINT_SMALL = 12


class StyleChooser(Gtk.Box):
    """Chooses one or several styles and keeps the procedure's arguments the same; ``changed`` is called after that.

    ``activated`` is called when the user wants the chosen style applied at once.
    """

    def __init__(
        self,
        config: Gimp.ProcedureConfig,
        image: Gimp.Image,
        changed: Callable[[], None],
        activated: Callable[[], None],
        window: Gtk.Window,
    ) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._config, self._changed, self._window = config, changed, window
        self._keys: list[str] = []
        self._own = OwnChange()
        self._actions = StyleActions(window, self._moved, self._added, lambda key, on: self._gallery.set_favourite(key, on))
        self._gallery = Gallery(self._pick, activated, self._actions.fill, lambda: gallery_folders.open_images(image))
        self._mixing = Mixing(self._write, self._leave_out)
        for signal in ("show", "hide", "parent-set"):
            self._mixing.connect(signal, lambda *_: self._gallery.spare_row(self._mixing_below))
        words = _("Ctrl+click to mix styles")
        hint = self._hint = Gtk.Label(label=words, tooltip_text=words, xalign=0.0, ellipsize=3, wrap=True, lines=2)
        hint.get_style_context().add_class("dim-label")
        words = _(
            "Use a picture file, a layer, an open image, the selection or the clipboard as a style; with Ctrl, in a mix"
        )
        more = MenuButton(_("Other St_yle"), words, self._fill_menu)
        self.top = self._gallery.top
        self._row, self._more = Gtk.Box(spacing=12), more
        self._row.pack_start(hint, True, True, 0)
        self._row.pack_end(more, False, False, 0)
        self.pack_start(self._gallery, True, True, 0)
        self.pack_start(self._mixing, False, False, 0)
        self.pack_start(self._row, False, False, 0)
        self.drag_dest_set(Gtk.DestDefaults.ALL, [], Gdk.DragAction.COPY)
        self.drag_dest_add_uri_targets()
        self.connect("drag-data-received", self._on_dropped)
        for name in arguments.OF_STYLES:
            config.connect(f"notify::{name}", lambda *_: self._follow())
        self._read()

    def weights(self) -> dict[str, float]:
        """Return the keys of the chosen styles with their weights; nothing chosen gives an empty one."""
        return {key: weight for key, weight in self._mixing.weights().items() if weight > 0} if self._keys else {}

    @property
    def _mixing_below(self) -> bool:
        return bool(self._mixing.get_visible()) and self._mixing.get_parent() is self

    def focus(self) -> None:
        """Give the keyboard to the gallery."""
        self._gallery.focus()

    def make_small(self) -> None:
        """Take less room, for a narrow screen."""
        self._gallery.make_small()
        self._hint.set_max_width_chars(_HINT_SMALL)

    def make_narrow(self) -> Gtk.Widget:
        """Take as little of the width as can be; return the list of the mix, for which there is no room then."""
        self._gallery.make_narrow()
        self._row.remove(self._hint)
        self._row.set_child_packing(self._more, True, True, 0, Gtk.PackType.END)
        self.remove(self._mixing)
        return self._mixing

    # The user chooses

    def _pick(self, keys: list[str]) -> None:
        # Those chosen before keep their places: the first gives its name to the result.
        self._set([key for key in self._keys if key in keys] + [key for key in keys if key not in self._keys])

    def _take(self, keys: list[str]) -> None:
        """Choose what a menu offers; with Ctrl held, as in the gallery, beside what is chosen."""
        held, state = Gtk.get_current_event_state()
        if held and state & Gdk.ModifierType.CONTROL_MASK:
            keys = list(dict.fromkeys([*self._keys, *keys]))
        self._set(keys)

    def _leave_out(self, key: str) -> None:
        self._set([other for other in self._keys if other != key])

    def _set(self, keys: list[str]) -> None:
        self._keys = keys
        self._gallery.select(keys)
        self._mixing.set_styles(keys)
        self._write()

    def _write(self) -> None:
        with self._own:
            style_arguments.store(self._config, self._mixing.weights() if self._keys else {})
        self._changed()

    def _follow(self) -> None:
        """Take over what someone else wrote into the arguments: a preset, or a reset."""
        if not self._own:
            self._read()
            self._changed()

    def _read(self) -> None:
        try:
            keys = style_arguments.keys_of(self._config)
            weights = style_arguments.weights_of(self._config, len(keys))
        except PluginError:  # a style of the last run is gone
            keys, weights = [], []
        self._keys = list(dict.fromkeys(keys))
        whole = sum(weights) or 1.0
        shares = {key: weight / whole for key, weight in zip(keys, weights, strict=True)}
        self._gallery.select(self._keys)
        self._mixing.set_styles(self._keys, shares if len(keys) > 1 else None)

    # Other sources

    def _fill_menu(self, menu: Gtk.Menu) -> None:
        add_item(menu, _("_Add Pictures to My Styles…"), lambda: self._choose_files(copy=True))
        add_item(menu, _("Use a Picture _File…"), lambda: self._choose_files(copy=False))
        paste = add_item(menu, _("Use the _Clipboard"), self._use_clipboard)
        paste.set_sensitive(Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).wait_is_image_available())
        menu.append(Gtk.SeparatorMenuItem())
        for name, entries in gallery_folders.open_in_gimp():
            submenu = Gtk.Menu()
            pictures = {key: gallery_folders.small_picture(key, _MENU_PICTURE) for _label, key in entries}
            for label, key in entries:
                add_item(submenu, label, partial(self._take, [key]), underline=False, picture=pictures[key])
            item = Gtk.MenuItem()
            item.add(item_words(name, picture=pictures[entries[0][1]]))
            item.set_submenu(submenu)
            menu.append(item)
        if len(self._keys) == 1:
            menu.append(Gtk.SeparatorMenuItem())
            self._actions.fill(menu, self._keys[0], self._gallery.tile(self._keys[0]))
        menu.show_all()

    def _use_clipboard(self) -> None:
        clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
        found = clipboard.wait_for_contents(Gdk.Atom.intern("image/png", False))
        data = found.get_data() if found is not None else b""
        if not data and (picture := clipboard.wait_for_image()) is not None:
            data = picture.save_to_bufferv("png", [], [])[1]
        try:
            if not data:
                raise PluginError(_("There is no picture in the clipboard."), _("Copy one first."))
            self._added([own_styles.add_bytes(bytes(data), _("Clipboard"), ".png")])
        except PluginError as error:
            complain(self._window, error)

    # What became of own styles

    def _added(self, keys: list[str]) -> None:
        self._gallery.fill_kinds()
        self._take(keys)

    def _moved(self, key: str, new: str | None) -> None:
        self._gallery.replace(key, new)
        if key not in self._keys:
            return
        if new is None:
            self._leave_out(key)
        else:
            self._mixing.rename(key, new)
            self._set([new if other == key else other for other in self._keys])

    def _choose_files(self, *, copy: bool) -> None:
        dialog = Gtk.FileChooserDialog(
            title=_("Add Styles") if copy else _("Choose a Style"),
            transient_for=self._window,
            action=Gtk.FileChooserAction.OPEN,
            select_multiple=True,
        )
        dialog.add_buttons(_("_Cancel"), Gtk.ResponseType.CANCEL, _("_Open"), Gtk.ResponseType.OK)
        dialog.set_default_response(Gtk.ResponseType.OK)
        pictures = Gtk.FileFilter()
        pictures.set_name(_("Pictures"))
        pictures.add_pixbuf_formats()
        for pattern in ("*.xcf", "*.psd", "*.ora", "*.exr", "*.hdr"):
            pictures.add_pattern(pattern)
        everything = Gtk.FileFilter()
        everything.set_name(_("All files"))
        everything.add_pattern("*")
        dialog.add_filter(pictures)
        dialog.add_filter(everything)
        paths = dialog.get_filenames() if dialog.run() == Gtk.ResponseType.OK else []
        dialog.destroy()

        if paths and copy:
            self._actions.add(paths)
        elif paths:
            self._take(paths)

    def _on_dropped(
        self, _w: Gtk.Widget, _context: Gdk.DragContext, _x: int, _y: int, data: Gtk.SelectionData, _i: int, _time: int
    ) -> None:
        paths = [Gio.File.new_for_uri(address).get_path() for address in data.get_uris() or []]
        found = [path for path in paths if path]
        if found:
            GLib.idle_add(self._add_dropped, found)  # where a message is shown, the drag has to be over

    def _add_dropped(self, paths: list[str]) -> bool:
        self._actions.add(paths)
        return GLib.SOURCE_REMOVE
