"""What the dialog shows while the server paints: the picture, how far it is, and for how long."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, Gtk

import pixels

_WIDTH, _HEIGHT = 560, 400


class ProgressView(Gtk.Box):
    """A picture, a line of text and a bar."""

    def __init__(self) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=8, margin=12)
        self._picture = Gtk.Image()
        self._picture.set_size_request(_WIDTH, _HEIGHT)
        self._picture.get_accessible().set_name("The painting so far")
        frame = Gtk.Frame(shadow_type=Gtk.ShadowType.IN)
        frame.add(self._picture)
        self._text = Gtk.Label(xalign=0.0, ellipsize=3)
        self._left = Gtk.Label(xalign=1.0)
        line = Gtk.Box(spacing=12)
        line.pack_start(self._text, True, True, 0)
        line.pack_end(self._left, False, False, 0)
        self._bar = Gtk.ProgressBar()
        self.pack_start(frame, True, True, 0)
        self.pack_start(line, False, False, 0)
        self.pack_start(self._bar, False, False, 0)
        self.show_all()
        self.set_no_show_all(True)

    def show_picture(self, pixbuf: GdkPixbuf.Pixbuf) -> None:
        """Show a picture of any size."""
        self._picture.set_from_pixbuf(pixels.fitted(pixbuf, _WIDTH, _HEIGHT))

    def tell(self, text: str, fraction: float, seconds_left: float | None) -> None:
        """Show how far the work is; without a fraction the bar only says that something happens."""
        self._text.set_text(text)
        self._left.set_text("" if seconds_left is None else time_left(seconds_left))
        if fraction > 0.0:
            self._bar.set_fraction(min(fraction, 1.0))
        else:
            self._bar.pulse()


def time_left(seconds: float) -> str:
    """Return a duration as people say it."""
    if seconds < 1.5:
        return "about a second left"
    if seconds < 90:
        return f"about {seconds:.0f} seconds left"
    return f"about {seconds / 60:.0f} minutes left"
