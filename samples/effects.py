#!/usr/bin/env python3
"""Make the pictures of docs/settings.md: one photo, one style, and one setting at several values, side by side.

    python3 -m samples.effects [--size PX] [NAME …]

Needs the installed program's Python. docs/settings.md shows the commands as they are here.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from samples.guides import REPOSITORY, sheet
from server.cli.main import main as neural_style
from stylecore.files import pictures, writing


@dataclass(frozen=True)
class Effect:
    """A photo and a style of the samples, a flag, the values to show, and what else stands in the command."""

    photo: str
    style: str
    flag: str
    values: tuple[str, ...]
    rest: tuple[str, ...] = ()


EFFECTS = {
    "strength": Effect("harbour.jpg", "starlit-oil.jpg", "--strength", ("25", "50", "75", "100")),
    "brush-size": Effect("still-life.jpg", "river-points.jpg", "--brush-size", ("50", "100", "200")),
    "colours": Effect("still-life.jpg", "wave-woodblock.jpg", "--colours", ("style", "photo", "match")),
    "figures": Effect("still-life.jpg", "sunflowers-oil.jpg", "--figures", ("none", "few", "all")),
    "quality": Effect("harbour.jpg", "sunflowers-oil.jpg", "--quality", ("draft", "normal", "best")),
}


def paint(name: str, size: int) -> Image.Image:
    """Return the row of the effect ``name``: the photo, then the result at each value, ``size`` pixels at most."""
    effect = EFFECTS[name]
    samples = REPOSITORY / "samples"
    with tempfile.TemporaryDirectory() as temporary:
        shown = [Path(temporary) / "original.png"]
        writing.save(shown[0], pictures.load(samples / "content" / effect.photo, size).pixels)
        for value in effect.values:
            shown.append(Path(temporary) / f"{value}.png")
            if neural_style(
                [
                    "style",
                    str(shown[0]),
                    str(samples / "styles" / effect.style),
                    effect.flag,
                    value,
                    *effect.rest,
                    "-o",
                    str(shown[-1]),
                    "--local",
                ]
            ):
                raise SystemExit(f"{name} {value} could not be painted.")
        return sheet(shown)


def main() -> None:
    """Paint the effects that are named, or all, and keep each as docs/pictures/effect-NAME.jpg."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *EFFECTS], default=[], metavar="NAME")
    parser.add_argument("--size", type=int, default=320, help="the photos' longer side")
    options = parser.parse_args()
    for name in options.names or EFFECTS:
        paint(name, options.size).save(REPOSITORY / "docs" / "pictures" / f"effect-{name}.jpg", quality=88)


if __name__ == "__main__":
    main()
