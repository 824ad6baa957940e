"""Which part of a picture is looked at, and how large: arithmetic only (standard library)."""

from __future__ import annotations

from dataclasses import dataclass

#: The strongest enlargement, and the factor of one click of the wheel.
_MOST, _STEP = 8.0, 1.25


@dataclass
class Looking:
    """A view of a picture that really has ``size`` (width, height) in a room of ``room``, all in pixels.

    ``zoom`` is pixels of the screen for each of the picture's; None fits it into the room. ``centre`` is what is in the
    middle, as shares of width and height.
    """

    size: tuple[int, int] = (1, 1)
    room: tuple[int, int] = (1, 1)
    zoom: float | None = None
    centre: tuple[float, float] = (0.5, 0.5)

    @property
    def fitting(self) -> float:
        """The zoom at which all of it is seen; small pictures are enlarged."""
        return min(self.room[0] / self.size[0], self.room[1] / self.size[1])

    @property
    def factor(self) -> float:
        """The zoom at hand."""
        return self.fitting if self.zoom is None else self.zoom

    @property
    def whole(self) -> tuple[float, float]:
        """Width and height of the whole picture at this zoom."""
        return self.size[0] * self.factor, self.size[1] * self.factor

    @property
    def seen(self) -> tuple[int, int]:
        """Width and height of what is seen of it."""
        width, height = (max(1, round(min(have, room))) for have, room in zip(self.whole, self.room, strict=True))
        return width, height

    @property
    def origin(self) -> tuple[float, float]:
        """Where what is seen begins, in pixels of the whole at this zoom."""
        x, y = (
            min(max(at * whole - seen / 2.0, 0.0), max(whole - seen, 0.0))
            for at, whole, seen in zip(self.centre, self.whole, self.seen, strict=True)
        )
        return x, y

    @property
    def movable(self) -> bool:
        """Whether there is more of it than is seen."""
        return any(whole > seen + 1 for whole, seen in zip(self.whole, self.seen, strict=True))

    def move(self, x: float, y: float) -> None:
        """Move what is seen by so many pixels of the screen."""
        corner = [at + by for at, by in zip(self.origin, (x, y), strict=True)]
        self._see(corner)

    def magnify(self, clicks: float, at: tuple[float, float] | None = None) -> None:
        """Enlarge (or with less than 0 reduce) by clicks of the wheel; the point ``at``, of what is seen, stays there."""
        self.look(self.factor * _STEP**clicks, at)

    def look(self, zoom: float | None, at: tuple[float, float] | None = None) -> None:
        """See it at this zoom; below the one at which all of it fits, that."""
        if at is None:
            at = (self.seen[0] / 2.0, self.seen[1] / 2.0)
        point = [(origin + here) / whole for origin, here, whole in zip(self.origin, at, self.whole, strict=True)]
        self.zoom = None if zoom is None or zoom <= self.fitting else min(zoom, max(_MOST, self.fitting))
        if self.zoom is None:
            self.centre = (0.5, 0.5)
        else:
            self._see([share * whole - here for share, whole, here in zip(point, self.whole, at, strict=True)])

    def _see(self, corner: list[float]) -> None:
        x, y = (
            (min(max(start, 0.0), max(whole - seen, 0.0)) + seen / 2.0) / whole
            for start, whole, seen in zip(corner, self.whole, self.seen, strict=True)
        )
        self.centre = (x, y)
