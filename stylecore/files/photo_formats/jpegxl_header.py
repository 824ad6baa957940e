"""What a JPEG XL file says of its picture before the pixels (ISO/IEC 18181-1, annexes D and E), read bit by bit.

imagecodecs, which decodes the pixels, tells neither their size before it decodes nor what their colours mean.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

from stylecore.files.metadata.iso_boxes import Box, boxes
from stylecore.files.pixels.coded_colours import CodePoints

BARE, BOXED = b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n"
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_GREY, _XYB = 1, 2
_CUSTOM = 2
# Its white points, primaries and transfer functions are numbered like H.273's where those have them.
_WHITES = {1: (0.3127, 0.3290), 10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}
_PRIMARIES = {1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060), 9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
              11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)}  # fmt: skip
_ALPHA, _SPOT, _FILTER = 0, 2, 5


@dataclass(frozen=True)
class Header:
    """The picture's size as it is to be seen, its bits in a channel, and its colours.

    ``has_profile`` is whether its colours are an ICC profile's, which only a decoder could unpack, and ``is_xyb``
    whether they are stored as XYB. ``multiplied`` is whether
    its colours are multiplied by their alpha.
    """

    width: int
    height: int
    depth: int = 8
    floats: bool = False
    colours: CodePoints | None = None
    has_profile: bool = False
    is_xyb: bool = True
    multiplied: bool = False
    animated: bool = False


def header(data: bytes) -> Header:
    """Return what the file says.

    Raises:
        ValueError: it is no JPEG XL, or cut off.
    """
    if data.startswith(BOXED):
        pieces = [data[box.start + (4 if box.kind == b"jxlp" else 0) : box.end] for box in _picture_boxes(data)]
        if not pieces:
            raise ValueError("it is cut off")
        data = b"".join(pieces)
    if not data.startswith(BARE):
        raise ValueError("it is no JPEG XL")
    return _Bits(data[2:4096]).header()


def _picture_boxes(data: bytes) -> list[Box]:
    """Return the first boxes that hold the code stream."""
    return [box for box in boxes(io.BytesIO(data), 0, len(data)) if box.kind in (b"jxlc", b"jxlp")][:8]


class _Bits:
    """The bits of the header, lowest first."""

    def __init__(self, data: bytes) -> None:
        self._bits, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("it is cut off")
        value = self._bits & ((1 << count) - 1)
        self._bits >>= count
        self._left -= count
        return value

    def flag(self) -> bool:
        return self.take(1) == 1

    def choice(self, *ways: tuple[int, int]) -> int:
        """Return a number of one of four ways: a constant, and bits to be added to it."""
        constant, bits = ways[self.take(2)]
        return constant + self.take(bits)

    def enumerated(self) -> int:
        return self.choice((0, 0), (1, 0), (2, 4), (18, 6))

    def header(self) -> Header:
        width, height = self._size()
        if self.flag():  # all is as usual
            return Header(width, height)
        orientation, animated = 1, False
        if self.flag():
            orientation = 1 + self.take(3)
            if self.flag():
                self._size()  # to be shown at
            if self.flag():
                self._preview()
            animated = self.flag()
            if animated:
                self._animation()
        if orientation > 4:  # the decoder turns it
            width, height = height, width
        depth, floats = self._depth()
        self.flag()
        multiplied = [self._extra() for _ in range(self.choice((0, 0), (1, 0), (2, 4), (1, 12)))]
        is_xyb = self.flag()
        told = Header(width, height, depth, floats, None, False, is_xyb, any(multiplied), animated)
        return self._with_colours(told)

    def _size(self) -> tuple[int, int]:
        by_eight = self.flag()

        def side() -> int:
            return 8 * (1 + self.take(5)) if by_eight else self.choice((1, 9), (1, 13), (1, 18), (1, 30))

        height = side()
        ratio = self.take(3)
        if not ratio:
            return side(), height
        over, under = _RATIOS[ratio]
        return height * over // under, height

    def _preview(self) -> None:
        by_eight = self.flag()
        ways = ((16, 0), (32, 0), (1, 5), (33, 9)) if by_eight else ((1, 6), (65, 8), (321, 10), (1345, 12))
        self.choice(*ways)
        if not self.take(3):
            self.choice(*ways)

    def _animation(self) -> None:
        self.choice((100, 0), (1000, 0), (1, 10), (1, 30))
        self.choice((1, 0), (1001, 0), (1, 8), (1, 10))
        self.choice((0, 0), (0, 3), (0, 16), (0, 32))
        self.flag()

    def _depth(self) -> tuple[int, bool]:
        """Return the bits in a sample, and whether it is a float."""
        if not self.flag():
            return self.choice((8, 0), (10, 0), (12, 0), (1, 6)), False
        depth = self.choice((32, 0), (16, 0), (24, 0), (1, 6))
        self.take(4)
        return depth, True

    def _extra(self) -> bool:
        """Read what an extra channel is; returns whether it is an alpha that the colours are multiplied by."""
        if self.flag():
            return False
        kind = self.enumerated()
        self._depth()
        self.choice((0, 0), (3, 0), (4, 0), (1, 3))
        for _ in range(self.choice((0, 0), (0, 4), (16, 5), (48, 10))):
            self.take(8)
        if kind == _ALPHA:
            return self.flag()
        if kind == _SPOT:
            self.take(64)
        elif kind == _FILTER:
            self.choice((1, 0), (0, 2), (3, 4), (19, 8))
        return False

    def _with_colours(self, told: Header) -> Header:
        if self.flag():
            return told
        has_profile = self.flag()
        space = self.enumerated()
        if has_profile:
            return replace(told, has_profile=True)
        if space == _XYB:
            return told
        white_kind = self.enumerated()
        white = self._corner() if white_kind == _CUSTOM else _WHITES.get(white_kind, _WHITES[1])
        primaries_kind = 1
        primaries: tuple[float, ...] = _PRIMARIES[1]
        if space != _GREY:
            primaries_kind = self.enumerated()
            if primaries_kind == _CUSTOM:
                primaries = sum((self._corner() for _ in range(3)), ())
            else:
                primaries = _PRIMARIES.get(primaries_kind, primaries)
        gamma, transfer = 0.0, 13
        if self.flag():
            gamma = 10_000_000 / max(1, self.take(24))
        else:
            transfer = self.enumerated()
        if (white_kind, primaries_kind) == (1, 1):
            return replace(told, colours=CodePoints(1, transfer, gamma=gamma))
        return replace(told, colours=CodePoints(2, transfer, corners=(*primaries, *white), gamma=gamma))

    def _corner(self) -> tuple[float, float]:
        def coordinate() -> float:
            value = self.choice((0, 19), (524_288, 19), (1_048_576, 20), (2_097_152, 21))
            return (-(value + 1) // 2 if value & 1 else value // 2) / 1_000_000

        return coordinate(), coordinate()
