"""What the dialog shows when it is opened on results: where the new picture goes, and what the user should know."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import GimpUi, Gtk

from canvas import strokes
from common import arguments
from painting.editing import Editing


class EditingView(Gtk.Box):
    """The choice between updating and a new layer; with strokes on a result, what becomes of them.

    Args:
        aligned: the label of a setting, which stands under these ones.
    """

    def __init__(self, editing: Editing, window: GimpUi.ProcedureDialog, aligned: Gtk.Widget | None) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6, margin_bottom=6)
        names = [arguments.TARGET]
        if any(strokes.marks_on(layer, editing.known[layer.get_id()]) is not None for layer in editing.layers):
            names.append(arguments.STROKES)
        self._aligned = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
        widgets = [window.get_widget(name, Gtk.ComboBox.__gtype__) for name in names]
        labels = [each.get_label() for each in widgets if isinstance(each, GimpUi.Labeled)]
        for label in (*labels, *([aligned] if aligned is not None else [])):
            self._aligned.add_widget(label)
        self.pack_start(window.fill_box("editing-box", names), False, False, 0)
        for text in editing.words():
            label = Gtk.Label(label=text, wrap=True, max_width_chars=36, xalign=0.0)
            label.get_style_context().add_class("dim-label")
            self.pack_start(label, False, False, 0)
        self.show_all()
