"""The masks of ``neural-style style``: where, with which style, and how strongly."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from server.cli.files.notes import read
from stylecore.errors import StyleError
from stylecore.files import pictures
from stylecore.request import PaintRequest


def with_masks(options: argparse.Namespace, request: PaintRequest[pictures.Pixels]) -> PaintRequest[pictures.Pixels]:
    """Return the request with the masks that the flags name, brought to the photo's size.

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
    height, width = request.content.shape[:2]

    def load(path: Any) -> pictures.Map | None:
        return None if path is None else pictures.as_map(read(path), path, (height, width))

    where = [load(path) for path in [*given, *[None] * (styles - len(given))]]
    return replace(
        request,
        mask=load(options.guide),
        strength_map=load(options.strength_map),
        styles=[replace(style, paints_where=area) for style, area in zip(request.styles, where, strict=True)],
    )
