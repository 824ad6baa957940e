"""``neural-style sweep``, ``compare`` and ``reconstruct``: experiments with pictures, each one command."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.cli.experiments.sheets import CELL, contact_sheet, draw_curves, grid, write_losses
from server.cli.experiments.sweep import Run, Sweep, cell_losses, runs_of
from server.cli.files.notes import read
from server.cli.files.outputs import Outputs, claim_in_folder, make_folder
from server.cli.painting import Interrupts, local_engine
from server.cli.style import chosen_settings, load_styles, style_weights
from server.cli.terminal.output import counted, say, shown, tell, write_json
from server.cli.terminal.progress import Several
from stylecore.errors import StyleError
from stylecore.files import pictures, writing
from stylecore.grids import parse_axis
from stylecore.request import PaintRequest, Style

if TYPE_CHECKING:
    from stylecore.experiments.scores import Score

#: Of the sheet that compares pictures.
_SHEET_COLUMNS = 4
_Cell = tuple[str, pictures.Pixels]


def sweep(options: argparse.Namespace) -> int:
    """Paint a grid over one or two settings; returns the exit status."""
    axes = [parse_axis(text) for text in options.vary]
    settings = chosen_settings(options)
    given = [axis.name for axis in axes if getattr(options, f"set_{axis.name}") is not None]
    if given:
        flag = f"--{given[0].replace('_', '-')}"
        raise StyleError("bad-arguments", f"{flag} is varied and set at once.", "Leave one of the two out.")
    runs = runs_of(axes, settings, reverse=options.reverse)
    weights = style_weights(options.weights, len(options.styles))
    folder = options.output
    painted = [name for run in runs for name in run.cells.values()]
    files = [folder / name for name in (*painted, "sheet.png", "losses.csv", "losses.png")]
    claim_in_folder(folder, files, [options.content, *options.styles])
    content = read(options.content, max(0, options.size)).pixels
    brush_size = max(run.settings.brush_size for run in runs)
    styles = load_styles(options, weights, content.shape[:2], brush_size)
    names = [shown(path.stem) for path in (options.content, *options.styles)]
    if options.reverse:
        if len(styles) != 1:
            raise StyleError("bad-arguments", "--reverse exchanges one content and one style.", "Name a single style.")
        content = read(options.styles[0], max(0, options.size)).pixels
        styles, names = [Style(read(options.content).pixels)], names[::-1]
    make_folder(folder)
    writing.check(folder / "sheet.png", content.shape[:2], content.shape[2])
    work = Sweep(folder, content, styles, runs)
    with Interrupts() as interrupts:  # to the end: what is written is told as well
        with Several(len(runs), quiet=options.json) as progress:
            for run, fraction in work.paint(local_engine, lambda: interrupts.count > 0):
                progress.show(run.name or "the run", fraction)
            if interrupts.count:
                progress.close()
                done = progress.done
                tell(
                    f"Interrupted after {done} of {counted(len(runs), 'run')}; their pictures are in {folder.resolve()}.\n"
                    "The same command goes on with the rest."
                )
                return interrupts.exit_status
        write_losses(folder / "losses.csv", axes, runs)
        title = f"{names[0]} painted like {', '.join(names[1:])}" + (" (reversed)" if options.reverse else "")
        originals = [(names[0], content), *((name, style.picture) for name, style in zip(names[1:], styles, strict=True))]
        sheet = contact_sheet([originals, *grid(axes, runs, folder)], title)
        writing.write_image(folder / "sheet.png", sheet)
        drawn = _curves(folder / "losses.png", axes, runs)
        if options.json:
            cells = [
                {
                    "picture": (folder / name).resolve(),
                    "steps": count or None,
                    **run.values,
                    "content": loss.content,
                    "style": loss.style,
                    "total": loss.total,
                }
                for run in runs
                for count, name in run.cells.items()
                if (loss := cell_losses(run, count)) is not None
            ]
            write_json({"sheet": (folder / "sheet.png").resolve(), "cells": cells})
        else:
            say(f"{folder.resolve() / 'sheet.png'}  ({counted(sum(len(run.cells) for run in runs), 'picture')})")
            say(f"{folder.resolve() / 'losses.csv'}")
            say(
                f"{folder.resolve() / 'losses.png'}"
                if drawn
                else "The curves of losses.csv were not drawn: that needs matplotlib (pip install matplotlib)."
            )
    return 0


def _curves(path: Path, axes: list[Any], runs: list[Run]) -> bool:
    try:
        draw_curves(path, axes, runs)
    except ImportError:
        return False
    return True


def compare(options: argparse.Namespace) -> int:
    """Score pictures with the objective and show them side by side; returns the exit status."""
    from stylecore.experiments.scores import Judge

    settings = chosen_settings(options)
    if options.output is not None:
        Outputs([options.content, options.style, *options.pictures]).claim(options.output)
        rows_of_sheet = 1 + math.ceil(len(options.pictures) / _SHEET_COLUMNS)
        writing.check(options.output, (rows_of_sheet * CELL, _SHEET_COLUMNS * CELL), 3)
    content = read(options.content).pixels
    style = read(options.style).pixels
    judge = Judge(local_engine(), PaintRequest(content, [Style(style)], settings))
    scored = []
    for path in options.pictures:
        pixels = read(path).pixels
        try:
            scored.append((path, pixels, judge.score(pixels)))
        except StyleError as error:
            raise StyleError(error.code, f"{path}: {error.sentence}", error.remedy) from None
    with Interrupts():  # to the end: what is written is told as well
        _tell_scores(options, content, style, scored)
    return 0


def _tell_scores(
    options: argparse.Namespace,
    content: pictures.Pixels,
    style: pictures.Pixels,
    scored: list[tuple[Path, pictures.Pixels, Score]],
) -> None:
    if options.output is not None:
        names = [f"{shown(path.stem)}: content {score.content:.4g}, style {score.style:.4g}" for path, _, score in scored]
        row = [(name, pixels) for name, (_, pixels, _) in zip(names, scored, strict=True)]
        rows = [row[begin : begin + _SHEET_COLUMNS] for begin in range(0, len(row), _SHEET_COLUMNS)]
        originals = [(shown(options.content.stem), content), (shown(options.style.stem), style)]
        writing.write_image(options.output, contact_sheet([originals, *rows]))
    if options.json:
        write_json(
            [
                {
                    "picture": path.resolve(),
                    "total": score.total,
                    "content": score.content,
                    "style": score.style,
                    "layers": score.layers,
                }
                for path, _, score in scored
            ]
        )
        return
    widest = max(7, *(len(shown(str(path))) for path, _, _ in scored))
    layers = list(scored[0][2].layers)
    say(f"{'picture':{widest}}  {'total':>11}  {'content':>11}  {'style':>11}  " + "  ".join(f"{n:>11}" for n in layers))
    for path, _, score in scored:
        losses = [score.total, score.content, score.style, *score.layers.values()]
        say(f"{shown(str(path)):{widest}}  " + "  ".join(f"{loss:11.4g}" for loss in losses))
    say("Less is closer; content and style are before their weights.")
    if options.output is not None:
        say(str(options.output.resolve()))


def reconstruct(options: argparse.Namespace) -> int:
    """Show what the layers know of a picture, as figure 1 of the paper does; returns the exit status."""
    from stylecore.experiments import reconstruction

    folder = options.output
    jobs: list[tuple[int, str, Callable[..., tuple[pictures.Pixels, float]], str | int]] = []
    for number, layer in enumerate(reconstruction.LAYERS, 1):
        last = layer if number == 1 else f"{reconstruction.LAYERS[0]} to {layer}"
        jobs.append((1, f"content {layer}", reconstruction.content_of, layer))
        jobs.append((2, f"style {last}", reconstruction.style_of, number))
    files = {name: folder / (name.replace(" ", "_") + ".png") for _, name, _, _ in jobs}
    claim_in_folder(folder, [*files.values(), folder / "sheet.png"], [options.picture])
    picture = read(options.picture, max(0, options.size)).pixels[..., :3]
    make_folder(folder)
    writing.check(folder / "sheet.png", picture.shape[:2], 3)
    rows: list[list[_Cell]] = [[(shown(options.picture.stem), picture)], [], []]
    engine = local_engine()
    with Interrupts() as interrupts:
        with Several(len(jobs), quiet=options.json) as progress:
            for row, name, work, what in sorted(jobs, key=lambda job: job[1]):

                def told(fraction: float, name: str = name) -> bool:
                    progress.show(name, fraction)
                    return interrupts.count == 0

                result, _ = work(engine, picture, what, steps=options.steps, seed=options.seed, progress=told)
                if interrupts.count:
                    progress.close()
                    tell(f"Interrupted after {progress.done} of {len(jobs)} pictures, which are in {folder.resolve()}.")
                    return interrupts.exit_status
                progress.show(name, None)
                writing.save(files[name], result)
                rows[row].append((name, result))
        writing.write_image(folder / "sheet.png", contact_sheet(rows))
        if options.json:
            write_json({"sheet": (folder / "sheet.png").resolve()})
        else:
            say(f"{folder.resolve() / 'sheet.png'}  ({counted(len(jobs), 'picture')})")
    return 0
