"""What a client submits: a request for a painting as a message, and back (standard library only)."""

from __future__ import annotations

from collections.abc import Sequence

from server.protocol import Message, Picture, submitted
from stylecore.request import PaintRequest, Style


def to_message(
    job: str,
    request: PaintRequest[Picture],
    *,
    until: str = "full",
    previews: bool = True,
    preview_every: float = 1.0,
    keep_every: int = 0,
) -> Message:
    """Return the message that asks for a painting; see :meth:`server.client.client.Client.submit`."""
    where = [style.paints_where for style in request.styles]
    fields = {
        "job": job,
        "weights": [float(style.weight) for style in request.styles],
        "guided": request.mask is not None,
        "start": "none" if request.start is None else "around" if request.anew else "continue",
        "style_guides": [] if all(each is None for each in where) else [each is not None for each in where],
        "strength_map": request.strength_map is not None,
        "settings": request.settings,
        "until": until,
        "previews": previews,
        "preview_every": preview_every,
        "keep_every": keep_every,
    }
    by_role: dict[str, Sequence[Picture | None]] = {
        "content": [request.content],
        "style": [style.picture for style in request.styles],
        "mask": [request.mask],
        "start": [request.start],
        "style mask": where,
        "strength map": [request.strength_map],
    }
    left = {role: iter([picture for picture in pictures if picture is not None]) for role, pictures in by_role.items()}
    return Message("submit", fields, [next(left[role]) for role in submitted(fields)])


def to_request(message: Message) -> PaintRequest[Picture]:
    """Return what a ``submit`` message, which has been checked, asks for."""
    fields = message.fields
    by_role: dict[str, list[Picture]] = {}
    for role, picture in zip(submitted(fields), message.pictures, strict=True):
        by_role.setdefault(role, []).append(picture)

    def one(role: str) -> Picture | None:
        return by_role.get(role, [None])[0]

    masks = iter(by_role.get("style mask", []))
    where = [next(masks) if has else None for has in fields["style_guides"]] or [None] * len(by_role["style"])
    return PaintRequest(
        by_role["content"][0],
        [Style(*each) for each in zip(by_role["style"], fields["weights"], where, strict=True)],
        fields["settings"],
        mask=one("mask"),
        strength_map=one("strength map"),
        start=one("start"),
        anew=fields["start"] == "around",
    )
