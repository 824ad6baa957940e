"""The list under the gallery when several styles are mixed: how much of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GLib, Gtk

from common.translation import _
from dialog.parts.widgets import let_wheel_scroll, put, remove_button
from styles import gallery_folders

#: A style's share when it joins the mix; only the ratios between shares matter.
SHARE = 50.0
_ROW = 38
_LEAST_SCALE = 110  # pixels, with its number: in large type no room would be left to drag it


class Mixing(Gtk.Box):
    """A share for each chosen style; shown only when there are two or more.

    ``changed`` is called when the user moves a share, ``removed`` with the key of a style to leave out.
    """

    def __init__(self, changed: Callable[[], None], removed: Callable[[str], None]) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=3, no_show_all=True)
        self._changed, self._removed = changed, removed
        self._shares: dict[str, Gtk.Adjustment] = {}
        self._keys: list[str] = []
        self._rows = Gtk.Grid(column_spacing=9)
        title = Gtk.Label(label=_("Mix of the chosen styles"), xalign=0.0)
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
        scrolled.add(self._rows)
        self._scrolled = scrolled
        for widget in (title, scrolled):
            self.pack_start(widget, False, False, 0)
            widget.show_all()

    def set_styles(self, keys: Sequence[str], weights: Mapping[str, float] | None = None) -> None:
        """Show these styles; ``weights`` are shares from 0 to 1 for those whose share is to change."""
        for key, weight in (weights or {}).items():
            if key in self._shares:
                self._shares[key].set_value(100.0 * weight)
            else:
                self._share(key, 100.0 * weight)
        if list(keys) != self._keys:
            self._keys = list(keys)
            self._build()
        put(self, visible=len(self._keys) > 1)

    def rename(self, old: str, new: str) -> None:
        """Go on with a style under another key."""
        if old in self._shares:
            self._shares[new] = self._shares.pop(old)
        if old in self._keys:
            self._keys = [new if key == old else key for key in self._keys]
            self._build()

    def weights(self) -> dict[str, float]:
        """Return every chosen style's weight; they sum to 1 unless all shares are 0, which counts as equal."""
        if len(self._keys) == 1:
            return {self._keys[0]: 1.0}
        shares = {key: self._share(key).get_value() for key in self._keys}
        whole = sum(shares.values())
        return {key: round(share / whole, 4) if whole else 1.0 / len(shares) for key, share in shares.items()}

    def _share(self, key: str, value: float = SHARE) -> Gtk.Adjustment:
        if key not in self._shares:
            self._shares[key] = Gtk.Adjustment(
                value=min(max(value, 0.0), 100.0), lower=0.0, upper=100.0, step_increment=1.0, page_increment=10.0
            )
            self._shares[key].connect("value-changed", lambda *_: self._changed())
        return self._shares[key]

    def _build(self) -> None:
        for child in self._rows.get_children():
            child.destroy()
        for row, key in enumerate(self._keys):
            name = gallery_folders.name_of(key)
            label = Gtk.Label(label=name, xalign=0.0, ellipsize=3, max_width_chars=16, tooltip_text=name)
            scale = Gtk.Scale(adjustment=self._share(key), digits=0, value_pos=Gtk.PositionType.RIGHT, hexpand=True)
            scale.set_size_request(_LEAST_SCALE, -1)
            scale.get_accessible().set_name(_("Share of {style}").format(style=name))
            words = _("Remove “{style}” from the mix").format(style=name)
            remove = remove_button(words, partial(GLib.idle_add, self._leave_out, key))
            for column, widget in enumerate((label, scale, remove)):
                self._rows.attach(widget, column, row, 1, 1)
        let_wheel_scroll(self._rows)
        self._rows.show_all()
        self._scrolled.set_min_content_height(_ROW * min(len(self._keys), 3))  # the gallery keeps most of the room

    def _leave_out(self, key: str) -> bool:
        self._removed(key)
        return GLib.SOURCE_REMOVE
