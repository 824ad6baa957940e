"""What shows on the canvas while it is painted, and what becomes meanwhile of the layers that it is painted from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gi.repository import Gimp

from canvas import placing
from canvas.changes import Watched
from canvas.sources import Source
from server.protocol import Picture


class LiveView(Protocol):
    """What shows a painting on the canvas while it is made."""

    def show(self, picture: Picture) -> None:
        """Put a frame on the canvas."""

    @property
    def there(self) -> bool:
        """Whether the user has left it on the canvas."""

    def remove(self) -> bool:
        """Take it off the canvas without a trace; return whether the user has merged it into a layer that stays."""


class OnCanvas:
    """The live views of a run, each source's above that source, and the layers whose shape is watched."""

    def __init__(self) -> None:
        self._views: list[LiveView] = []
        self._watches: dict[int, Watched] = {}  # by their layers' numbers

    def watch(self, layer: Gimp.Layer) -> None:
        """Watch what becomes of a layer's shape from now on."""
        if not layer.is_valid():
            return
        watched = self._watches.get(layer.get_id())
        if watched is not None:
            watched.look()
        if watched is None or watched.steps != []:
            self._watches[layer.get_id()] = Watched(layer)

    def watched(self, layer: Gimp.Layer) -> Watched | None:
        """Return what is known of a layer's shape since it is watched; None if it is not."""
        return self._watches.get(layer.get_id())

    def source_now(self, source: Source) -> Source:
        """Return a source in the shape that its layer has now."""
        watched = self.watched(source.layer)
        return source if watched is None else placing.source_now(source, watched)

    def add(self, view: LiveView) -> None:
        """Take a view in, which shows the next frames."""
        self._views.append(view)

    def show(self, picture: Picture, source: Source, anew: Callable[[], LiveView]) -> None:
        """Show a frame of a source's painting, in the shape that its layer has now; ``anew`` makes a view of that shape."""
        if not self._views:
            return
        watched = self.watched(source.layer)
        if watched is None:
            return
        if watched.look() and self._views[-1].there:
            self._views.pop().remove()
            self._views.append(anew())
        self._views[-1].show(placing.picture_now(picture, source, watched))

    def clear(self) -> None:
        """Take everything off the canvas, and tell the user if a view was merged into a layer that stays."""
        merged = [view.remove() for view in reversed(self._views)]
        self._views.clear()
        if any(merged):
            placing.tell_merged()
