"""Which of an OpenEXR file's channels are the picture: of several parts, layers and views, one is painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: What renderers call the layer in which all others are put together.
_WHOLE = frozenset({"combined", "beauty", "rgba", "rgb", "default", "main", "composite", "color", "colour"})
_COLOURS = {
    "R": "R", "RED": "R", "G": "G", "GREEN": "G", "B": "B", "BLUE": "B", "A": "A", "ALPHA": "A",
    "Y": "Y", "RY": "RY", "BY": "BY",
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A part of a file: its name (empty in a file of one), the names of its channels, and whether it is deep."""

    name: str
    channels: tuple[str, ...]
    deep: bool = False


@dataclass(frozen=True)
class Layer:
    """The channels of one picture.

    ``part`` is its place in the file. ``colour`` names R, G and B, or Y (grey), or Y, RY and BY (luminance and chroma);
    ``alpha`` names the channel of transparency, if there is one. ``name`` is the layer's, or the part's, or empty.
    """

    part: int
    name: str
    colour: tuple[str, ...]
    alpha: str | None


def choose(parts: Sequence[Part]) -> tuple[Layer | None, int]:
    """Return the layer that is painted, and how many there are of colour (of grey, if none is of colour).

    Colour comes before grey. Of several it is the one without a name, the first that is called like a whole picture
    (Blender's ``Combined``), or else the first.
    """
    found = [(layer, _rank(layer, parts)) for number, part in enumerate(parts) for layer in _layers(number, part)]
    if not found:
        only = [
            Layer(number, part.name, (channel,), None) for number, part in enumerate(parts) for channel in part.channels
        ]
        return (only[0], 1) if len(only) == 1 else (None, 0)  # a mask or depths, whatever they are called
    best, rank = min(found, key=lambda each: each[1])
    return best, sum(each[0] == rank[0] for _, each in found)


def _layers(number: int, part: Part) -> list[Layer]:
    groups: dict[str, dict[str, str]] = {}
    for channel in part.channels:
        prefix, _, last = channel.rpartition(".")
        groups.setdefault(prefix, {}).setdefault(_COLOURS.get(last.upper(), last), channel)
    layers = []
    for prefix, group in groups.items():
        colour: tuple[str, ...]
        if {"R", "G", "B"} <= group.keys():
            colour = ("R", "G", "B")
        elif {"Y", "RY", "BY"} <= group.keys():
            colour = ("Y", "RY", "BY")
        elif "Y" in group and not {"X", "Z"} & group.keys():  # beside these it is a direction or a place
            colour = ("Y",)
        else:
            continue
        layers.append(Layer(number, prefix or part.name, tuple(group[name] for name in colour), group.get("A")))
    return layers


def _rank(layer: Layer, parts: Sequence[Part]) -> tuple[bool, int]:
    words = set(layer.name.lower().split("."))
    plain = all("." not in channel for channel in layer.colour)
    is_whole = bool(words & _WHOLE) or (plain and len(parts) == 1)
    return len(layer.colour) == 1, 0 if is_whole else 1 if plain else 2
