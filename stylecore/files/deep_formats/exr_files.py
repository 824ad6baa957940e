"""OpenEXR, by the Academy's own library."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from stylecore.errors import StyleError
from stylecore.files.deep_formats import exr_layers
from stylecore.files.deep_formats.exr_layers import Layer, Part
from stylecore.files.pixels import colour_profiles, quiet, sample_range
from stylecore.files.pixels.rows import EVERYTHING, Wanted
from stylecore.files.pixels.samples import CheckSize, Picture, Pixels, unmultiplied

#: What a file begins with.
BEGINNINGS = (b"\x76\x2f\x31\x01",)

_DEEP = (OpenEXR.deepscanline, OpenEXR.deeptile)
_REC_709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
_TYPES = {0: np.uint32, 1: np.float16, 2: np.float32}
#: A frame may be this many times as large as the picture in it, and a tile larger, if it has no more pixels than this.
_MOST_AROUND, _ORDINARY = 64, 16_000_000
#: No more names of channels than this are told.
_MOST_NAMES = 8


@dataclass(frozen=True)
class _Window:
    """A rectangle of pixels, its last row and column included as in the file."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, value: Any) -> _Window:
        (left, top), (right, bottom) = (corner.tolist() for corner in value)
        if right < left or bottom < top:
            raise ValueError("its window is empty")
        return cls(left, top, right, bottom)

    @property
    def width(self) -> int:
        return self.right - self.left + 1

    @property
    def height(self) -> int:
        return self.bottom - self.top + 1


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING) -> Picture:
    """Read an OpenEXR file as perceptual sRGB, of the size of its display window.

    Pixels outside of its data window are transparent, those outside of the display window are cut off. Of several parts
    and layers one is taken (:mod:`stylecore.files.deep_formats.exr_layers`).

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted. This format is always decoded whole.

    Raises:
        StyleError: ``not-a-picture`` for deep pictures, and for numbers of which nobody knows which is white.
        ValueError, RuntimeError, OSError: the file is damaged, or of a kind that is not read.
    """
    with quiet.decoder(), _in_letters(path) as name:
        headers = [part.header for part in OpenEXR.File(name, header_only=True).parts]
    parts = [
        Part(
            str(header.get("name", "")) if len(headers) > 1 else "",
            tuple(channel.name for channel in header["channels"]),
            header.get("type") in _DEEP,
        )
        for header in headers
    ]
    layer, count = exr_layers.choose(parts)
    if layer is None:
        raise ValueError(f"it has no R, G and B, but {_names(parts)}")
    if parts[layer.part].deep:
        raise StyleError(
            "not-a-picture",
            f"{path} is deep: it holds several samples in a pixel, not one color.",
            "Flatten it first (DeepToImage in Nuke, or oiiotool --flatten).",
        )
    header = headers[layer.part]
    data, display = _Window.of(header["dataWindow"]), _Window.of(header["displayWindow"])
    check(data.width, data.height)
    check(display.width, display.height)
    _check_plausible(header, data, display)
    channels = _channels(path, layer, data)
    samples, depth, note = _light(channels, layer, header, path)
    pixels, whole = _placed(samples, data, display)
    notes = [note] if note else []
    if count > 1 and layer.name:
        notes.append(f"{path.name} has {count} layers of color; “{layer.name}” is painted.")
    if not whole:
        notes.append(f"{path.name} goes beyond its frame (its display window); what lies outside was cut off.")
    return Picture(pixels, depth, tuple(notes))


def encode(pixels: Pixels, attributes: Mapping[str, Any] | None = None) -> bytes:
    """Return H × W × 3 or 4 float32 in [0, 1] (sRGB) as a file of linear light in floats.

    Args:
        pixels: the picture.
        attributes: more of them for its header.

    Raises:
        OSError: the library, which writes only to a file, could not write it to the system's temporary folder.
    """
    linear = colour_profiles.decode_srgb(pixels[..., :3])
    header = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "chromaticities": _REC_709,
        **(attributes or {}),
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


