"""What the commands say before they paint: what was not taken of a file, and where something else may have been meant."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from server.cli.terminal.output import listed, tell
from stylecore.files import pictures, writing


def as_styles(content: Path, styles: Sequence[Path], output: Path) -> Iterator[str]:
    """Yield what is painted if a shell seems to have made one picture and many styles out of a pattern without quotes.

    It puts the names of a folder's files in order. Two of them by themselves are most likely meant as they stand, unless
    the result is to be a folder or the styles lie elsewhere.
    """
    photos = [content, *itertools.takewhile(lambda style: style.parent == content.parent, styles)]
    names = [photo.name.lower() for photo in photos]
    elsewhere = len(photos) <= len(styles) and len(photos) > 1
    to_folder = os.path.isdir(output) or not output.suffix
    if os.path.isfile(content) and names == sorted(names) and len(photos) > (1 if elsewhere or to_folder else 2):
        yield (
            f"Painting {content.name} in the mixed style of {listed([style.name for style in styles])}. "
            "To paint a folder's pictures, put the pattern in quotes or name the folder."
        )


def other_depths(depth: str, outputs: Iterable[Path]) -> Iterator[str]:
    """Yield a note for each format among ``outputs`` that has not the ``depth`` (``'auto'`` or bits) that was asked for."""
    forms = {form.kind: form for form in map(writing.format_of, outputs)} if depth != "auto" else {}
    for form in forms.values():
        if int(depth) not in form.depths:
            has = " or ".join(map(str, form.depths))
            used = f"; {writing.nearest_depth(form, int(depth))} are used" if len(form.depths) > 1 else ""
            yield f"{form.kind} has {has} bits in a channel: --depth {depth} is not used{used}."


def transparency(photo: pictures.Picture, output: Path) -> Iterator[str]:
    """Yield a note if the photo has transparent parts and the format of its result has none."""
    form = writing.format_of(output)
    if not form.alpha and photo.pixels.shape[2] == 4 and (photo.pixels[..., 3] < 1).any():
        yield f"{form.kind} has no transparency: what is transparent in the photo becomes white."


def read(path: Path, longest: int = 0, *, enough: int = 0, say: Callable[[str], None] = tell) -> pictures.Picture:
    """Read a picture and say what was not taken of its file, or was guessed; see :func:`stylecore.files.pictures.load`."""
    picture = pictures.load(path, longest, enough=enough)
    for note in picture.notes:
        say(note)
    return picture
