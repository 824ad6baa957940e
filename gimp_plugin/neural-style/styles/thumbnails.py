"""Thumbnails of style pictures: made once, outside this process, and kept between two openings of the dialog."""

from __future__ import annotations

import hashlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import gi

gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf, GLib

from canvas import pixels
from common import installation
from common.errors import PluginError
from stylecore import system
from styles.pictures import read_file
from styles.thumbnail_maker import SIZE, keep, square

__all__ = ["SIZE", "Thumbnails", "keep", "kept_at", "of_picture", "square"]

#: Milliseconds between two pictures that GIMP is asked to read.
_REST = 250

Ready = Callable[[str, GdkPixbuf.Pixbuf | None], None]


class Thumbnails:
    """Finds or makes thumbnails one after the other and hands each to ``ready`` (None: not a picture).

    A thread waits for the process that makes them; ``ready`` is called on the main thread.
    """

    def __init__(self, ready: Ready) -> None:
        self._ready = ready
        self._wanted: queue.Queue[str | None] = queue.Queue()
        self._closed = False
        self._left: list[str] = []
        self._maker: subprocess.Popen[str] | None = None
        threading.Thread(target=self._work, name="neural-style-thumbnails", daemon=True).start()

    def want(self, path: str) -> None:
        """Show the thumbnail of this picture: at once if it is kept, else after those asked for before."""
        kept = _kept(path)
        if kept is not None:
            self._ready(path, kept)
        else:
            self._wanted.put(path)

    def close(self) -> None:
        """Make no more of them."""
        self._closed = True
        self._wanted.put(None)

    def _work(self) -> None:
        while (path := self._wanted.get()) is not None and not self._closed:
            GLib.idle_add(self._deliver, path, self._make(path))
        if self._maker is not None and self._maker.stdin is not None:
            self._maker.stdin.close()
            self._maker.wait()

    def _make(self, path: str) -> bool:
        """Have a thumbnail made, and return whether that was possible."""
        try:
            place = _place(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            if self._maker is None:
                self._maker = subprocess.Popen(
                    [sys.executable, str(Path(__file__).with_name("thumbnail_maker.py"))],
                    text=True,
                    encoding="utf-8",
                    errors="surrogateescape",
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    creationflags=system.without_window(),
                )
            assert self._maker.stdin is not None and self._maker.stdout is not None
            self._maker.stdin.write(f"{path}\n{place}\n")
            self._maker.stdin.flush()
            return self._maker.stdout.readline().strip() == "ok"
        except OSError:  # it ended; GIMP itself can still read the picture
            return False

    def _deliver(self, path: str, made: bool) -> bool:
        if made and not self._closed:
            self._ready(path, _kept(path))
        elif not self._closed:
            self._left.append(path)
            if len(self._left) == 1:
                GLib.timeout_add(_REST, self._ask_gimp)
        return GLib.SOURCE_REMOVE

    def _ask_gimp(self) -> bool:
        """Have GIMP read the next picture that only it can read; the dialog is held up, so with pauses between."""
        if self._closed:
            return GLib.SOURCE_REMOVE
        path = self._left.pop(0)
        self._ready(path, _by_gimp(path))
        return bool(self._left)


def of_picture(picture: GdkPixbuf.Pixbuf) -> GdkPixbuf.Pixbuf:
    """Return the thumbnail of a picture."""
    return _shown(square(picture))


def _by_gimp(path: str) -> GdkPixbuf.Pixbuf | None:
    """Return the thumbnail of a file in a format that only GIMP reads; None if it is none."""
    try:
        made = square(pixels.to_pixbuf(read_file(path).picture))
    except PluginError:  # choosing the style says what is wrong with it
        return None
    try:
        keep(made, str(_place(path)))
    except OSError as error:  # it is made again next time
        print(f"neural-style: cannot keep a thumbnail: {error}")
    return _shown(made)


def _kept(path: str) -> GdkPixbuf.Pixbuf | None:
    try:
        return kept_at(_place(path))
    except OSError:  # the picture itself is gone
        return None


def kept_at(place: Path) -> GdkPixbuf.Pixbuf | None:
    """Return the thumbnail in a file; None if there is none."""
    try:
        raw = place.read_bytes()
    except OSError:
        return None
    return _shown(raw) if len(raw) == 3 * SIZE * SIZE else None


def _shown(raw: bytes) -> GdkPixbuf.Pixbuf:
    return GdkPixbuf.Pixbuf.new_from_bytes(GLib.Bytes.new(raw), GdkPixbuf.Colorspace.RGB, False, 8, SIZE, SIZE, 3 * SIZE)


def _place(path: str) -> Path:
    """Return where the thumbnail of this state of a file is kept.

    Raises:
        OSError: the file is gone.
    """
    state = os.stat(path)
    key = hashlib.sha256(f"{path}\0{state.st_mtime_ns}\0{state.st_size}\0{SIZE}".encode(errors="replace")).hexdigest()
    return installation.thumbnail_folder() / f"{key}.rgb"
