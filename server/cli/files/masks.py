"""The masks of ``neural-style style``: where, with which style, and how strongly."""

from __future__ import annotations

import argparse
from typing import Any

from server.cli.files.notes import read
from server.engine.pixels import to_picture
from server.protocol import Picture
from stylecore.errors import StyleError
from stylecore.files import pictures
from stylecore.request import Extras


def sent(extras: Extras) -> dict[str, Any]:
    """Return the maps as keywords of the client's ``submit``."""
    guides = [_sent(each) for each in extras.style_guides]
    return {
        "guide": _sent(extras.guide),
        "strength_map": _sent(extras.strength_map),
        "style_guides": guides if any(each is not None for each in guides) else (),
    }


def load_extras(options: argparse.Namespace, photo: pictures.Pixels, start: pictures.Pixels | None) -> Extras:
    """Read the masks that the flags name, brought to the photo's size.

    Raises:
        StyleError: ``bad-guide`` for too many or one of another shape, and what reading a picture raises.
    """
    styles, given = len(options.styles), options.style_guide
    if len(given) > styles:
        raise StyleError(
            "bad-guide",
            f"There are {len(given)} style guides for {styles} style{'s' if styles != 1 else ''}.",
            "Give at most one for each style.",
        )
    height, width = photo.shape[:2]

    def load(path: Any) -> pictures.Map | None:
        return None if path is None else pictures.as_map(read(path), path, (height, width))

    return Extras(
        load(options.guide),
        [load(path) for path in [*given, *[None] * (styles - len(given))]],
        load(options.strength_map),
        start,
    )


def _sent(values: pictures.Map | None) -> Picture | None:
    return None if values is None else to_picture(values[..., None], "u16")
