"""How many pictures are painted of a layer: one, variations of it, or every combination of some settings' values."""

from __future__ import annotations

import math
from collections.abc import Callable

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Gimp, GimpUi, GLib, Gtk

from common import arguments
from common.translation import _, counted
from dialog.parts.room import let_shrink
from dialog.parts.widgets import OwnChange, let_wheel_scroll, put
from dialog.settings.axis_row import AxisRow, first_values
from painting.variations import MOST_COMBINATIONS
from stylecore.errors import StyleError
from stylecore.grids import Axis, parse_axes, parse_axis
from stylecore.settings import BY_NAME

_ONE, _VARIATIONS, _EXPLORE = "one", "variations", "explore"
#: How many variations there are at first, and the settings that are explored first.
_FIRST_NUMBER, _FIRST_EXPLORED = 4, ("strength", "brush_size")
#: As many settings as a grid of pictures has directions.
_MOST_AXES = 2


class Several(Gtk.Box):
    """Chooses it, and keeps the procedure's arguments the same; ``changed`` is called where :attr:`mistake` may differ.

    Args:
        aligned: the label of a setting, which this one's stands under.
    """

    def __init__(
        self,
        config: Gimp.ProcedureConfig,
        window: GimpUi.ProcedureDialog,
        aligned: Gtk.Widget | None,
        changed: Callable[[], object],
    ) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6, margin_top=6)
        self._config = config
        self._changed: Callable[[], object] = lambda: None  # not before the dialog is built
        self._own = OwnChange()
        #: What is wrong with what is typed, which is not in the arguments then; empty if nothing is.
        self.mistake = ""
        self._which = Gtk.ComboBoxText()
        self._which.append(_ONE, _("One"))
        self._which.append(_VARIATIONS, _("Variations"))
        self._which.append(_EXPLORE, _("Explore settings"))
        self._which.set_tooltip_text(
            _("How many pictures to paint of each layer; more than one become a layer group with the first visible")
        )
        self._which.connect("changed", lambda *_: self._choose(self._which.get_active_id()))
        let_shrink(self._which)
        label = Gtk.Label(label=_("Pictures"), xalign=0.0, mnemonic_widget=self._which)
        self._aligned = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
        for each in (label, *([aligned] if aligned is not None else [])):
            self._aligned.add_widget(each)
        line = Gtk.Box(spacing=6)
        line.pack_start(label, False, False, 0)
        line.pack_start(self._which, True, True, 0)
        self._variations = Gtk.Box(no_show_all=True, margin_start=12)
        window.get_widget(arguments.VARY, Gtk.ComboBox.__gtype__)
        box = window.fill_box("variations-box", [arguments.VARIANTS, arguments.VARY])
        let_shrink(box)
        box.show_all()
        self._variations.pack_start(box, True, True, 0)
        self._rows: list[AxisRow] = []
        self._explore = self._build_explore()
        for widget in (line, self._variations, self._explore):
            self.pack_start(widget, False, False, 0)
        for name in arguments.OF_VARIATIONS:
            config.connect(f"notify::{name}", lambda *_: self._follow())
        self._read()
        self._changed = changed

    def _build_explore(self) -> Gtk.Widget:
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, no_show_all=True, margin_start=12)
        self._axes = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._number = Gtk.Label(xalign=0.0, wrap=True, max_width_chars=24)
        self._number.get_style_context().add_class("dim-label")
        self._more = Gtk.Button(label=_("Another Setting"), valign=Gtk.Align.START)
        self._more.set_tooltip_text(_("Every combination of both settings' values is painted"))
        self._more.connect("clicked", lambda *_: self._add())
        line = Gtk.Box(spacing=6)
        line.pack_start(self._number, True, True, 0)
        line.pack_end(self._more, False, False, 0)
        for widget in (self._axes, line):
            box.pack_start(widget, False, False, 0)
            widget.show_all()
        return box

    # What the user does

    def _choose(self, which: str) -> None:
        if self._own:
            return
        if which == _EXPLORE and not self._rows:
            self._show_axes([_first_axis(_FIRST_EXPLORED[0])])
        number = self._config.get_property(arguments.VARIANTS)
        with self._own:
            self._config.set_property(
                arguments.VARIANTS, (number if number > 1 else _FIRST_NUMBER) if which == _VARIATIONS else 1
            )
        self._show_which(which)
        self._write()

    def _add(self) -> None:
        taken = [row.name for row in self._rows]
        self._append(_first_axis(next(name for name in _FIRST_EXPLORED if name not in taken)))
        self._rows[-1].child_focus(Gtk.DirectionType.TAB_FORWARD)
        self._write()

    def _remove(self, row: AxisRow) -> None:
        self._rows.remove(row)
        GLib.idle_add(row.destroy)  # not while its button is being clicked
        if self._rows:
            self._write()
        else:
            self._which.set_active_id(_ONE)

    def _write(self) -> None:
        """Bring the argument in line with the rows, unless they cannot be understood."""
        exploring = self._which.get_active_id() == _EXPLORE
        self.mistake = self._find_mistake() if exploring else ""
        if not self.mistake:
            words = " ".join(row.words for row in self._rows) if exploring else ""
            if words != (self._config.get_property(arguments.EXPLORE) or ""):
                with self._own:
                    self._config.set_property(arguments.EXPLORE, words)
        put(self._more, sensitive=len(self._rows) < _MOST_AXES)
        self._changed()

    def _find_mistake(self) -> str:
        """Return what keeps the rows from being painted, and say it under them, or else how many pictures they make."""
        wrong = [said for row in self._rows if (said := row.mistake())]
        if not wrong and len({row.name for row in self._rows}) < len(self._rows):
            wrong = [_("Choose two different settings.")]
        number = 0
        if not wrong:
            number = math.prod(len(axis.values) for axis in parse_axes(" ".join(row.words for row in self._rows)))
            if number > MOST_COMBINATIONS:
                wrong = [
                    _("That would be {number} pictures; at most {most} are painted.").format(
                        number=number, most=MOST_COMBINATIONS
                    )
                ]
        said = wrong[0] if wrong else counted("{number} picture of each layer", "{number} pictures of each layer", number)
        put(self._number, label=said)
        return wrong[0] if wrong else ""

    # What someone else wrote: a preset, a reset, a result that was opened

    def _follow(self) -> None:
        if not self._own:
            self._read()

    def _read(self) -> None:
        explore = (self._config.get_property(arguments.EXPLORE) or "").strip()
        try:
            axes = parse_axes(explore)
        except StyleError:  # of another version
            axes = []
        if explore != " ".join(row.words for row in self._rows):
            self._show_axes(axes[:_MOST_AXES])
        counting = self._which.get_active_id() == _VARIATIONS and self._variations.get_focus_child() is not None
        several = self._config.get_property(arguments.VARIANTS) > 1 or counting  # down to 1 and up again
        self._show_which(_EXPLORE if self._rows and explore else _VARIATIONS if several else _ONE)
        self._write()

    def _show_axes(self, axes: list[Axis]) -> None:
        for row in self._rows:
            row.destroy()
        self._rows = []
        for axis in axes:
            self._append(axis)

    def _append(self, axis: Axis) -> None:
        row = AxisRow(axis, self._write, self._remove)
        let_wheel_scroll(row)
        self._rows.append(row)
        self._axes.pack_start(row, False, False, 0)

    def _show_which(self, which: str) -> None:
        with self._own:
            self._which.set_active_id(which)
        put(self._variations, visible=which == _VARIATIONS)
        put(self._explore, visible=which == _EXPLORE)


def _first_axis(name: str) -> Axis:
    return parse_axis(f"{name}={','.join(first_values(BY_NAME[name]))}")