def _check_plausible(header: dict[str, Any], data: _Window, display: _Window) -> None:
    """Refuse what only a damaged file says, before memory is taken for it."""
    frame, picture = display.width * display.height, data.width * data.height
    if frame > max(_ORDINARY, _MOST_AROUND * picture):
        said = f"{display.width} × {display.height} pixels, and its picture only {data.width} × {data.height}"
        raise ValueError(f"its frame (its display window) has {said}")
    tiles = header.get("tiles")
    if tiles is not None and tiles.xSize * tiles.ySize > max(_ORDINARY, picture):
        raise ValueError("its tiles are larger than the picture")


def _names(parts: list[Part]) -> str:
    names = [channel for part in parts for channel in part.channels]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more if names else "nothing"


def _channels(path: Path, layer: Layer, data: _Window) -> dict[str, NDArray[Any]]:
    """Return the layer's channels by their names, each brought to the data window's size."""
    names = [*layer.colour, *([layer.alpha] if layer.alpha else [])]
    found = _of_first_part(path, names) if layer.part == 0 else None
    if found is None:
        found = _of_any_part(path, names, layer.part)
    result = {}
    for name, (pixels, sampling) in found.items():
        if sampling != (1, 1) and _is_chroma(layer) and name in layer.colour[1:]:
            pixels = _spread(pixels, (data.height, data.width), sampling)
        elif sampling != (1, 1):
            raise ValueError("its channels are of different sizes")
        result[name] = pixels
    return result


def _is_chroma(layer: Layer) -> bool:
    return len(layer.colour) == 3 and layer.colour[0].rpartition(".")[2].upper() == "Y"


#: Pixels, and the steps in rows and columns between them.
_Channel = tuple[NDArray[Any], tuple[int, int]]


def _of_first_part(path: Path, names: list[str]) -> dict[str, _Channel] | None:
    """Return channels of the first part, the others left alone; ``None`` if some have fewer pixels than others."""
    with quiet.decoder(), _in_letters(path) as name:
        file = OpenEXR.InputFile(name)
        try:
            header = file.header()
            kinds = [header["channels"][name] for name in names]
            if any((kind.xSampling, kind.ySampling) != (1, 1) for kind in kinds):
                return None
            window = header["dataWindow"]
            shape = window.max.y - window.min.y + 1, window.max.x - window.min.x + 1
            return {
                each: (np.frombuffer(data, _TYPES[kind.type.v]).reshape(shape), (1, 1))
                for each, kind, data in zip(names, kinds, file.channels(names), strict=True)
            }
        finally:
            file.close()


def _of_any_part(path: Path, names: list[str], number: int) -> dict[str, _Channel]:
    """Return channels of a part; the library decodes all others with it."""
    # Where it is redirected from, the library tells of damaged parts.
    with quiet.decoder(), contextlib.redirect_stdout(io.StringIO()), _in_letters(path) as name:
        parts = OpenEXR.File(name, separate_channels=True).parts
    part = next((each for each in parts if each.part_index == number), None)
    if part is None:  # one that cannot be decoded is left out
        raise ValueError("it is cut off or damaged")
    found = {name: part.channels[name] for name in names}
    return {name: (channel.pixels, (channel.ySampling, channel.xSampling)) for name, channel in found.items()}


@contextlib.contextmanager
def _in_letters(path: Path) -> Iterator[str]:
    """Give the file's name, as the library wants it: for one that is no UTF-8 a link stands in."""
    name = str(path)
    if name.encode("utf-8", "replace").decode() == name:
        yield name
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, "picture.exr")
        link.symlink_to(path.absolute())
        yield str(link)


