"""How much room the dialog has: that of the screen it opens on, and what its text needs in the user's font."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Gdk, GimpUi, Gtk, Pango

#: What a window manager's frame takes of a screen, at most: pixels across and down.
_FRAME = (12, 36)


def room_on_screen() -> tuple[int, int]:
    """Return the width and height that a window can have where the mouse is, without its frame, in pixels."""
    display = Gdk.Display.get_default()
    _screen, x, y = display.get_default_seat().get_pointer().get_position()
    area = display.get_monitor_at_point(x, y).get_workarea()
    return area.width - _FRAME[0], area.height - _FRAME[1]


def text_width(widget: Gtk.Widget, characters: int) -> int:
    """Return the pixels that so many characters take in the widget's font."""
    metrics = widget.get_pango_context().get_metrics(None, None)
    return characters * metrics.get_approximate_char_width() // Pango.SCALE


def text_height(widget: Gtk.Widget, lines: int) -> int:
    """Return the pixels that so many lines take in the widget's font."""
    metrics = widget.get_pango_context().get_metrics(None, None)
    return lines * (metrics.get_ascent() + metrics.get_descent()) // Pango.SCALE


def let_shrink(widget: Gtk.Widget) -> None:
    """Let the combo boxes in ``widget`` be narrower than their longest entry, which is then cut off with an ellipsis."""
    if isinstance(widget, GimpUi.StringComboBox):
        widget.set_property("ellipsize", Pango.EllipsizeMode.END)
    elif isinstance(widget, Gtk.ComboBox):
        for cell in widget.get_cells():
            if isinstance(cell, Gtk.CellRendererText):
                cell.set_property("ellipsize", Pango.EllipsizeMode.END)
    elif isinstance(widget, Gtk.Container):
        widget.forall(let_shrink)


def scrolled_down(child: Gtk.Widget) -> Gtk.ScrolledWindow:
    """Return ``child`` in an area as high as it, or as there is room: then with a scroll bar that is always seen."""
    area = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER, overlay_scrolling=False)
    area.set_propagate_natural_height(True)
    area.add(child)
    return area
