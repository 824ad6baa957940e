"""Measure how flat a result is where it is flattest, beside its style, without the edges' term and with it.

    python -m benchmarks.flatness [--size 512 …] [--pair CONTENT STYLE …] [--set NAME=VALUE …] [--output FOLDER]

Each pair is painted twice: with ``edges`` 0, and as the settings say. What is told is how much finest detail (the
difference from the picture under a binomial filter of nine taps) there is in the third of a picture with the least of
it: its root mean square in levels of 255, for lightness and for colour, of the style (brought to the result's size), of
both results, and what the results have beyond the style. Beside it stands how far the colours are from the style's
(:mod:`benchmarks.palette`). Writes ``flatness.json``, ``flatness.md`` and each result as a PNG. Without ``--pair`` it
takes the project's own samples, flat and drawn styles first.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.painting import as_used, paint, read, sample_pair, to_image
from benchmarks.palette import distance
from stylecore.device.engine import Engine
from stylecore.files.pictures import Pixels
from stylecore.settings import Settings

PAIRS = (
    ("harbour", "castle-pen"), ("still-life", "lilies-poster"), ("harbour", "mountains-ink"),
    ("still-life", "fox-woodcut"), ("harbour", "wave-woodblock"), ("still-life", "balloon-halftone"),
    ("still-life", "concert-geometric"),
    ("harbour", "starlit-oil"), ("still-life", "sunflowers-oil"), ("still-life", "koi-mosaic"),
    ("harbour", "lagoon-watercolour"), ("harbour", "river-points"), ("still-life", "dahlias-pastel"),
)  # fmt: skip
_TAPS = (1, 8, 28, 56, 70, 56, 28, 8, 1)


def detail(picture: Pixels) -> tuple[float, float]:
    """Return the finest detail of the flattest third of a picture (H × W × 3 in [0, 1]): of lightness, and of colour."""
    pixels = torch.from_numpy(picture).double().permute(2, 0, 1)
    lightness = (pixels * pixels.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(0, keepdim=True)
    fine = torch.cat([lightness, pixels - lightness])
    squares = (fine - _blurred(fine)).square()
    activity = _blurred(_blurred(squares[:1]))[0]
    flattest = activity <= activity.quantile(1 / 3)
    of_lightness, of_colour = squares[0][flattest].mean(), squares[1:].sum(0)[flattest].mean()
    return 255 * of_lightness.sqrt().item(), 255 * of_colour.sqrt().item()


def _blurred(planes: Tensor) -> Tensor:
    taps = planes.new_tensor(_TAPS) / sum(_TAPS)
    planes = F.pad(planes[:, None], (4, 4, 4, 4), mode="replicate")
    return F.conv2d(F.conv2d(planes, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))[:, 0]


def _row(engine: Engine, files: tuple[Path, Path], size: int, options: argparse.Namespace) -> dict[str, Any]:
    content, style = read(files[0], size), read(files[1], 2 * size)
    settings = {name: json.loads(value) for name, value in (each.split("=", 1) for each in options.set)}
    row: dict[str, Any] = {"content": files[0].stem, "style": files[1].stem, "size": size}
    used = as_used(style, content)
    row["detail of the style"] = detail(used)
    for name, wanted in (("without", {**settings, "edges": 0.0}), ("with", settings)):
        picture = paint(engine, content, style, Settings.checked(wanted))
        to_image(picture).save(options.output / f"{files[0].stem}_{files[1].stem}_{size}_{name}.png")
        row[f"detail {name}"] = detail(picture)
        row[f"palette {name}"] = distance(picture, used) / distance(content, used)
    return row


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| pair | px | lightness: style | without | with | colour: style | without | with | palette without | with |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        both = [[row[f"detail {name}"][kind] for name in ("of the style", "without", "with")] for kind in (0, 1)]
        numbers = " | ".join(f"{each:.2f}" for each in (*both[0], *both[1]))
        palette = " | ".join(f"{row[f'palette {name}']:.4f}" for name in ("without", "with"))
        lines.append(f"| {row['content']}, {row['style']} | {row['size']} | {numbers} | {palette} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Print a table, write pictures, and return the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="+", default=[512], help="px of the longer side")
    parser.add_argument("--pair", nargs=2, action="append", type=Path, metavar=("CONTENT", "STYLE"))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, its value as JSON")
    parser.add_argument("--weights", help="as of the setting; for trying the program out")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output" / "flatness")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    engine = Engine("cpu", options.weights)
    pairs = options.pair or [sample_pair(*each) for each in PAIRS]
    rows = []
    for size in options.size:
        for files in pairs:
            rows.append(_row(engine, tuple(files), size, options))
            print(_table(rows[-1:]).splitlines()[-1], flush=True)
    (options.output / "flatness.json").write_text(json.dumps(rows, indent=1) + "\n")
    (options.output / "flatness.md").write_text(_table(rows))
    return rows


if __name__ == "__main__":
    main()