def _spread(pixels: NDArray[Any], shape: tuple[int, int], sampling: tuple[int, int]) -> NDArray[np.float32]:
    """Return chroma, of which there is a sample at every so many pixels, for every pixel: straight lines between them."""
    spread = pixels.astype(np.float32)
    for axis in (0, 1):
        count = -(-shape[axis] // sampling[axis])
        place = np.arange(shape[axis], dtype=np.float32) / np.float32(sampling[axis])
        left = place.astype(np.intp).clip(0, count - 1)
        right = (left + 1).clip(0, count - 1)
        share = (place - left).reshape((-1, 1) if axis == 0 else (1, -1))
        spread = spread.take(left, axis) * (1 - share) + spread.take(right, axis) * share
    return spread


def _light(channels: dict[str, NDArray[Any]], layer: Layer, header: dict[str, Any], path: Path) -> tuple[Pixels, int, str]:
    """Return the layer as perceptual sRGB with its alpha, its depth, and a note."""
    stored = [channels[name] for name in layer.colour]
    is_chroma = _is_chroma(layer)
    depth = 16 if all(each.dtype == np.float16 for each in stored[: 1 if is_chroma else None]) else 32
    colour = np.stack([each.astype(np.float64 if each.dtype == np.uint32 else np.float32) for each in stored], -1)
    range_ = sample_range.Range()
    if all(each.dtype == np.uint32 for each in stored):
        range_ = sample_range.of(np.stack(stored, -1), path)
    elif not is_chroma:
        range_ = sample_range.of(colour, path)
    linear = range_.unit(colour)
    if range_.guessed:  # whole numbers as 8 and 16 bits keep them are perceptual
        linear = colour_profiles.decode_srgb(linear.clip(0, 1))
    corners = tuple(map(float, header.get("chromaticities", _REC_709)))
    if not colour_profiles.make_sense(corners):
        corners = _REC_709
    if is_chroma:
        linear = _from_chroma(linear, corners)
    alpha = None
    if layer.alpha:
        stored_alpha = channels[layer.alpha]
        whole = sample_range.Range()
        if stored_alpha.dtype == np.uint32 or stored_alpha.max() > 1:
            whole = range_
        alpha = whole.unit(stored_alpha).clip(0, 1)[..., None]
        linear = unmultiplied(np.concatenate([linear, alpha], 2))[..., :-1]
    if len(stored) == 3 and corners != _REC_709:
        linear = (linear @ colour_profiles.primaries_to_srgb(corners).T).astype(np.float32)
    pixels = colour_profiles.encode_srgb(np.repeat(linear, 3, 2) if linear.shape[2] == 1 else linear)
    return (pixels if alpha is None else np.concatenate([pixels, alpha], 2)), depth, range_.note


def _from_chroma(samples: NDArray[np.float32], corners: tuple[float, ...]) -> NDArray[np.float32]:
    """Return linear RGB of Y, (R - Y) / Y and (B - Y) / Y (OpenEXR, "Luminance/Chroma Images")."""
    red, green, blue = colour_profiles.luminance(corners)
    y, ry, by = np.moveaxis(samples, -1, 0)
    r, b = (ry + 1) * y, (by + 1) * y
    g = (y - np.float32(red) * r - np.float32(blue) * b) / np.float32(green)
    return np.stack([r, g, b], -1)


def _placed(pixels: Pixels, data: _Window, display: _Window) -> tuple[Pixels, bool]:
    """Return pixels where they lie in the display window, transparent around, and whether all of them are in it.

    Raises:
        ValueError: none of them is.
    """
    left, top = max(data.left, display.left), max(data.top, display.top)
    right, bottom = min(data.right, display.right), min(data.bottom, display.bottom)
    if left > right or top > bottom:
        raise ValueError("all of it lies outside of its frame (its display window)")
    seen = pixels[top - data.top : bottom - data.top + 1, left - data.left : right - data.left + 1]
    whole = seen.shape == pixels.shape
    if seen.shape[:2] == (display.height, display.width):
        return np.ascontiguousarray(seen), whole
    if seen.shape[2] == 3:
        seen = np.concatenate([seen, np.ones_like(seen[..., :1])], 2)
    frame = np.zeros((display.height, display.width, 4), np.float32)
    frame[top - display.top : bottom - display.top + 1, left - display.left : right - display.left + 1] = seen
    return frame, whole
