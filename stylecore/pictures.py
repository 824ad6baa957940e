"""Picture files in and out, with everything that a file can bring: depth, profile, rotation, palette, transparency."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from stylecore import deep, profiles
from stylecore.errors import StyleError

Pixels = NDArray[np.float32]
#: H × W in [0, 1].
Map = NDArray[np.float32]

#: More pixels than this are refused when the file's header is read, before anything is decoded.
MOST_PIXELS = 400_000_000

# Pillow's own guard is lower and only warns below twice its limit; ours speaks for both.
Image.MAX_IMAGE_PIXELS = None

#: What OpenEXR's files end in; Pillow knows the endings of all others.
_EXR = ".exr"
_SIXTEEN_BIT_GREY = ("I;16", "I;16L", "I;16B", "I;16N", "I")


@dataclass(frozen=True)
class Picture:
    """``pixels``: H × W × 3 (RGB) or 4 (and straight alpha) float32 in [0, 1], perceptual sRGB.

    ``depth`` is the file's bits in a channel: 8, 16, or 32 for what is finer than 16 bits.
    """

    pixels: Pixels
    depth: int = 8

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[0])


def load(path: str | Path, longest: int = 0) -> Picture:
    """Read a picture file: rotated as its EXIF says, colours converted to sRGB, the first frame of an animation.

    Colours outside sRGB's gamut, and light brighter than white in OpenEXR and float TIFF, become the nearest inside.

    Args:
        path: any format that Pillow reads, and OpenEXR; PNG and TIFF of 16 bits and more keep them.
        longest: shrink to this many pixels on the longer side; 0 keeps the size.

    Raises:
        StyleError: ``file-missing``, ``not-a-picture`` or ``picture-too-large``.
    """
    path = Path(path)
    try:
        picture = _load(path, longest)
    except FileNotFoundError as error:
        raise StyleError("file-missing", f"There is no file {path}.", "Check the name.") from error
    except IsADirectoryError as error:
        raise StyleError("not-a-picture", f"{path} is a folder, not a picture.", "Name a picture file.") from error
    except PermissionError as error:
        raise StyleError("file-missing", f"{path} may not be read.", "Check the file's permissions.") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, MemoryError) as error:
        raise StyleError(
            "not-a-picture", f"{path} is not a picture that can be read ({error}).", "Open it in GIMP and export it as PNG."
        ) from error
    return Picture(_shrink(picture.pixels, longest), picture.depth)


def load_map(path: str | Path, size: tuple[int, int]) -> Map:
    """Read a guide or a strength map: black is 0, white is 1, transparent is 0, colours count by their mean.

    Args:
        path: any picture file, of the photo's shape.
        size: the photo's height and width, which the map is brought to.

    Raises:
        StyleError: like :func:`load`, and ``bad-guide`` if its shape is another than the photo's.
    """
    pixels = load(path).pixels
    height, width = pixels.shape[:2]
    # A pixel's rounding is allowed, so that a mask of the full size fits a photo that is painted smaller.
    if abs(height * size[1] - width * size[0]) > max(height, width) + max(size):
        raise StyleError(
            "bad-guide",
            f"{path} has {width} × {height} pixels, the photo {size[1]} × {size[0]}: another shape.",
            "Make the mask from the photo itself, so that one lies over the other.",
        )
    values = pixels[..., :3].mean(2) * (pixels[..., 3] if pixels.shape[2] == 4 else np.float32(1))
    if values.shape != size:
        kind = Image.Resampling.BOX if height >= size[0] else Image.Resampling.BILINEAR
        values = np.asarray(Image.fromarray(values).resize((size[1], size[0]), kind))
    return values.astype(np.float32).clip(0, 1)


def _load(path: Path, longest: int) -> Picture:
    def check(width: int, height: int) -> None:
        if width * height > MOST_PIXELS:
            raise StyleError(
                "picture-too-large",
                f"{path} has {width} × {height} pixels; at most {MOST_PIXELS / 1e6:,.0f} megapixels can be used.",
                "Scale it down first.",
            )

    try:
        file = Image.open(path)
    except UnidentifiedImageError:  # float RGB in a TIFF is nothing to Pillow, nor is an EXR by another name
        found = deep.load(path, None, check)
        if found is None:
            raise
        return Picture(found.pixels, found.depth)
    with file:
        check(*file.size)
        found = deep.load(path, file.info.get("icc_profile"), check)
        if found is not None:
            # TIFF's rotation is seen to by its reader.
            turned = found.pixels if file.format == "TIFF" else deep.turn(found.pixels, file.getexif().get(0x0112, 1))
            return Picture(np.ascontiguousarray(turned), found.depth)
        if longest and max(file.size) > longest:
            file.draft(None, (longest, longest))  # JPEG decodes straight to about the size that is wanted
        file.load()
        return _shallow(ImageOps.exif_transpose(file))


def _shallow(picture: Image.Image) -> Picture:
    """Return a decoded picture of any of Pillow's modes."""
    if picture.mode in _SIXTEEN_BIT_GREY:
        grey = np.asarray(picture).astype(np.float32) / np.float32(65535)
        return Picture(np.repeat(grey[..., None], 3, 2).clip(0, 1), 16)
    if picture.mode == "F":
        grey = np.nan_to_num(np.asarray(picture, np.float32), posinf=1.0, neginf=0.0)
        return Picture(np.repeat(grey[..., None], 3, 2).clip(0, 1), 32)
    profile = picture.info.get("icc_profile")
    if picture.mode == "LAB":
        picture, profile = profiles.lab_to_srgb(picture), None
    has_alpha = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    colour = None
    if profile and picture.mode in ("RGB", "RGBA", "L", "LA", "CMYK"):
        samples = np.asarray(picture)
        samples = samples[..., None] if samples.ndim == 2 else samples
        colour = profiles.to_srgb(samples[..., :-1] if picture.mode in ("RGBA", "LA") else samples, profile)
    elif profile and picture.mode in ("P", "PA", "YCbCr"):
        colour = profiles.to_srgb(np.asarray(picture.convert("RGB")), profile)
    converted = np.asarray(picture.convert("RGBA" if has_alpha else "RGB"), np.float32) / np.float32(255)
    if colour is not None:
        converted = np.concatenate([colour, converted[..., 3:]], 2)
    return Picture(converted)


