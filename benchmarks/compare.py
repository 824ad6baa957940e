"""Paint the same pictures with this project and with the ``pastiche`` package, and let a third party judge.

    python benchmarks/compare.py --size 256 --pair CONTENT STYLE [--pair …] [--iterations 1000] [--output FOLDER]

Both use the same weights, average pooling and the same objective (Gram matrices, at pastiche's own weights 0.01:10 and at
neural-style's 5:100). They take turns in short spans, so that both see the same machine; a checkpoint's time is its number
of steps times the median step of that program at that size, so that other work on the machine does not count. Every
checkpoint is saved as an 8-bit PNG, and what counts is the loss of that file, computed by pastiche's network in float32.
Peak memory is that of a process of its own, a few steps long.

Writes ``results.json``, ``table.md`` and ``sheet.jpg``. Without ``--pair`` it uses the project's own samples.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from pastiche.pastiche import PasticheArtist, save_image
from PIL import Image, ImageDraw, ImageOps

from stylecore.device.engine import Engine
from stylecore.events import StepDone
from stylecore.painting.job import Job
from stylecore.painting.planning.plan import final_steps
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

SAMPLES = Path(__file__).parent.parent / "samples"
OBJECTIVES = {"5:100": (5.0, 100.0), "0.01:10": (0.01, 10.0)}
OURS_AT = (1, 2, 3, 5, 8, 12, 16, 20, 25, 30, *range(40, 201, 10), 250)
THEIRS_AT = (10, 20, 50, 100, 200, 350, 500, 700, 1000, 1500, 2000)
SPAN_SECONDS = 10.0
#: The number that stands for the full size among the scales.
FULL = 0


@dataclass
class Checkpoint:
    """A saved picture: after how many seconds of painting and steps at full size, and the judge's loss."""

    seconds: float
    steps: int
    file: str
    loss: float = 0.0


class Painter:
    """One program at work; :meth:`advance` lets it paint for a span of time."""

    def __init__(self, name: str, folder: Path, marks: tuple[int, ...]) -> None:
        self.name = name
        self.checkpoints: list[Checkpoint] = []
        self.step_seconds: dict[int, list[float]] = {}
        self.done = False
        self._folder = folder
        self._marks = set(marks)
        self._steps = self._work()

    def advance(self, span: float) -> None:
        """Paint for about ``span`` seconds; saving is not counted."""
        spent = 0.0
        while spent < span and not self.done:
            begin = time.perf_counter()
            told = next(self._steps, None)
            seconds = time.perf_counter() - begin
            spent += seconds
            if told is None:
                self.done = True
                return
            scale, step = told
            if step:
                self.step_seconds.setdefault(scale, []).append(seconds)
            if scale == FULL and step in self._marks:
                path = self._folder / f"{self.name}_{step:04d}.png"
                self.save(path)
                self.checkpoints.append(Checkpoint(0.0, step, path.name))

    def time_checkpoints(self) -> None:
        """Give each checkpoint its time: steps times the median step, scale by scale."""
        before = sum(len(spent) * statistics.median(spent) for scale, spent in self.step_seconds.items() if scale != FULL)
        for checkpoint in self.checkpoints:
            checkpoint.seconds = round(before + checkpoint.steps * self.step, 2)

    @property
    def step(self) -> float:
        """The median seconds of a step at full size."""
        return statistics.median(self.step_seconds[FULL])

    def _work(self) -> Iterator[tuple[int, int]]:
        """Paint; yields after each step its scale (:data:`FULL` for the last) and its number there (0: preparations)."""
        raise NotImplementedError

    def save(self, path: Path) -> None:
        """Write the picture as it is now."""
        raise NotImplementedError


class Ours(Painter):
    """This project, through the same calls as its own server."""

    def __init__(
        self,
        folder: Path,
        engine: Engine,
        content: Path,
        style: Path,
        weights: tuple[float, float],
        marks: tuple[int, ...] | None = None,
    ) -> None:
        settings = Settings(objective="gram", content_weight=weights[0], style_weight=weights[1])
        #: Steps of the *normal* preset at full size under this objective.
        self.normal = final_steps(settings, "cpu")
        settings = replace(settings, iterations=OURS_AT[-1])
        self._job = Job(engine, PaintRequest(_pixels(content), [Style(_pixels(style))], settings))
        super().__init__("ours", folder, (*OURS_AT, self.normal) if marks is None else marks)

    def _work(self) -> Iterator[tuple[int, int]]:
        for event in self._job.run():
            if isinstance(event, StepDone):
                yield (FULL if event.scale == event.scales else event.scale), event.step
            else:
                yield FULL, 0

    def save(self, path: Path) -> None:
        """Write the picture as it is now."""
        Image.fromarray((self._job.image() * 255).round().astype(np.uint8)).save(path)


