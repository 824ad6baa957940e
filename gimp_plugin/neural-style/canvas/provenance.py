"""What a result knows of how it was made, kept on its layer so that it can be painted again.

It is an ASCII JSON parasite, persistent and undoable: it survives XCF files, duplicates, and moving to another image.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import gi

gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf, Gimp, GLib

from canvas import pixels
from server.protocol import Picture
from stylecore.settings import Settings

#: Name of the parasite on a result, and of the one that tells images apart.
PARASITE = "neural-style"
IMAGE_PARASITE = "neural-style-image"
_PERSISTENT_AND_UNDOABLE = 1 | 2
_VERSION = 2

#: Sides of the small pictures kept: a style good enough to paint with, and a result good enough to see strokes on.
_COPY_SIDE, LOOK_SIDE = 512, 256

Area = tuple[int, int, int, int]


@dataclass(frozen=True)
class KnownStyle:
    """A style as it was: a file's ``path``, or the ``tattoo`` of a layer of the image; ``copy`` is a small JPEG, base64."""

    name: str
    sha256: str
    weight: float = 1.0
    path: str = ""
    tattoo: int = 0
    copy: str = field(default="", repr=False)


@dataclass(frozen=True)
class KnownSource:
    """The layer that was painted: the part ``area`` (x, y, width, height) of its ``size``, and those pixels' digest."""

    name: str
    tattoo: int
    size: tuple[int, int]
    area: Area
    sha256: str


@dataclass(frozen=True)
class KnownMask:
    """The channel or layer mask that the strength went by: its name, its number in the image, and its values' digest."""

    name: str
    tattoo: int
    sha256: str


@dataclass(frozen=True)
class Memory:
    """All that a result knows. ``delivered`` and ``look`` tell what it was like when it was finished."""

    settings: dict[str, Any]
    styles: tuple[KnownStyle, ...]
    source: KnownSource
    program: str = ""
    stopped: bool = False
    delivered: str = ""
    look: str = field(default="", repr=False)
    tattoo: int = 0  # the result's own: a copy has another
    image: str = ""  # which image it was made in
    mask: KnownMask | None = None  # for the strength


def digest(picture: Picture) -> str:
    """Return what tells a picture's pixels from any other's."""
    head = f"{picture.width} {picture.height} {picture.channels} {picture.kind} ".encode()
    return hashlib.sha256(head + bytes(picture.data)).hexdigest()


def small_copy(picture: Picture, side: int = _COPY_SIDE) -> str:
    """Return the picture as a JPEG that fits into ``side`` × ``side``, in base64; transparency is left out.

    Empty if GTK cannot write one (in a sandbox it has a program of its own do it): the result is painted by then, and
    is worth more than a keepsake of its style.
    """
    pixbuf = pixels.to_pixbuf(picture)
    if max(pixbuf.get_width(), pixbuf.get_height()) > side:
        pixbuf = pixels.fitted(pixbuf, side, side)
    try:
        return base64.b64encode(pixels.encoded(pixbuf)).decode("ascii")
    except GLib.Error:
        return ""


def picture_of(copy: str) -> GdkPixbuf.Pixbuf:
    """Return a small copy as a picture again.

    Raises:
        GLib.Error, ValueError: it is damaged.
    """
    return pixels.decoded(base64.b64decode(copy, validate=True))


def of(layer: Gimp.Item) -> Memory | None:
    """Return what the layer knows, None if it is no result (or what it knew cannot be understood)."""
    parasite = layer.get_parasite(PARASITE)
    return None if parasite is None else parse(bytes(parasite.get_data()))


def parse(data: bytes) -> Memory | None:
    """Return a memory stored by any version of the program; None if it is none."""
    try:
        stored = json.loads(data.decode("ascii").rstrip("\0"))
        source = stored["source"]
        listed = stored["styles"] if "styles" in stored else [stored["style"]]  # one style, in version 1
        area = _numbers(source["area"], 4)
        known = KnownSource(
            str(source["name"]),
            int(source["tattoo"]),
            _numbers(source.get("size", (area[0] + area[2], area[1] + area[3])), 2),
            area,
            str(source.get("sha256", "")),
        )
        return Memory(
            asdict(Settings.from_stored(stored["settings"])),
            tuple(_style(each) for each in listed),
            known,
            str(stored.get("program", "")),
            bool(stored.get("stopped", False)),
            str(stored.get("delivered", "")),
            str(stored.get("look", "")),
            int(stored.get("tattoo", 0)),
            str(stored.get("image", "")),
            _mask(stored.get("mask")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _numbers(values: Sequence[Any], count: int) -> Any:
    numbers = tuple(int(value) for value in values)
    if len(numbers) != count:
        raise ValueError(f"{len(numbers)} numbers where {count} are needed")
    return numbers


def _mask(stored: Mapping[str, Any] | None) -> KnownMask | None:
    return None if not stored else KnownMask(str(stored["name"]), int(stored["tattoo"]), str(stored["sha256"]))


def _style(stored: Mapping[str, Any]) -> KnownStyle:
    return KnownStyle(
        str(stored["name"]),
        str(stored["sha256"]),
        float(stored.get("weight", 1.0)),
        str(stored.get("path", "")),
        int(stored.get("tattoo", 0)),
        str(stored.get("copy", "")),
    )


def keep(layer: Gimp.Layer, memory: Memory, delivered: Picture | None, look: str = "") -> None:
    """Attach the memory to a layer that is in its image.

    ``delivered`` is the layer as it was finished; None leaves what is known of that, after only a part was painted. A
    ``look`` is what strokes are seen on in its place, if there are any on it.
    """
    image = layer.get_image()
    memory = replace(memory, tattoo=layer.get_tattoo(), image=_name_of(image))
    if delivered is not None:
        memory = replace(memory, delivered=digest(delivered), look=small_copy(delivered, LOOK_SIDE))
    if look:
        memory = replace(memory, delivered=f"{memory.delivered} with strokes", look=look)
    stored = {"version": _VERSION, **asdict(memory), "settings": Settings.from_stored(memory.settings).to_stored()}
    layer.attach_parasite(Gimp.Parasite.new(PARASITE, _PERSISTENT_AND_UNDOABLE, json.dumps(stored).encode("ascii")))


def image_name(image: Gimp.Image) -> str:
    """Return what tells the image from others, empty if it has no result yet; a duplicate has the same."""
    parasite = image.get_parasite(IMAGE_PARASITE)
    return "" if parasite is None else bytes(parasite.get_data()).decode("ascii", "replace").rstrip("\0")


def _name_of(image: Gimp.Image) -> str:
    name = image_name(image)
    if not name:
        import uuid

        name = uuid.uuid4().hex
        image.attach_parasite(Gimp.Parasite.new(IMAGE_PARASITE, _PERSISTENT_AND_UNDOABLE, name.encode("ascii")))
    return name
