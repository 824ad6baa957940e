"""Changes of an image that its undo history is not to know of, and what becomes of it if the plug-in dies meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from gi.repository import Gimp

from stylecore import system

#: Begins the name of a parasite that an image has while this process keeps its history from recording.
_MARK = "neural-style-unrecorded-"
_NEITHER_SAVED_NOR_UNDOABLE = 0


@contextmanager
def unrecorded(image: Gimp.Image) -> Iterator[None]:
    """Keep what is done within out of the undo history; nothing slow, as GIMP does not repair a freeze that outlives us.

    An image without unsaved changes stays one: GIMP counts what is not recorded as a change, too.
    """
    clean, mark = not image.is_dirty(), f"{_MARK}{os.getpid()}"
    image.attach_parasite(Gimp.Parasite.new(mark, _NEITHER_SAVED_NOR_UNDOABLE, b"\0"))
    image.undo_freeze()
    try:
        yield
    finally:
        image.undo_thaw()
        image.detach_parasite(mark)
        if clean:
            image.clean_all()


def mend(image: Gimp.Image) -> None:
    """Let the image record again if a run was killed in the middle of an unrecorded change.

    What it had recorded before is dropped: it does not know what was done since.
    """
    for name in image.get_parasite_list():
        number = name.removeprefix(_MARK)
        if number == name or system.lives(int(number)):
            continue
        image.detach_parasite(name)
        if not image.undo_is_enabled():
            image.undo_enable()