class Theirs(Painter):
    """The pastiche package, L-BFGS from the content picture, its own loop."""

    def __init__(
        self,
        folder: Path,
        content: Path,
        style: Path,
        weights: tuple[float, float],
        steps: int,
        pixels: int,
        marks: tuple[int, ...] = THEIRS_AT,
    ) -> None:
        self._artist = artist(content, style, weights, pixels)
        self._count = steps
        super().__init__("pastiche", folder, marks)

    def _work(self) -> Iterator[tuple[int, int]]:
        for step in range(1, self._count + 1):
            self._artist.draw()
            yield FULL, step

    def save(self, path: Path) -> None:
        """Write the picture as it is now."""
        save_image(self._artist.pastiche.detach().clone(), str(path))


def artist(content: Path, style: Path, weights: tuple[float, float], pixels: int) -> PasticheArtist:
    """Return pastiche with the objective's weights; pastiche divides a layer's weight by C² only when it chooses it."""
    channels = (64, 128, 256, 512, 512)
    return PasticheArtist(
        str(content),
        [str(style)],
        pooling="avg",
        device="cpu",
        size_pixels=pixels,
        content_layers=["block4_relu2"],
        content_layer_weights=[weights[0]],
        style_layers=[f"block{i}_relu1" for i in range(1, 6)],
        style_layer_weights=[weights[1] / count**2 for count in channels],
    )


def _pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), np.float32) / np.float32(255)


def run_pair(
    engine: Engine, content: Path, style: Path, size: int, name: str, steps: int, output: Path
) -> dict[str, object]:
    """Paint one pair under one objective with both programs and return what was measured."""
    weights = OBJECTIVES[name]
    folder = output / f"{content.stem}_{style.stem}_{size}_{name.replace(':', '-')}"
    folder.mkdir(parents=True, exist_ok=True)
    inputs = []
    for path in (content, style):
        inputs.append(folder / f"input_{path.stem}.png")
        ImageOps.fit(Image.open(path).convert("RGB"), (size, size), Image.Resampling.LANCZOS).save(inputs[-1])
    # What must be loaded once a process (the network) is not painting, for either.
    theirs = Theirs(folder, *inputs, weights, steps, size * size)
    ours = Ours(folder, engine, *inputs, weights)
    painters: list[Painter] = [theirs, ours]
    while not all(painter.done for painter in painters):
        for painter in painters:
            painter.advance(SPAN_SECONDS)
    for painter in painters:
        painter.time_checkpoints()
    judge = artist(*inputs, weights, size * size)
    for painter in painters:
        for checkpoint in painter.checkpoints:
            image = torch.from_numpy(_pixels(folder / checkpoint.file)).permute(2, 0, 1)[None] * 255
            mean = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
            judge.pastiche = image[:, [2, 1, 0]] - mean
            with torch.no_grad():
                checkpoint.loss = judge._calc_loss().item()
    best = min(theirs.checkpoints, key=lambda c: c.loss)
    last = theirs.checkpoints[-1]
    ours_normal = next(c for c in ours.checkpoints if c.steps == ours.normal)
    return {
        "content": content.stem, "style": style.stem, "size": size, "objective": name,
        "their_last": asdict(last), "their_best": asdict(best), "our_normal": asdict(ours_normal),
        "time_ratio_to_their_last": _ratio(ours, last), "time_ratio_to_their_best": _ratio(ours, best),
        "seconds_per_step": {p.name: round(p.step, 4) for p in painters},
        "peak_megabytes": {p.name: peak_megabytes(p.name, inputs, size) for p in painters},
        "checkpoints": {p.name: [asdict(c) for c in p.checkpoints] for p in painters},
        "folder": folder.name,
    }  # fmt: skip


