"""Measure whether the strength slider is even: how far each tenth of it takes the picture from the photo.

    python -m benchmarks.strength [--size 192] [--pair CONTENT STYLE …] [--output FOLDER]

For strengths 0, 10 … 100 of the default settings: the root of the content loss (distance from the photo in the network's
features, in standard deviations of the photo's own), the style loss (1 at the photo), the mean absolute difference from
the photo in 8-bit levels, and the share of the whole way that the last tenth went. Writes ``strength.md`` and
``strength.jpg``.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.painting import read, sample_pair, to_image
from stylecore.device.engine import Engine
from stylecore.events import StepDone
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

PAIRS = (("harbour", "starlit-oil"), ("still-life", "koi-mosaic"), ("harbour", "wave-woodblock"))
STRENGTHS = tuple(range(0, 101, 10))


def main() -> None:
    """Run the measurement that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--pair", nargs=2, type=Path, action="append", metavar=("CONTENT", "STYLE"))
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output" / "strength")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    pairs = options.pair or [sample_pair(*pair) for pair in PAIRS]
    engine = Engine("cpu")
    size: int = options.size
    sheet = Image.new("RGB", (len(STRENGTHS) * size, len(pairs) * (size + 14)), "white")
    draw = ImageDraw.Draw(sheet)
    lines = [
        "| pair | strength | distance from the photo | step from the last | style loss | mean difference (levels) |",
        "|---|---|---|---|---|---|",
    ]
    for row, (content_file, style_file) in enumerate(pairs):
        content, style = read(content_file, size, square=True), read(style_file, 2 * size, square=True)
        rows = []
        for column, strength in enumerate(STRENGTHS):
            job = Job(engine, PaintRequest(content, [Style(style)], Settings(strength=strength)))
            distance, style_loss = 0.0, 1.0
            for event in job.run():
                if isinstance(event, StepDone):
                    distance, style_loss = math.sqrt(event.content_loss), event.style_loss
            image = job.image()
            rows.append((strength, distance, style_loss, float(np.abs(image - content).mean() * 255)))
            sheet.paste(to_image(image), (column * size, row * (size + 14)))
            draw.text((column * size + 4, row * (size + 14) + size), f"strength {strength}", fill="black")
        whole = rows[-1][1]
        before = 0.0
        for strength, distance, style_loss, difference in rows:
            share = (distance - before) / whole
            before = distance
            line = f"| {content_file.stem}, {style_file.stem} | {strength} | {distance:.3f} | {share:.0%} "
            lines.append(f"{line}| {style_loss:.3f} | {difference:.1f} |")
            print(lines[-1], flush=True)
        (options.output / "strength.md").write_text("\n".join(lines) + "\n")
        sheet.save(options.output / "strength.jpg", quality=88)


if __name__ == "__main__":
    main()
