"""Do preview and final agree? Paint the same pair small and large and compare the two at the small size.

    python -m benchmarks.agreement [--small 256] [--large 1024] [--pair CONTENT STYLE …] [--output FOLDER]

The layout (what is light or dark where) is compared as the correlation of the two pictures' lightness after a blur of
1/64 and of 1/16 of the longer side: 1 is the same layout. Beside it stands the mean difference of the blurred colours
in levels of 255. What a picture has in common with every painting of its photo anyway is shown by the correlation of the
large one with the photo. Writes ``agreement.md`` and a sheet: the small picture enlarged beside the large one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.painting import paint, read, sample_pair, to_image
from stylecore.device.engine import Engine

PAIRS = (
    ("harbour", "starlit-oil"), ("still-life", "koi-mosaic"), ("harbour", "wave-woodblock"),
    ("still-life", "sunflowers-oil"),
)  # fmt: skip
_BLURS = (1 / 64, 1 / 16)
_SHEET_SIDE = 640


def correlation(first: Image.Image, second: Image.Image, blur: float) -> float:
    """Return the correlation of the lightness of two pictures of one size after a blur of ``blur`` × the longer side."""
    radius = blur * max(first.size)
    values = [
        np.asarray(picture.convert("L").filter(ImageFilter.GaussianBlur(radius)), float).ravel()
        for picture in (first, second)
    ]
    return float(np.corrcoef(values)[0, 1])


def difference(first: Image.Image, second: Image.Image, blur: float) -> float:
    """Return the mean difference of the blurred colours, in levels of 255."""
    radius = blur * max(first.size)
    values = [np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), float) for picture in (first, second)]
    return float(np.abs(values[0] - values[1]).mean())


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=256)
    parser.add_argument("--large", type=int, default=1024)
    parser.add_argument("--pair", nargs=2, type=Path, action="append", metavar=("CONTENT", "STYLE"))
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output" / "agreement")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    pairs = options.pair or [sample_pair(*pair) for pair in PAIRS]
    engine = Engine("cpu")
    lines = [
        f"| pair | small and large: layout at blur {' and '.join(f'1/{1 / blur:.0f}' for blur in _BLURS)} | "
        "large and photo | mean difference, levels |",
        "|---|---|---|---|",
    ]
    rows = []
    for content_file, style_file in pairs:
        pictures = [
            to_image(paint(engine, read(content_file, side), read(style_file, 2 * side)))
            for side in (options.small, options.large)
        ]
        large = pictures[1].resize(pictures[0].size, Image.Resampling.LANCZOS)
        photo = to_image(read(content_file, options.small))
        alike = [correlation(pictures[0], large, blur) for blur in _BLURS]
        anyway = [correlation(photo, large, blur) for blur in _BLURS]
        lines.append(
            f"| {content_file.stem}, {style_file.stem} | {alike[0]:.3f}, {alike[1]:.3f} | {anyway[0]:.3f}, {anyway[1]:.3f} "
            f"| {difference(pictures[0], large, _BLURS[0]):.1f} |"
        )
        print(lines[-1], flush=True)
        height = round(_SHEET_SIDE * pictures[0].height / pictures[0].width)
        row = Image.new("RGB", (2 * _SHEET_SIDE, height))
        for number, picture in enumerate(pictures):
            row.paste(picture.resize((_SHEET_SIDE, height), Image.Resampling.LANCZOS), (number * _SHEET_SIDE, 0))
        rows.append(row)
    (options.output / "agreement.md").write_text("\n".join(lines) + "\n")
    sheet = Image.new("RGB", (2 * _SHEET_SIDE, sum(row.height for row in rows)))
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    sheet.save(options.output / "agreement.jpg", quality=85)


if __name__ == "__main__":
    main()
