"""Contact sheets, and the curves and tables of a sweep's losses."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from server.cli.experiments.sweep import Run
from stylecore.files import pictures, writing
from stylecore.files.replacing import replacing
from stylecore.grids import Axis

_PAPER, _INK = "#faf8f4", "#3a3632"
#: The side of a picture in a sheet.
CELL = 288
_GAP, _LABEL = 10, 26
#: With one row of more pictures than this, they go on in the next.
_MOST_COLUMNS = 5


def contact_sheet(rows: Sequence[Sequence[tuple[str, pictures.Pixels]]], title: str = "") -> Image.Image:
    """Return pictures in rows on paper white, each shrunk to a cell, with its name below.

    Args:
        rows: name and picture (H × W × 3 or 4 float32) of each cell; rows may differ in length.
        title: a line above all.
    """
    images = [[(name, _thumbnail(pixels)) for name, pixels in row] for row in rows]
    heights = [max((image.height for _, image in row), default=0) for row in images]
    width = max((len(row) for row in images), default=0) * (CELL + _GAP) + _GAP
    top = _LABEL + _GAP if title else _GAP
    sheet = Image.new("RGB", (width, top + sum(height + _LABEL + _GAP for height in heights)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((_GAP, _GAP // 2 + _LABEL // 2), title, fill=_INK, font=_font(title, width, 18), anchor="lm")
    for row, height in zip(images, heights, strict=True):
        for column, (name, image) in enumerate(row):
            left = _GAP + column * (CELL + _GAP)
            sheet.paste(image, (left + (CELL - image.width) // 2, top + height - image.height))
            draw.text(
                (left + CELL // 2, top + height + _LABEL // 2), name, fill=_INK, font=_font(name, CELL, 16), anchor="mm"
            )
        top += height + _LABEL + _GAP
    return sheet


def _font(text: str, width: int, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the largest font up to ``size`` in which ``text`` fits into ``width``."""
    font = ImageFont.load_default(size)
    while size > 9 and font.getlength(text) > width - _GAP:
        size -= 1
        font = ImageFont.load_default(size)
    return font


def _thumbnail(pixels: pictures.Pixels) -> Image.Image:
    image = writing.to_image(np.ascontiguousarray(pixels))
    factor = CELL / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    image = image.resize(size, Image.Resampling.LANCZOS if factor < 1 else Image.Resampling.BICUBIC)
    if image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image


def grid(axes: Sequence[Axis], runs: Sequence[Run], folder: Path) -> list[list[tuple[str, pictures.Pixels]]]:
    """Return a sweep's pictures in rows: one of two settings down and the other across, or one in reading order."""
    cells: dict[tuple[object, ...], str] = {}
    for run in runs:
        for count, name in run.cells.items():
            cells[tuple(run.values.get(axis.name, count) for axis in axes)] = name

    def cell(*values: object) -> tuple[str, pictures.Pixels]:
        words = ", ".join(axis.words(value) for axis, value in zip(axes, values, strict=True))  # type: ignore[arg-type]
        return words, pictures.load(folder / cells[values]).pixels

    if len(axes) == 2:
        return [[cell(down, across) for across in axes[1].values] for down in axes[0].values]
    flat = [cell(value) for value in axes[0].values]
    return [flat[begin : begin + _MOST_COLUMNS] for begin in range(0, len(flat), _MOST_COLUMNS)]


def write_losses(path: Path, axes: Sequence[Axis], runs: Sequence[Run]) -> None:
    """Write the losses of every step at the last scale as CSV: the settings varied, step, losses, and those by layer."""
    names = [axis.name for axis in axes if any(axis.name in run.values for run in runs)]
    layers = list(next((run.losses[0].layers for run in runs if run.losses), {}))
    with replacing(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*names, "step", "total", "content", "style", *layers])
        for run in runs:
            for loss in run.losses:
                numbers = [loss.total, loss.content, loss.style, *(loss.layers[layer] for layer in layers)]
                table.writerow([*(run.values[name] for name in names), loss.step, *(f"{n:.8g}" for n in numbers)])


def draw_curves(path: Path, axes: Sequence[Axis], runs: Sequence[Run]) -> None:
    """Draw content and style loss against the step, a line for each run.

    Raises:
        ImportError: there is no matplotlib.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    words = {axis.name: axis.words for axis in axes}
    for panel, kind in zip(panels, ("content", "style"), strict=True):
        for run in runs:
            label = ", ".join(words[name](value) for name, value in run.values.items()) or "the run"
            steps = [loss.step for loss in run.losses]
            panel.plot(steps, [getattr(loss, kind) for loss in run.losses], label=label)
        panel.set(title=f"{kind} loss (before its weight)", xlabel="step at the final size")
        # An objective that leaves one of them at nothing has nothing to show on a logarithmic scale.
        if all(getattr(loss, kind) > 0 for run in runs for loss in run.losses):
            panel.set_yscale("log")
        panel.grid(True, which="both", alpha=0.3)
    if len(runs) <= 12:
        panels[1].legend(fontsize="small")
    with replacing(path) as beside:
        figure.savefig(beside, dpi=110, format="png")
    pyplot.close(figure)