def peak_megabytes(name: str, inputs: list[Path], size: int) -> int:
    """Return the peak memory of a process that paints a few steps with one of the programs."""
    command = [sys.executable, __file__, "--peak", name, "--size", str(size), "--pair", *map(str, inputs)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def print_peak(name: str, content: Path, style: Path, size: int) -> None:
    """Paint eight steps at full size and print this process's peak memory in MB (Linux)."""
    weights = OBJECTIVES["5:100"]
    painter: Painter
    if name == "ours":
        painter = Ours(content.parent, Engine("cpu"), content, style, weights, marks=())
    else:
        painter = Theirs(content.parent, content, style, weights, 8, size * size, marks=())
    while not painter.done and len(painter.step_seconds.get(FULL, [])) < 8:
        painter.advance(1e-9)  # one step at a time
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    print(round(int(found.group(1)) / 1024) if found else 0)


def _ratio(ours: Painter, goal: Checkpoint) -> float | None:
    """Return how many times sooner we had a picture as good as ``goal``; ``None`` if we never had."""
    reached = [c.seconds for c in ours.checkpoints if c.loss <= goal.loss]
    return round(goal.seconds / reached[0], 1) if reached else None


def table(results: list[dict], engine: Engine) -> str:
    """Return the results as Markdown."""
    lines = [
        f"Machine: {engine.device_name}, {platform.system()}, torch {torch.__version__}, arithmetic {engine.arithmetic()}.",
        "",
        "| pair | px | objective | pastiche: loss (steps, s) | best of pastiche | ours, *normal*: loss (s) | "
        "times sooner at pastiche's last loss | at its best | s a step: pastiche / ours | peak MB: pastiche / ours |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        last, best, normal, step = r["their_last"], r["their_best"], r["our_normal"], r["seconds_per_step"]
        peak = r["peak_megabytes"]
        lines.append(
            f"| {r['content']}, {r['style']} | {r['size']} | {r['objective']} "
            f"| {last['loss']:.4g} ({last['steps']}, {last['seconds']:.0f}) | {best['loss']:.4g} ({best['steps']}) "
            f"| {normal['loss']:.4g} ({normal['seconds']:.1f}) | {r['time_ratio_to_their_last'] or 'not reached'} "
            f"| {r['time_ratio_to_their_best'] or 'not reached'} | {step['pastiche']:.3f} / {step['ours']:.3f} "
            f"| {peak['pastiche']:,} / {peak['ours']:,} |"
        )
    last, best = ([r[f"time_ratio_to_their_{goal}"] or 0.0 for r in results] for goal in ("last", "best"))
    steps = [r["seconds_per_step"]["pastiche"] / r["seconds_per_step"]["ours"] for r in results]
    lines += [
        "",
        f"Median: {statistics.median(last):.1f} times sooner at pastiche's last loss, {statistics.median(best):.1f} times "
        f"at its best (a loss not reached counts as 0); per step {min(steps):.2f} to {max(steps):.2f} times as fast.",
    ]
    return "\n".join(lines) + "\n"


def sheet(results: list[dict], output: Path) -> None:
    """Write a contact sheet: content, style, pastiche's last, our *normal*."""
    cell = 256
    # Other people's pictures stay where they are.
    own = {path.stem for path in SAMPLES.glob("*/*.jpg")}
    results = [r for r in results if {r["content"], r["style"]} <= own]
    if not results:
        return
    picture = Image.new("RGB", (4 * cell, len(results) * (cell + 18)), "white")
    draw = ImageDraw.Draw(picture)
    for row, r in enumerate(results):
        folder = output / str(r["folder"])
        files = [
            (f"input_{r['content']}.png", r["content"]),
            (f"input_{r['style']}.png", r["style"]),
            (r["their_last"]["file"], f"pastiche, {r['their_last']['seconds']:.0f} s"),
            (r["our_normal"]["file"], f"ours, {r['our_normal']['seconds']:.0f} s"),
        ]
        for column, (name, words) in enumerate(files):
            tile = Image.open(folder / name).convert("RGB").resize((cell, cell), Image.Resampling.LANCZOS)
            picture.paste(tile, (column * cell, row * (cell + 18)))
            draw.text((column * cell + 4, row * (cell + 18) + cell + 2), f"{words}  ({r['objective']})", fill="black")
    picture.save(output / "sheet.jpg", quality=90)


def main() -> None:
    """Run the comparison that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pair", nargs=2, type=Path, action="append", metavar=("CONTENT", "STYLE"))
    parser.add_argument("--size", type=int, action="append")
    parser.add_argument("--objective", choices=OBJECTIVES, action="append")
    parser.add_argument("--iterations", type=int, default=1000, help="steps of pastiche")
    parser.add_argument("--threads", type=int, help="CPU threads of both (default: all)")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output" / "compare")
    parser.add_argument("--peak", choices=["ours", "pastiche"], help="only print the peak memory (MB) of painting --pair")
    options = parser.parse_args()
    if options.peak:
        print_peak(options.peak, *options.pair[0], options.size[0])
        return
    contents, styles = sorted(SAMPLES.glob("content/*.jpg")), sorted(SAMPLES.glob("styles/*.jpg"))
    pairs = options.pair or [(contents[i % len(contents)], styles[i * len(styles) // 4]) for i in range(4)]
    engine = Engine("cpu", threads=options.threads)
    engine.network(Settings(), engine.arithmetic())  # so that no picture's time holds it
    results: list[dict] = []
    for content, style in pairs:
        for size in options.size or [256]:
            for name in options.objective or OBJECTIVES:
                results.append(run_pair(engine, content, style, size, name, options.iterations, options.output))
                (options.output / "results.json").write_text(json.dumps(results, indent=1))
                (options.output / "table.md").write_text(table(results, engine))
                sheet(results, options.output)
                print(table(results[-1:], engine), flush=True)


if __name__ == "__main__":
    main()
