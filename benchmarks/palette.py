"""Measure how far a result's colours are from its style's, without the palette term and with it.

    python -m benchmarks.palette [--size 256 …] [--pair CONTENT STYLE …] [--set NAME=VALUE …] [--cost] [--output FOLDER]

Each pair is painted twice: with ``palette`` 0, and as the settings say. What is told is the squared sliced
Wasserstein distance of all pixels' colours to the style's, by sorting along 64 directions that are not the term's
own, as a share of the same distance of the photo: 1 is the photo's colours, 0 the style's. The style is brought to as
many pixels as the photo has. ``--cost`` also says which share of an evaluation's processor time the term takes.
Writes ``palette.json``, ``palette.md``, each result as a PNG, and ``palette.jpg``: style, without and with. Without
``--pair`` it takes the project's own samples, flat and drawn styles first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageOps
from torch import Tensor

from benchmarks.painting import as_used, paint, read, sample_pair, to_image
from stylecore.device.engine import Engine
from stylecore.events import StepDone
from stylecore.files.pictures import Pixels
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

PAIRS = (
    ("harbour", "castle-pen"), ("still-life", "lilies-poster"), ("harbour", "mountains-ink"),
    ("still-life", "fox-woodcut"), ("harbour", "wave-woodblock"), ("harbour", "balloon-halftone"),
    ("harbour", "starlit-oil"), ("still-life", "sunflowers-oil"), ("still-life", "koi-mosaic"),
)  # fmt: skip
#: The side of a picture on the sheet.
_CELL = 256


def directions(count: int = 64) -> Tensor:
    """Return random unit vectors in RGB, ``count`` × 3: others than those that the term itself takes."""
    vectors = torch.randn(count, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return torch.nn.functional.normalize(vectors, dim=1)


def distance(first: Pixels, second: Pixels) -> float:
    """Return the squared sliced Wasserstein-2 distance of two pictures' colours (0 to 1), whatever their sizes."""
    along = [
        torch.sort(directions() @ torch.from_numpy(each).double().flatten(0, 1).t(), dim=1).values
        for each in (first, second)
    ]
    count = max(each.shape[1] for each in along)
    a, b = (torch.nn.functional.interpolate(each[None], count, mode="linear", align_corners=True)[0] for each in along)
    return (a - b).square().mean().item()


def cost(engine: Engine, content: Pixels, style: Pixels, rounds: int = 7) -> tuple[float, float]:
    """Return an evaluation's processor seconds at full size, and the term's share: medians of several taken in turn."""
    job = Job(engine, PaintRequest(content, [Style(style)]))
    for event in job.run():
        if isinstance(event, StepDone) and event.scale == event.scales:
            break
    objective, image = job._objective, torch.from_numpy(content).permute(2, 0, 1)[None].contiguous()
    assert objective is not None and objective._palette is not None
    wholes, shares = [], []
    for _ in range(rounds):
        begin = time.process_time()
        objective(image)
        middle = time.process_time()
        objective._palette(image)
        wholes.append(middle - begin)
        shares.append((time.process_time() - middle) / wholes[-1])
    return statistics.median(wholes), statistics.median(shares)


def _row(engine: Engine, files: tuple[Path, Path], size: int, options: argparse.Namespace) -> dict[str, Any]:
    """Paint one pair at one size and measure it."""
    content, style = read(files[0], size), read(files[1], 2 * size)
    used = as_used(style, content)
    settings = {name: json.loads(value) for name, value in (each.split("=", 1) for each in options.set)}
    photo = distance(content, used)
    row: dict[str, Any] = {"content": files[0].stem, "style": files[1].stem, "px": size, "photo": photo}
    for name, wanted in (("without", {**settings, "palette": 0.0}), ("with", settings)):
        picture = to_image(paint(engine, content, style, Settings.checked(wanted)))
        picture.save(options.output / f"{files[0].stem}_{files[1].stem}_{size}_{name}.png")
        row[name] = distance(np.asarray(picture, np.float32) / np.float32(255), used) / photo
    if options.cost:
        row["evaluation"], row["share"] = cost(engine, content, style)
    return row


def _sheet(rows: list[dict[str, Any]], pairs: list[tuple[Path, Path]], folder: Path) -> Image.Image:
    """Return style, result without and result with, a line for each row."""
    sheet = Image.new("RGB", (3 * _CELL, len(rows) * _CELL), "white")
    draw = ImageDraw.Draw(sheet)
    files = {(content.stem, style.stem): style for content, style in pairs}
    for number, row in enumerate(rows):
        name = f"{row['content']}_{row['style']}_{row['px']}"
        tiles = [Image.open(files[row["content"], row["style"]]).convert("RGB")]
        tiles += [Image.open(folder / f"{name}_{each}.png") for each in ("without", "with")]
        for column, tile in enumerate(tiles):
            sheet.paste(ImageOps.contain(tile, (_CELL - 4, _CELL - 16)), (column * _CELL, number * _CELL))
        words = f"{row['content']}, {row['style']}, {row['px']} px: without {row['without']:.3f}, with {row['with']:.3f}"
        draw.text((2, (number + 1) * _CELL - 14), words, fill="black")
    return sheet


def main() -> None:
    """Paint and measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="+", default=[256])
    parser.add_argument("--pair", nargs=2, type=Path, action="append", metavar=("CONTENT", "STYLE"))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, its value as JSON")
    parser.add_argument("--cost", action="store_true", help="measure the term's processor time, too")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output" / "palette")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    pairs = [(pair[0], pair[1]) for pair in options.pair or [sample_pair(*pair) for pair in PAIRS]]
    engine = Engine()
    engine.network(Settings(), engine.arithmetic())
    machine = f"{engine.device_name}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    rows: list[dict[str, Any]] = []
    lines = ["| pair | px | photo's distance | without | with | processor time |", "|---|---|---|---|---|---|"]
    for size in options.size:
        for pair in pairs:
            rows.append(row := _row(engine, pair, size, options))
            share = f"{row['share']:.1%} of {row['evaluation']:.2f} s" if options.cost else "–"
            found = f"{row['photo']:.4f} | {row['without']:.3f} | {row['with']:.3f} | {share}"
            lines.append(f"| {row['content']}, {row['style']} | {size} | {found} |")
            print(lines[-1], flush=True)
            (options.output / "palette.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
            (options.output / "palette.md").write_text("\n".join(lines) + "\n")
            _sheet(rows, pairs, options.output).save(options.output / "palette.jpg", quality=88)


if __name__ == "__main__":
    main()
