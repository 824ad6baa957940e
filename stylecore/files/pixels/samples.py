"""The picture that a file becomes, and what is done to samples as they lie in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylecore.files.metadata.record import Metadata
from stylecore.files.pixels import coded_colours, colour_profiles
from stylecore.files.pixels.coded_colours import CodePoints

#: H × W × 3 or 4 (straight alpha) float32 in [0, 1], sRGB.
Pixels = NDArray[np.float32]
#: Raises if a picture of this width and height is too large.
CheckSize = Callable[[int, int], None]


@dataclass(frozen=True)
class Picture:
    """``pixels``: H × W × 3 (RGB) or 4 (and straight alpha) float32 in [0, 1], perceptual sRGB.

    ``depth`` is the file's bits in a channel: 8, 16, or 32 for what is finer than 16 bits. ``notes`` are sentences for
    people about what of the file was not taken, or was guessed. ``metadata`` is what it says beside its pixels.
    """

    pixels: Pixels
    depth: int = 8
    notes: tuple[str, ...] = ()
    metadata: Metadata | None = None

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[0])


def finish(samples: NDArray[Any], colours: bytes | CodePoints | None, *, alpha: bool) -> Pixels:
    """Return samples as sRGB float32.

    Args:
        samples: H × W × grey, RGB or CMYK, and straight alpha as the last channel if there is one: uint8, uint16, or
            float32 in [0, 1].
        colours: what they mean: an ICC profile, code points, or ``None`` for sRGB.
        alpha: whether there is one.
    """
    colour = samples[..., :-1] if alpha else samples
    if isinstance(colours, CodePoints):
        converted = coded_colours.to_srgb(colour, colours) if colour.shape[2] < 4 else None
    else:
        converted = colour_profiles.to_srgb(colour, colours)
    if converted is None:
        converted = unit(colour)
        if colour.shape[2] == 1:
            converted = np.repeat(converted, 3, 2)
        elif colour.shape[2] == 4:
            converted = (1 - converted[..., :3]) * (1 - converted[..., 3:])
    return np.concatenate([converted, unit(samples[..., -1:])], 2) if alpha else converted


def unit(samples: NDArray[Any]) -> Pixels:
    """Return uint8, uint16, or float32 in [0, 1] (beyond is clipped), as float32."""
    if samples.dtype.kind == "u":
        return samples.astype(np.float32) / np.float32(np.iinfo(samples.dtype).max)
    return samples.astype(np.float32).clip(0, 1)


def unmultiplied(samples: NDArray[Any]) -> Pixels:
    """Return colour divided by its alpha, the last channel; transparent black stays black."""
    floats = samples.astype(np.float32)
    if samples.dtype.kind == "u":
        floats /= np.float32(np.iinfo(samples.dtype).max)
    alpha = floats[..., -1:]
    colour = np.divide(floats[..., :-1], alpha, out=np.zeros_like(floats[..., :-1]), where=alpha > 0)
    return np.concatenate([colour, alpha], 2)


def turn(samples: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return H × W × C as EXIF's orientation (1 to 8) says it is to be seen."""
    if orientation in (5, 6, 7, 8):
        samples = samples.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return samples
