"""Picture files in and out, with everything that a file can bring: depth, profile, rotation, palette, transparency."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from stylecore.errors import StyleError

Pixels = NDArray[np.float32]

#: More pixels than this are refused when the file's header is read, before anything is decoded.
MOST_PIXELS = 400_000_000

# Pillow's own guard is lower and only warns below twice its limit; ours speaks for both.
Image.MAX_IMAGE_PIXELS = None

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_SIXTEEN_BIT_GREY = ("I;16", "I;16L", "I;16B", "I;16N", "I")


@dataclass(frozen=True)
class Picture:
    """``pixels``: H × W × 3 (RGB) or 4 (and straight alpha) float32 in [0, 1], perceptual sRGB."""

    pixels: Pixels

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

    Args:
        path: any format that Pillow reads.
        longest: shrink to this many pixels on the longer side; 0 keeps the size.

    Raises:
        StyleError: ``file-missing``, ``not-a-picture`` or ``picture-too-large``.
    """
    path = Path(path)
    try:
        with Image.open(path) as file:
            if file.width * file.height > MOST_PIXELS:
                raise StyleError(
                    "picture-too-large",
                    f"{path} has {file.width} × {file.height} pixels; at most {MOST_PIXELS / 1e6:,.0f} megapixels "
                    "can be used.",
                    "Scale it down first.",
                )
            if longest and max(file.size) > longest:
                file.draft(None, (longest, longest))  # JPEG decodes straight to about the size that is wanted
            file.load()
            picture = ImageOps.exif_transpose(file)
            pixels = _pixels(picture)
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
    return Picture(_shrink(pixels, longest))


def _pixels(picture: Image.Image) -> Pixels:
    """Return a decoded picture of any mode as :class:`Picture` pixels."""
    if picture.mode in _SIXTEEN_BIT_GREY:
        grey = np.asarray(picture).astype(np.float32) / 65535.0
        return np.repeat(grey[..., None], 3, 2).clip(0, 1)
    if picture.mode == "F":
        return np.repeat(np.asarray(picture, np.float32)[..., None], 3, 2).clip(0, 1)
    picture = _to_srgb(picture)
    has_alpha = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    converted = picture.convert("RGBA" if has_alpha else "RGB")
    return np.asarray(converted, np.float32) / np.float32(255)


def _to_srgb(picture: Image.Image) -> Image.Image:
    """Convert colours by the embedded profile, if it has one that fits its mode."""
    profile_data = picture.info.get("icc_profile")
    if not profile_data or picture.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return picture
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(profile_data))
        if picture.mode == "RGBA":
            colour = ImageCms.profileToProfile(picture.convert("RGB"), profile, _SRGB, outputMode="RGB")
            if colour is None:
                return picture
            colour.putalpha(picture.getchannel("A"))
            return colour
        return ImageCms.profileToProfile(picture, profile, _SRGB, outputMode="RGB") or picture
    except (ImageCms.PyCMSError, OSError):
        return picture  # a damaged or unfitting profile: the picture itself is still good


def _shrink(pixels: Pixels, longest: int) -> Pixels:
    height, width = pixels.shape[:2]
    if not longest or max(height, width) <= longest:
        return pixels
    factor = longest / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    channels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(pixels[..., i])).resize(size, Image.Resampling.LANCZOS))
        for i in range(pixels.shape[2])
    ]
    return np.stack(channels, -1).clip(0, 1).astype(np.float32)


def to_image(pixels: Pixels) -> Image.Image:
    """Return float pixels in [0, 1], H × W × 3 or 4, as an 8-bit Pillow image, rounded."""
    height, width, channels = pixels.shape
    levels = (np.nan_to_num(pixels).clip(0, 1) * 255).round().astype(np.uint8)
    return Image.frombytes("RGBA" if channels == 4 else "RGB", (width, height), levels.tobytes())


def save(path: str | Path, pixels: Pixels, *, quality: int = 95) -> None:
    """Write a picture; the ending says the format. A file that was there is replaced only when all is written.

    Raises:
        StyleError: ``cannot-write``, with the remedy.
    """
    image = to_image(pixels)
    write_image(path, image, quality=quality)


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
        image.save(temporary, kind, quality=quality, icc_profile=_SRGB.tobytes())


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
