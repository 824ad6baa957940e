"""What of a style is not the painting: a black bar, the paper's or the canvas's edge, a scan's margin.

Statistics of features take a frame for a part of the style, and paint its straight lines and its colour into the picture.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]

# A line belongs to a frame if nearly all of it is of the colour of the outermost one (grain and JPEG's noise aside).
_TOLERANCE, _NEARLY_ALL = 0.06, 0.98
# A frame ends at once and all along: within so many lines, or this share of a side, most of a line is of other colours.
# What is drawn on white paper begins here and there.
_LINES, _SHARE_OF_SIDE, _MOST = 3, 0.03, 0.6
# The widest frame, as a share of the side, if its like is on the opposite side; and without one, where a flat sky may end.
_WIDEST, _WIDEST_ALONE = 0.3, 0.03
_OPPOSITE = 0.1
# What is left is a picture still, and a frame in a frame in a frame is a picture of frames.
_LEAST_SIDE, _LAYERS = 64, 3


class Inner(NamedTuple):
    """The part within a frame: rows ``top`` to ``bottom``, columns ``left`` to ``right``, the ends not included."""

    top: int
    bottom: int
    left: int
    right: int

    def cut(self, pixels: Pixels) -> Pixels:
        """Return this part of H × W × C pixels."""
        return pixels[self.top : self.bottom, self.left : self.right]


def within_frame(pixels: Pixels) -> Inner:
    """Return the part of a picture that lies within its frame: all of it if it has none.

    Args:
        pixels: H × W × 3 or 4, 0 to 1. A picture with transparency is taken as it is: its owner has cut it out.
    """
    height, width = pixels.shape[:2]
    inner = Inner(0, height, 0, width)
    if pixels.shape[2] == 4 and bool((pixels[..., 3] < 1).any()):
        return inner
    for _ in range(_LAYERS):
        rgb = inner.cut(pixels)[..., :3]
        top, bottom, left, right = _bands(rgb)
        found = Inner(inner.top + top, inner.bottom - bottom, inner.left + left, inner.right - right)
        if found == inner or min(found.bottom - found.top, found.right - found.left) < _LEAST_SIDE:
            return inner
        inner = found
    return inner


def _bands(rgb: Pixels) -> tuple[int, int, int, int]:
    """Return how wide the frame is at the top, bottom, left and right."""
    # Each side as the top of the picture: turned views, no copies.
    sides = [rgb, rgb[::-1], rgb.transpose(1, 0, 2), rgb.transpose(1, 0, 2)[::-1]]
    widths = [_width(side) for side in sides]
    result = []
    for number, (side, width) in enumerate(zip(sides, widths, strict=True)):
        across = (2, 3) if number < 2 else (0, 1)
        along = slice(widths[across[0]], side.shape[1] - widths[across[1]])
        opposite = number ^ 1
        paired = widths[opposite] > 0 and np.abs(_colour(side) - _colour(sides[opposite])).max() <= _OPPOSITE
        widest = int(side.shape[0] * (_WIDEST if paired else _WIDEST_ALONE))
        result.append(width if 0 < width <= widest and _ends_at_once(side[:, along], width) else 0)
    return result[0], result[1], result[2], result[3]


def _colour(side: Pixels) -> Pixels:
    """Return the colour of the outermost line."""
    return np.median(side[0], axis=0).astype(np.float32)


def _width(side: Pixels) -> int:
    """Return how many lines from the outermost on are of its colour; 0 if all are."""
    colour = _colour(side)
    for number in range(len(side)):
        if (np.abs(side[number] - colour).max(1) <= _TOLERANCE).mean() < _NEARLY_ALL:
            return number
    return 0


def _ends_at_once(side: Pixels, width: int) -> bool:
    if side.shape[1] == 0:
        return False
    lines = side[width : width + max(_LINES, int(len(side) * _SHARE_OF_SIDE))]
    other = np.abs(lines - _colour(side)).max(2) > _TOLERANCE
    return bool(other.mean(1).max(initial=0) >= _MOST)
