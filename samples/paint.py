"""Paint the sample pictures: photograph-like contents and the gallery of styles.

python samples/paint.py                      paint them all, in place (about five minutes)
python samples/paint.py starlit-oil harbour  paint only these
python samples/paint.py --output FOLDER      paint into another folder
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from painters import (  # noqa: E402
    batik,
    brush_ink,
    geometric,
    glass,
    halftone,
    harbour,
    mosaic,
    oils,
    pastel,
    pen,
    points,
    poster,
    still_life,
    watercolour,
    woodblock,
    woodcut,
)


@dataclass(frozen=True)
class Sample:
    """One picture: where it goes, who paints it, its size and its seed."""

    folder: str  # "content" or "styles"
    painter: Callable[[tuple[int, int], int], np.ndarray]
    width: int
    height: int
    seed: int
    quality: int = 90
    largest: int = 350_000  # bytes; the quality goes down until the file fits

    def paint(self, width: int | None = None) -> Image.Image:
        """Paint the picture, or the same one at another width (details differ with the size)."""
        width = width or self.width
        shape = (round(self.height * width / self.width), width)
        pixels = np.clip(self.painter(shape, self.seed), 0, 1)
        return Image.fromarray((pixels * 255 + 0.5).astype(np.uint8))

    def encode(self, picture: Image.Image) -> bytes:
        """The JPEG file."""
        for quality in range(self.quality, 40, -3):
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=quality, optimize=True)
            if file.tell() <= self.largest:
                break
        return file.getvalue()


SAMPLES: dict[str, Sample] = {
    "harbour": Sample("content", harbour.photo, 768, 576, 1, 92),
    "still-life": Sample("content", still_life.photo, 768, 576, 1, 92),
    "starlit-oil": Sample("styles", oils.starlit, 768, 768, 3),
    "sunflowers-oil": Sample("styles", oils.sunflowers, 768, 768, 3),
    "koi-mosaic": Sample("styles", mosaic.koi, 768, 768, 5),
    "iris-glass": Sample("styles", glass.window, 768, 768, 5),
    "castle-pen": Sample("styles", pen.pen, 768, 768, 7),
    "lagoon-watercolour": Sample("styles", watercolour.watercolour, 768, 768, 4),
    "fox-woodcut": Sample("styles", woodcut.woodcut, 768, 768, 7),
    "wave-woodblock": Sample("styles", woodblock.wave, 768, 768, 7),
    "river-points": Sample("styles", points.points, 768, 768, 4),
    "dahlias-pastel": Sample("styles", pastel.pastel, 768, 768, 4),
    "concert-geometric": Sample("styles", geometric.concert, 768, 768, 4),
    "peacock-batik": Sample("styles", batik.batik, 768, 768, 2),
    "lilies-poster": Sample("styles", poster.lilies, 768, 768, 2),
    "mountains-ink": Sample("styles", brush_ink.mountains, 768, 768, 4),
    "balloon-halftone": Sample("styles", halftone.halftone, 768, 768, 7),
}


def main(arguments: list[str] | None = None) -> int:
    """Paint what the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(description="Paint the sample pictures. The same seed paints the same picture.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to paint (default: all): {', '.join(SAMPLES)}")
    parser.add_argument(
        "--output",
        type=Path,
        default=HERE,
        metavar="FOLDER",
        help="where content/ and styles/ go (default: beside this script)",
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in SAMPLES]
    if unknown:
        parser.error(f"there is no sample named {', '.join(unknown)}; there are: {', '.join(SAMPLES)}")
    for name in options.names or SAMPLES:
        sample = SAMPLES[name]
        begun = time.monotonic()
        path = options.output / sample.folder / f"{name}.jpg"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(sample.encode(sample.paint()))
        except OSError as error:
            print(f"Could not write {path}: {error.strerror}. Choose another folder with --output.", file=sys.stderr)
            return 1
        print(f"{path}  ({time.monotonic() - begun:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
