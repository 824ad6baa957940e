"""How large a style is used, which is how large its brush strokes become; known without the network."""

from __future__ import annotations

import math

#: A side under this is too short for the network's four halvings.
LEAST_SIDE = 16
# A large style is read with at least so many pixels, which cost next to nothing.
_LEAST_PIXELS = 1 << 20

Size = tuple[int, int]


def style_size(style: Size, content: Size, brush_size: float) -> Size:
    """Return the size (height, width) a style is used at, so that its strokes keep their size in the picture.

    At ``brush_size`` 100 (per cent) the style's area equals the content's at every scale, so that 256 px and 4,000 px look
    alike. It is never enlarged beyond twice its own size, which would only blur its strokes.
    """
    height, width = style
    factor = math.sqrt(content[0] * content[1] / (height * width)) * brush_size / 100
    factor = max(min(factor, 2.0), LEAST_SIDE / min(height, width))
    return max(LEAST_SIDE, round(height * factor)), max(LEAST_SIDE, round(width * factor))


def enough_pixels(content: Size, brush_size: float) -> int:
    """Return how many pixels of a large style are enough to paint a content of this size (height, width) with.

    They are twice as many on a side as it is used at, so that what it is shrunk by before and after makes no difference
    that is seen.
    """
    used = content[0] * content[1] * (brush_size / 100) ** 2
    return max(_LEAST_PIXELS, math.ceil(4 * used))
