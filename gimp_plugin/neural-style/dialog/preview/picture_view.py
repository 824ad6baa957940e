"""A picture that one can look into, beside the one before: enlarged, moved, and divided by a handle."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GdkPixbuf, GLib, Gtk

from common.translation import _
from dialog.parts.widgets import OwnChange, put
from dialog.preview.looking import Looking

#: Returns the picture before, no larger than so many pixels on its longer side; None where it is gone.
Before = Callable[[int], GdkPixbuf.Pixbuf | None]
#: The picture before is read as large as a dialog shows it, and anew, as large as it may be, once it is enlarged.
_SMALL, _LARGE = 900, 4000

_LINE, _GRIP, _REACH = 2, (8, 36), 10  # of the handle, in pixels
_WHITE, _DARK, _CLEAR = 0xFFFFFFFF, 0x202020FF, 0x00000000
_PIXELS_FROM = 3.0  # of enlargement: below, they are smoothed
_STEP = 40  # pixels that an arrow key moves by


class PictureView(Gtk.ScrolledWindow):
    """Shows a painted picture and the one before it; ``zoomed`` is called when it is looked at another way.

    The wheel enlarges, dragging moves; the handle of a divided view is dragged, too. Keys: + and -, 0 to fit, 1 for its
    own size, and the arrows.
    """

    def __init__(self, zoomed: Callable[[], None]) -> None:
        # Nothing scrolls here: it lets the picture be larger than the room, until it is fitted to it.
        super().__init__(
            hscrollbar_policy=Gtk.PolicyType.EXTERNAL,
            vscrollbar_policy=Gtk.PolicyType.EXTERNAL,
            shadow_type=Gtk.ShadowType.IN,
            can_focus=False,
        )
        self._zoomed = zoomed
        self._looking = Looking()
        self._read: Before | None = None
        self._before: GdkPixbuf.Pixbuf | None = None
        self._painted: GdkPixbuf.Pixbuf | None = None
        self._compared = self._held = False
        self._split: float | None = None
        self._drag: tuple[str, float, float] | None = None
        self._shown: tuple[object, ...] = ()
        self._image = Gtk.Image()
        self._mouse = Gtk.EventBox(can_focus=True)
        self._mouse.get_accessible().set_name(_("The painting so far"))
        self._mouse.add_events(
            Gdk.EventMask.SCROLL_MASK | Gdk.EventMask.SMOOTH_SCROLL_MASK | Gdk.EventMask.POINTER_MOTION_MASK
        )
        self._mouse.add(self._image)
        self.add(self._mouse)
        self._mouse.connect("button-press-event", self._on_pressed)
        self._mouse.connect("button-release-event", self._on_released)
        self._mouse.connect("motion-notify-event", self._on_moved)
        self._mouse.connect("scroll-event", self._on_wheel)
        self._mouse.connect("key-press-event", self._on_key)
        for signal in ("focus-in-event", "focus-out-event"):
            self._mouse.connect(signal, lambda *_: self._show())
        self.connect("size-allocate", lambda *_: GLib.idle_add(self._fit, priority=GLib.PRIORITY_HIGH_IDLE))

    # What is shown

    def set_before(self, read: Before, size: tuple[int, int]) -> None:
        """Take the picture as it was, which is shown until there is a painted one; ``size`` is its own."""
        if size != self._looking.size:
            self._looking.size = (max(1, size[0]), max(1, size[1]))
            self._looking.look(None)
        self._read = read
        self._before = read(_LARGE if self._wants_large() else _SMALL)
        self._show()

    def show_picture(self, picture: GdkPixbuf.Pixbuf | None) -> None:
        """Show a painted picture of any size; None to go back to the one before."""
        self._painted = picture
        self._show()

    @property
    def painted(self) -> GdkPixbuf.Pixbuf | None:
        """The painted picture."""
        return self._painted

    def compare(self, on: bool) -> None:
        """Show the picture as it was, or what is painted again."""
        self._compared = on
        self._show()

    def divide(self, on: bool) -> None:
        """Show the picture as it was left of a handle, and what is painted right of it."""
        self._split = 0.5 if on else None
        self._show()

    @property
    def percent(self) -> int | None:
        """How large a pixel of the picture is on the screen; None while it is fitted."""
        return None if self._looking.zoom is None else round(100 * self._looking.zoom)

    @property
    def stretched(self) -> bool:
        """Whether one sees a painted picture larger than it is, while the result is going to have more pixels."""
        width = 0 if self._painted is None else self._painted.get_width()
        return 0 < width < min(self._looking.whole[0], self._looking.size[0]) and self._looking.zoom is not None

    def look(self, zoom: float | None) -> None:
        """See it at this zoom (1 is its own size); None fits it."""
        self._look(lambda: self._looking.look(zoom))

    def magnify(self, clicks: float) -> None:
        """Enlarge it by clicks of the wheel; with less than 0, reduce it."""
        self._look(lambda: self._looking.magnify(clicks))

    def _look(self, change: Callable[[], None]) -> None:
        change()
        if self._read is not None and self._before is not None and self._wants_large():
            longest = max(self._before.get_width(), self._before.get_height())
            if longest <= _SMALL < max(self._looking.size):
                self._before = self._read(_LARGE) or self._before
        self._show()
        self._zoomed()

    def _wants_large(self) -> bool:
        return self._looking.zoom is not None and max(self._looking.whole) > _SMALL

    def _fit(self) -> bool:
        """Fit it to the room that it was just given; GTK lets no size change while sizes are being given."""
        self._show()
        return GLib.SOURCE_REMOVE

    def _show(self) -> None:
        room, looking = self.get_allocation(), self._looking
        compared = self._compared or self._held or self._painted is None
        whole = self._before if compared else self._painted
        if whole is None or room.width < 8 or room.height < 8:
            return
        looking.room = (room.width - 4, room.height - 4)
        width, height = looking.seen
        at = None if compared or self._split is None or self._before is None else round(self._split * width)
        focused = bool(self._mouse.has_focus())
        wanted = (whole, self._before, at, looking.seen, looking.origin, looking.factor, focused)
        if wanted == self._shown:  # fitting it changes the allocation in turn
            return
        self._shown = wanted
        made = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, True, 8, width, height)
        made.fill(_CLEAR)
        self._paint(made, whole, at or 0, width)
        if at is not None and self._before is not None:
            self._paint(made, self._before, 0, at)
            _draw_handle(made, at)
        if focused:
            _draw_frame(made)
        self._image.set_from_pixbuf(made)

    def _paint(self, onto: GdkPixbuf.Pixbuf, picture: GdkPixbuf.Pixbuf, left: int, right: int) -> None:
        """Paint what is seen of a picture between two columns."""
        if right <= left:
            return
        (across, down), (x, y) = self._looking.whole, self._looking.origin
        by_x, by_y = across / picture.get_width(), down / picture.get_height()
        # Pixels show as such where they are the result's own, not where a small preview stands for them.
        own = picture.get_width() >= self._looking.size[0] and (self._looking.zoom or 0.0) >= _PIXELS_FROM
        kind = GdkPixbuf.InterpType.NEAREST if own else GdkPixbuf.InterpType.BILINEAR
        picture.scale(onto, left, 0, right - left, onto.get_height(), -x, -y, by_x, by_y, kind)

    # Mouse and keyboard

    def _place(self, event: Gdk.Event) -> tuple[float, float]:
        """Return where the mouse is in what is seen, which stands in the middle of the room."""
        room, (width, height) = self._mouse.get_allocation(), self._looking.seen
        return event.x - (room.width - width) / 2.0, event.y - (room.height - height) / 2.0

    def _on_handle(self, x: float) -> bool:
        return self._split is not None and abs(x - self._split * self._looking.seen[0]) <= _REACH

    def _on_pressed(self, _widget: Gtk.Widget, event: Gdk.EventButton) -> bool:
        if event.type != Gdk.EventType.BUTTON_PRESS or event.button not in (Gdk.BUTTON_PRIMARY, Gdk.BUTTON_MIDDLE):
            return Gdk.EVENT_PROPAGATE
        x, y = self._place(event)
        if event.button == Gdk.BUTTON_PRIMARY and self._on_handle(x):
            self._drag = ("handle", x, y)
        elif event.button == Gdk.BUTTON_PRIMARY and self._looking.movable:
            self._drag = ("picture", x, y)
        else:
            self._held = True
            self._show()
        return Gdk.EVENT_STOP

    def _on_released(self, _widget: Gtk.Widget, event: Gdk.EventButton) -> bool:
        if event.button not in (Gdk.BUTTON_PRIMARY, Gdk.BUTTON_MIDDLE):
            return Gdk.EVENT_PROPAGATE
        self._held, self._drag = False, None
        self._show()
        return Gdk.EVENT_STOP

    def _on_moved(self, widget: Gtk.Widget, event: Gdk.EventMotion) -> bool:
        x, y = self._place(event)
        if self._drag is None:
            name = "col-resize" if self._on_handle(x) else "grab" if self._looking.movable else "default"
            widget.get_window().set_cursor(Gdk.Cursor.new_from_name(widget.get_display(), name))
            return Gdk.EVENT_PROPAGATE
        what, was_x, was_y = self._drag
        if what == "handle":
            self._split = min(max(x / self._looking.seen[0], 0.0), 1.0)
        else:
            self._looking.move(was_x - x, was_y - y)
        self._drag = (what, x, y)
        self._show()
        return Gdk.EVENT_STOP

    def _on_wheel(self, _widget: Gtk.Widget, event: Gdk.EventScroll) -> bool:
        smooth, _across, down = event.get_scroll_deltas()
        if not smooth:
            down = {Gdk.ScrollDirection.UP: -1.0, Gdk.ScrollDirection.DOWN: 1.0}.get(event.direction, 0.0)
        if down:
            at = self._place(event)
            self._look(lambda: self._looking.magnify(-down, at))
        return Gdk.EVENT_STOP

    def _on_key(self, _widget: Gtk.Widget, event: Gdk.EventKey) -> bool:
        name = Gdk.keyval_name(event.keyval) or ""
        if event.state & Gtk.accelerator_get_default_mod_mask() & ~Gdk.ModifierType.SHIFT_MASK:
            return Gdk.EVENT_PROPAGATE
        arrows = {"Left": (-1, 0), "Right": (1, 0), "Up": (0, -1), "Down": (0, 1)}
        if name in ("plus", "KP_Add", "equal"):
            self.magnify(1.0)
        elif name in ("minus", "KP_Subtract"):
            self.magnify(-1.0)
        elif name in ("0", "KP_0"):
            self.look(None)
        elif name in ("1", "KP_1"):
            self.look(1.0)
        elif name in arrows and self._looking.movable:
            x, y = arrows[name]
            self._look(lambda: self._looking.move(x * _STEP, y * _STEP))
        elif name in ("Left", "Right") and self._split is not None:
            self._split = min(max(self._split + (0.05 if name == "Right" else -0.05), 0.0), 1.0)
            self._show()
        else:
            return Gdk.EVENT_PROPAGATE
        return Gdk.EVENT_STOP


class ZoomButtons(Gtk.Box):
    """*Fit* and *100 %* for a view, and how large it is otherwise."""

    def __init__(self) -> None:
        super().__init__(spacing=3)
        self.view = PictureView(self._follow)
        self._own = OwnChange()
        self._label = Gtk.Label(no_show_all=True)
        self._label.get_style_context().add_class("dim-label")
        self._fit = self._button(_("Fit"), _("See all of the picture (0)"), None)
        self._real = self._button(
            _("100 %"), _("See the picture at its own size (1); the wheel enlarges it, and dragging moves it"), 1.0
        )
        self.pack_start(self._label, False, False, 3)
        for button in (self._fit, self._real):
            self.pack_start(button, False, False, 0)
        self._follow()

    def _button(self, label: str, words: str, zoom: float | None) -> Gtk.ToggleButton:
        button = Gtk.ToggleButton(label=label, tooltip_text=words, relief=Gtk.ReliefStyle.NONE)
        button.connect("toggled", lambda *_: None if self._own else self.view.look(zoom))
        return button

    def _follow(self) -> None:
        percent = self.view.percent
        with self._own:
            put(self._fit, active=percent is None)
            put(self._real, active=percent == 100)
        put(self._label, label="" if percent is None else _("{number} %").format(number=percent))
        put(self._label, visible=percent not in (None, 100))


def _draw_handle(picture: GdkPixbuf.Pixbuf, at: int) -> None:
    """Draw a line at a column, with a grip in its middle."""
    height = picture.get_height()
    _fill(picture, at - _LINE // 2 - 1, 0, _LINE + 2, height, _DARK)
    _fill(picture, at - _LINE // 2, 0, _LINE, height, _WHITE)
    wide, high = _GRIP
    _fill(picture, at - wide // 2 - 1, (height - high) // 2 - 1, wide + 2, high + 2, _DARK)
    _fill(picture, at - wide // 2, (height - high) // 2, wide, high, _WHITE)


def _draw_frame(picture: GdkPixbuf.Pixbuf) -> None:
    """Draw a frame, by which one sees that the keys are the picture's."""
    width, height = picture.get_width(), picture.get_height()
    for inset, colour in ((0, _DARK), (1, _WHITE)):
        across, down = width - 2 * inset, height - 2 * inset
        _fill(picture, inset, inset, across, 1, colour)
        _fill(picture, inset, height - 1 - inset, across, 1, colour)
        _fill(picture, inset, inset, 1, down, colour)
        _fill(picture, width - 1 - inset, inset, 1, down, colour)


def _fill(picture: GdkPixbuf.Pixbuf, x: int, y: int, width: int, height: int, colour: int) -> None:
    """Fill the part of a rectangle that lies in the picture."""
    right, bottom = min(x + width, picture.get_width()), min(y + height, picture.get_height())
    x, y = max(x, 0), max(y, 0)
    if right > x and bottom > y:
        picture.new_subpixbuf(x, y, right - x, bottom - y).fill(colour)
