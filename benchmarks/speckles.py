"""Measure fine differences of colour in a result, its style and its content, and paint what holds them away.

    python -m benchmarks.speckles [--size 320] [--pair CONTENT STYLE …] [--set NAME=VALUE …] [--output FOLDER]

Each pair is painted twice: as it is, and with differences of colour counting no more than those of lightness
(``stylecore.objective.smoothness``). What is told is the standard deviation, in levels of 255, of what a blur of one pixel
takes away: of lightness, and of the two colour differences (blue and red less lightness) together. Writes
``speckles.md``, each result as a PNG, and ``speckles.jpg`` with a part of both, three times as large. Without ``--pair`` it
takes the project's own samples.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.painting import paint, read, sample_pair, to_image
from stylecore.device.engine import Engine
from stylecore.files.pictures import Pixels
from stylecore.objective import objective
from stylecore.settings import Settings

PAIRS = (
    ("harbour", "castle-pen"), ("harbour", "wave-woodblock"), ("still-life", "koi-mosaic"), ("harbour", "starlit-oil"),
    ("still-life", "river-points"), ("harbour", "iris-glass"),
)  # fmt: skip
_PART, _ZOOM = (160, 110), 3


def restlessness(pixels: Pixels) -> tuple[float, float]:
    """Return the standard deviations, in levels, of the finest differences of lightness and of colour."""
    channels = to_image(pixels).convert("YCbCr").split()
    blurred = (channel.filter(ImageFilter.GaussianBlur(1)) for channel in channels)
    fine = (np.asarray(a, np.float32) - np.asarray(b, np.float32) for a, b in zip(channels, blurred, strict=True))
    lightness, blue, red = (float(each.std()) for each in fine)
    return lightness, (blue**2 + red**2) ** 0.5


def main() -> None:
    """Paint and measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--pair", nargs=2, type=Path, action="append", metavar=("CONTENT", "STYLE"))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, its value as JSON")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output" / "speckles")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    pairs = options.pair or [sample_pair(*pair) for pair in PAIRS]
    settings = Settings(**{name: json.loads(value) for name, value in (each.split("=", 1) for each in options.set)})
    engine, held = Engine(), objective.colour_weight
    width, height = _PART[0] * _ZOOM, _PART[1] * _ZOOM
    sheet = Image.new("RGB", (2 * width + 4, len(pairs) * (height + 16)), "white")
    draw = ImageDraw.Draw(sheet)
    lines = [
        "| pair | colour: style | content | painted without | with | lightness: style | painted without | with |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row, (content_file, style_file) in enumerate(pairs):
        content, style = read(content_file, options.size), read(style_file, 2 * options.size)
        factor = (content.shape[0] * content.shape[1] / (style.shape[0] * style.shape[1])) ** 0.5
        size = round(style.shape[1] * factor), round(style.shape[0] * factor)
        used = to_image(style).resize(size, Image.Resampling.LANCZOS)
        found = [restlessness(np.asarray(used, np.float32) / 255), restlessness(content)]
        for column, weight in enumerate((lambda styles: torch.tensor(1.0), held)):
            objective.colour_weight = weight
            painted = paint(engine, content, style, settings)
            found.append(restlessness(painted))
            picture = to_image(painted)
            picture.save(options.output / f"{content_file.stem}_{style_file.stem}_{('without', 'with')[column]}.png")
            left, top = (picture.width - _PART[0]) // 2, (picture.height - _PART[1]) // 2
            part = picture.crop((left, top, left + _PART[0], top + _PART[1]))
            part = part.resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(part, (column * (width + 4), row * (height + 16)))
        name = f"{content_file.stem}, {style_file.stem}"
        draw.text((2, row * (height + 16) + height + 2), f"{name}: without, with", fill="black")
        (y_style, c_style), (_, c_content), (y_free, c_free), (y_held, c_held) = found
        lines.append(
            f"| {name} | {c_style:.1f} | {c_content:.1f} | {c_free:.1f} | {c_held:.1f} "
            f"| {y_style:.1f} | {y_free:.1f} | {y_held:.1f} |"
        )
        print(lines[-1], flush=True)
        sheet.save(options.output / "speckles.jpg", quality=90)
        (options.output / "speckles.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
