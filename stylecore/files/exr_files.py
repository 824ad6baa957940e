"""OpenEXR, by the Academy's own library."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import OpenEXR

from stylecore.files import colour_profiles
from stylecore.files.rows import EVERYTHING, Wanted
from stylecore.files.samples import CheckSize, Picture, Pixels, unmultiplied

#: What a file begins with.
BEGINNINGS = (b"\x76\x2f\x31\x01",)


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING) -> Picture:
    """Read an OpenEXR file as perceptual sRGB.

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted.
    """
    header = OpenEXR.File(str(path), header_only=True).header()
    (left, top), (right, bottom) = (corner.tolist() for corner in header["dataWindow"])
    check(right - left + 1, bottom - top + 1)
    channels = OpenEXR.File(str(path), separate_channels=True).channels()
    names = [name for name in ("R", "G", "B") if name in channels] or [name for name in ("Y",) if name in channels]
    if len(names) not in (1, 3):
        raise ValueError(f"it has no R, G and B, but {', '.join(sorted(channels)) or 'nothing'}")
    if any(channels[name].xSampling != 1 or channels[name].ySampling != 1 for name in names):
        raise ValueError("its channels are of different sizes")
    linear = np.stack([channels[name].pixels.astype(np.float32) for name in names], -1)
    depth = 16 if channels[names[0]].pixels.dtype == np.float16 else 32
    linear = np.nan_to_num(linear, posinf=1.0, neginf=0.0)
    alpha = None
    if "A" in channels:
        alpha = np.nan_to_num(channels["A"].pixels.astype(np.float32)).clip(0, 1)[..., None]
        linear = unmultiplied(np.concatenate([linear, alpha], 2))[..., :-1]
    if len(names) == 3 and (corners := header.get("chromaticities")) is not None:
        linear = (linear @ colour_profiles.primaries_to_srgb(tuple(map(float, corners))).T).astype(np.float32)
    colour = colour_profiles.encode_srgb(np.repeat(linear, 3, 2) if len(names) == 1 else linear)
    return Picture(colour if alpha is None else np.concatenate([colour, alpha], 2), depth)


def encode(pixels: Pixels) -> bytes:
    """Return H × W × 3 or 4 float32 in [0, 1] (sRGB) as a file of linear light in floats.

    Raises:
        OSError: the library, which writes only to a file, could not write it to the system's temporary folder.
    """
    linear = colour_profiles.decode_srgb(pixels[..., :3])
    header = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "chromaticities": (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329),
    }
    name = "RGB"
    if pixels.shape[2] == 4:  # OpenEXR's colour is multiplied by its alpha
        linear, name = np.concatenate([linear * pixels[..., 3:], pixels[..., 3:]], 2), "RGBA"
    with tempfile.TemporaryDirectory(prefix="neural-style-") as folder:
        path = Path(folder) / "picture.exr"
        try:
            OpenEXR.File(header, {name: np.ascontiguousarray(linear, np.float32)}).write(str(path))
        except RuntimeError as error:
            raise OSError(str(error)) from error
        return path.read_bytes()
