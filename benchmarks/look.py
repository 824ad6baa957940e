"""Paint many pairs with the default settings and lay them out to be looked at.

    python -m benchmarks.look [--size 512] [--pair CONTENT STYLE …] [--set NAME=VALUE …] [--output FOLDER]

Writes each result as a PNG at full size and ``look.jpg``: content, style and result of each pair. Without ``--pair`` it
takes the project's own samples.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from benchmarks.painting import paint, read, sample_pair, to_image
from stylecore.device.engine import Engine
from stylecore.settings import Settings

PAIRS = (
    ("harbour", "starlit-oil"), ("still-life", "sunflowers-oil"), ("harbour", "wave-woodblock"),
    ("still-life", "koi-mosaic"),
    ("harbour", "iris-glass"), ("still-life", "fox-woodcut"), ("harbour", "lagoon-watercolour"),
    ("still-life", "dahlias-pastel"), ("harbour", "concert-geometric"), ("still-life", "river-points"),
)  # fmt: skip
#: The side of a picture on the sheet, and how many pairs stand side by side.
_CELL, _ACROSS = 240, 2


def main() -> None:
    """Paint what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--pair", nargs=2, type=Path, action="append", metavar=("CONTENT", "STYLE"))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, its value as JSON")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output" / "look")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    pairs = options.pair or [sample_pair(*pair) for pair in PAIRS]
    settings = Settings(**{name: json.loads(value) for name, value in (each.split("=", 1) for each in options.set)})
    engine = Engine()
    engine.network(Settings(), engine.arithmetic())  # so that no picture's time holds it
    sheet = Image.new("RGB", (3 * _CELL * min(_ACROSS, len(pairs)), -(-len(pairs) // _ACROSS) * _CELL), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (content_file, style_file) in enumerate(pairs):
        left, top = number % _ACROSS * 3 * _CELL, number // _ACROSS * _CELL
        content, style = read(content_file, options.size), read(style_file, 2 * options.size)
        begin = time.perf_counter()
        painted = to_image(paint(engine, content, style, settings))
        seconds = time.perf_counter() - begin
        painted.save(options.output / f"{content_file.stem}_{style_file.stem}.png")
        tiles = [to_image(content), to_image(style)]
        for column, tile in enumerate([*tiles, painted]):
            sheet.paste(ImageOps.contain(tile, (_CELL - 4, _CELL - 16)), (left + column * _CELL, top))
        words = f"{content_file.stem}, {style_file.stem}: {content.shape[1]} x {content.shape[0]}, {seconds:.0f} s"
        draw.text((left + 2, top + _CELL - 14), words, fill="black")
        sheet.save(options.output / "look.jpg", quality=90)
        print(words, flush=True)


if __name__ == "__main__":
    main()