def _shrink(pixels: Pixels, longest: int) -> Pixels:
    height, width, count = pixels.shape
    if not longest or max(height, width) <= longest:
        return pixels
    factor = longest / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if count == 4:  # colour under transparency must not bleed into its surroundings
        pixels = np.concatenate([pixels[..., :3] * pixels[..., 3:], pixels[..., 3:]], 2)
    channels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(pixels[..., i])).resize(size, Image.Resampling.LANCZOS))
        for i in range(count)
    ]
    small = np.stack(channels, -1)
    if count == 4:
        small[..., :3] /= np.maximum(small[..., 3:], np.float32(1e-6))
    return small.clip(0, 1).astype(np.float32)


def to_image(pixels: Pixels) -> Image.Image:
    """Return float pixels in [0, 1], H × W × 3 or 4, as an 8-bit Pillow image, rounded."""
    height, width, channels = pixels.shape
    levels = (np.nan_to_num(pixels).clip(0, 1) * 255).round().astype(np.uint8)
    return Image.frombytes("RGBA" if channels == 4 else "RGB", (width, height), levels.tobytes())


def can_write(path: str | Path) -> bool:
    """Return whether :func:`save` knows the format that the ending says."""
    suffix = Path(path).suffix.lower()
    return suffix == _EXR or Image.registered_extensions().get(suffix) in Image.SAVE


def save(path: str | Path, pixels: Pixels, *, depth: int = 8, quality: int = 95) -> None:
    """Write a picture; the ending says the format. A file that was there is replaced only when all is written.

    Args:
        path: the file.
        pixels: H × W × 3 or 4 float32 in [0, 1], perceptual sRGB, whose profile is embedded.
        depth: bits in a channel wanted: 8, 16 or 32 (float). PNG has 8 and 16 and TIFF all three; OpenEXR is always 32 and
            linear, and the other formats are always 8.
        quality: of JPEG and WebP, to 100.

    Raises:
        StyleError: ``cannot-write``, with the remedy.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    kind = "EXR" if suffix == _EXR else Image.registered_extensions().get(suffix)
    if kind == "EXR" or (depth > 8 and kind in ("PNG", "TIFF")):
        with replacing(path) as temporary:
            deep.save(temporary, pixels, kind, depth)
    else:
        write_image(path, to_image(pixels), quality=quality)


def write_image(path: str | Path, image: Image.Image, *, quality: int = 95) -> None:
    """Write a Pillow image like :func:`save`."""
    path = Path(path)
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind is None or kind not in Image.SAVE:
        raise StyleError("cannot-write", f"“{path.suffix}” is not a kind of picture that can be written.", "Use .png.")
    if kind == "JPEG" and image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    with replacing(path) as temporary:
        image.save(temporary, kind, quality=quality, icc_profile=profiles.SRGB)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file beside ``path``, which takes its place when the block ends without an error.

    Raises:
        StyleError: ``cannot-write``.
    """
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp's own mode is private
        temporary.replace(path)
    except OSError as error:
        raise StyleError(
            "cannot-write",
            f"{path} could not be written ({error.strerror or error}).",
            "Check that the folder exists, may be written to, and has room.",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
