"""What a painting is asked for with (standard library only)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from stylecore.settings import Settings

#: What a picture or a map is here: an array, or a picture on the wire.
P = TypeVar("P")
Q = TypeVar("Q")


@dataclass(frozen=True)
class Style(Generic[P]):
    """A style picture, and its weight among those that paint the same places.

    ``paints_where``, a map of the *content's* size, is where it paints, 0 to 1; the styles without one paint what the
    others leave. A style of weight 0 is left out.
    """

    picture: P
    weight: float = 1.0
    paints_where: P | None = None


@dataclass(frozen=True)
class PaintRequest(Generic[P]):
    """One painting, whoever asks for it.

    For the engine pictures are H × W × 3 (RGB) or 4 (RGB and straight alpha) float32 in [0, 1], perceptual sRGB, and maps
    H × W float32 in [0, 1] of the content's size.

    Args:
        content: the picture to repaint. Transparent pixels influence nothing.
        styles: at least one; weights at least 0, not all 0.
        settings: how it is to be painted.
        mask: where (and how much) the picture is painted; ``None`` for everywhere.
        strength_map: 1 paints with the set strength, 0 gives the photo back, even between. See
            :mod:`stylecore.painting.masks`.
        start: a picture of the content's size to begin from, e.g. an earlier result; outside the mask it stays as it is. It
            takes the place of the setting ``start``.
        anew: with a start: paint anew within the mask, in as many steps as without one, so that only what lies around comes
            from it. False goes on from its pixels in about a third of the time, which suits a small change of the settings.
    """

    content: P
    styles: Sequence[Style[P]]
    settings: Settings = Settings()
    mask: P | None = None
    strength_map: P | None = None
    start: P | None = None
    anew: bool = False

    def map(self, of_picture: Callable[[P], Q], of_map: Callable[[P], Q]) -> PaintRequest[Q]:
        """Return the same request with what one function makes of its pictures, and another of its maps."""

        def map_of(given: P | None) -> Q | None:
            return None if given is None else of_map(given)

        return PaintRequest(
            of_picture(self.content),
            [Style(of_picture(style.picture), style.weight, map_of(style.paints_where)) for style in self.styles],
            self.settings,
            mask=map_of(self.mask),
            strength_map=map_of(self.strength_map),
            start=None if self.start is None else of_picture(self.start),
            anew=self.anew,
        )
