"""Pictures of the wire as the engine's pixels, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.protocol import Picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from server.events import Progress
    from stylecore.events import StepDone

_DTYPES = {"u8": "uint8", "u16": "uint16", "f32": "float32"}
_FULL = {"u8": 255.0, "u16": 65535.0, "f32": 1.0}


def to_pixels(picture: Picture) -> NDArray[np.float32]:
    """Return H × W × C float32 in [0, 1]; numbers that are none become 0."""
    import numpy as np

    flat = np.frombuffer(picture.data, dtype=_DTYPES[picture.kind])
    pixels = flat.reshape(picture.height, picture.width, picture.channels).astype(np.float32)
    if picture.kind == "f32":
        return np.nan_to_num(pixels, nan=0.0).clip(0.0, 1.0)
    pixels /= np.float32(_FULL[picture.kind])
    return pixels


def to_map(picture: Picture) -> NDArray[np.float32]:
    """Return the one channel of a map as H × W float32 in [0, 1]."""
    return to_pixels(picture)[:, :, 0]


def to_picture(pixels: NDArray[np.float32], kind: str) -> Picture:
    """Return H × W × C float32 in [0, 1] as a picture of this kind, rounded to nearest."""
    import numpy as np

    if kind != "f32":
        pixels = (pixels.clip(0.0, 1.0) * np.float32(_FULL[kind])).round()
    height, width, channels = pixels.shape
    data = np.ascontiguousarray(pixels.astype(_DTYPES[kind], copy=False)).data
    return Picture(width, height, channels, kind, data.cast("B"))  # type: ignore[arg-type]


def to_keep(done: StepDone | Progress, every: int) -> bool:
    """Return whether the picture is to be kept after this step: every so many of the last scale, but not its last."""
    return every > 0 and done.scale == done.scales and done.step % every == 0 and done.step < done.steps
