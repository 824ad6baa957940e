"""What ``neural-style style`` says before it paints, where something else may have been meant."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from server.cli_output import listed
from stylecore.files import writing


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
