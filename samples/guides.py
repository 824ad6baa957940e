#!/usr/bin/env python3
"""Make the examples of docs/guides.md: masks and special photos from the samples, painted, and put side by side.

    python3 -m samples.guides [--size PX] [NAME …]

Needs the installed program's Python. Every example is one command line, which docs/guides.md shows as it is here.
"""

from __future__ import annotations

import argparse
import shlex
import tempfile
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageDraw

from server.cli.main import main as neural_style
from stylecore.files import pictures, writing

REPOSITORY = Path(__file__).resolve().parent.parent
STYLES = REPOSITORY / "samples" / "styles"
#: By name: the command after “neural-style style”, and the pictures shown before the result.
EXAMPLES = {
    "two-regions": ("harbour.png starlit-oil.jpg lagoon-watercolour.jpg --style-guide sky.png", ["harbour.png", "sky.png"]),
    "soft-mask": ("still-life.png peacock-batik.jpg --guide spot.png", ["still-life.png", "spot.png"]),
    "strength-map": ("harbour.png wave-woodblock.jpg --strength 75 --strength-map ramp.png", ["harbour.png", "ramp.png"]),
    "sprite": ("sprite.png koi-mosaic.jpg", ["sprite.png"]),
    "grey": ("grey.png sunflowers-oil.jpg --colours match", ["grey.png"]),
    "match": ("still-life.png wave-woodblock.jpg --colours match", ["still-life.png", "wave-woodblock.jpg"]),
    "sixteen-bit": ("dusk.png starlit-oil.jpg --strength 45", ["dusk.png"]),
    "wide-gamut": ("wide.tif concert-geometric.jpg --strength 45 --colours photo", ["wide.tif"]),
}
_HEIGHT = 240


def prepare(folder: Path, size: int) -> None:
    """Put the photos, styles and masks that the commands name into ``folder``."""
    for path in STYLES.glob("*.jpg"):
        (folder / path.name).write_bytes(path.read_bytes())
    photos = {}
    for name in ("harbour", "still-life"):
        photo = pictures.load(REPOSITORY / "samples" / "content" / f"{name}.jpg", size).pixels
        writing.save(folder / f"{name}.png", photo)
        photos[name] = photo
    harbour, still_life = photos["harbour"], photos["still-life"]
    height, width = harbour.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    _save_map(folder / "sky.png", np.clip((0.42 * height - y) / (0.06 * height) + 0.5, 0, 1))
    _save_map(folder / "ramp.png", x / (width - 1))
    height, width = still_life.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    radius = np.hypot((x - width / 2) / width, (y - height / 2) / height)
    _save_map(folder / "spot.png", np.clip((0.5 - radius) / 0.3, 0, 1))
    writing.save(folder / "grey.png", np.repeat(still_life.mean(2, keepdims=True), 3, 2))
    large = Image.new("L", (width * 4, height * 4), 0)
    angles, radii = np.arange(10) * np.pi / 5 - np.pi / 2, np.array([0.48, 0.2] * 5)
    star = zip((0.5 + np.cos(angles) * radii) * width * 4, (0.52 + np.sin(angles) * radii) * height * 4, strict=True)
    ImageDraw.Draw(large).polygon(list(star), fill=255)
    alpha = np.asarray(large.resize((width, height), Image.Resampling.LANCZOS), np.float32)[..., None] / 255
    writing.save(folder / "sprite.png", np.concatenate([still_life, alpha], 2))
    sky = np.linspace(0, 1, size, dtype=np.float32)[:, None, None] * np.array([0.16, 0.10, -0.04], np.float32)
    dusk = np.broadcast_to(sky + np.array([0.13, 0.16, 0.3], np.float32), (size, size * 4 // 3, 3))
    writing.save(folder / "dusk.png", dusk, depth=16)
    display_p3 = imagecodecs.cms_profile(
        "rgb", whitepoint=[0.3127, 0.3290, 1], primaries=[0.68, 0.32, 1, 0.265, 0.69, 1, 0.15, 0.06, 1], gamma=2.2
    )
    tifffile.imwrite(folder / "wide.tif", (harbour * 65535).astype(np.uint16), photometric="rgb", iccprofile=display_p3)


def _save_map(path: Path, values: np.ndarray) -> None:
    writing.save(path, np.repeat(values[..., None].astype(np.float32), 3, 2))


def sheet(paths: list[Path]) -> Image.Image:
    """Return the pictures in one row of equal height, transparency as a chequerboard."""
    panels = []
    for path in paths:
        pixels = pictures.load(path).pixels
        if pixels.shape[2] == 4:
            y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
            board = np.where((x // 8 + y // 8) % 2, 0.8, 0.95).astype(np.float32)[..., None]
            pixels = pixels[..., :3] * pixels[..., 3:] + board * (1 - pixels[..., 3:])
        image = writing.to_image(pixels)
        panels.append(image.resize((round(image.width * _HEIGHT / image.height), _HEIGHT), Image.Resampling.LANCZOS))
    row = Image.new("RGB", (sum(panel.width + 8 for panel in panels) - 8, _HEIGHT), "white")
    left = 0
    for panel in panels:
        row.paste(panel, (left, 0))
        left += panel.width + 8
    return row


def main() -> None:
    """Paint the examples that are named, or all, and keep each as docs/pictures/guide-NAME.jpg."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *EXAMPLES], default=[], metavar="NAME")
    parser.add_argument("--size", type=int, default=320, help="the photos' longer side")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder, options.size)
        for name in options.names or EXAMPLES:
            command, shown = EXAMPLES[name]
            deep = shown[0] in ("dusk.png", "wide.tif")
            result = folder / ("result.tif" if deep else "result.png")
            words = [str(folder / word) if "." in word else word for word in shlex.split(command)]
            if neural_style(["style", *words, "-o", str(result), "--local"]):
                raise SystemExit(f"{name} could not be painted.")
            row = sheet([*(folder / each for each in shown), result])
            row.save(REPOSITORY / "docs" / "pictures" / f"guide-{name}.jpg", quality=88)


if __name__ == "__main__":
    main()
